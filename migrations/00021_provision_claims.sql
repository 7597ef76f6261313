-- +goose Up
-- Who is at which instance that waits for a person: two people must not set the
-- same one up. The row is written and removed under the instance's lock.
CREATE TABLE provision_claims (
    instance_pk bigint      PRIMARY KEY REFERENCES instances (id) ON DELETE CASCADE,
    claimed_by  text        NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT now()
);

-- Provisioning that waits for a person (see Tx.Park): the operators' work list.
CREATE INDEX tasks_parked ON tasks (instance_pk)
    WHERE status = 'pending' AND kind = 'provision' AND run_at > '9999-01-01 00:00:00+00';

-- +goose Down
DROP INDEX tasks_parked;
DROP TABLE provision_claims;
