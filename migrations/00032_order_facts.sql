-- +goose Up
-- Which orders an instance comes from and was changed by. An order may make
-- several instances (by use, one for each billing item), and an instance has
-- several orders in its life: its purchase, conversions and upgrades.

CREATE TABLE instance_orders (
    instance_pk bigint NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    order_pk    bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    purpose     text   NOT NULL,
    PRIMARY KEY (instance_pk, order_pk)
);
COMMENT ON COLUMN instance_orders.purpose IS 'what the order was to the instance: purchase, renewal or upgrade; a purpose of tasks';
CREATE INDEX instance_orders_order ON instance_orders (order_pk);

-- The orders of purchases whose instance has known no other order since stand
-- with the instance whole. The answer stays sealed as it is.
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, order_type, charging_mode, period_type, period_number,
                    product_id, sku_code, product_name, linear_value, customer_id, customer_name,
                    real_name_sealed, email_sealed, email_bidx, phone_sealed, phone_bidx, answer_sealed,
                    ordered_at, expires_at, known_at, created_at)
SELECT i.channel_id, i.order_id, i.order_line_id, 'instance', 'known', i.order_type, i.charging_mode, i.period_type, i.period_number,
       i.product_id, i.sku_code, i.product_name, i.linear_value, i.customer_id, i.customer_name,
       i.real_name_sealed, i.email_sealed, i.email_bidx, i.phone_sealed, i.phone_bidx, i.order_sealed,
       i.ordered_at, i.ordered_expires_at, i.order_known_at, i.order_known_at
  FROM instances i
 WHERE i.order_known_at IS NOT NULL
   AND i.order_id <> ''
   AND i.billing_item = ''
   AND NOT EXISTS (SELECT 1 FROM instance_events e WHERE e.instance_pk = i.id AND e.kind = 'order' AND e.new_value <> i.order_id)
 ORDER BY i.id
ON CONFLICT DO NOTHING;

INSERT INTO instance_orders (instance_pk, order_pk, purpose)
SELECT i.id, o.id, 'purchase'
  FROM instances i
  JOIN orders o ON o.channel_id = i.channel_id AND o.order_id = i.order_id AND o.order_line_id = i.order_line_id
 WHERE i.order_known_at IS NOT NULL;

-- +goose Down
DROP TABLE instance_orders;
