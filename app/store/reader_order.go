package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// OrderStates lists the states of orders.
func OrderStates() []string { return []string{OrderPending, OrderKnown, OrderFailed} }

// OrderFilter says which orders a list holds. Zero fields do not filter.
type OrderFilter struct {
	Channel   string
	State     string
	Type      string // NEW, RENEW, …
	ProductID string
	Source    string // notice, instance
	OrderID   string // exactly
	Q         string // see Reader.OrderList
}

// OrderRow is an order line as it may be shown: personal data masked. Times are
// UTC; zero means none.
type OrderRow struct {
	PK             int64
	Channel        string
	OrderID        string
	OrderLineID    string
	Source         string
	State          string
	Type           string
	ChargingMode   string
	PeriodType     string
	PeriodNumber   int
	ProductID      string
	SkuCode        string
	ProductName    string
	LinearValue    int64
	Size           market.Size
	Currency       string
	AfterDiscount  string
	Customer       Customer
	OrderedAt      time.Time
	ExpiresAt      time.Time
	NotifiedAt     time.Time
	LastNotifiedAt time.Time
	Notices        int
	KnownAt        time.Time
	CreatedAt      time.Time
	LastError      *fault.Record
}

// OrderDetail is one order line with everything that is known of its order.
type OrderDetail struct {
	OrderRow
	Order      *market.Order // as it was read, without the buyer; nil before it is known. Sensitive parameters are masked
	Answer     string        // the marketplace's answer, masked
	InstanceID string        // KooGallery's id of the instance that was made for the line, "" if none
	Instances  []OrderInstance
	Messages   []MessageRow
	Tasks      []TaskRow
	Deliveries []DeliveryRow   // to the customer, newest first
	Timeline   []TimelineEvent // newest first
	// TimeToUsable is how long it took from the first call of the purchase until an
	// answer gave the marketplace the address of InstanceID; known if Usable.
	TimeToUsable time.Duration
	Usable       bool
}

type orderRow struct {
	ID           int64          `db:"id"`
	ChannelID    int64          `db:"channel_id"`
	Channel      string         `db:"channel"`
	OrderID      string         `db:"order_id"`
	LineID       string         `db:"order_line_id"`
	Source       string         `db:"source"`
	State        string         `db:"state"`
	Type         string         `db:"order_type"`
	Charging     string         `db:"charging_mode"`
	PeriodType   string         `db:"period_type"`
	PeriodNumber int            `db:"period_number"`
	ProductID    string         `db:"product_id"`
	SkuCode      string         `db:"sku_code"`
	ProductName  string         `db:"product_name"`
	Linear       int64          `db:"linear_value"`
	Amount       int64          `db:"amount"`
	DiskSize     int64          `db:"disk_size"`
	BandWidth    int64          `db:"band_width"`
	Currency     string         `db:"currency"`
	After        string         `db:"after_discount"`
	CustomerID   string         `db:"customer_id"`
	CustomerName string         `db:"customer_name"`
	RealName     []byte         `db:"real_name_sealed"`
	Email        []byte         `db:"email_sealed"`
	Phone        []byte         `db:"phone_sealed"`
	Ordered      sql.NullTime   `db:"ordered_at"`
	Expires      sql.NullTime   `db:"expires_at"`
	Notified     sql.NullTime   `db:"notified_at"`
	LastNotified sql.NullTime   `db:"last_notified_at"`
	Notices      int            `db:"notices"`
	Known        sql.NullTime   `db:"known_at"`
	Created      time.Time      `db:"created_at"`
	LastError    sql.NullString `db:"last_error"`
}

var orderList = source{
	list: list{letter: 'o', id: "o.id"},
	columns: `o.id, o.channel_id, (SELECT c.slug FROM channels c WHERE c.id = o.channel_id) AS channel, o.order_id, o.order_line_id, o.source,
       o.state, o.order_type, o.charging_mode, o.period_type, o.period_number, o.product_id, o.sku_code, o.product_name, o.linear_value,
       o.amount, o.disk_size, o.band_width, o.currency, o.after_discount, o.customer_id, o.customer_name, o.real_name_sealed, o.email_sealed, o.phone_sealed, o.ordered_at,
       o.expires_at, o.notified_at, o.last_notified_at, o.notices, o.known_at, o.created_at, o.last_error`,
	table: "orders",
	alias: "o",
}

func (r *Reader) showOrder(o *orderRow) (OrderRow, error) {
	last, err := recordOf(o.LastError)
	if err != nil {
		return OrderRow{}, err
	}
	out := OrderRow{PK: o.ID, Channel: o.Channel, OrderID: o.OrderID, OrderLineID: o.LineID, Source: o.Source, State: o.State, Type: o.Type,
		ChargingMode: o.Charging, PeriodType: o.PeriodType, PeriodNumber: o.PeriodNumber, ProductID: o.ProductID, SkuCode: o.SkuCode,
		ProductName: o.ProductName, LinearValue: o.Linear, Size: market.Size{Amount: o.Amount, DiskSize: o.DiskSize, BandWidth: o.BandWidth}, Currency: o.Currency, AfterDiscount: o.After,
		Customer:  Customer{ID: o.CustomerID, Name: o.CustomerName},
		OrderedAt: utc(o.Ordered), ExpiresAt: utc(o.Expires), NotifiedAt: utc(o.Notified), LastNotifiedAt: utc(o.LastNotified),
		Notices: o.Notices, KnownAt: utc(o.Known), CreatedAt: o.Created.UTC(), LastError: last}
	for _, p := range []struct {
		to     *string
		sealed []byte
		mask   func(string) string
	}{{&out.Customer.RealName, o.RealName, MaskName}, {&out.Customer.Email, o.Email, MaskEmail}, {&out.Customer.Phone, o.Phone, MaskPhone}} {
		plain, err := r.open(seal.Customer, p.sealed)
		if err != nil {
			return out, err
		}
		*p.to = p.mask(plain)
	}
	return out, nil
}

