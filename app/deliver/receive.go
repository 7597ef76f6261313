package deliver

import (
	"context"
	"net/http"
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Receive takes one call of the service of a medium: it proves it, keeps what it
// says, and brings the deliveries up to date. The same report may come any number
// of times, in any order, and before the hand-over is written down.
//
// Faults: those of Receiver; not_found "receipt.not_expected" for a medium whose
// service does not report.
func (d *Deliverer) Receive(ctx context.Context, medium string, r *http.Request, body []byte) error {
	receiver, ok := d.receivers[medium]
	if !ok {
		return fault.New(fault.NotFound, "receipt.not_expected")
	}
	reports, err := receiver.Receive(r, body, time.Now())
	if err != nil {
		return err
	}
	_, err = d.Take(ctx, medium, reports)
	return err
}

// Take keeps reports of the service of a medium, however they came, and brings the
// deliveries up to date. It tells how many were about deliveries of ours.
func (d *Deliverer) Take(ctx context.Context, medium string, reports []Report) (known int, err error) {
	for _, r := range reports {
		ours, err := d.report(ctx, r, medium)
		if err != nil {
			return known, err
		}
		if ours {
			known++
		}
	}
	return known, nil
}

// Report takes a report that a person or a program of the seller's hands in for
// a delivery's present sending. Faults: not_found "delivery.unknown"; conflict
// "delivery.not_handed_over" for one that has not left.
func (d *Deliverer) Report(ctx context.Context, deliveryID int64, r Report, actor staff.Actor) error {
	return d.store.Write(ctx, func(tx *store.Tx) error {
		v, err := lockReported(ctx, tx, deliveryID)
		if err != nil {
			return err
		}
		if v.Attempts == 0 && !v.Handing && Outcome(v.Outcome) == Queued {
			return fault.New(fault.Conflict, "delivery.not_handed_over")
		}
		r.Part, r.Parts, r.At = 1, 1, tx.Now
		if err := d.keep(ctx, tx, v, v.MessageRef, actor.Source, r); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: actor.Name, Action: "delivery.report", Target: "delivery/" + formatID(v.ID), Reason: actor.Reason,
			IP: actor.IP, Detail: map[string]string{"outcome": string(r.Outcome), "code": r.Code}})
	})
}

// lockReported locks a delivery of which somebody reports, behind the tasks that the report
// may end.
func lockReported(ctx context.Context, tx *store.Tx, id int64) (*store.Delivery, error) {
	if err := tx.LockForDelivery(ctx, id); err != nil {
		return nil, err
	}
	return tx.LockDelivery(ctx, id)
}

func (d *Deliverer) report(ctx context.Context, r Report, medium string) (ours bool, err error) {
	source := d.sourceOf(medium)
	id, which, err := d.find(ctx, r)
	if err == nil {
		err = d.store.Write(ctx, func(tx *store.Tx) error {
			v, err := lockReported(ctx, tx, id)
			if err != nil {
				return err
			}
			if v.Medium != medium {
				return fault.New(fault.NotFound, "delivery.unknown")
			}
			return d.keep(ctx, tx, v, which.ref(v), source, r)
		})
	}
	if fault.Is(err, fault.NotFound) { // of another installation, or of a delivery that retention took
		d.log.WarnContext(ctx, "a report about no delivery of ours was dropped", "source", source, "outcome", r.Outcome, "code", r.Code)
		return false, nil
	}
	return err == nil, err
}

// sending is which sending of a delivery a report is about: the present one, if
// nothing is said.
type sending struct {
	name   string                  // what the report says of its reference
	nameOf func(ref string) string // the same of any reference
}

// ref is the reference under which a receipt is kept. What is about an earlier
// sending is kept, and no more.
func (s sending) ref(v *store.Delivery) string {
	if s.nameOf == nil || s.nameOf(v.MessageRef) == s.name {
		return v.MessageRef
	}
	return s.name
}

