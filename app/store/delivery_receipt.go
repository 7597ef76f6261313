package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
)

// Receipt is what a service said of one sending of a delivery.
type Receipt struct {
	DeliveryID  int64     `db:"delivery_id"`
	MessageRef  string    `db:"message_ref"` // of the sending
	ReceivedAt  time.Time `db:"received_at"`
	At          time.Time `db:"at"` // when it came to be so, in the service's words
	Source      string    `db:"source"`
	ProviderRef string    `db:"provider_ref"`
	Outcome     string    `db:"outcome"`
	Code        string    `db:"code"`
	Note        string    `db:"note"`
	Remark      string    `db:"remark"`
	Part        int       `db:"part"` // of a long SMS, from 1
	Parts       int       `db:"parts"`
}

const receiptColumns = `delivery_id, message_ref, received_at, at, source, provider_ref, outcome, code, note, remark, part, parts`

// maxReceipts bounds what one delivery's service can have us write down.
const maxReceipts = 200

// AddReceipt keeps a receipt; fresh is false for one that says what another one
// has said already, and for one too many.
func (t *Tx) AddReceipt(ctx context.Context, r Receipt) (fresh bool, err error) {
	result, err := t.tx.ExecContext(ctx, `
INSERT INTO delivery_receipts (delivery_id, message_ref, at, source, provider_ref, outcome, code, note, remark, part, parts)
SELECT $1, $2, $3, $4, $5, $6, $7, CASE WHEN d.to_sealed <> '' THEN $8 ELSE '' END, CASE WHEN d.to_sealed <> '' THEN $9 ELSE '' END, $10, $11
  FROM deliveries d
 WHERE d.id = $1
   AND (SELECT count(*) FROM delivery_receipts WHERE delivery_id = $1) < $12
ON CONFLICT DO NOTHING`, r.DeliveryID, r.MessageRef, r.At, r.Source, r.ProviderRef, r.Outcome, r.Code, r.Note, r.Remark, r.Part, r.Parts, maxReceipts)
	if err != nil {
		return false, toFault(err)
	}
	n, err := result.RowsAffected()
	return n == 1, toFault(err)
}

// ReceiptsOf lists a delivery's receipts, oldest first.
func (r *Reader) ReceiptsOf(ctx context.Context, delivery int64) ([]Receipt, error) {
	var all []Receipt
	err := sqlx.SelectContext(ctx, r.q, &all, `
SELECT `+receiptColumns+`
  FROM delivery_receipts
 WHERE delivery_id = $1
 ORDER BY id`, delivery)
	for i := range all {
		all[i].ReceivedAt, all[i].At = all[i].ReceivedAt.UTC(), all[i].At.UTC()
	}
	return all, toFault(err)
}

// receiptEvents are what services said of deliveries, remarks left out, as points of a
// timeline.
func (r *Reader) receiptEvents(ctx context.Context, deliveries []DeliveryRow) ([]TimelineEvent, error) {
	if len(deliveries) == 0 {
		return nil, nil
	}
	ids, by := make([]int64, 0, len(deliveries)), make(map[int64]DeliveryRow, len(deliveries))
	for _, v := range deliveries {
		ids, by[v.ID] = append(ids, v.ID), v
	}
	var receipts []Receipt
	err := sqlx.SelectContext(ctx, r.q, &receipts, `
SELECT `+receiptColumns+`
  FROM delivery_receipts
 WHERE delivery_id = ANY($1)
   AND remark = ''
 ORDER BY id DESC
 LIMIT $2`, pq.Array(ids), maxEvents)
	out := make([]TimelineEvent, 0, len(receipts))
	for _, s := range receipts {
		v := by[s.DeliveryID]
		out = append(out, TimelineEvent{At: s.At.UTC(), Sort: EventReceipt, Kind: v.Kind, Medium: v.Medium, Status: s.Outcome, New: s.Code,
			MessageID: v.MessageID, DeliveryID: v.ID, InstanceID: v.InstanceID})
	}
	return out, toFault(err)
}

// DeliveryByProvider finds the SMS that a service knows by this id. Fault:
// not_found "delivery.unknown".
func (r *Reader) DeliveryByProvider(ctx context.Context, ref string) (id int64, err error) {
	err = toFault(r.q.QueryRowxContext(ctx, `
SELECT id
  FROM deliveries
 WHERE provider_ref = $1
   AND provider_ref <> ''
   AND medium = 'sms'
 ORDER BY id DESC
 LIMIT 1`, ref).Scan(&id))
	if fault.Is(err, fault.NotFound) {
		return 0, fault.New(fault.NotFound, "delivery.unknown")
	}
	return id, err
}

