package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// InstanceStatuses lists the statuses of instances.
func InstanceStatuses() []string {
	return []string{string(market.Provisioning), string(market.Active), string(market.Frozen), string(market.Released)}
}

// InstanceFilter says which instances a list holds. Zero fields do not filter.
// With ExpiresBefore the list has instances that are not released only, the
// soonest to expire first; else the newest come first.
type InstanceFilter struct {
	Channel       string // slug
	ProductID     string
	SkuCode       string
	Status        string
	Q             string // see Reader.InstanceList
	ExpiresBefore time.Time
	Waiting       bool // wait for a person to hand the access data in

	hits *hits // what Q finds, where it is known already: see Reader.FindInstances
}

// Customer is a buyer as it may be shown.
type Customer struct {
	ID       string
	Name     string // account name
	RealName string // masked, as the following
	Email    string
	Phone    string
}

// Access is how the buyer uses the instance, without the password.
type Access struct {
	FrontEndURL string
	AdminURL    string
	UserName    string
	HasPassword bool
	WipedAt     time.Time // since when there is no password any more that there once was
	Memo        string
	Version     int // grows with each change; 0 means none yet
}

// InstanceRow is an instance in a list. Times are UTC; a zero time means "none".
type InstanceRow struct {
	PK          int64
	InstanceID  string
	Channel     string // slug
	OrderID     string
	OrderLineID string
	ProductID   string
	SkuCode     string
	ProductName string
	Status      market.InstanceStatus
	Driver      string
	ExpiresAt   time.Time
	CreatedAt   time.Time
	Customer    Customer
	Access      Access
	Waiting     bool          // waits for a person to hand the access data in
	Fault       *fault.Record // why its newest given-up step failed; nil when none is given up
}

// InstanceDetail is one instance with its whole life.
type InstanceDetail struct {
	InstanceRow
	BusinessID    string
	LinearValue   int64
	Size          market.Size
	OrderType     string
	ChargingMode  string
	PeriodType    string
	PeriodNumber  int
	ExpirySetBy   string // "order" or "refresh"
	OrderKnownAt  time.Time
	ProvisionedAt time.Time
	FrozenAt      time.Time
	ReleasedAt    time.Time
	ErasedAt      time.Time          // since when it holds no personal data any more
	URLSeenAt     time.Time          // when an answer first gave the marketplace its front-end address
	Usage         market.UsageReport // as last reported by the seller's product, masked
	Work          Work               // what it waits for
	Link          Link               // the buyer's access page, by its present link
	OneTimeLink   bool               // which shows the access data once only
	OrderAnswer   string             // the order query's last answer, masked; "" before it is known
	Orders        []InstanceOrder
	Timeline      []TimelineEvent
	Messages      []MessageRow  // about it, the last received first
	Deliveries    []DeliveryRow // newest first
	Tasks         []TaskRow     // oldest first, with their tries
}

type instanceRow struct {
	ID           int64          `db:"id"`
	InstanceID   string         `db:"instance_id"`
	ChannelID    int64          `db:"channel_id"`
	Channel      string         `db:"channel"`
	OrderID      string         `db:"order_id"`
	LineID       string         `db:"order_line_id"`
	ProductID    string         `db:"product_id"`
	SkuCode      string         `db:"sku_code"`
	ProductName  string         `db:"product_name"`
	Status       string         `db:"status"`
	Driver       string         `db:"driver"`
	Expires      sql.NullTime   `db:"expires_at"`
	Created      time.Time      `db:"created_at"`
	CustomerID   string         `db:"customer_id"`
	CustomerName string         `db:"customer_name"`
	RealName     []byte         `db:"real_name_sealed"`
	Email        []byte         `db:"email_sealed"`
	Phone        []byte         `db:"phone_sealed"`
	FrontEndURL  string         `db:"front_end_url"`
	AdminURL     string         `db:"admin_url"`
	UserName     string         `db:"user_name"`
	HasPassword  bool           `db:"has_password"`
	WipedAt      sql.NullTime   `db:"password_wiped_at"`
	Memo         string         `db:"memo"`
	Version      int            `db:"access_version"`
	Fault        sql.NullString `db:"fault"`
	Waiting      bool           `db:"waiting"`
}

