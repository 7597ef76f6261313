package provision_test

import (
	"testing"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// What a person hands in ends the work that waits for it, in the order of locks.
func TestAccessIsHandedInInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "instances", ID: 1}, {Table: "tasks", ID: 1}, {Table: "tasks", ID: 2}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		i := parked(t, d)
		return d.store, func() error { return d.p.SetAccess(t.Context(), i.InstanceID, typed, ann) }
	})
}

// A left-over whose order failed is undone with the end of its instance.
func TestALeftoverIsUndoneInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "instances", ID: 1}, {Table: "leftovers", ID: 1}, {Table: "tasks", ID: 2}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		i := parked(t, d)
		_, err := d.store.SQL().Exec(`INSERT INTO leftovers (instance_pk, driver, reason) VALUES ($1, 'manual', 'order_failed')`, i.PK)
		if err != nil {
			t.Fatal(err)
		}
		return d.store, func() error { return d.p.UndoLeftover(t.Context(), 1, ann) }
	})
}
