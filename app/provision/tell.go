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

// reached notes that a piece of work has reached its driver, which may still be
// waiting for somebody: what another of the seller's products may have made of the
// instance is left over. Subscribers are told of an upgrade, once; a product with a
// webhook has just been asked.
func reached(ctx context.Context, tx *store.Tx, task outbox.Task, i *store.Instance, product *store.Product) error {
	if err := tx.NoteFormerProduct(ctx, i.PK, product); err != nil || task.Purpose != outbox.Upgrade {
		return err
	}
	return tell(ctx, tx, event.InstanceUpgraded, i, event.Cause{MessageID: task.MessageID, TaskID: task.ID,
		OrderID: task.OrderID, OrderLineID: task.OrderLineID})
}
