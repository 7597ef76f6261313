package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/licensecode"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// Codes is what the seller's software does with authorization codes.
type Codes interface {
	ActivateNow(ctx context.Context, channel, code string, effect time.Time, by staff.Actor) (licensecode.Told, error)
	Check(ctx context.Context, channel, code string) (licensecode.Told, error)
	ReportUse(ctx context.Context, channel string, uses []licensecode.Use, by staff.Actor) (licensecode.Counted, error)
}

type licenseCode struct {
	ID             string `json:"id"`
	Channel        string `json:"channel"`
	License        string `json:"license"`
	Status         string `json:"status"`
	MarketStatus   string `json:"marketplace_status"`
	OrderID        string `json:"order_id"`
	OrderLineID    string `json:"order_line_id"`
	ProductID      string `json:"product_id"`
	CustomerID     string `json:"customer_id"`
	Amount         int64  `json:"amount"`
	ExpiresAt      moment `json:"expires_at"`
	RealEffectTime moment `json:"real_effect_time"`
	ActivatedAt    moment `json:"activated_at"`
	FrozenAt       moment `json:"frozen_at"`
	ReleasedAt     moment `json:"released_at"`
	CheckedAt      moment `json:"checked_at"`
	UsedAt         moment `json:"used_at"`
	CreatedAt      moment `json:"created_at"`
	LastError      *shown `json:"last_error"`
}

type licenseCodeDetail struct {
	licenseCode
	Timeline []licenseCodeEvent `json:"timeline"`
	Tasks    []taskDetail       `json:"tasks"`
	Usage    licenseUsage       `json:"usage"`
}

type licenseUsage struct {
	Waiting  int `json:"waiting"`
	Reported int `json:"reported_30_days"`
}

type licenseCodeEvent struct {
	At        moment  `json:"at"`
	Kind      string  `json:"kind"`
	Old       string  `json:"old"`
	New       string  `json:"new"`
	MessageID *string `json:"message_id"`
	TaskID    *string `json:"task_id"`
	Actor     string  `json:"actor"`
}

func showLicenseCode(z *i18n.Localizer, c store.LicenseCodeRow) licenseCode {
	return licenseCode{ID: id(c.ID), Channel: c.Channel, License: c.Mask, Status: c.Status, MarketStatus: c.Said, OrderID: c.OrderID,
		OrderLineID: c.OrderLineID, ProductID: c.ProductID, CustomerID: c.CustomerID, Amount: c.Amount, ExpiresAt: moment(c.ExpiresAt),
		RealEffectTime: moment(c.RealEffectTime), ActivatedAt: moment(c.ActivatedAt), FrozenAt: moment(c.FrozenAt),
		ReleasedAt: moment(c.ReleasedAt), CheckedAt: moment(c.CheckedAt), UsedAt: moment(c.UsedAt), CreatedAt: moment(c.CreatedAt),
		LastError: show(z, c.LastError)}
}

// LicenseCodes answers GET /license-codes.
func (a *API) LicenseCodes(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.LicenseCodeFilter{Channel: q.text("channel"), Status: q.one("status", store.LicenseCodeStatuses()), Q: q.text("q"),
		ExpiresBefore: q.time("expires_before")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().LicenseCodeList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showLicenseCode))
}

// LicenseCode answers GET /license-codes/{id}.
func (a *API) LicenseCode(c *fiber.Ctx) error {
	n, err := idOf(c, "license_code.unknown")
	if err == nil {
		err = queryOf(c).err()
	}
	if err != nil {
		return a.Problem(c, err)
	}
	d, err := a.store.Reader().LicenseCodeDetail(c.UserContext(), n)
	if err != nil {
		return a.Problem(c, err)
	}
	z := localizer(c)
	out := licenseCodeDetail{licenseCode: showLicenseCode(z, d.LicenseCodeRow), Timeline: []licenseCodeEvent{}, Tasks: tasks(z, d.Tasks),
		Usage: licenseUsage{Waiting: d.Unsent, Reported: d.Reported}}
	for _, e := range d.Events {
		out.Timeline = append(out.Timeline, licenseCodeEvent{At: moment(e.At), Kind: e.Kind, Old: e.Old, New: e.New,
			MessageID: idOrNull(e.MessageID), TaskID: idOrNull(e.TaskID), Actor: e.Actor})
	}
	return answer(c, fiber.StatusOK, out)
}

