-- +goose Up
-- Events become visible: people look for them by type, receiver, status and what
-- they are about, and send them again. What is told of an authorization code
-- keeps its order, as what is told of an instance does.

-- Whom an event is for, as one value that lists can be narrowed by: the
-- subscription, 0 for a product's own webhook, -1 for a subscription that is gone.
ALTER TABLE events
    ADD COLUMN license_code_id bigint,
    ADD COLUMN receiver        bigint GENERATED ALWAYS AS (CASE WHEN to_product THEN 0 ELSE COALESCE(target_id, -1) END) STORED;
COMMENT ON COLUMN events.license_code_id IS 'of license_codes: what the event is about; no foreign key, which would lock its row with each insert';

CREATE INDEX events_target ON events (target_id) WHERE target_id IS NOT NULL; -- a subscription that is removed
CREATE INDEX events_receiver_status ON events (receiver, status, id DESC);
CREATE INDEX events_receiver ON events (receiver, id DESC);
CREATE INDEX events_receiver_type ON events (receiver, type, id DESC);
CREATE INDEX events_type_status ON events (type, status, id DESC);
CREATE INDEX events_license_code ON events (license_code_id, id DESC) WHERE license_code_id IS NOT NULL;
-- An order is looked for by its beginning, whatever the collation.
DROP INDEX events_order;
CREATE INDEX events_order ON events (order_id text_pattern_ops, id DESC) WHERE order_id <> '';

-- +goose Down
DROP INDEX events_order;
CREATE INDEX events_order ON events (order_id) WHERE order_id <> '';
ALTER TABLE events
    DROP COLUMN receiver,
    DROP COLUMN license_code_id;
DROP INDEX events_target, events_type_status;