// DeliveryByRef finds a delivery by its provider's id, or by the Message-ID of one of
// its sendings, with or without its brackets. Fault: not_found "delivery.unknown".
func (r *Reader) DeliveryByRef(ctx context.Context, ref string) (id int64, err error) {
	if !storable(ref) {
		return 0, fault.New(fault.NotFound, "delivery.unknown")
	}
	err = toFault(r.q.QueryRowxContext(ctx, `
SELECT id
  FROM ((SELECT id
           FROM deliveries
          WHERE provider_ref = $1
            AND provider_ref <> ''
          ORDER BY id DESC
          LIMIT 1)
         UNION ALL
         SELECT id
           FROM deliveries
          WHERE message_ref IN ($1, $2)
         UNION ALL
         SELECT delivery_id
           FROM delivery_refs
          WHERE message_ref IN ($1, $2)) AS found
 LIMIT 1`, ref, "<"+ref+">").Scan(&id))
	if fault.Is(err, fault.NotFound) {
		return 0, fault.New(fault.NotFound, "delivery.unknown")
	}
	return id, err
}

// HasSending tells whether the Message-ID of a sending of a delivery begins with
// secret.
func (r *Reader) HasSending(ctx context.Context, delivery int64, secret string) (has bool, err error) {
	err = toFault(r.q.QueryRowxContext(ctx, `
SELECT EXISTS (
       SELECT message_ref
         FROM deliveries
        WHERE id = $1
          AND starts_with(message_ref, $2)
        UNION ALL
       SELECT message_ref
         FROM delivery_refs
        WHERE delivery_id = $1
          AND starts_with(message_ref, $2))`, delivery, "<"+secret+"@").Scan(&has))
	return has, err
}

// SetDeliveryOutcome writes what receipts say of a delivery; err is why it did
// not arrive, nil if it did or may.
func (t *Tx) SetDeliveryOutcome(ctx context.Context, id int64, status, outcome, code, provider string, at time.Time, err error) error {
	_, e := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = $2,
       outcome = $3,
       outcome_code = $4,
       provider_ref = COALESCE(NULLIF($5, ''), provider_ref),
       outcome_at = $6,
       last_error = $7,
       handing_since = CASE WHEN status = 'running' THEN handing_since END,
       sent_at = COALESCE(sent_at, now())
 WHERE id = $1`, id, status, outcome, code, provider, at, nullBytes(fault.ToRecord(err).JSON()))
	return toFault(e)
}

// replaced says of a delivery d that a fall-back by the other medium took its
// place, whatever became of that: it has a task of its own. One that is not wanted any
// more took nobody's.
const replaced = `EXISTS (SELECT 1 FROM deliveries f WHERE f.fallback_of = d.id AND f.status <> 'cancelled')`

// sayable says of a delivery d that a person could have it sent again.
const sayable = `d.to_sealed <> '' AND ` + holds

// told says of a delivery d that its customer has it, or may have, or is in the hands
// of the other medium: by a fall-back, or by a hand-over whose end nobody saw, to who would not know the repeat.
// Only a person has it sent again, alone.
const told = `(` + replaced + ` OR d.outcome = 'unknown'
       AND COALESCE(d.last_error ->> 'key', 'delivery.outcome_unknown') IN ('delivery.outcome_unknown', 'task.kills_workers')
       AND d.last_error -> 'args' -> 'repeat' IS NULL)`

// toldAlready says of a task t that was given up that its delivery is told: no restart
// takes it along.
const toldAlready = `(t.status = 'failed' AND EXISTS (SELECT 1 FROM deliveries d WHERE d.id = t.delivery_id AND ` + told + `))`

// ToldAlready tells whether a task, or a given-up one of a message, would tell its
// customer a second time.
func (t *Tx) ToldAlready(ctx context.Context, message, task int64) (yes bool, err error) {
	err = t.tx.GetContext(ctx, &yes, `
SELECT EXISTS (SELECT 1
                 FROM tasks t
                 JOIN deliveries d ON d.id = t.delivery_id
                WHERE (t.message_id = $1 AND t.status = 'failed' OR t.id = $2)
                  AND `+told+`)`, nullID(message), nullID(task))
	return yes, toFault(err)
}

// fallbackOf is the delivery that took the place of a refused one, or was to, 0
// for none, and how it stands.
func (r *Reader) fallbackOf(ctx context.Context, delivery int64) (id int64, status string, err error) {
	err = toFault(r.q.QueryRowxContext(ctx, `
SELECT id, status
  FROM deliveries
 WHERE fallback_of = $1
 ORDER BY id DESC
 LIMIT 1`, delivery).Scan(&id, &status))
	if fault.Is(err, fault.NotFound) {
		return 0, "", nil
	}
	return id, status, err
}
