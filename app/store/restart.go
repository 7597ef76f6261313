package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
)

// What a restart batch is about, how much of it is done again, and how it stands.
const (
	RestartMessages = "messages"
	RestartTasks    = "tasks"

	RestartAll      = "all"      // whatever has not succeeded
	RestartDelivery = "delivery" // tell the customer again, nothing else

	BatchRunning   = "running"
	BatchPaused    = "paused"
	BatchCancelled = "cancelled"
	BatchDone      = "done"

	ItemWaiting   = "waiting"
	ItemRestarted = "restarted"
	ItemRefused   = "refused"

	ItemPassed = "passed" // outcomes of a restarted item
	ItemFailed = "failed"
)

// RestartSet says what is to be restarted: ticked ids, or all that a filter of
// the thing matches.
type RestartSet struct {
	Thing    string
	Mode     string
	IDs      []int64 // not nil: these and no filter
	Messages MessageFilter
	Tasks    TaskFilter
}

// NewBatch is a restart batch to be written.
type NewBatch struct {
	RestartSet
	PerSecond int // 0: as fast as it goes
	Actor     string
	Source    string
	IP        string
	Reason    string
}

// Slice is a batch whose next items are to be done now, at most N of them.
type Slice struct {
	Batch  int64  `db:"id"`
	Thing  string `db:"thing"`
	Mode   string `db:"mode"`
	Actor  string `db:"actor"`
	Source string `db:"source"`
	IP     string `db:"ip"`
	Reason string `db:"reason"`
	N      int    `db:"n"`
	Broken bool   `db:"broken"` // only what still fails is to be restarted: it was chosen for that
}

// RestartResult is what became of one item.
type RestartResult struct {
	Given   int
	Hurried int
	Ran     bool
	Code    string
	Tells   []int64 // deliveries that it sends again, which are counted among the others
	Outcome string  // "" while it is under way
}

// AddBatch writes a batch and, in one statement, what it is to restart.
func (t *Tx) AddBatch(ctx context.Context, n NewBatch) (id int64, total int, err error) {
	kept, err := t.Reader().keptWords(ctx, n.RestartSet)
	if err != nil {
		return 0, 0, err
	}
	words, err := json.Marshal(kept)
	if err != nil {
		return 0, 0, fault.Wrap(err, fault.Internal, "internal")
	}
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO restart_batches (thing, mode, filter, per_second, actor, source, ip, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id`, n.Thing, n.Mode, words, n.PerSecond, n.Actor, n.Source, n.IP, n.Reason)
	if err != nil {
		return 0, 0, toFault(err)
	}
	from, c, err := t.Reader().restartFrom(ctx, n.RestartSet)
	if err != nil {
		return 0, 0, err
	}
	if n.IDs != nil { // what is not there is refused, and says so
		c = &clause{}
		from = "unnest(" + c.arg(pq.Array(n.IDs)) + "::bigint[]) AS x (id)"
	}
	batch := c.arg(id)
	r, err := t.tx.ExecContext(ctx, `
INSERT INTO restart_items (batch_id, item_id)
SELECT `+batch+`::bigint, x.id
  FROM `+from+c.where(), c.args...)
	if err != nil {
		return 0, 0, toFault(err)
	}
	rows, err := r.RowsAffected()
	if err != nil {
		return 0, 0, toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE restart_batches
   SET total = $2
 WHERE id = $1`, id, rows)
	return id, int(rows), toFault(err)
}

