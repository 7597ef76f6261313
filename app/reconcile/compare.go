package reconcile

import (
	"context"
	"slices"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// compare asks for the orders that rule over one instance, each once, and holds it
// against them.
func (a *asker) compare(ctx context.Context, ch *store.Channel, o store.OpenInstance) ([]store.Finding, error) {
	answers := map[[2]string]answer{}
	var failed error // the marketplace could not be asked
	ask := func(order, line string) answer {
		key := [2]string{order, line}
		got, known := answers[key]
		if known || order == "" || failed != nil {
			return got
		}
		got.asked = true
		got.order, got.line, got.no, failed = a.query(ctx, ch, order, line)
		answers[key] = got
		return got
	}
	bought, ended := ask(o.OrderID, o.OrderLineID), ask(o.RefusedRelease, o.RefusedReleaseLine)
	renewed, renewing := ask(o.Renewal, o.RenewalLine), ask(o.RefusedRenewal, o.RefusedRenewalLine)
	upgraded, upgrading := ask(o.Upgrade, o.UpgradeLine), ask(o.RefusedUpgrade, o.RefusedUpgradeLine)
	if failed != nil {
		return nil, failed
	}
	i, err := a.r.o.Store.Reader().InstancePK(ctx, o.PK) // after the answers: the instance may have moved meanwhile
	if err != nil || i.Status == market.Released {
		return nil, err
	}
	if ended.says(i, market.OrderUnsubscribe) && ended.buyer() != "" && ended.buyer() == i.CustomerID {
		bought = ended
	}
	return a.r.judge(i, bought, last(i, bought, renewed, renewing), last(i, bought, upgraded, upgrading)), nil
}

// answer is what the marketplace said of an order line.
type answer struct {
	asked bool
	order market.Order
	line  market.OrderLine
	no    *fault.Error // why there is none
}

// buyer is the customer id of whose order it is, "" where it does not say.
func (a answer) buyer() string {
	if a.order.Buyer == nil {
		return ""
	}
	return a.order.Buyer.CustomerID
}

// says tells whether an order that a refused call named is there, is of this
// type, and of no other buyer than the instance: anybody may have sent the call.
func (a answer) says(i *store.Instance, types ...market.OrderType) bool {
	if !a.asked || a.no != nil || !slices.Contains(types, a.order.Type) {
		return false
	}
	return a.buyer() == "" || i.CustomerID == "" || a.buyer() == i.CustomerID
}

// last is the order that rules: of the last call that was taken, else the
// purchase; and before them that of a refused call, if the marketplace has such an
// order and it is no older.
func last(i *store.Instance, bought, taken, refused answer) answer {
	if !taken.asked {
		taken = bought
	}
	if refused.says(i, market.OrderRenew, market.OrderChange, market.OrderTrialToFormal) && !refused.order.CreateTime.Before(taken.order.CreateTime) {
		return refused
	}
	return taken
}

// judge holds an instance against the purchase, the order that set its period
// and the one that set its product.
func (r *Reconciler) judge(i *store.Instance, bought, period, what answer) []store.Finding {
	base := store.Finding{ChannelID: i.ChannelID, InstancePK: i.PK, OrderID: i.OrderID, OrderLineID: i.OrderLineID}
	of := func(a answer, kind, ours, theirs, repair string) store.Finding {
		f := base
		if a.no == nil {
			f.OrderID = a.order.OrderID
			if i.Protocol != market.V1 {
				f.OrderLineID = a.line.OrderLineID
			}
		}
		f.Kind, f.Ours, f.Theirs, f.Repair = kind, ours, theirs, repair
		if a.no != nil {
			f.Err = a.no
		}
		return f
	}
	if bought.no != nil {
		return []store.Finding{of(bought, Unanswered, string(i.Status), "", "")}
	}
	if bought.order.Type == market.OrderUnsubscribe {
		return []store.Finding{of(bought, Cancelled, string(i.Status), string(market.OrderUnsubscribe), Release)}
	}
	var out []store.Finding
	if f, differs := r.period(i, period, of); differs {
		out = append(out, f)
	}
	if f, differs := product(i, what, of); differs {
		out = append(out, f)
	}
	return out
}

type finding func(a answer, kind, ours, theirs, repair string) store.Finding

// period compares the expiry. The order of a cancelled renewal tells what was
// cancelled, so nothing is concluded from it; refreshInstance has set the expiry.
func (r *Reconciler) period(i *store.Instance, a answer, of finding) (store.Finding, bool) {
	switch {
	case a.no != nil:
		return of(a, Unanswered, string(i.Status), "", ""), true
	case a.order.Type != market.OrderUnsubscribe && !a.line.ExpireTime.IsZero() && !a.line.ExpireTime.Equal(i.ExpiresAt):
		return of(a, Expiry, market.Stamp(i.ExpiresAt), market.Stamp(a.line.ExpireTime), SetExpiry), true
	case i.Status == market.Active && !i.ExpiresAt.IsZero() && r.o.Now().Sub(i.ExpiresAt) > Lapse:
		return of(a, Overdue, string(i.Status), market.Stamp(i.ExpiresAt), Freeze), true
	case r.locked(i) && a.line.ExpireTime.Equal(i.ExpiresAt):
		return of(a, Locked, string(i.Status), market.Stamp(i.ExpiresAt), Unfreeze), true
	}
	return store.Finding{}, false
}

// locked tells whether an instance has been frozen for long although it is paid.
func (r *Reconciler) locked(i *store.Instance) bool {
	now := r.o.Now()
	return i.Status == market.Frozen && i.ExpiresAt.After(now) && now.Sub(i.FrozenAt) > Lapse
}

// product compares what was bought. A renewal may have given the instance
// another productId (one per period type), so a different skuCode or size counts
// alone once it was renewed.
func product(i *store.Instance, a answer, of finding) (store.Finding, bool) {
	if a.no != nil || a.order.Type == market.OrderUnsubscribe {
		return store.Finding{}, false
	}
	p, ok := a.line.Product()
	if !ok {
		return store.Finding{}, false
	}
	same := (p.SkuCode == "" || p.SkuCode == i.SkuCode) && (p.LinearValue == 0 || p.LinearValue == i.LinearValue)
	if i.ExpirySetBy == "order" && p.ProductID != i.ProductID {
		same = false
	}
	if same {
		return store.Finding{}, false
	}
	return of(a, Product, i.Bought().Whole(), p.Whole(), Learn), true
}
