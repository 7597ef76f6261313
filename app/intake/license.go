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
		return in.licenseAgain(ctx, tx, a, m, l)
	case !fault.Is(err, fault.NotFound):
		return effect{}, err
	case i.Status == market.Released:
		return refused(market.NoSuchInstance, "call.instance_released", "instance", i.InstanceID), nil
	}
	product, err := in.licenseProduct(ctx, tx, i)
	if err != nil {
		return effect{}, err
	}
	if code, err := judge(ctx, tx, a, i, product); err != nil || code != market.Success {
		return refusedLicense(code, i), err
	}
	return in.firstLicense(ctx, tx, a, m, i, product)
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

// judge decides by what is known of the order: before the order query has
// answered, its quota and its period are not.
func judge(ctx context.Context, tx *store.Tx, a Arrived, i *store.Instance, product *store.Product) (market.ResultCode, error) {
	c := a.Call
	ask := market.LicenseAsk{Effective: c.EffectiveTime, Expires: c.ExpireTime, Device: c.DeviceFingerprint, ChargingMode: i.ChargingMode,
		OrderExpires: i.ExpiresAt, Frozen: i.Status == market.Frozen, NeedsDevice: product.Settings.LicenseNeedsDevice}
	if i.LinearValue > 0 && !product.Settings.LicenseUnlimited {
		given, err := tx.CountLicenses(ctx, i.PK, i.ExpiresAt)
		if err != nil {
			return "", err
		}
		ask.Quota, ask.Given = i.LinearValue, given
	}
	return ask.Judge(tx.Now), nil
}

// refusedLicense is the answer that says why there is no License.
func refusedLicense(code market.ResultCode, i *store.Instance) effect {
	switch code {
	case market.LicenseNeedsDevice:
		return refused(code, "call.license_needs_device", "instance", i.InstanceID)
	case market.LicenseNeedsExpiry:
		return refused(code, "call.license_needs_expiry", "instance", i.InstanceID)
	case market.LicenseOutOfPeriod:
		return refused(code, "call.license_out_of_period", "instance", i.InstanceID)
	case market.LicenseQuotaUsedUp:
		return refused(code, "call.license_quota_used_up", "instance", i.InstanceID)
	}
	return refused(code, "call.license_ends_early", "instance", i.InstanceID)
}

func (in *Intake) firstLicense(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance, product *store.Product) (effect, error) {
	c := a.Call
	l := &store.License{ChannelID: i.ChannelID, InstancePK: i.PK, MessageID: m.ID, Protocol: c.Protocol, Key: c.IdempotencyKey(),
		EventID: c.EventID, Device: c.DeviceFingerprint, EffectiveAt: c.EffectiveTime, ExpiresAt: c.ExpireTime, PeriodEnd: i.ExpiresAt,
		Supplier: product.Settings.License, Pool: product.Settings.LicensePool}
	if _, err := tx.AddLicense(ctx, l); err != nil {
		return effect{}, err
	}
	err := tx.Record(ctx, i.PK, []market.Change{{Kind: market.LicenseChanged, New: string(market.LicenseRequested)}}, store.Origin{MessageID: m.ID})
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
// has come. What was given up begins anew, unless the supplier has refused.
func (in *Intake) licenseAgain(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, l *store.License) (effect, error) {
	e := effect{answer: market.Answer{Code: market.Processing}, repeat: true, differs: m.Conflict}
	twin := a.ReceivedAt.Sub(l.RequestedAt) <= Twin
	switch l.Status {
	case market.LicenseUploaded:
		if !twin {
			e.answer.Code = market.Success
		}
		return e, nil
	case market.LicenseRefused:
		e.answer.Code, e.err = l.Refusal, fault.New(fault.Refused, "license.refused", "code", string(l.Refusal))
		return e, nil
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
