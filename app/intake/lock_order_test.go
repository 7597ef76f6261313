package intake_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// Rows of a purchase, in the order in which they are locked.
var purchased = []storetest.Row{{Table: "messages", ID: 1}, {Table: "instances", ID: 1}, {Table: "tasks", ID: 1}, {Table: "deliveries", ID: 1}}

// withDelivery is a desk with a purchase whose customer is still to be told.
func withDelivery(t *testing.T) *desk {
	t.Helper()
	d := open(t)
	d.buy("a")
	d.exec(`
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
VALUES (1, 1, 1, 'usage_info', 'email', 'en', '\x00', '', 'failed', 'r', 'u')`)
	return d
}

func TestATaskIsRestartedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	storetest.LocksInOrder(t, purchased, func(t *testing.T) (*store.Store, func() error) {
		d := withDelivery(t)
		d.exec(`UPDATE tasks SET status = 'failed', delivery_id = 1 WHERE id = 1`)
		return d.store, func() error {
			_, err := d.restartTask(1, staff.CLI())
			return err
		}
	})
}

func TestAReleaseEndsWorkInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := append(slices.Clone(purchased), storetest.Row{Table: "deliveries", ID: 2})
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := withDelivery(t)
		d.exec(`
WITH d AS (
    DELETE FROM deliveries RETURNING *
)
INSERT INTO deliveries (id, channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
OVERRIDING SYSTEM VALUE
SELECT n, channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, n::text, n::text
  FROM d, unnest(ARRAY[2, 1]) AS n`)
		a := d.arrived(map[string]string{"activity": "releaseInstance", "instanceId": "a"})
		return d.store, func() error {
			_, _, err := d.intake.Handle(t.Context(), a)
			return err
		}
	})
}

// The repeat of a renewal has its message, and goes on to the code.
func TestTheEndOfACodeEndsWorkInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "license_codes", ID: 1}, {Table: "tasks", ID: 1}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R1", "20301124023618"))
		require.Equal(t, "license_query pending 1", d.text(`SELECT concat_ws(' ', kind, status, message_id) FROM tasks`))
		a := d.arrived(map[string]string{"activity": market.ReleaseLicenseCode, "license": someCode})
		return d.store, func() error {
			_, _, err := d.intake.Handle(t.Context(), a)
			return err
		}
	})
}
