-- +goose Up
-- What still has automatic tries to come fails as well while KooGallery's time for
-- it runs: operators are alerted of both, so the index holds both.
DROP INDEX messages_running_out;
CREATE INDEX messages_running_out ON messages (retry_until)
    WHERE (status = 'failed' OR status = 'processing' AND last_error IS NOT NULL) AND retry_until IS NOT NULL AND NOT test;

-- +goose Down
DROP INDEX messages_running_out;
CREATE INDEX messages_running_out ON messages (retry_until) WHERE status = 'failed' AND retry_until IS NOT NULL AND NOT test;
