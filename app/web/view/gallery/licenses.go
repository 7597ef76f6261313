package gallery

import (
	"time"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/web/view"
)

func licenseRows() []view.LicenseRow {
	row := func(id int64, status, request, supplier string, old time.Duration) view.LicenseRow {
		return view.LicenseRow{ID: id, URL: "/licenses/7", Status: status, Request: request, InstanceID: "87b9b3f2c0d64f0c9a3f1c9f1a7e5d21",
			InstanceURL: "/instances/87b9b3f2c0d64f0c9a3f1c9f1a7e5d21", Channel: "default", Supplier: supplier, Requested: ago(old)}
	}
	failed := row(9, "failed", "e7c1a0b2-1f7f-4c0e-9f7d-2a6f1b3c4d5e", "pool", 20*time.Minute)
	failed.Pool, failed.Fault = "crm", fault.ToRecord(fault.New(fault.Conflict, "license.pool_empty", "pool", "crm"))
	uploaded := row(7, "uploaded", "b2c4d6e8-1f7f-4c0e-9f7d-2a6f1b3c4d5e", "pool", 26*time.Hour)
	uploaded.Pool = "crm"
	return []view.LicenseRow{failed, row(8, "requested", "c3d5e7f9-1f7f-4c0e-9f7d-2a6f1b3c4d5e", "manual", 2*time.Hour), uploaded,
		row(6, "ready", "d4e6f8a0-1f7f-4c0e-9f7d-2a6f1b3c4d5e", "webhook", 27*time.Hour), row(5, "answered", "CS2511221402QX7TP", "manual", 30*time.Hour),
		row(4, "refused", "f6a8b0c2-1f7f-4c0e-9f7d-2a6f1b3c4d5e", "webhook", 50*time.Hour), row(3, "cancelled", "a7b9c1d3-1f7f-4c0e-9f7d-2a6f1b3c4d5e", "", 51*time.Hour)}
}

func (k look) licenses(state view.ListState, filters ...string) view.LicensesPage {
	at := address("/licenses", filters...)
	p := view.LicensesPage{Shell: k.shell(view.RoomLicenses, at.String()), List: view.List{
		Filter: view.Filter{URL: at, Status: at.Get("status")}, Tabs: tabs("license", at, at.Get("status"), map[string]int{"failed": 1}), State: state}}
	if id := at.Get("instance"); id != "" {
		p.Filter.Chips = []view.Chip{{Name: view.Say("fact.instance"), Value: id, Param: "instance", Drop: at.Without("instance")}}
	}
	if state == view.ListRows {
		p.Days = view.ByDay(licenseRows(), func(r view.LicenseRow) view.Time { return r.Requested })
		p.Pager = view.Pager{Rows: 50, Shown: 7}
	}
	return p
}

func (k look) license(row int, revealed string) view.LicensePage {
	l := licenseRows()[row]
	there := l.Status == "uploaded"
	p := view.LicensePage{Shell: k.shell(view.RoomLicenses, "/licenses/7"), License: l, Back: "/licenses", Revealed: revealed,
		Upload: k.may(staff.LicensesWrite, "/licenses/7/upload"), Reveal: k.may(staff.LicensesReveal, "/licenses/7/reveal"),
		Form:  view.LicenseForm{Action: k.may(staff.LicensesWrite, "/licenses/7"), Due: !there, Open: !there},
		Tasks: []view.TaskRow{k.task(51, "license", "", "succeeded"), k.task(52, "license_upload", "", "succeeded")},
		Facts: []view.Fact{{Label: view.Say("fact.instance"), Value: l.InstanceID, Mono: true, Copy: true, URL: l.InstanceURL},
			{Label: view.Say("fact.product_name"), Value: "MOCK测试商品"}, {Label: view.Say("licenses.device"), Value: "••••9F2K", Mono: true},
			{Label: view.Say("fact.expires"), Time: ago(-300 * 24 * time.Hour)}, {Label: view.Say("licenses.supplier"), Text: view.Say("licenses.from.manual")},
			{Label: view.Say("licenses.content"), Text: view.Say("licenses.text_of", "n", 39)}, {Label: view.Say("licenses.requested"), Time: l.Requested}}}
	if !there {
		p.Upload, p.Reveal = k.not(staff.LicensesWrite, "", "why.license_not_there"), k.not(staff.LicensesReveal, "", "why.license_not_there")
		p.Tasks = []view.TaskRow{k.task(53, "license", "", l.Status)}
		if l.Status == "requested" {
			p.Tasks = []view.TaskRow{k.task(53, "license", "", "pending")}
		}
	}
	return p
}

func (k look) licensePools(pools bool) view.LicensePoolsPage {
	p := view.LicensePoolsPage{Shell: k.shell(view.RoomLicenses, "/license-pools"), Fill: k.may(staff.LicensesWrite, "/license-pools"),
		Pool: view.Field{Name: "pool"}, LowWater: view.Field{Name: "low_water"}, As: "lines", Forms: []string{"lines", "csv", "file"}}
	if pools {
		p.Pools = []view.LicensePool{{Name: "crm", Used: 1200, Waiting: 1, Products: 2, LowWater: 20, Low: true, Fill: "/license-pools?pool=crm#fill"},
			{Name: "crm-trial", Free: 873, Used: 127, Retired: 3, Products: 1, LowWater: 50, Fill: "/license-pools?pool=crm-trial#fill"}}
	}
	return p
}

func licenseSamples(op, ro look) []Sample {
	wrong := op.license(1, "")
	wrong.Form.Fault = fault.ToRecord(fault.New(fault.Invalid, "license.text_and_file"))
	pools := op.licensePools(true)
	pools.Pool = view.Field{Name: "pool", Value: "crm pool", Wrong: view.Say("fault.license.pool_name.what")}
	pools.Fault = fault.ToRecord(fault.New(fault.Invalid, "license.import_wrong", "place", "17"))
	return []Sample{
		{"licenses-full", view.PageLicenses, op.licenses(view.ListRows)},
		{"licenses-empty", view.PageLicenses, op.licenses(view.ListEmpty)},
		{"licenses-no-match", view.PageLicenses, op.licenses(view.ListNoMatch, "instance", "87b9b3f2c0d64f0c9a3f1c9f1a7e5d21")},
		{"license-failed", view.PageLicense, op.license(0, "")},
		{"license-due", view.PageLicense, op.license(1, "")},
		{"license-wrong", view.PageLicense, wrong},
		{"license-uploaded", view.PageLicense, op.license(2, "")},
		{"license-revealed", view.PageLicense, op.license(2, "KDSK-7Q2M-XA01-99PL-4F8T-ZZ31-0QWE-771C")},
		{"license-read-only", view.PageLicense, ro.license(2, "")},
		{"license-pools-full", view.PageLicensePools, op.licensePools(true)},
		{"license-pools-wrong", view.PageLicensePools, pools},
		{"license-pools-empty", view.PageLicensePools, op.licensePools(false)},
		{"license-pools-read-only", view.PageLicensePools, ro.licensePools(true)},
	}
}
