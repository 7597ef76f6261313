package console

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/provision"
	"koodesk/app/provision/static"
	"koodesk/app/store"
	"koodesk/app/web/view"
)

// What a new entry is for.
const (
	keyProduct = "product"
	keySku     = "sku"
	keyRest    = "rest"
)

// productTexts are the settings that are typed as they are, by the names of their
// fields.
func productTexts(s *store.ProductSettings) map[string]*string {
	return map[string]*string{"front_end_url": &s.FrontEndURL, "admin_url": &s.AdminURL, "user_name": &s.UserName, "memo": &s.Memo, "pool": &s.Pool,
		"webhook_url": &s.WebhookURL, "webhook_wait": &s.WebhookWait, "license_pool": &s.LicensePool, "quiet_hours": &s.QuietHours,
		"pool_on_release": &s.PoolOnRelease, "license": &s.License, "password_by": &s.PasswordBy}
}

// productNumbers are those that are numbers, with the fault of one that is none.
func productNumbers(s *store.ProductSettings) map[string]numberField {
	return map[string]numberField{"password_length": {&s.PasswordLength, "product.bad_password_length", []string{"least", strconv.Itoa(provision.MinPassword), "most", strconv.Itoa(provision.MaxPassword)}},
		"wipe_password_days": {&s.WipePasswordDays, "product.bad_wipe_days", []string{"most", strconv.Itoa(provision.MaxWipeDays)}}, "daily_cap": {&s.DailyCap, "notice.bad_cap", nil}}
}

type numberField struct {
	to    *int
	wrong string
	args  []string
}

// productChecks are those that are on or off.
func productChecks(s *store.ProductSettings) map[string]*bool {
	return map[string]*bool{"generate_password": &s.GeneratePassword, "one_time_link": &s.OneTimeLink, "delivery_fallback": &s.DeliveryFallback,
		"license_needs_device": &s.LicenseNeedsDevice, "license_unlimited": &s.LicenseUnlimited}
}

// readProduct reads the form into an entry. Fault: that of a number which is
// none.
func readProduct(c *fiber.Ctx, e *store.Product) (wrong *fault.Error) {
	e.Driver, e.MailLanguage = clean(field(c, "driver"), maxParameter), field(c, "mail_language")
	if e.MailLanguage != "en" && e.MailLanguage != "zh-CN" {
		e.MailLanguage = "" // the site's
	}
	s := &e.Settings
	for name, to := range productTexts(s) {
		*to = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(field(c, name), ""), "\r\n", "\n"))
	}
	if s.PoolOnRelease == "retire" { // what is usual is not written down
		s.PoolOnRelease = ""
	}
	if s.PasswordBy == store.PasswordInMessage {
		s.PasswordBy = ""
	}
	for name, to := range productChecks(s) {
		*to = field(c, name) == "on"
	}
	for name, n := range productNumbers(s) {
		text := strings.TrimSpace(field(c, name))
		v, err := strconv.Atoi(orElse(text, "0"))
		if *n.to = v; err != nil {
			wrong = fault.New(fault.Invalid, n.wrong, append(n.args, "value", clean(text, 20))...)
		}
	}
	for _, d := range strings.FieldsFunc(field(c, "expiry_days"), func(r rune) bool { return strings.ContainsRune(",，、 ", r) }) {
		n, err := strconv.Atoi(d)
		if s.ExpiryDays = append(s.ExpiryDays, n); err != nil {
			wrong = fault.New(fault.Invalid, "notice.bad_days", "value", clean(d, 20), "most", strconv.Itoa(provision.MaxExpiryDay))
		}
	}
	told, classes := fields(c, "told"), fields(c, "password_classes")
	s.NoticesOff = slices.DeleteFunc(market.Notices(), func(kind string) bool { return slices.Contains(told, kind) })
	if len(classes) < len(store.PasswordClasses()) { // all of them is what none means
		s.PasswordClasses = classes
	}
	return wrong
}

