-- +goose Up
-- Templates may put a customer's address into the access data ({email}). What
-- holds one is sealed whole; the plain columns, which lists and searches read,
-- then have it masked.
ALTER TABLE instances
    ADD COLUMN access_sealed bytea;
COMMENT ON COLUMN instances.access_sealed IS 'addresses, user name and memo as the customer gets them, when they hold the customer''s address or number; otherwise the plain columns say it all';

-- +goose Down
ALTER TABLE instances
    DROP COLUMN access_sealed;
