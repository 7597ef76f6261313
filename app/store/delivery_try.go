package store

import (
	"context"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// DeliveryTry is how one try ended.
type DeliveryTry struct {
	Status      string // pending (will be tried again), succeeded, failed, cancelled
	Transport   string
	ProviderRef string
	Outcome     string // "": as it was
	Code        string // the service's word for the outcome
	Err         error
}

// BeginDeliveryTry marks a delivery as being handed over; the outcome is what is
// known before: queued, or unknown if an earlier try may have arrived, since which it
// stays so.
func (t *Tx) BeginDeliveryTry(ctx context.Context, id int64, outcome string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = 'running',
       outcome = $2,
       outcome_at = CASE WHEN $2 = 'unknown' THEN COALESCE(outcome_at, handing_since) END,
       outcome_code = CASE WHEN $2 = 'unknown' THEN outcome_code ELSE '' END
 WHERE id = $1`, id, outcome)
	return toFault(err)
}

// DeliveryWaits puts the delivery of a claimed task back that could not be handed
// over yet.
func (t *Tx) DeliveryWaits(ctx context.Context, task outbox.Task) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = 'pending'
 WHERE id = $4
   AND status = 'running'
   AND `+claimHolds, task.ID, task.Round, task.Attempt, task.DeliveryID)
	return toFault(err)
}

// LeaveDelivery notes that the delivery of a claimed task leaves now. Until
// EndDeliveryTry that mark is there for whoever finds the delivery after a crash.
// Fault: conflict "task.lease_lost", also when the delivery was cancelled meanwhile,
// and perhaps made anew.
func (t *Tx) LeaveDelivery(ctx context.Context, task outbox.Task) error {
	var id int64
	err := t.tx.GetContext(ctx, &id, `
UPDATE deliveries
   SET handing_since = now()
 WHERE id = $4
   AND status = 'running'
   AND `+claimHolds+`
RETURNING id`, task.ID, task.Round, task.Attempt, task.DeliveryID)
	return lostLease(err)
}

// EndDeliveryTry writes how a try ended and counts it. What was only kept, since
// no transport leads out of the machine, gets no time of sending. A report may
// have come in meanwhile: what the service has said of this hand-over is not
// taken back by the hand-over's own end, and a refusal makes it a failure.
func (t *Tx) EndDeliveryTry(ctx context.Context, id int64, d DeliveryTry) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET status = CASE WHEN outcome IN ('refused', 'bounced') THEN 'failed' WHEN outcome IN ('handed_over', 'delivered') THEN 'succeeded' ELSE $2 END,
       transport = COALESCE(NULLIF($3, ''), transport),
       provider_ref = COALESCE(NULLIF($4, ''), provider_ref),
       attempts = attempts + 1,
       last_error = CASE WHEN outcome IN ('refused', 'bounced') THEN last_error WHEN outcome NOT IN ('handed_over', 'delivered') THEN $5 END,
       handing_since = NULL,
       outcome = CASE WHEN outcome NOT IN ('queued', 'unknown') THEN outcome ELSE COALESCE(NULLIF($6, ''), outcome) END,
       outcome_at = CASE WHEN outcome NOT IN ('queued', 'unknown') OR $6 = '' THEN outcome_at ELSE now() END,
       outcome_code = CASE WHEN outcome NOT IN ('queued', 'unknown') OR $6 = '' THEN outcome_code ELSE $7 END,
       sent_at = CASE WHEN $2 = 'succeeded' AND $3 NOT IN ('none', 'log') THEN now() ELSE sent_at END
 WHERE id = $1`, id, d.Status, d.Transport, d.ProviderRef, nullBytes(fault.ToRecord(d.Err).JSON()), d.Outcome, d.Code)
	return toFault(err)
}

// ReopenDelivery makes a delivery wait again, for a resend, which may be one of
// many, and counts for its customer's day then; its number of resends, which the
// new task's unique key needs, is returned. Nothing is known of what goes out anew;
// of what goes out now instead of later, all that was.
func (t *Tx) ReopenDelivery(ctx context.Context, id int64, inBulk, anew bool) (resends int, err error) {
	err = t.tx.GetContext(ctx, &resends, `
UPDATE deliveries
   SET status = 'pending',
       resends = resends + 1,
       in_bulk = $2,
       counted_at = CASE WHEN $2 THEN NULL ELSE counted_at END,
       outcome = CASE WHEN $3 THEN 'queued' WHEN handing_since IS NULL THEN outcome ELSE 'unknown' END,
       outcome_at = CASE WHEN NOT $3 THEN COALESCE(outcome_at, handing_since) END,
       outcome_code = CASE WHEN $3 THEN '' ELSE outcome_code END,
       handing_since = NULL,
       last_error = NULL
 WHERE id = $1
RETURNING resends`, id, inBulk, anew)
	return resends, toFault(err)
}

// DeliveriesInBulk notes that those of the deliveries that a person had sent again once
// were restarted among many.
func (t *Tx) DeliveriesInBulk(ctx context.Context, deliveries []int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET in_bulk = true,
       counted_at = NULL
 WHERE id IN (SELECT id
                FROM deliveries
               WHERE id = ANY($1)
                 AND resends > 0
                 AND NOT in_bulk
               ORDER BY id
                 FOR NO KEY UPDATE)`, pq.Array(deliveries))
	return toFault(err)
}
