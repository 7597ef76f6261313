-- +goose Up
-- Whether later calls leave anything to decide about a failed one is looked at again
-- only when something has changed since: each look costs a transaction.
ALTER TABLE messages ADD COLUMN judged_at timestamptz;
COMMENT ON COLUMN messages.judged_at IS 'until when whatever has happened was looked at for whether a later call has taken the place of this failed one';

-- +goose Down
ALTER TABLE messages DROP COLUMN judged_at;