// DropBatch takes back a batch that turned out to hold nothing.
func (t *Tx) DropBatch(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
DELETE FROM restart_batches
 WHERE id = $1`, id)
	return toFault(err)
}

// SliceOf is the next slice of one batch without regard to its rate. Fault:
// not_found "restart.unknown_batch".
func (t *Tx) SliceOf(ctx context.Context, id int64, n int) (slice Slice, err error) {
	err = t.tx.GetContext(ctx, &slice, `
SELECT id, thing, mode, actor, source, ip, reason, $2::int AS n, `+chosenBroken+` AS broken
  FROM restart_batches
 WHERE id = $1`, id, n)
	if fault.Is(toFault(err), fault.NotFound) {
		return slice, fault.New(fault.NotFound, "restart.unknown_batch")
	}
	return slice, toFault(err)
}

const takeSlice = `
UPDATE restart_batches b
   SET next_at = CASE WHEN b.per_second = 0 THEN now()
                      ELSE now() + make_interval(secs => d.n::float8 / b.per_second) END
  FROM (SELECT id, CASE WHEN per_second = 0 THEN $1 ELSE LEAST($1, GREATEST(1, per_second / 4)) END AS n
          FROM restart_batches
         WHERE status = 'running'
           AND next_at <= now()
         ORDER BY next_at, id
         LIMIT 1
           FOR NO KEY UPDATE SKIP LOCKED) d
 WHERE b.id = d.id
RETURNING b.id, b.thing, b.mode, b.actor, b.source, b.ip, b.reason, d.n, ` + chosenBroken + ` AS broken`

// chosenBroken: the items of a batch were chosen because they failed. In a failure
// group everything does, and nothing else can be ticked, which is what no filter
// means.
const chosenBroken = `(filter = '{}' OR COALESCE(filter ->> 'status', '') = 'failed' OR filter ->> 'group' IS NOT NULL)`

const nextSlice = `
SELECT CASE WHEN count(*) = 0 THEN -1 -- GREATEST would pass over the NULL
            ELSE GREATEST(extract(epoch FROM min(next_at) - now()), 0) END
  FROM restart_batches
 WHERE status = 'running'`

// TakeSlice reserves the next slice of whatever batch is due, in the batch's
// rate; ok is false when none is due, and wait then is how long until one is,
// negative when none is running at all.
func (s *Store) TakeSlice(ctx context.Context, most int) (slice Slice, wait time.Duration, ok bool, err error) {
	err = s.db.GetContext(ctx, &slice, takeSlice, most)
	if err == nil {
		return slice, 0, true, nil
	}
	if !fault.Is(toFault(err), fault.NotFound) {
		return slice, 0, false, toFault(err)
	}
	var secs float64
	err = s.db.GetContext(ctx, &secs, nextSlice)
	return slice, time.Duration(secs * float64(time.Second)), false, toFault(err)
}

// LockItems locks up to n items of a running batch that nobody else is at.
func (t *Tx) LockItems(ctx context.Context, batch int64, n int) ([]int64, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT item_id
  FROM restart_items
 WHERE batch_id = $1
   AND state = 'waiting'
   AND EXISTS (SELECT 1 FROM restart_batches WHERE id = $1 AND status = 'running')
 ORDER BY item_id
 LIMIT $2
   FOR NO KEY UPDATE SKIP LOCKED`, batch, n)
	return ids, toFault(err)
}

// Succeeded are those of the messages that have come right.
func (t *Tx) Succeeded(ctx context.Context, messages []int64) (ids []int64, err error) {
	err = t.tx.SelectContext(ctx, &ids, `
SELECT id
  FROM messages
 WHERE id = ANY($1)
   AND status = 'succeeded'`, pq.Array(messages))
	return ids, toFault(err)
}

// Try runs fn and, if it fails, takes back what it wrote and nothing else; the
// transaction goes on. cause is fn's error; err means that the transaction is lost.
func (t *Tx) Try(ctx context.Context, fn func() error) (cause, err error) {
	if _, err = t.tx.ExecContext(ctx, `SAVEPOINT item`); err != nil {
		return nil, toFault(err)
	}
	if cause = fn(); cause == nil {
		_, err = t.tx.ExecContext(ctx, `RELEASE SAVEPOINT item`)
		return nil, toFault(err)
	}
	if retryable(cause) {
		return nil, cause
	}
	_, err = t.tx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT item`)
	return cause, toFault(err)
}

// ItemDone notes what a restart did to an item, or why it did nothing.
func (t *Tx) ItemDone(ctx context.Context, batch, item int64, r RestartResult, cause error) error {
	state := ItemRestarted
	if cause != nil {
		state = ItemRefused
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE restart_items
   SET state = $3, outcome = $4, given = $5, hurried = $6, ran = $7, code = $8, deliveries = COALESCE($9::bigint[], '{}'), error = $10,
       done_at = clock_timestamp()
 WHERE batch_id = $1
   AND item_id = $2`, batch, item, state, r.Outcome, r.Given, r.Hurried, r.Ran, r.Code, pq.Array(r.Tells), nullBytes(fault.ToRecord(cause).Wordless().JSON()))
	return toFault(err)
}

// Tally is what a slice did, for the batch's counters.
type Tally struct{ Restarted, Refused, Passed, Failed int }

// CountItems adds to a batch's counters.
func (t *Tx) CountItems(ctx context.Context, batch int64, n Tally) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE restart_batches
   SET restarted = restarted + $2, refused = refused + $3, passed = passed + $4, failed = failed + $5
 WHERE id = $1`, batch, n.Restarted, n.Refused, n.Passed, n.Failed)
	return toFault(err)
}

// EndBatch ends a running batch that has nothing left to do.
func (t *Tx) EndBatch(ctx context.Context, batch int64) (ended bool, err error) {
	r, err := t.tx.ExecContext(ctx, `
