package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// LaterCall is a call that has been applied since another one came, and that
// doing the other one now would undo.
type LaterCall struct {
	MessageID int64           `db:"id"` // 0 where a person has done it
	Activity  string          `db:"activity"`
	Kind      market.CallKind `db:"kind"`
	Done      bool            `db:"done"` // with all that followed from it
	Event     bool            `db:"-"`    // what it has overtaken is an event
}

// Refuses is the conflict of this key by which a message is not done because of l.
func (l LaterCall) Refuses(m StoredMessage, key string) error {
	message := "–" // a person has done it
	if l.MessageID != 0 {
		message = strconv.FormatInt(l.MessageID, 10)
	}
	return fault.New(fault.Conflict, key, "activity", l.Activity, "message", message, "restart", m.RestartThere())
}

// cameAt is when a message's word came: the arrival that was applied or, as long as
// none was, the last.
func cameAt(alias string) string {
	return strings.ReplaceAll(`CASE WHEN {m}.result_code IN ('000000', '000004') THEN COALESCE({m}.applied_at, {m}.first_received_at)
            ELSE {m}.last_received_at END`, "{m}", alias)
}

// LaterCalls are the calls that came after since, were applied, and would be undone
// if a message's call were done now: of the same instance or authorization code,
// whose lock the caller holds. The newest comes first.
func (t *Tx) LaterCalls(ctx context.Context, message int64, since time.Time) (out []LaterCall, err error) {
	err = t.tx.SelectContext(ctx, &out, `
SELECT l.id, l.activity, `+callKind("l")+` AS kind, l.status = 'succeeded' AS done
  FROM messages x
 CROSS JOIN LATERAL `+laterCalls("x", "$2")+` l
 WHERE x.id = $1
 ORDER BY l.came_at DESC
 LIMIT 100`, message, since)
	return out, toFault(err)
}

// restartOvertaken tells of a message x that has no tasks to restart whether a
// restart would be refused because it undoes a later call: what was applied before
// is only answered again.
func restartOvertaken(x string) string {
	return strings.NewReplacer("{x}", x, "{kind}", callKind(x), "{purchase}", pq.QuoteLiteral(string(market.PurchaseKind)), "{states}", textArray(words(market.StateKinds)),
		"{later}", laterCalls(x, cameAt(x))).Replace(`(CASE WHEN {x}.test OR {x}.idem_key LIKE 'invalid/%' OR {kind} IN ('', {purchase}) THEN FALSE
                ELSE ({x}.result_code NOT IN ('000000', '000004') OR {x}.status <> 'succeeded' AND {kind} = ANY({states}))
                AND EXISTS (SELECT 1 FROM {later} l) END)`)
}

// laterCalls are the messages that came after since, were applied, and would be
// undone if the call of message x were done now. Nothing undoes what was released. A
// call counts from when the arrival came that was applied, not from its repeats.
func laterCalls(x, since string) string {
	return strings.NewReplacer("{x}", x, "{since}", since, "{x kind}", callKind(x), "{l kind}", callKind("l"), "{undone}", undone, "{activities}", textArray(undoing),
		"{came at}", cameAt("l"), "{statuses}", textArray([]string{market.Freeze, market.Unfreeze})).Replace(`(
           SELECT l.*, {came at} AS came_at
             FROM (SELECT s.id
                     FROM instances i
                     JOIN messages s
                       ON s.instance_id = {x}.instance_id
                      AND s.instance_id <> ''
                      AND s.channel_id = i.channel_id
                      AND s.activity = ANY({activities})
                    WHERE i.channel_id = {x}.channel_id
                      AND i.instance_id = {x}.instance_id
                      AND i.released_at IS NULL
                    UNION
                   SELECT e.message_id
                     FROM license_codes k
                     JOIN license_code_events e
                       ON e.code_id = k.id
                    WHERE k.channel_id = {x}.channel_id
                      AND k.code_bidx = ` + codeIndex + `
                      AND k.released_at IS NULL
                    UNION -- a change of status that found it so already has left no event
                   SELECT s.id
                     FROM license_codes k
                    CROSS JOIN unnest({statuses}) w (status)
                     JOIN messages s
                       ON s.channel_id = k.channel_id
                      AND NOT s.test
                      AND s.idem_key = 'license-code/updateLicenseCodeStatus/' || split_part({x}.idem_key, '/', 3) || '/' || w.status
                    WHERE k.channel_id = {x}.channel_id
                      AND k.code_bidx = ` + codeIndex + `
                      AND k.released_at IS NULL) c
             JOIN messages l
               ON l.id = c.id
            WHERE l.id <> {x}.id
              AND NOT l.test
              AND l.result_code IN ('000000', '000004')
              AND ({x kind}, {l kind}) IN ({undone})
              AND {came at} > {since})`)
}

// codeIndex is the keyed hash of the authorization code that a message is about,
// which stands in its key; null for any other.
const codeIndex = `CASE WHEN {x}.protocol = 'license-code' AND split_part({x}.idem_key, '/', 3) ~ '^([0-9a-f]{2})+$'
                                              THEN decode(split_part({x}.idem_key, '/', 3), 'hex') END`

// callKind is the market.CallKind of a message; ” for none.
func callKind(alias string) string {
	var b strings.Builder
	b.WriteString("CASE")
	for _, k := range market.CallKinds {
		b.WriteString(" WHEN " + alias + ".activity = ANY(" + textArray(k.Activities) + ")")
		if k.InKey != "" {
			b.WriteString(" AND strpos(" + alias + ".idem_key, " + pq.QuoteLiteral(k.InKey) + ") > 0")
		}
		b.WriteString(" THEN " + pq.QuoteLiteral(string(k.Kind)))
	}
	return b.String() + " ELSE '' END"
}

// undone are the pairs of market.Overtakes.
var undone = func() string {
	var pairs []string
	for kind, later := range market.Overtakes {
		for _, l := range later {
			pairs = append(pairs, "("+pq.QuoteLiteral(string(kind))+", "+pq.QuoteLiteral(string(l))+")")
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, ", ")
}()

// undoing are the activities of all kinds.
var undoing = func() (out []string) {
	for _, k := range market.CallKinds {
		out = append(out, k.Activities...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}()

// setting are the activities of market.StateKinds: done long ago, a call of theirs is
// only answered again.
var setting = slices.DeleteFunc(slices.Clone(undoing), func(activity string) bool { return !market.SetsState(activity) })

func textArray(words []string) string {
	quoted := make([]string, len(words))
	for n, w := range words {
		quoted[n] = pq.QuoteLiteral(w)
	}
	return "ARRAY[" + strings.Join(quoted, ", ") + "]"
}
