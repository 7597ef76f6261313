package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// Product says what a product of a channel is provisioned by. It is for a
// productId or for a skuCode, which the prices of one specification share;
// ProductID "*" is the channel's default.
type Product struct {
	ID           int64
	ChannelID    int64
	ProductID    string
	SkuCode      string // "" unless ProductID is
	Driver       string // static, manual, …
	Settings     ProductSettings
	Secret       string // of a driver that needs one
	OldSecret    string // signs too, until OldUntil
	OldUntil     time.Time
	MailLanguage string // zh-CN or en
	// Seen is when what SetProduct replaces was changed last, so that nobody's work
	// is overwritten unseen; the zero time: there was nothing. nil replaces anything.
	Seen *time.Time
}

// ProductSettings are the drivers' settings. What templates may use, the driver
// static knows.
type ProductSettings struct {
	FrontEndURL      string `json:"front_end_url,omitempty"`
	AdminURL         string `json:"admin_url,omitempty"`
	UserName         string `json:"user_name,omitempty"`
	GeneratePassword bool   `json:"generate_password,omitempty"`
	// How generated passwords are made: 0 is DefaultPasswordLength, no class all of
	// PasswordClasses.
	PasswordLength  int      `json:"password_length,omitempty"`
	PasswordClasses []string `json:"password_classes,omitempty"`

	Memo          string `json:"memo,omitempty"`
	Pool          string `json:"pool,omitempty"`
	PoolOnRelease string `json:"pool_on_release,omitempty"` // "retire" (also when empty) or "return"
	WebhookURL    string `json:"webhook_url,omitempty"`
	WebhookWait   string `json:"webhook_wait,omitempty"` // how long access data may be handed in later, as "2h"

	// Of a License product; the driver may be one beside it, or "none".
	License            string `json:"license,omitempty"`              // who supplies its Licenses: pool, webhook, manual; "" none
	LicensePool        string `json:"license_pool,omitempty"`         // of the supplier pool
	LicenseNeedsDevice bool   `json:"license_needs_device,omitempty"` // a License without a device fingerprint is refused
	LicenseUnlimited   bool   `json:"license_unlimited,omitempty"`    // the order's linear value is no number of Licenses
	// OneTimeLink lets the buyer's access page show the access data once only.
	OneTimeLink bool `json:"one_time_link,omitempty"`
	// PasswordBy is how messages tell the initial password: PasswordInMessage (also
	// when empty) or PasswordByLink.
	PasswordBy string `json:"password_by,omitempty"`
	// WipePasswordDays is after how many days the password that a customer has got is
	// wiped; 0: never.
	WipePasswordDays int `json:"wipe_password_days,omitempty"`
	// DeliveryFallback tells a customer by SMS what an e-mail could not, and the
	// other way round.
	DeliveryFallback bool `json:"delivery_fallback,omitempty"`

	// What customers are told, see market.Notices.
	NoticesOff []string `json:"notices_off,omitempty"` // kinds that nobody gets
	ExpiryDays []int    `json:"expiry_days,omitempty"` // how many days before; none: DefaultExpiryDays
	QuietHours string   `json:"quiet_hours,omitempty"` // "21:00-09:00" (also when empty), or "none"
	DailyCap   int      `json:"daily_cap,omitempty"`   // notices that a customer gets in a day; 0: DefaultDailyCap, -1: any number
}

// How a message tells the initial password.
const (
	PasswordInMessage = "message"
	PasswordByLink    = "link" // to the buyer's access page, which shows it once
)

// The classes of characters of generated passwords.
const (
	PasswordLower  = "lower"
	PasswordUpper  = "upper"
	PasswordDigit  = "digit"
	PasswordSymbol = "symbol"
)

// PasswordClasses lists them.
func PasswordClasses() []string {
	return []string{PasswordLower, PasswordUpper, PasswordDigit, PasswordSymbol}
}

// DefaultPasswordLength is that of generated passwords where a product says
// nothing else.
const DefaultPasswordLength = 16

// ShownOnce tells whether the buyer's access page shows the access data once only.
func (s ProductSettings) ShownOnce() bool { return s.OneTimeLink || s.PasswordBy == PasswordByLink }

// Name is what the entry is for, in messages to people.
func (p *Product) Name() string { return cmp.Or(p.ProductID, p.SkuCode) }

// entryOf ends a selection from products with the one that counts: the entry of
// the productId, else that of the skuCode, else the channel's default.
func entryOf(channel, productID, skuCode string) string {
	return `
 WHERE channel_id = ` + channel + `
   AND (product_id = ` + productID + ` AND sku_code = '' OR product_id = '' AND sku_code = ` + skuCode + ` OR product_id = '*')
 ORDER BY product_id = '*', product_id = ''
 LIMIT 1`
}

