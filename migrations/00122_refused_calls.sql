-- +goose Up
-- Operators are warned when the time of any refused call runs out that the marketplace
-- repeats, not only of orders': a renewal that is missed ends a paying customer's service.
-- A status change, a release and an expiry need not name an order.
CREATE INDEX messages_refused_all ON messages (retry_until)
    WHERE status = 'rejected' AND retry_until IS NOT NULL AND NOT test;

-- Of a refused call about an authorization code nothing is kept that names it: any proved
-- one since then is looked up, among refused ones of which strangers can make thousands.
CREATE INDEX messages_proved_codes ON messages (channel_id, activity, last_received_at)
    WHERE activity IN ('updateLicenseCodeStatus', 'releaseLicenseCode') AND status <> 'rejected' AND NOT test;
DROP INDEX messages_refused_out;
ALTER INDEX messages_refused_all RENAME TO messages_refused_out;

-- +goose Down
DROP INDEX messages_proved_codes, messages_refused_out;
CREATE INDEX messages_refused_out ON messages (retry_until)
    WHERE status = 'rejected' AND order_id <> '' AND NOT test;
