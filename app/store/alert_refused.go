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
			rules = append(rules, fmt.Sprintf("('%s', '%s', %s, %s, '%s')",
				r.Protocol, r.Activity, seconds(r.Window), seconds(max(r.Window/2, market.LastCall)), knownBy(r.Activity)))
		}
	}
	return `messages m
  JOIN (VALUES ` + strings.Join(rules, `,
               `) + `) AS w (protocol, activity, lasts, half, known_by)
    ON w.protocol = CASE WHEN m.online_license THEN 'license' ELSE m.protocol END
   AND w.activity = m.activity`
}()

// knownAs is what a message m of refusedMessages is known by.
const knownAs = `CASE w.known_by WHEN '` + knownByOrder + `' THEN m.order_id WHEN '` + knownByInstance + `' THEN m.instance_id ELSE '' END`

// refusedStill selects, of the messages m of refusedMessages for which a condition is true,
// those that could not be proved, and of which none was since that is known by the same:
// that one would have put it right. Strangers can have thousands refused that name the
// same: the last proved one is looked up for the first of them only.
func refusedStill(condition string) string {
	return `
SELECT r.*
  FROM (SELECT k.*, max(CASE WHEN k.nth = 1 THEN ` + lastProved + ` END) OVER (PARTITION BY k.channel_id, k.activity, k.known_as) AS proved_at
          FROM (SELECT m.id, m.channel_id, m.activity, m.order_id, m.instance_id, m.last_received_at, m.retry_until, m.last_error,
                       w.protocol, w.lasts, w.known_by, ` + knownAs + ` AS known_as,
                       row_number() OVER (PARTITION BY m.channel_id, m.activity, ` + knownAs + `) AS nth
                  FROM ` + refusedMessages + `
                 WHERE m.status = 'rejected'
                   AND NOT m.test
                   AND m.retry_until IS NOT NULL
                   AND ` + condition + `) k
         WHERE k.known_by = '` + knownByNothing + `'
            OR k.known_as <> '') r
 WHERE r.proved_at IS NULL
    OR r.proved_at < r.last_received_at`
}

// lastProved is when the last message came that was proved at the interface of a refused
// one k, and is known by the same. What is filtered in the aggregate keeps PostgreSQL
// from walking along all messages by their time instead.
const lastProved = `CASE k.known_by
               WHEN '` + knownByOrder + `' THEN (SELECT max(p.last_received_at) FILTER (WHERE ` + provedLike + `) FROM messages p WHERE p.order_id = k.known_as AND p.order_id <> '')
               WHEN '` + knownByInstance + `' THEN (SELECT max(p.last_received_at) FILTER (WHERE ` + provedLike + `) FROM messages p WHERE p.instance_id = k.known_as AND p.instance_id <> '')
               ELSE (SELECT max(p.last_received_at) FROM messages p WHERE p.activity IN ('` + market.UpdateLicenseCodeStatus + `', '` + market.ReleaseLicenseCode + `') AND ` + provedLike + `)
               END`

// provedLike says of a message p that it was proved, at the interface of the refused one k.
const provedLike = `p.activity = k.activity AND p.channel_id = k.channel_id AND p.status <> 'rejected' AND NOT p.test`

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
       m.id::text AS subject, m.protocol, m.activity, m.order_id, m.instance_id, c.slug AS channel, c.site, '' AS product,
       m.retry_until - m.lasts AS since, m.retry_until AS until_at, m.last_error AS error, '' AS waits,
       count(*) OVER (PARTITION BY m.channel_id) AS calls
  FROM (` + refusedStill(`m.retry_until > now() AND m.retry_until <= now() + w.half`) + `) m
  JOIN channels c
    ON c.id = m.channel_id
 ORDER BY m.channel_id, m.retry_until, m.id`

func seconds(d time.Duration) string { return fmt.Sprintf("interval '%d seconds'", int(d.Seconds())) }

// refusedStands is whether a channel still has calls for which the alert's moment has come
// (of the last one those of half their time would hide the next), refusedLate whether the
// one that an alert a named was never put right, refusedGone whether that one is not kept
// any more. One alert speaks for all of a channel: strangers can have any number of calls
// refused.
var (
	refusedStands = `EXISTS (` + refusedStill(`m.channel_id = (SELECT c.id FROM channels c WHERE c.slug = split_part(a.subject, '/', 1))
                   AND m.retry_until > now()
                   AND m.retry_until <= now() + CASE split_part(a.subject, '/', 2) WHEN '`+market.AlarmLast+`' THEN `+seconds(market.LastCall)+` ELSE w.half END`) + `)`
	refusedLate = `a.until_at <= now() AND EXISTS (` + refusedStill(`m.id = (a.facts ->> 'message')::bigint`) + `)`
	refusedGone = `NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = (a.facts ->> 'message')::bigint)`
)
