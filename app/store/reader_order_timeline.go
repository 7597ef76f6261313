package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/market"
	"koodesk/app/outbox"
)

// maxPolls bounds the first, and the last, polls of one message that are looked at
// one by one; how many there were at all is counted with the message.
const maxPolls = 250

// orderLife joins what is known of an order, newest first: the calls about it and
// about the instances that it made, the work that followed, what the customer was
// told, the marketplace's polls as runs, and when the customer could use what was
// bought. Of an instance that the order changed only that change belongs to it.
func (r *Reader) orderLife(ctx context.Context, d *OrderDetail, channel int64) error {
	l := orderLife{r: r, d: d, made: map[string]OrderInstance{}}
	for _, i := range d.Instances {
		if l.all = append(l.all, i.pk); i.Purpose == string(outbox.Purchase) {
			l.made[i.InstanceID] = i
			l.pks, l.ids = append(l.pks, i.pk), append(l.ids, i.InstanceID)
		}
	}
	if err := l.calls(ctx, channel); err != nil {
		return err
	}
	if err := l.polls(ctx); err != nil {
		return err
	}
	if err := l.work(ctx); err != nil {
		return err
	}
	if err := l.told(ctx); err != nil {
		return err
	}
	if err := l.changes(ctx); err != nil {
		return err
	}
	l.seen()
	slices.SortStableFunc(l.events, func(a, b TimelineEvent) int { return cmp.Compare(b.At.UnixMicro(), a.At.UnixMicro()) })
	d.Timeline = l.events
	return nil
}

// orderLife gathers the events of an order.
type orderLife struct {
	r        *Reader
	d        *OrderDetail
	made     map[string]OrderInstance // that the order bought, by KooGallery's id
	pks, all []int64                  // of those, and of all that it concerns
	ids      []string
	messages []MessageRow
	byID     map[int64]MessageRow
	tasks    map[int64]bool
	sent     []int64 // deliveries that its work sent
	events   []TimelineEvent
}

// calls reads the messages about the order and about what it made.
func (l *orderLife) calls(ctx context.Context, channel int64) error {
	var err error
	if l.messages, err = l.r.newestMessages(ctx, channel, l.d.OrderID, l.ids, maxEvents); err != nil {
		return err
	}
	l.byID = make(map[int64]MessageRow, len(l.messages))
	for n := range l.messages {
		m := &l.messages[n]
		m.InstanceID = l.about(*m)
		l.byID[m.ID] = *m
		if m.Activity != market.QueryInstance {
			l.events = append(l.events, messageEvent(*m))
		}
	}
	restarts, err := l.r.restarts(ctx, l.messages)
	for n := range restarts {
		restarts[n].InstanceID = l.byID[restarts[n].MessageID].InstanceID
	}
	l.events = append(l.events, restarts...)
	return err
}

// about is the first of the instances that a message names which the order made, or
// else the first.
func (l *orderLife) about(m MessageRow) string {
	for _, id := range m.InstanceIDs {
		if _, made := l.made[id]; made {
			return id
		}
	}
	return m.InstanceID
}

// messageEvent is a call as a point of a timeline.
func messageEvent(m MessageRow) TimelineEvent {
	e := TimelineEvent{At: m.FirstReceivedAt, Sort: EventMessage, Kind: m.Activity, Scene: m.Scene, Status: m.Status,
		ResultCode: m.ResultCode, Count: m.Attempts, MessageID: m.ID, InstanceID: m.InstanceID, Others: m.others(), Error: m.LastError}
	if m.LastReceivedAt.After(m.FirstReceivedAt) {
		e.LastAt = m.LastReceivedAt
	}
	return e
}

