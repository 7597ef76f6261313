package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// Receiver is who gets an event: a product's own webhook, or a subscriber.
type Receiver struct {
	ProductPK int64 // of the entry with the webhook; 0 for a subscriber
	TargetID  int64 // of the subscription; 0 for a product
	URL       string
	Secrets   []string // the present one first
	Former    string   // where it was told last, as it is shown, when URL is not known any more
}

// NewEvent is an event for one receiver, to be written. UniqueKey makes it exist
// once.
type NewEvent struct {
	ChannelID   int64
	Type        string
	WebhookID   string
	UniqueKey   string
	Receiver    Receiver
	Shown       string // the receiver's address without its query
	TaskID      int64  // the task that sends it
	InstancePK  int64
	CodeID      int64 // of license_codes
	MessageID   int64
	ProductID   string
	OrderID     string
	OrderLineID string
	Scene       market.Scene // of a renewal
	Payload     []byte
}

// Event is an event for one receiver, its payload opened.
type Event struct {
	ID         int64
	ChannelID  int64
	Type       string
	WebhookID  string
	ProductPK  int64 // 0: none any more, or none
	TargetID   int64
	ToProduct  bool
	Shown      string
	TaskID     int64
	InstancePK int64
	CodeID     int64
	MessageID  int64
	OrderID    string
	LineID     string
	Payload    []byte
	Status     outbox.Status
	Resends    int
	HTTPStatus int       // of the last answer
	SentAt     time.Time // when it was last taken
	Question   bool      // its product was asked by a task of another kind, and its answer matters
}

// AddEvent writes an event; one with the same unique key is left as it is and id
// is 0.
func (t *Tx) AddEvent(ctx context.Context, n NewEvent) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, product_pk, target_id, to_product, target, task_id, instance_pk,
                    message_id, product_id, order_id, order_line_id, payload_sealed, license_code_id, scene)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (unique_key) DO NOTHING
RETURNING id`,
		n.ChannelID, n.Type, n.WebhookID, n.UniqueKey, nullID(n.Receiver.ProductPK), nullID(n.Receiver.TargetID), n.Receiver.TargetID == 0,
		n.Shown, nullID(n.TaskID), nullID(n.InstancePK), nullID(n.MessageID), n.ProductID, n.OrderID, n.OrderLineID,
		t.keys.Seal(seal.Payload, n.Payload), nullID(n.CodeID), string(n.Scene))
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, nil
	}
	return id, toFault(err)
}

// SetEventTask says which task sends an event from now on.
func (t *Tx) SetEventTask(ctx context.Context, event, task int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE events
   SET task_id = $2
 WHERE id = $1`, event, task)
	return toFault(err)
}

const eventColumns = `id, channel_id, type, webhook_id, COALESCE(product_pk, 0), COALESCE(target_id, 0), to_product, target,
       COALESCE(task_id, 0), COALESCE(instance_pk, 0), COALESCE(license_code_id, 0), COALESCE(message_id, 0), order_id, order_line_id, payload_sealed, status, resends, http_status, sent_at,
       ` + isQuestion

// isQuestion tells an event by which a product was asked from one by which it was
// told: its key names the task that asked.
const isQuestion = "starts_with(unique_key, channel_id || '/' || type || '/task/')"

func (r *Reader) scanEvent(row scanner) (*Event, error) {
	var e Event
	var payload []byte
	var sent sql.NullTime
	err := row.Scan(&e.ID, &e.ChannelID, &e.Type, &e.WebhookID, &e.ProductPK, &e.TargetID, &e.ToProduct, &e.Shown,
		&e.TaskID, &e.InstancePK, &e.CodeID, &e.MessageID, &e.OrderID, &e.LineID, &payload, &e.Status, &e.Resends, &e.HTTPStatus, &sent, &e.Question)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "event.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	e.SentAt = sent.Time
	if e.Payload, err = r.keys.Open(seal.Payload, payload); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	return &e, nil
}

