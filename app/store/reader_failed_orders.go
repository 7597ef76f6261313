package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/market"
)

// FailedOrders is how many of a product's orders have failed.
type FailedOrders struct {
	Channel   string `db:"channel"`
	ProductID string `db:"product_id"` // "" where the order query has not told it
	Lost      int    `db:"lost"`       // the marketplace has given them up
	AtRisk    int    `db:"at_risk"`    // it still tries
}

// FailedOrders counts the orders that came in since then and have failed for the
// marketplace, by channel and product, those with the most first: purchases and
// changes that it was not told to have succeeded before it stopped calling, whatever
// became of them later. What was answered with "processing" has succeeded if it was
// done by then. What we refused is such a call too, if it was proved or a key of ours
// has signed it. Our own agents' calls do not count.
func (r *Reader) FailedOrders(ctx context.Context, since, now time.Time) ([]FailedOrders, error) {
	protocols, activities, windows := ordersFailBy()
	out := []FailedOrders{}
	err := sqlx.SelectContext(ctx, r.q, &out, failedOrders, since, now, pq.Array(protocols), pq.Array(activities), pq.Array(windows),
		pq.Array(market.FindingsOfOurKeys()))
	return out, toFault(err)
}

// ordersFailBy is the interfaces that an order fails by, and for how many seconds the
// marketplace goes on calling each.
func ordersFailBy() (protocols, activities []string, seconds []float64) {
	for _, rule := range market.RetryRules() {
		if rule.FailsOrders() {
			protocols, activities, seconds = append(protocols, string(rule.Protocol)), append(activities, rule.Activity), append(seconds, rule.Window.Seconds())
		}
	}
	return protocols, activities, seconds
}

// takenOver says of a message m that we took the call: it was proved and understood.
const takenOver = `m.status <> 'rejected' AND m.idem_key NOT LIKE 'invalid/%'`

// calledProduct is the product that a message m is about, "" where that is not known:
// that of the instance or order, else the one that the call itself names.
const calledProduct = `COALESCE(` + boughtProduct + `, m.product_id)`

// boughtProduct is, for COALESCE, that of the instance or of the order that a message m
// names, NULL where they are not known.
const boughtProduct = `NULLIF((SELECT i.product_id FROM instances i WHERE i.channel_id = m.channel_id AND i.instance_id = m.instance_id), ''),
                       NULLIF((SELECT max(i.product_id) FROM instances i WHERE i.channel_id = m.channel_id AND i.order_id = m.order_id AND m.order_id <> ''
                                                                           AND m.order_line_id IN ('', i.order_line_id)), '')`

// failingCalls is the calls that have failed so far, with the end of the time in which
// the marketplace repeats them.
const failingCalls = `
SELECT m.id AS message, m.channel_id, m.order_id, m.order_line_id, m.activity, ` + calledProduct + ` AS product_id,
       m.first_received_at + w.lasts AS due
  FROM messages m
  JOIN w
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity
 WHERE (m.status = 'failed' OR m.status = 'processing' AND m.last_error IS NOT NULL
        OR m.activity IN ('newInstance', 'getLicense', 'upgradeInstance', 'upgrade') AND m.updated_at - m.first_received_at > interval '1 hour'
       AND m.first_received_at + w.lasts <= $2)
   AND m.last_received_at >= $1
   AND m.first_received_at >= $1
   AND NOT m.test
   AND m.activity = ANY ($4)
   AND ` + takenOver + `
   AND EXISTS (SELECT 1
                 FROM attempts a
                WHERE a.message_id = m.id
                  AND a.part >= month_of($1::timestamptz - interval '2 days')
                  AND ` + marketplaces + `)`

