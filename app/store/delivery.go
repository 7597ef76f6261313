package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// Delivery is one SMS or e-mail to a customer, its address and content opened.
type Delivery struct {
	ID          int64
	ChannelID   int64
	InstancePK  int64
	MessageID   int64 // the interface message that caused it, 0 if none
	Kind        string
	Medium      string // email, sms
	Language    string
	To          string
	ToMask      string
	Content     *Content // nil until it is rendered for the first try
	Status      string
	Transport   string // smtp, huawei, webhook, log, none
	Outcome     string // what became of it, see deliver.Outcome
	Handing     bool   // a hand-over has begun whose end is not written down yet
	FallbackOf  int64  // the refused delivery that it takes the place of, 0 if none
	MessageRef  string // Message-ID of the mail
	ProviderRef string
	Attempts    int
	Resends     int
	InBulk      bool // the last resend was one of many
	CreatedAt   time.Time
	SentAt      time.Time
	Days        int       // of an expiry notice: how many days before
	AboutExpiry time.Time // the expiry that it speaks of
	Customer    string    // see customer_wishes
	CountedAt   time.Time // since when it counts among the customer's notices
}

// Kept tells whether the delivery was rendered and kept, but never left the
// machine: no mail server, or no SMS service, is configured.
func (d *Delivery) Kept() bool { return d.Transport == "none" || d.Transport == "log" }

// Asked tells whether a person has asked for this one to be sent again.
func (d *Delivery) Asked() bool { return d.Resends > 0 && !d.InBulk }

// Content is what is sent, as rendered.
type Content struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
	HTML    string `json:"html,omitempty"`
	// Variables are what an SMS was rendered from, for services that have the text
	// themselves.
	Variables map[string]string `json:"variables,omitempty"`
	// Filled is what leaves instead of Text, for a service that has the text itself.
	Filled *Filled `json:"filled,omitempty"`
	// Secrets are the texts in Subject, Text and HTML (as written there) that must
	// be masked wherever the delivery is shown to anybody but its receiver.
	Secrets []string `json:"secrets,omitempty"`
	// Countdown is the number of days that an expiry notice tells, "expired" after the
	// expiry.
	Countdown string `json:"countdown,omitempty"`
	// ByLink tells that the password is told by the link among the secrets.
	ByLink bool `json:"by_link,omitempty"`
	// WipedAt is when the secrets were taken out; such a text is not sent again.
	WipedAt *time.Time `json:"wiped_at,omitempty"`
}

// Filled is a service's own text: its name there, and what it was filled with, in
// its order.
type Filled struct {
	Template string   `json:"template"`
	Values   []string `json:"values"`
}

// NewDelivery is a delivery to be written. UniqueKey makes it exist once. A
// fall-back speaks of the same as what it takes the place of: days, expiry and
// customer are that one's.
type NewDelivery struct {
	ChannelID  int64
	InstancePK int64
	MessageID  int64
	Kind       string
	Medium     string
	Language   string
	To         string
	ToMask     string
	MessageRef string
	UniqueKey  string
	FallbackOf int64 // 0: none
}

// AddDelivery writes a delivery; one with the same unique key is left as it is
// and id is 0.
func (t *Tx) AddDelivery(ctx context.Context, n NewDelivery) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, message_ref, unique_key, fallback_of,
                        days, about_expiry, customer)
SELECT $1::bigint, $2::bigint, $3::bigint, $4, $5, $6, $7::bytea, $8, $9, $10, $11::bigint, f.days, f.about_expiry, COALESCE(f.customer, '')
  FROM (SELECT 1) one
  LEFT JOIN deliveries f ON f.id = $11
