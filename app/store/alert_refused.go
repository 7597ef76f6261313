package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"koodesk/app/market"
)

// RefusedOut is the most pressing refused call of a channel.
type RefusedOut struct {
	RunningOut
	InstanceID string `db:"instance_id"`
	Calls      int    `db:"calls"` // how many there are, with this one
}

// What a refused call is known by when it comes again: its order, its instance where the
// page forbids to go by the order or another state of it supersedes, or nothing that is
// kept of it.
const (
	knownByOrder    = "order"
	knownByInstance = "instance"
	knownByNothing  = "nothing"
)

func knownBy(activity string) string {
	switch {
	case activity == market.UpdateLicenseCodeStatus || activity == market.ReleaseLicenseCode:
		return knownByNothing // a code is not kept of what nobody has proved
	case market.SetsState(activity) || market.KindOf(activity, "") == market.ReleaseKind:
		return knownByInstance
	}
	return knownByOrder
}

// refusedMessages are messages m with the rule w of their interface: how long the marketplace
// repeats them, at which rest half of that is over, and what they are known by.
var refusedMessages = func() string {
	var rules []string
	for _, r := range market.RetryRules() {
		if r.Window > 0 {
			rules = append(rules, fmt.Sprintf("('%s', '%s', %s, %s, '%s')", r.Protocol, r.Activity, seconds(r.Window), seconds(max(r.Window/2, market.LastCall)), knownBy(r.Activity)))
		}
	}
	return `messages m
  JOIN (VALUES ` + strings.Join(rules, `,
               `) + `) AS w (protocol, activity, lasts, half, known_by)
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity`
}()

// refusedStill says of a message m of refusedMessages that it could not be proved, and that
// none was since that is known by the same: that one would have put it right.
const refusedStill = `m.status = 'rejected'
   AND NOT m.test
   AND m.retry_until IS NOT NULL
   AND CASE w.known_by
       WHEN '` + knownByOrder + `' THEN m.order_id <> '' AND NOT EXISTS (SELECT 1 FROM messages p WHERE p.order_id = m.order_id AND p.order_id <> '' AND ` + provedSince + `)
       WHEN '` + knownByInstance + `' THEN m.instance_id <> '' AND NOT EXISTS (SELECT 1 FROM messages p WHERE p.instance_id = m.instance_id AND p.instance_id <> '' AND ` + provedSince + `)
       ELSE NOT EXISTS (SELECT 1 FROM messages p WHERE p.activity IN ('` + market.UpdateLicenseCodeStatus + `', '` + market.ReleaseLicenseCode + `') AND ` + provedSince + `)
       END`

// provedSince says of a message p that it was proved after m was refused, at the same
// interface of the same channel.
const provedSince = `p.activity = m.activity
                      AND p.channel_id = m.channel_id
                      AND p.status <> 'rejected'
                      AND NOT p.test
                      AND p.last_received_at >= m.last_received_at`

// RefusedOut finds of each channel the refused calls that are, if the marketplace has
// made them, past half of their time, and gives the one whose time ends first. The caller
// decides by market.AlarmDue.
func (t *Tx) RefusedOut(ctx context.Context) ([]RefusedOut, error) {
	var out []RefusedOut
	err := t.tx.SelectContext(ctx, &out, refusedOut)
	return out, toFault(err)
}

var refusedOut = `
SELECT DISTINCT ON (m.channel_id)
       m.id::text AS subject, w.protocol, m.activity, m.order_id, m.instance_id, c.slug AS channel, c.site, '' AS product,
       m.retry_until - w.lasts AS since, m.retry_until AS until_at, m.last_error AS error, '' AS waits,
       count(*) OVER (PARTITION BY m.channel_id) AS calls
  FROM ` + refusedMessages + `
  JOIN channels c
    ON c.id = m.channel_id
 WHERE ` + refusedStill + `
   AND m.retry_until > now()
   AND m.retry_until <= now() + w.half
 ORDER BY m.channel_id, m.retry_until, m.id`

func seconds(d time.Duration) string { return fmt.Sprintf("interval '%d seconds'", int(d.Seconds())) }

// refusedStands is whether a channel still has calls for which the alert's moment has
// come (of the last one those of half their time would hide the next), refusedLate whether the
// one that an alert a named was never put right, refusedGone whether that one is not
// kept any more. One alert speaks for all of a channel: strangers can have any
// number of calls refused.
var (
	refusedStands = `EXISTS (SELECT 1
                      FROM ` + refusedMessages + `
                      JOIN channels c ON c.id = m.channel_id
                     WHERE c.slug = split_part(a.subject, '/', 1)
                       AND ` + refusedStill + `
                       AND m.retry_until > now()
                       AND m.retry_until <= now() + CASE split_part(a.subject, '/', 2) WHEN '` + market.AlarmLast + `' THEN ` + seconds(market.LastCall) + ` ELSE w.half END)`
	refusedLate = `a.until_at <= now() AND EXISTS (SELECT 1 FROM ` + refusedMessages + ` WHERE m.id = (a.facts ->> 'message')::bigint AND ` + refusedStill + `)`
	refusedGone = `NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = (a.facts ->> 'message')::bigint)`
)
