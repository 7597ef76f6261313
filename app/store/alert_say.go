package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// AddressAlerts gives every change of an alert to the targets that want to hear of
// it. The end of something is told to those who were told of it, or are about to
// be. A change is addressed once: a target that is made later hears of what
// happens later.
func (t *Tx) AddressAlerts(ctx context.Context) error {
	_, err := t.tx.ExecContext(ctx, addressAlerts)
	return toFault(err)
}

const addressAlerts = `
WITH fresh AS (
    SELECT id, alert_id, at, what, severity
      FROM alert_changes
     WHERE NOT addressed
     ORDER BY id
     LIMIT 5000
       FOR UPDATE SKIP LOCKED
), said AS (
    INSERT INTO alert_sayings (change_id, target_id)
    SELECT f.id, t.id
      FROM fresh f
      JOIN alerts a
        ON a.id = f.alert_id
      JOIN alert_targets t
        ON t.enabled
       AND t.removed_at IS NULL
       AND t.created_at <= f.at
       AND t.severity <= f.severity
       AND (t.kinds = '{}' OR a.kind = ANY (t.kinds))
      JOIN operators o
        ON o.id = t.operator_id
       AND o.disabled_at IS NULL
     WHERE f.what <> 'cleared'
        OR t.endings
       AND (EXISTS (SELECT 1
                      FROM alert_sayings s
                      JOIN alert_changes c ON c.id = s.change_id
                     WHERE c.alert_id = f.alert_id
                       AND s.target_id = t.id
                       AND s.state <> 'moot')
            OR EXISTS (SELECT 1
                         FROM fresh g
                        WHERE g.alert_id = f.alert_id
                          AND g.what <> 'cleared'
                          AND g.at >= t.created_at
                          AND g.severity >= t.severity))
    ON CONFLICT DO NOTHING
)
UPDATE alert_changes c
   SET addressed = TRUE
  FROM fresh f
 WHERE c.id = f.id`

// AlertTargetsWaiting lists the targets for which something waits to be said.
func (r *Reader) AlertTargetsWaiting(ctx context.Context) ([]int64, error) {
	var ids []int64
	err := sqlx.SelectContext(ctx, r.q, &ids, `
SELECT DISTINCT target_id
  FROM alert_sayings
 WHERE state = 'waiting'
 ORDER BY target_id`)
	return ids, toFault(err)
}

// DropMoot drops what waits for a target and is not true any more: that something
// happened which is right again by now, and that it is right again; and the lesser
// of two turns of the same alert.
func (t *Tx) DropMoot(ctx context.Context, target int64) error {
	for _, statement := range []string{`
UPDATE alert_sayings s
   SET state = 'moot'
  FROM alert_changes c
  JOIN alerts a ON a.id = c.alert_id
 WHERE s.target_id = $1
   AND s.state = 'waiting'
   AND c.id = s.change_id
   AND c.what <> 'cleared'
   AND (a.settled AND a.outcome IN ('resolved', 'gone')
        OR EXISTS (SELECT 1
                     FROM alert_changes later
                     JOIN alert_sayings w ON w.change_id = later.id AND w.target_id = $1 AND w.state = 'waiting'
                    WHERE later.alert_id = c.alert_id
                      AND later.id > c.id))`, `
UPDATE alert_sayings s
   SET state = 'moot'
  FROM alert_changes c
  JOIN alerts a ON a.id = c.alert_id
 WHERE s.target_id = $1
   AND s.state = 'waiting'
   AND c.id = s.change_id
   AND c.what = 'cleared'
   AND a.outcome IN ('resolved', 'gone')
   AND NOT EXISTS (SELECT 1
                     FROM alert_changes before
                     JOIN alert_sayings w ON w.change_id = before.id AND w.target_id = $1 AND w.state = 'said'
                    WHERE before.alert_id = c.alert_id)`} {
		if _, err := t.tx.ExecContext(ctx, statement, target); err != nil {
			return toFault(err)
		}
	}
	return nil
}

// AlertNews is a turn of an alert that waits to be said to somebody.
type AlertNews struct {
	ChangeID int64
	AlertID  int64
	Kind     string
	Subject  string
	What     string
	Severity int
	Outcome  string // with market.AlertCleared
	At       time.Time
	Until    time.Time // zero: none
	Facts    map[string]string
	Error    *fault.Record
	Returned int // how often it was over and came back
}

// pressing is whether a change c of an alert a is of severity $2. The end of something
// presses nobody, however bad it was. What is over just now waits for whether it comes
// back.
const pressing = `c.severity >= $2 AND (c.what <> 'cleared' OR $2 = 1) AND (a.cleared_at IS NULL OR a.settled)`