// SettingsFor are the settings that count for a product of a channel; one without
// an entry has none.
func (r *Reader) SettingsFor(ctx context.Context, channel int64, productID, skuCode string) (ProductSettings, error) {
	p, err := r.ProductFor(ctx, channel, productID, skuCode)
	if fault.Is(err, fault.NotFound) {
		return ProductSettings{}, nil
	}
	if err != nil {
		return ProductSettings{}, err
	}
	return p.Settings, nil
}

// SettingsOf are those of what an instance is now.
func (r *Reader) SettingsOf(ctx context.Context, i *Instance) (ProductSettings, error) {
	return r.SettingsFor(ctx, i.ChannelID, i.ProductID, i.SkuCode)
}

// ProductOf finds what an instance is provisioned by, as it is now. Fault:
// not_found "product.unconfigured".
func (r *Reader) ProductOf(ctx context.Context, i *Instance) (*Product, error) {
	return r.ProductFor(ctx, i.ChannelID, i.ProductID, i.SkuCode)
}

// ProductFor finds what a product is provisioned by: the entry of its productId,
// else that of its skuCode, else the channel's default; an empty id or code has
// none. Fault: not_found "product.unconfigured".
func (r *Reader) ProductFor(ctx context.Context, channel int64, productID, skuCode string) (*Product, error) {
	var p Product
	var settings, secret, old []byte
	var until sql.NullTime
	err := r.q.QueryRowxContext(ctx, `
SELECT id, channel_id, product_id, sku_code, driver, settings, secret_sealed, old_secret_sealed, old_secret_until, mail_language
  FROM products`+entryOf("$1", "$2", "$3"), channel, productID, skuCode).
		Scan(&p.ID, &p.ChannelID, &p.ProductID, &p.SkuCode, &p.Driver, &settings, &secret, &old, &until, &p.MailLanguage)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "product.unconfigured", "product", (&Product{ProductID: productID, SkuCode: skuCode}).Name()).Final()
	}
	if err != nil {
		return nil, toFault(err)
	}
	if err := json.Unmarshal(settings, &p.Settings); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	if p.Secret, err = r.open(seal.ProductSecret, secret); err != nil {
		return nil, err
	}
	p.OldUntil = until.Time
	p.OldSecret, err = r.open(seal.ProductSecret, old)
	return &p, err
}

// Receiver is the product's own webhook, as events go there at a time.
func (p *Product) Receiver(now time.Time) Receiver {
	return Receiver{ProductPK: p.ID, URL: p.Settings.WebhookURL, Secrets: secrets(p.Secret, p.OldSecret, p.OldUntil, now)}
}

// SetProduct creates or replaces a product's entry. Fault: conflict
// "product.changed": it is not what was seen any more.
func (t *Tx) SetProduct(ctx context.Context, p Product) (created bool, err error) {
	settings, err := json.Marshal(p.Settings)
	if err != nil {
		return false, fault.Wrap(err, fault.Internal, "internal")
	}
	err = t.tx.GetContext(ctx, &created, `
INSERT INTO products (channel_id, product_id, driver, settings, secret_sealed, mail_language, old_secret_sealed, old_secret_until, replan_after, sku_code)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)
ON CONFLICT (channel_id, product_id, sku_code) DO UPDATE
   SET driver = EXCLUDED.driver,
       replan_after = CASE WHEN products.settings->'expiry_days' IS DISTINCT FROM EXCLUDED.settings->'expiry_days'
                             OR products.settings->'notices_off' IS DISTINCT FROM EXCLUDED.settings->'notices_off'
                             OR products.settings->'wipe_password_days' IS DISTINCT FROM EXCLUDED.settings->'wipe_password_days' THEN 0
                        ELSE products.replan_after END,
       settings = EXCLUDED.settings,
       secret_sealed = EXCLUDED.secret_sealed,
       mail_language = EXCLUDED.mail_language,
       old_secret_sealed = EXCLUDED.old_secret_sealed,
       old_secret_until = EXCLUDED.old_secret_until,
       updated_at = now()
 WHERE $10::timestamptz IS NULL
    OR products.updated_at = $10
RETURNING xmax = 0`,
		p.ChannelID, p.ProductID, p.Driver, settings, nullBytes(t.keys.SealString(seal.ProductSecret, p.Secret)), p.MailLanguage,
		nullBytes(t.keys.SealString(seal.ProductSecret, p.OldSecret)), nullTime(p.OldUntil), p.SkuCode, p.Seen)
	if fault.Is(toFault(err), fault.NotFound) {
		return false, fault.New(fault.Conflict, "product.changed")
	}
	return created, toFault(err)
}
