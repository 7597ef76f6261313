package console

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/alert"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// source is one kind of thing that a person must decide: what the start page
// asks the store for, in one statement, and where it leads.
type source struct {
	name  string // translation key below need
	icon  string
	needs staff.Permission
	read  func(*store.Reader, context.Context) (store.Need, error)
	all   string                       // where all of it is; "" where no page shows it
	first func(key string) string      // where the most urgent one is
	label func(n store.Need) string    // translation key of what it is; nil: the label as it is
	say   func(n store.Need) view.Text // the same with values; nil: label
}

// sources is what the start page shows, the most pressing first. A new one is a
// line here, its texts, and its statement in the store.
var sources = []source{
	{"failures", "failed", staff.FailuresRead, (*store.Reader).NeedGroups, view.Waits(view.RoomFailures), func(key string) string { return failuresPath + "/" + key }, stepKey, nil},
	{"access", "edit", staff.InstancesRead, (*store.Reader).NeedAccess, view.Waits(view.RoomProvisioning), instanceURL, nil, nil},
	{"licenses", "upgrade", staff.LicensesRead, (*store.Reader).NeedLicenses, view.Waits(view.RoomLicenses), func(key string) string { return "/licenses/" + key }, nil, nil},
	{"stuck", "pending", staff.StuckRead, (*store.Reader).NeedStuck, view.Waits(view.RoomStuck), stuckKindURL, func(n store.Need) string { return "stuck.kind." + n.Label }, nil},
	{"conflicts", "alert", staff.MessagesRead, (*store.Reader).NeedConflicts, view.Waits(view.RoomMessages), func(key string) string { return "/messages/" + key },
		func(n store.Need) string { return "activity." + n.Label }, nil},
	{"keys", "lock", staff.MessagesRead, (*store.Reader).NeedKeys, "/messages?status=rejected", func(key string) string { return alert.Path(market.AlertKey, key) }, nil, func(n store.Need) view.Text {
		return view.Say("need.keys_of", "channel", strings.TrimSuffix(n.Key, "/"+n.Label), "class", n.Label)
	}},
	{"listing", "active", staff.ListingRead, (*store.Reader).NeedListing, "/listing", func(string) string { return "/listing" }, nil,
		func(n store.Need) view.Text {
			return view.Text{Key: "need.listing_" + n.Label, Args: []any{"channel", n.Key}}
		}},
	{"pools", "order", staff.PoolsRead, (*store.Reader).NeedPools, onlyLow(poolsPath), poolURL, nil, nil},
	{"license_pools", "order", staff.LicensesRead, (*store.Reader).NeedLicensePools, onlyLow(licensePoolsPath), licensePoolURL, nil, nil},
	{"deliveries", "mail", staff.DeliveriesRead, (*store.Reader).NeedDeliveries, view.Waits(view.RoomDeliveries), func(key string) string { return "/deliveries/" + key },
		func(n store.Need) string { return "delivery_kind." + n.Label }, nil},
	{"events", "external", staff.EventsRead, (*store.Reader).NeedEvents, view.Waits(view.RoomEvents), func(key string) string { return eventsPath + "/" + key },
		func(n store.Need) string { return "event_type." + n.Label }, nil},
	{"findings", "reconcile", staff.ReconcileRead, (*store.Reader).NeedFindings, view.Waits(view.RoomReconcile), func(string) string { return view.Waits(view.RoomReconcile) },
		func(n store.Need) string { return "reconcile.kind." + n.Label }, nil},
	{"leftovers", "released", staff.LeftoversRead, (*store.Reader).NeedLeftovers, view.Waits(view.RoomLeftovers), instanceURL, nil, nil},
}

func stepKey(n store.Need) string {
	for _, activity := range market.Activities() {
		if activity == n.Label {
			return "activity." + n.Label
		}
	}
	return "task_kind." + n.Label
}

// Home is the start page: what only a person can decide.
func (k *Console) Home(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomHome)
	if err != nil {
		return err
	}
	p := view.NeedsPage{Shell: s}
	for _, src := range sources {
		if !s.May(src.needs) {
			continue
		}
		n, err := src.read(k.read, c.UserContext())
		if err != nil {
			return err
		}
		if n.Count.N > 0 {
			p.Needs = append(p.Needs, need(s.Clock, src, n))
		}
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, fiber.StatusOK, s, view.PageHome, p)
}

func need(clock view.Clock, src source, n store.Need) view.Need {
	out := view.Need{Name: src.name, Icon: src.icon, Count: n.Count.N, URL: src.all, Fault: n.Error, Since: clock.Time(n.Since), Until: clock.Time(n.Until)}
	if src.first != nil {
		out.First = src.first(n.Key)
	}
	switch {
	case src.say != nil:
		out.Label = src.say(n)
	case src.name == "pools" || src.name == "license_pools":
		name := strings.TrimPrefix(n.Key, "license/")
		out.First, out.Label = src.first(name), view.Say("need.pool_left", "pool", name, "left", n.Label)
	case src.label != nil:
		out.Label = view.Say(src.label(n))
	default:
		out.Raw = orElse(n.Label, n.Key)
	}
	return out
}
