-- +goose Up
-- A call that left neither instance nor order is erased on request, by its order.
-- KooGallery repeats calls: what comes of such an order later goes too, so it has to be
-- known that this one was erased.
ALTER TABLE messages ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN messages.erased_at IS 'since when it is erased for itself, as a call that came to nothing; NULL for what hangs on an instance, an order or a code';

-- +goose Down
DELETE FROM retention_held WHERE kind = 'erase/calls';
ALTER TABLE messages DROP COLUMN erased_at;
