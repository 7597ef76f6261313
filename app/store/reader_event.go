package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// ToProduct is the receiver of events for the webhooks of products, as filters
// name it; any other one is the id of a subscription.
const ToProduct = "product"

// EventFilter says which events a list holds. Zero fields do not filter.
type EventFilter struct {
	Type       string
	Receiver   string // ToProduct, or the id of a subscription
	Status     string
	Waiting    bool   // only those that somebody must decide about
	InstanceID string // KooGallery's
	OrderID    string
	Q          string // see Reader.EventList
}

// EventRow is one event for one receiver. Times are UTC; a zero time means
// "none".
type EventRow struct {
	ID         int64
	Channel    string // slug
	Type       string
	WebhookID  string
	ToProduct  bool
	TargetID   int64  // of the subscription, 0: for a product, or gone
	Target     string // its name
	Address    string // as it was last called, without its query
	Status     string
	Attempts   int
	Resends    int
	HTTPStatus int // of the last answer, 0: none
	LastError  *fault.Record
	InstanceID string
	CodeID     int64
	OrderID    string
	LineID     string
	MessageID  int64
	Question   bool      // its product was asked, and the answer matters
	Overtaken  bool      // given up, and other work has taken its place: sent again, it would undo that
	NextAt     time.Time // pending: when it is tried next
	CreatedAt  time.Time
	SentAt     time.Time // when it was last taken
}

// EventAttempt is one try of an event, or a person's wish to send it again.
type EventAttempt struct {
	At         time.Time
	Duration   time.Duration
	Address    string
	HTTPStatus int    // 0: no answer
	Response   string // its beginning, secrets masked
	Error      *fault.Record
	Actor      string // who wanted it sent again; "" for a try
}

// EventDetail is one event whole, secrets masked.
type EventDetail struct {
	EventRow
	Payload   string
	EmptiedAt time.Time      // when the payload was taken out; zero: it is there
	KeptDays  int            // after how many days that was
	Tries     []EventAttempt // newest first, at most maxTries
	More      bool           // there are older ones
}

// maxTries bounds the tries that a detail shows.
const maxTries = 100

type eventRow struct {
	ID         int64          `db:"id"`
	Channel    string         `db:"channel"`
	Type       string         `db:"type"`
	WebhookID  string         `db:"webhook_id"`
	ToProduct  bool           `db:"to_product"`
	TargetID   int64          `db:"target_id"`
	Target     string         `db:"name"`
	Address    string         `db:"target"`
	Status     string         `db:"status"`
	Attempts   int            `db:"attempts"`
	Resends    int            `db:"resends"`
	HTTPStatus int            `db:"http_status"`
	LastError  sql.NullString `db:"last_error"`
	InstanceID string         `db:"instance_id"`
	CodeID     int64          `db:"license_code_id"`
	OrderID    string         `db:"order_id"`
	LineID     string         `db:"order_line_id"`
	MessageID  int64          `db:"message_id"`
	Question   bool           `db:"question"`
	Overtaken  bool           `db:"overtaken"`
	Next       sql.NullTime   `db:"next_at"`
	Created    time.Time      `db:"created_at"`
	Sent       sql.NullTime   `db:"sent_at"`
}

var eventList = source{
	list: list{letter: 'v', id: "e.id"},
	columns: `e.id, (SELECT c.slug FROM channels c WHERE c.id = e.channel_id) AS channel, e.type, e.webhook_id, e.to_product,
       COALESCE(e.target_id, 0) AS target_id, COALESCE((SELECT t.name FROM event_targets t WHERE t.id = e.target_id), '') AS name, e.target,
       e.status, e.attempts, e.resends, e.http_status, e.last_error,
       COALESCE((SELECT i.instance_id FROM instances i WHERE i.id = e.instance_pk), '') AS instance_id,
       COALESCE(e.license_code_id, 0) AS license_code_id, e.order_id, e.order_line_id, COALESCE(e.message_id, 0) AS message_id,
       ` + isQuestion + ` AS question,
       e.status = 'failed' AND EXISTS (SELECT 1 FROM tasks t WHERE t.id = e.task_id AND ` + overtakenTask + `) AS overtaken,
       (SELECT k.run_at FROM tasks k WHERE k.id = e.task_id AND k.status = 'pending' AND e.status = 'pending') AS next_at, e.created_at, e.sent_at`,
	table: "events",
	alias: "e",
}

