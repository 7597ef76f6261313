-- +goose Up
-- Sent again by a person, a notice goes at once, at night too. Sent again among
-- many, by a restart, it is nobody's wish for this one customer: quiet hours, the
-- daily number and what is switched off count for it as at the first time.
ALTER TABLE deliveries ADD COLUMN in_bulk boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN deliveries.in_bulk IS 'the last resend was one of many';

-- +goose Down
ALTER TABLE deliveries DROP COLUMN in_bulk;
