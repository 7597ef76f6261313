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

-- +goose Down
ALTER TABLE orders DROP COLUMN amount, DROP COLUMN disk_size, DROP COLUMN band_width;
ALTER TABLE instances DROP COLUMN amount, DROP COLUMN disk_size, DROP COLUMN band_width;
