package store

import (
	"strconv"

	"koodesk/app/market"
)

// alertSources is what each kind of alert is about.
var alertSources = map[string]alertSource{
	market.AlertRetry: {
		stands: `EXISTS (` + failingSubject + ` AND m.retry_until > now() AND NOT ` + closedFailure + `)`,
		late:   `EXISTS (` + failingSubject + ` AND m.retry_until <= now() AND NOT ` + closedFailure + `)`,
		gone:   `EXISTS (` + failingSubject + ` AND ` + closedFailure + `)`,
	},
	market.AlertManual: {
		stands: `a.until_at > now() AND EXISTS (` + parkedSubject + `)`,
		late:   `EXISTS (` + parkedSubject + `)`,
	},
	market.AlertLicense: {
		found: `
    SELECT w.subject, CASE WHEN w.until_at <= now() + make_interval(secs => ` + lastSeconds + `) THEN 2 ELSE 1 END AS severity, NULL::jsonb AS error,
           NULL::timestamptz AS since, w.until_at, w.facts
      FROM (SELECT l.id::text AS subject, ` + licenseDue + ` AS until_at,
                   jsonb_build_object('order_id', i.order_id, 'product', i.product_name, 'instance_id', i.instance_id,
                                      'channel', COALESCE((SELECT c.slug FROM channels c WHERE c.id = l.channel_id), '')) || ` + licenseAsked + ` AS facts
              FROM ` + waitingLicenses + `) w
     WHERE w.until_at IS NULL
        OR w.until_at > now()`,
		stands: `EXISTS (` + waitingSubject + ` AND COALESCE(` + licenseDue + ` > now(), TRUE))`,
		late:   `EXISTS (` + waitingSubject + `)`,
		gone:   `NOT EXISTS (SELECT 1 FROM licenses l WHERE l.id = a.subject::bigint AND l.status <> '` + string(market.LicenseCancelled) + `')`,
	},
	market.AlertRefused: {stands: refusedStands, late: refusedLate, gone: refusedGone},
	market.AlertKey:     {found: keysRefused, stands: keysStillRefused, gone: keysUnproved, idle: `'{"calls": "0"}'`},
	market.AlertGroup: {
		found: `
    SELECT g.id::text AS subject, 1 AS severity, g.error, g.opened_at AS since, NULL::timestamptz AS until_at,
           jsonb_build_object('step', g.step, 'product_id', g.product_id, 'again', CASE WHEN g.reopened > 0 THEN 'yes' ELSE '' END,
                              'channel', COALESCE((SELECT c.slug FROM channels c WHERE c.id = g.channel_id), '')) AS facts
      FROM failure_groups g
     WHERE ` + deciding + `
       AND g.step <> 'alert'`,
		stands: `EXISTS (SELECT 1 FROM failure_groups g WHERE g.id = a.subject::bigint AND g.resolved_at IS NULL AND g.opened_at = a.since)`,
	},
	market.AlertConflict: {
		found: `
    SELECT m.id::text AS subject, 1 AS severity, NULL::jsonb AS error, NULL::timestamptz AS since, NULL::timestamptz AS until_at,
           jsonb_build_object('activity', m.activity, 'order_id', m.order_id,
                              'channel', COALESCE((SELECT c.slug FROM channels c WHERE c.id = m.channel_id), '')) AS facts
      FROM (SELECT DISTINCT message_id FROM quarantine WHERE status = 'open') q
      JOIN messages m ON m.id = q.message_id`,
		stands: `EXISTS (SELECT 1 FROM quarantine q WHERE q.message_id = a.subject::bigint AND q.status = 'open')`,
	},
	market.AlertPool: {
		found: `
    SELECT low.name AS subject, CASE WHEN low.free = 0 THEN 2 ELSE 1 END AS severity, NULL::jsonb AS error, NULL::timestamptz AS since,
           NULL::timestamptz AS until_at, jsonb_build_object('pool', low.name, 'free', low.free::text, 'low_water', low.low_water::text) AS facts
      FROM (` + lowPools + `) low`,
		stands: `a.subject IN (SELECT low.name FROM (` + lowPools + `) low)`,
	},
	market.AlertDelivery: {
		found: `
    SELECT d.id::text AS subject, CASE WHEN d.kind = 'usage_info' THEN 2 ELSE 1 END AS severity, d.last_error AS error,
           NULL::timestamptz AS since, NULL::timestamptz AS until_at,
           jsonb_build_object('kind', d.kind, 'medium', d.medium, 'instance_id', (SELECT i.instance_id FROM instances i WHERE i.id = d.instance_pk)) AS facts
      FROM deliveries d
     WHERE ` + undecided + `
       AND ` + failedAt + ` > now() - interval '3 days'
       AND NOT EXISTS (SELECT 1 FROM alerts a WHERE a.kind = $1 AND a.subject = d.id::text AND a.cleared_at IS NULL AND NOT a.settled)
     ORDER BY d.created_at
     LIMIT ` + alertBatch,
		stands: `EXISTS (SELECT 1 FROM deliveries d WHERE d.id = a.subject::bigint AND d.status IN ('failed', 'pending', 'running')
                           AND ` + untold + `
                           AND ` + notClosed + `)`,
	},
	market.AlertReceiver: {
		found: `
    SELECT CASE WHEN bad.to_product THEN 'product/' || bad.product_pk ELSE 'target/' || bad.target_id END AS subject,
           CASE WHEN bad.given_up THEN 2 ELSE 1 END AS severity, e.last_error AS error, NULL::timestamptz AS since, NULL::timestamptz AS until_at,
           jsonb_build_object('target', e.target, 'name', COALESCE((SELECT t.name FROM event_targets t WHERE t.id = bad.target_id), ''),
                              'channel', COALESCE((SELECT c.slug FROM channels c WHERE c.id = e.channel_id), '')) AS facts
      FROM (` + troubled(`e.created_at > now() - interval '7 days' AND (e.status = 'failed' OR e.attempts >= 5 OR e.last_error ->> 'key' = 'webhook.breaker_open')`) + `) bad
      JOIN events e ON e.id = bad.last`,
		stands: `a.subject IN (SELECT CASE WHEN bad.to_product THEN 'product/' || bad.product_pk ELSE 'target/' || bad.target_id END
                                 FROM (` + troubled(`TRUE`) + `) bad)`,
		gone: `a.subject LIKE 'target/%' AND NOT EXISTS (SELECT 1 FROM event_targets x WHERE 'target/' || x.id = a.subject AND x.enabled)`,
	},
}