// AlertNews reads what waits for a target, the most pressing first, and how much
// there is of each kind.
func (t *Tx) AlertNews(ctx context.Context, target int64, severity, limit int) (news []AlertNews, kinds map[string]int, err error) {
	var counts []struct {
		Kind string `db:"kind"`
		N    int    `db:"n"`
	}
	err = t.tx.SelectContext(ctx, &counts, `
SELECT a.kind, count(*) AS n
  FROM alert_sayings s
  JOIN alert_changes c ON c.id = s.change_id
  JOIN alerts a ON a.id = c.alert_id
 WHERE s.target_id = $1
   AND s.state = 'waiting'
   AND `+pressing+`
 GROUP BY a.kind`, target, severity)
	if err != nil {
		return nil, nil, toFault(err)
	}
	kinds = map[string]int{}
	for _, k := range counts {
		kinds[k.Kind] = k.N
	}
	var rows []newsRow
	err = t.tx.SelectContext(ctx, &rows, `
SELECT c.id AS change_id, a.id AS alert_id, a.kind, a.subject, c.what, c.severity, a.outcome, c.at, a.until_at, a.facts, a.error, a.returned
  FROM alert_sayings s
  JOIN alert_changes c ON c.id = s.change_id
  JOIN alerts a ON a.id = c.alert_id
 WHERE s.target_id = $1
   AND s.state = 'waiting'
   AND `+pressing+`
 ORDER BY c.what = 'cleared', c.severity DESC, a.until_at NULLS LAST, c.id
 LIMIT $3`, target, severity, limit)
	if err != nil {
		return nil, nil, toFault(err)
	}
	for _, row := range rows {
		n, err := row.news()
		if err != nil {
			return nil, nil, err
		}
		news = append(news, n)
	}
	return news, kinds, nil
}

type newsRow struct {
	ChangeID int64          `db:"change_id"`
	AlertID  int64          `db:"alert_id"`
	Kind     string         `db:"kind"`
	Subject  string         `db:"subject"`
	What     string         `db:"what"`
	Severity int            `db:"severity"`
	Outcome  string         `db:"outcome"`
	At       time.Time      `db:"at"`
	Until    sql.NullTime   `db:"until_at"`
	Facts    string         `db:"facts"`
	Error    sql.NullString `db:"error"`
	Returned int            `db:"returned"`
}

func (r newsRow) news() (AlertNews, error) {
	n := AlertNews{ChangeID: r.ChangeID, AlertID: r.AlertID, Kind: r.Kind, Subject: r.Subject, What: r.What, Severity: r.Severity,
		At: r.At.UTC(), Until: utc(r.Until), Returned: r.Returned}
	if r.What == market.AlertCleared {
		n.Outcome = r.Outcome
	}
	if err := json.Unmarshal([]byte(r.Facts), &n.Facts); err != nil {
		return n, fault.Wrap(err, fault.Internal, "internal")
	}
	var err error
	n.Error, err = recordOf(r.Error)
	return n, err
}

// Said is a message that a target got.
type Said struct {
	At       time.Time `db:"created_at"`
	Critical bool      `db:"critical"`
}

// SaidLately is the messages that a target got since then, the newest first: tests,
// or all others.
func (t *Tx) SaidLately(ctx context.Context, target int64, since time.Time, tests bool) ([]Said, error) {
	var out []Said
	err := t.tx.SelectContext(ctx, &out, `
SELECT created_at, critical
  FROM alert_messages
 WHERE target_id = $1
   AND created_at > $2
   AND test = $3
 ORDER BY created_at DESC`, target, since, tests)
	return out, toFault(err)
}

// NewAlertMessage is a message to one target, to be written.
type NewAlertMessage struct {
	Target   int64
	Test     bool
	Critical bool // it tells of something critical
	Says     int
	Title    string
	Content  []byte
	Ref      string
}

// AddAlertMessage writes a message and the task that sends it.
func (t *Tx) AddAlertMessage(ctx context.Context, n NewAlertMessage) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO alert_messages (target_id, test, critical, says, title, content_sealed, message_ref)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id`, n.Target, n.Test, n.Critical, n.Says, n.Title, t.keys.Seal(seal.Content, n.Content), n.Ref)
	if err != nil {
		return 0, toFault(err)
	}
	task, err := t.Enqueue(ctx, outbox.New{Kind: outbox.Alert, Purpose: outbox.Notify, UniqueKey: outbox.Key(outbox.Alert, outbox.Notify, id)})
	if err != nil {
		return 0, err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE alert_messages
   SET task_id = $2
 WHERE id = $1`, id, task)
	return id, toFault(err)
}

// MarkSaid notes which message says what waits for a target.
func (t *Tx) MarkSaid(ctx context.Context, target int64, severity int, message int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_sayings s
   SET state = 'said',
       message_id = $3
  FROM alert_changes c
  JOIN alerts a ON a.id = c.alert_id
 WHERE s.target_id = $1
   AND s.state = 'waiting'
   AND c.id = s.change_id
   AND `+pressing, target, severity, message)
	return toFault(err)
}
