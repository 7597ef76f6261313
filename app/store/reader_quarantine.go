package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"net/url"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// QuarantineRow is a content that came under a message's key and is not the
// message's own. Times are UTC; zero means none.
type QuarantineRow struct {
	ID        int64
	AttemptID int64 // its first arrival
	Arrivals  int
	FirstAt   time.Time
	LastAt    time.Time
	Status    string
	DecidedAt time.Time
	DecidedBy string
	Reason    string
	Overtaken bool // undecided, and would undo a call that has been applied since
	Fields    []FieldPair
}

// FieldPair is a field of a call beside the same of another, as they may be
// shown.
type FieldPair struct {
	Name   string
	Own    string // of the message's own content; "" where it has none
	Other  string
	Differ bool // in what they say, also where both are masked alike
}

// QuarantineOf lists the different contents of a message that came with a call,
// the newest first, each beside the message's own. What a call says in which field
// says tells, nil where it cannot be read.
func (r *Reader) QuarantineOf(ctx context.Context, message int64, says func(market.Protocol, Request) []market.Field) ([]QuarantineRow, error) {
	var rows []struct {
		ID        int64        `db:"id"`
		Protocol  string       `db:"protocol"`
		Attempt   int64        `db:"attempt_id"`
		Arrivals  int          `db:"arrivals"`
		First     time.Time    `db:"first_at"`
		Last      time.Time    `db:"last_at"`
		Status    string       `db:"status"`
		DecidedAt sql.NullTime `db:"decided_at"`
		DecidedBy string       `db:"decided_by"`
		Reason    string       `db:"reason"`
		Activity  string       `db:"activity"`
		Overtaken bool         `db:"overtaken"`
		Own       []byte       `db:"own"`
		Other     []byte       `db:"other"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT q.id, q.attempt_id, q.arrivals, q.first_at, q.last_at, q.status, q.decided_at, q.decided_by, q.reason, m.protocol, m.activity,
       q.status = 'open' AND EXISTS (SELECT 1 FROM `+laterCalls("m", "q.last_at")+` l) AS overtaken,
       a.request_sealed AS other,
       `+ownRequest+` AS own
  FROM quarantine q
  JOIN messages m
    ON m.id = q.message_id
  JOIN attempts a
    ON a.id = q.attempt_id
   AND a.message_id = q.message_id
 WHERE q.message_id = $1
 ORDER BY q.id DESC`, message)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]QuarantineRow, 0, len(rows))
	for _, q := range rows {
		own, err := r.keys.Open(seal.Payload, q.Own)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
		}
		other, err := r.keys.Open(seal.Payload, q.Other)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
		}
		out = append(out, QuarantineRow{ID: q.ID, AttemptID: q.Attempt, Arrivals: q.Arrivals, FirstAt: q.First.UTC(), LastAt: q.Last.UTC(),
			Status: q.Status, DecidedAt: utc(q.DecidedAt), DecidedBy: q.DecidedBy, Reason: q.Reason, Overtaken: q.Overtaken,
			Fields: besides(market.Protocol(q.Protocol), q.Activity, Unpack(own), Unpack(other), says)})
	}
	return out, nil
}

// besides puts the fields of two calls side by side, in order of their names,
// without what may differ between arrivals of one message. They differ in what they
// say; where that cannot be told, in what they spell.
func besides(p market.Protocol, activity string, own, other Request, says func(market.Protocol, Request) []market.Field) []FieldPair {
	a, b := fieldsOf(own), fieldsOf(other)
	said, otherSaid := says(p, own), says(p, other)
	names := make([]string, 0, len(a)+len(b))
	for _, fields := range []map[string]shownField{a, b} {
		for name := range fields {
			if !market.Fleeting(activity, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	var out []FieldPair
	for _, name := range slices.Compact(names) {
		x, y := a[name], b[name]
		differ := x.plain != y.plain
		if said != nil && otherSaid != nil {
			differ = saysIn(said, name) != saysIn(otherSaid, name)
		}
		out = append(out, FieldPair{Name: visible(name), Own: x.shown, Other: y.shown, Differ: differ})
	}
	return out
}

// saysIn is what a content says in a field; "" in one that is not of the tables.
func saysIn(content []market.Field, name string) string {
	i := slices.IndexFunc(content, func(f market.Field) bool { return f.Name == name })
	if i < 0 {
		return ""
	}
	return content[i].Says
}

type shownField struct{ plain, shown string }

// fieldsOf reads the fields of a call: those of its JSON body, or, where it has
// none, the parameters of its address.
func fieldsOf(r Request) map[string]shownField {
	out := map[string]shownField{}
	if plain, shown := members(r.Body), members([]byte(MaskBody(r.Body))); plain != nil {
		for name, v := range plain {
			out[name] = shownField{plain: v, shown: shown[name]}
		}
		return out
	}
	values, err := url.ParseQuery(r.Query)
	if err != nil {
		return out
	}
	for name, v := range values {
		out[name] = shownField{plain: v[0], shown: sensitive(name).mask(MaskBody([]byte(v[0])))}
	}
	return out
}

// members are the members of a JSON object by name, texts without their quotes;
// nil if it is none.
func members(b []byte) map[string]string {
	var raw map[string]json.RawMessage
	if json.Unmarshal(b, &raw) != nil || raw == nil {
		return nil
	}
	out := make(map[string]string, len(raw))
	for name, v := range raw {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = string(v)
		}
		out[name] = text
	}
	return out
}
