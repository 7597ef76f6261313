-- +goose Up
-- An order's timeline tells how long its buyer had to wait: from the purchase to
-- the first answer that gave the marketplace the address to open. Answers are kept
-- sealed and may be pruned, so that moment has a column, written with the answer
-- itself; polls of which nothing comes write no more than they did.
ALTER TABLE instances
    ADD COLUMN url_seen_at timestamptz;
COMMENT ON COLUMN instances.url_seen_at IS 'when an answer first gave the marketplace the front-end address of the instance; NULL: none has';

-- Until it is made, an instance of V2.0 is answered with another code.
UPDATE instances i
   SET url_seen_at = seen.at
  FROM (SELECT m.channel_id, m.instance_id, min(a.at) AS at
          FROM messages m
          JOIN attempts a
            ON a.message_id = m.id
           AND a.source = 'marketplace'
           AND a.result_code = '000000'
         WHERE m.activity = 'queryInstance'
           AND m.protocol = 'v2'
           AND NOT m.test
           AND m.instance_id <> ''
         GROUP BY m.channel_id, m.instance_id) seen
 WHERE i.instance_id = seen.instance_id
   AND i.channel_id = seen.channel_id
   AND i.front_end_url <> '';

-- A delivery is found by its provider's id, whatever its medium.
DROP INDEX deliveries_provider;
CREATE INDEX deliveries_provider ON deliveries (provider_ref) WHERE provider_ref <> '';

-- +goose Down
DROP INDEX deliveries_provider;
CREATE INDEX deliveries_provider ON deliveries (provider_ref) WHERE provider_ref <> '' AND medium = 'sms';
ALTER TABLE instances
    DROP COLUMN url_seen_at;
