package console

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// Delivery is what one customer was told, and what came of it.
func (k *Console) Delivery(c *fiber.Ctx) error {
	id, err := number(c, "delivery.unknown")
	if err != nil {
		return err
	}
	s, p, err := k.delivery(c, id)
	if err != nil {
		return err
	}
	return k.sendDelivery(c, fiber.StatusOK, s, p)
}

// delivery reads one delivery into its page.
func (k *Console) delivery(c *fiber.Ctx, id int64) (view.Shell, view.DeliveryPage, error) {
	s, err := k.shell(c, view.RoomDeliveries)
	if err != nil {
		return s, view.DeliveryPage{}, err
	}
	d, err := k.read.DeliveryDetail(c.UserContext(), id)
	if err != nil {
		return s, view.DeliveryPage{}, err
	}
	list := address(c, "/deliveries", deliveryParams...)
	s.Here = within(deliveryURL(id), list)
	p := deliveryPage(s, d, list)
	if fragment(c, "live") {
		return s, p, nil
	}
	newer, older, err := k.read.DeliveryNeighbours(c.UserContext(), readDeliveries(list), id)
	if err != nil {
		return s, p, err
	}
	p.Prev, p.Next = neighbour(deliveryURL, newer, list), neighbour(deliveryURL, older, list)
	return s, p, nil
}

func (k *Console) sendDelivery(c *fiber.Ctx, status int, s view.Shell, p view.DeliveryPage) error {
	if fragment(c, "live") {
		return k.block(c, status, s, view.PageDelivery, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, s, view.PageDelivery, p)
}

func deliveryPage(s view.Shell, d *store.DeliveryDetail, list view.URL) view.DeliveryPage {
	p := view.DeliveryPage{
		Shell: s, Delivery: deliveryRow(s, d.DeliveryRow, list), Back: list.String(), Facts: deliveryFacts(s.Clock, d),
		Subject: d.Subject, Text: d.Text, Wiped: s.Clock.Time(d.WipedAt), Tries: deliveryTries(s.Clock, d), Receipts: deliveryReceipts(s.Clock, d), Effects: resendEffects(leavesNow(d, s.Clock.Now)),
		Erased: !d.Rendered && (d.Status == string(outbox.Succeeded) || d.KeptDays > 0), Kept: d.KeptDays, Live: underWay(d.Tasks), To: view.Field{Name: "to"},
	}
	if d.Filled != nil {
		p.Template, p.Values, p.Left = d.Filled.Template, d.Filled.Values, d.Left
	}
	if p.Erased {
		p.Delivery.Resend.Why = view.Say("why.delivery_erased")
	}
	return p
}

func deliveryFacts(clock view.Clock, d *store.DeliveryDetail) []view.Fact {
	language := view.Fact{Label: view.Say("fact.language"), Value: d.Language}
	if i18n.Locale(d.Language).Valid() {
		language.Text = view.Say("locale." + d.Language)
	}
	facts := []view.Fact{
		{Label: view.Say("fact.to"), Value: d.To},
		{Label: view.Say("fact.instance"), Value: d.InstanceID, URL: instanceURL(d.InstanceID), Mono: true, Copy: true},
		language,
		{Label: view.Say("fact.transport"), Value: d.Transport},
		{Label: view.Say("fact.created"), Time: clock.Time(d.CreatedAt)},
		{Label: view.Say("fact.sent"), Time: clock.Time(d.SentAt)},
		{Label: view.Say("fact.message_id"), Value: d.MessageRef, Mono: true, Copy: true},
	}
	if d.HeldWhy != "" {
		facts = append(facts, view.Fact{Label: view.Say("fact.held_until"), Time: clock.Time(d.HeldUntil)},
			view.Fact{Label: view.Say("fact.held_why"), Text: view.Say("held." + d.HeldWhy)})
	}
	if d.Days != nil {
		facts = append(facts, view.Fact{Label: view.Say("fact.days_before"), Text: view.Say("instances.days_before", "n", *d.Days)})
	}
	if d.ProviderRef != "" {
		facts = append(facts, view.Fact{Label: view.Say("fact.provider_ref"), Value: d.ProviderRef, Mono: true})
	}
	facts = append(facts, view.Fact{Label: view.Say("fact.outcome"), Text: view.Say("outcome." + d.Outcome)})
	if d.FallbackOf != 0 {
		facts = append(facts, otherDelivery("fact.fallback_of", d.FallbackOf))
	}
	if d.Fallback != 0 {
		facts = append(facts, otherDelivery("fact.fallback."+d.FallbackStatus, d.Fallback))
	}
	if d.Resends > 0 {
		facts = append(facts, view.Fact{Label: view.Say("fact.resends"), Text: view.Say("fact.times", "n", d.Resends)})
	}
	if d.MessageID != 0 {
		facts = append(facts, view.Fact{Label: view.Say("fact.caused_by"), Value: "#" + strconv.FormatInt(d.MessageID, 10), URL: messageURL(d.MessageID)})
	}
	return facts
}

// deliveryTries are the tries of all tasks of a delivery, newest first: each
// resend has a task of its own.
func deliveryTries(clock view.Clock, d *store.DeliveryDetail) []view.Try {
	var all []store.TaskTry
	for _, t := range d.Tasks {
		all = append(all, t.Tries...)
	}
	slices.SortStableFunc(all, func(a, b store.TaskTry) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Number, a.Number))
	})
	tries := taskTries(clock, all)
	for i := range tries {
		if tries[i].Status == "succeeded" {
			tries[i].Answer = d.ProviderRef // of the last one that went well
			break
		}
	}
	return tries
}

