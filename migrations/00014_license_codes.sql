-- +goose Up
-- Authorization codes of Licenses (授权码). The marketplace makes a code and shows it
-- to the buyer; the seller first hears of it when a customer types it, or when a
-- call names it. Whoever has a code may use what was bought, so it is a secret:
-- sealed, found by a keyed hash, shown masked.

CREATE TABLE license_codes (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id       bigint      NOT NULL REFERENCES channels (id),
    code_sealed      bytea       NOT NULL,
    code_bidx        bytea       NOT NULL,
    code_mask        text        NOT NULL,
    status           text        NOT NULL DEFAULT 'UNVERIFIED' CHECK (status IN ('UNVERIFIED', 'ALIVE', 'FROZEN', 'EXPIRED', 'RELEASED')),
    said             text        NOT NULL DEFAULT '',
    order_id         text        NOT NULL DEFAULT '',
    order_line_id    text        NOT NULL DEFAULT '',
    product_id       text        NOT NULL DEFAULT '',
    customer_id      text        NOT NULL DEFAULT '',
    amount           bigint      NOT NULL DEFAULT 0,
    expires_at       timestamptz,
    expiry_set_at    timestamptz,
    real_effect_time timestamptz,
    activated_at     timestamptz,
    frozen_at        timestamptz,
    released_at      timestamptz,
    checked_at       timestamptz,
    used_at          timestamptz,
    answer_sealed    bytea,
    last_error       jsonb,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN license_codes.status IS 'follows from released_at, frozen_at and said, in this order of strength';
COMMENT ON COLUMN license_codes.said IS 'the marketplace''s last word: ALIVE, EXPIRED, RELEASED; empty before it has said anything';
COMMENT ON COLUMN license_codes.expiry_set_at IS 'when expires_at was learned; an answer to a question asked before then does not change it';
COMMENT ON COLUMN license_codes.used_at IS 'last time that the seller''s software activated, checked or reported it, to the hour; what is not in use is not refreshed';
COMMENT ON COLUMN license_codes.last_error IS 'why the marketplace could not be asked the last time; null after a good answer';
COMMENT ON COLUMN license_codes.answer_sealed IS 'the last good answer of activation or query, whole';
CREATE UNIQUE INDEX license_codes_code ON license_codes (channel_id, code_bidx);
CREATE INDEX license_codes_bidx ON license_codes (code_bidx);
CREATE INDEX license_codes_status ON license_codes (status, id DESC);
CREATE INDEX license_codes_channel ON license_codes (channel_id, id DESC);
CREATE INDEX license_codes_expiry ON license_codes (expires_at, id) WHERE released_at IS NULL;
CREATE INDEX license_codes_order ON license_codes (order_id text_pattern_ops) WHERE order_id <> '';
CREATE INDEX license_codes_customer ON license_codes (customer_id) WHERE customer_id <> '';
CREATE INDEX license_codes_product ON license_codes (product_id) WHERE product_id <> '';
CREATE INDEX license_codes_used ON license_codes (channel_id, used_at) WHERE released_at IS NULL;

CREATE TABLE license_code_events (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code_id    bigint      NOT NULL REFERENCES license_codes (id) ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    kind       text        NOT NULL,
    old_value  text        NOT NULL DEFAULT '',
    new_value  text        NOT NULL DEFAULT '',
    message_id bigint      REFERENCES messages (id) ON DELETE SET NULL,
    task_id    bigint      REFERENCES tasks (id) ON DELETE SET NULL,
    actor      text        NOT NULL DEFAULT ''
);
CREATE INDEX license_code_events_code ON license_code_events (code_id, id DESC);
CREATE INDEX license_code_events_message ON license_code_events (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX license_code_events_task ON license_code_events (task_id) WHERE task_id IS NOT NULL;

-- What the seller's software reports once a day on first use: an account of the
-- software, or how many are active. An account may be somebody's address.
CREATE TABLE license_usage (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id     bigint      NOT NULL REFERENCES channels (id),
    code_id        bigint      NOT NULL REFERENCES license_codes (id) ON DELETE CASCADE,
    day            date        NOT NULL,
    account_sealed bytea,
    account_bidx   bytea       NOT NULL DEFAULT ''::bytea,
    active_num     bigint,
    task_id        bigint      REFERENCES tasks (id) ON DELETE SET NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    reported_at    timestamptz,
    CHECK ((account_sealed IS NULL) <> (active_num IS NULL))
);
COMMENT ON COLUMN license_usage.day IS 'the day in China (UTC+8), where the marketplace counts days';
COMMENT ON COLUMN license_usage.account_bidx IS 'keyed hash of the account; empty for a count';
COMMENT ON COLUMN license_usage.task_id IS 'the task that reports it; none before one has taken it';
CREATE UNIQUE INDEX license_usage_once ON license_usage (code_id, day, account_bidx);
CREATE INDEX license_usage_due ON license_usage (channel_id, id) WHERE reported_at IS NULL;
CREATE INDEX license_usage_task ON license_usage (task_id) WHERE task_id IS NOT NULL;

ALTER TABLE tasks
    ADD COLUMN license_code_id bigint REFERENCES license_codes (id) ON DELETE CASCADE,
    ADD COLUMN channel_id      bigint;
COMMENT ON COLUMN tasks.channel_id IS 'of work that is about a channel as a whole, e.g. reporting usage; no foreign key, as in messages';
CREATE INDEX tasks_license_code ON tasks (license_code_id, id) WHERE license_code_id IS NOT NULL;

-- +goose Down
DROP INDEX tasks_license_code;
DELETE FROM tasks WHERE kind LIKE 'license\_%';
ALTER TABLE tasks
    DROP COLUMN channel_id,
    DROP COLUMN license_code_id;
DROP TABLE license_usage;
DROP TABLE license_code_events;
DROP TABLE license_codes;
