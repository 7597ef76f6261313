package api

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/i18n"
	"koodesk/app/provision"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
)

// productSettings is store.ProductSettings as the API has it: every field in
// every answer. The two are converted into each other, so neither can have a
// field that the other lacks.
type productSettings struct {
	FrontEndURL      string `json:"front_end_url"`
	AdminURL         string `json:"admin_url"`
	UserName         string `json:"user_name"`
	GeneratePassword bool   `json:"generate_password"`

	PasswordLength  int      `json:"password_length"`
	PasswordClasses []string `json:"password_classes"`

	Memo          string `json:"memo"`
	Pool          string `json:"pool"`
	PoolOnRelease string `json:"pool_on_release"`
	WebhookURL    string `json:"webhook_url"`
	WebhookWait   string `json:"webhook_wait"`

	License            string `json:"license"`
	LicensePool        string `json:"license_pool"`
	LicenseNeedsDevice bool   `json:"license_needs_device"`
	LicenseUnlimited   bool   `json:"license_unlimited"`

	OneTimeLink      bool   `json:"one_time_link"`
	PasswordBy       string `json:"password_by"`
	WipePasswordDays int    `json:"wipe_password_days"`
	DeliveryFallback bool   `json:"delivery_fallback"`

	NoticesOff []string `json:"notices_off"`
	ExpiryDays []int    `json:"expiry_days"`
	QuietHours string   `json:"quiet_hours"`
	DailyCap   int      `json:"daily_cap"`
}

type product struct {
	Channel   string `json:"channel"`
	ProductID string `json:"product_id"`
	SkuCode   string `json:"sku_code"`
	Driver    string `json:"driver"`
	productSettings
	HasSecret    bool   `json:"has_webhook_secret"`
	Secret       string `json:"webhook_secret,omitempty"` // once, when it was made here
	MailLanguage string `json:"mail_language"`
	CreatedAt    moment `json:"created_at"`
	UpdatedAt    moment `json:"updated_at"`
}

func showProduct(_ *i18n.Localizer, p store.ProductRow) product {
	if p.Settings.NoticesOff == nil {
		p.Settings.NoticesOff = []string{}
	}
	if p.Settings.PasswordClasses == nil {
		p.Settings.PasswordClasses = []string{}
	}
	if p.Settings.ExpiryDays == nil {
		p.Settings.ExpiryDays = []int{}
	}
	return product{Channel: p.Channel, ProductID: p.ProductID, SkuCode: p.SkuCode, Driver: p.Driver, productSettings: productSettings(p.Settings),
		HasSecret: p.HasSecret, MailLanguage: p.MailLanguage, CreatedAt: moment(p.CreatedAt), UpdatedAt: moment(p.UpdatedAt)}
}

// Products answers GET /products.
func (a *API) Products(c *fiber.Ctx) error {
	q := queryOf(c)
	channel := q.text("channel")
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().ProductList(c.UserContext(), channel, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showProduct))
}

// Product answers GET /products/{channel}/{product_id} and
// /products/{channel}/sku/{sku_code}.
func (a *API) Product(c *fiber.Ctx) error {
	if err := queryOf(c).err(); err != nil {
		return a.Problem(c, err)
	}
	return a.product(c, fiber.StatusOK, "")
}

func (a *API) product(c *fiber.Ctx, status int, secret string) error {
	p, err := a.store.Reader().ProductDetail(c.UserContext(), part(c, "channel"), part(c, "product_id"), part(c, "sku_code"))
	if err != nil {
		return a.Problem(c, err)
	}
	shown := showProduct(localizer(c), *p)
	shown.Secret = secret
	return answer(c, status, shown)
}

// productBody is the body of SetProduct.
type productBody struct {
	Driver string `json:"driver"`
	productSettings
	WebhookSecret *string `json:"webhook_secret"`
	MailLanguage  string  `json:"mail_language"`
}

// SetProduct answers PUT /products/{channel}/{product_id} and
// /products/{channel}/sku/{sku_code}.
func (a *API) SetProduct(c *fiber.Ctx) error {
	var in productBody
	if err := body(c, &in); err != nil {
		return a.Problem(c, err)
	}
	if in.Driver == "" {
		return a.Problem(c, refuse(wrong{in: "body", name: "driver", key: "missing"}))
	}
	if l := in.MailLanguage; l != "" && l != string(i18n.ZhCN) && l != string(i18n.En) {
		return a.Problem(c, refuse(wrong{in: "body", name: "mail_language", key: "choice", args: []any{"choices", "zh-CN, en"}}))
	}
	p := store.Product{ProductID: part(c, "product_id"), SkuCode: part(c, "sku_code"), Driver: in.Driver, MailLanguage: in.MailLanguage,
		Settings: store.ProductSettings(in.productSettings)}
	secret := provision.KeepSecret
	if in.WebhookSecret != nil {
		p.Secret, secret = *in.WebhookSecret, provision.GivenSecret
	}
	done, err := a.o.Products.SetProduct(c.UserContext(), part(c, "channel"), p, secret, session.Of(c).Actor)
	if err != nil {
		return a.Problem(c, err)
	}
	if done.Created {
		return a.product(c, fiber.StatusCreated, done.Secret)
	}
	return a.product(c, fiber.StatusOK, done.Secret)
}

type auditEntry struct {
	ID     string            `json:"id"`
	At     moment            `json:"at"`
	Actor  string            `json:"actor"`
	Action string            `json:"action"`
	Target string            `json:"target"`
	Reason string            `json:"reason"`
	Detail map[string]string `json:"detail"`
	IP     string            `json:"ip"`
}

func showAudit(_ *i18n.Localizer, e staff.Audit) auditEntry {
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	return auditEntry{ID: id(e.ID), At: moment(e.At), Actor: e.Actor, Action: e.Action, Target: e.Target, Reason: e.Reason,
		Detail: e.Detail, IP: e.IP}
}

// Audit answers GET /audit.
func (a *API) Audit(c *fiber.Ctx) error {
	q := queryOf(c)
	f := store.AuditFilter{Actor: q.text("actor"), Action: q.text("action"), Target: q.text("target")}
	p := q.paging()
	if err := q.err(); err != nil {
		return a.Problem(c, err)
	}
	page, err := a.store.Reader().AuditList(c.UserContext(), f, p)
	if err != nil {
		return a.Problem(c, cursorErr(err))
	}
	return answer(c, fiber.StatusOK, pageOf(localizer(c), page, showAudit))
}
