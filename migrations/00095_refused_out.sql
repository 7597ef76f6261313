-- +goose Up
-- Operators are warned when the time of an order runs out whose calls are refused.
-- That is looked for every few seconds, among what strangers have had refused.
CREATE INDEX messages_refused_out ON messages (retry_until)
    WHERE status = 'rejected' AND order_id <> '' AND NOT test;

-- +goose Down
DROP INDEX messages_refused_out;
