package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
)

// Statuses of a reconciliation and of its findings.
const (
	RunRunning = "running"
	RunDone    = "done"
	RunFailed  = "failed"

	FindingOpen    = "open"
	FindingApplied = "applied" // the repair was approved and done
	FindingKept    = "kept"    // a person decided to leave it as it is
	FindingGone    = "gone"    // a later run did not see it any more
)

// Finding is one difference between the marketplace and us. Ours and Theirs are
// texts for people: times in RFC 3339 UTC, product ids, statuses.
type Finding struct {
	ID          int64
	ChannelID   int64
	InstancePK  int64 // 0: there is no instance
	OrderID     string
	OrderLineID string
	Kind        string // missing, cancelled, expiry, overdue, locked, product, unanswered
	Ours        string
	Theirs      string
	Repair      string // take_over, release, set_expiry, freeze, unfreeze, learn; "" where there is none
	Err         error  // why the marketplace did not answer
	Status      string
}

// Run is one reconciliation as the task that does it needs it.
type Run struct {
	ID        int64
	StartedAt time.Time
	LastPK    int64     // instances up to this row have been asked for
	LostAt    time.Time // with LostID: so have purchases that were not taken, in order of arrival
	LostID    int64
	ToldAt    time.Time // with ToldID: so have orders that a notice told of
	ToldID    int64
}

// StartReconciliation begins a run, unless one is under way or, for a daily one,
// that day's is there already; id is then 0. A zero day is a person's run.
func (t *Tx) StartReconciliation(ctx context.Context, day time.Time, by string) (id int64, err error) {
	var date any
	if !day.IsZero() {
		date = day.Format(time.DateOnly)
	}
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO reconciliations (day, started_by)
VALUES ($1, $2)
ON CONFLICT DO NOTHING
RETURNING id`, date, by)
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, nil
	}
	return id, toFault(err)
}

// LockRun locks the run that is under way. Fault: not_found "reconciliation.no_run".
func (t *Tx) LockRun(ctx context.Context) (Run, error) {
	var r Run
	var lost, told sql.NullTime
	err := t.tx.QueryRowxContext(ctx, `
SELECT id, started_at, last_pk, lost_at, lost_id, told_at, told_id
  FROM reconciliations
 WHERE status = 'running'
   FOR NO KEY UPDATE`).Scan(&r.ID, &r.StartedAt, &r.LastPK, &lost, &r.LostID, &told, &r.ToldID)
	r.LostAt, r.ToldAt = lost.Time, told.Time
	if fault.Is(toFault(err), fault.NotFound) {
		return r, fault.New(fault.NotFound, "reconciliation.no_run")
	}
	return r, toFault(err)
}

// AdvanceRun notes how far a run has come.
func (t *Tx) AdvanceRun(ctx context.Context, run, lastPK int64, asked, skipped int) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE reconciliations
   SET last_pk = $2,
       asked = asked + $3,
       skipped = skipped + $4
 WHERE id = $1`, run, lastPK, asked, skipped)
	return toFault(err)
}

// AdvanceLost notes how far a run has come with the purchases that were not taken
// and the orders that a notice told of.
func (t *Tx) AdvanceLost(ctx context.Context, r Run) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE reconciliations
   SET lost_at = $2,
       lost_id = $3,
       told_at = $4,
       told_id = $5
 WHERE id = $1`, r.ID, nullTime(r.LostAt), r.LostID, nullTime(r.ToldAt), r.ToldID)
	return toFault(err)
}

// EndRun ends a run. What it did not see any more is gone; a failed run has not
// looked everywhere and judges nothing.
func (t *Tx) EndRun(ctx context.Context, run int64, cause error) error {
	status := RunDone
	if cause != nil {
		status = RunFailed
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE reconciliations
   SET status = $2,
       finished_at = now(),
       last_error = $3
 WHERE id = $1`, run, status, nullBytes(fault.ToRecord(cause).JSON()))
	if err != nil || cause != nil {
		return toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE reconcile_findings
   SET status = 'gone',
       decided_at = now()
 WHERE status = 'open'
   AND reconciliation_id < $1`, run)
	return toFault(err)
}

// AddFinding writes a difference, or brings the open one up to date. One that a
// person has decided to keep, with the very same values, stays decided.
func (t *Tx) AddFinding(ctx context.Context, run int64, f Finding) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO reconcile_findings (reconciliation_id, channel_id, instance_pk, order_id, order_line_id, kind, ours, theirs, repair, error)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
 WHERE NOT EXISTS (
       SELECT 1
         FROM reconcile_findings k
        WHERE k.status = 'kept'
          AND k.channel_id = $2
          AND k.order_id = $4
          AND k.order_line_id = $5
          AND k.instance_pk IS NOT DISTINCT FROM $3
          AND k.kind = $6
          AND k.ours = $7
          AND k.theirs = $8)
ON CONFLICT (channel_id, order_id, order_line_id, (COALESCE(instance_pk, 0)), kind) WHERE status = 'open' DO UPDATE
   SET reconciliation_id = EXCLUDED.reconciliation_id,
       ours = EXCLUDED.ours,
       theirs = EXCLUDED.theirs,
       repair = EXCLUDED.repair,
       error = EXCLUDED.error,
       seen_at = now()`,
		run, f.ChannelID, nullID(f.InstancePK), f.OrderID, f.OrderLineID, f.Kind, f.Ours, f.Theirs, f.Repair, nullBytes(fault.ToRecord(f.Err).JSON()))
	return toFault(err)
}

// LockFinding locks a finding for a decision. Fault: not_found "finding.unknown".
func (t *Tx) LockFinding(ctx context.Context, id int64) (Finding, error) {
	f := Finding{ID: id}
	err := t.tx.QueryRowxContext(ctx, `
SELECT channel_id, COALESCE(instance_pk, 0), order_id, order_line_id, kind, ours, theirs, repair, status
  FROM reconcile_findings
 WHERE id = $1
   FOR NO KEY UPDATE`, id).
		Scan(&f.ChannelID, &f.InstancePK, &f.OrderID, &f.OrderLineID, &f.Kind, &f.Ours, &f.Theirs, &f.Repair, &f.Status)
	if fault.Is(toFault(err), fault.NotFound) {
		return f, fault.New(fault.NotFound, "finding.unknown")
	}
	return f, toFault(err)
}

// DecideFinding notes what became of a finding.
func (t *Tx) DecideFinding(ctx context.Context, id int64, status, by, reason string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE reconcile_findings
   SET status = $2,
       decided_by = $3,
       decided_at = now(),
       reason = $4
 WHERE id = $1`, id, status, by, reason)
	return toFault(err)
}

// Lease takes or keeps a lease for ttl; ok is false while another holder has it.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl time.Duration) (ok bool, err error) {
	var got sql.NullString
	err = s.db.GetContext(ctx, &got, `
INSERT INTO leases (name, holder, until)
VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (name) DO UPDATE
   SET holder = EXCLUDED.holder,
       until = EXCLUDED.until
 WHERE leases.holder = EXCLUDED.holder
    OR leases.until < now()
RETURNING holder`, name, holder, ttl.Seconds())
	if fault.Is(toFault(err), fault.NotFound) {
		return false, nil
	}
	return got.Valid, toFault(err)
}
