package store

import (
	"cmp"
	"context"

	"github.com/lib/pq"

	"koodesk/app/market"
)

// ClearAlerts ends the alerts of a kind that are about nothing any more.
func (t *Tx) ClearAlerts(ctx context.Context, kind string) error {
	s := alertSources[kind]
	late, missing := cmp.Or(s.late, "FALSE"), cmp.Or(s.gone, "FALSE")
	_, err := t.tx.ExecContext(ctx, `
WITH gone AS MATERIALIZED (
    SELECT a.id, CASE WHEN `+late+` THEN 'lapsed' WHEN `+missing+` THEN 'gone' ELSE 'resolved' END AS outcome
      FROM alerts a
     WHERE a.kind = $1
       AND a.cleared_at IS NULL
       AND NOT (`+s.stands+`)
)`+clearAlerts, kind)
	return toFault(err)
}

// ClearAlertsBut ends the alerts of a kind that are about none of those that stand.
// What is neither among those that are right is there no more.
func (t *Tx) ClearAlertsBut(ctx context.Context, kind string, standing, right []string) error {
	_, err := t.tx.ExecContext(ctx, `
WITH gone AS MATERIALIZED (
    SELECT id, CASE WHEN subject = ANY ($3) THEN 'resolved' ELSE 'gone' END AS outcome
      FROM alerts
     WHERE kind = $1
       AND cleared_at IS NULL
       AND subject <> ALL ($2)
)`+clearAlerts, kind, pq.Array(standing), pq.Array(right))
	return toFault(err)
}

// clearAlerts ends the alerts of gone; SettleAlerts makes it a change.
const clearAlerts = `
UPDATE alerts
   SET cleared_at = now(),
       outcome = gone.outcome
  FROM gone
 WHERE alerts.id = gone.id
   AND alerts.cleared_at IS NULL`

// SettleAlerts makes the end of those alerts a change that has lasted so long that
// what comes now is another alert. What was too late cannot come back.
func (t *Tx) SettleAlerts(ctx context.Context) error {
	_, err := t.tx.ExecContext(ctx, settleAlerts, market.AlertCalm.Seconds())
	return toFault(err)
}

const settleAlerts = `
WITH ended AS (
    UPDATE alerts
       SET settled = TRUE
     WHERE NOT settled
       AND cleared_at IS NOT NULL
       AND (outcome = 'lapsed' OR cleared_at <= now() - make_interval(secs => $1))
    RETURNING id, severity, cleared_at
)
INSERT INTO alert_changes (alert_id, at, what, severity)
SELECT id, cleared_at, 'cleared', greatest(severity, (SELECT max(c.severity) FROM alert_changes c WHERE c.alert_id = ended.id))
  FROM ended
 ORDER BY id`
