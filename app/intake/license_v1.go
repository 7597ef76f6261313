package intake

import (
	"context"

	"github.com/google/uuid"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// effectLicenseV1 decides by License 1.0's activities (CN 0070649153). Its
// instances are renewed, expired and released as those of V1.0.
func (in *Intake) effectLicenseV1(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	c := a.Call
	if c.Activity == market.GetLicense {
		return in.getLicense(ctx, tx, a, m)
	}
	if c.Test {
		return in.sandbox(c), nil
	}
	v1 := a
	v1.Call.Protocol, v1.Call.Activity = market.V1, asV1[c.Activity]
	return in.effectV1(ctx, tx, v1, m)
}

// asV1 is what License 1.0's activities are called in V1.0.
var asV1 = map[string]string{market.RefreshLicense: market.RefreshInstance, market.ExpireLicense: market.ExpireInstance,
	market.ReleaseLicense: market.ReleaseInstance}

// getLicense takes an order over, or finds what its first call made: the same
// order has the same instance and the same License for ever.
func (in *Intake) getLicense(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	if m.Fresh {
		return in.firstGetLicense(ctx, tx, a, m)
	}
	// The instance is locked before its License, as whoever gives it does.
	i, err := tx.LockInstance(ctx, a.Channel.ID, m.InstanceID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return effect{}, err
	}
	e, err := in.licensed(ctx, tx, a, m.InstanceID)
	e.repeat, e.differs = true, m.Conflict
	if err != nil || m.Conflict || !e.pending {
		return e, err
	}
	l, err := tx.LicenseByKey(ctx, a.Channel.ID, a.Call.IdempotencyKey())
	if err != nil {
		return e, err
	}
	if err := in.giveLicense(ctx, tx, a, i, l, &e); err != nil || e.err != nil || m.Status != store.MessageFailed {
		return e, err
	}
	r, err := restartGivenUp(ctx, tx, m.ID, "marketplace")
	e.changed, e.tasks = e.changed || r.Given > 0, r.Touched() > 0
	return e, err
}

func (in *Intake) firstGetLicense(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage) (effect, error) {
	spare := uuid.NewString()
	id := wanted(a.Call.BusinessID, spare)
	if a.Call.Test {
		if err := tx.NameInstance(ctx, m.ID, id); err != nil {
			return effect{}, err
		}
		e, err := in.licensed(ctx, tx, a, id)
		e.changed = true
		return e, err
	}
	n, changes, err := instanceOf(a, id, spare, tx.Now)
	if err != nil {
		return effect{}, err
	}
	added, err := tx.AddInstance(ctx, n)
	if err != nil {
		return effect{}, err
	}
	if err := tx.NameInstance(ctx, m.ID, n.InstanceID); err != nil {
		return effect{}, err
	}
	if !added {
		return in.licensed(ctx, tx, a, n.InstanceID)
	}
	changes = append(changes, market.Change{Kind: market.LicenseChanged, New: string(market.LicenseRequested)})
	if err := tx.SaveState(ctx, &n.Instance, changes, store.Origin{MessageID: m.ID}); err != nil {
		return effect{}, err
	}
	if err := keepOrder(ctx, tx, a.Call, &n.Instance, market.OrderType(n.OrderType), outbox.Purchase, ""); err != nil {
		return effect{}, err
	}
	return in.firstLicenseV1(ctx, tx, a, m, &n.Instance)
}

// firstLicenseV1 gets the License at once where the database can give it, and
// leaves it to a task otherwise. An empty pool is answered 000100 (no resource to
// allot), as often as the call comes; the task then fails too, where it is seen,
// and goes on when the pool is refilled, so that the next call gets the License.
func (in *Intake) firstLicenseV1(ctx context.Context, tx *store.Tx, a Arrived, m store.OpenMessage, i *store.Instance) (effect, error) {
	product, err := in.licenseProduct(ctx, tx, i)
	if err != nil {
		return effect{}, err
	}
	l := requested(a, m, i, product)
	l.OrderID, l.JudgeLater = a.Call.OrderID, false
	if _, err := tx.AddLicense(ctx, l); err != nil {
		return effect{}, err
	}
	if err := event.OfLicense(ctx, tx, a.Channel, i, l); err != nil {
		return effect{}, err
	}
	e := effect{answer: market.Answer{Code: market.Processing, InstanceID: i.InstanceID}, changed: true, pending: true}
	if err := in.giveLicense(ctx, tx, a, i, l, &e); err != nil || e.answer.License != "" {
		return e, err
	}
	e.tasks = true
	_, err = tx.Enqueue(ctx, supply(l, i))
	return e, err
}

// giveLicense gives an order its License, or says that the pool is empty, where
// the database can tell; it leaves the answer as it is otherwise.
func (in *Intake) giveLicense(ctx context.Context, tx *store.Tx, a Arrived, i *store.Instance, l *store.License, e *effect) error {
	if in.licenses == nil {
		return nil
	}
	there, err := in.licenses.Now(ctx, tx, a.Channel, i, l)
	switch {
	case there && err == nil:
		e.answer.Code, e.answer.License, e.changed, e.pending = market.Success, l.Content.Text, true, false
	case fault.Is(err, fault.Conflict):
		e.answer.Code, e.err, e.pending = market.NoResource, err, false
	case fault.Is(err, fault.Unavailable) && fault.From(err).Key == "license.pool_busy": // others may still give theirs back: the task, or a repeat, sees
	case fault.Is(err, fault.Invalid): // what the pool has cannot be handed over: the task says so
	default:
		return err
	}
	return nil
}

// licensed is the answer to a getLicense whose instance is there.
func (in *Intake) licensed(ctx context.Context, tx *store.Tx, a Arrived, id string) (effect, error) {
	e := effect{answer: market.Answer{Code: market.Success, InstanceID: id}}
	if a.Call.Test {
		e.answer.License = debugLicense + a.Call.OrderID
		return e, nil
	}
	l, err := tx.LicenseByKey(ctx, a.Channel.ID, a.Call.IdempotencyKey())
	if fault.Is(err, fault.NotFound) {
		return refused(market.NoSuchInstance, "call.instance_unknown", "instance", id), nil
	}
	switch {
	case err != nil:
		return e, err
	case l.There():
		e.answer.License = l.Content.Text
	case l.Status == market.LicenseCancelled:
		return refused(market.NoSuchInstance, "call.instance_released", "instance", id), nil
	default:
		e.answer.Code, e.pending = market.Processing, true
	}
	return e, nil
}

// debugLicense begins the License of a debugging call, which must have one: it is
// made of the order, so that the saved case gets the same for ever, and opens
// nothing.
const debugLicense = "DEBUG-"
