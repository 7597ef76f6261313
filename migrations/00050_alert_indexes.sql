-- +goose Up
-- What operators are alerted of is looked for every few seconds, so each search
-- has an index that holds little more than what it finds. None of them is touched
-- by a call that goes well.
CREATE INDEX messages_running_out ON messages (retry_until) WHERE status = 'failed' AND retry_until IS NOT NULL AND NOT test;
CREATE INDEX deliveries_given_up ON deliveries (created_at) WHERE status = 'failed';
CREATE INDEX events_troubled ON events (created_at) WHERE status IN ('pending', 'failed') AND last_error IS NOT NULL;
CREATE INDEX events_taken ON events (target_id, product_pk, id) WHERE status = 'succeeded';

-- +goose Down
DROP INDEX events_taken;
DROP INDEX events_troubled;
DROP INDEX deliveries_given_up;
DROP INDEX messages_running_out;
