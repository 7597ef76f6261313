package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
)

// SelfCheck is a channel's last self-check.
type SelfCheck struct {
	AskedAt    time.Time // zero: never
	AskedBy    string
	EndsBy     time.Time
	EndedAt    time.Time     // zero: under way, or lost with its process
	Error      *fault.Record // why the last run gave no report
	Report     []byte        // JSON; nil: there is none yet
	ReportedBy string
	ReportedAt time.Time
}

// Running tells whether a run is under way at now.
func (c SelfCheck) Running(now time.Time) bool {
	return !c.AskedAt.IsZero() && c.EndedAt.IsZero() && now.Before(c.EndsBy)
}

// SelfCheck is the channel's last self-check; its zero value if there was none.
func (r *Reader) SelfCheck(ctx context.Context, channel int64) (SelfCheck, error) {
	var c SelfCheck
	var ended, reported sql.NullTime
	var cause []byte
	err := r.q.QueryRowxContext(ctx, `
SELECT asked_at, asked_by, ends_by, ended_at, last_error, report, reported_by, reported_at
  FROM self_checks
 WHERE channel_id = $1`, channel).Scan(&c.AskedAt, &c.AskedBy, &c.EndsBy, &ended, &cause, &c.Report, &c.ReportedBy, &reported)
	if fault.Is(toFault(err), fault.NotFound) {
		return SelfCheck{}, nil
	}
	if err != nil {
		return c, toFault(err)
	}
	c.EndedAt, c.ReportedAt = ended.Time, reported.Time
	c.Error, err = fault.ParseRecord(cause)
	return c, err
}

// BeginSelfCheck claims the channel for a run of at most budget. Fault: conflict
// "self_check.running" while another one is under way.
func (t *Tx) BeginSelfCheck(ctx context.Context, channel int64, by string, budget time.Duration) error {
	res, err := t.tx.ExecContext(ctx, `
INSERT INTO self_checks (channel_id, asked_at, asked_by, ends_by)
VALUES ($1, now(), $2, now() + make_interval(secs => $3))
    ON CONFLICT (channel_id) DO UPDATE
   SET asked_at = now(), asked_by = $2, ends_by = now() + make_interval(secs => $3), ended_at = NULL, last_error = NULL
 WHERE self_checks.ended_at IS NOT NULL
    OR self_checks.ends_by <= now()`, channel, by, budget.Seconds())
	if err != nil {
		return toFault(err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.Conflict, "self_check.running")
	}
	return nil
}

// EndSelfCheck keeps a run's report, or why there is none.
func (t *Tx) EndSelfCheck(ctx context.Context, channel int64, report []byte, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE self_checks
   SET ended_at = now(),
       last_error = $3,
       report = COALESCE($2, report),
       reported_by = CASE WHEN $2::jsonb IS NULL THEN reported_by ELSE asked_by END,
       reported_at = CASE WHEN $2::jsonb IS NULL THEN reported_at ELSE now() END
 WHERE channel_id = $1`, channel, nullBytes(report), nullBytes(fault.ToRecord(cause).JSON()))
	return toFault(err)
}
