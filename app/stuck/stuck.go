// Package stuck shows work that should go on by itself and does not, and has it
// go on: one repair for each kind, which does once what relay, sweeper and
// workers would have done, and nothing when nothing is left to do.
package stuck

import (
	"context"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Queue is what is asked of Redis.
type Queue interface {
	// Has tells which of these tasks Redis has.
	Has(ctx context.Context, tasks []store.Due) (map[int64]bool, error)
	// HandOver hands a task to Redis; fresh says that Redis had not got it.
	HandOver(ctx context.Context, d store.Due) (fresh bool, err error)
}

// Restarter restarts one message or task within a transaction.
type Restarter interface {
	RestartOneIn(ctx context.Context, tx *store.Tx, thing, mode string, id int64, by staff.Actor) (intake.Restarted, error)
}

// Options of New.
type Options struct {
	Store   *store.Store
	Queue   Queue
	Restart Restarter
	Wake    func() // hurries the relay; may be nil
}

// Desk is the use case. It is safe for concurrent use.
type Desk struct{ o Options }

// New makes a desk.
func New(o Options) *Desk {
	if o.Wake == nil {
		o.Wake = func() {}
	}
	return &Desk{o: o}
}

// What Redis says of a task that it was given.
const (
	RedisLost    = "lost"    // it does not have it: the repair hands it over again
	RedisHas     = "has"     // it has it, but no worker begins it: workers are missing, not jobs
	RedisUnknown = "unknown" // it cannot be asked
)

// Row is a piece of stuck work; Redis is empty for kinds that do not depend on it.
type Row struct {
	store.StuckRow
	Redis string
}

// List reads a page of stuck work of one kind, the longest stuck first, or (kind
// "") of all kinds, see store.Reader.StuckList. Faults: not_found "stuck.unknown";
// invalid "cursor.invalid".
func (d *Desk) List(ctx context.Context, kind string, p store.Paging) (store.Page[Row], error) {
	found, err := d.o.Store.Reader().StuckList(ctx, kind, p)
	out := store.Page[Row]{Newer: found.Newer, Older: found.Older, Items: make([]Row, len(found.Items))}
	if err != nil {
		return out, err
	}
	var given []store.Due
	for i, row := range found.Items {
		if out.Items[i].StuckRow = row; row.Kind == store.StuckLost {
			given = append(given, store.Due{ID: row.TaskID, Kind: row.Task, Mail: row.Mail})
		}
	}
	if len(given) == 0 {
		return out, nil
	}
	has, err := d.o.Queue.Has(ctx, given)
	for i := range out.Items {
		row := &out.Items[i]
		switch {
		case row.Kind != store.StuckLost:
		case err != nil: // what is stuck must be seen also then
			row.Redis = RedisUnknown
		case has[row.TaskID]:
			row.Redis = RedisHas
		default:
			row.Redis = RedisLost
		}
	}
	return out, nil
}

// Counts counts stuck work by its kind.
func (d *Desk) Counts(ctx context.Context) (store.Counts, error) {
	return d.o.Store.Reader().StuckCounts(ctx)
}

// What a repair did.
const (
	Nothing  = "nothing"     // it was not stuck any more
	Handed   = "handed_over" // Redis has the task now
	PutBack  = "put_back"    // the lost worker's task waits to be done again, or is given up
	Begun    = "begun"       // the making of the instance runs again
	Answered = "answered"    // the poll has an answer with the access data now, for when KooGallery asks
	Already  = "already"     // it was answered so before, and KooGallery has not asked since
)

// Repair has one piece of stuck work go on, and says what it did. What is not
// stuck, or not any more, is left alone: Nothing. So is what waits for KooGallery
// alone: Already.
//
// Faults: not_found "stuck.unknown"; those of Queue.HandOver; conflict "stuck.in_redis" when Redis has the task and only a
// worker is missing, "stuck.unseen" when the access data is not ready after all;
// those of the restarts.
func (d *Desk) Repair(ctx context.Context, kind string, id int64, by staff.Actor) (did string, err error) {
	err = d.o.Store.Write(ctx, func(tx *store.Tx) error {
		s, stuck, err := tx.LockStuck(ctx, kind, id)
		switch did = Nothing; {
		case err != nil || !stuck:
			return err
		case s.Repaired:
			did = Already
			return nil
		}
		if did, err = d.repair(ctx, tx, s, by); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActRepairStuck, Target: target(s), Reason: by.Reason, IP: by.IP,
			Detail: map[string]string{"kind": kind, "did": did}})
	})
	if err != nil {
		return "", err
	}
	if did != Nothing && did != Already {
		d.o.Wake()
	}
	return did, nil
}

// target is what the audit names.
func target(s store.Stuck) string {
	switch s.Kind {
	case store.StuckCreation:
		return "instance/" + s.InstanceID
	case store.StuckPoll:
		return "message/" + strconv.FormatInt(s.ID, 10)
	}
	return "task/" + strconv.FormatInt(s.ID, 10)
}

func (d *Desk) repair(ctx context.Context, tx *store.Tx, s store.Stuck, by staff.Actor) (string, error) {
	switch s.Kind {
	case store.StuckLease:
		return PutBack, tx.RecoverTask(ctx, s.ID)
	case store.StuckCreation:
		return Begun, d.begin(ctx, tx, s.ID, by)
	case store.StuckPoll:
		r, err := d.o.Restart.RestartOneIn(ctx, tx, store.RestartMessages, store.RestartAll, s.ID, by)
		if err == nil && r.Code != market.Success {
			err = fault.New(fault.Conflict, "stuck.unseen", "code", string(r.Code))
		}
		return Answered, err
	}
	return Handed, d.handOver(ctx, tx, s)
}

// handOver gives Redis a task. What it has already is no lost job.
func (d *Desk) handOver(ctx context.Context, tx *store.Tx, s store.Stuck) error {
	due := store.Due{ID: s.ID, Kind: s.Task, Mail: s.Mail}
	if s.Kind == store.StuckLost {
		has, err := d.o.Queue.Has(ctx, []store.Due{due})
		if err != nil {
			return err
		}
		if has[s.ID] {
			return fault.New(fault.Conflict, "stuck.in_redis")
		}
	}
	if _, err := d.o.Queue.HandOver(ctx, due); err != nil {
		return err
	}
	return tx.MarkHanded(ctx, s.ID)
}

// begin has the making of an instance run again: the task that waits for its
// next try, or its last one anew.
func (d *Desk) begin(ctx context.Context, tx *store.Tx, instancePK int64, by staff.Actor) error {
	task, err := tx.WaitingTask(ctx, instancePK)
	if err != nil {
		return err
	}
	if task == 0 {
		return makeAgain(ctx, tx, instancePK, by)
	}
	_, err = d.o.Restart.RestartOneIn(ctx, tx, store.RestartTasks, store.RestartAll, task, by)
	return err
}

// makeAgain gives an instance a task that makes it. That is no restart of one which
// waits or was given up, so it is kept as an attempt of the message alone.
func makeAgain(ctx context.Context, tx *store.Tx, instancePK int64, by staff.Actor) error {
	message, task, err := tx.MakeAgain(ctx, instancePK, by.Name)
	if err != nil || message == 0 {
		return err
	}
	m, err := tx.LockMessage(ctx, message)
	if err != nil {
		return err
	}
	if err := intake.NoteRestart(ctx, tx, m, by, 0, task); err != nil {
		return err
	}
	return tx.SettleMessage(ctx, message)
}
