package provision

import (
	"context"

	"koodesk/app/event"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// tell emits an event with the whole instance, which is locked.
func tell(ctx context.Context, tx *store.Tx, eventType string, i *store.Instance, c event.Cause) error {
	ch, err := tx.Reader().ChannelByID(ctx, i.ChannelID)
	if err != nil {
		return err
	}
	return event.OfInstance(ctx, tx, eventType, i, c, event.Whole(ch, i))
}

// tellUpgraded tells the subscribers, once, that an upgrade has reached the
// driver, which may still be waiting for somebody; a product with a webhook has
// just been asked.
func tellUpgraded(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance) error {
	if task.Purpose != outbox.Upgrade {
		return nil
	}
	return tell(ctx, tx, event.InstanceUpgraded, i, event.Cause{MessageID: task.MessageID, TaskID: task.ID,
		OrderID: task.OrderID, OrderLineID: task.OrderLineID})
}