var instanceList = source{
	list: list{letter: 'i', id: "i.id"},
	columns: `i.id, i.instance_id, i.channel_id, (SELECT c.slug FROM channels c WHERE c.id = i.channel_id) AS channel,
       i.order_id, i.order_line_id, i.product_id, i.sku_code, i.product_name, i.status, i.driver, i.expires_at, i.created_at,
       i.customer_id, i.customer_name, i.real_name_sealed, i.email_sealed, i.phone_sealed, i.front_end_url, i.admin_url,
       i.user_name, i.password_sealed IS NOT NULL AS has_password, i.password_wiped_at, i.memo, i.access_version,
       (SELECT t.last_error
          FROM tasks t
         WHERE t.instance_pk = i.id
           AND t.status = 'failed'
           AND t.` + settles + `
         ORDER BY t.id DESC
         LIMIT 1) AS fault,
       COALESCE((SELECT TRUE
          FROM tasks t
         WHERE t.instance_pk = i.id
           AND ` + parkedFor[ForPerson] + `
         LIMIT 1), FALSE) AS waiting`,
	table: "instances",
	alias: "i",
	lean:  true,
}

// expiryList is the same list with the soonest to expire first.
var expiryList = source{
	list:    list{letter: 'e', at: "i.expires_at", id: "i.id", asc: true},
	columns: instanceList.columns,
	table:   instanceList.table,
	alias:   instanceList.alias,
	lean:    true,
}

func (f InstanceFilter) source() source {
	if f.ExpiresBefore.IsZero() {
		return instanceList
	}
	return expiryList
}

func (r *Reader) showInstance(i *instanceRow) (InstanceRow, error) {
	out := InstanceRow{
		PK: i.ID, InstanceID: i.InstanceID, Channel: i.Channel, OrderID: i.OrderID, OrderLineID: i.LineID, ProductID: i.ProductID,
		SkuCode: i.SkuCode, ProductName: i.ProductName, Status: market.InstanceStatus(i.Status), Driver: i.Driver,
		ExpiresAt: utc(i.Expires), CreatedAt: i.Created.UTC(),
		Customer: Customer{ID: i.CustomerID, Name: i.CustomerName},
		Access: Access{FrontEndURL: i.FrontEndURL, AdminURL: i.AdminURL, UserName: i.UserName, HasPassword: i.HasPassword, WipedAt: utc(i.WipedAt),
			Memo: i.Memo, Version: i.Version},
		Waiting: i.Waiting,
	}
	for _, p := range []struct {
		to     *string
		sealed []byte
		mask   func(string) string
	}{{&out.Customer.RealName, i.RealName, MaskName}, {&out.Customer.Email, i.Email, MaskEmail}, {&out.Customer.Phone, i.Phone, MaskPhone}} {
		plain, err := r.open(seal.Customer, p.sealed)
		if err != nil {
			return out, err
		}
		*p.to = p.mask(plain)
	}
	var err error
	out.Fault, err = recordOf(i.Fault)
	return out, err
}

// InstanceList reads a page of instances. Q finds a whole order line id,
// customer id, e-mail address or phone number, the beginning of an instance id or
// order id (of more than 2000 the last ones in their order), and a part of a
// customer's account name or of a user name, in any case (of one character: their
// beginning). Fault: invalid "cursor.invalid".
func (r *Reader) InstanceList(ctx context.Context, f InstanceFilter, p Paging) (Page[InstanceRow], error) {
	c, err := r.instanceClause(ctx, f)
	if err != nil {
		return Page[InstanceRow]{}, err
	}
	key := func(i *instanceRow) position { return position{at: i.Expires.Time, id: i.ID} }
	return page(ctx, r, f.source(), c, p, key, r.showInstance)
}

