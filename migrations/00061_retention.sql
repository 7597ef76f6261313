-- +goose Up
-- What is kept for so many days only. The clock walks through each big table in
-- the order of its ids, which is nearly that of its times, and remembers how far
-- it has come: nothing is read twice, and the hot tables need no further index.
-- What was old enough, but still open when the walk came by, is noted and looked
-- at again until it may go.

CREATE TABLE retention (
    kind      text        PRIMARY KEY,
    last_id   bigint      NOT NULL DEFAULT 0,
    held_last bigint      NOT NULL DEFAULT 0,
    done      bigint      NOT NULL DEFAULT 0,
    ran_at    timestamptz
);
COMMENT ON COLUMN retention.last_id IS 'everything up to this id has been seen to, or is noted in retention_held';
COMMENT ON COLUMN retention.held_last IS 'how far the look at what was noted has come; 0: it begins anew';
COMMENT ON COLUMN retention.done IS 'rows that were deleted or emptied, ever';

CREATE TABLE retention_held (
    kind text   NOT NULL,
    id   bigint NOT NULL,
    PRIMARY KEY (kind, id)
);

ALTER TABLE attempts ADD COLUMN emptied_at timestamptz;
COMMENT ON COLUMN attempts.emptied_at IS 'when request and answer were taken out, because they are kept for a while only or because their customer was erased';

ALTER TABLE events
    ALTER COLUMN payload_sealed DROP NOT NULL,
    DROP CONSTRAINT events_message_id_fkey; -- without an index, each message that goes would have all events read
COMMENT ON COLUMN events.payload_sealed IS 'the body, to the byte the same on every try; null when it is not kept any more';
COMMENT ON COLUMN events.message_id IS 'of messages; no foreign key, since only calls that were never proved are deleted, and those cause no event';

-- +goose Down
UPDATE events SET message_id = NULL WHERE message_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = message_id);
UPDATE events SET payload_sealed = '' WHERE payload_sealed IS NULL;
COMMENT ON COLUMN events.message_id IS NULL;
ALTER TABLE events
    ALTER COLUMN payload_sealed SET NOT NULL,
    ADD CONSTRAINT events_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE SET NULL;
ALTER TABLE attempts DROP COLUMN emptied_at;
DROP TABLE retention_held;
DROP TABLE retention;
