package console

import (
	"context"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// licenseParams are the filters of the list of Licenses.
var licenseParams = []string{"channel", "status", "instance"}

func licenseURL(id int64) string { return "/licenses/" + strconv.FormatInt(id, 10) }

// Licenses is the list of Licenses.
func (k *Console) Licenses(c *fiber.Ctx) error {
	s, err := k.shell(c, view.RoomLicenses)
	if err != nil {
		return err
	}
	channels, many, err := k.manyChannels(c.UserContext())
	if err != nil {
		return err
	}
	u := address(c, "/licenses", licenseParams...)
	f := view.Filter{URL: u, Status: u.Get("status"), Selects: byChannel(u, channels), Chips: chip(u, "instance", "fact.instance")}
	if !many {
		f.Chips = append(f.Chips, chip(u, "channel", "filter.channel")...)
	}
	p := view.LicensesPage{Shell: s, Channels: many, List: view.List{Filter: f}}
	return k.answer(c, listed{name: view.PageLicenses, shell: &p.Shell, list: &p.List, page: &p,
		rows: func(ctx context.Context) error { return k.fillLicenses(ctx, &p, u) }})
}

func (k *Console) fillLicenses(ctx context.Context, p *view.LicensesPage, u view.URL) error {
	f := store.LicenseFilter{Channel: u.Get("channel"), InstanceID: u.Get("instance")}
	f.Status, f.Waiting = narrowedTo(u)
	found, err := k.read.LicenseList(ctx, f, paging(u))
	if err != nil {
		return err
	}
	f.Waiting = false // the tabs count beside each other
	counts, err := k.read.LicenseCounts(ctx, f)
	if err != nil {
		return err
	}
	rows := make([]view.LicenseRow, 0, len(found.Items))
	for _, l := range found.Items {
		rows = append(rows, licenseRow(p.Shell.Clock, l, u))
	}
	p.State = view.StateOf(len(rows), filtered(u))
	p.Days = view.ByDay(rows, func(r view.LicenseRow) view.Time { return r.Requested })
	p.Pager, p.Tabs = pager(u, found), append(tabs("license", u, counts), waitingTab(u, "filter.waiting_license"))
	return nil
}

func licenseRow(clock view.Clock, l store.LicenseRow, list view.URL) view.LicenseRow {
	r := view.LicenseRow{ID: l.ID, URL: within(licenseURL(l.ID), list), Status: string(l.Status), Request: orElse(l.EventID, l.OrderID),
		InstanceID: l.InstanceID, InstanceURL: instanceURL(l.InstanceID), Channel: l.Channel, Supplier: l.Supplier, Pool: l.Pool,
		Requested: clock.Time(l.RequestedAt)}
	if l.Status != market.LicenseCancelled {
		r.Fault = l.LastError
	}
	return r
}

// licensesOf are the newest Licenses of an instance.
func (k *Console) licensesOf(ctx context.Context, clock view.Clock, instance string) ([]view.LicenseRow, error) {
	found, err := k.read.LicenseList(ctx, store.LicenseFilter{InstanceID: instance}, store.Paging{Limit: 20})
	var rows []view.LicenseRow
	for _, l := range found.Items {
		rows = append(rows, licenseRow(clock, l, view.URL{}))
	}
	return rows, err
}

// License is one License with what was done for it.
func (k *Console) License(c *fiber.Ctx) error {
	id, err := number(c, "license.unknown")
	if err != nil {
		return err
	}
	p, err := k.license(c, id)
	if err != nil {
		return err
	}
	return k.sendLicense(c, fiber.StatusOK, p)
}

func (k *Console) license(c *fiber.Ctx, id int64) (p view.LicensePage, err error) {
	if p.Shell, err = k.shell(c, view.RoomLicenses); err != nil {
		return p, err
	}
	l, err := k.read.LicenseWhole(c.UserContext(), id)
	if err != nil {
		return p, err
	}
	list := address(c, "/licenses", licenseParams...)
	self := func(act string) string { return within(licenseURL(id)+act, list) }
	p.Shell.Here = self("") // also when a form is what was answered
	p.License, p.Facts, p.Back = licenseRow(p.Shell.Clock, l.LicenseRow, list), licenseFacts(p.Shell.Clock, l), list.String()
	p.Upload = action(p.Shell, staff.LicensesWrite, self("/upload"), whyNoUpload(l, p.Shell.Clock.Now))
	p.Reveal = action(p.Shell, staff.LicensesReveal, self("/reveal"), whyNoReveal(l))
	waits := l.Version == 0 && l.Status != market.LicenseCancelled && !l.Released
	p.Form = view.LicenseForm{Action: action(p.Shell, staff.LicensesWrite, self(""), whyNoHandIn(l)), Due: waits,
		Open: waits && (l.Supplier == "manual" || l.Status == market.LicenseFailed), TextOnly: l.Protocol == market.LicenseV1}
	p.Live = underWay(l.Tasks)
	p.Tasks, err = k.taskRows(c.UserContext(), p.Shell, l.Tasks)
	return p, err
}

func (k *Console) sendLicense(c *fiber.Ctx, status int, p view.LicensePage) error {
	if fragment(c, "live") {
		return k.block(c, status, p.Shell, view.PageLicense, view.BlockLive, p)
	}
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageLicense, p)
}