// TaskOfEvent is the task that sends an event, or (question) asks by it; 0 if there is
// none any more. Fault: not_found "event.unknown".
func (t *Tx) TaskOfEvent(ctx context.Context, id int64) (task int64, question bool, err error) {
	err = toFault(t.tx.QueryRowxContext(ctx, `
SELECT COALESCE(task_id, 0), `+isQuestion+`
  FROM events
 WHERE id = $1`, id).Scan(&task, &question))
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "event.unknown")
	}
	return task, question, err
}

// LockEvent locks an event. Fault: not_found "event.unknown".
func (t *Tx) LockEvent(ctx context.Context, id int64) (*Event, error) {
	return t.Reader().scanEvent(t.tx.QueryRowxContext(ctx, `
SELECT `+eventColumns+`
  FROM events
 WHERE id = $1
   FOR NO KEY UPDATE`, id))
}

// LockEventOfTask locks the event that a task sends. Fault: not_found
// "event.unknown".
func (t *Tx) LockEventOfTask(ctx context.Context, task int64) (*Event, error) {
	return t.Reader().scanEvent(t.tx.QueryRowxContext(ctx, `
SELECT `+eventColumns+`
  FROM events
 WHERE task_id = $1
 ORDER BY id DESC
 LIMIT 1
   FOR NO KEY UPDATE`, task))
}

// LockQuestion locks the event by which a task asks the product of an entry, or of
// another with its address. Fault: not_found "event.unknown".
func (t *Tx) LockQuestion(ctx context.Context, task int64, eventType string, productPK int64) (*Event, error) {
	return t.Reader().scanEvent(t.tx.QueryRowxContext(ctx, `
SELECT `+eventColumns+`
  FROM events e
 WHERE task_id = $1
   AND type = $2
   AND `+sameReceiver+`
 ORDER BY id DESC
 LIMIT 1
   FOR NO KEY UPDATE`, task, eventType, true, nil, productPK))
}

// about is the column that says what an event is about, with its value: events
// of one thing reach each receiver in their order; "" is an event by itself.
func (e *Event) about() (column string, id int64) {
	switch {
	case e.InstancePK != 0:
		return "instance_pk", e.InstancePK
	case e.CodeID != 0:
		return "license_code_id", e.CodeID
	}
	return "", 0
}

// sameReceiver says of events e that they go to a product ($3), the one of an
// entry ($5) or of another with its address, or else to a subscriber ($4).
const sameReceiver = `e.to_product = $3
   AND CASE WHEN e.to_product
            THEN e.product_pk IS NOT DISTINCT FROM $5
                 OR EXISTS (SELECT 1
                              FROM products p
                              JOIN products q ON q.settings->>'webhook_url' = p.settings->>'webhook_url'
                             WHERE p.id = e.product_pk
                               AND q.id = $5)
            ELSE e.target_id IS NOT DISTINCT FROM $4
       END`

// EarlierEvent tells when an earlier event of the same instance or code, which
// its receiver must get first, is going to be tried; ok is false if there is none.
func (t *Tx) EarlierEvent(ctx context.Context, e *Event) (due time.Time, ok bool, err error) {
	about, id := e.about()
	if about == "" {
		return due, false, nil
	}
	err = t.tx.GetContext(ctx, &due, `
SELECT CASE WHEN k.status = 'running' THEN now() ELSE k.run_at END
  FROM events e
  JOIN tasks k ON k.id = e.task_id
 WHERE e.`+about+` = $1
   AND e.id < $2
   AND `+sameReceiver+`
   AND e.status IN ('pending', 'running')
   AND k.status IN ('pending', 'running')
   AND k.id <> $6
 ORDER BY e.id
 LIMIT 1`, id, e.ID, e.ToProduct, nullID(e.TargetID), nullID(e.ProductPK), e.TaskID)
	if fault.Is(toFault(err), fault.NotFound) {
		return due, false, nil
	}
	return due, err == nil, toFault(err)
}

