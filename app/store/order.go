package store

import (
	"context"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// How an order became known first.
const (
	OrderFromNotice   = "notice"
	OrderFromInstance = "instance"
)

// Order states.
const (
	OrderPending = "pending" // the order query has not answered yet
	OrderKnown   = "known"
	OrderFailed  = "failed" // asking was given up
)

// notAsked is why the order of what was released meanwhile is not asked for.
var notAsked = fault.New(fault.Conflict, "order_query.released")

// OrderRef is an order line of a channel.
type OrderRef struct {
	PK          int64
	ChannelID   int64
	OrderID     string
	OrderLineID string
}

// NoticeOrder notes an order notice: it makes the order line's row, or counts
// the notice to the row that is there.
func (t *Tx) NoticeOrder(ctx context.Context, channel int64, orderID, lineID string, at time.Time) (pk int64, err error) {
	err = t.tx.GetContext(ctx, &pk, `
INSERT INTO orders AS o (channel_id, order_id, order_line_id, source, notified_at, last_notified_at, notices, erased_at)
VALUES ($1, $2, $3, 'notice', $4, $4, 1,
        (SELECT max(erased_at) FROM messages WHERE channel_id = $1 AND order_id = $2 AND order_id <> '' AND erased_at IS NOT NULL))
ON CONFLICT (channel_id, order_id, order_line_id) DO UPDATE
   SET notified_at = COALESCE(o.notified_at, EXCLUDED.notified_at),
       last_notified_at = GREATEST(o.last_notified_at, EXCLUDED.last_notified_at),
       notices = o.notices + 1,
       updated_at = now()
RETURNING id`, channel, orderID, lineID, at)
	return pk, toFault(err)
}

// AskOrder writes an order_query task about an instance of a channel, and the row of
// the order line that it asks for, unless that is there; one whose asking was given up
// is asked for again. id is 0 for a task that is there already.
func (t *Tx) AskOrder(ctx context.Context, channel int64, n outbox.New) (id int64, err error) {
	n.Kind = outbox.OrderQuery
	err = t.tx.GetContext(ctx, &n.OrderPK, `
INSERT INTO orders AS o (channel_id, order_id, order_line_id, source)
VALUES ($1, $2, $3, 'instance')
ON CONFLICT (channel_id, order_id, order_line_id) DO UPDATE
   SET state = CASE WHEN o.state = 'failed' THEN 'pending' ELSE o.state END,
       updated_at = now()
RETURNING id`, channel, n.OrderID, n.OrderLineID)
	if err != nil {
		return 0, toFault(err)
	}
	return t.Enqueue(ctx, n)
}

// SkuOfOrder is the skuCode of an order line; "" if it is not known.
func (r *Reader) SkuOfOrder(ctx context.Context, channel int64, orderID, lineID string) (sku string, err error) {
	err = r.q.QueryRowxContext(ctx, `
SELECT COALESCE(max(sku_code), '')
  FROM orders
 WHERE channel_id = $1
   AND order_id = $2
   AND order_line_id = $3`, channel, orderID, lineID).Scan(&sku)
	return sku, toFault(err)
}

// KeepOrder writes what the order query told of an order line, whether a notice
// or an instance brought it; a row that is not there is made. raw is the
// marketplace's answer, whole.
func (t *Tx) KeepOrder(ctx context.Context, ref OrderRef, source string, order market.Order, raw []byte) (pk int64, err error) {
	facts, err := json.Marshal(order)
	if err != nil {
		return 0, fault.Wrap(err, fault.Internal, "internal")
	}
	line, _ := order.Line(ref.OrderLineID)
	product, _ := line.Product()
	tidy := market.Tidy
	var b market.Buyer
	if order.Buyer != nil {
		b = *order.Buyer
	}
	err = t.tx.GetContext(ctx, &pk, `
WITH erased AS ( -- his data is not to stay because he is told of again
    INSERT INTO retention_held (kind, id)
    SELECT '`+EraseOrders+`', id
      FROM orders
     WHERE channel_id = $1
       AND order_id = $2
       AND order_line_id = $3
       AND erased_at IS NOT NULL
    ON CONFLICT DO NOTHING
)
INSERT INTO orders AS o (channel_id, order_id, order_line_id, source, state, order_type, charging_mode, period_type, period_number,
                    product_id, sku_code, product_name, linear_value, currency, after_discount, customer_id, customer_name,
                    real_name_sealed, email_sealed, email_bidx, phone_sealed, phone_bidx, facts_sealed, answer_sealed,
                    ordered_at, expires_at, amount, disk_size, band_width, known_at)
VALUES ($1, $2, $3, $4, 'known', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, now())
ON CONFLICT (channel_id, order_id, order_line_id) DO UPDATE
   SET state = 'known',
       order_type = EXCLUDED.order_type,
       charging_mode = EXCLUDED.charging_mode,
       period_type = EXCLUDED.period_type,
       period_number = EXCLUDED.period_number,
       product_id = EXCLUDED.product_id,
       sku_code = EXCLUDED.sku_code,
       product_name = EXCLUDED.product_name,
       linear_value = EXCLUDED.linear_value,
       amount = EXCLUDED.amount,
       disk_size = EXCLUDED.disk_size,
       band_width = EXCLUDED.band_width,
       currency = EXCLUDED.currency,
       after_discount = EXCLUDED.after_discount,
       customer_id = EXCLUDED.customer_id,
       customer_name = EXCLUDED.customer_name,
       real_name_sealed = EXCLUDED.real_name_sealed,
       email_sealed = EXCLUDED.email_sealed,
       email_bidx = EXCLUDED.email_bidx,
       phone_sealed = EXCLUDED.phone_sealed,
       phone_bidx = EXCLUDED.phone_bidx,
       facts_sealed = EXCLUDED.facts_sealed,
       answer_sealed = EXCLUDED.answer_sealed,
       ordered_at = EXCLUDED.ordered_at,
       expires_at = EXCLUDED.expires_at,
       known_at = COALESCE(o.known_at, EXCLUDED.known_at),
       last_error = NULL,
       erased_at = NULL,
       updated_at = now()
RETURNING id`,
		ref.ChannelID, ref.OrderID, ref.OrderLineID, source, tidy(string(order.Type)), tidy(string(line.ChargingMode)),
		tidy(line.PeriodType), line.PeriodNumber, tidy(product.ProductID), tidy(product.SkuCode), tidy(product.ProductName),
		product.LinearValue, tidy(line.Currency), tidy(line.CurrencyAfterDiscount), tidy(b.CustomerID), tidy(b.CustomerName),
		nullBytes(t.keys.SealString(seal.Customer, b.CustomerRealName)),
		nullBytes(t.keys.SealString(seal.Customer, b.Email)), nullBytes(t.keys.Index(market.FoldEmail(b.Email))),
		nullBytes(t.keys.SealString(seal.Customer, b.MobilePhone)), nullBytes(t.keys.Index(market.FoldPhone(b.MobilePhone))),
		nullBytes(t.keys.Seal(seal.Customer, facts)), nullBytes(t.keys.Seal(seal.Customer, raw)),
		nullTime(order.CreateTime), nullTime(line.ExpireTime), product.Amount, product.DiskSize, product.BandWidth)
	return pk, toFault(err)
}

// OrderByPK names an order line by its row id. Fault: not_found "order.unknown".
func (r *Reader) OrderByPK(ctx context.Context, pk int64) (OrderRef, error) {
	o := OrderRef{PK: pk}
	err := r.q.QueryRowxContext(ctx, `
SELECT channel_id, order_id, order_line_id
  FROM orders
 WHERE id = $1`, pk).Scan(&o.ChannelID, &o.OrderID, &o.OrderLineID)
	if fault.Is(toFault(err), fault.NotFound) {
		return o, fault.New(fault.NotFound, "order.unknown")
	}
	return o, toFault(err)
}

// OrderAsked opens an order again whose asking was given up before.
func (s *Store) OrderAsked(ctx context.Context, pk int64) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE orders
   SET state = 'pending',
       updated_at = now()
 WHERE id = $1
   AND state = 'failed'`, pk)
	return toFault(err)
}

// OrderNotAsked notes that the order that a task asks for will not be asked for,
// since its instance is released.
func (t *Tx) OrderNotAsked(ctx context.Context, task outbox.Task) error {
	return t.OrderNotLearned(ctx, task.OrderPK, notAsked, true)
}

// OrderNotLearned notes why an order could not be asked for; final means that
// asking was given up. What is known already stays so.
func (t *Tx) OrderNotLearned(ctx context.Context, pk int64, cause error, final bool) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE orders
   SET state = CASE WHEN $3 THEN 'failed' ELSE state END,
       last_error = $2,
       updated_at = now()
 WHERE id = $1
   AND state <> 'known'`, pk, nullBytes(fault.ToRecord(cause).JSON()), final)
	return toFault(err)
}