func (e *eventRow) show() (EventRow, error) {
	last, err := recordOf(e.LastError)
	return EventRow{ID: e.ID, Channel: e.Channel, Type: e.Type, WebhookID: e.WebhookID, ToProduct: e.ToProduct, TargetID: e.TargetID, Target: e.Target,
		Address: e.Address, Status: e.Status, Attempts: e.Attempts, Resends: e.Resends, HTTPStatus: e.HTTPStatus, LastError: last,
		InstanceID: e.InstanceID, CodeID: e.CodeID, OrderID: e.OrderID, LineID: e.LineID, MessageID: e.MessageID, Question: e.Question, Overtaken: e.Overtaken,
		NextAt: utc(e.Next), CreatedAt: e.Created.UTC(), SentAt: utc(e.Sent)}, err
}

func (r *Reader) eventClause(ctx context.Context, f EventFilter) (*clause, error) {
	c := &clause{}
	c.equal("e.type", f.Type)
	c.equal("e.status", f.Status)
	if f.Waiting {
		c.and(unheard)
	}
	switch f.Receiver {
	case "":
	case ToProduct:
		c.and("e.receiver = ?", 0)
	default:
		id, err := strconv.ParseInt(f.Receiver, 10, 64)
		if err != nil || id < 1 {
			id = -2 // nobody
		}
		c.and("e.receiver = ?", id)
	}
	if f.InstanceID != "" {
		c.and("e.instance_pk = (SELECT id FROM instances WHERE instance_id = ?)", f.InstanceID)
	}
	if f.OrderID != "" {
		c.and("e.order_id = ?", f.OrderID)
		c.and("e.order_id <> ''")
	}
	return c, r.searchEvents(ctx, c, strings.TrimSpace(f.Q))
}

// searchEvents narrows a list of events to those that a search finds.
func (r *Reader) searchEvents(ctx context.Context, c *clause, q string) error {
	if q == "" {
		return nil
	}
	instances, _, err := r.searchInstances(ctx, q, maxFound) // a part of a name that very many have finds no events
	if err != nil {
		return err
	}
	found, err := r.search(ctx, q, maxFound, []int64{idOf(strings.TrimPrefix(q, "#"))}, `
SELECT id FROM (
       (SELECT id
          FROM events
         WHERE webhook_id = $1)
        UNION ALL
       (SELECT id
          FROM events
         WHERE order_id LIKE $2
           AND order_id <> ''
         ORDER BY order_id USING ~>~
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM (SELECT id FROM events WHERE instance_pk = ANY($5) OFFSET 0) AS followers
         ORDER BY id DESC
         LIMIT $4)) AS found
 WHERE $3::text[] IS NOT NULL`, pq.Array(instances))
	c.only(found)
	return err
}

// EventList reads a page of events, newest first. Q finds an event by its id or
// its webhook-id, those of an order by the beginning of its id, and those of the
// instances that it finds as in InstanceList. Fault: invalid "cursor.invalid".
func (r *Reader) EventList(ctx context.Context, f EventFilter, p Paging) (Page[EventRow], error) {
	c, err := r.eventClause(ctx, f)
	if err != nil {
		return Page[EventRow]{}, err
	}
	key := func(e *eventRow) position { return position{id: e.ID} }
	return page(ctx, r, eventList, c, p, key, (*eventRow).show)
}

