package store

import (
	"context"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// alertBatch bounds how many alerts of a kind one look opens; the rest are found
// by the next.
const alertBatch = "1000"

// AlertFact is something that operators should hear of. Subject names it within
// its kind. Facts are what they are told of it, and hold nothing secret.
type AlertFact struct {
	Subject  string
	Severity int // market.Warning, market.Critical
	Facts    map[string]string
	Error    *fault.Record
	Until    time.Time // zero: none
}

// alertSource is how the database tells what a kind of alert is about.
type alertSource struct {
	// found selects subject, severity, facts, error, since and until_at of what
	// stands; $1 is the kind. Empty: the program says what it found.
	found string
	// stands is whether an alert a is still about something.
	stands string
	// late is whether one that does not stand any more was not put right in time;
	// empty: that cannot be.
	late string
	// gone is whether what one was about is there no more, which is not the same as
	// right again; empty: that cannot be.
	gone string
	// idle is the facts of one that stands although nothing is found of it; empty:
	// those that it has stay true.
	idle string
}

// asFound is what an alert says of what was found f.
var asFound = `facts = f.facts,
           error = ` + wordless("f.error") + `,
           until_at = f.until_at`

// openAlerts makes an alert of everything found that has none, and raises those
// that have become worse. Each of the two is a change that people may hear of. What
// was over just now and is back is the same alert, and no change; if it is worse than
// it was, the next look raises it. The last call is made again of what stands or is
// back if its time has begun anew. The facts are kept true. What others said in an
// error may name a customer, whom the alert outlives.
var openAlerts = `
, opened AS (
    INSERT INTO alerts (kind, subject, severity, facts, error, since, until_at)
    SELECT $1, f.subject, f.severity, f.facts, ` + wordless("f.error") + `, f.since, f.until_at
      FROM found f
     WHERE NOT EXISTS (SELECT 1 FROM alerts a WHERE a.kind = $1 AND a.subject = f.subject AND NOT a.settled)
     LIMIT ` + alertBatch + `
    ON CONFLICT (kind, subject) WHERE NOT settled DO NOTHING
    RETURNING id, severity
), back AS (
    UPDATE alerts a
       SET cleared_at = NULL,
           outcome = '',
           returned = a.returned + 1,
           severity = CASE WHEN f.until_at > a.until_at THEN 1 ELSE a.severity END,
           since = f.since,
           ` + asFound + `
      FROM found f
     WHERE a.kind = $1
       AND a.subject = f.subject
       AND a.cleared_at IS NOT NULL
       AND NOT a.settled
), kept AS (
    UPDATE alerts a
       SET severity = CASE WHEN f.until_at > a.until_at THEN f.severity ELSE a.severity END,
           ` + asFound + `
      FROM found f
     WHERE a.kind = $1
       AND a.subject = f.subject
       AND a.cleared_at IS NULL
       AND NOT a.settled
       AND a.severity >= f.severity
       AND (a.facts, a.error, a.until_at) IS DISTINCT FROM (f.facts, ` + wordless("f.error") + `, f.until_at)
), raised AS (
    UPDATE alerts a
       SET severity = f.severity,
           ` + asFound + `
      FROM found f
     WHERE a.kind = $1
       AND a.subject = f.subject
       AND a.cleared_at IS NULL
       AND NOT a.settled
       AND a.severity < f.severity
    RETURNING a.id, a.severity
)
INSERT INTO alert_changes (alert_id, what, severity)
SELECT id, 'opened', severity FROM opened
 UNION ALL
SELECT id, 'raised', severity FROM raised
 ORDER BY 1`

// OpenAlerts looks for what a kind of alert is about.
func (t *Tx) OpenAlerts(ctx context.Context, kind string) error {
	_, err := t.tx.ExecContext(ctx, alertSources[kind].look(), kind)
	return toFault(err)
}

// look is the statement that opens the alerts of a kind, $1.
func (s alertSource) look() string {
	idle := ""
	if s.idle != "" {
		idle = `
, idle AS (
    UPDATE alerts a
       SET facts = a.facts || ` + s.idle + `
     WHERE a.kind = $1
       AND a.cleared_at IS NULL
       AND NOT a.facts @> ` + s.idle + `
       AND NOT EXISTS (SELECT 1 FROM found f WHERE f.subject = a.subject)
)`
	}
	return `
WITH found AS MATERIALIZED (` + s.found + `)` + idle + openAlerts
}

// OpenAlertsOf does the same for what the program has found.
func (t *Tx) OpenAlertsOf(ctx context.Context, kind string, facts []AlertFact) error {
	if len(facts) == 0 {
		return nil
	}
	n := len(facts)
	subjects, severities, said, errs, until := make([]string, n), make([]int64, n), make([]string, n), make([]string, n), make([]string, n)
	for i, f := range facts {
		text, err := jsonText(f.Facts)
		if err != nil {
			return err
		}
		subjects[i], severities[i], said[i], errs[i] = f.Subject, int64(f.Severity), text, string(f.Error.JSON())
		if !f.Until.IsZero() {
			until[i] = f.Until.UTC().Format(time.RFC3339Nano)
		}
	}
	_, err := t.tx.ExecContext(ctx, `
WITH found AS MATERIALIZED (
    SELECT subject, severity, facts::jsonb AS facts, NULLIF(error, '')::jsonb AS error, NULL::timestamptz AS since,
           NULLIF(until_at, '')::timestamptz AS until_at
      FROM unnest($2::text[], $3::smallint[], $4::text[], $5::text[], $6::text[]) AS given (subject, severity, facts, error, until_at)
)`+openAlerts, kind, pq.Array(subjects), pq.Array(severities), pq.Array(said), pq.Array(errs), pq.Array(until))
	return toFault(err)
}

// MoveAlerts follows the messages that alerts are about: the marketplace's time
// where a new call has begun it anew, why they fail, and what they wait for.
// What was critical is a warning again with the new time, so that the last call is
// made again.
func (t *Tx) MoveAlerts(ctx context.Context) error {
	_, err := t.tx.ExecContext(ctx, moveAlerts, market.AlertRetry, market.LastCall.Seconds())
	return toFault(err)
}

var moveAlerts = `
UPDATE alerts a
   SET until_at = m.retry_until,
       severity = CASE WHEN m.retry_until <> a.until_at AND m.retry_until > now() + make_interval(secs => $2) THEN 1 ELSE a.severity END,
       error = ` + wordless("m.last_error") + `,
       facts = (a.facts - 'waits') || w.waits
  FROM messages m
  LEFT JOIN LATERAL (` + openWork + `) open ON TRUE
 CROSS JOIN LATERAL (SELECT CASE WHEN m.last_error IS NULL THEN jsonb_build_object('waits', COALESCE(open.waits, '` + WaitsForNothing + `')) ELSE '{}' END AS waits) w
 WHERE a.kind = $1
   AND a.cleared_at IS NULL
   AND m.id = a.subject::bigint
   AND m.retry_until IS NOT NULL
   AND m.status IN ('failed', 'processing') -- what has come right keeps why it failed
   AND NOT ` + closedFailure + `
   AND (m.retry_until <> a.until_at OR a.error IS DISTINCT FROM ` + wordless("m.last_error") + ` OR a.facts IS DISTINCT FROM (a.facts - 'waits') || w.waits)`

// RunningOut finds the messages that fail, or are still at work, and whose
// marketplace's patience may be at an alarm that nobody has heard of. The caller
// decides by market.AlarmDue.
func (t *Tx) RunningOut(ctx context.Context) ([]RunningOut, error) {
	var protocols, activities []string
	var seconds []float64
	longest := market.LastCall
	for _, r := range market.RetryRules() {
		if r.Window > 0 {
			protocols, activities, seconds = append(protocols, string(r.Protocol)), append(activities, r.Activity), append(seconds, r.Window.Seconds())
			longest = max(longest, r.Window/2)
		}
	}
	var out []RunningOut
	err := t.tx.SelectContext(ctx, &out, runningOut, pq.Array(protocols), pq.Array(activities), pq.Array(seconds),
		longest.Seconds(), market.LastCall.Seconds())
	return out, toFault(err)
}

// RunningOut is something whose time runs out.
type RunningOut struct {
	Subject  string          `db:"subject"`
	Protocol market.Protocol `db:"protocol"`
	Activity string          `db:"activity"`
	OrderID  string          `db:"order_id"`
	Channel  string          `db:"channel"`
	Site     market.Site     `db:"site"` // of the channel
	Product  string          `db:"product"`
	Since    time.Time       `db:"since"`
	First    time.Time       `db:"first"` // of a message: the marketplace's first call
	Until    time.Time       `db:"until_at"`
	Error    *string         `db:"error"`
	// Waits is what one waits for of which nothing has failed: WaitsForSystem,
	// WaitsForNothing, or a kind of task. "" is any other.
	Waits string `db:"waits"`
	// Refused is whether nothing of it can be run again here: the call must come anew.
	Refused bool `db:"refused"`
}

// What a message waits for beside tasks of its own.
const (
	WaitsForSystem  = "system"  // the seller's own, which has promised
	WaitsForNothing = "nothing" // no task is there
)

// Fault is why, if that is known.
func (r RunningOut) Fault() (*fault.Record, error) {
	if r.Error == nil {
		return nil, nil
	}
	return fault.ParseRecord([]byte(*r.Error))
}

// openWork is what a message m waits for, and whether for a person.
var openWork = `SELECT CASE WHEN ` + parkedFor[ForSystem] + ` THEN '` + WaitsForSystem + `' ELSE t.kind END AS waits,
                                    ` + parkedFor[ForPerson] + ` OR t.kind = 'license' AND t.parked_at IS NOT NULL AND t.run_at >= ` + untilPerson + ` AS person
                               FROM tasks t
                              WHERE t.message_id = m.id
                                AND t.status IN ('pending', 'running')
                                AND t.` + settles + `
                              ORDER BY t.id DESC
                              LIMIT 1`

// What counts is what the marketplace was told when it called last. Its time runs
// also for what still has automatic tries to come, and for what was answered with
// "processing" and is not done. A call was received no longer ago than the longest
// of the windows ($4 is half of it), by which the latter are found; what waits for
// a person has alerts of its own.
var runningOut = `
SELECT m.id::text AS subject, w.protocol, m.activity, m.order_id, COALESCE(c.slug, '') AS channel, COALESCE(c.site, '') AS site,
       '' AS product, m.retry_until AS since, m.first_received_at AS first, m.retry_until AS until_at, m.last_error AS error, m.waits, m.refused
  FROM (SELECT id, protocol, activity, order_id, channel_id, online_license, result_code, first_received_at, retry_until, last_error, '' AS waits,
               status = 'failed' AND starts_with(idem_key, 'invalid/') AS refused
          FROM messages
         WHERE (status = 'failed' OR status = 'processing' AND last_error IS NOT NULL)
           AND retry_until IS NOT NULL
           AND failure_group IS DISTINCT FROM 0 -- see closedFailure
           AND NOT test
           AND retry_until <= now() + make_interval(secs => $4)
        UNION ALL
        SELECT m.id, protocol, activity, m.order_id, channel_id, online_license, result_code, first_received_at, retry_until, m.last_error, COALESCE(open.waits, '` + WaitsForNothing + `'), FALSE
          FROM messages m
          LEFT JOIN LATERAL (` + openWork + `) open ON TRUE
         WHERE m.status = 'processing'
           AND m.last_error IS NULL
           AND NOT test
           AND last_received_at > now() - 2 * make_interval(secs => $4)
           AND retry_until <= now() + make_interval(secs => $4)
           AND open.person IS NOT TRUE) m
  JOIN unnest($1::text[], $2::text[], $3::float8[]) AS w (protocol, activity, seconds)
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity
  LEFT JOIN channels c
    ON c.id = m.channel_id
  LEFT JOIN alerts a
    ON a.kind = 'retry_window'
   AND a.subject = m.id::text
   AND a.cleared_at IS NULL
   AND NOT a.settled
 WHERE m.retry_until > now()
   AND m.retry_until <= now() + make_interval(secs => greatest(w.seconds / 2, $5))
   AND (a.id IS NULL OR a.severity = 1 AND m.retry_until <= now() + make_interval(secs => $5))
   AND COALESCE((SELECT a.result_code FROM attempts a WHERE a.message_id = m.id AND ` + marketplaces + ` ORDER BY a.id DESC LIMIT 1), m.result_code) <> '000000'
 ORDER BY m.retry_until, m.id
 LIMIT ` + alertBatch

// WaitingTooLong finds the instances that wait for a person's access data and
// whose time may be at an alarm.
func (t *Tx) WaitingTooLong(ctx context.Context) ([]RunningOut, error) {
	var out []RunningOut
	err := t.tx.SelectContext(ctx, &out, waitingTooLong)
	return out, toFault(err)
}

var waitingTooLong = `
SELECT i.instance_id AS subject, i.protocol, '' AS activity, i.order_id, COALESCE((SELECT c.slug FROM channels c WHERE c.id = i.channel_id), '') AS channel,
       i.product_name AS product, t.parked_at AS since, due.at AS until_at, NULL AS error
  FROM tasks t
  JOIN instances i
    ON i.id = t.instance_pk
 CROSS JOIN LATERAL (SELECT ` + workDue + ` AS at) due
  LEFT JOIN alerts a
    ON a.kind = 'manual_due'
   AND a.subject = i.instance_id
   AND a.cleared_at IS NULL
   AND NOT a.settled
 WHERE ` + parkedFor[ForPerson] + `
   AND due.at > now()
   AND due.at <= now() + interval '12 hours'
   AND (a.id IS NULL OR a.severity = 1)
 ORDER BY due.at
 LIMIT ` + alertBatch
