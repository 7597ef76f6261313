package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// ChannelRow is a channel as it may be shown: nothing secret.
type ChannelRow struct {
	ID          int64       `db:"id"`
	Slug        string      `db:"slug"`
	Site        market.Site `db:"site"`
	BodySign    bool        `db:"body_sign"`
	EncryptType int         `db:"encrypt_type"`
	V1Pending   string      `db:"v1_pending"`   // PendingPage or PendingCode
	OpenAPIURL  string      `db:"open_api_url"` // "": the site's published one
	HasAK       bool        `db:"has_ak"`       // and SK
	HasKitKey   bool        `db:"has_kit_key"`
	CreatedAt   time.Time   `db:"created_at"`
	UpdatedAt   time.Time   `db:"updated_at"`
}

// Channels lists every channel by its slug; there are few.
func (r *Reader) Channels(ctx context.Context) ([]ChannelRow, error) {
	out := []ChannelRow{}
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT `+shownChannel+`
  FROM channels
 ORDER BY slug`)
	return out, toFault(err)
}

const shownChannel = `id, slug, site, body_sign, encrypt_type, v1_pending, open_api_url, ak_sealed IS NOT NULL AND sk_sealed IS NOT NULL AS has_ak,
       kit_key_sealed IS NOT NULL AS has_kit_key, created_at, updated_at`

// ChannelShown is one channel as it may be shown. Fault: not_found
// "channel.unknown".
func (r *Reader) ChannelShown(ctx context.Context, slug string) (ChannelRow, error) {
	var out ChannelRow
	err := sqlx.GetContext(ctx, r.q, &out, `
SELECT `+shownChannel+`
  FROM channels
 WHERE slug = $1`, slug)
	if fault.Is(toFault(err), fault.NotFound) {
		return out, fault.New(fault.NotFound, "channel.unknown")
	}
	return out, toFault(err)
}

// BaseURL is where the channel's open APIs are.
func (c ChannelRow) BaseURL() string { return baseURL(c.Site, c.OpenAPIURL) }

// ProductRow is a product's entry as it may be shown: the secret is left out.
type ProductRow struct {
	ID           int64
	Channel      string // slug
	ProductID    string // "*" is the channel's default
	SkuCode      string // "" unless ProductID is
	Driver       string
	Settings     ProductSettings
	HasSecret    bool
	MailLanguage string
	CreatedAt    time.Time // UTC
	UpdatedAt    time.Time // UTC
}

type productRow struct {
	ID           int64     `db:"id"`
	Channel      string    `db:"channel"`
	ProductID    string    `db:"product_id"`
	SkuCode      string    `db:"sku_code"`
	Driver       string    `db:"driver"`
	Settings     []byte    `db:"settings"`
	HasSecret    bool      `db:"has_secret"`
	MailLanguage string    `db:"mail_language"`
	Created      time.Time `db:"created_at"`
	Updated      time.Time `db:"updated_at"`
}

var productList = source{
	list: list{letter: 'p', id: "p.id"},
	columns: `p.id, (SELECT c.slug FROM channels c WHERE c.id = p.channel_id) AS channel, p.product_id, p.sku_code, p.driver, p.settings,
       p.secret_sealed IS NOT NULL AS has_secret, p.mail_language, p.created_at, p.updated_at`,
	table: "products",
	alias: "p",
}

func (p *productRow) show() (ProductRow, error) {
	out := ProductRow{ID: p.ID, Channel: p.Channel, ProductID: p.ProductID, SkuCode: p.SkuCode, Driver: p.Driver, HasSecret: p.HasSecret,
		MailLanguage: p.MailLanguage, CreatedAt: p.Created.UTC(), UpdatedAt: p.Updated.UTC()}
	if err := json.Unmarshal(p.Settings, &out.Settings); err != nil {
		return out, fault.Wrap(err, fault.Internal, "internal")
	}
	return out, nil
}

// ProductList reads a page of products' entries, newest first; channel "" means
// every channel. Fault: invalid "cursor.invalid".
func (r *Reader) ProductList(ctx context.Context, channel string, p Paging) (Page[ProductRow], error) {
	c := &clause{}
	if err := r.channelIs(ctx, c, "p.channel_id", channel); err != nil {
		return Page[ProductRow]{}, err
	}
	key := func(p *productRow) position { return position{id: p.ID} }
	return page(ctx, r, productList, c, p, key, (*productRow).show)
}

// ProductDetail loads the entry of a productId or of a skuCode. Fault: not_found
// "product.unknown".
func (r *Reader) ProductDetail(ctx context.Context, channel, productID, skuCode string) (*ProductRow, error) {
	c := &clause{}
	c.and("p.channel_id = (SELECT id FROM channels WHERE slug = ?)", channel)
	c.and("p.product_id = ?", productID)
	c.and("p.sku_code = ?", skuCode)
	return r.product(ctx, c)
}

// ProductByID loads an entry. Fault: not_found "product.unknown".
func (r *Reader) ProductByID(ctx context.Context, id int64) (*ProductRow, error) {
	c := &clause{}
	c.and("p.id = ?", id)
	return r.product(ctx, c)
}

func (r *Reader) product(ctx context.Context, c *clause) (*ProductRow, error) {
	var row productRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+productList.columns+`
  FROM products p`+c.where(), c.args...)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "product.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	out, err := row.show()
	return &out, err
}

// ProductChoice is a product that instances have, for a filter.
type ProductChoice struct {
	ProductID string `db:"product_id"`
	Name      string `db:"product_name"` // of the newest instance
}

// ProductChoices lists the products that instances have, at most 200. It jumps
// from product to product in the index instead of reading every instance.
func (r *Reader) ProductChoices(ctx context.Context) ([]ProductChoice, error) {
	out := []ProductChoice{}
	err := sqlx.SelectContext(ctx, r.q, &out, `
WITH RECURSIVE seen AS (
    (SELECT product_id
       FROM instances
      WHERE product_id > ''
      ORDER BY product_id
      LIMIT 1)
    UNION ALL
    SELECT (SELECT i.product_id
              FROM instances i
             WHERE i.product_id > seen.product_id
             ORDER BY i.product_id
             LIMIT 1)
      FROM seen
     WHERE seen.product_id IS NOT NULL
)
SELECT seen.product_id,
       (SELECT i.product_name
          FROM instances i
         WHERE i.product_id = seen.product_id
         ORDER BY i.id DESC
         LIMIT 1) AS product_name
  FROM seen
 WHERE seen.product_id IS NOT NULL
 LIMIT 200`)
	return out, toFault(err)
}

// NavCounts is what waits for a person, for the navigation: each in one place, as on
// the start page. What fails is in a failure group, so it is not counted beside that.
type NavCounts struct {
	Conflicts        Count    // as NeedConflicts
	FailedDeliveries Count    // as NeedDeliveries
	FailedEvents     Count    // as NeedEvents
	WaitingInstances Count    // wait for a person to hand access data in
	OpenGroups       Count    // as NeedGroups
	WaitingLicenses  Count    // wait for a person to hand them in
	OpenFindings     Count    // as NeedFindings
	OpenLeftovers    Count    // what may be left at drivers, undecided
	Stuck            Count    // work that should go on by itself and does not
	LowPools         []string // as lowPools names them
}

// NavCounts counts what waits for a person, in one statement.
func (r *Reader) NavCounts(ctx context.Context) (NavCounts, error) {
	var n [13]int
	var low []string
	err := r.often(ctx, `
SELECT (SELECT count(*) FROM (SELECT DISTINCT message_id FROM quarantine WHERE status = 'open' LIMIT 1001) AS b),
       (SELECT count(*) FROM (SELECT 1 FROM deliveries d WHERE `+undecided+` LIMIT 1001) AS b),
       (SELECT count(*) FROM (SELECT 1 FROM events e WHERE `+unheard+` LIMIT 1001) AS b),
       `+countParked(ForPerson)+`,
       (SELECT count(*) FROM (SELECT 1 FROM failure_groups g WHERE `+deciding+` LIMIT 1001) AS b),
       (SELECT count(*) FROM (SELECT 1 FROM reconcile_findings WHERE status = 'open' LIMIT 1001) AS b),
       (SELECT count(*) FROM (SELECT 1 FROM leftovers WHERE status = 'open' LIMIT 1001) AS b),
       (SELECT count(*) FROM (SELECT 1 FROM `+waitingLicenses+` LIMIT 1001) AS b),
       `+stuckCounts+`,
       ARRAY(SELECT low.name FROM (`+lowPools+`) low ORDER BY 1)`,
		&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &n[8], &n[9], &n[10], &n[11], &n[12], pq.Array(&low))
	return NavCounts{LowPools: low, Conflicts: countOf(n[0]), FailedDeliveries: countOf(n[1]), FailedEvents: countOf(n[2]),
		WaitingInstances: countOf(n[3]), OpenGroups: countOf(n[4]), OpenFindings: countOf(n[5]), OpenLeftovers: countOf(n[6]), WaitingLicenses: countOf(n[7]),
		Stuck: countOf(n[8] + n[9] + n[10] + n[11] + n[12])}, toFault(err)
}
