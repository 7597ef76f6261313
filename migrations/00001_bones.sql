-- +goose Up
-- The facts of the seller's side of the marketplace. PostgreSQL is the truth;
-- Redis only carries work. Everything that names a person or opens something is
-- sealed by the application (columns *_sealed: AES-256-GCM, key id inside);
-- beside a sealed address stands a keyed hash (*_bidx), so that a pasted address
-- can be found without being stored.

CREATE TABLE operators (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         text        NOT NULL,
    password_hash text        NOT NULL,
    role          text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    locale        text        NOT NULL DEFAULT 'zh-CN',
    must_change   boolean     NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    last_login_at timestamptz
);
CREATE UNIQUE INDEX operators_email ON operators (lower(email));

-- A session is found by the hash of its token: a stolen dump opens nothing.
CREATE TABLE sessions (
    token_hash bytea       PRIMARY KEY,
    data       bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_tokens (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL,
    role         text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    token_hash   bytea       NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz
);

CREATE TABLE channels (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug           text        NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    site           text        NOT NULL CHECK (site IN ('cn', 'intl', 'eu')),
    body_sign      boolean     NOT NULL DEFAULT true,
    encrypt_type   smallint    NOT NULL DEFAULT 1 CHECK (encrypt_type IN (1, 2)),
    open_api_url   text        NOT NULL DEFAULT '',
    ak_sealed      bytea,
    sk_sealed      bytea,
    kit_key_sealed bytea,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN channels.open_api_url IS 'base address of the open APIs; empty means the published one of the site';
COMMENT ON COLUMN channels.kit_key_sealed IS 'private key (PEM) of the joint-operations kit';

-- One key per interface class; a replaced key stays valid until retires_at.
CREATE TABLE channel_keys (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id   bigint      NOT NULL REFERENCES channels (id),
    class        text        NOT NULL CHECK (class IN ('basic', 'kit', 'license', 'general')),
    key_sealed   bytea       NOT NULL,
    key_bidx     bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    retires_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX channel_keys_channel ON channel_keys (channel_id, class);
CREATE UNIQUE INDEX channel_keys_current ON channel_keys (channel_id, class) WHERE retires_at IS NULL;

-- What a product is provisioned by; product_id '*' is the channel's default.
CREATE TABLE products (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id    bigint      NOT NULL REFERENCES channels (id),
    product_id    text        NOT NULL,
    driver        text        NOT NULL,
    settings      jsonb       NOT NULL DEFAULT '{}',
    secret_sealed bytea,
    mail_language text        NOT NULL DEFAULT 'zh-CN' CHECK (mail_language IN ('zh-CN', 'en')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel_id, product_id)
);

CREATE TABLE instances (
    id                 bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id         bigint      NOT NULL REFERENCES channels (id),
    instance_id        text        NOT NULL,
    order_id           text        NOT NULL,
    order_line_id      text        NOT NULL,
    business_id        text        NOT NULL,
    status             text        NOT NULL DEFAULT 'provisioning' CHECK (status IN ('provisioning', 'active', 'frozen', 'released')),
    product_id         text        NOT NULL DEFAULT '',
    sku_code           text        NOT NULL DEFAULT '',
    product_name       text        NOT NULL DEFAULT '',
    linear_value       bigint      NOT NULL DEFAULT 0,
    order_type         text        NOT NULL DEFAULT '',
    charging_mode      text        NOT NULL DEFAULT '',
    period_type        text        NOT NULL DEFAULT '',
    period_number      integer     NOT NULL DEFAULT 0,
    expires_at         timestamptz,
    expiry_set_by      text        NOT NULL DEFAULT '',
    customer_id        text        NOT NULL DEFAULT '',
    customer_name      text        NOT NULL DEFAULT '',
    real_name_sealed   bytea,
    email_sealed       bytea,
    email_bidx         bytea,
    phone_sealed       bytea,
    phone_bidx         bytea,
    order_sealed       bytea,
    driver             text        NOT NULL DEFAULT '',
    front_end_url      text        NOT NULL DEFAULT '',
    admin_url          text        NOT NULL DEFAULT '',
    user_name          text        NOT NULL DEFAULT '',
    password_sealed    bytea,
    memo               text        NOT NULL DEFAULT '',
    access_version     integer     NOT NULL DEFAULT 0,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    order_known_at     timestamptz,
    provisioned_at     timestamptz,
    frozen_at          timestamptz,
    released_at        timestamptz
);
COMMENT ON COLUMN instances.expiry_set_by IS 'what set expires_at: "order" by the order query, "refresh" by a refreshInstance, which an order query that comes later must not overwrite';
COMMENT ON COLUMN instances.access_version IS 'grows with each change of the access data; 0 means none yet';
COMMENT ON COLUMN instances.order_sealed IS 'the last answer of the order query, whole';
-- The marketplace asks by instanceId alone, and it says that the id is globally unique.
CREATE UNIQUE INDEX instances_instance_id ON instances (instance_id);
CREATE UNIQUE INDEX instances_order_line ON instances (channel_id, order_id, order_line_id);
CREATE INDEX instances_status ON instances (status, id DESC);
CREATE INDEX instances_product ON instances (product_id, id DESC);
CREATE INDEX instances_customer ON instances (customer_id, id DESC);
CREATE INDEX instances_order ON instances (order_id);
CREATE INDEX instances_expiry ON instances (expires_at, id) WHERE released_at IS NULL;
CREATE INDEX instances_email ON instances (email_bidx) WHERE email_bidx IS NOT NULL;
CREATE INDEX instances_phone ON instances (phone_bidx) WHERE phone_bidx IS NOT NULL;

-- One row per interface message: the logical call, by its idempotency key.
-- Debugging calls (test) live beside the real ones and never meet an instance.
CREATE TABLE messages (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id        bigint      NOT NULL REFERENCES channels (id),
    protocol          text        NOT NULL,
    activity          text        NOT NULL,
    test              boolean     NOT NULL DEFAULT false,
    idem_key          text        NOT NULL,
    content_hash      bytea,
    status            text        NOT NULL CHECK (status IN ('processing', 'succeeded', 'failed', 'rejected')),
    result_code       text        NOT NULL DEFAULT '',
    order_id          text        NOT NULL DEFAULT '',
    order_line_id     text        NOT NULL DEFAULT '',
    business_id       text        NOT NULL DEFAULT '',
    instance_id       text        NOT NULL DEFAULT '',
    attempts          integer     NOT NULL DEFAULT 0,
    conflicts         integer     NOT NULL DEFAULT 0,
    first_received_at timestamptz NOT NULL,
    last_received_at  timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    last_error        jsonb,
    retry_until       timestamptz
);
COMMENT ON COLUMN messages.instance_id IS 'KooGallery''s instanceId that the message made or is about';
COMMENT ON COLUMN messages.conflicts IS 'arrivals with the same key and different content: answered, not applied';
COMMENT ON COLUMN messages.retry_until IS 'until when the marketplace itself goes on retrying a failing call, as far as published';
CREATE UNIQUE INDEX messages_key ON messages (channel_id, test, idem_key);
CREATE INDEX messages_recent ON messages (last_received_at DESC, id DESC);
CREATE INDEX messages_status ON messages (status, last_received_at DESC, id DESC);
CREATE INDEX messages_activity ON messages (activity, last_received_at DESC, id DESC);
CREATE INDEX messages_order ON messages (order_id) WHERE order_id <> '';
CREATE INDEX messages_instance ON messages (instance_id) WHERE instance_id <> '';

-- Every arrival of a message and every restart of it. Bodies may hold personal
-- data or, in an answer to queryInstance, a password: they are sealed.
CREATE TABLE attempts (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id      bigint      NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    at              timestamptz NOT NULL,
    source          text        NOT NULL CHECK (source IN ('marketplace', 'operator', 'api')),
    actor           text        NOT NULL DEFAULT '',
    disposition     text        NOT NULL,
    result_code     text        NOT NULL DEFAULT '',
    duration_us     integer     NOT NULL DEFAULT 0,
    error           jsonb,
    business_id     text        NOT NULL DEFAULT '',
    remote_ip       inet,
    request_sealed  bytea,
    response        text,
    response_sealed bytea
);
COMMENT ON COLUMN attempts.disposition IS 'what the attempt did: new, repeat, applied, conflict, invalid, rejected, restart';
COMMENT ON COLUMN attempts.response IS 'the very bytes answered, when they hold nothing secret; otherwise response_sealed';
CREATE INDEX attempts_message ON attempts (message_id, id DESC);

-- Follow-up work, written in the transaction of the fact that causes it.
-- Redis gets the id only; this row says everything else.
CREATE TABLE tasks (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text        NOT NULL,
    status        text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    message_id    bigint      REFERENCES messages (id) ON DELETE SET NULL,
    instance_pk   bigint      REFERENCES instances (id) ON DELETE CASCADE,
    delivery_id   bigint,
    order_id      text        NOT NULL DEFAULT '',
    order_line_id text        NOT NULL DEFAULT '',
    purpose       text        NOT NULL DEFAULT '',
    unique_key    text        NOT NULL,
    attempts      integer     NOT NULL DEFAULT 0,
    round         integer     NOT NULL DEFAULT 0,
    run_at        timestamptz NOT NULL DEFAULT now(),
    enqueued_at   timestamptz,
    leased_until  timestamptz,
    last_error    jsonb,
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    finished_at   timestamptz
);
COMMENT ON COLUMN tasks.purpose IS 'which step of the instance''s life it serves: purchase, renewal, upgrade, …';
COMMENT ON COLUMN tasks.attempts IS 'tries in the present round; a restart begins a new round and resets it';
COMMENT ON COLUMN tasks.enqueued_at IS 'since when Redis has it; null when the relay still has to hand it over';
COMMENT ON COLUMN tasks.leased_until IS 'a running task whose lease is over belongs to nobody; the sweeper puts it back';
CREATE UNIQUE INDEX tasks_unique ON tasks (unique_key);
CREATE INDEX tasks_due ON tasks (run_at, id) WHERE status = 'pending' AND enqueued_at IS NULL;
CREATE INDEX tasks_handed ON tasks (enqueued_at) WHERE status = 'pending' AND enqueued_at IS NOT NULL;
CREATE INDEX tasks_running ON tasks (leased_until) WHERE status = 'running';
CREATE INDEX tasks_message ON tasks (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX tasks_instance ON tasks (instance_pk, id) WHERE instance_pk IS NOT NULL;
CREATE INDEX tasks_delivery ON tasks (delivery_id) WHERE delivery_id IS NOT NULL;
CREATE INDEX tasks_list ON tasks (status, id DESC);
CREATE INDEX tasks_kind ON tasks (kind, id DESC);

CREATE TABLE task_attempts (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id     bigint      NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    round       integer     NOT NULL,
    number      integer     NOT NULL,
    at          timestamptz NOT NULL,
    duration_us bigint      NOT NULL DEFAULT 0,
    outcome     text        NOT NULL CHECK (outcome IN ('succeeded', 'failed', 'lost', 'restarted', 'cancelled')),
    actor       text        NOT NULL DEFAULT '',
    error       jsonb
);
CREATE INDEX task_attempts_task ON task_attempts (task_id, id DESC);

-- One SMS or e-mail to a customer, kept as it was sent.
CREATE TABLE deliveries (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id        bigint      NOT NULL REFERENCES channels (id),
    instance_pk       bigint      NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    message_id        bigint      REFERENCES messages (id) ON DELETE SET NULL,
    kind              text        NOT NULL,
    medium            text        NOT NULL CHECK (medium IN ('email', 'sms')),
    language          text        NOT NULL,
    to_sealed         bytea       NOT NULL,
    to_mask           text        NOT NULL,
    subject           text        NOT NULL DEFAULT '',
    content_sealed    bytea,
    status            text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    transport         text        NOT NULL DEFAULT '',
    message_ref       text        NOT NULL,
    provider_ref      text        NOT NULL DEFAULT '',
    attempts          integer     NOT NULL DEFAULT 0,
    resends           integer     NOT NULL DEFAULT 0,
    last_error        jsonb,
    unique_key        text        NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    sent_at           timestamptz
);
COMMENT ON COLUMN deliveries.message_ref IS 'the Message-ID of the mail, the same on every try, so that a receiver can tell a repeat';
COMMENT ON COLUMN deliveries.transport IS 'what took it: smtp, log, none';
COMMENT ON COLUMN deliveries.content_sealed IS 'subject and parts as rendered for the first try';
CREATE UNIQUE INDEX deliveries_unique ON deliveries (unique_key);
CREATE UNIQUE INDEX deliveries_ref ON deliveries (message_ref);
CREATE INDEX deliveries_instance ON deliveries (instance_pk, id DESC);
CREATE INDEX deliveries_status ON deliveries (status, id DESC);
CREATE INDEX deliveries_kind ON deliveries (kind, id DESC);
ALTER TABLE tasks ADD CONSTRAINT tasks_delivery_fk FOREIGN KEY (delivery_id) REFERENCES deliveries (id) ON DELETE CASCADE;

-- The history of an instance: what, old to new, and which message, task or
-- operator did it. Values here are never secret.
CREATE TABLE instance_events (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_pk bigint      NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind        text        NOT NULL,
    old_value   text        NOT NULL DEFAULT '',
    new_value   text        NOT NULL DEFAULT '',
    message_id  bigint,
    task_id     bigint,
    actor       text        NOT NULL DEFAULT ''
);
CREATE INDEX instance_events_instance ON instance_events (instance_pk, id);

-- Who did what in the console, the API or the command line.
CREATE TABLE audit (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    actor     text        NOT NULL,
    action    text        NOT NULL,
    target    text        NOT NULL DEFAULT '',
    reason    text        NOT NULL DEFAULT '',
    detail    jsonb       NOT NULL DEFAULT '{}',
    remote_ip inet
);
CREATE INDEX audit_recent ON audit (id DESC);

-- +goose Down
DROP TABLE audit;
DROP TABLE instance_events;
DROP TABLE task_attempts;
DROP TABLE tasks;
DROP TABLE deliveries;
DROP TABLE attempts;
DROP TABLE messages;
DROP TABLE instances;
DROP TABLE products;
DROP TABLE channel_keys;
DROP TABLE channels;
DROP TABLE api_tokens;
DROP TABLE sessions;
DROP TABLE operators;
