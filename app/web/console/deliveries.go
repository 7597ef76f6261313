package console

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/deliver"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// deliveryParams are the filters of the list of deliveries.
var deliveryParams = []string{"status", "kind", "medium", "outcome", "instance_id", "q"}

// deliveryKinds are what customers are told.
var deliveryKinds = market.Notices()

func readDeliveries(u view.URL) store.DeliveryFilter {
	f := store.DeliveryFilter{Medium: u.Get("medium"), Kind: u.Get("kind"), Outcome: u.Get("outcome"), InstanceID: u.Get("instance_id"), Q: u.Get("q")}
	f.Status, f.Waiting = narrowedTo(u)
	return f
}

// Deliveries is the list of what was sent to customers.
func (k *Console) Deliveries(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomDeliveries)
	if err != nil {
		return err
	}
	u := address(c, "/deliveries", deliveryParams...)
	p := view.DeliveriesPage{Shell: s, List: view.List{Filter: view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.deliveries_hint"), Status: u.Get("status"),
		Selects: []view.Select{
			choose(u, "kind", "filter.kind", "filter.any_kind", "delivery_kind.", deliveryKinds...),
			choose(u, "medium", "filter.medium", "filter.any_medium", "medium.", deliver.Email, deliver.SMS),
			choose(u, "outcome", "filter.outcome", "filter.any_outcome", "outcome.", deliver.Outcomes()...)},
		Chips: chip(u, "instance_id", "filter.instance")}}}
	return k.answer(c, listed{name: view.PageDeliveries, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillDeliveries(ctx, &p, u) }})
}

func (k *Console) fillDeliveries(ctx context.Context, p *view.DeliveriesPage, u view.URL) error {
	f := readDeliveries(u)
	found, err := k.read.DeliveryList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	f.Waiting = false // the tabs count beside each other
	counts, err := k.read.DeliveryCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.DeliveryRow, 0, len(found.Items))
	for _, d := range found.Items {
		rows = append(rows, deliveryRow(p.Shell, d, u))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.DeliveryRow) view.Time { return r.Created })
	p.Pager, p.Tabs = pager(u, found), append(tabs("delivery", u, counts), waitingTab(u, "filter.waiting"))
	return nil
}

// deliveryRow is a delivery as lists and details show it; list is where it is
// opened from.
func deliveryRow(s view.Shell, d store.DeliveryRow, list view.URL) view.DeliveryRow {
	r := view.DeliveryRow{
		ID: d.ID, URL: within(deliveryURL(d.ID), list), Status: d.Status, Kind: d.Kind, Medium: d.Medium, To: d.To,
		InstanceID: d.InstanceID, InstanceURL: instanceURL(d.InstanceID), Attempts: d.Attempts, Created: s.Clock.Time(d.CreatedAt),
		Sent: s.Clock.Time(d.SentAt), Fault: d.LastError, Kept: kept(d), Outcome: d.Outcome, HeldWhy: d.HeldWhy, Held: s.Clock.Time(d.HeldUntil), WasHeld: d.WasHeld,
		Resend: action(s, staff.DeliveriesSend, within(deliveryURL(d.ID)+"/resend", list), view.Text{}),
	}
	if d.Status == string(outbox.Running) {
		r.Resend.Why = view.Say("why.delivery_running")
	}
	if d.Status == string(outbox.Succeeded) || d.Status == string(outbox.Cancelled) {
		r.Fault = nil // of an earlier try
	}
	return r
}

// kept tells whether a delivery is done as far as this machine can do it, and
// has never left it.
func kept(d store.DeliveryRow) bool {
	return d.Status == string(outbox.Succeeded) && (d.Transport == "none" || d.Transport == "log")
}

// deliveryKind names what a customer was told.
func deliveryKind(kind string) view.Text {
	if slices.Contains(deliveryKinds, kind) {
		return view.Say("delivery_kind." + kind)
	}
	return view.Say("filter.kind")
}
