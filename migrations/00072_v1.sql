-- +goose Up
-- A V1.0 product may have three linear attributes at once (pieces, GB, Mbps), of
-- which linear_value holds the first. What was bought before is known by that one
-- only: 0 here, until an upgrade says more.
ALTER TABLE instances
    ADD COLUMN amount     bigint NOT NULL DEFAULT 0,
    ADD COLUMN disk_size  bigint NOT NULL DEFAULT 0,
    ADD COLUMN band_width bigint NOT NULL DEFAULT 0;
ALTER TABLE orders
    ADD COLUMN amount     bigint NOT NULL DEFAULT 0,
    ADD COLUMN disk_size  bigint NOT NULL DEFAULT 0,
    ADD COLUMN band_width bigint NOT NULL DEFAULT 0;

-- The answers that a V1.0 purchase which waited was given in the last minute: when,
-- and which attempt has it. Duplicates get the first one since they came.
ALTER TABLE messages
    ADD COLUMN answered_at     timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN answer_attempts bigint[] NOT NULL DEFAULT '{}';

-- What a provision task is going to wait for was handed in while it ran.
ALTER TABLE tasks ADD COLUMN handed_in boolean;

-- A License that is asked for before its order is known can be judged only later: by
-- the supply, which refuses it by its fault.
ALTER TABLE licenses
    ADD COLUMN judge_later boolean NOT NULL DEFAULT false,
    DROP COLUMN refusal_code;

-- +goose Down
ALTER TABLE licenses ADD COLUMN refusal_code text NOT NULL DEFAULT '', DROP COLUMN judge_later;
ALTER TABLE tasks DROP COLUMN handed_in;
ALTER TABLE messages DROP COLUMN answered_at, DROP COLUMN answer_attempts;
ALTER TABLE orders DROP COLUMN amount, DROP COLUMN disk_size, DROP COLUMN band_width;
ALTER TABLE instances DROP COLUMN amount, DROP COLUMN disk_size, DROP COLUMN band_width;