// productForm is the form as an entry fills it.
func (k *Console) productForm(e store.Product) view.ProductForm {
	s := e.Settings
	f := view.ProductForm{ID: view.Field{Name: "key_id"}, Driver: e.Driver, Drivers: k.o.Provision.Drivers(), License: s.License, Licenses: append([]string{""}, k.o.Provision.Suppliers()...),
		Release: orElse(s.PoolOnRelease, "retire"), Told: orElse(s.PasswordBy, store.PasswordInMessage), Language: e.MailLanguage, May: static.Placeholders(),
		Fields: map[string]view.Field{"webhook_secret": {Name: "webhook_secret"}}, Checks: map[string]bool{}}
	for name, from := range productTexts(&s) {
		f.Fields[name] = view.Field{Name: name, Value: *from}
	}
	for name, n := range productNumbers(&s) {
		value := ""
		if *n.to != 0 {
			value = strconv.Itoa(*n.to)
		}
		f.Fields[name] = view.Field{Name: name, Value: value}
	}
	days := make([]string, len(s.ExpiryDays))
	for i, d := range s.ExpiryDays {
		days[i] = strconv.Itoa(d)
	}
	f.Fields["expiry_days"] = view.Field{Name: "expiry_days", Value: strings.Join(days, ", ")}
	for name, from := range productChecks(&s) {
		f.Checks[name] = *from
	}
	for _, kind := range market.Notices() {
		f.Kinds = append(f.Kinds, view.Tick{Value: kind, On: !slices.Contains(s.NoticesOff, kind)})
	}
	for _, class := range store.PasswordClasses() {
		f.Classes = append(f.Classes, view.Tick{Value: class, On: len(s.PasswordClasses) == 0 || slices.Contains(s.PasswordClasses, class)})
	}
	return f
}

// productField is the field that a fault is about; "" for the whole form.
func productField(f *fault.Error) string {
	if strings.HasPrefix(f.Key, "template.") {
		return f.Args["field"]
	}
	return map[string]string{"product.bad_id": "key_id", "product.bad_sku": "key_id", "webhook.bad_url": "webhook_url", "webhook.plain_http": "webhook_url",
		"webhook.address_refused": "webhook_url", "webhook.bad_wait": "webhook_wait", "webhook.bad_secret": "webhook_secret", "product.pool_missing": "pool",
		"pool.bad_name": "pool", "license.pool_missing": "license_pool", "notice.bad_days": "expiry_days", "notice.bad_quiet_hours": "quiet_hours",
		"notice.bad_cap": "daily_cap", "product.bad_wipe_days": "wipe_password_days", "product.bad_password_length": "password_length"}[f.Key]
}

// productAgain shows the form as it was filled in, but for a secret, and what is
// wrong with it.
func (k *Console) productAgain(c *fiber.Ctx, p view.ProductPage, e store.Product, f *fault.Error) error {
	was := p.Form
	p.Form = k.productForm(e)
	p.Form.Action, p.Form.Seen, p.Form.New, p.Form.HasSecret = was.Action, was.Seen, was.New, was.HasSecret
	p.Form.Channels, p.Form.Channel, p.Form.Key, p.Form.ID = was.Channels, was.Channel, was.Key, was.ID
	if !was.New {
		p.Form.Seen = clean(field(c, "seen"), 20) // it stays stale until the page is loaded anew
	}
	for _, name := range []string{"expiry_days", "daily_cap", "wipe_password_days", "password_length"} { // what is no number, too
		one := p.Form.Fields[name]
		one.Value = clean(field(c, name), maxParameter)
		p.Form.Fields[name] = one
	}
	name := productField(f)
	if one, ok := p.Form.Fields[name]; ok {
		one.Wrong = what(k.localizer(c), f)
		p.Form.Fields[name] = one
	} else if name == p.Form.ID.Name {
		p.Form.ID.Wrong = what(k.localizer(c), f)
	} else {
		p.Form.Fault = record(f)
	}
	return k.sendProduct(c, statusOf(f.Code), p)
}
