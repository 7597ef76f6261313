-- +goose Up
-- Instances that expire soon, of a channel or a product, are counted among the
-- first of each status to expire: within the index, which has to know both.
DROP INDEX instances_status_expiry;
CREATE INDEX instances_status_expiry ON instances (status, expires_at, id) INCLUDE (channel_id, product_id)
    WHERE released_at IS NULL AND expires_at IS NOT NULL;

-- +goose Down
DROP INDEX instances_status_expiry;
CREATE INDEX instances_status_expiry ON instances (status, expires_at, id) WHERE released_at IS NULL AND expires_at IS NOT NULL;
