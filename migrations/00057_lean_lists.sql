-- +goose Up
-- Lists and the numbers above them under two filters, for as many instances as
-- there may be: a page reads ids from indexes that know every filter and fetches
-- the rows that it shows, and a number is counted within an index. What a new
-- purchase pays is one index more; those of products and expiries begin when its
-- order is known.
DROP INDEX instances_product;
CREATE INDEX instances_product ON instances (product_id, id DESC) INCLUDE (channel_id, status);
CREATE INDEX instances_product_status ON instances (product_id, status, channel_id) INCLUDE (expires_at, released_at) WHERE product_id <> '';
CREATE INDEX instances_channel_status ON instances (channel_id, status, id DESC) INCLUDE (expires_at, released_at);
DROP INDEX instances_expiry;
CREATE INDEX instances_expiry ON instances (expires_at, id) INCLUDE (channel_id, product_id) WHERE released_at IS NULL;
CREATE INDEX instances_status_expiry ON instances (status, expires_at, id) WHERE released_at IS NULL AND expires_at IS NOT NULL;
-- The same for messages: what they are counted by, within the index of statuses. It
-- is wider, and there is none more.
DROP INDEX messages_status;
CREATE INDEX messages_status ON messages (status, last_received_at DESC, id DESC) INCLUDE (channel_id, activity, protocol, test);
-- A pool's Licenses of one status, of which it may have few.
CREATE INDEX pooled_licenses_status ON pooled_licenses (pool, status, id DESC);

-- +goose Down
DROP INDEX pooled_licenses_status;
DROP INDEX messages_status;
CREATE INDEX messages_status ON messages (status, last_received_at DESC, id DESC);
DROP INDEX instances_status_expiry;
DROP INDEX instances_expiry;
CREATE INDEX instances_expiry ON instances (expires_at, id) WHERE released_at IS NULL;
DROP INDEX instances_channel_status;
DROP INDEX instances_product_status;
DROP INDEX instances_product;
CREATE INDEX instances_product ON instances (product_id, id DESC);
