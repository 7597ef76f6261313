package console

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// codeParams are the filters of the list of authorization codes.
var codeParams = []string{"channel", "status", "expires", "q"}

func codeURL(id int64) string { return "/license-codes/" + strconv.FormatInt(id, 10) }

func readCodes(u view.URL, now time.Time) store.LicenseCodeFilter {
	f := store.LicenseCodeFilter{Channel: u.Get("channel"), Status: u.Get("status"), Q: u.Get("q")}
	if within, ok := expiries[u.Get("expires")]; ok {
		f.ExpiresBefore = now.Add(within)
	}
	return f
}

// LicenseCodes is the list of authorization codes.
func (k *Console) LicenseCodes(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomLicenseCodes)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, "/license-codes", codeParams...)
	f := view.Filter{URL: u, Q: u.Get("q"), Hint: view.Say("filter.codes_hint"), Status: u.Get("status"), Selects: byChannel(u, channels)}
	f.Selects = append(f.Selects, choose(u, "expires", "filter.expiry", "filter.any_expiry", "filter.expires_", "7d", "30d"))
	if len(channels) < 2 {
		f.Chips = chip(u, "channel", "filter.channel")
	}
	p := view.LicenseCodesPage{Shell: s, Channels: many, List: view.List{Filter: f}}
	return k.answer(c, listed{name: view.PageLicenseCodes, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillCodes(ctx, &p, u) }})
}

func (k *Console) fillCodes(ctx context.Context, p *view.LicenseCodesPage, u view.URL) error {
	f := readCodes(u, p.Shell.Clock.Now)
	found, err := k.read.LicenseCodeList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	counts, err := k.read.LicenseCodeCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.LicenseCodeRow, 0, len(found.Items))
	for _, l := range found.Items {
		rows = append(rows, codeRow(p.Shell.Clock, l, u))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	day := func(r view.LicenseCodeRow) view.Time { return r.Created }
	if !f.ExpiresBefore.IsZero() {
		day = func(r view.LicenseCodeRow) view.Time { return r.Expires }
	}
	p.Days = view.ByDay(rows, day)
	p.Pager, p.Tabs = pager(u, found), tabs("code", u, counts)
	return nil
}

func codeRow(clock view.Clock, l store.LicenseCodeRow, list view.URL) view.LicenseCodeRow {
	r := view.LicenseCodeRow{ID: l.ID, URL: within(codeURL(l.ID), withoutCode(list)), Mask: l.Mask, Status: l.Status, Channel: l.Channel,
		ProductID: l.ProductID, OrderID: l.OrderID, CustomerID: l.CustomerID, Expires: clock.Time(l.ExpiresAt), Checked: clock.Time(l.CheckedAt),
		Created: clock.Time(l.CreatedAt)}
	if l.Status != string(market.CodeReleased) {
		r.Fault = l.LastError
		r.ExpiringSoon = !r.Expires.IsZero() && r.Expires.Within(soon)
	}
	r.Over = !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(clock.Now)
	return r
}

// withoutCode drops what was searched for from the way back: it may be a whole
// code, which should not go from page to page in addresses.
func withoutCode(list view.URL) view.URL { return list.Without("q") }

// LicenseCode is one authorization code with its life.
func (k *Console) LicenseCode(c *fiber.Ctx) error {
	id, err := number(c, "license_code.unknown")
	if err != nil {
		return err
	}
	s, p, err := k.code(c, id)
	if err != nil {
		return err
	}
	return k.sendCode(c, fiber.StatusOK, s, p)
}

func (k *Console) code(c *fiber.Ctx, id int64) (view.Shell, view.LicenseCodePage, error) {
	s, err := k.shell(c, view.RoomLicenseCodes)
	if err != nil {
		return s, view.LicenseCodePage{}, err
	}
	d, err := k.read.LicenseCodeDetail(c.UserContext(), id)
	if err != nil {
		return s, view.LicenseCodePage{}, err
	}
	list := address(c, "/license-codes", codeParams...)
	s.Here = within(codeURL(id), list) // also when a form is what was answered
	p := view.LicenseCodePage{Shell: s, Code: codeRow(s.Clock, d.LicenseCodeRow, list), Facts: codeFacts(s.Clock, d), Back: list.String(),
		Query:    action(s, staff.LicenseCodesUse, codeURL(id)+"/query", whyNoCodeAct(d, outbox.LicenseQuery, s.Clock.Now)),
		Activate: action(s, staff.LicenseCodesUse, codeURL(id)+"/activate", whyNoCodeAct(d, outbox.LicenseActivate, s.Clock.Now)),
		Reveal:   action(s, staff.LicenseCodesReveal, codeURL(id)+"/reveal", view.Text{}),
		Answer:   view.Payload{Body: d.Answer}, Timeline: codeTimeline(s.Clock, d), Live: underWay(d.Tasks)}
	p.Tasks, err = k.taskRows(c.UserContext(), s, d.Tasks)
	return s, p, err
}

