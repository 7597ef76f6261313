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

// upgraded tells the subscribers, once, that an upgrade has reached the driver,
// which may still be waiting for somebody; a product with a webhook has just been
// asked. What another of the seller's products made of the instance is left over.
func upgraded(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance, product *store.Product) error {
	if task.Purpose != outbox.Upgrade {
		return nil
	}
	if err := tx.NoteFormerProduct(ctx, i.PK, product); err != nil {
		return err
	}
	return tell(ctx, tx, event.InstanceUpgraded, i, event.Cause{MessageID: task.MessageID, TaskID: task.ID,
		OrderID: task.OrderID, OrderLineID: task.OrderLineID})
}
