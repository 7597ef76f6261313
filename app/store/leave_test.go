package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// A delivery does not leave by a lease that is being lost: whoever takes the task
// back is waited for.
func TestADeliveryDoesNotLeaveByALostLease(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := locked(t)
	_, err := s.SQL().Exec(`UPDATE tasks SET kind = 'deliver', delivery_id = 1`)
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
	waitsForLock(t, s)
	require.NoError(t, lost.Commit())
	err = <-left
	require.Error(t, err)
	require.Equal(t, "task.lease_lost", fault.From(err).Key)
}