// refusedCalls is the same for those that we did not take. Each arrival of one may be a
// message of its own, so they go together by what they say is bought.
var refusedCalls = `
SELECT NULL::bigint AS message, m.channel_id, m.order_id, m.order_line_id, m.activity, max(` + calledProduct + `) AS product_id,
       min(came.at) + max(w.lasts) AS due
  FROM messages m
  JOIN w
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity
 CROSS JOIN LATERAL (SELECT min(a.at) AS at
                       FROM attempts a
                      WHERE a.message_id = m.id
                        AND a.part >= month_of($1::timestamptz - interval '2 days')
                        AND ` + marketplaces + `
                        AND (m.status = 'failed' OR ` + signedHere("$6") + `)) came
 WHERE (m.status = 'rejected' OR m.status = 'failed' AND m.idem_key LIKE 'invalid/%')
   AND m.last_received_at >= $1::timestamptz - w.lasts
   AND NOT m.test
   AND m.activity = ANY ($4)
   AND m.order_id <> ''
   AND came.at IS NOT NULL
 GROUP BY m.channel_id, m.order_id, m.order_line_id, m.activity
HAVING min(came.at) >= $1`

// wentWell says of a message m that the marketplace was told of its success by the
// time f.due, or would have been, had it asked once more.
const wentWell = `EXISTS (SELECT 1
                 FROM attempts a
                WHERE a.message_id = m.id
                  AND a.part >= month_of($1::timestamptz - interval '2 days')
                  AND ` + marketplaces + `
                  AND a.result_code = '000000'
                  AND a.at <= f.due)
       OR m.status = 'succeeded'
      AND COALESCE((SELECT a.result_code
                      FROM attempts a
                     WHERE a.message_id = m.id
                       AND a.part >= month_of($1::timestamptz - interval '2 days')
                       AND ` + marketplaces + `
                       AND a.at <= f.due
                     ORDER BY a.id DESC
                     LIMIT 1), '') = '000004'
      AND NOT EXISTS (SELECT 1
                        FROM tasks t
                       WHERE t.message_id = m.id
                         AND t.` + settles + `
                         AND t.finished_at > f.due)`

// isWell says of it that there is time left, and nothing wrong.
const isWell = `f.due > $2 AND (m.status = 'succeeded' OR m.status = 'processing' AND m.last_error IS NULL)`

// callsOf are the messages in which a failed call f may have gone well: its own, or
// those of the order that a refused one says it is of.
const callsOf = `ARRAY(SELECT f.message
                                      WHERE f.message IS NOT NULL
                                      UNION ALL
                                     SELECT o.id
                                       FROM messages o
                                      WHERE f.message IS NULL
                                        AND o.order_id = f.order_id
                                        AND o.order_id <> '')`

// failedOrders looks up the messages of each failed call by itself (OFFSET 0): there
// are few, and all messages would be read to find them together.
var failedOrders = `
WITH w AS (
    SELECT protocol, activity, make_interval(secs => seconds) AS lasts
      FROM unnest($3::text[], $4::text[], $5::float8[]) AS w (protocol, activity, seconds)
), f AS (` + failingCalls + `
 UNION ALL` + refusedCalls + `
)
SELECT (SELECT c.slug FROM channels c WHERE c.id = f.channel_id) AS channel, f.product_id,
       count(DISTINCT f.order_id) FILTER (WHERE f.due <= $2) AS lost,
       count(DISTINCT f.order_id) - count(DISTINCT f.order_id) FILTER (WHERE f.due <= $2) AS at_risk
  FROM f
 WHERE NOT EXISTS (SELECT 1
                     FROM messages m
                    WHERE m.id = ANY (` + callsOf + `)
                      AND m.channel_id = f.channel_id
                      AND m.order_id = f.order_id
                      AND f.order_line_id IN ('', m.order_line_id)
                      AND m.activity = f.activity
                      AND NOT m.test
                      AND ` + takenOver + `
                      AND (` + wentWell + ` OR ` + isWell + `)
                   OFFSET 0)
 GROUP BY f.channel_id, f.product_id
 ORDER BY lost DESC, at_risk DESC, channel, f.product_id`
