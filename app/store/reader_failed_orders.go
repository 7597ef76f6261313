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
// done by then. Our own agents' calls do not count.
func (r *Reader) FailedOrders(ctx context.Context, since, now time.Time) ([]FailedOrders, error) {
	var protocols, activities []string
	var windows []float64
	for _, rule := range market.RetryRules() {
		if rule.FailsOrders() {
			protocols, activities, windows = append(protocols, string(rule.Protocol)), append(activities, rule.Activity), append(windows, rule.Window.Seconds())
		}
	}
	out := []FailedOrders{}
	err := sqlx.SelectContext(ctx, r.q, &out, failedOrders, since, now, pq.Array(protocols), pq.Array(activities), pq.Array(windows))
	return out, toFault(err)
}

const failedOrders = `
SELECT (SELECT c.slug FROM channels c WHERE c.id = m.channel_id) AS channel, COALESCE(i.product_id, '') AS product_id,
       count(*) FILTER (WHERE due.at <= $2) AS lost,
       count(*) FILTER (WHERE due.at > $2) AS at_risk
  FROM messages m
  JOIN unnest($3::text[], $4::text[], $5::float8[]) AS w (protocol, activity, seconds)
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity
 CROSS JOIN LATERAL (SELECT m.first_received_at + make_interval(secs => w.seconds) AS at) due
  LEFT JOIN instances i
         ON i.instance_id = m.instance_id
        AND i.channel_id = m.channel_id
 WHERE (m.status = 'failed' OR m.status = 'processing' AND m.last_error IS NOT NULL
        OR m.activity IN ('newInstance', 'getLicense', 'upgradeInstance', 'upgrade') AND m.updated_at - m.first_received_at > interval '1 hour' AND due.at <= $2)
   AND m.last_received_at >= $1
   AND m.first_received_at >= $1
   AND NOT m.test
   AND m.activity = ANY ($4)
   AND EXISTS (SELECT 1
                 FROM attempts a
                WHERE a.message_id = m.id
                  AND a.part >= month_of($1::timestamptz - interval '2 days')
                  AND ` + marketplaces + `)
   AND NOT EXISTS (SELECT 1
                     FROM attempts a
                    WHERE a.message_id = m.id
                      AND a.part >= month_of($1::timestamptz - interval '2 days')
                      AND ` + marketplaces + `
                      AND a.result_code = '000000'
                      AND a.at <= due.at)
   AND NOT (m.status = 'succeeded'
            AND COALESCE((SELECT a.result_code
                            FROM attempts a
                           WHERE a.message_id = m.id
                             AND a.part >= month_of($1::timestamptz - interval '2 days')
                             AND ` + marketplaces + `
                             AND a.at <= due.at
                           ORDER BY a.id DESC
                           LIMIT 1), '') = '000004'
            AND NOT EXISTS (SELECT 1
                              FROM tasks t
                             WHERE t.message_id = m.id
                               AND t.` + settles + `
                               AND t.finished_at > due.at))
 GROUP BY m.channel_id, product_id
 ORDER BY lost DESC, at_risk DESC, channel, product_id`
