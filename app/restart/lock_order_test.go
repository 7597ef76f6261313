package restart_test

import (
	"testing"

	"koodesk/app/restart"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// ofInstances are two messages with a task each, of which the first is about the second
// instance.
func (d *desk) ofInstances() {
	d.t.Helper()
	d.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at, front_end_url, access_version)
SELECT 1, 'i' || n, 'CS' || n, 'CS' || n || '-1', 'b', 'active', now(), 'https://a.example', 1 FROM generate_series(1, 2) n`)
	d.failing(2)
	d.exec(`UPDATE messages SET activity = 'refreshInstance', result_code = '000000', instance_id = 'i' || 3 - id`)
	d.exec(`UPDATE tasks SET purpose = 'renewed', instance_pk = 3 - message_id`)
}

var rows = []storetest.Row{{Table: "messages", ID: 1}, {Table: "messages", ID: 2}, {Table: "instances", ID: 1}, {Table: "instances", ID: 2},
	{Table: "tasks", ID: 1}, {Table: "tasks", ID: 2}}

// Many are restarted in one transaction, which locks all of their messages first, and
// then all of their instances: the first task belongs to the second message.
func TestManyTasksAreRestartedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		d.ofInstances()
		d.exec(`UPDATE tasks SET message_id = 3 - message_id`)
		return d.store, func() error {
			_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{1, 2}}}, ann)
			return err
		}
	})
}

// Customers are told again behind the tasks that were to tell them.
func TestCustomersAreToldAgainInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	sent := []storetest.Row{{Table: "messages", ID: 1}, {Table: "messages", ID: 2}, {Table: "instances", ID: 1}, {Table: "tasks", ID: 5}, {Table: "tasks", ID: 6}, {Table: "tasks", ID: 7},
		{Table: "deliveries", ID: 1}, {Table: "deliveries", ID: 2}, {Table: "deliveries", ID: 3}}
	storetest.LocksInOrder(t, sent, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		d.told()
		d.exec(`
INSERT INTO tasks (kind, purpose, message_id, instance_pk, delivery_id, unique_key, run_at)
SELECT 'deliver', 'notice', message_id, instance_pk, id, 'deliver/' || id, now() + interval '1 hour' FROM deliveries WHERE id <= 3 ORDER BY id`)
		return d.store, func() error {
			_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{1, 2}}}, ann)
			return err
		}
	})
}

func TestManyMessagesAreRestartedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		d.ofInstances()
		return d.store, func() error {
			_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{1, 2}}}, ann)
			return err
		}
	})
}