func (k *Console) sendCode(c *fiber.Ctx, status int, s view.Shell, p view.LicenseCodePage) error {
	if fragment(c, "live") {
		return k.block(c, status, s, view.PageLicenseCode, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, s, view.PageLicenseCode, p)
}

// whyNoCodeAct tells why a code cannot be asked about or activated now, which tasks of
// this kind do.
func whyNoCodeAct(d *store.LicenseCodeDetail, kind outbox.Kind, now time.Time) view.Text {
	switch {
	case d.Status == string(market.CodeReleased):
		return view.Say("why.code_released")
	case kind == outbox.LicenseActivate && !d.ActivatedAt.IsZero():
		return view.Say("why.code_activated")
	}
	return whyUnderWay(d.Tasks, kind, now)
}

func codeFacts(clock view.Clock, d *store.LicenseCodeDetail) []view.Fact {
	expires := view.Fact{Label: view.Say("fact.expires"), Time: clock.Time(d.ExpiresAt)}
	if !d.ExpiresAt.IsZero() && d.Status != string(market.CodeReleased) && d.ExpiresAt.Before(clock.Now.Add(soon)) {
		expires.Tone = "warn"
	}
	amount := ""
	if d.Amount > 0 {
		amount = strconv.FormatInt(d.Amount, 10)
	}
	said := view.Fact{Label: view.Say("codes.said"), Value: d.Said}
	if d.Said != "" && d.Said != d.Status {
		said.Tone = "warn"
	}
	facts := []view.Fact{
		{Label: view.Say("fact.product"), Value: d.ProductID, Mono: true, Copy: d.ProductID != ""},
		{Label: view.Say("fact.order"), Value: d.OrderID, Mono: true, Copy: d.OrderID != "", URL: orderSearch(d.OrderID)},
		{Label: view.Say("fact.customer_id"), Value: d.CustomerID, Mono: true, Copy: d.CustomerID != ""},
		{Label: view.Say("codes.amount"), Value: amount},
		expires,
		{Label: view.Say("codes.activated"), Time: clock.Time(d.ActivatedAt)},
		said,
		{Label: view.Say("codes.checked"), Time: clock.Time(d.CheckedAt)},
		{Label: view.Say("codes.used"), Time: clock.Time(d.UsedAt)},
		{Label: view.Say("codes.usage"), Text: view.Say("codes.usage_counts", "reported", d.Reported, "waiting", d.Unsent)},
		{Label: view.Say("fact.channel"), Value: d.Channel},
	}
	if !d.FrozenAt.IsZero() && d.Status == string(market.CodeFrozen) {
		facts = append(facts, view.Fact{Label: view.Say("fact.frozen"), Time: clock.Time(d.FrozenAt), Tone: "warn"})
	}
	if !d.ReleasedAt.IsZero() {
		facts = append(facts, view.Fact{Label: view.Say("fact.released"), Time: clock.Time(d.ReleasedAt)})
	}
	return facts
}

func codeTimeline(clock view.Clock, d *store.LicenseCodeDetail) []view.Event {
	out := make([]view.Event, 0, len(d.Events))
	for _, e := range d.Events {
		shown := view.Event{At: clock.Time(e.At), By: by(e.Actor)}
		if e.MessageID != 0 {
			shown.URL = messageURL(e.MessageID)
		}
		switch market.ChangeKind(e.Kind) {
		case market.CodeTakenOver:
			shown.Kind = "code_known"
		case market.CodeActivated:
			shown.Kind = "code_activated"
		case market.CodeRenewed:
			shown.Kind, shown.Args = "code_renewed", []any{"scene", view.Say("scene." + e.Old), "order", e.New}
		case market.ExpiryChanged:
			shown.Kind, shown.Args = "code_expiry", []any{"to", exactly(clock, e.New)}
		case market.ProductChanged:
			shown.Kind, shown.Args = "product", []any{"to", e.New}
		case market.AmountChanged:
			shown.Kind, shown.Args = "code_amount", []any{"to", e.New}
		case market.CodeRefused:
			shown.Kind, shown.Args = "code_refused", []any{"what", e.New}
		case market.StatusChanged:
			shown.Kind = codeMoments[market.CodeStatus(e.New)]
		default:
			continue
		}
		if shown.Kind != "" {
			out = append(out, shown)
		}
	}
	return out
}

var codeMoments = map[market.CodeStatus]string{market.CodeAlive: "code_alive", market.CodeFrozen: "frozen", market.CodeExpired: "code_expired",
	market.CodeReleased: "released", market.CodeUnverified: "code_known"}

// exactly writes a time of the history in the reader's zone.
func exactly(clock view.Clock, stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return stamp
	}
	return clock.Exact(t)
}

// ActivateCode writes the task that activates a code.
func (k *Console) ActivateCode(c *fiber.Ctx) error {
	return k.actOnCode(c, k.o.Codes.AskActivate)
}

// QueryCode writes the task that asks the marketplace about a code.
func (k *Console) QueryCode(c *fiber.Ctx) error { return k.actOnCode(c, k.o.Codes.AskQuery) }

func (k *Console) actOnCode(c *fiber.Ctx, do func(context.Context, int64, staff.Actor) error) error {
	id, err := number(c, "license_code.unknown")
	if err != nil {
		return err
	}
	err = do(c.UserContext(), id, actor(c))
	if err := k.done(c, err, view.Say("flash.code_asked"), fault.Conflict); err != nil {
		return err
	}
	return k.goTo(c, within(codeURL(id), address(c, "/license-codes", codeParams...)))
}

// RevealCode shows the page of a code with the code itself, once, after the audit
// trail has noted who looked and why.
func (k *Console) RevealCode(c *fiber.Ctx) error {
	id, err := number(c, "license_code.unknown")
	if err != nil {
		return err
	}
	code, err := k.o.Codes.Reveal(c.UserContext(), id, actor(c))
	f := fault.From(err)
	if f != nil && f.Code != fault.Invalid {
		return err
	}
	s, p, err := k.code(c, id)
	if err != nil {
		return err
	}
	if f != nil {
		p.Shell.Flash = &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), f)}
		return k.sendCode(c, statusOf(f.Code), s, p)
	}
	p.Revealed, p.Live = code, false
	return k.sendCode(c, fiber.StatusOK, s, p)
}
