-- +goose Up
-- Events tell the seller's own systems what happened, by signed webhooks. A row
-- is one event for one receiver, written in the transaction of what happened; its
-- task does the sending. A product's own webhook (driver "webhook") is a receiver
-- by its entry; any other one subscribes.

CREATE TABLE event_targets (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id        bigint      NOT NULL REFERENCES channels (id),
    name              text        NOT NULL,
    url               text        NOT NULL,
    secret_sealed     bytea       NOT NULL,
    old_secret_sealed bytea,
    old_secret_until  timestamptz,
    types             text[]      NOT NULL DEFAULT '{}',
    enabled           boolean     NOT NULL DEFAULT true,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel_id, name)
);
COMMENT ON COLUMN event_targets.types IS 'which events it wants; none listed means all';
COMMENT ON COLUMN event_targets.old_secret_until IS 'until when a replaced secret signs beside the new one';

ALTER TABLE products
    ADD COLUMN old_secret_sealed bytea,
    ADD COLUMN old_secret_until  timestamptz;

-- A parked task waits for access data that somebody hands in, since then; its
-- run_at is when the waiting is over.
ALTER TABLE tasks
    ADD COLUMN parked_at timestamptz;
UPDATE tasks
   SET parked_at = COALESCE(started_at, created_at)
 WHERE status = 'pending'
   AND run_at > '9999-01-01 00:00:00+00';

CREATE TABLE events (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id     bigint      NOT NULL REFERENCES channels (id),
    type           text        NOT NULL,
    webhook_id     text        NOT NULL,
    unique_key     text        NOT NULL,
    product_pk     bigint      REFERENCES products (id) ON DELETE SET NULL,
    target_id      bigint      REFERENCES event_targets (id) ON DELETE SET NULL,
    to_product     boolean     NOT NULL,
    target         text        NOT NULL,
    task_id        bigint      REFERENCES tasks (id) ON DELETE SET NULL,
    instance_pk    bigint      REFERENCES instances (id) ON DELETE CASCADE,
    message_id     bigint      REFERENCES messages (id) ON DELETE SET NULL,
    product_id     text        NOT NULL DEFAULT '',
    order_id       text        NOT NULL DEFAULT '',
    order_line_id  text        NOT NULL DEFAULT '',
    payload_sealed bytea       NOT NULL,
    status         text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    attempts       integer     NOT NULL DEFAULT 0,
    resends        integer     NOT NULL DEFAULT 0,
    http_status    integer     NOT NULL DEFAULT 0,
    last_error     jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    sent_at        timestamptz
);
COMMENT ON COLUMN events.webhook_id IS 'the same on every try, so that the receiver can tell a repeat';
COMMENT ON COLUMN events.unique_key IS 'what happened, and for whom: written once';
COMMENT ON COLUMN events.to_product IS 'for the webhook of the product''s entry (product_pk), else for a subscriber (target_id)';
COMMENT ON COLUMN events.target IS 'the receiver''s address as it was shown when last tried, without its query';
COMMENT ON COLUMN events.payload_sealed IS 'the body, to the byte the same on every try';
CREATE UNIQUE INDEX events_unique ON events (unique_key);
CREATE UNIQUE INDEX events_webhook ON events (webhook_id);
CREATE INDEX events_instance ON events (instance_pk, id DESC) WHERE instance_pk IS NOT NULL;
CREATE INDEX events_task ON events (task_id) WHERE task_id IS NOT NULL;
CREATE INDEX events_status ON events (status, id DESC);
CREATE INDEX events_type ON events (type, id DESC);
CREATE INDEX events_order ON events (order_id) WHERE order_id <> '';

CREATE TABLE event_attempts (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id        bigint      NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    at              timestamptz NOT NULL,
    duration_us     bigint      NOT NULL DEFAULT 0,
    target          text        NOT NULL,
    signature       text        NOT NULL DEFAULT '',
    http_status     integer     NOT NULL DEFAULT 0,
    response_sealed bytea,
    error           jsonb,
    actor           text        NOT NULL DEFAULT ''
);
COMMENT ON COLUMN event_attempts.at IS 'when it was signed: the webhook-timestamp';
COMMENT ON COLUMN event_attempts.response_sealed IS 'the beginning of the answer; it may hold access data';
CREATE INDEX event_attempts_event ON event_attempts (event_id, id DESC);

-- +goose Down
DROP TABLE event_attempts;
DELETE FROM tasks WHERE kind = 'event';
DROP TABLE events;
ALTER TABLE tasks
    DROP COLUMN parked_at;
ALTER TABLE products
    DROP COLUMN old_secret_until,
    DROP COLUMN old_secret_sealed;
DROP TABLE event_targets;
