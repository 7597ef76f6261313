package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A delivery does not leave by a lease that is being lost: whoever takes the task
// back is waited for.
func TestADeliveryDoesNotLeaveByALostLease(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(`
WITH i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
    VALUES (1, 'one', 'one', 'one', 'one')
    RETURNING id
), d AS (
    INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
    SELECT 1, id, 'usage_info', 'email', 'en', '\x00', '', 'running', 'r', 'u' FROM i
    RETURNING id
)
INSERT INTO tasks (kind, unique_key, delivery_id, status, attempts, leased_until)
SELECT 'deliver', 'u', id, 'running', 1, now() FROM d`)
	require.NoError(t, err)
	left := make(chan error, 1)
	lost, err := s.SQL().Begin()
	require.NoError(t, err)
	_, err = lost.Exec(`UPDATE tasks SET status = 'pending'`)
	require.NoError(t, err)
	go func() {
		left <- s.Write(ctx, func(tx *store.Tx) error {
			return tx.LeaveDelivery(ctx, outbox.Task{ID: 1, Attempt: 1, DeliveryID: 1})
		})
	}()
	require.Eventually(t, func() bool {
		var waits bool
		err := s.SQL().QueryRow(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
		return len(left) == 1 || err == nil && waits
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, lost.Commit())
	err = <-left
	require.Error(t, err)
	require.Equal(t, "task.lease_lost", fault.From(err).Key)
}
