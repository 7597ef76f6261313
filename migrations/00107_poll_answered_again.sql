-- +goose Up
-- A person who has a poll answered again tells the marketplace nothing: it hears of it
-- only when it asks. So what its last answer lacked stays so, and the moment of that
-- repair stands beside it until it asks.
ALTER TABLE messages ADD COLUMN answered_again_at timestamptz;
COMMENT ON COLUMN messages.answered_again_at IS 'when a person last had a poll answered again, since the marketplace asked last';
COMMENT ON COLUMN messages.lacked_at IS 'when the marketplace was last answered, if an instance that its poll asks for was still being made then';

-- Until now such a repair was taken for an answer to the marketplace. Of polls of one
-- instance it is known what the marketplace was really told last.
UPDATE messages m
   SET lacked_at = m.last_received_at,
       answered_again_at = a.again
  FROM messages x
 CROSS JOIN LATERAL (
       SELECT max(at) FILTER (WHERE source <> 'marketplace') AS again,
              (array_agg(result_code ORDER BY id DESC) FILTER (WHERE source = 'marketplace'))[1] AS told
         FROM attempts
        WHERE message_id = x.id) a
 WHERE m.id = x.id
   AND x.activity = 'queryInstance'
   AND x.protocol = 'v2'
   AND x.lacked_at IS NULL
   AND x.attempts > 1
   AND NOT x.test
   AND EXISTS (SELECT 1
                 FROM instances i
                WHERE i.instance_id = x.instance_id
                  AND i.channel_id = x.channel_id
                  AND i.url_seen_at IS NULL
                  AND i.status IN ('active', 'frozen'))
   AND a.again > x.last_received_at
   AND a.told = '000004';

-- +goose Down
UPDATE messages
   SET lacked_at = NULL
 WHERE answered_again_at IS NOT NULL;
ALTER TABLE messages DROP COLUMN answered_again_at;
COMMENT ON COLUMN messages.lacked_at IS 'when a poll was answered last, if an instance that it asks for was still being made then';