// licenseState is what the seller's software is told of a code.
type licenseState struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	Usable      bool   `json:"usable"`
	Fresh       bool   `json:"fresh"`
	Pending     bool   `json:"pending"`
	ExpiresAt   moment `json:"expires_at"`
	ActivatedAt moment `json:"activated_at"`
	CheckedAt   moment `json:"checked_at"`
	ProductID   string `json:"product_id"`
	OrderID     string `json:"order_id"`
	Amount      int64  `json:"amount"`
	LastError   *shown `json:"last_error"`
}

// told answers with a code's state: 202 while a task goes on with it.
func told(c *fiber.Ctx, t licensecode.Told, pending int) error {
	status := fiber.StatusOK
	if t.Pending {
		status = pending
	}
	return answer(c, status, licenseState{ID: id(t.ID), Status: string(t.Status), Usable: t.Usable, Fresh: t.Fresh, Pending: t.Pending,
		ExpiresAt: moment(t.ExpiresAt), ActivatedAt: moment(t.ActivatedAt), CheckedAt: moment(t.CheckedAt), ProductID: t.ProductID,
		OrderID: t.OrderID, Amount: t.Amount, LastError: show(localizer(c), record(t.Trouble))})
}

func record(f *fault.Error) *fault.Record {
	if f == nil {
		return nil
	}
	return fault.ToRecord(f)
}

// activateBody is the body of POST /license-codes/activate.
type activateBody struct {
	License        string `json:"license"`
	Channel        string `json:"channel"`
	RealEffectTime string `json:"real_effect_time"`
}

// ActivateLicense answers POST /license-codes/activate.
func (a *API) ActivateLicense(c *fiber.Ctx) error {
	var in activateBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	var effect time.Time
	if in.RealEffectTime != "" {
		var err error
		if effect, err = parseTime(in.RealEffectTime); err != nil {
			return a.Problem(c, refuse(wrong{in: "body", name: "real_effect_time", key: "time"}))
		}
	}
	t, err := a.o.Codes.ActivateNow(c.UserContext(), in.Channel, in.License, effect, session.Of(c).Actor)
	if err != nil {
		return a.Problem(c, err)
	}
	return told(c, t, fiber.StatusAccepted)
}

// checkBody is the body of POST /license-codes/check.
type checkBody struct {
	License string `json:"license"`
	Channel string `json:"channel"`
}

// CheckLicense answers POST /license-codes/check.
func (a *API) CheckLicense(c *fiber.Ctx) error {
	var in checkBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	t, err := a.o.Codes.Check(c.UserContext(), in.Channel, in.License)
	if err != nil {
		return a.Problem(c, err)
	}
	return told(c, t, fiber.StatusOK)
}

// useRecord is one of the records of POST /license-codes/usage.
type useRecord struct {
	License   string `json:"license"`
	ID        string `json:"id"`
	ActiveNum *int64 `json:"active_num"`
}

// usageBody is the body of POST /license-codes/usage.
type usageBody struct {
	Channel string      `json:"channel"`
	Records []useRecord `json:"records"`
}

// ReportUsage answers POST /license-codes/usage.
func (a *API) ReportUsage(c *fiber.Ctx) error {
	var in usageBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	uses := make([]licensecode.Use, 0, len(in.Records))
	for _, r := range in.Records {
		uses = append(uses, licensecode.Use{License: r.License, Account: r.ID, ActiveNum: r.ActiveNum})
	}
	n, err := a.o.Codes.ReportUse(c.UserContext(), in.Channel, uses, session.Of(c).Actor)
	if err != nil {
		return a.Problem(c, err)
	}
	return answer(c, fiber.StatusOK, map[string]int{"accepted": n.Accepted, "repeated": n.Repeated})
}
