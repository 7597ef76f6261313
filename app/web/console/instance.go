package console

import (
	"net/url"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// Instance is one instance with its whole life.
func (k *Console) Instance(c *fiber.Ctx) error {
	id, err := instanceParam(c)
	if err != nil {
		return err
	}
	s, p, err := k.instance(c, id)
	if err != nil {
		return err
	}
	return k.sendInstance(c, fiber.StatusOK, s, p)
}

// instance reads one instance into its page, without neighbours.
func (k *Console) instance(c *fiber.Ctx, id string) (view.Shell, view.InstancePage, error) {
	s, err := k.shell(c, view.RoomInstances)
	if err != nil {
		return s, view.InstancePage{}, err
	}
	call := int64(c.QueryInt(callParam))
	i, err := k.read.InstanceDetailWith(c.UserContext(), id, call)
	if err != nil {
		return s, view.InstancePage{}, err
	}
	list := address(c, "/instances", instanceParams...)
	at := view.URL{Path: instanceURL(id), Query: list.Query}
	if call > 0 {
		at = at.With(callParam, strconv.FormatInt(call, 10))
	}
	s.Here = at.String() // also when a form is what was answered
	p := k.instancePage(s, i, list, call)
	p.Instance.URL = s.Here
	if p.Tasks, err = k.taskRows(c.UserContext(), s, i.Tasks); err != nil {
		return s, p, err
	}
	p.Hold = hold(s, id, i.Work, session.Of(c).Actor.Name)
	if p.Hold.By != "" && !p.Hold.Mine && p.Access.Form.Action.Why.None() {
		p.Access.Form.Action.Why = view.Say("why.claim_held", "by", p.Hold.By)
	}
	if p.Licenses, err = k.licensesOf(c.UserContext(), s.Clock, id); err != nil {
		return s, p, err
	}
	if p.Seen, err = k.seen(c.UserContext(), id); err != nil {
		return s, p, err
	}
	if p.Notices, err = k.notices(c.UserContext(), s, i, list); err != nil || fragment(c, "live") {
		return s, p, err
	}
	newer, older, err := k.read.InstanceNeighbours(c.UserContext(), readInstances(list, s.Clock.Now), i.InstanceRow)
	if err != nil {
		return s, p, err
	}
	if newer != "" {
		p.Prev = within(instanceURL(newer), list)
	}
	if older != "" {
		p.Next = within(instanceURL(older), list)
	}
	return s, p, nil
}

// sendInstance sends the page, or the part of it that a script asked for.
func (k *Console) sendInstance(c *fiber.Ctx, status int, s view.Shell, p view.InstancePage) error {
	if fragment(c, "live") {
		return k.block(c, status, s, view.PageInstance, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, s, view.PageInstance, p)
}

func (k *Console) instancePage(s view.Shell, i *store.InstanceDetail, list view.URL, call int64) view.InstancePage {
	p := view.InstancePage{
		Shell: s, Instance: instanceRow(s.Clock, i.InstanceRow, list), Back: list.String(), Facts: instanceFacts(s.Clock, i),
		Access: instanceAccess(s, i, list), Link: k.buyerLink(s, i, list), Usage: usageOf(s.Clock, i), Timeline: instanceTimeline(s.Clock, i, call), Live: underWay(i.Tasks) && i.Status != market.Released,
	}
	if i.OrderKnownAt.IsZero() {
		p.OrderFault = orderFault(i.Tasks)
	} else {
		p.Order, p.Customer = orderFacts(i), customerFacts(i.Customer)
	}
	for _, o := range i.Orders {
		p.Orders = append(p.Orders, view.InstanceOrder{OrderRow: orderRow(s.Clock, o.OrderRow, view.URL{}), Purpose: o.Purpose})
	}
	for _, m := range i.Messages {
		p.Messages = append(p.Messages, messageRow(s.Clock, m, view.URL{}))
	}
	for _, d := range i.Deliveries {
		p.Deliveries = append(p.Deliveries, deliveryRow(s, d, view.URL{}))
	}
	if p.OrderFault != nil {
		p.Instance.Fault = nil // said once is enough
	}
	return p
}

// orderFault is why the order is not known, nil while it is being asked for.
func orderFault(tasks []store.TaskRow) *fault.Record {
	for _, t := range tasks {
		if t.Kind == outbox.OrderQuery && t.Status == outbox.Failed {
			return t.LastError
		}
	}
	return nil
}

func instanceFacts(clock view.Clock, i *store.InstanceDetail) []view.Fact {
	expires := view.Fact{Label: view.Say("fact.expires"), Time: clock.Time(i.ExpiresAt)}
	switch {
	case i.ExpiresAt.IsZero() && i.OrderKnownAt.IsZero():
	case i.ExpiresAt.IsZero():
		expires.Text = view.Say("instances.no_expiry")
	case i.Status != market.Released && expires.Time.At.Before(clock.Now.Add(soon)):
		expires.Tone = "warn"
	}
	driver := view.Fact{Label: view.Say("fact.driver")}
	switch i.Driver {
	case "static", "manual", "pool", "webhook":
		driver.Text = view.Say("driver." + i.Driver)
	default:
		driver.Value = i.Driver
	}
	order := view.Fact{Label: view.Say("fact.order_line"), Value: orElse(i.OrderLineID, i.OrderID), Mono: true, Copy: true,
		URL: "/messages?order_id=" + url.QueryEscape(i.OrderID)}
	for _, o := range i.Orders {
		if o.OrderID == i.OrderID && o.OrderLineID == i.OrderLineID {
			order.URL = orderURL(o.PK)
		}
	}
	facts := []view.Fact{
		{Label: view.Say("fact.product"), Value: i.ProductID, Mono: true, Copy: true},
		{Label: view.Say("fact.sku"), Value: i.SkuCode, Mono: true, Copy: true},
		order,
		{Label: view.Say("fact.channel"), Value: i.Channel},
		driver,
		{Label: view.Say("fact.created"), Time: clock.Time(i.CreatedAt)},
		expires,
		{Label: view.Say("fact.provisioned"), Time: clock.Time(i.ProvisionedAt)},
	}
	if !i.FrozenAt.IsZero() && i.Status == market.Frozen {
		facts = append(facts, view.Fact{Label: view.Say("fact.frozen"), Time: clock.Time(i.FrozenAt), Tone: "warn"})
	}
	if !i.ReleasedAt.IsZero() {
		facts = append(facts, view.Fact{Label: view.Say("fact.released"), Time: clock.Time(i.ReleasedAt)})
	}
	if !i.ErasedAt.IsZero() {
		facts = append(facts, view.Fact{Label: view.Say("retention.erased"), Time: clock.Time(i.ErasedAt)})
	}
	return facts
}

// orderFacts are what the order query told.
func orderFacts(i *store.InstanceDetail) []view.Fact {
	facts := []view.Fact{
		{Label: view.Say("fact.product_name"), Value: i.ProductName},
		known("fact.order_type", "order_type.", i.OrderType, market.OrderNew, market.OrderTrial, market.OrderTrialToFormal,
			market.OrderUnsubscribe, market.OrderRenew, market.OrderChange),
		known("fact.charging", "charging.", i.ChargingMode, market.OnDemand, market.OneTime, market.Period, market.OnDemandPkg),
	}
	if i.PeriodNumber > 0 {
		period := known("fact.period", "period.", i.PeriodType, "year", "month", "day", "hour")
		period.Value = strconv.Itoa(i.PeriodNumber) + " " + i.PeriodType
		if !period.Text.None() {
			period.Text.Args = []any{"n", i.PeriodNumber}
		}
		facts = append(facts, period)
	}
	return append(facts, sizeFacts(i.LinearValue, i.Size)...)
}

// known is a fact whose value is one of the published words; any other word is
// shown as it came.
func known[W ~string](label, prefix, value string, words ...W) view.Fact {
	f := view.Fact{Label: view.Say(label), Value: value}
	for _, w := range words {
		if string(w) == value {
			f.Text = view.Say(prefix + value)
		}
	}
	return f
}

func customerFacts(customer store.Customer) []view.Fact {
	return []view.Fact{
		{Label: view.Say("fact.customer"), Value: customer.Name},
		{Label: view.Say("fact.customer_id"), Value: customer.ID, Mono: true, Copy: customer.ID != ""},
		{Label: view.Say("fact.real_name"), Value: customer.RealName},
		{Label: view.Say("fact.email"), Value: customer.Email},
		{Label: view.Say("fact.phone"), Value: customer.Phone},
	}
}

// instanceAccess is how the customer uses the instance, with the form that
// completes or replaces it.
func instanceAccess(s view.Shell, i *store.InstanceDetail, list view.URL) view.Access {
	a := i.Access
	self := instanceURL(i.InstanceID)
	out := view.Access{
		Ready: a.Version > 0, FrontEndURL: a.FrontEndURL, AdminURL: a.AdminURL, UserName: a.UserName, HasPassword: a.HasPassword, Wiped: s.Clock.Time(a.WipedAt), Memo: a.Memo,
		Reveal: action(s, staff.InstancesReveal, within(self+"/reveal", list), view.Text{}),
		Form: view.AccessForm{
			Action: action(s, staff.InstancesAccess, within(self+"/access", list), view.Text{}), Due: i.Waiting, Open: i.Waiting,
			FrontEndURL: view.Field{Name: "front_end_url", Value: a.FrontEndURL}, AdminURL: view.Field{Name: "admin_url", Value: a.AdminURL},
			UserName: view.Field{Name: "user_name", Value: a.UserName}, Password: view.Field{Name: "password"},
			Memo: view.Field{Name: "memo", Value: a.Memo}, KeepPassword: a.HasPassword,
		},
	}
	if i.Status == market.Released {
		out.Form.Action.Why = view.Say("why.instance_released")
	}
	for _, e := range i.Timeline {
		if e.Sort == store.EventChange && e.Kind == string(market.AccessChanged) {
			out.Since, out.By = s.Clock.Time(e.At), by(e.Actor)
			break
		}
	}
	if i.Waiting {
		out.Form.DueSince = dueSince(s.Clock, i)
	}
	return out
}

// dueSince is since when a person has to act: since the step before the parked
// one had its result, as far as that is known.
func dueSince(clock view.Clock, i *store.InstanceDetail) view.Time {
	for _, t := range i.Tasks {
		if t.Parked {
			return clock.Time(t.CreatedAt)
		}
	}
	return clock.Time(i.CreatedAt)
}