// InstanceCounts counts the instances of a filter by status; the filter's own
// status does not count.
func (r *Reader) InstanceCounts(ctx context.Context, f InstanceFilter) (Counts, error) {
	f.Status = ""
	c, err := r.instanceClause(ctx, f)
	if err != nil {
		return nil, err
	}
	statuses := InstanceStatuses()
	if !f.ExpiresBefore.IsZero() { // none that is released is listed
		statuses = slices.DeleteFunc(statuses, func(s string) bool { return s == string(market.Released) })
	}
	return r.statusCounts(ctx, f.source(), "i.status", c, statuses)
}

// InstanceNeighbours gives the instanceIds before and after one in a filtered
// list; "" at the ends.
func (r *Reader) InstanceNeighbours(ctx context.Context, f InstanceFilter, i InstanceRow) (newer, older string, err error) {
	c, err := r.instanceClause(ctx, f)
	if err != nil {
		return "", "", err
	}
	return r.neighbours(ctx, f.source(), c, i.ExpiresAt, i.PK, "i.instance_id")
}

func (r *Reader) instanceClause(ctx context.Context, f InstanceFilter) (*clause, error) {
	c := &clause{}
	if err := r.channelIs(ctx, c, "i.channel_id", f.Channel); err != nil {
		return nil, err
	}
	c.equal("i.product_id", f.ProductID)
	if f.SkuCode != "" {
		c.and("i.sku_code = ? AND i.sku_code <> ''", f.SkuCode)
	}
	c.equal("i.status", f.Status)
	if f.Waiting {
		c.and("i.id IN (SELECT t.instance_pk FROM tasks t WHERE " + parkedFor[ForPerson] + ")")
	}
	if kind := c.conds[:len(c.conds):len(c.conds)]; !f.ExpiresBefore.IsZero() {
		c.and("i.expires_at < ? AND i.released_at IS NULL", f.ExpiresBefore)
		if soon := c.conds[len(kind):]; len(kind) > 0 { // what expires soon, of that kind; and of the kind, what expires soon
			c.sides = []side{{given: soon, tested: kind, order: expiryList.order(false), most: maxCount}, {given: kind, tested: soon, most: maxCount}}
		}
	}
	if q := strings.TrimSpace(f.Q); q != "" {
		f, err := r.FindInstances(ctx, f)
		if err != nil {
			return nil, err
		}
		if !f.hits.common {
			c.only(f.hits.ids)
			return c, nil
		}
		c.holding(q, f.hits.ids, f)
	}
	return c, nil
}

// searchInstances finds the row ids of instances by their ids and their customer.
// common says that q is a part of too many names to find all who have it: what
// was found are the others.
func (r *Reader) searchInstances(ctx context.Context, q string, most int) (ids []int64, common bool, err error) {
	var emails, phones [][]byte
	if strings.Contains(q, "@") {
		emails = r.keys.Indexes(market.FoldEmail(q))
	}
	if number := market.FoldPhone(q); len(number) >= 5 {
		phones = r.keys.Indexes(number)
	}
	name := wayOf(q)
	ids, err = r.search(ctx, q, most, nil, name.sample()+`
SELECT id FROM (`+searchOrder("instances")+`
        UNION ALL
       (SELECT id
          FROM instances
         WHERE instance_id LIKE $2
         ORDER BY instance_id USING ~>~
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM instances
         WHERE customer_id = $1
         ORDER BY id DESC
         LIMIT $4)`+name.found()+`
        UNION ALL
       (SELECT id
          FROM instances
         WHERE email_bidx = ANY($5)
           AND email_bidx IS NOT NULL
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM instances
         WHERE phone_bidx = ANY($6)
           AND phone_bidx IS NOT NULL
         LIMIT $4)) AS found`, pq.ByteaArray(emails), pq.ByteaArray(phones))
	return ids, slices.Contains(ids, 0), err
}