// polls reads the marketplace's polls as runs with the same answer.
func (l *orderLife) polls(ctx context.Context) error {
	var polled []int64
	for _, m := range l.messages {
		if m.Activity == market.QueryInstance {
			polled = append(polled, m.ID)
		}
	}
	if len(polled) == 0 {
		return nil
	}
	var runs []pollRun
	err := sqlx.SelectContext(ctx, l.r.q, &runs, `
SELECT message_id, result_code, min(at) AS first, max(at) AS last, count(*) AS n
  FROM (SELECT a.*, row_number() OVER (PARTITION BY message_id ORDER BY id)
                  - row_number() OVER (PARTITION BY message_id, result_code ORDER BY id) AS run
          FROM unnest($1::bigint[]) AS wanted (message)
          JOIN LATERAL (
              (SELECT id, message_id, result_code, at
                 FROM attempts
                WHERE message_id = wanted.message
                  AND source = 'marketplace'
                ORDER BY id
                LIMIT $2)
                UNION
              (SELECT id, message_id, result_code, at
                 FROM attempts
                WHERE message_id = wanted.message
                  AND source = 'marketplace'
                ORDER BY id DESC
                LIMIT $2)) a
            ON TRUE) polls
 GROUP BY message_id, result_code, run
 ORDER BY message_id, min(id)`, pq.Array(polled), maxPolls)
	if err != nil {
		return toFault(err)
	}
	restarted := map[int64]int{}
	for _, e := range l.events {
		if e.Sort == EventRestart {
			restarted[e.MessageID]++
		}
	}
	for _, id := range polled {
		m := l.byID[id]
		for _, p := range pollsOf(m, runs, m.Attempts-restarted[id]) {
			e := TimelineEvent{At: p.First.UTC(), Sort: EventPoll, Kind: m.Activity, ResultCode: p.Code, Count: p.N, MessageID: id, InstanceID: m.InstanceID, Others: m.others()}
			if p.Last.After(p.First) {
				e.LastAt = p.Last.UTC()
			}
			l.events = append(l.events, e)
		}
	}
	return nil
}

// pollRun is a run of polls with the same answer.
type pollRun struct {
	Message int64     `db:"message_id"`
	Code    string    `db:"result_code"`
	First   time.Time `db:"first"`
	Last    time.Time `db:"last"`
	N       int       `db:"n"`
}

// pollsOf are the runs of one message, of which there were as many polls in all.
// Those between the first and the last ones are taken to have been answered as the
// last of the first ones; those that are not kept any more, as the first one that is.
func pollsOf(m MessageRow, runs []pollRun, total int) []pollRun {
	var out []pollRun
	between, read := 0, 0
	for _, p := range runs {
		if p.Message != m.ID {
			continue
		}
		if read < maxPolls {
			between = len(out)
		}
		read += p.N
		out = append(out, p)
	}
	rest := total - read
	switch {
	case rest <= 0:
		return out
	case len(out) == 0:
		return []pollRun{{Message: m.ID, Code: m.ResultCode, First: m.FirstReceivedAt, Last: m.LastReceivedAt, N: rest}}
	case read < 2*maxPolls:
		out[0].First, out[0].N = m.FirstReceivedAt, out[0].N+rest
		return out
	}
	out[between].N += rest
	return out
}

// work reads the tries of the work that followed.
func (l *orderLife) work(ctx context.Context) error {
	ids := make([]int64, 0, len(l.messages))
	for _, m := range l.messages {
		ids = append(ids, m.ID)
	}
	c := &clause{}
	c.and("(t.instance_pk = ANY(?) OR t.message_id = ANY(?) OR t.order_pk = ?)", pq.Array(l.pks), pq.Array(ids), l.d.PK)
	tasks, err := l.r.tasksWithTries(ctx, c)
	if err != nil {
		return err
	}
	l.tasks = make(map[int64]bool, len(tasks))
	for _, t := range tasks {
		l.tasks[t.ID] = true
		for _, e := range taskEvents(t) {
			e.InstanceID = t.InstanceID
			l.events = append(l.events, e)
		}
		if t.DeliveryID != 0 {
			l.sent = append(l.sent, t.DeliveryID)
		}
	}
	return nil
}

