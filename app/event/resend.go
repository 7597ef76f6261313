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
// out now. An event by which a product is asked belongs to its task, which is
// restarted instead.
//
// Faults: not_found "event.unknown"; conflict "event.running" while it is being
// sent; conflict "event.answered" for a question that was answered or is over;
// conflict "event.target_gone" when nobody wants it any more, "event.address_gone"
// when its product's address is not known any more, "event.not_kept" when its
// payload is not.
func (c *Client) Resend(ctx context.Context, id int64, by staff.Actor) error {
	err := c.store.Write(ctx, func(tx *store.Tx) error {
		e, err := tx.LockEvent(ctx, id)
		if err != nil {
			return err
		}
		if err := c.again(ctx, tx, e, by); err != nil {
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

func (c *Client) again(ctx context.Context, tx *store.Tx, e *store.Event, by staff.Actor) error {
	if len(e.Payload) == 0 {
		return fault.New(fault.Conflict, "event.not_kept")
	}
	if _, err := tx.Reader().ReceiverOf(ctx, e); fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, fault.From(err).Key)
	} else if err != nil {
		return err
	}
	var restarted store.Restarted
	if e.TaskID != 0 {
		var err error
		if restarted, err = tx.RestartTasks(ctx, []int64{e.TaskID}, by.Name); err != nil {
			return err
		}
	}
	if restarted.Running > 0 {
		return fault.New(fault.Conflict, "event.running")
	}
	if restarted.Touched() == 0 && e.Question {
		return fault.New(fault.Conflict, "event.answered")
	}
	n, err := tx.ReopenEvent(ctx, e.ID, by.Name)
	if err != nil {
		return err
	}
	if e.Question {
		return tx.SettleMessage(ctx, e.MessageID)
	}
	if restarted.Touched() > 0 {
		return nil
	}
	task, err := tx.Enqueue(ctx, outbox.New{Kind: outbox.Event, Purpose: outbox.Notify, InstancePK: e.InstancePK, OrderID: e.OrderID,
		OrderLineID: e.LineID, UniqueKey: fmt.Sprintf("event/resend/%d/%d", e.ID, n)})
	if err != nil {
		return err
	}
	return tx.SetEventTask(ctx, e.ID, task)
}
