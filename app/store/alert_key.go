package store

import (
	"strings"

	"koodesk/app/market"
)

// Which calls are refused for their key or signature: the first finding says so.
// Those of keySigned are signed with a key that we know, which no stranger could do:
// with another than the one it takes (keyKnown), or with that one, but at another
// time or otherwise than we read it. Those of keyDoubts could be anybody's.
const (
	keyKnown  = `'{key_retired,key_class,key_channel,key_blank}'`
	keyDoubts = `'{key_unknown,no_key}'`
)

var keySigned = `'{` + strings.Join(market.FindingsOfOurKeys(), ",") + `}'`

// keyDoubtful is how many calls that could be anybody's have to be refused before
// that is an alert.
const keyDoubtful = "3"

// keysUsed is when a key of that class last proved a call of the channel. It is
// written once a minute at most, so that calls that came within two minutes after
// may have come before one that was proved.
const keysUsed = `COALESCE((SELECT max(k.last_used_at) FROM channel_keys k WHERE k.channel_id = c.id AND k.class = r.class), '-infinity')`

// callsRefused is the calls since then that could not be proved, without those of
// our own agents. They are as few as PruneRejected leaves.
func callsRefused(since string) string {
	return `SELECT m.channel_id, m.activity, a.at, a.diagnosis #>> '{findings,0,code}' AS code,
                   ltrim(a.diagnosis #>> '{findings,0,args,seconds}', '-') AS seconds,
                   COALESCE(a.diagnosis #>> '{findings,0,args,want}', a.diagnosis #>> '{findings,0,args,class}',
                            jsonb_path_query_first(a.diagnosis, '$.checks[*] ? (@.name == "key").args.class') #>> '{}', '') AS class
              FROM messages m
              JOIN attempts a
                ON a.message_id = m.id
             WHERE m.status = 'rejected'
               AND m.last_received_at > now() - interval '` + since + `'
               AND a.at > now() - interval '` + since + `'
               AND a.part >= month_of(now() - interval '2 days')
               AND a.actor = ''`
}

// keyReplaced is whose calls are refused whatever others prove: products are bound
// to keys one by one, and some are left on the old one.
const keyReplaced = `'key_retired'`

// keysRefused is the channels and classes of keys whose calls of the last hour
// were refused for their key or signature, with none proved since unless it was
// replaced. What is an alert already is counted however few they are. The fact "cause"
// is the newest finding where none is about the key.
var keysRefused = `
    SELECT c.slug || '/' || r.class AS subject, CASE WHEN bool_or(r.code = ANY (` + keySigned + `)) THEN 2 ELSE 1 END AS severity,
           NULL::jsonb AS error, max(r.at) AS since, NULL::timestamptz AS until_at,
           jsonb_build_object('channel', c.slug, 'class', r.class, 'calls', count(*)::text, 'activity', min(r.activity),
                              'cause', CASE WHEN bool_or(r.code = ANY (` + keyKnown + `)) THEN '' ELSE COALESCE((array_agg(r.code ORDER BY r.at DESC) FILTER (WHERE r.code = ANY (` + keySigned + `)))[1], '') END,
                              'off', COALESCE((array_agg(r.seconds ORDER BY r.at DESC) FILTER (WHERE r.code = ANY (` + keySigned + `)))[1], '')) AS facts
      FROM (` + callsRefused("1 hour") + `) r
      JOIN channels c
        ON c.id = r.channel_id
     WHERE r.code = ANY (` + keySigned + ` || ` + keyDoubts + `::text[])
       AND (r.code = ` + keyReplaced + ` OR r.at > ` + keysUsed + ` + interval '2 minutes')
     GROUP BY c.id, c.slug, r.class
    HAVING bool_or(r.code = ANY (` + keySigned + `)) OR count(*) >= ` + keyDoubtful + `
        OR EXISTS (SELECT 1 FROM alerts a WHERE a.kind = $1 AND a.subject = c.slug || '/' || r.class AND a.cleared_at IS NULL AND NOT a.settled)`

// keysStillRefused is whether an alert a still stands: a replaced key was used
// within the hour; or no key of its class has proved a call since, and one could, or
// calls were refused within a day.
var keysStillRefused = `a.subject IN (SELECT c.slug || '/' || r.class FROM (` + callsRefused("1 hour") + `) r JOIN channels c ON c.id = r.channel_id
                              WHERE r.code = ` + keyReplaced + `)
        OR ` + keysUnproved + `
       AND (a.since > now() - interval '1 day'
            OR EXISTS (SELECT 1 FROM channel_keys k JOIN channels c ON c.id = k.channel_id
                        WHERE c.slug || '/' || k.class = a.subject AND (k.retires_at IS NULL OR k.retires_at > now()))
            OR a.subject IN (SELECT c.slug || '/' || r.class FROM (` + callsRefused("1 day") + `) r JOIN channels c ON c.id = r.channel_id
                              WHERE r.code = ANY (` + keySigned + ` || ` + keyDoubts + `::text[])))`

// keysUnproved is whether no key of the class of an alert a has proved a call since.
const keysUnproved = `NOT EXISTS (SELECT 1 FROM channel_keys k JOIN channels c ON c.id = k.channel_id
                                       WHERE c.slug || '/' || k.class = a.subject AND k.last_used_at > a.since)`