// taskEvents are the tries of a task as points of a timeline.
func taskEvents(t TaskRow) []TimelineEvent {
	out := make([]TimelineEvent, 0, len(t.Tries))
	for _, try := range t.Tries {
		out = append(out, TimelineEvent{At: try.At.Add(try.Duration), Sort: EventTask, Kind: string(t.Kind), Purpose: string(t.Purpose),
			Status: try.Outcome, Number: try.Number, Duration: try.Duration, MessageID: t.MessageID, TaskID: t.ID,
			DeliveryID: t.DeliveryID, Actor: try.Actor, Error: try.Error})
	}
	return out
}

// told reads what the customer was sent and what services said of it.
func (l *orderLife) told(ctx context.Context) error {
	c := &clause{}
	c.and("(d.instance_pk = ANY(?) OR d.id = ANY(?))", pq.Array(l.pks), pq.Array(l.sent))
	deliveries, err := page(ctx, l.r, deliveryList, c, Paging{Limit: MaxLimit}, func(d *deliveryRow) position { return position{id: d.ID} }, (*deliveryRow).show)
	if err != nil || len(deliveries.Items) == 0 {
		return err
	}
	l.d.Deliveries = deliveries.Items
	ids, by := make([]int64, 0, len(deliveries.Items)), make(map[int64]DeliveryRow, len(deliveries.Items))
	for _, v := range deliveries.Items {
		ids, by[v.ID] = append(ids, v.ID), v
		e := deliveryEvent(v)
		e.InstanceID = v.InstanceID
		l.events = append(l.events, e)
	}
	var receipts []Receipt
	err = sqlx.SelectContext(ctx, l.r.q, &receipts, `
SELECT `+receiptColumns+`
  FROM delivery_receipts
 WHERE delivery_id = ANY($1)
   AND remark = ''
 ORDER BY id DESC
 LIMIT $2`, pq.Array(ids), maxEvents)
	for _, s := range receipts {
		v := by[s.DeliveryID]
		l.events = append(l.events, TimelineEvent{At: s.At.UTC(), Sort: EventReceipt, Kind: v.Kind, Medium: v.Medium, Status: s.Outcome, New: s.Code,
			MessageID: v.MessageID, DeliveryID: v.ID, InstanceID: v.InstanceID})
	}
	return toFault(err)
}

// deliveryEvent is a delivery as a point of a timeline.
func deliveryEvent(v DeliveryRow) TimelineEvent {
	e := TimelineEvent{At: v.SentAt, Sort: EventDelivery, Kind: v.Kind, Medium: v.Medium, Status: v.Status, MessageID: v.MessageID,
		DeliveryID: v.ID, Error: v.LastError}
	if e.At.IsZero() {
		e.At = v.CreatedAt
	}
	return e
}

// changes reads what became of the instances: all of those that the order made,
// and of the others what its messages and its work have changed.
func (l *orderLife) changes(ctx context.Context) error {
	if len(l.all) == 0 {
		return nil
	}
	changes, err := l.r.changes(ctx, l.all)
	for _, e := range changes {
		_, made := l.made[e.InstanceID]
		_, message := l.byID[e.MessageID]
		if made || message || l.tasks[e.TaskID] {
			l.events = append(l.events, e)
		}
	}
	return err
}

// seen adds the moments from which on customers could open what they bought, each
// with the time since the first call of its purchase.
func (l *orderLife) seen() {
	for id, i := range l.made {
		if i.URLSeenAt.IsZero() {
			continue
		}
		since := i.createdAt
		for _, m := range l.messages {
			if m.InstanceID == id && m.Activity == market.NewInstance && m.FirstReceivedAt.Before(since) {
				since = m.FirstReceivedAt
			}
		}
		took := max(0, i.URLSeenAt.Sub(since))
		l.events = append(l.events, TimelineEvent{At: i.URLSeenAt, Sort: EventURLSeen, Kind: EventURLSeen, InstanceID: id, Duration: took})
		if id == l.d.InstanceID {
			l.d.TimeToUsable, l.d.Usable = took, true
		}
	}
}
