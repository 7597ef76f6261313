-- +goose Up
-- What a product was told of a renewal is taken over by what it was told of a later
-- one, save that a trial became formal: only the one event says so. The scene stands in
-- the sealed payload; of what was written before it is in the key of the call.
ALTER TABLE events ADD COLUMN scene text NOT NULL DEFAULT '';
COMMENT ON COLUMN events.scene IS 'of a renewal: why, in KooGallery''s words; empty for any other, and where it is not known';
UPDATE events e
   SET scene = COALESCE(substring(m.idem_key FROM '/(TRIAL_TO_FORMAL|RENEWAL|UNSUBSCRIBE_RENEWAL_PERIOD|RENEWAL_CHANGE)/'), '')
  FROM messages m
 WHERE m.id = e.message_id
   AND e.type IN ('instance.renewed', 'license_code.renewed');

-- +goose Down
ALTER TABLE events DROP COLUMN scene;
