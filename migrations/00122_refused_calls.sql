-- +goose Up
-- Operators are warned when the time of any refused call runs out that the marketplace
-- repeats, not only of orders': a renewal that is missed ends a paying customer's service.
-- A status change, a release and an expiry need not name an order.
DROP INDEX messages_refused_out;
CREATE INDEX messages_refused_out ON messages (retry_until)
    WHERE status = 'rejected' AND retry_until IS NOT NULL AND NOT test;

-- +goose Down
DROP INDEX messages_refused_out;
CREATE INDEX messages_refused_out ON messages (retry_until)
    WHERE status = 'rejected' AND order_id <> '' AND NOT test;
