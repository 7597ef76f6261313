package intake

import (
	"context"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// license takes getLicenseAsync over (CN 0070649255): whether a License may be
// given is answered here, the License itself is supplied and uploaded by tasks.
// The same event with the same device is the same request and gets the same
// License; with another device it is another request, with a License of its own.
func (in *Intake) license(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	i, err := in.lock(ctx, tx, a)
	switch {
	case err != nil:
		return effect{}, err
	case i == nil:
		return refused(market.NoSuchInstance, "call.instance_unknown", "instance", a.Call.InstanceID()), nil
	}
	l, err := tx.LicenseByKey(ctx, a.Channel.ID, a.Call.IdempotencyKey())
	switch {
	case err == nil:
		return in.licenseAgain(ctx, tx, a, m, i, l)
	case !fault.Is(err, fault.NotFound):
		return effect{}, err
	case i.Status == market.Released:
		return refused(market.NoSuchInstance, "call.instance_released", "instance", i.InstanceID), nil
	}
	product, err := in.licenseProduct(ctx, tx, i)
	if err != nil {
		return effect{}, err
	}
	l = requested(a, m, i, product)
	if code, err := judge(ctx, tx, i, l, product); err != nil || code != market.Success {
		return effect{answer: market.Answer{Code: code}, err: market.NoLicense(code, i.InstanceID)}, err
	}
	return in.firstLicense(ctx, tx, a, i, l)
}

// licenseProduct is the instance's product entry; an empty one if there is none,
// which the task then finds and says.
func (in *Intake) licenseProduct(ctx context.Context, tx *store.Tx, i *store.Instance) (*store.Product, error) {
	product, err := tx.Reader().ProductOf(ctx, i)
	if fault.Is(err, fault.NotFound) {
		return &store.Product{}, nil
	}
	return product, err
}

// judge decides by what is known of the order. Before the order query has
// answered that is not its quota and its period: then the supply decides.
func judge(ctx context.Context, tx *store.Tx, i *store.Instance, l *store.License, product *store.Product) (market.ResultCode, error) {
	ask, err := tx.LicenseAsk(ctx, i, l, product)
	return ask.Judge(tx.Now), err
}

// requested is the License that a call asks for.
func requested(a Arrived, m store.OpenMessage, i *store.Instance, product *store.Product) *store.License {
	c := a.Call
	return &store.License{ChannelID: i.ChannelID, InstancePK: i.PK, MessageID: m.ID, Protocol: c.Protocol, Key: c.IdempotencyKey(),
		EventID: c.EventID, Device: c.DeviceFingerprint, EffectiveAt: c.EffectiveTime, ExpiresAt: c.ExpireTime, PeriodEnd: i.ExpiresAt,
		Supplier: product.Settings.License, Pool: product.Settings.LicensePool, JudgeLater: i.OrderKnownAt.IsZero()}
}

func (in *Intake) firstLicense(ctx context.Context, tx *store.Tx, a Arrived, i *store.Instance, l *store.License) (effect, error) {
	if _, err := tx.AddLicense(ctx, l); err != nil {
		return effect{}, err
	}
	err := tx.Record(ctx, i.PK, []market.Change{{Kind: market.LicenseChanged, New: string(market.LicenseRequested)}}, store.Origin{MessageID: l.MessageID})
	if err == nil {
		err = event.OfLicense(ctx, tx, a.Channel, i, l)
	}
	if err == nil {
		_, err = tx.Enqueue(ctx, supply(l, i))
	}
	return effect{answer: market.Answer{Code: market.Processing}, changed: true, tasks: true}, err
}

// supply is the task that gets a License.
func supply(l *store.License, i *store.Instance) outbox.New {
	return outbox.New{Kind: outbox.License, MessageID: l.MessageID, InstancePK: i.PK, LicenseID: l.ID, OrderID: i.OrderID,
		OrderLineID: i.OrderLineID, UniqueKey: outbox.Key(outbox.License, "", l.ID)}
}

// licenseAgain answers a repeat: 000004 until the License is uploaded, then
// 000000. A twin of the first call gets the first answer, however far the work
// has come. What was given up begins anew; what the order had no room for only if
// it has by now.
func (in *Intake) licenseAgain(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance, l *store.License) (effect, error) {
	e := effect{answer: market.Answer{Code: market.Processing}, repeat: true, differs: m.Conflict}
	twin := a.ReceivedAt.Sub(l.RequestedAt) <= Twin
	switch l.Status {
	case market.LicenseUploaded:
		if !twin {
			e.answer.Code = market.Success
		}
		return e, nil
	case market.LicenseRefused:
		if twin && l.JudgeLater { // its first call was not refused
			return e, nil
		}
		product, err := in.licenseProduct(ctx, tx, i)
		if err != nil {
			return e, err
		}
		if code, err := judge(ctx, tx, i, l, product); err != nil || code != market.Success {
			e.answer.Code, e.err = code, market.NoLicense(code, i.InstanceID)
			return e, err
		}
	case market.LicenseCancelled:
		return refused(market.NoSuchInstance, "call.instance_released", "instance", a.Call.InstanceID()), nil
	}
	if m.Conflict || m.Status != store.MessageFailed {
		return e, nil
	}
	r, err := restartGivenUp(ctx, tx, m.ID, "marketplace")
	e.changed, e.tasks = r.Given > 0, r.Touched() > 0
	return e, err
}
