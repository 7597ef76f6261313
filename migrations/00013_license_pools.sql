-- +goose Up
-- Licenses made in advance. Each is handed out once, for ever: what has gone out
-- is bound to a customer and does not come back.
CREATE TABLE license_pools (
    name       text        PRIMARY KEY,
    low_water  integer     NOT NULL DEFAULT 0 CHECK (low_water >= 0),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE pooled_licenses (
    id             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool           text        NOT NULL REFERENCES license_pools (name),
    status         text        NOT NULL DEFAULT 'free' CHECK (status IN ('free', 'used', 'retired')),
    file_name      text        NOT NULL DEFAULT '',
    content_sealed bytea       NOT NULL,
    content_bidx   bytea       NOT NULL,
    license_id     bigint      REFERENCES licenses (id) ON DELETE SET NULL,
    added_by       text        NOT NULL,
    added_at       timestamptz NOT NULL DEFAULT now(),
    used_at        timestamptz
);
COMMENT ON COLUMN pooled_licenses.content_bidx IS 'keyed hash of the content: the same License is not taken in twice';
CREATE UNIQUE INDEX pooled_licenses_content ON pooled_licenses (pool, content_bidx);
CREATE INDEX pooled_licenses_free ON pooled_licenses (pool, id) WHERE status = 'free';
CREATE INDEX pooled_licenses_list ON pooled_licenses (pool, id DESC);
CREATE UNIQUE INDEX pooled_licenses_license ON pooled_licenses (license_id) WHERE license_id IS NOT NULL;
-- What waits for a refill is found by its pool.
CREATE INDEX licenses_waiting_pool ON licenses (pool, id) WHERE status IN ('requested', 'failed') AND pool <> '';

-- +goose Down
DROP INDEX licenses_waiting_pool;
DROP TABLE pooled_licenses;
DROP TABLE license_pools;
