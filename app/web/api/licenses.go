package api

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// Licenses takes Licenses that people or the seller's systems hand in, and fills
// pools of prepared ones.
type Licenses interface {
	HandIn(ctx context.Context, id int64, c market.LicenseContent, by staff.Actor) error
	UploadAgain(ctx context.Context, id int64, by staff.Actor) error
	Refill(ctx context.Context, pool string, list []market.LicenseContent, lowWater *int, by staff.Actor) (license.Imported, error)
	Retire(ctx context.Context, pool string, id int64, by staff.Actor) error
}

type issued struct {
	ID          string `json:"id"`
	Protocol    string `json:"protocol"`
	InstanceID  string `json:"instance_id"`
	EventID     string `json:"event_id"`
	OrderID     string `json:"order_id"`
	HasDevice   bool   `json:"has_device"`
	Status      string `json:"status"`
	Supplier    string `json:"supplier"`
	Pool        string `json:"pool"`
	SuppliedBy  string `json:"supplied_by"`
	FileName    string `json:"file_name"`
	Size        int    `json:"size"`
	Error       *shown `json:"last_error"`
	RequestedAt moment `json:"requested_at"`
	ReadyAt     moment `json:"ready_at"`
	UploadedAt  moment `json:"uploaded_at"`
}

func showLicense(z *i18n.Localizer, l store.LicenseRow) issued {
	return issued{ID: id(l.ID), Protocol: string(l.Protocol), InstanceID: l.InstanceID, EventID: l.EventID, OrderID: l.OrderID, HasDevice: l.HasDevice,
		Status: string(l.Status), Supplier: l.Supplier, Pool: l.Pool, SuppliedBy: l.SuppliedBy, FileName: l.FileName, Size: l.Size,
		Error: show(z, l.LastError), RequestedAt: moment(l.RequestedAt), ReadyAt: moment(l.ReadyAt), UploadedAt: moment(l.UploadedAt)}
}

// Licenses answers GET /licenses.
func (a *API) Licenses(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.LicenseFilter{Status: q.one("status", market.LicenseStatuses()), InstanceID: q.text("instance_id"), EventID: q.text("event_id"),
		Waiting: q.yes("waiting_for_person")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().LicenseList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showLicense))
}

// License answers GET /licenses/{id}.
func (a *API) License(c *fiber.Ctx) error {
	n, err := idOf(c, "license.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.license(c, n)
}

func (a *API) license(c *fiber.Ctx, n int64) error {
	l, err := a.store.Reader().LicenseDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, showLicense(localizer(c), l))
}

// textBody is the body of PUT /licenses/{id}/text.
type textBody struct {
	License string `json:"license"`
	Reason  string `json:"reason"`
}

// SetLicenseText answers PUT /licenses/{id}/text.
func (a *API) SetLicenseText(c *fiber.Ctx) error {
	var in textBody
	err := body(c, &in)
	if err == nil && in.License == "" {
		err = refuse(wrong{in: "body", name: "license", key: "missing"})
	}
	return a.handIn(c, market.LicenseContent{Text: in.License}, in.Reason, err)
}

// fileBody is the body of PUT /licenses/{id}/file.
type fileBody struct {
	FileName string `json:"file_name"`
	File     string `json:"file"` // base64
	Reason   string `json:"reason"`
}

// SetLicenseFile answers PUT /licenses/{id}/file.
func (a *API) SetLicenseFile(c *fiber.Ctx) error {
	var in fileBody
	err := body(c, &in)
	var missing []wrong
	for name, value := range map[string]string{"file_name": in.FileName, "file": in.File} {
		if value == "" {
			missing = append(missing, wrong{in: "body", name: name, key: "missing"})
		}
	}
	if err == nil && len(missing) > 0 {
		err = refuse(missing...)
	}
	var content market.LicenseContent
	if err == nil {
		content, err = license.FromFields("", in.FileName, in.File)
	}
	return a.handIn(c, content, in.Reason, err)
}

