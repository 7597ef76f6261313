-- +goose Up
-- Reconciliation: what the marketplace says of every open order, beside what is
-- held here. A run asks for all of them, a bit at a time, and leaves findings,
-- each with the repair that would put it right; a person decides.

CREATE TABLE reconciliations (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day         date        UNIQUE,
    status      text        NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'done', 'failed')),
    started_by  text        NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    last_pk     bigint      NOT NULL DEFAULT 0,
    asked       integer     NOT NULL DEFAULT 0,
    skipped     integer     NOT NULL DEFAULT 0,
    last_error  jsonb
);
COMMENT ON COLUMN reconciliations.day IS 'of a daily run, which so exists once; null for one that a person began';
COMMENT ON COLUMN reconciliations.last_pk IS 'instances up to this row have been asked for';
COMMENT ON COLUMN reconciliations.skipped IS 'open instances that could not be asked for: their channel has no AK/SK';
CREATE UNIQUE INDEX reconciliations_running ON reconciliations (status) WHERE status = 'running';

CREATE TABLE reconcile_findings (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reconciliation_id bigint      NOT NULL REFERENCES reconciliations (id) ON DELETE CASCADE,
    channel_id        bigint      NOT NULL,
    instance_pk       bigint      REFERENCES instances (id) ON DELETE CASCADE,
    order_id          text        NOT NULL,
    order_line_id     text        NOT NULL,
    kind              text        NOT NULL CHECK (kind IN ('missing', 'cancelled', 'expiry', 'overdue', 'product', 'unanswered')),
    ours              text        NOT NULL DEFAULT '',
    theirs            text        NOT NULL DEFAULT '',
    repair            text        NOT NULL DEFAULT '' CHECK (repair IN ('', 'take_over', 'release', 'set_expiry', 'freeze', 'learn')),
    error             jsonb,
    status            text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'applied', 'kept', 'gone')),
    found_at          timestamptz NOT NULL DEFAULT now(),
    seen_at           timestamptz NOT NULL DEFAULT now(),
    decided_by        text        NOT NULL DEFAULT '',
    decided_at        timestamptz,
    reason            text        NOT NULL DEFAULT ''
);
COMMENT ON COLUMN reconcile_findings.reconciliation_id IS 'the last run that saw it';
COMMENT ON COLUMN reconcile_findings.order_id IS 'the order that was asked for; of a missing purchase, what it bought';
COMMENT ON COLUMN reconcile_findings.status IS 'gone: a later run did not see it any more';
CREATE UNIQUE INDEX reconcile_findings_open ON reconcile_findings (channel_id, order_id, order_line_id, COALESCE(instance_pk, 0), kind) WHERE status = 'open';
CREATE INDEX reconcile_findings_list ON reconcile_findings (status, id DESC);
CREATE INDEX reconcile_findings_kind ON reconcile_findings (kind, id DESC);
CREATE INDEX reconcile_findings_instance ON reconcile_findings (instance_pk) WHERE instance_pk IS NOT NULL;
CREATE INDEX reconcile_findings_run ON reconcile_findings (reconciliation_id);

-- The open instances, in the order in which a run walks through them.
CREATE INDEX instances_open ON instances (id) WHERE released_at IS NULL;

-- Who does what is to be done by one process at a time.
CREATE TABLE leases (
    name   text        PRIMARY KEY,
    holder text        NOT NULL,
    until  timestamptz NOT NULL
);

-- +goose Down
DROP TABLE leases;
DROP INDEX instances_open;
DROP TABLE reconcile_findings;
DROP TABLE reconciliations;
