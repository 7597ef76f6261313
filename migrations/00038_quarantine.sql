-- +goose Up
-- A call that comes under a known key with other content is neither applied nor
-- dropped: it waits here for a person. One row per message and content, however
-- often that comes.
CREATE TABLE quarantine (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id   bigint      NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    content_hash bytea       NOT NULL,
    attempt_id   bigint      REFERENCES attempts (id) ON DELETE SET NULL,
    arrivals     integer     NOT NULL DEFAULT 1,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    status       text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'refused')),
    decided_at   timestamptz,
    decided_by   text        NOT NULL DEFAULT '',
    reason       text        NOT NULL DEFAULT ''
);
COMMENT ON COLUMN quarantine.attempt_id IS 'the first arrival with this content; null where the content was the message''s own until another was accepted';
COMMENT ON COLUMN quarantine.status IS 'accepted: applied and the message''s content since; refused: comes to nothing, also when it comes again';
CREATE UNIQUE INDEX quarantine_content ON quarantine (message_id, content_hash);
CREATE INDEX quarantine_open ON quarantine (message_id) WHERE status = 'open';
CREATE INDEX quarantine_attempt ON quarantine (attempt_id) WHERE attempt_id IS NOT NULL;
COMMENT ON COLUMN attempts.disposition IS 'what the attempt did: new, repeat, applied, conflict, invalid, rejected, restart, accepted';

-- +goose Down
COMMENT ON COLUMN attempts.disposition IS 'what the attempt did: new, repeat, applied, conflict, invalid, rejected, restart';
DROP TABLE quarantine;
