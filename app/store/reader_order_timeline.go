package store

import (
	"context"
	"time"

	"github.com/lib/pq"

	"koodesk/app/market"
	"koodesk/app/outbox"
)

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
	polls, err := r.polls(ctx, l.messages, l.events)
	if err != nil {
		return err
	}
	l.events = append(l.events, polls...)
	if err := l.work(ctx); err != nil {
		return err
	}
	if err := l.sends(ctx); err != nil {
		return err
	}
	if err := l.changes(ctx); err != nil {
		return err
	}
	l.seen()
	d.Timeline, err = r.told(ctx, l.events)
	return err
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
	if l.messages, err = l.r.newestMessages(ctx, channel, l.d.OrderID, l.ids, maxEvents, 0); err != nil {
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

// sends reads what the customer was sent and what services said of it.
func (l *orderLife) sends(ctx context.Context) error {
	c := &clause{}
	c.and("(d.instance_pk = ANY(?) OR d.id = ANY(?))", pq.Array(l.pks), pq.Array(l.sent))
	deliveries, err := page(ctx, l.r, deliveryList, c, Paging{Limit: MaxLimit}, func(d *deliveryRow) position { return position{id: d.ID} }, (*deliveryRow).show)
	if err != nil || len(deliveries.Items) == 0 {
		return err
	}
	l.d.Deliveries = deliveries.Items
	for _, v := range deliveries.Items {
		e := deliveryEvent(v)
		e.InstanceID = v.InstanceID
		l.events = append(l.events, e)
	}
	receipts, err := l.r.receiptEvents(ctx, deliveries.Items)
	l.events = append(l.events, receipts...)
	return err
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

// seen adds the moments from which on customers could open what they bought.
func (l *orderLife) seen() {
	for id, i := range l.made {
		if i.URLSeenAt.IsZero() {
			continue
		}
		e := urlSeen(id, i.createdAt, i.URLSeenAt, l.messages)
		l.events = append(l.events, e)
		if id == l.d.InstanceID {
			l.d.TimeToUsable, l.d.Usable = e.Duration, true
		}
	}
}

// urlSeen is the moment from which on a customer could open an instance, with the
// time since the first call of its purchase.
func urlSeen(instance string, made, seen time.Time, messages []MessageRow) TimelineEvent {
	since := made
	for _, m := range messages {
		if m.InstanceID == instance && m.Activity == market.NewInstance && m.FirstReceivedAt.Before(since) {
			since = m.FirstReceivedAt
		}
	}
	return TimelineEvent{At: seen, Sort: EventURLSeen, Kind: EventURLSeen, InstanceID: instance, Duration: max(0, seen.Sub(since))}
}
