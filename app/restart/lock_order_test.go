package restart_test

import (
	"testing"

	"koodesk/app/restart"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// Many are restarted in one transaction, which locks all of their messages first: the
// first task belongs to the second message.
func TestManyTasksAreRestartedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "messages", ID: 2}, {Table: "tasks", ID: 1}, {Table: "tasks", ID: 2}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		d.failing(2)
		d.exec(`UPDATE tasks SET message_id = 3 - message_id`)
		return d.store, func() error {
			_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{1, 2}}}, ann)
			return err
		}
	})
}

func TestManyMessagesAreRestartedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "messages", ID: 2}, {Table: "tasks", ID: 1}, {Table: "tasks", ID: 2}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		d.failing(2)
		return d.store, func() error {
			_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{1, 2}}}, ann)
			return err
		}
	})
}
