package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/market"
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
	var lost sql.NullTime
	err := t.tx.QueryRowxContext(ctx, `
SELECT id, started_at, last_pk, lost_at, lost_id
  FROM reconciliations
 WHERE status = 'running'
   FOR UPDATE`).Scan(&r.ID, &r.StartedAt, &r.LastPK, &lost, &r.LostID)
	r.LostAt = lost.Time
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

// AdvanceLost notes how far a run has come with the purchases that were not taken.
func (t *Tx) AdvanceLost(ctx context.Context, r Run) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE reconciliations
   SET lost_at = $2,
       lost_id = $3
 WHERE id = $1`, r.ID, r.LostAt, r.LostID)
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
   FOR UPDATE`, id).
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

// OpenInstance is an instance that a run has to ask for, with the orders that
// rule over its expiry and its product; both are the purchase until a renewal or
// an upgrade was taken over.
type OpenInstance struct {
	PK          int64  `db:"id"`
	ChannelID   int64  `db:"channel_id"`
	OrderID     string `db:"order_id"`
	OrderLineID string `db:"order_line_id"`
	Renewal     string `db:"renewal"` // order of the last renewal, "" without one
	RenewalLine string `db:"renewal_line"`
	Upgrade     string `db:"upgrade"` // order of the last upgrade or change upon renewal
	UpgradeLine string `db:"upgrade_line"`
}

// OpenInstances lists instances behind a row that are not released, in order.
func (r *Reader) OpenInstances(ctx context.Context, afterPK int64, limit int) ([]OpenInstance, error) {
	var out []OpenInstance
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT i.id, i.channel_id, i.order_id, i.order_line_id,
       COALESCE(renewal.order_id, '') AS renewal, COALESCE(renewal.order_line_id, '') AS renewal_line,
       COALESCE(upgrade.order_id, '') AS upgrade, COALESCE(upgrade.order_line_id, '') AS upgrade_line
  FROM (SELECT id, channel_id, instance_id, order_id, order_line_id
          FROM instances
         WHERE released_at IS NULL
           AND id > $1
         ORDER BY id
         LIMIT $2) i
  LEFT JOIN LATERAL (
       SELECT m.order_id, m.order_line_id
         FROM messages m
        WHERE m.instance_id = i.instance_id
          AND m.instance_id <> ''
          AND m.channel_id = i.channel_id
          AND NOT m.test
          AND m.activity IN ('refreshInstance', 'refreshLicense')
          AND m.result_code IN ('000000', '000004')
        ORDER BY m.first_received_at DESC, m.id DESC
        LIMIT 1) renewal ON TRUE
  LEFT JOIN LATERAL (
       SELECT m.order_id, m.order_line_id
         FROM messages m
        WHERE m.instance_id = i.instance_id
          AND m.instance_id <> ''
          AND m.channel_id = i.channel_id
          AND NOT m.test
          AND (m.activity IN ('upgradeInstance', 'upgrade') OR m.activity = 'refreshInstance' AND m.idem_key LIKE '%/RENEWAL\_CHANGE/%')
          AND m.result_code IN ('000000', '000004')
        ORDER BY m.first_received_at DESC, m.id DESC
        LIMIT 1) upgrade ON TRUE
 ORDER BY i.id`, afterPK, limit)
	return out, toFault(err)
}

// LostPurchase is a purchase that somebody claimed and that made no instance.
type LostPurchase struct {
	MessageID   int64     `db:"id"`
	ReceivedAt  time.Time `db:"last_received_at"`
	ChannelID   int64     `db:"channel_id"`
	OrderID     string    `db:"order_id"`
	OrderLineID string    `db:"order_line_id"`
}

// LostPurchases lists newInstance calls that could not be understood or proved and
// that no instance belongs to: those that came behind LostAt and LostID, before
// the run began, in that order; at most limit. The marketplace has to say whether
// there is such an order.
func (r *Reader) LostPurchases(ctx context.Context, run Run, limit int) ([]LostPurchase, error) {
	var out []LostPurchase
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT m.id, m.last_received_at, m.channel_id, m.order_id, m.order_line_id
  FROM messages m
 WHERE m.activity = 'newInstance'
   AND m.status IN ('failed', 'rejected')
   AND NOT m.test
   AND m.order_id <> ''
   AND m.order_line_id <> ''
   AND m.protocol = $4
   AND (m.last_received_at, m.id) > ($1, $2)
   AND m.last_received_at <= $3
   AND NOT EXISTS (
       SELECT 1
         FROM instances i
        WHERE i.channel_id = m.channel_id
          AND i.order_id = m.order_id
          AND i.order_line_id = m.order_line_id)
 ORDER BY m.last_received_at, m.id
 LIMIT $5`, run.LostAt, run.LostID, run.StartedAt, string(market.V2), limit)
	return out, toFault(err)
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
