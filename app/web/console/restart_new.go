package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/restart"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// confirmAbove is from how many items on the number must be typed.
const confirmAbove = 100

// usualRate is the rate, in items a second, that a form begins with.
const usualRate = 20

// restartOrder is what a list shows on all its pages, as something to restart.
// Without a status of its own the list stands for what failed: running every
// other call again would help nobody. In a failure group everything fails, what
// waits for its next automatic try too.
type restartOrder struct {
	set  store.RestartSet
	list view.URL
	need staff.Permission
	from string // fromMessage: from the page of the one message; else from the list
}

// fromMessage says in an address that it stands on the page of a message.
const fromMessage = "message"

// orderOf reads the address of a list, of which ids are ticked if there are any.
// Fault: invalid "http.bad_request" if it is none that can be restarted.
func (k *Console) orderOf(c *fiber.Ctx, list, mode string) (restartOrder, error) {
	o, err := k.listOrder(list, mode)
	ids := tickedIDs(c)
	if err == nil && len(ids) == 0 && len(ticked(c)) > 0 { // not everything that the list holds
		err = fault.New(fault.Invalid, "http.bad_request")
	}
	if err == nil && len(ids) > 0 {
		o.set = store.RestartSet{Thing: o.set.Thing, Mode: o.set.Mode, IDs: ids}
	}
	if o.set.Thing == store.RestartMessages && len(ids) == 1 && slices.Contains(fields(c, "from"), fromMessage) {
		o.from = fromMessage
	}
	return o, err
}

func (k *Console) listOrder(list, mode string) (restartOrder, error) {
	path, query, _ := strings.Cut(local(list), "?")
	if mode != store.RestartDelivery {
		mode = store.RestartAll
	}
	switch path {
	case "/messages":
		u := addressOf(path, query, messageParams...).Without()
		q := readMessages(u, k.clock())
		if !q.ok {
			break
		}
		if q.filter.Status == "" && q.filter.Group == 0 {
			q.filter.Status = store.MessageFailed
		}
		return restartOrder{set: store.RestartSet{Thing: store.RestartMessages, Mode: mode, Messages: q.filter}, list: u, need: staff.MessagesRestart}, nil
	case "/tasks":
		u := addressOf(path, query, taskParams...).Without()
		f := readTasks(u)
		if f.Status == "" && f.Group == 0 {
			f.Status = string(outbox.Failed)
		}
		return restartOrder{set: store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: f}, list: u, need: staff.TasksRestart}, nil
	}
	return restartOrder{}, fault.New(fault.Invalid, "http.bad_request")
}

// preview is the page that tells what the order would do.
func (o restartOrder) preview() view.URL {
	u := newRestartURL(o.list).With("from", o.from)
	for _, id := range o.set.IDs {
		u.Query.Add("ids", strconv.FormatInt(id, 10))
	}
	return u
}

// NewRestart shows what restarting everything that a list shows, or what is ticked
// of it, would do.
func (k *Console) NewRestart(c *fiber.Ctx) error {
	o, err := k.orderOf(c, c.Query("list"), c.Query("mode"))
	if err != nil {
		return err
	}
	return k.showRestart(c, fiber.StatusOK, o, view.Field{Name: "confirm"}, view.Field{Name: "reason"})
}

// mustWhy: whoever restarts several, or whatever a filter finds, says why.
func (o restartOrder) mustWhy() bool { return len(o.set.IDs) != 1 }

func (k *Console) showRestart(c *fiber.Ctx, status int, o restartOrder, typed, why view.Field) error {
	s, err := k.shell(c, view.RoomRestarts)
	if err != nil {
		return err
	}
	found, err := k.o.Restarts.Preview(c.UserContext(), o.set, actor(c))
	if err != nil {
		return err
	}
	p := view.RestartNewPage{Shell: s, Thing: o.set.Thing, Mode: o.set.Mode, Messages: o.set.Thing == store.RestartMessages, Back: o.list.String(),
		Filter: filterFacts(s.Clock, o.set.Thing, o.set.Words()), Total: found.Total, Confirm: found.Total > confirmAbove, Typed: typed,
		Start: action(s, o.need, restartsPath, view.Text{}), Reasons: refusals(k.localizer(c), o.set.Thing, found.Refused, found.Which), Effects: previewEffects(o.set.Mode, found.SideEffects),
		Ticked: o.set.IDs, Rest: view.PreviewRest(found.Rest), Why: why, MustWhy: o.mustWhy()}
	if o.from == fromMessage {
		p.Message, p.MessageURL = o.set.IDs[0], within(messageURL(o.set.IDs[0]), o.list)
	}
	p.Doable = found.Total
	for _, n := range found.Refused {
		p.Doable -= n
	}
	if p.Doable == 0 {
		p.Start.Why = view.Say("restarts.why.nothing")
	}
	if p.Messages {
		for _, mode := range []string{store.RestartAll, store.RestartDelivery} {
			tab := view.Tab{Label: view.Say("restarts.mode." + mode), Value: mode, URL: o.preview().With("mode", mode), Count: -1, Active: o.set.Mode == mode}
			if mode == store.RestartDelivery && !restart.MaySend(s.Operator.Role) {
				tab.Why = view.Say("fault.http.forbidden.what")
			}
			p.Modes = append(p.Modes, tab)
		}
	}
	if found.Total > 1 {
		p.Rates = rateOptions(field(c, "rate"))
	}
	for _, g := range found.Groups {
		p.Groups = append(p.Groups, view.PreviewGroup{What: g.What, Product: g.Product, Step: g.Step, N: g.N, Refused: g.Refused})
	}
	for _, m := range found.Samples {
		p.Samples = append(p.Samples, view.PreviewItem{ID: m.ID, URL: itemURL(o.set.Thing, m.ID), What: m.What, Line: m.OrderLine, InstanceID: m.InstanceID, Fault: m.Error})
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, s, view.PageRestartNew, p)
}

