package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// Sorts of timeline events.
const (
	EventChange   = "change"   // of the instance: Kind status, expiry, product, order, access, customer with Old and New
	EventMessage  = "message"  // an interface message came in: Kind is its activity, Count how often it came
	EventRestart  = "restart"  // somebody restarted a message: Kind is its activity
	EventTask     = "task"     // a try of follow-up work ended: Kind is its kind, Status how
	EventDelivery = "delivery" // an SMS or e-mail: Kind is its kind, Status where it stands
	EventAudit    = "audit"    // somebody did something to it: Kind is the action
	EventPoll     = "poll"     // the marketplace asked for the access data: Kind is the activity, ResultCode the answer to each of Count
	EventURLSeen  = "url_seen" // an answer first gave the marketplace the address: Duration since the first call of the purchase
	EventReceipt  = "receipt"  // a service said what became of a delivery: Status the outcome, New the service's word
	EventLink     = "link"     // the buyer's access page: Kind is viewed or revealed, At the first time, Count how often
)

// TimelineEvent is one point in the life of an instance.
type TimelineEvent struct {
	At         time.Time // UTC
	Sort       string
	Kind       string
	Scene      string // of a message
	Purpose    string // of a task
	Medium     string // of a delivery
	Old, New   string // of a change
	Status     string
	ResultCode string
	Count      int       // arrivals of a message, polls, uses of a link
	Counted    int       // of these polls: how many were not looked at, and are taken to have been answered alike
	LastAt     time.Time // the last of them; zero with one
	Number     int       // of a task's try
	Duration   time.Duration
	MessageID  int64
	TaskID     int64
	DeliveryID int64
	InstanceID string // KooGallery's, of the instance that it is about
	Others     int    // how many more a poll asked for in the same call; its ResultCode is that of them all
	Actor      string // who did it, when a person did
	Reason     string // in that person's words
	Error      *fault.Record
}

// maxEvents bounds each source of a timeline; instances have few. Polls that name an
// instance behind another may be many messages, each of others: maxShared.
const (
	maxEvents = 300
	maxShared = 50
)

// life fills messages (one among them, if it is about the instance), deliveries, tasks
// and the timeline of an instance.
func (r *Reader) life(ctx context.Context, d *InstanceDetail, channel, message int64) error {
	err := r.instanceMessages(ctx, d, channel, message)
	if err != nil {
		return err
	}
	c := &clause{}
	c.and("d.instance_pk = ?", d.PK)
	key := func(d *deliveryRow) position { return position{id: d.ID} }
	deliveries, err := page(ctx, r, deliveryList, c, Paging{Limit: MaxLimit}, key, (*deliveryRow).show)
	if err != nil {
		return err
	}
	d.Deliveries = deliveries.Items
	c = &clause{}
	c.and("t.instance_pk = ?", d.PK)
	if d.Tasks, err = r.tasksWithTries(ctx, c); err != nil {
		return err
	}
	if d.OneTimeLink, err = r.oneTimeLink(ctx, channel, d.ProductID, d.SkuCode); err != nil {
		return err
	}
	return r.timeline(ctx, d)
}

func (r *Reader) instanceMessages(ctx context.Context, d *InstanceDetail, channel, message int64) error {
	var err error
	d.Messages, err = r.newestMessages(ctx, channel, "", []string{d.InstanceID}, MaxLimit, message)
	slices.SortFunc(d.Messages, func(a, b MessageRow) int {
		return cmp.Or(b.LastReceivedAt.Compare(a.LastReceivedAt), cmp.Compare(b.ID, a.ID))
	})
	return err
}