// failedAt is when a delivery d that was given up was, as far as is known: it may have been
// written long before, and sent again or come back.
const failedAt = `GREATEST(d.created_at, d.outcome_at, (SELECT max(t.finished_at) FROM tasks t WHERE t.delivery_id = d.id))`

// failingSubject says of an alert a that its message fails, or is not done.
const failingSubject = `SELECT 1 FROM messages m WHERE m.id = a.subject::bigint AND m.status IN ('failed', 'processing')`

// closedFailure says of such a message m that nobody is to put it right: a person has
// closed its failure group, or a later call was its repair.
const closedFailure = `COALESCE(m.failure_group = 0 AND m.last_error IS NOT NULL, FALSE)`

// parkedSubject says of an alert a that its instance waits for a person.
var parkedSubject = `SELECT 1
                         FROM tasks t
                         JOIN instances x ON x.id = t.instance_pk
                        WHERE x.instance_id = a.subject
                          AND ` + parkedFor[ForPerson]

// waitingSubject says of an alert a that its License waits for a person.
const waitingSubject = `SELECT 1 FROM ` + waitingLicenses + ` AND l.id = a.subject::bigint`

// licenseAsked is by which call, and of which site, the marketplace asks for the License
// of a task t, as long as it does; see licenseDue.
const licenseAsked = `COALESCE((SELECT jsonb_build_object('protocol', m.protocol, 'activity', m.activity, 'site', c.site)
                                                        FROM messages m
                                                        JOIN channels c ON c.id = m.channel_id
                                                       WHERE m.id = t.message_id
                                                         AND m.result_code <> '000000'), '{}')`

// lastSeconds is market.LastCall in seconds, as SQL has it.
var lastSeconds = strconv.Itoa(int(market.LastCall.Seconds()))

// troubled is the receivers of events that have not taken one since they were
// troubled by what the condition says of event e: the last of those events, and
// whether one was given up. A target that is switched off is none.
func troubled(condition string) string {
	return `
        SELECT t.*
          FROM (SELECT e.to_product, e.product_pk, e.target_id, max(e.id) AS last, bool_or(e.status = 'failed') AS given_up
                  FROM events e
                 WHERE e.status IN ('pending', 'failed')
                   AND e.last_error IS NOT NULL
                   AND e.last_error ->> 'key' LIKE 'webhook.%'
                   AND (` + condition + `)
                 GROUP BY e.to_product, e.product_pk, e.target_id) t
         WHERE t.to_product
           AND t.product_pk IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM events s WHERE s.status = 'succeeded' AND s.target_id IS NULL AND s.product_pk = t.product_pk AND s.id > t.last)
            OR NOT t.to_product
           AND EXISTS (SELECT 1 FROM event_targets x WHERE x.id = t.target_id AND x.enabled)
           AND NOT EXISTS (SELECT 1 FROM events s WHERE s.status = 'succeeded' AND s.target_id = t.target_id AND s.id > t.last)`
}
