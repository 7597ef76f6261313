package reconcile

import (
	"context"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// compare asks for the orders that rule over one instance and holds it against
// them.
func (a *asker) compare(ctx context.Context, ch *store.Channel, o store.OpenInstance) ([]store.Finding, error) {
	answers := map[[2]string]answer{}
	ask := func(order, line string) (answer, error) {
		key := [2]string{order, line}
		if got, ok := answers[key]; ok {
			return got, nil
		}
		var got answer
		var err error
		got.order, got.line, got.no, err = a.query(ctx, ch, order, line)
		answers[key] = got
		return got, err
	}
	bought, err := ask(o.OrderID, o.OrderLineID)
	if err != nil {
		return nil, err
	}
	period, what := bought, bought
	if o.Renewal != "" {
		if period, err = ask(o.Renewal, o.RenewalLine); err != nil {
			return nil, err
		}
	}
	if o.Upgrade != "" {
		if what, err = ask(o.Upgrade, o.UpgradeLine); err != nil {
			return nil, err
		}
	}
	i, err := a.r.o.Store.Reader().InstancePK(ctx, o.PK) // after the answers: the instance may have moved meanwhile
	if err != nil || i.Status == market.Released {
		return nil, err
	}
	return a.r.judge(i, bought, period, what), nil
}

// answer is what the marketplace said of an order line.
type answer struct {
	order market.Order
	line  market.OrderLine
	no    *fault.Error // why there is none
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
