-- +goose Up
-- A pool of Licenses that becomes low is said once, not every minute.
ALTER TABLE license_pools ADD COLUMN low_since timestamptz;
COMMENT ON COLUMN license_pools.low_since IS 'since when somebody has been told that it is low; null: it is not';
-- Licenses are listed by channel.
CREATE INDEX licenses_channel ON licenses (channel_id, id DESC);

-- +goose Down
DROP INDEX licenses_channel;
ALTER TABLE license_pools DROP COLUMN low_since;
