-- +goose Up
-- Accounts that were prepared in advance, for products whose driver is "pool". A
-- pool is known by its name alone, so several products and channels may share it.
-- An account is handed out in one short transaction of its own, under the lock of
-- the instance that gets it: a worker that dies afterwards finds it again.

CREATE TABLE pools (
    name       text        PRIMARY KEY,
    low_water  integer     NOT NULL DEFAULT 0 CHECK (low_water >= 0),
    low_since  timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN pools.low_water IS 'the pool counts as low when so many free accounts are left, or fewer; 0: when it is empty and a product uses it';
COMMENT ON COLUMN pools.low_since IS 'since when somebody has been told that it is low; null: it is not';

CREATE SEQUENCE pool_batches;
COMMENT ON SEQUENCE pool_batches IS 'one number for each import';

CREATE TABLE pool_accounts (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pool            text        NOT NULL REFERENCES pools (name),
    status          text        NOT NULL DEFAULT 'free' CHECK (status IN ('free', 'used', 'retired')),
    account_bidx    bytea       NOT NULL,
    front_end_url   text        NOT NULL,
    admin_url       text        NOT NULL DEFAULT '',
    user_name       text        NOT NULL DEFAULT '',
    password_sealed bytea,
    memo            text        NOT NULL DEFAULT '',
    note            text        NOT NULL DEFAULT '',
    fits_v1         boolean     NOT NULL,
    instance_pk     bigint      REFERENCES instances (id) ON DELETE SET NULL,
    batch           bigint      NOT NULL,
    added_by        text        NOT NULL,
    added_at        timestamptz NOT NULL DEFAULT now(),
    taken_at        timestamptz,
    retired_at      timestamptz
);
COMMENT ON COLUMN pool_accounts.account_bidx IS 'keyed hash over front_end_url and user_name: what makes two accounts the same';
COMMENT ON COLUMN pool_accounts.fits_v1 IS 'user name and password fit SaaS V1.0, whose limits hold for the ciphertext';
COMMENT ON COLUMN pool_accounts.instance_pk IS 'who has it or, when retired, had it last';
-- A retired account may be added anew, with another password.
CREATE UNIQUE INDEX pool_accounts_once ON pool_accounts (pool, account_bidx) WHERE status <> 'retired';
CREATE UNIQUE INDEX pool_accounts_held ON pool_accounts (instance_pk) WHERE status = 'used';
CREATE INDEX pool_accounts_free ON pool_accounts (pool, id) WHERE status = 'free';
CREATE INDEX pool_accounts_status ON pool_accounts (pool, status, id DESC);
CREATE INDEX pool_accounts_pool ON pool_accounts (pool, id DESC);

-- Purchases that found their pool empty, by the pool, the oldest first.
CREATE INDEX tasks_pool_empty ON tasks ((last_error #>> '{args,pool}'), id)
    WHERE status = 'failed' AND kind = 'provision' AND last_error ->> 'key' = 'pool.empty';

-- +goose Down
DROP INDEX tasks_pool_empty;
DROP TABLE pool_accounts;
DROP SEQUENCE pool_batches;
DROP TABLE pools;