// HurryNextEvent makes the event due that waited for this one.
func (t *Tx) HurryNextEvent(ctx context.Context, e *Event) error {
	about, id := e.about()
	if about == "" {
		return nil
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE tasks
   SET run_at = now()
 WHERE id = (SELECT k.id
               FROM events e
               JOIN tasks k ON k.id = e.task_id
              WHERE e.`+about+` = $1
                AND e.id > $2
                AND `+sameReceiver+`
                AND e.status = 'pending'
                AND k.status = 'pending'
              ORDER BY e.id
              LIMIT 1)
   AND status = 'pending'
   AND attempts = 0
   AND run_at > now()`, id, e.ID, e.ToProduct, nullID(e.TargetID), nullID(e.ProductPK))
	return toFault(err)
}

// SetEventStatus changes an event's status alone.
func (t *Tx) SetEventStatus(ctx context.Context, id int64, status outbox.Status) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE events
   SET status = $2
 WHERE id = $1`, id, string(status))
	return toFault(err)
}

// EventTry is how one try of an event ended.
type EventTry struct {
	At         time.Time // when it was signed
	Duration   time.Duration
	Shown      string // the address
	Signature  string
	HTTPStatus int    // 0: no answer
	Response   []byte // its beginning
	Err        error
	Status     outbox.Status // of the event after it
}

// EndEventTry keeps a try and how the event stands after it.
func (t *Tx) EndEventTry(ctx context.Context, id int64, e EventTry) error {
	rec := nullBytes(fault.ToRecord(e.Err).JSON())
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO event_attempts (event_id, at, duration_us, target, signature, http_status, response_sealed, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, e.At, e.Duration.Microseconds(), e.Shown, e.Signature, e.HTTPStatus, nullBytes(t.keys.Seal(seal.Payload, e.Response)), rec)
	if err != nil {
		return toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE events
   SET status = $2,
       attempts = attempts + 1,
       http_status = $3,
       target = $4,
       last_error = $5,
       sent_at = CASE WHEN $2 = 'succeeded' THEN now() ELSE sent_at END
 WHERE id = $1`, id, string(e.Status), e.HTTPStatus, e.Shown, rec)
	return toFault(err)
}

// SettleEvent writes that an event is waiting for its next try, or was given up.
func (t *Tx) SettleEvent(ctx context.Context, id int64, status outbox.Status, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE events
   SET status = $2,
       last_error = $3
 WHERE id = $1
   AND status IN ('pending', 'running', 'failed')`, id, string(status), nullBytes(fault.ToRecord(cause).JSON()))
	return toFault(err)
}

// ReopenEvent makes an event wait again, for a resend; its number of resends,
// which the new task's unique key needs, is returned.
func (t *Tx) ReopenEvent(ctx context.Context, id int64, actor string) (resends int, err error) {
	err = t.tx.GetContext(ctx, &resends, `
WITH noted AS (
    INSERT INTO event_attempts (event_id, at, target, actor)
    SELECT id, now(), target, $2
      FROM events
     WHERE id = $1
)
UPDATE events
   SET status = 'pending',
       resends = resends + 1,
       last_error = NULL
 WHERE id = $1
RETURNING resends`, id, actor)
	return resends, toFault(err)
}

// ReopenEventsOf makes the given-up events of tasks wait again, after the tasks
// were restarted.
func (t *Tx) ReopenEventsOf(ctx context.Context, message, task int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE events
   SET status = 'pending'
 WHERE id IN (SELECT e.id
                FROM tasks k
                JOIN events e
                  ON e.task_id = k.id
               WHERE (k.message_id = $1 OR k.id = $2)
                 AND k.status = 'pending'
                 AND e.status IN ('failed', 'cancelled')
               ORDER BY e.id
                 FOR NO KEY UPDATE OF e)`, nullID(message), nullID(task))
	return toFault(err)
}