// OrderList reads a page of orders, newest first. Q finds a whole order line id,
// customer id, product id, e-mail address or phone number, and the beginning of
// an order id or customer name. Fault: invalid "cursor.invalid".
func (r *Reader) OrderList(ctx context.Context, f OrderFilter, p Paging) (Page[OrderRow], error) {
	c, err := r.orderClause(ctx, f)
	if err != nil {
		return Page[OrderRow]{}, err
	}
	return page(ctx, r, orderList, c, p, func(o *orderRow) position { return position{id: o.ID} }, r.showOrder)
}

// OrderCounts counts the orders of a filter by state; the filter's own state does
// not count.
func (r *Reader) OrderCounts(ctx context.Context, f OrderFilter) (Counts, error) {
	f.State = ""
	c, err := r.orderClause(ctx, f)
	if err != nil {
		return nil, err
	}
	return r.statusCounts(ctx, orderList, "o.state", c, OrderStates())
}

func (r *Reader) orderClause(ctx context.Context, f OrderFilter) (*clause, error) {
	c := &clause{}
	if err := r.channelIs(ctx, c, "o.channel_id", f.Channel); err != nil {
		return nil, err
	}
	c.equal("o.state", f.State)
	c.equal("o.order_type", f.Type)
	c.equal("o.product_id", f.ProductID)
	c.equal("o.source", f.Source)
	c.equal("o.order_id", f.OrderID)
	if q := strings.TrimSpace(f.Q); q != "" {
		found, err := r.searchOrders(ctx, q)
		if err != nil {
			return nil, err
		}
		c.only(found)
	}
	return c, nil
}

func (r *Reader) searchOrders(ctx context.Context, q string) ([]int64, error) {
	var emails, phones [][]byte
	if strings.Contains(q, "@") {
		emails = r.keys.Indexes(market.FoldEmail(q))
	}
	if number := market.FoldPhone(q); len(number) >= 5 {
		phones = r.keys.Indexes(number)
	}
	return r.search(ctx, q, maxFound, nil, `
SELECT DISTINCT id FROM (`+searchOrder("orders")+`
        UNION ALL
       (SELECT id
          FROM orders
         WHERE customer_id = $1
           AND customer_id <> ''
         ORDER BY id DESC
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM orders
         WHERE product_id = $1
           AND product_id <> ''
         ORDER BY id DESC
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM orders
         WHERE lower(customer_name) LIKE lower($2)
           AND customer_name <> ''
         ORDER BY lower(customer_name) USING ~>~
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM orders
         WHERE email_bidx = ANY($5)
           AND email_bidx IS NOT NULL
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM orders
         WHERE phone_bidx = ANY($6)
           AND phone_bidx IS NOT NULL
         LIMIT $4)) AS found`, pq.ByteaArray(emails), pq.ByteaArray(phones))
}

// OrderDetail loads an order line by its row id. Fault: not_found "order.unknown".
func (r *Reader) OrderDetail(ctx context.Context, pk int64) (*OrderDetail, error) {
	var row struct {
		orderRow
		Facts    []byte `db:"facts_sealed"`
		Answer   []byte `db:"answer_sealed"`
		Instance string `db:"instance_id"`
	}
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT `+orderList.columns+`, o.facts_sealed, o.answer_sealed,
       COALESCE((SELECT i.instance_id
                   FROM instances i
                  WHERE i.channel_id = o.channel_id
                    AND i.order_id = o.order_id
                    AND i.order_line_id = o.order_line_id
                  ORDER BY i.id
                  LIMIT 1), '') AS instance_id
  FROM orders o
 WHERE o.id = $1`, pk)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "order.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	d := &OrderDetail{InstanceID: row.Instance}
	if d.OrderRow, err = r.showOrder(&row.orderRow); err != nil {
		return nil, err
	}
	if d.Order, err = r.orderFacts(row.Facts); err != nil {
		return nil, err
	}
	answer, err := r.keys.Open(seal.Customer, row.Answer)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	d.Answer = MaskBody(answer)
	if d.Instances, err = r.orderInstances(ctx, row.ChannelID, d.OrderID); err != nil {
		return nil, err
	}
	messages, err := r.MessageList(ctx, MessageFilter{Channel: d.Channel, OrderID: d.OrderID}, Paging{Limit: 50})
	if err != nil {
		return nil, err
	}
	d.Messages = messages.Items
	c := &clause{}
	c.and("t.order_pk = ?", pk)
	if d.Tasks, err = r.tasksWithTries(ctx, c); err != nil {
		return nil, err
	}
	return d, r.orderLife(ctx, d, row.ChannelID)
}

// orderFacts opens an order as it was read. The buyer stands in the columns; what
// a parameter's name says is sensitive, is masked.
func (r *Reader) orderFacts(sealed []byte) (*market.Order, error) {
	plain, err := r.keys.Open(seal.Customer, sealed)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	if len(plain) == 0 {
		return nil, nil
	}
	var o market.Order
	if err := json.Unmarshal(plain, &o); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	o.Buyer = nil
	maskParams(o.Params)
	for _, l := range o.Lines {
		maskParams(l.Params)
	}
	return &o, nil
}

func maskParams(params []market.ExtendParam) {
	for i, p := range params {
		params[i].Value = MaskBody([]byte(sensitive(p.Name).mask(p.Value)))
	}
}