// newestMessages are a channel's newest real messages about an order ("": none) and
// about instances, so many of each, in order of their ids; and one about an instance (0:
// none) even if it is older.
func (r *Reader) newestMessages(ctx context.Context, channel int64, order string, instances []string, most int, with int64) ([]MessageRow, error) {
	var rows []messageRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+messageList.columns+`
  FROM messages m
 WHERE m.channel_id = $1
   AND NOT m.test
   AND m.id = ANY(ARRAY(
       (SELECT id
          FROM messages
         WHERE order_id = $2
           AND order_id <> ''
           AND channel_id = $1
           AND NOT test
         ORDER BY id DESC
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM messages
         WHERE instance_id = ANY($3)
           AND instance_id <> ''
           AND channel_id = $1
           AND NOT test
         ORDER BY id DESC
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM messages
         WHERE id = $5
           AND instance_id = ANY($3))
        UNION ALL`+newestBehind("$3", maxShared)+`))
 ORDER BY m.id`, channel, order, pq.Array(instances), most, with)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]MessageRow, len(rows))
	for n := range rows {
		if out[n], err = rows[n].show(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// timeline joins what is known of an instance, newest first.
func (r *Reader) timeline(ctx context.Context, d *InstanceDetail) error {
	out, err := r.changes(ctx, []int64{d.PK})
	if err != nil {
		return err
	}
	for _, m := range d.Messages {
		if m.Activity != market.QueryInstance {
			out = append(out, messageEvent(m))
		}
	}
	restarts, err := r.restarts(ctx, d.Messages)
	if err != nil {
		return err
	}
	polls, err := r.polls(ctx, d.Messages, restarts)
	if err != nil {
		return err
	}
	receipts, err := r.receiptEvents(ctx, d.Deliveries)
	if err != nil {
		return err
	}
	audited, err := r.audited(ctx, "instance/"+d.InstanceID)
	if err != nil {
		return err
	}
	present, used, err := r.links(ctx, d.PK)
	if err != nil {
		return err
	}
	d.Link = Link{Generation: present, Allowed: 1}
	for _, l := range used {
		if l.Generation == present {
			d.Link = l
		}
	}
	out = append(out, linkEvents(used)...)
	out = slices.Concat(out, restarts, polls, receipts, audited)
	if !d.URLSeenAt.IsZero() {
		out = append(out, urlSeen(d.InstanceID, d.CreatedAt, d.URLSeenAt, d.Messages))
	}
	for _, t := range d.Tasks {
		out = append(out, taskEvents(t)...)
	}
	for _, v := range d.Deliveries {
		out = append(out, deliveryEvent(v))
	}
	for n := range out {
		out[n].InstanceID = d.InstanceID
	}
	d.Timeline, err = r.told(ctx, out)
	return err
}

// told puts a timeline in order, newest first, and says of what people restarted why
// they did.
func (r *Reader) told(ctx context.Context, events []TimelineEvent) ([]TimelineEvent, error) {
	slices.SortStableFunc(events, func(a, b TimelineEvent) int { return cmp.Compare(b.At.UnixMicro(), a.At.UnixMicro()) })
	targets := make([]string, len(events)) // of the audit trail, which has the reasons
	for n, e := range events {
		switch {
		case e.Sort == EventRestart:
			targets[n] = "message/" + strconv.FormatInt(e.MessageID, 10)
		case e.Sort == EventTask && e.Status == "restarted":
			targets[n] = "task/" + strconv.FormatInt(e.TaskID, 10)
		}
	}
	restarted := slices.DeleteFunc(slices.Clone(targets), func(t string) bool { return t == "" })
	if len(restarted) == 0 {
		return events, nil
	}
	var rows []struct {
		Target string    `db:"target"`
		At     time.Time `db:"at"`
		Reason string    `db:"reason"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT target, at, reason
  FROM audit
 WHERE target = ANY($1)
   AND action IN ('message.restart', 'task.restart')
   AND reason <> ''
 ORDER BY id DESC
 LIMIT $2`, pq.Array(restarted), maxEvents)
	for _, a := range rows {
		for n := range events {
			if targets[n] == a.Target && events[n].At.Equal(a.At) { // written in one transaction
				events[n].Reason = a.Reason
			}
		}
	}
	return events, toFault(err)
}

// changes are the newest entries in the history of instances.
func (r *Reader) changes(ctx context.Context, instances []int64) ([]TimelineEvent, error) {
	var rows []struct {
		At        time.Time `db:"at"`
		Kind      string    `db:"kind"`
		Old       string    `db:"old_value"`
		New       string    `db:"new_value"`
		MessageID int64     `db:"message_id"`
		TaskID    int64     `db:"task_id"`
		Instance  string    `db:"instance_id"`
		Actor     string    `db:"actor"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT at, kind, old_value, new_value, COALESCE(message_id, 0) AS message_id, COALESCE(task_id, 0) AS task_id, actor,
       (SELECT i.instance_id FROM instances i WHERE i.id = instance_pk) AS instance_id
  FROM instance_events
 WHERE instance_pk = ANY($1)
 ORDER BY id DESC
 LIMIT $2`, pq.Array(instances), maxEvents)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]TimelineEvent, 0, len(rows))
	for _, e := range rows {
		out = append(out, TimelineEvent{At: e.At.UTC(), Sort: EventChange, Kind: e.Kind, Old: e.Old, New: e.New,
			MessageID: e.MessageID, TaskID: e.TaskID, InstanceID: e.Instance, Actor: e.Actor})
	}
	return out, nil
}

// restarts are what people did to the messages. A restart of a task alone is among its
// tries.
func (r *Reader) restarts(ctx context.Context, messages []MessageRow) ([]TimelineEvent, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	byID := make(map[int64]MessageRow, len(messages))
	ids := make([]int64, 0, len(messages))
	for _, m := range messages {
		byID[m.ID] = m
		ids = append(ids, m.ID)
	}
	var rows []struct {
		MessageID  int64          `db:"message_id"`
		At         time.Time      `db:"at"`
		Actor      string         `db:"actor"`
		ResultCode string         `db:"result_code"`
		Error      sql.NullString `db:"error"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT message_id, at, actor, result_code, error
  FROM attempts
 WHERE message_id = ANY($1)
   AND source <> 'marketplace'
   AND task_id IS NULL
 ORDER BY id DESC
 LIMIT $2`, pq.Array(ids), maxEvents)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]TimelineEvent, 0, len(rows))
	for _, a := range rows {
		rec, err := recordOf(a.Error)
		if err != nil {
			return nil, err
		}
		m := byID[a.MessageID]
		out = append(out, TimelineEvent{At: a.At.UTC(), Sort: EventRestart, Kind: m.Activity, Scene: m.Scene, ResultCode: a.ResultCode,
			MessageID: a.MessageID, Actor: a.Actor, Error: rec})
	}
	return out, nil
}

func (r *Reader) audited(ctx context.Context, target string) ([]TimelineEvent, error) {
	entries, err := r.AuditList(ctx, AuditFilter{Target: target}, Paging{Limit: MaxLimit})
	if err != nil {
		return nil, err
	}
	out := make([]TimelineEvent, 0, len(entries.Items))
	for _, a := range entries.Items {
		out = append(out, TimelineEvent{At: a.At, Sort: EventAudit, Kind: a.Action, Actor: a.Actor, Reason: a.Reason})
	}
	return out, nil
}