func otherDelivery(label string, id int64) view.Fact {
	return view.Fact{Label: view.Say(label), Value: "#" + strconv.FormatInt(id, 10), URL: deliveryURL(id)}
}

// deliveryReceipts are what its service said, newest first.
func deliveryReceipts(clock view.Clock, d *store.DeliveryDetail) []view.Receipt {
	out := make([]view.Receipt, 0, len(d.Receipts))
	for _, r := range slices.Backward(d.Receipts) {
		out = append(out, view.Receipt{At: clock.Time(r.At), Outcome: r.Outcome, Code: r.Code, Note: r.Note, Remark: r.Remark, Source: r.Source, Part: r.Part,
			Parts: r.Parts, Old: r.MessageRef != d.MessageRef})
	}
	return out
}

// leavesNow tells whether a task is about to hand the delivery over. It can be sent to
// another address then.
func leavesNow(d *store.DeliveryDetail, now time.Time) bool {
	open := d.Status == string(outbox.Pending) || d.Status == string(outbox.Running)
	return open && slices.ContainsFunc(d.Tasks, func(t store.TaskRow) bool { return due(t.Status, t.RunAt, now) })
}

func resendEffects(leaves bool) []view.Effect {
	if leaves {
		return []view.Effect{{Will: true, Text: view.Say("effect.resend_other")}, {Will: true, Text: view.Say("effect.resend_logged")}, {Text: view.Say("effect.resend_leaves")}}
	}
	return []view.Effect{
		{Will: true, Text: view.Say("effect.resend_second")},
		{Will: true, Text: view.Say("effect.resend_same")},
		{Will: true, Text: view.Say("effect.resend_logged")},
		{Text: view.Say("effect.resend_no_access")},
	}
}

// Resend sends a delivery again, to the same or to a corrected address.
func (k *Console) Resend(c *fiber.Ctx) error {
	id, err := number(c, "delivery.unknown")
	if err != nil {
		return err
	}
	err = k.o.Deliver.Resend(c.UserContext(), id, field(c, "to"), actor(c))
	switch {
	case fault.Is(err, fault.Invalid):
		s, p, again := k.delivery(c, id)
		if again != nil {
			return again
		}
		p.Live = false
		p.To.Value, p.To.Wrong = clean(field(c, "to"), maxEmail), what(k.localizer(c), fault.From(err))
		p.Shell.Flash = &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), fault.From(err))}
		return k.sendDelivery(c, fiber.StatusUnprocessableEntity, s, p)
	case fault.Is(err, fault.Conflict):
		flash(c, "warn", trouble(k.localizer(c), fault.From(err)))
	case err != nil:
		return err
	default:
		flash(c, "ok", view.Say("flash.resent"))
	}
	return k.goTo(c, within(deliveryURL(id), address(c, "/deliveries", deliveryParams...)))
}
