-- +goose Up
-- Licenses that the marketplace asked for: those of an online License product
-- (getLicenseAsync), which are uploaded by the open API, and those of License 1.0
-- (getLicense), which go into the answer. One row per request; the request's key
-- makes it exist once. A License is a secret, and so is what it is bound to.
CREATE TABLE licenses (
    id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id       bigint      NOT NULL,
    instance_pk      bigint      NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    message_id       bigint      REFERENCES messages (id) ON DELETE SET NULL,
    protocol         text        NOT NULL,
    request_key      text        NOT NULL,
    event_id         text        NOT NULL DEFAULT '',
    order_id         text        NOT NULL DEFAULT '',
    device_sealed    bytea,
    device_bidx      bytea,
    effective_at     timestamptz,
    expires_at       timestamptz,
    period_end       timestamptz,
    status           text        NOT NULL DEFAULT 'requested'
                     CHECK (status IN ('requested', 'ready', 'uploaded', 'answered', 'refused', 'failed', 'cancelled')),
    supplier         text        NOT NULL DEFAULT '',
    pool             text        NOT NULL DEFAULT '',
    supplied_by      text        NOT NULL DEFAULT '',
    file_name        text        NOT NULL DEFAULT '',
    content_sealed   bytea,
    content_sha256   bytea,
    content_size     integer     NOT NULL DEFAULT 0,
    version          integer     NOT NULL DEFAULT 0,
    uploaded_version integer     NOT NULL DEFAULT 0,
    refusal_code     text        NOT NULL DEFAULT '',
    last_error       jsonb,
    requested_at     timestamptz NOT NULL DEFAULT now(),
    ready_at         timestamptz,
    uploaded_at      timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN licenses.channel_id IS 'of channels; no foreign key, which would lock the channel''s row with each insert';
COMMENT ON COLUMN licenses.request_key IS 'the idempotency key of the call: for getLicenseAsync eventId and device, for getLicense the order';
COMMENT ON COLUMN licenses.period_end IS 'the order''s expiry when it was asked for: the quota counts per period';
COMMENT ON COLUMN licenses.content_sealed IS 'the text, or the bytes of the file that file_name names';
COMMENT ON COLUMN licenses.content_sha256 IS 'of a file only: that of a short text would give it away';
COMMENT ON COLUMN licenses.version IS 'counts contents; uploaded_version is the one that the marketplace has';
CREATE UNIQUE INDEX licenses_request ON licenses (channel_id, request_key);
CREATE INDEX licenses_instance ON licenses (instance_pk, id);
CREATE INDEX licenses_message ON licenses (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX licenses_list ON licenses (status, id DESC);
CREATE INDEX licenses_event ON licenses (event_id text_pattern_ops) WHERE event_id <> '';
CREATE INDEX licenses_device ON licenses (device_bidx) WHERE device_bidx IS NOT NULL;

ALTER TABLE tasks ADD COLUMN license_id bigint;
COMMENT ON COLUMN tasks.license_id IS 'of licenses: what a license or license_upload task is about';
CREATE INDEX tasks_license ON tasks (license_id) WHERE license_id IS NOT NULL;

-- +goose Down
DROP INDEX tasks_license;
ALTER TABLE tasks DROP COLUMN license_id;
DROP TABLE licenses;
