-- +goose Up
-- Operators hear of what needs them, once per turn of things and not once per
-- look at them. What stands is a row of alerts; each turn it takes (opened, worse,
-- over) is a change; a change that a target wants is a saying; and sayings leave
-- in messages, many at once as one. All of it is decided in one transaction, with
-- the task that sends, so that a killed process neither loses nor doubles it.

CREATE TABLE alerts (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text        NOT NULL,
    subject    text        NOT NULL,
    severity   smallint    NOT NULL CHECK (severity IN (1, 2)),
    facts      jsonb       NOT NULL DEFAULT '{}',
    error      jsonb,
    since      timestamptz,
    until_at   timestamptz,
    opened_at  timestamptz NOT NULL DEFAULT now(),
    cleared_at timestamptz,
    outcome    text        NOT NULL DEFAULT '' CHECK (outcome IN ('', 'resolved', 'lapsed'))
);
COMMENT ON COLUMN alerts.subject IS 'what it is about, within its kind: an id, an instanceId, a name';
COMMENT ON COLUMN alerts.severity IS '1 warning, 2 critical; the worst that it has been';
COMMENT ON COLUMN alerts.facts IS 'what people are told of it; nothing secret';
COMMENT ON COLUMN alerts.since IS 'of failure groups: when it opened this time, so that one that came back is another alert';
COMMENT ON COLUMN alerts.until_at IS 'until when there is time';
COMMENT ON COLUMN alerts.outcome IS 'resolved: it is right again; lapsed: the time was over before it was';
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE cleared_at IS NULL;
CREATE INDEX alerts_kind ON alerts (kind, id DESC);
CREATE INDEX alerts_standing ON alerts (id DESC) WHERE cleared_at IS NULL;
CREATE INDEX alerts_cleared ON alerts (id DESC) WHERE cleared_at IS NOT NULL;

CREATE TABLE alert_changes (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id  bigint      NOT NULL REFERENCES alerts (id) ON DELETE CASCADE,
    at        timestamptz NOT NULL DEFAULT now(),
    what      text        NOT NULL CHECK (what IN ('opened', 'raised', 'cleared')),
    severity  smallint    NOT NULL,
    addressed boolean     NOT NULL DEFAULT false
);
COMMENT ON COLUMN alert_changes.addressed IS 'whoever wants to hear of it has a saying';
CREATE INDEX alert_changes_alert ON alert_changes (alert_id, id);
CREATE INDEX alert_changes_new ON alert_changes (id) WHERE NOT addressed;

-- Where an operator wants to hear. A removed one stays, emptied, for what was
-- said to it.
CREATE TABLE alert_targets (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operator_id    bigint      NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    name           text        NOT NULL,
    medium         text        NOT NULL CHECK (medium IN ('email', 'sms', 'koodesk', 'dingtalk', 'wecom', 'feishu', 'slack')),
    address_sealed bytea,
    address_mask   text        NOT NULL,
    secret_sealed  bytea,
    kinds          text[]      NOT NULL DEFAULT '{}',
    severity       smallint    NOT NULL DEFAULT 1 CHECK (severity IN (1, 2)),
    language       text        NOT NULL CHECK (language IN ('zh-CN', 'en')),
    quiet_hours    text        NOT NULL DEFAULT '',
    endings        boolean     NOT NULL DEFAULT true,
    per_hour       smallint    NOT NULL DEFAULT 12 CHECK (per_hour BETWEEN 1 AND 60),
    enabled        boolean     NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL DEFAULT now(),
    removed_at     timestamptz
);
COMMENT ON COLUMN alert_targets.kinds IS 'of which alerts it hears; none listed means all';
COMMENT ON COLUMN alert_targets.severity IS 'from which severity on';
COMMENT ON COLUMN alert_targets.quiet_hours IS '"22:00-08:00" in the zone of the console, when only what is critical goes out; empty: none';
COMMENT ON COLUMN alert_targets.endings IS 'hears also when what it was told of is over';
CREATE UNIQUE INDEX alert_targets_name ON alert_targets (operator_id, name) WHERE removed_at IS NULL;

CREATE TABLE alert_messages (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_id      bigint      NOT NULL REFERENCES alert_targets (id) ON DELETE CASCADE,
    test           boolean     NOT NULL DEFAULT false,
    says           integer     NOT NULL DEFAULT 0,
    title          text        NOT NULL,
    content_sealed bytea       NOT NULL,
    message_ref    text        NOT NULL,
    task_id        bigint      REFERENCES tasks (id) ON DELETE SET NULL,
    status         text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    transport      text        NOT NULL DEFAULT '',
    provider_ref   text        NOT NULL DEFAULT '',
    attempts       integer     NOT NULL DEFAULT 0,
    last_error     jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    sent_at        timestamptz
);
COMMENT ON COLUMN alert_messages.says IS 'of how many changes it tells';
COMMENT ON COLUMN alert_messages.message_ref IS 'the same on every try, so that a receiver can tell a repeat';
COMMENT ON COLUMN alert_messages.content_sealed IS 'as it was decided; each try is written and signed from it';
CREATE INDEX alert_messages_target ON alert_messages (target_id, created_at);
CREATE INDEX alert_messages_status ON alert_messages (status, id DESC);
CREATE INDEX alert_messages_task ON alert_messages (task_id) WHERE task_id IS NOT NULL;

CREATE TABLE alert_sayings (
    change_id  bigint NOT NULL REFERENCES alert_changes (id) ON DELETE CASCADE,
    target_id  bigint NOT NULL REFERENCES alert_targets (id) ON DELETE CASCADE,
    message_id bigint REFERENCES alert_messages (id) ON DELETE CASCADE,
    state      text   NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'said', 'moot')),
    PRIMARY KEY (change_id, target_id)
);
COMMENT ON COLUMN alert_sayings.state IS 'moot: what it says was over before it could be said';
CREATE INDEX alert_sayings_waiting ON alert_sayings (target_id, change_id) WHERE state = 'waiting';
CREATE INDEX alert_sayings_message ON alert_sayings (message_id) WHERE message_id IS NOT NULL;

-- +goose Down
DROP TABLE alert_sayings;
DELETE FROM tasks WHERE kind = 'alert';
DROP TABLE alert_messages;
DROP TABLE alert_targets;
DROP TABLE alert_changes;
DROP TABLE alerts;
