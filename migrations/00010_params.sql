-- +goose Up
-- What the buyer typed in while ordering (saasExtendParams in V1.0, extendParams
-- of order and order line in V2.0) is for the drivers. Later orders of an
-- instance seldom repeat it, so it is kept beside the last order, not within it.
ALTER TABLE instances
    ADD COLUMN params_sealed bytea;
COMMENT ON COLUMN instances.params_sealed IS 'extension parameters of all orders of the instance, JSON of name and value, the newest value of each name';

-- +goose Down
ALTER TABLE instances
    DROP COLUMN params_sealed;