func whyNoHandIn(l *store.LicenseWhole) view.Text {
	switch {
	case l.Status == market.LicenseAnswered:
		return view.Say("why.license_answered")
	case l.Status == market.LicenseCancelled, l.Released:
		return view.Say("why.instance_released")
	}
	return view.Text{}
}

func whyNoUpload(l *store.LicenseWhole, now time.Time) view.Text {
	switch {
	case l.Protocol == market.LicenseV1:
		return view.Say("why.license_in_answer")
	case l.Version == 0:
		return view.Say("why.license_not_there")
	}
	if why := whyNoHandIn(l); !why.None() {
		return why
	}
	return whyUnderWay(l.Tasks, outbox.LicenseUpload, now)
}

func whyNoReveal(l *store.LicenseWhole) view.Text {
	if l.Version == 0 {
		return view.Say("why.license_not_there")
	}
	return view.Text{}
}

func licenseFacts(clock view.Clock, l *store.LicenseWhole) []view.Fact {
	device := view.Fact{Label: view.Say("licenses.device"), Value: l.Device, Mono: true}
	content := view.Fact{Label: view.Say("licenses.content")}
	switch {
	case l.Version == 0:
	case l.FileName != "":
		content.Value, content.Note = l.FileName, view.Say("licenses.bytes", "n", l.Size)
	default:
		content.Text = view.Say("licenses.text_of", "n", l.Size)
	}
	message := view.Fact{Label: view.Say("licenses.asked_by"), Value: orElse(l.EventID, l.OrderID), Mono: true, Copy: true}
	if l.MessageID != 0 {
		message.URL = messageURL(l.MessageID)
	}
	return []view.Fact{
		{Label: view.Say("fact.instance"), Value: l.InstanceID, Mono: true, Copy: true, URL: instanceURL(l.InstanceID)},
		{Label: view.Say("fact.product_name"), Value: l.ProductName},
		{Label: view.Say("fact.order"), Value: l.Order, Mono: true, Copy: l.Order != "", URL: orderSearch(l.Order)},
		message, device,
		{Label: view.Say("licenses.effective"), Time: clock.Time(l.EffectiveAt)},
		{Label: view.Say("fact.expires"), Time: clock.Time(l.ExpiresAt)},
		supplierFact(l.LicenseRow),
		{Label: view.Say("licenses.by"), Value: l.SuppliedBy},
		content,
		{Label: view.Say("licenses.requested"), Time: clock.Time(l.RequestedAt)},
		{Label: view.Say("licenses.ready"), Time: clock.Time(l.ReadyAt)},
		{Label: view.Say("licenses.uploaded"), Time: clock.Time(l.UploadedAt)},
		{Label: view.Say("fact.channel"), Value: l.Channel},
	}
}

func supplierFact(l store.LicenseRow) view.Fact {
	f := view.Fact{Label: view.Say("licenses.supplier"), Value: l.Supplier}
	switch l.Supplier {
	case "pool":
		f.Text, f.URL = view.Say("licenses.from_pool", "pool", l.Pool), licensePoolURL(l.Pool)
	case "manual", "webhook":
		f.Text = view.Say("licenses.from." + l.Supplier)
	}
	return f
}