// EventCounts counts the events of a filter by status; the filter's own status
// does not count.
func (r *Reader) EventCounts(ctx context.Context, f EventFilter) (Counts, error) {
	f.Status = ""
	c, err := r.eventClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, eventList, "e.status", c, TaskStatuses())
}

// EventNeighbours gives the events before and after one in a filtered list; 0 at
// the ends.
func (r *Reader) EventNeighbours(ctx context.Context, f EventFilter, id int64) (newer, older int64, err error) {
	c, err := r.eventClause(ctx, f)
	if err != nil {
		return 0, 0, err
	}
	n, o, err := r.neighbours(ctx, eventList, c, time.Time{}, id, "e.id")
	return idOf(n), idOf(o), err
}

// EventDetail loads an event with its payload and its tries, secrets masked.
// Fault: not_found "event.unknown".
func (r *Reader) EventDetail(ctx context.Context, id int64) (*EventDetail, error) {
	var row struct {
		eventRow
		Payload []byte       `db:"payload_sealed"`
		Emptied sql.NullTime `db:"emptied_at"`
	}
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+eventList.columns+`, e.payload_sealed, e.emptied_at
  FROM events e
 WHERE e.id = $1`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "event.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	d := &EventDetail{}
	if d.EventRow, err = row.show(); err != nil {
		return nil, err
	}
	payload, err := r.keys.Open(seal.Payload, row.Payload)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	d.Payload = MaskBody(payload)
	d.EmptiedAt, d.KeptDays = utc(row.Emptied), keptDays(row.Created, row.Emptied)
	d.Tries, d.More, err = r.eventTries(ctx, id)
	return d, err
}

func (r *Reader) eventTries(ctx context.Context, id int64) ([]EventAttempt, bool, error) {
	var rows []struct {
		At       time.Time      `db:"at"`
		Micro    int64          `db:"duration_us"`
		Address  string         `db:"target"`
		Status   int            `db:"http_status"`
		Response []byte         `db:"response_sealed"`
		Error    sql.NullString `db:"error"`
		Actor    string         `db:"actor"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT at, duration_us, target, http_status, response_sealed, error, actor
  FROM event_attempts
 WHERE event_id = $1
 ORDER BY id DESC
 LIMIT $2`, id, maxTries+1)
	if err != nil {
		return nil, false, toFault(err)
	}
	more := len(rows) > maxTries
	out := make([]EventAttempt, 0, len(rows))
	for _, row := range rows[:min(len(rows), maxTries)] {
		a := EventAttempt{At: row.At.UTC(), Duration: time.Duration(row.Micro) * time.Microsecond, Address: row.Address, HTTPStatus: row.Status, Actor: row.Actor}
		if a.Error, err = recordOf(row.Error); err != nil {
			return nil, false, err
		}
		if len(row.Response) > 0 {
			text, err := r.keys.Open(seal.Payload, row.Response)
			if err != nil {
				return nil, false, fault.Wrap(err, fault.Internal, "secret.cannot_open")
			}
			a.Response = MaskBody(text)
		}
		out = append(out, a)
	}
	return out, more, nil
}

// unheard says of an event e that somebody must decide about it: it was given up, its
// receiver is still there, and its failure was not closed.
const unheard = `e.status = '` + string(outbox.Failed) + `'
           AND e.receiver >= 0
           AND COALESCE((SELECT t.failure_group FROM tasks t WHERE t.id = e.task_id), -1) <> 0`

// NeedEvents is the events that were given up: the seller's systems have not
// heard of what happened.
func (r *Reader) NeedEvents(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.*, NULL::timestamptz AS until
  FROM (SELECT e.id::text AS key, e.type AS label, e.last_error AS error, e.created_at AS since
          FROM events e
         WHERE `+unheard+`
         ORDER BY e.id DESC
         LIMIT 1001) due
 ORDER BY due.since
 LIMIT 1`)
}
