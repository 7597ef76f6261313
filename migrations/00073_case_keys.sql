-- +goose Up
-- A debugging case that is saved in the Seller Center is signed with the key that
-- is bound there, however seldom it runs. So that ending a key can say which cases
-- it breaks, a debugging call of the marketplace's remembers the key that proved it
-- last. Those so far get the oldest key of their class that was valid then: better
-- warned of one too many. Our own checks and plays leave it empty.
ALTER TABLE messages ADD COLUMN case_key bigint;
COMMENT ON COLUMN messages.case_key IS 'of channel_keys: what proved the marketplace''s last debugging call that was answered with success';
UPDATE messages m
   SET case_key = (
       SELECT k.id
         FROM channel_keys k
        WHERE k.channel_id = m.channel_id
          AND k.class = CASE m.protocol WHEN 'license-code' THEN 'license' WHEN 'order-notice' THEN 'general' ELSE 'basic' END
          AND k.created_at <= m.last_received_at
          AND (k.retires_at IS NULL OR k.retires_at > m.last_received_at)
        ORDER BY k.id
        LIMIT 1)
 WHERE m.test
   AND m.result_code = '000000';
CREATE INDEX messages_cases ON messages (channel_id, case_key) WHERE case_key IS NOT NULL;

-- +goose Down
DROP INDEX messages_cases;
ALTER TABLE messages DROP COLUMN case_key;
