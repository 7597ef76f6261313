package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"koodesk/app/market"
)

// RefusedOut is the most pressing refused call of a channel.
type RefusedOut struct {
	RunningOut
	Calls int `db:"calls"` // how many there are, with this one
}

// orderRules are the rules of the interfaces whose order has failed when the
// marketplace stops calling.
func orderRules() (out []market.RetryRule) {
	for _, r := range market.RetryRules() {
		if r.FailsOrders() {
			out = append(out, r)
		}
	}
	return out
}

// refusedActivities are those interfaces, as an array.
var refusedActivities = func() string {
	var names []string
	for _, r := range orderRules() {
		names = append(names, r.Activity)
	}
	return `'{` + strings.Join(names, ",") + `}'`
}()

// refusedOrder says of a message m that it is a call about an order which could not
// be proved. One that was proved since, for the same order, has come right.
var refusedOrder = `m.status = 'rejected'
   AND NOT m.test
   AND m.order_id <> ''
   AND m.activity = ANY (` + refusedActivities + `)
   AND NOT EXISTS (SELECT 1
                     FROM messages p
                    WHERE p.order_id = m.order_id
                      AND p.channel_id = m.channel_id
                      AND p.activity = m.activity
                      AND p.status <> 'rejected'
                      AND NOT p.test
                      AND p.last_received_at >= m.last_received_at)`

// RefusedOut finds of each channel the refused calls about orders that are, if the
// marketplace has made them, past half of their time, and gives the one whose time
// ends first. The caller decides by market.AlarmDue.
func (t *Tx) RefusedOut(ctx context.Context) ([]RefusedOut, error) {
	var protocols, activities []string
	var seconds []float64
	for _, r := range orderRules() {
		protocols, activities, seconds = append(protocols, string(r.Protocol)), append(activities, r.Activity), append(seconds, r.Window.Seconds())
	}
	var out []RefusedOut
	err := t.tx.SelectContext(ctx, &out, refusedOut, pq.Array(protocols), pq.Array(activities), pq.Array(seconds), market.LastCall.Seconds())
	return out, toFault(err)
}

var refusedOut = `
SELECT DISTINCT ON (m.channel_id)
       m.id::text AS subject, w.protocol, m.activity, m.order_id, c.slug AS channel, c.site, '' AS product,
       m.retry_until - make_interval(secs => w.seconds) AS since, m.retry_until AS until_at, m.last_error AS error, '' AS waits,
       count(*) OVER (PARTITION BY m.channel_id) AS calls
  FROM messages m
  JOIN channels c
    ON c.id = m.channel_id
  JOIN unnest($1::text[], $2::text[], $3::float8[]) AS w (protocol, activity, seconds)
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity
 WHERE ` + refusedOrder + `
   AND m.retry_until > now()
   AND m.retry_until <= now() + make_interval(secs => greatest(w.seconds / 2, $4))
 ORDER BY m.channel_id, m.retry_until, m.id`

// refusedHalf is the longest half of those interfaces' times.
var refusedHalf = func() string {
	longest := market.LastCall
	for _, r := range orderRules() {
		longest = max(longest, r.Window/2)
	}
	return seconds(longest)
}()

func seconds(d time.Duration) string { return fmt.Sprintf("interval '%d seconds'", int(d.Seconds())) }

// refusedStands is whether a channel still has calls for which the alert's moment has
// come (of the last one those of half their time would hide the next), refusedLate whether the
// one that an alert a named was never put right, refusedGone whether that one is not
// kept any more. One alert speaks for all of a channel: strangers can have any
// number of calls refused.
var (
	refusedStands = `EXISTS (SELECT 1
                      FROM messages m
                      JOIN channels c ON c.id = m.channel_id
                     WHERE c.slug = split_part(a.subject, '/', 1)
                       AND ` + refusedOrder + `
                       AND m.retry_until > now()
                       AND m.retry_until <= now() + CASE split_part(a.subject, '/', 2) WHEN '` + market.AlarmLast + `' THEN ` + seconds(market.LastCall) + ` ELSE ` + refusedHalf + ` END)`
	refusedLate = `a.until_at <= now() AND EXISTS (SELECT 1 FROM messages m WHERE m.id = (a.facts ->> 'message')::bigint AND ` + refusedOrder + `)`
	refusedGone = `NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = (a.facts ->> 'message')::bigint)`
)