UPDATE restart_batches
   SET status = 'done',
       finished_at = now()
 WHERE id = $1
   AND status = 'running'
   AND (SELECT item_id FROM restart_items WHERE batch_id = $1 AND state = 'waiting' ORDER BY batch_id, item_id LIMIT 1) IS NULL`, batch)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, toFault(err)
}

// KickBatch counts one more task for a batch; 0 is the oldest that is running,
// and ok false says that there is none.
func (t *Tx) KickBatch(ctx context.Context, batch int64) (id int64, kick int, ok bool, err error) {
	row := t.tx.QueryRowxContext(ctx, `
UPDATE restart_batches
   SET kicks = kicks + 1
 WHERE id = (SELECT id
               FROM restart_batches
              WHERE status = 'running'
                AND (id = $1 OR $1 = 0)
              ORDER BY id
              LIMIT 1)
RETURNING id, kicks`, batch)
	err = toFault(row.Scan(&id, &kick))
	if fault.Is(err, fault.NotFound) {
		return 0, 0, false, nil
	}
	return id, kick, err == nil, err
}

// BatchIdle tells whether a batch is running that no task works off any more.
func (t *Tx) BatchIdle(ctx context.Context, since time.Duration) (bool, error) {
	var idle bool
	err := t.tx.GetContext(ctx, &idle, `
SELECT EXISTS (SELECT 1
                 FROM restart_batches
                WHERE status = 'running'
                  AND next_at < now() - make_interval(secs => $1))
   AND NOT EXISTS (SELECT 1
                     FROM tasks
                    WHERE kind = 'restart'
                      AND status IN ('pending', 'running'))`, since.Seconds())
	return idle, toFault(err)
}

// ChangeBatch brings a batch from one of the statuses into another as a person's
// act. Faults: not_found "restart.unknown_batch", conflict "restart.batch_over"
// or "restart.batch_already".
func (t *Tx) ChangeBatch(ctx context.Context, id int64, from []string, to, by string) error {
	var now string
	err := t.tx.GetContext(ctx, &now, `
SELECT status
  FROM restart_batches
 WHERE id = $1
   FOR NO KEY UPDATE`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return fault.New(fault.NotFound, "restart.unknown_batch")
	}
	if err != nil {
		return toFault(err)
	}
	if now == BatchDone || now == BatchCancelled {
		return fault.New(fault.Conflict, "restart.batch_over")
	}
	r, err := t.tx.ExecContext(ctx, `
UPDATE restart_batches
   SET status = $2,
       changed_by = $3,
       last_error = NULL,
       next_at = now(),
       finished_at = CASE WHEN $2 = 'cancelled' THEN now() END
 WHERE id = $1
   AND status = ANY($4)`, id, to, by, pq.Array(from))
	if err != nil {
		return toFault(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.Conflict, "restart.batch_already")
	}
	return nil
}

// HaltBatches pauses what is running because it cannot be gone on with.
func (t *Tx) HaltBatches(ctx context.Context, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE restart_batches
   SET status = 'paused',
       changed_by = 'system',
       last_error = $1
 WHERE status = 'running'`, nullBytes(fault.ToRecord(cause).JSON()))
	return toFault(err)
}

// ToTell is what a message made its customer be told, as far as it still holds.
type ToTell struct {
	IDs  []int64 // that can be sent again, oldest first
	Told bool    // there is some that something else took the place of, or that may have arrived
	Due  bool    // there is some that is about to be sent
}

// DeliveriesOfMessage lists what a message made the customer be told, without what
// something else took the place of: a newer one, or a fall-back by the other medium;
// and without what may have arrived, or is about to be sent. What is not so any more, and
// what has no address since its customer was erased, is nothing to be told.
func (t *Tx) DeliveriesOfMessage(ctx context.Context, message int64) (out ToTell, err error) {
	var rows []struct {
		ID   int64 `db:"id"`
		Told bool  `db:"told"`
		Due  bool  `db:"due"`
	}
	err = t.tx.SelectContext(ctx, &rows, `
SELECT d.id, `+told+` AS told, `+deliveryDue+` AS due
  FROM deliveries d
 WHERE d.message_id = $1
   AND d.status <> 'cancelled'
   AND `+sayable+`
 ORDER BY d.id`, message)
	for _, r := range rows {
		switch {
		case r.Told:
			out.Told = true
		case r.Due:
			out.Due = true
		default:
			out.IDs = append(out.IDs, r.ID)
		}
	}
	return out, toFault(err)
}