// find tells which delivery a report is about, and which sending of it.
func (d *Deliverer) find(ctx context.Context, r Report) (id int64, which sending, err error) {
	if len(r.To) > 0 {
		return d.findReturned(r.To)
	}
	if id, secret, ok := ParseTag(r.Tag); ok {
		return id, sending{secret, secretOf}, nil
	}
	if r.ProviderRef == "" || r.Tag != "" {
		return 0, which, fault.New(fault.NotFound, "delivery.unknown")
	}
	id, err = d.store.Reader().DeliveryByProvider(ctx, r.ProviderRef)
	return id, which, err
}

// keep writes a receipt down, without the customer's name and addresses, and lets
// the delivery follow.
func (d *Deliverer) keep(ctx context.Context, tx *store.Tx, v *store.Delivery, ref, source string, r Report) error {
	if r.Note != "" {
		i, err := tx.Reader().InstancePK(ctx, v.InstancePK)
		if err != nil {
			return err
		}
		r.Note = store.Impersonal(r.Note, v, i)
	}
	fresh, err := tx.AddReceipt(ctx, store.Receipt{DeliveryID: v.ID, MessageRef: ref, At: r.At, Source: source, ProviderRef: r.ProviderRef,
		Outcome: string(r.Outcome), Code: r.Code, Note: r.Note, Remark: r.Remark, Part: max(r.Part, 1), Parts: max(r.Parts, 1)})
	if err != nil || !fresh || r.Remark != "" || ref != v.MessageRef || v.Status == cancelled && Outcome(v.Outcome) == Queued {
		return err
	}
	all, err := tx.Reader().ReceiptsOf(ctx, v.ID)
	if err != nil {
		return err
	}
	outcome, code := settle(all, ref)
	if string(outcome) == v.Outcome {
		return nil
	}
	return d.follow(ctx, tx, v, outcome, code, r)
}

// follow writes the new outcome. A service that knows of the message has it:
// whatever still waits to hand it over is ended, so that nobody gets it twice.
func (d *Deliverer) follow(ctx context.Context, tx *store.Tx, v *store.Delivery, outcome Outcome, code string, r Report) error {
	busy, err := tx.DeliveryBusy(ctx, v.ID, 0)
	if err != nil {
		return err
	}
	status, cause := succeeded, error(nil)
	if outcome == Refused || outcome == Bounced {
		status, cause = failed, fault.New(fault.Refused, "delivery."+string(outcome), "code", code)
	}
	if busy || v.Status == cancelled { // the try under way writes its own status
		status = v.Status
	} else if err := tx.CancelDeliveryTasks(ctx, []int64{v.ID}, "service"); err != nil {
		return err
	}
	if err := tx.SetDeliveryOutcome(ctx, v.ID, status, string(outcome), code, r.ProviderRef, r.At, cause); err != nil {
		return err
	}
	if cause == nil {
		return d.given(ctx, tx, v, outcome)
	}
	return d.lost(ctx, tx, v, outcome)
}

// rank orders what was said of one part: a part that has arrived has arrived,
// whatever else came before or after.
var rank = map[Outcome]int{HandedOver: 0, Unknown: 1, Refused: 2, Bounced: 3, Delivered: 4}

// settle makes one outcome of the receipts of one sending: it has arrived when
// every part has, and has not when one has not.
func settle(all []store.Receipt, ref string) (outcome Outcome, code string) {
	parts, best := 1, map[int]store.Receipt{}
	for _, r := range all {
		if r.MessageRef != ref || r.Remark != "" {
			continue
		}
		parts = max(parts, r.Parts, r.Part)
		if b, ok := best[r.Part]; !ok || rank[Outcome(r.Outcome)] > rank[Outcome(b.Outcome)] {
			best[r.Part] = r
		}
	}
	arrived, last := 0, ""
	outcome = HandedOver
	for n := range parts {
		r, ok := best[n+1]
		if o := Outcome(r.Outcome); ok && o == Delivered {
			arrived, last = arrived+1, r.Code
		} else if ok && rank[o] > rank[outcome] {
			outcome, code = o, r.Code
		}
	}
	if arrived == parts {
		return Delivered, last
	}
	return outcome, code
}
