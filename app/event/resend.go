package event

import (
	"context"
	"fmt"
	"strconv"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Resend sends an event again, to the byte as it was, under the same
// webhook-id: a receiver that has it already can tell. One that still waits goes
// out now. An event by which a product is asked belongs to its task, whose restart it
// is, and is kept as.
//
// Faults: not_found "event.unknown"; conflict "event.running" while it is being sent, and
// "restart.under_way" when it is about to be; conflict "event.answered" for a question
// that was answered or is over; conflict "restart.event_overtaken" for one that was given
// up and would undo what its product was asked or told since; conflict
// "event.target_gone" when nobody wants it any more, "event.address_gone" when its
// product's address is not known any more, "event.not_kept" when its payload is not.
func (c *Client) Resend(ctx context.Context, id int64, by staff.Actor) error {
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		if err := c.again(ctx, tx, id, by); err != nil {
			return err
		}
		return tx.Audit(ctx, staff.Audit{Actor: by.Name, Action: staff.ActResendEvent, Target: "event/" + strconv.FormatInt(id, 10),
			Reason: by.Reason, IP: by.IP})
	})
	if err == nil {
		c.wake()
	}
	return err
}

func (c *Client) again(ctx context.Context, tx *store.Tx, id int64, by staff.Actor) error {
	task, question, err := tx.TaskOfEvent(ctx, id)
	switch {
	case err != nil:
		return err
	case question:
		return c.askAgain(ctx, tx, id, task, by)
	}
	return tellAgain(ctx, tx, id, task, by)
}

// askAgain restarts the task that asks by an event.
func (c *Client) askAgain(ctx context.Context, tx *store.Tx, id, task int64, by staff.Actor) error {
	if task == 0 {
		return fault.New(fault.Conflict, "event.answered")
	}
	if err := c.restart(ctx, tx, task, by); err != nil { // the event is locked last
		switch fault.From(err).Key {
		case "restart.running":
			return fault.New(fault.Conflict, "event.running")
		case "restart.done":
			return fault.New(fault.Conflict, "event.answered")
		}
		return err
	}
	e, err := tx.LockEvent(ctx, id)
	if err == nil {
		err = sendable(ctx, tx, e)
	}
	if err == nil {
		_, err = tx.ReopenEvent(ctx, id, by.Name)
	}
	return err
}

// tellAgain sends an event by which nothing is asked.
func tellAgain(ctx context.Context, tx *store.Tx, id, task int64, by staff.Actor) error {
	restarted, overtaken, err := anew(ctx, tx, task, by) // the event is locked last
	if err != nil {
		return err
	}
	e, err := tx.LockEvent(ctx, id)
	if err != nil {
		return err
	}
	if err := sendable(ctx, tx, e); err != nil {
		return err
	}
	switch {
	case restarted.Running > 0, e.TaskID != task: // it was sent again meanwhile
		return fault.New(fault.Conflict, "event.running")
	case restarted.Due > 0:
		return restarted.Refused()
	case overtaken != nil:
		return overtaken
	}
	n, err := tx.ReopenEvent(ctx, e.ID, by.Name)
	if err != nil || restarted.Touched() > 0 {
		return err
	}
	next, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Event, Purpose: outbox.Notify, InstancePK: e.InstancePK, OrderID: e.OrderID,
		OrderLineID: e.LineID, UniqueKey: fmt.Sprintf("event/resend/%d/%d", e.ID, n)})
	if err != nil {
		return err
	}
	return tx.SetEventTask(ctx, e.ID, next)
}

// anew begins the event's task again, if it has one that is not done; overtaken is
// RestartTask's.
func anew(ctx context.Context, tx *store.Tx, task int64, by staff.Actor) (r store.Restarted, overtaken, err error) {
	if task == 0 {
		return r, nil, nil
	}
	if err := tx.LockForTasks(ctx, task); err != nil {
		return r, nil, err
	}
	m, err := tx.LockMessageOfTask(ctx, task)
	if err != nil {
		return r, nil, err
	}
	return tx.RestartTask(ctx, m, task, by.Name)
}

// sendable refuses an event whose content or receiver is not there any more.
func sendable(ctx context.Context, tx *store.Tx, e *store.Event) error {
	if len(e.Payload) == 0 {
		return fault.New(fault.Conflict, "event.not_kept")
	}
	_, err := tx.Reader().ReceiverOf(ctx, e)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, fault.From(err).Key)
	}
	return err
}
