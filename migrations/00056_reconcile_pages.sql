-- +goose Up
-- A reconciliation asks for lost purchases page by page too, and a task that comes
-- later goes on where the one before it stopped.
ALTER TABLE reconciliations
    ADD COLUMN lost_at timestamptz,
    ADD COLUMN lost_id bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN reconciliations.lost_at IS 'with lost_id: lost purchases up to this message, in order of arrival, have been asked for';

-- The purchases that were not taken, in that order. It has rows of failures only:
-- a purchase that is taken does not pay for it.
CREATE INDEX messages_lost ON messages (last_received_at, id)
    WHERE activity = 'newInstance' AND status IN ('failed', 'rejected') AND NOT test AND order_id <> '' AND order_line_id <> '';

-- +goose Down
DROP INDEX messages_lost;
ALTER TABLE reconciliations
    DROP COLUMN lost_at,
    DROP COLUMN lost_id;