ON CONFLICT (unique_key) DO NOTHING
RETURNING id`,
		n.ChannelID, n.InstancePK, nullID(n.MessageID), n.Kind, n.Medium, n.Language,
		t.keys.SealString(seal.Customer, n.To), n.ToMask, n.MessageRef, n.UniqueKey, nullID(n.FallbackOf))
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, nil
	}
	return id, toFault(err)
}

const deliveryColumns = `id, channel_id, instance_pk, COALESCE(message_id, 0), kind, medium, language, to_sealed, to_mask,
       content_sealed, status, transport, outcome, handing_since IS NOT NULL, COALESCE(fallback_of, 0), message_ref, provider_ref, attempts,
       resends, in_bulk, created_at, sent_at,
       COALESCE(days, 0), about_expiry, customer, counted_at`

func (r *Reader) scanDelivery(row scanner) (*Delivery, error) {
	var d Delivery
	var to, content []byte
	var sent, about, counted sql.NullTime
	err := row.Scan(&d.ID, &d.ChannelID, &d.InstancePK, &d.MessageID, &d.Kind, &d.Medium, &d.Language, &to, &d.ToMask,
		&content, &d.Status, &d.Transport, &d.Outcome, &d.Handing, &d.FallbackOf, &d.MessageRef, &d.ProviderRef, &d.Attempts, &d.Resends, &d.InBulk, &d.CreatedAt, &sent,
		&d.Days, &about, &d.Customer, &counted)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "delivery.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	d.SentAt, d.AboutExpiry, d.CountedAt = sent.Time, utc(about), counted.Time
	if d.To, err = r.open(seal.Customer, to); err != nil {
		return nil, err
	}
	plain, err := r.keys.Open(seal.Content, content)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	if len(plain) > 0 {
		d.Content = &Content{}
		if err := json.Unmarshal(plain, d.Content); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "internal")
		}
	}
	return &d, nil
}

// Delivery loads a delivery. Fault: not_found "delivery.unknown".
func (r *Reader) Delivery(ctx context.Context, id int64) (*Delivery, error) {
	return r.scanDelivery(r.q.QueryRowxContext(ctx, `
SELECT `+deliveryColumns+`
  FROM deliveries
 WHERE id = $1`, id))
}

// LockDelivery locks a delivery. Before one that tells access data it locks the
// instance: what becomes of the delivery says whether the customer has the password.
func (t *Tx) LockDelivery(ctx context.Context, id int64) (*Delivery, error) {
	return t.Reader().scanDelivery(t.tx.QueryRowxContext(ctx, `
WITH i AS (
    SELECT
      FROM instances
     WHERE id = (SELECT instance_pk FROM deliveries WHERE id = $1 AND kind = 'usage_info')
       FOR NO KEY UPDATE
)
SELECT `+deliveryColumns+`
  FROM deliveries, (SELECT count(*) FROM i) held
 WHERE id = $1
   FOR NO KEY UPDATE OF deliveries`, id))
}

// HoldInstance keeps an instance, and with it what is asked of its customer, as it is
// until the end of the transaction. Whoever changes it locks its deliveries after it:
// so does whoever holds it.
func (t *Tx) HoldInstance(ctx context.Context, pk int64) error {
	_, err := t.tx.ExecContext(ctx, `
SELECT
  FROM instances
 WHERE id = $1
   FOR SHARE`, pk)
	return toFault(err)
}

// SaveContent keeps what is going to be sent.
func (t *Tx) SaveContent(ctx context.Context, id int64, c Content) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET content_sealed = $2
 WHERE id = $1`, id, t.keys.Seal(seal.Content, b))
	return toFault(err)
}

// SetDeliveryStatus changes a delivery's status alone.
func (t *Tx) SetDeliveryStatus(ctx context.Context, id int64, status string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = $2
 WHERE id = $1`, id, status)
	return toFault(err)
}

// cancelDeliveries ends what an instance's customer has not been sent yet.
func (t *Tx) cancelDeliveries(ctx context.Context, instancePK int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = 'cancelled'
 WHERE id IN (SELECT id
                FROM deliveries
               WHERE instance_pk = $1
                 AND status IN ('pending', 'failed')
               ORDER BY id
                 FOR NO KEY UPDATE)`, instancePK)
	return toFault(err)
}

// ReopenDeliveriesOf makes the given-up deliveries of a message wait again,
// after their tasks were restarted.
func (t *Tx) ReopenDeliveriesOf(ctx context.Context, message int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = 'pending'
 WHERE id IN (SELECT d.id
                FROM tasks t
                JOIN deliveries d
                  ON d.id = t.delivery_id
               WHERE t.message_id = $1
                 AND t.status = 'pending'
                 AND d.status IN ('failed', 'cancelled')
               ORDER BY d.id
                 FOR NO KEY UPDATE OF d)`, message)
	return toFault(err)
}

// ReopenDeliveryOfTask is ReopenDeliveriesOf for one task.
func (t *Tx) ReopenDeliveryOfTask(ctx context.Context, task int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries d
   SET status = 'pending'
  FROM tasks t
 WHERE t.delivery_id = d.id
   AND t.id = $1
   AND d.status IN ('failed', 'cancelled')`, task)
	return toFault(err)
}