// rateOptions are the rates to choose from, with the one that was chosen before.
func rateOptions(chosen string) []view.Option {
	var out []view.Option
	for _, n := range restart.Rates() {
		r := view.Option{Value: strconv.Itoa(n), Label: view.Say("restarts.rate", "n", n)}
		if n == 0 {
			r.Label = view.Say("restarts.rate_free")
		}
		r.Selected = r.Value == chosen || chosen == "" && n == usualRate
		out = append(out, r)
	}
	return out
}

const newRestartPath = restartsPath + "/new"

// newRestartURL is the page that previews the restart of a list.
func newRestartURL(list view.URL) view.URL {
	return addressOf(newRestartPath, "").With("list", list.Without().String())
}

// previewEffects are what the restart of a set will and will not do.
func previewEffects(mode string, e store.SideEffects) []view.Effect {
	out := countedEffects(e)
	if mode == store.RestartDelivery {
		return append(out, view.Effect{Will: true, Text: view.Say("restarts.effect.notices")}, view.Effect{Text: view.Say("restarts.effect.no_provisioning")},
			view.Effect{Will: true, Text: view.Say("effect.restart_logged")})
	}
	return append(out, restartEffects()[1:]...)
}

// countedEffects are what a restart sends, asks and hurries, in numbers.
func countedEffects(e store.SideEffects) []view.Effect {
	atOnce := e.Mails+e.SMS > 0
	sends := "restarts.effect.sends"
	if !atOnce {
		sends = "restarts.effect.sends_none"
	}
	out := []view.Effect{{Will: atOnce, Text: view.Say(sends, "sms", view.Say("restarts.effect.n_sms", "n", e.SMS), "mails", view.Say("restarts.effect.n_mails", "n", e.Mails))}}
	if atOnce {
		out = append(out, view.Effect{Will: true, Text: view.Say("restarts.effect.fallback")})
	}
	for _, one := range []struct {
		key string
		n   int
	}{{"calls", e.Calls}, {"asks", e.Asks}, {"alerts", e.Alerts}, {"reruns", e.Reruns}, {"customers", e.Customers}, {"hurried", e.Hurried}} {
		if one.n > 0 {
			out = append(out, view.Effect{Will: true, Text: view.Say("restarts.effect."+one.key, "n", one.n)})
		}
	}
	return out
}

// StartRestart begins the restart that a preview showed.
func (k *Console) StartRestart(c *fiber.Ctx) error {
	o, err := k.orderOf(c, field(c, "list"), field(c, "mode"))
	if err != nil {
		return err
	}
	who := actor(c)
	if !who.Role.May(o.need) {
		return fault.New(fault.Forbidden, "http.forbidden")
	}
	rate, err := strconv.Atoi(field(c, "rate"))
	if err != nil {
		return fault.New(fault.Invalid, "restart.rate", "max", strconv.Itoa(restart.MaxPerSecond))
	}
	expected, err := strconv.Atoi(field(c, "expected"))
	if err != nil || expected < 1 {
		return fault.New(fault.Invalid, "http.bad_request")
	}
	typed := view.Field{Name: "confirm", Value: clean(field(c, "confirm"), 20)}
	why := view.Field{Name: "reason", Value: who.Reason}
	if expected > confirmAbove && typed.Value != strconv.Itoa(expected) {
		typed.Wrong = view.Say("restarts.type_wrong", "n", expected)
	}
	if o.mustWhy() && why.Value == "" {
		why.Wrong = view.Say("restarts.why_missing")
	}
	if !typed.Wrong.None() || !why.Wrong.None() {
		return k.showRestart(c, fiber.StatusUnprocessableEntity, o, typed, why)
	}
	b, err := k.o.Restarts.Start(c.UserContext(), restart.Order{RestartSet: o.set, PerSecond: rate, Expected: expected}, who)
	switch {
	case fault.Is(err, fault.Conflict):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
		return k.goTo(c, o.preview().With("mode", o.set.Mode).String())
	case err != nil:
		return err
	case b.ID == 0:
		flash(c, "info", view.Say("restarts.flash.nothing"))
		return k.goTo(c, o.list.String())
	}
	return k.goTo(c, batchURL(b.ID))
}
