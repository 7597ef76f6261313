package store

import (
	"context"
	"database/sql"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// MessageStatuses lists the statuses of messages.
func MessageStatuses() []string {
	return []string{MessageProcessing, MessageSucceeded, MessageFailed, MessageRejected}
}

// MessageFilter says which interface messages a list holds. Zero fields do not
// filter.
type MessageFilter struct {
	Channel    string // slug
	Protocol   string
	Activity   string
	Status     string
	OrderID    string
	InstanceID string
	Test       *bool     // nil: real and debugging calls
	Q          string    // any id: see Reader.MessageList
	Since      time.Time // of the last arrival, inclusive
	Until      time.Time // of the last arrival, exclusive
	Group      int64     // of failure_groups
	// Quarantined wants those with a different content that waits for a person.
	Quarantined bool
}

// MessageRow is an interface message in a list. Times are UTC; a zero time means
// "none".
type MessageRow struct {
	ID              int64
	Channel         string // slug
	Protocol        string
	Activity        string
	Scene           string // of refreshInstance: RENEWAL, …; of updateInstanceStatus: FREEZE, UNFREEZE
	Test            bool
	Status          string
	ResultCode      string
	OrderID         string
	OrderLineID     string
	InstanceID      string
	InstanceIDs     []string // all that the call names, InstanceID first
	Attempts        int
	Conflicts       int // arrivals with the same key and different content
	FirstReceivedAt time.Time
	LastReceivedAt  time.Time
	LastError       *fault.Record
	RetryUntil      time.Time // until when the marketplace itself retries a failing call
	OnlineLicense   bool      // a call of V2.0's for an instance that is known to be an online License's
}

// others is how many instances a call names beside one.
func (m MessageRow) others() int { return max(0, len(m.InstanceIDs)-1) }

// MessageDetail is one message with what happened to it. Attempts are the newest
// ones only, newest first; MessageRow.Attempts says how many there are.
type MessageDetail struct {
	MessageRow
	BusinessID string // of the first arrival
	IdemKey    string
	AttemptLog []AttemptRow
	Tasks      []TaskRow      // oldest first, with their tries
	Restarts   []RestartedRow // of the message and of its tasks, newest first; the newest MaxLimit only

	RestartsMore bool              // there are older ones
	OvertakenBy  LaterCall         // that has taken the place of this failed one; zero: none
	Known        []string          // which of InstanceIDs are instances of the channel
	Site         market.Site       // of the channel
	OrderPK      int64             // row of its order line; 0: the order has no page
	Answered     market.ResultCode // what the marketplace was told when it called last; "" for a call that never came
	IfLicense    *market.RetryRule // when the marketplace calls if the instance is an online License's, which its order is still to tell, and which makes a difference
}

type messageRow struct {
	ID         int64          `db:"id"`
	Channel    string         `db:"channel"`
	Protocol   string         `db:"protocol"`
	Activity   string         `db:"activity"`
	Test       bool           `db:"test"`
	IdemKey    string         `db:"idem_key"`
	Status     string         `db:"status"`
	ResultCode string         `db:"result_code"`
	OrderID    string         `db:"order_id"`
	LineID     string         `db:"order_line_id"`
	BusinessID string         `db:"business_id"`
	InstanceID string         `db:"instance_id"`
	Instances  pq.StringArray `db:"instance_ids"`
	Attempts   int            `db:"attempts"`
	Conflicts  int            `db:"conflicts"`
	First      time.Time      `db:"first_received_at"`
	Last       time.Time      `db:"last_received_at"`
	LastError  sql.NullString `db:"last_error"`
	RetryUntil sql.NullTime   `db:"retry_until"`
	Online     bool           `db:"online_license"`
}

var messageList = source{
	list: list{letter: 'm', at: "m.last_received_at", id: "m.id"},
	columns: `m.id, (SELECT c.slug FROM channels c WHERE c.id = m.channel_id) AS channel, m.protocol, m.activity, m.test, m.idem_key,
       m.status, m.result_code, m.order_id, m.order_line_id, m.business_id, m.instance_id, ` + instancesOf + ` AS instance_ids, m.attempts, m.conflicts,
       m.first_received_at, m.last_received_at, m.last_error, m.retry_until, m.online_license`,
	table: "messages",
	alias: "m",
	lean:  true,
}

func (m *messageRow) show() (MessageRow, error) {
	last, err := recordOf(m.LastError)
	return MessageRow{
		ID: m.ID, Channel: m.Channel, Protocol: m.Protocol, Activity: m.Activity, Scene: sceneOf(m.Activity, m.IdemKey), Test: m.Test,
		Status: m.Status, ResultCode: m.ResultCode, OrderID: m.OrderID, OrderLineID: m.LineID, InstanceID: m.InstanceID, InstanceIDs: m.Instances,
		Attempts: m.Attempts, Conflicts: m.Conflicts, FirstReceivedAt: m.First.UTC(), LastReceivedAt: m.Last.UTC(),
		LastError: last, RetryUntil: utc(m.RetryUntil), OnlineLicense: m.Online,
	}, err
}

// MessageList reads a page of messages, the last received first. Q finds a whole
// message id, order line id or businessId (of any arrival), and the beginning of
// an order id or instance id (of more than 2000 the last ones in their order).
// Fault: invalid "cursor.invalid".
func (r *Reader) MessageList(ctx context.Context, f MessageFilter, p Paging) (Page[MessageRow], error) {
	c, err := r.messageClause(ctx, f)
	if err != nil {
		return Page[MessageRow]{}, err
	}
	key := func(m *messageRow) position { return position{at: m.Last, id: m.ID} }
	return page(ctx, r, messageList, c, p, key, (*messageRow).show)
}

// MessageCounts counts the messages of a filter by status; the filter's own
// status does not count. Where the filter says what messages are, and not which,
// the newest 2000 of each status are looked at.
func (r *Reader) MessageCounts(ctx context.Context, f MessageFilter) (Counts, error) {
	f.Status = ""
	c, err := r.messageClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, messageList, "m.status", c, MessageStatuses())
}

