package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/market"
)

// OrderInstance is an instance that an order made or changed.
type OrderInstance struct {
	InstanceID  string
	OrderLineID string // the line of the order that concerns it
	Purpose     string // what the order was to it, a purpose of tasks: purchase, renewal, upgrade
	Status      market.InstanceStatus
	ProductID   string
	ProductName string
	URLSeenAt   time.Time // when an answer first gave the marketplace its front-end address; zero: none has

	pk        int64
	createdAt time.Time
}

// InstanceOrder is an order of an instance.
type InstanceOrder struct {
	OrderRow
	Purpose string
}

// maxLinked bounds the instances of an order, and the orders of an instance, that
// are shown.
const maxLinked = 200

// orderInstances are the instances of an order, by whichever of its lines. One
// that was bought by it stands there before its own question is answered.
func (r *Reader) orderInstances(ctx context.Context, channel int64, orderID string) ([]OrderInstance, error) {
	var rows []struct {
		InstanceID  string       `db:"instance_id"`
		LineID      string       `db:"order_line_id"`
		Purpose     string       `db:"purpose"`
		Status      string       `db:"status"`
		ProductID   string       `db:"product_id"`
		ProductName string       `db:"product_name"`
		PK          int64        `db:"id"`
		Created     time.Time    `db:"created_at"`
		Seen        sql.NullTime `db:"url_seen_at"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT i.instance_id, f.order_line_id, f.purpose, i.status, i.product_id, i.product_name, i.id, i.created_at, i.url_seen_at
  FROM (SELECT l.instance_pk, o.order_line_id, l.purpose
          FROM orders o
          JOIN instance_orders l
            ON l.order_pk = o.id
         WHERE o.channel_id = $1
           AND o.order_id = $2
         UNION
        SELECT id, order_line_id, 'purchase'
          FROM instances
         WHERE channel_id = $1
           AND order_id = $2) AS f
  JOIN instances i
    ON i.id = f.instance_pk
 ORDER BY f.instance_pk, f.order_line_id
 LIMIT $3`, channel, orderID, maxLinked)
	out := make([]OrderInstance, 0, len(rows))
	for _, o := range rows {
		out = append(out, OrderInstance{InstanceID: o.InstanceID, OrderLineID: o.LineID, Purpose: o.Purpose,
			Status: market.InstanceStatus(o.Status), ProductID: o.ProductID, ProductName: o.ProductName,
			URLSeenAt: utc(o.Seen), pk: o.PK, createdAt: o.Created.UTC()})
	}
	return out, toFault(err)
}

// instanceOrders are the orders of an instance, the first known first. The order
// of its purchase may be known by a notice before the instance has asked for it.
func (r *Reader) instanceOrders(ctx context.Context, pk int64) ([]InstanceOrder, error) {
	var rows []struct {
		orderRow
		Purpose string `db:"purpose"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+orderList.columns+`, f.purpose
  FROM (SELECT order_pk, purpose
          FROM instance_orders
         WHERE instance_pk = $1
         UNION
        SELECT p.id, 'purchase'
          FROM instances i
          JOIN orders p
            ON p.channel_id = i.channel_id
           AND p.order_id = i.order_id
           AND p.order_line_id = i.order_line_id
         WHERE i.id = $1) AS f
  JOIN orders o
    ON o.id = f.order_pk
 ORDER BY o.id, f.purpose
 LIMIT $2`, pk, maxLinked)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]InstanceOrder, 0, len(rows))
	for n := range rows {
		shown, err := r.showOrder(&rows[n].orderRow)
		if err != nil {
			return nil, err
		}
		out = append(out, InstanceOrder{OrderRow: shown, Purpose: rows[n].Purpose})
	}
	return out, nil
}