// handIn hands a License in that was read, unless it could not be.
func (a *API) handIn(c *fiber.Ctx, content market.LicenseContent, reason string, err error) error {
	var by staff.Actor
	var n int64
	if err == nil {
		n, err = idOf(c, "license.unknown")
	}
	if err == nil {
		by, err = actor(c, reason)
	}
	if err == nil {
		err = a.o.Licenses.HandIn(c.UserContext(), n, content, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.license(c, n)
}

// UploadLicense answers POST /licenses/{id}/upload.
func (a *API) UploadLicense(c *fiber.Ctx) error {
	n, by, err := act(c, "license.unknown")
	if err == nil {
		err = a.o.Licenses.UploadAgain(c.UserContext(), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return a.license(c, n)
}

type licensePool struct {
	Name     string `json:"name"`
	Free     int    `json:"free"`
	Used     int    `json:"used"`
	Retired  int    `json:"retired"`
	LowWater int    `json:"low_water"`
	Low      bool   `json:"low"`
	Waiting  int    `json:"waiting"`
}

func showLicensePool(_ *i18n.Localizer, p store.LicensePool) licensePool {
	return licensePool{Name: p.Name, Free: p.Free, Used: p.Used, Retired: p.Retired, LowWater: p.LowWater, Low: p.Low(), Waiting: p.Waiting}
}

// LicensePools answers GET /license-pools; there are few, so that they are one
// page.
func (a *API) LicensePools(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	all, err := a.store.Reader().LicensePools(c.UserContext())
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), store.Page[store.LicensePool]{Items: all}, showLicensePool))
}

// SetLicensePool answers PUT /license-pools/{pool}.
func (a *API) SetLicensePool(c *fiber.Ctx) error {
	var in poolBody
	name := part(c, "pool")
	err := poolThere(name)
	if err == nil {
		err = body(c, &in)
	}
	if err == nil && (in.LowWater == nil || *in.LowWater < 0) {
		err = refuse(wrong{in: "body", name: "low_water", key: "missing"})
	}
	if err == nil {
		_, err = a.o.Licenses.Refill(c.UserContext(), name, nil, in.LowWater, session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	p, err := a.store.Reader().LicensePool(c.UserContext(), name)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, showLicensePool(localizer(c), p))
}

// poolThere tells whether there can be a pool of this name at all.
func poolThere(name string) error {
	if license.CheckPoolName(name) != nil {
		return fault.New(fault.NotFound, "license.pool_unknown", "pool", "?")
	}
	return nil
}

type pooled struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	FileName  string `json:"file_name"`
	LicenseID string `json:"license_id"`
	AddedBy   string `json:"added_by"`
	AddedAt   moment `json:"added_at"`
	UsedAt    moment `json:"used_at"`
}

func showPooled(_ *i18n.Localizer, p store.PooledLicense) pooled {
	out := pooled{ID: id(p.ID), Status: p.Status, FileName: p.FileName, AddedBy: p.AddedBy, AddedAt: moment(p.AddedAt), UsedAt: moment(p.UsedAt)}
	if p.LicenseID != 0 {
		out.LicenseID = id(p.LicenseID)
	}
	return out
}

// PooledLicenses answers GET /license-pools/{pool}/licenses.
func (a *API) PooledLicenses(c *fiber.Ctx) error {
	q := queryOf(c)
	name, status := part(c, "pool"), q.one("status", store.PooledStatuses())
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	if _, err := a.store.Reader().LicensePool(c.UserContext(), name); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().PooledLicenses(c.UserContext(), name, status, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showPooled))
}

// licensesBody is the JSON form of an import.
type licensesBody struct {
	Licenses []string `json:"licenses"`
}

// imported is the answer to POST /license-pools/{pool}/licenses.
type imported struct {
	Added int `json:"added"`
	Known int `json:"known"`
	Woken int `json:"woken"`
}

// AddLicenses answers POST /license-pools/{pool}/licenses, in JSON, CSV (the
// column license) or lines of text.
func (a *API) AddLicenses(c *fiber.Ctx) error {
	name := part(c, "pool")
	err := poolThere(name)
	var list []market.LicenseContent
	if err == nil {
		list, err = readLicenses(c)
	}
	var done license.Imported
	if err == nil {
		done, err = a.o.Licenses.Refill(c.UserContext(), name, list, nil, session.Of(c).Actor)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusCreated, imported{Added: done.Added, Known: done.Known, Woken: done.Restarted})
}

func readLicenses(c *fiber.Ctx) ([]market.LicenseContent, error) {
	kind, _, _ := strings.Cut(c.Get(fiber.HeaderContentType), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "text/csv":
		return license.ReadCSV(c.Body())
	case "text/plain":
		return license.ReadLines(c.Body()), nil
	}
	var in licensesBody
	if err := body(c, &in); err != nil {
		return nil, err
	}
	out := make([]market.LicenseContent, 0, len(in.Licenses))
	for _, text := range in.Licenses {
		out = append(out, market.LicenseContent{Text: text})
	}
	return out, nil
}

// RetireLicense answers POST /license-pools/{pool}/licenses/{id}/retire.
func (a *API) RetireLicense(c *fiber.Ctx) error {
	n, by, err := act(c, "license.unknown")
	if err == nil {
		err = a.o.Licenses.Retire(c.UserContext(), part(c, "pool"), n, by)
	}
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, map[string]string{"id": id(n), "status": store.PooledRetired})
}