// MessageIDs lists the ids of a filter's messages behind afterID, in order of
// id: the way to act on everything that matches, batch by batch, while messages
// go on arriving.
func (r *Reader) MessageIDs(ctx context.Context, f MessageFilter, afterID int64, limit int) ([]int64, error) {
	c, err := r.messageClauseOf(ctx, f, unlimited)
	if err != nil {
		return nil, err
	}
	c.and("m.id > ?", afterID)
	var ids []int64
	err = sqlx.SelectContext(ctx, r.q, &ids, `
SELECT m.id
  FROM `+messageList.from(c)+c.where()+`
 ORDER BY m.id
 LIMIT `+strconv.Itoa(limit), c.args...)
	return ids, toFault(err)
}

// MessageNeighbours gives the messages before and after one in a filtered list;
// 0 at the ends.
func (r *Reader) MessageNeighbours(ctx context.Context, f MessageFilter, m MessageRow) (newer, older int64, err error) {
	c, err := r.messageClause(ctx, f)
	if err != nil {
		return 0, 0, err
	}
	n, o, err := r.neighbours(ctx, messageList, c, m.LastReceivedAt, m.ID, "m.id")
	return idOf(n), idOf(o), err
}

// MessageDetail loads a message with its newest attempts (limit as for Paging)
// and its tasks. Fault: not_found "message.unknown".
func (r *Reader) MessageDetail(ctx context.Context, id int64, attempts int) (*MessageDetail, error) {
	var row struct {
		messageRow
		Known    pq.StringArray    `db:"known"`
		Ordered  bool              `db:"ordered"`
		Site     market.Site       `db:"site"`
		Answered market.ResultCode `db:"answered"`
		OrderPK  int64             `db:"order_pk"`
		LaterID  int64             `db:"later_id"`
		Later    string            `db:"later"`
	}
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+messageList.columns+`,
       ARRAY(SELECT i.instance_id FROM instances i WHERE i.instance_id = ANY(`+instancesOf+`) AND i.channel_id = m.channel_id AND NOT m.test) AS known,
       EXISTS (SELECT 1 FROM instances i WHERE i.instance_id = m.instance_id AND i.channel_id = m.channel_id AND i.product_id <> '') AS ordered,
       (SELECT c.site FROM channels c WHERE c.id = m.channel_id) AS site,
       COALESCE((SELECT a.result_code
                   FROM attempts a
                  WHERE a.message_id = m.id
                    AND a.source = 'marketplace'
                  ORDER BY a.id DESC
                  LIMIT 1), '') AS answered,
       COALESCE((SELECT o.id
                   FROM orders o
                  WHERE o.channel_id = m.channel_id
                    AND o.order_id = m.order_id
                    AND m.order_id <> ''
                    AND NOT m.test
                  ORDER BY (o.order_line_id = m.order_line_id) DESC, o.id
                  LIMIT 1), 0) AS order_pk,
       COALESCE(l.id, 0) AS later_id, COALESCE(l.activity, '') AS later
  FROM messages m
  LEFT JOIN messages l
         ON l.id = m.overtaken_by
        AND m.status = 'failed'
 WHERE m.id = $1`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "message.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	shown, err := row.show()
	if err != nil {
		return nil, err
	}
	d := &MessageDetail{MessageRow: shown, BusinessID: row.BusinessID, IdemKey: row.IdemKey, Known: row.Known, OvertakenBy: LaterCall{MessageID: row.LaterID, Activity: row.Later},
		Site: row.Site, Answered: row.Answered, OrderPK: row.OrderPK}
	usual := market.RetryOf(market.Protocol(d.Protocol), d.Activity)
	if r := market.OnlineLicenseRule(usual.Protocol, usual.Activity); r != nil && !row.Ordered && !r.SameTimes(usual) {
		d.IfLicense = r
	}
	log, err := r.AttemptList(ctx, id, Paging{Limit: attempts})
	if err != nil {
		return nil, err
	}
	d.AttemptLog = log.Items
	c := &clause{}
	c.and("t.message_id = ?", id)
	if d.Tasks, err = r.tasksWithTries(ctx, c); err != nil {
		return nil, err
	}
	tasks := make([]int64, len(d.Tasks))
	for n, t := range d.Tasks {
		tasks[n] = t.ID
	}
	d.Restarts, d.RestartsMore, err = r.restarted(ctx, id, tasks)
	return d, err
}

