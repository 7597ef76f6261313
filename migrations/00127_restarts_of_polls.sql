-- +goose Up
-- How often the marketplace has asked was the number of a poll's attempts less those rows
-- of people's restarts that are kept: once the old ones are dropped, people's were counted
-- as its own. Their number stands beside the attempts from now on; of restarts whose rows
-- are gone already nothing is known.
ALTER TABLE messages ADD COLUMN restarts integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN messages.restarts IS 'of a poll: how many of its attempts were people''s restarts';
UPDATE messages m
   SET restarts = x.restarts
  FROM (SELECT p.id, (SELECT count(*) FROM attempts a WHERE a.message_id = p.id AND a.source <> 'marketplace') AS restarts
          FROM messages p
         WHERE p.activity = 'queryInstance'
           AND p.attempts > 1) x
 WHERE m.id = x.id
   AND x.restarts > 0;

-- +goose Down
ALTER TABLE messages DROP COLUMN restarts;
