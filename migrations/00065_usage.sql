-- +goose Up
-- What the seller's product last reported of the use of an instance that is paid
-- by use, or of a package: queryInstance answers with it (usageInfo), so it stands
-- with the instance and is read with it, whole. Sealed, because the address of the
-- buyer's page of usage details may open it for whoever has it.
ALTER TABLE instances
    ADD COLUMN usage_sealed bytea;
COMMENT ON COLUMN instances.usage_sealed IS 'the last report of its use: when it came, and its entries; NULL: none';

-- +goose Down
ALTER TABLE instances
    DROP COLUMN usage_sealed;