// MessageExists is nil if there is such a message. Fault: not_found
// "message.unknown".
func (r *Reader) MessageExists(ctx context.Context, id int64) error {
	var there bool
	err := sqlx.GetContext(ctx, r.q, &there, `
SELECT EXISTS (
       SELECT 1
         FROM messages
        WHERE id = $1)`, id)
	if err == nil && !there {
		return fault.New(fault.NotFound, "message.unknown")
	}
	return toFault(err)
}

// messageClause turns a filter into conditions. Whoever changes it must keep the
// test of the query plans true.
func (r *Reader) messageClause(ctx context.Context, f MessageFilter) (*clause, error) {
	return r.messageClauseOf(ctx, f, maxFound)
}

func (r *Reader) messageClauseOf(ctx context.Context, f MessageFilter, most int) (*clause, error) {
	c := &clause{}
	if err := r.messageKind(ctx, c, f); err != nil {
		return nil, err
	}
	coarse := c.conds
	c.equal("m.status", f.Status)
	if f.Group != 0 {
		c.and("m.failure_group = ?", f.Group)
	}
	if f.OrderID != "" {
		c.and("m.order_id = ? AND m.order_id <> ''", f.OrderID)
	}
	if f.InstanceID != "" {
		c.and("m.id = ANY(ARRAY(SELECT about.id FROM "+messagesAbout("= ?")+" about))", f.InstanceID, f.InstanceID)
	}
	if !f.Since.IsZero() {
		c.and("m.last_received_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		c.and("m.last_received_at < ?", f.Until)
	}
	if f.Quarantined {
		c.and("m.id IN (SELECT message_id FROM quarantine WHERE status = 'open')")
	}
	c.sides = messageSides(coarse, c.conds[len(coarse):])
	if q := strings.TrimSpace(f.Q); q != "" {
		found, err := r.searchMessages(ctx, q, most)
		if err != nil {
			return nil, err
		}
		c.only(found)
	}
	return c, nil
}

// messageKind keeps the messages of a kind; what few are comes first.
func (r *Reader) messageKind(ctx context.Context, c *clause, f MessageFilter) error {
	usual := f.Protocol == string(market.V2)
	if f.Test != nil && *f.Test {
		c.and("m.test")
	}
	if !usual {
		c.equal("m.protocol", f.Protocol)
	}
	if err := r.channelIs(ctx, c, "m.channel_id", f.Channel); err != nil {
		return err
	}
	c.equal("m.activity", f.Activity)
	if usual {
		c.equal("m.protocol", f.Protocol)
	}
	if f.Test != nil && !*f.Test {
		c.and("NOT m.test")
	}
	return nil
}

// messageSides says how messages are counted under conditions that many pass: the
// index of statuses holds them all, and the first of them, if it is by itself, has
// one of its own, in which what it leaves may be little.
func messageSides(coarse, which []string) []side {
	if len(coarse) == 0 {
		return nil
	}
	sides := []side{{given: which, tested: coarse, order: messageList.order(false)}}
	if len(which) == 0 {
		sides = append(sides, side{given: coarse[:1], tested: coarse[1:], order: messageList.order(false), whole: true})
	}
	return sides
}

// sceneOf reads the scene of a renewal or the target of a status change, which
// are parts of the idempotency key.
func sceneOf(activity, key string) string {
	if v1, ok := strings.CutPrefix(key, string(market.V1)+"/"); ok && activity == market.ChangeInstanceStatus {
		key, activity = market.UpdateInstanceStatus+strings.TrimPrefix(v1, activity), market.UpdateInstanceStatus
	}
	if activity != market.RefreshInstance && activity != market.UpdateInstanceStatus {
		return ""
	}
	parts := strings.Split(key, "/")
	if len(parts) < 3 || parts[0] != activity {
		return ""
	}
	scene, err := url.QueryUnescape(parts[2])
	if err != nil {
		return ""
	}
	return scene
}

func idOf(s string) int64 {
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil || id < 0 {
		return 0
	}
	return id
}

func recordOf(s sql.NullString) (*fault.Record, error) {
	return fault.ParseRecord([]byte(s.String))
}

// utc gives a time as the read models have it: UTC, zero for none.
func utc(t sql.NullTime) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}
