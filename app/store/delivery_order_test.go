package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// twoDeliveries are of one customer, each of an instance, a message and a task of
// another; the second of everything is written before the first.
func twoDeliveries(t *testing.T, change string) *store.Store {
	t.Helper()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	for _, statement := range []string{`
INSERT INTO instances (id, channel_id, instance_id, order_id, order_line_id, business_id, customer_id, status, expires_at, expiry_since)
OVERRIDING SYSTEM VALUE
SELECT n, 1, n::text, n::text, n::text, n::text, 'one', 'active', date_trunc('hour', now()) + interval '3 days', now() - interval '30 days' FROM unnest(ARRAY[2, 1]) AS n`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
VALUES (1, 'v2', 'refreshInstance', 'one', 'failed', now(), now())`, `
INSERT INTO deliveries (id, channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, days, about_expiry)
OVERRIDING SYSTEM VALUE
SELECT n, 1, 1, 'expiry_notice', 'email', 'en', '\x00', '', 'pending', n::text, n::text, 7 + n, date_trunc('hour', now()) + interval '3 days' FROM unnest(ARRAY[2, 1]) AS n`, `
INSERT INTO tasks (id, kind, purpose, unique_key, message_id, instance_pk, delivery_id, status)
OVERRIDING SYSTEM VALUE
SELECT n, 'notice', 'notice', n::text, 1, 1, 3 - n, 'pending' FROM unnest(ARRAY[2, 1]) AS n`, `
INSERT INTO events (id, channel_id, type, webhook_id, unique_key, to_product, target, task_id, payload_sealed, status)
OVERRIDING SYSTEM VALUE
SELECT n, 1, 'instance.created', n::text, n::text, false, 'https://crm.example.com', 3 - n, '\x00', 'failed' FROM unnest(ARRAY[2, 1]) AS n`, `
SELECT setval(pg_get_serial_sequence(name, 'id'), 10) FROM unnest(ARRAY['tasks', 'deliveries']) AS name`, change} {
		exec(t, s.SQL(), statement)
	}
	exec(t, s.SQL(), `UPDATE instances SET email_bidx = '\x00', email_sealed = $1`, s.Keys().SealString(seal.Customer, "a@example.com"))
	return s
}

// Whoever cancels deliveries locks their tasks first, and whoever takes up several of
// them again goes by their ids.
func TestSeveralDeliveriesAreEndedAndTakenUpInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "instances", ID: 1}, {Table: "instances", ID: 2}, {Table: "tasks", ID: 1}, {Table: "tasks", ID: 2},
		{Table: "deliveries", ID: 1}, {Table: "deliveries", ID: 2}, {Table: "events", ID: 1}, {Table: "events", ID: 2}}
	changed := func(c market.Change) func(context.Context, *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error {
			i, err := tx.LockInstancePK(ctx, 1)
			if err != nil {
				return err
			}
			if c.Kind == market.ExpiryChanged {
				i.ExpiresAt = i.ExpiresAt.Add(time.Hour)
			}
			return tx.SaveState(ctx, i, []market.Change{c}, store.Origin{})
		}
	}
	for name, c := range map[string]struct {
		before string
		act    func(context.Context, *store.Tx) error
		want   string // the deliveries' status afterwards
	}{
		"replaced tasks": {`SELECT 1`, func(ctx context.Context, tx *store.Tx) error {
			return tx.CancelDeliveryTasks(ctx, []int64{2, 1}, "system")
		}, "pending pending"},
		"replaced": {`SELECT 1`, func(ctx context.Context, tx *store.Tx) error {
			return tx.SupersedeDeliveries(ctx, 1, "expiry_notice", 0, "system")
		}, "cancelled cancelled"},
		"of another expiry": {`SELECT 1`, changed(market.Change{Kind: market.ExpiryChanged, Old: "then"}), "cancelled cancelled"},
		"of a freeze": {`UPDATE deliveries SET kind = 'frozen', about_expiry = NULL, days = NULL`,
			changed(market.Change{Kind: market.StatusChanged, Old: string(market.Frozen)}), "cancelled cancelled"},
		"nearer": {`UPDATE instances SET notice_at = now() WHERE id = 1`, func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.QueueExpiryNotices(ctx, store.NoticeRules{Days: []int{7}, Zone: "UTC", Domain: "d", Limit: 10,
				Reach: func(string, string) (string, string, string) { return "email", "a@b.example", "a" }})
			return err
		}, "cancelled cancelled pending"},
		"of a clock set back": {`INSERT INTO notice_clock (seen, replan_after) VALUES (now(), 0)`, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.ReplanAfterSetBack(ctx, 10)
			return err
		}, "cancelled cancelled"},
		"not wanted": {`SELECT 1`, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetWishes(ctx, 1, "one", store.Wishes{Off: []string{"expiry_notice"}})
		}, "cancelled cancelled"},
		"taken up": {`UPDATE deliveries SET status = 'failed'`, func(ctx context.Context, tx *store.Tx) error {
			return tx.ReopenDeliveriesOf(ctx, 1)
		}, "pending pending"},
		"told among many": {`UPDATE deliveries SET resends = 1`, func(ctx context.Context, tx *store.Tx) error {
			return tx.DeliveriesInBulk(ctx, []int64{2, 1})
		}, "pending pending"},
		"events taken up": {`UPDATE tasks SET kind = 'event'`, func(ctx context.Context, tx *store.Tx) error {
			return tx.ReopenEventsOf(ctx, 1, 0)
		}, "pending pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := func(t *testing.T) (*store.Store, func() error) {
				s := twoDeliveries(t, c.before)
				if name == "of a clock set back" {
					exec(t, s.SQL(), `UPDATE deliveries SET created_at = now() + interval '1 hour'`)
				}
				return s, func() error { return s.Write(t.Context(), func(tx *store.Tx) error { return c.act(t.Context(), tx) }) }
			}
			s, act := begin(t)
			require.NoError(t, act())
			require.Equal(t, c.want, text(t, s.SQL(), `SELECT string_agg(status, ' ' ORDER BY id) FROM deliveries`))
			storetest.LocksInOrder(t, rows, begin)
		})
	}
}
