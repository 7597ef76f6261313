package event

import (
	"context"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// keptAnswer is how much of an answer is kept with a try, in bytes.
const keptAnswer = 4 << 10

// Deliver does an event task: it sends the event to its receiver, signed anew,
// under the same webhook-id as ever. An event of an instance waits for the
// earlier ones that the same receiver has not got and that are not given up.
//
// Faults: those of webhook.Client.Post; conflict "event.waits_turn", which counts
// as no try; conflict "task.lease_lost".
func (c *Client) Deliver(ctx context.Context, task outbox.Task) error {
	var e *store.Event
	var to store.Receiver
	err := c.store.WriteFor(ctx, task, func(tx *store.Tx) (err error) {
		e, to, err = c.begin(ctx, tx, task)
		if err == nil && e == nil {
			return tx.Complete(ctx, task)
		}
		return err
	})
	if err != nil || e == nil {
		return err
	}
	try, _ := c.call(ctx, e, to, 0)
	if try.Err != nil {
		return c.failed(ctx, e, try)
	}
	err = c.store.WriteFor(ctx, task, func(tx *store.Tx) error {
		if _, err := tx.LockEvent(ctx, e.ID); err != nil {
			return err
		}
		if err := tx.EndEventTry(ctx, e.ID, try); err != nil {
			return err
		}
		if e.Type == InstanceReleased && e.ToProduct {
			if err := tx.EndHeard(ctx, e.InstancePK); err != nil {
				return err
			}
		}
		if err := tx.HurryNextEvent(ctx, e); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	})
	if err == nil {
		c.log.InfoContext(ctx, "event taken", "event", e.ID, "type", e.Type, "webhook_id", e.WebhookID, "target", try.Shown)
	}
	return err
}

// begin locks the event, finds its receiver and marks it as running. A nil event
// means that there is nothing to send.
func (c *Client) begin(ctx context.Context, tx *store.Tx, task outbox.Task) (*store.Event, store.Receiver, error) {
	var to store.Receiver
	e, err := tx.LockEventOfTask(ctx, task.ID)
	if fault.Is(err, fault.NotFound) || err == nil && (e.Status == outbox.Succeeded || e.Status == outbox.Cancelled) {
		return nil, to, nil // sent by another task, or removed
	}
	if err != nil {
		return nil, to, err
	}
	to, err = tx.Reader().ReceiverOf(ctx, e)
	if fault.Is(err, fault.NotFound) {
		if err := goneAway(ctx, tx, e, err); err != nil {
			return nil, to, err
		}
		return nil, to, tx.SettleEvent(ctx, e.ID, outbox.Cancelled, err)
	}
	if err != nil {
		return nil, to, err
	}
	if err := waitsTurn(ctx, tx, e); err != nil {
		return nil, to, err
	}
	return e, to, tx.SetEventStatus(ctx, e.ID, outbox.Running)
}

// The bounds of how long an event waits before it looks again whether it is its
// turn; the end of the earlier one calls it sooner.
const (
	shortTurn = time.Second
	longTurn  = time.Minute
)

func waitsTurn(ctx context.Context, tx *store.Tx, e *store.Event) error {
	due, earlier, err := tx.EarlierEvent(ctx, e)
	if err != nil || !earlier {
		return err
	}
	wait := min(max(due.Sub(tx.Now)+shortTurn, shortTurn), longTurn)
	return fault.New(fault.Conflict, "event.waits_turn").Free(wait)
}

// call sends an event once and reads limit bytes of the answer, 0 as many as
// usual. The try's error is the call's.
func (c *Client) call(ctx context.Context, e *store.Event, to store.Receiver, limit int) (store.EventTry, webhook.Answer) {
	at := c.now()
	answer, err := c.webhook.Post(ctx, webhook.Target{URL: to.URL, Secrets: to.Secrets, Limit: limit}, e.WebhookID, at, e.Payload)
	return store.EventTry{At: at, Duration: answer.Duration, Shown: webhook.Shown(to.URL), HTTPStatus: answer.Status,
		Signature: webhook.Signature(e.WebhookID, at, e.Payload, to.Secrets...),
		Response:  answer.Body[:min(len(answer.Body), keptAnswer)], Err: err, Status: outbox.Succeeded}, answer
}

// failed keeps a try that failed and gives its fault back. A call that was never
// made, since the target is busy, leaves no try.
func (c *Client) failed(ctx context.Context, e *store.Event, try store.EventTry) error {
	cause := try.Err
	try.Status = outbox.Pending
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // the try's own time may be over
	defer cancel()
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockEvent(ctx, e.ID); err != nil {
			return err
		}
		if fault.From(cause).Retry.Free {
			return tx.SetEventStatus(ctx, e.ID, outbox.Pending)
		}
		return tx.EndEventTry(ctx, e.ID, try)
	})
	if err != nil {
		c.log.WarnContext(ctx, "a failed try of an event could not be kept", "event", e.ID, "error", err)
	}
	return cause
}

// OnFail brings the event of a failed try up to date, in the transaction that
// ends the task's try. It serves every kind of task that sends events.
func (c *Client) OnFail(ctx context.Context, tx *store.Tx, task outbox.Task, cause error, final bool) error {
	e, err := tx.LockEventOfTask(ctx, task.ID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || e.Status == outbox.Succeeded || e.Status == outbox.Cancelled {
		return err
	}
	if !final {
		return tx.SettleEvent(ctx, e.ID, outbox.Pending, cause)
	}
	if err := unheard(ctx, tx, e, cause); err != nil {
		return err
	}
	if err := tx.SettleEvent(ctx, e.ID, outbox.Failed, cause); err != nil {
		return err
	}
	return tx.HurryNextEvent(ctx, e)
}

// goneAway shows as left over what a product may have of an instance that it does not
// hear of any more, since its address is not known.
func goneAway(ctx context.Context, tx *store.Tx, e *store.Event, cause error) error {
	if e.Type == InstanceReleased || !e.ToProduct || e.InstancePK == 0 {
		return unheard(ctx, tx, e, cause)
	}
	return tx.NoteFormerProduct(ctx, e.InstancePK, &store.Product{})
}

// unheard shows as left over what a product may still have of an instance whose
// end it is not going to hear of.
func unheard(ctx context.Context, tx *store.Tx, e *store.Event, cause error) error {
	if e.Type != InstanceReleased || !e.ToProduct {
		return nil
	}
	return tx.NoteLeftover(ctx, store.Leftover{InstancePK: e.InstancePK, Driver: store.DriverWebhook, Reason: store.UndoFailed}, cause)
}
