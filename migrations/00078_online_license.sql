-- +goose Up
-- The calls for instances of an online License are V2.0's to the byte, but its page
-- gives KooGallery's retries other times. A message is marked when it is known that
-- its instance is one; retry_until is that of its own times then.
ALTER TABLE messages ADD COLUMN online_license boolean NOT NULL DEFAULT FALSE;

-- An order that failed for KooGallery counts as failed there, also when it was
-- repaired later: the orders that took long are looked at again.
CREATE INDEX messages_lasting ON messages (first_received_at)
    WHERE NOT test AND activity IN ('newInstance', 'getLicense', 'upgradeInstance', 'upgrade') AND updated_at - first_received_at > interval '1 hour';

-- +goose Down
DROP INDEX messages_lasting;
ALTER TABLE messages DROP COLUMN online_license;
