-- +goose Up
-- Orders as the marketplace gave them, one row per order line: what an order
-- notice named or an instance was made for, and what the order query told of it.
-- Ids and names are searched; whatever names a person is sealed.

CREATE TABLE orders (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id       bigint      NOT NULL,
    order_id         text        NOT NULL,
    order_line_id    text        NOT NULL,
    source           text        NOT NULL CHECK (source IN ('notice', 'instance')),
    state            text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'known', 'failed')),
    order_type       text        NOT NULL DEFAULT '',
    charging_mode    text        NOT NULL DEFAULT '',
    period_type      text        NOT NULL DEFAULT '',
    period_number    integer     NOT NULL DEFAULT 0,
    product_id       text        NOT NULL DEFAULT '',
    sku_code         text        NOT NULL DEFAULT '',
    product_name     text        NOT NULL DEFAULT '',
    linear_value     bigint      NOT NULL DEFAULT 0,
    currency         text        NOT NULL DEFAULT '',
    after_discount   text        NOT NULL DEFAULT '',
    customer_id      text        NOT NULL DEFAULT '',
    customer_name    text        NOT NULL DEFAULT '',
    real_name_sealed bytea,
    email_sealed     bytea,
    email_bidx       bytea,
    phone_sealed     bytea,
    phone_bidx       bytea,
    facts_sealed     bytea,
    answer_sealed    bytea,
    ordered_at       timestamptz,
    expires_at       timestamptz,
    notified_at      timestamptz,
    last_notified_at timestamptz,
    notices          integer     NOT NULL DEFAULT 0,
    known_at         timestamptz,
    last_error       jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN orders.channel_id IS 'of channels; no foreign key, which would lock the channel''s row with each insert';
COMMENT ON COLUMN orders.source IS 'how it became known first: by an order notice, or as the order of an instance';
COMMENT ON COLUMN orders.state IS 'known once the order query has answered; failed when asking was given up';
COMMENT ON COLUMN orders.currency IS 'the order''s amount, a decimal as the marketplace wrote it (page CN 0070649466 calls it so)';
COMMENT ON COLUMN orders.facts_sealed IS 'the order as it was read, with all its lines and parameters';
COMMENT ON COLUMN orders.answer_sealed IS 'the order query''s last answer, whole';
COMMENT ON COLUMN orders.notices IS 'how often the marketplace has notified of it';
CREATE UNIQUE INDEX orders_line ON orders (channel_id, order_id, order_line_id);
CREATE INDEX orders_order ON orders (order_id text_pattern_ops);
CREATE INDEX orders_odd_line ON orders (order_line_id) WHERE NOT starts_with(order_line_id, order_id);
CREATE INDEX orders_state ON orders (state, id DESC);
CREATE INDEX orders_channel ON orders (channel_id, id DESC);
CREATE INDEX orders_product ON orders (product_id, id DESC) WHERE product_id <> '';
CREATE INDEX orders_type ON orders (order_type, id DESC);
CREATE INDEX orders_customer ON orders (customer_id) WHERE customer_id <> '';
CREATE INDEX orders_customer_name ON orders (lower(customer_name) text_pattern_ops) WHERE customer_name <> '';
CREATE INDEX orders_email ON orders (email_bidx) WHERE email_bidx IS NOT NULL;
CREATE INDEX orders_phone ON orders (phone_bidx) WHERE phone_bidx IS NOT NULL;

ALTER TABLE tasks ADD COLUMN order_pk bigint REFERENCES orders (id) ON DELETE CASCADE;
CREATE INDEX tasks_order ON tasks (order_pk, id) WHERE order_pk IS NOT NULL;

-- +goose Down
DROP INDEX tasks_order;
DELETE FROM tasks WHERE kind = 'order_notice';
ALTER TABLE tasks DROP COLUMN order_pk;
DROP TABLE orders;
