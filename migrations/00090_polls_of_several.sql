-- +goose Up
-- A queryInstance may ask for up to 100 instances. The first stands with the message,
-- as that of every other call; the others stand here, so that whoever looks for one
-- of them finds the poll too: pages, searches, stuck work, and above all erasure,
-- since its answers hold the access data of all of them. Rows of their own, and not an
-- array in the message: they are written once, while a message is updated with every
-- repeat, and an instance is also looked for by the beginning of its id.
CREATE TABLE message_instances (
    message_id  bigint   NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    place       smallint NOT NULL,
    instance_id text     NOT NULL,
    PRIMARY KEY (message_id, place)
);
COMMENT ON TABLE message_instances IS 'the instances that a call names behind messages.instance_id';
COMMENT ON COLUMN message_instances.place IS 'in the order asked, from 2 on';
CREATE INDEX message_instances_instance ON message_instances (instance_id text_pattern_ops, message_id);

-- A poll of several that are not all ready is answered with success. So it has a
-- column whether an answer lacked access data.
ALTER TABLE messages ADD COLUMN lacked_at timestamptz;
COMMENT ON COLUMN messages.lacked_at IS 'when a poll was answered last, if an instance that it asks for was still being made then';
UPDATE messages
   SET lacked_at = last_received_at
 WHERE activity = 'queryInstance'
   AND result_code = '000004'
   AND NOT test;
DROP INDEX messages_unseen;
CREATE INDEX messages_unseen ON messages (last_received_at, id) WHERE lacked_at IS NOT NULL AND NOT test;

-- Which instances the polls of several asked for that are known already cannot be read
-- here: their key is a digest, their requests are sealed. It is noted when they come
-- again or are restarted. Until then nobody could tell whose access data their answers
-- hold, so those are emptied now, as they would be after RETAIN_PAYLOADS days; the
-- requests, which hold ids only, stay, and with them everything else.
UPDATE attempts a
   SET response_sealed = NULL,
       emptied_at = now()
  FROM messages m
 WHERE a.message_id = m.id
   AND a.response_sealed IS NOT NULL
   AND m.activity = 'queryInstance'
   AND NOT m.test
   AND m.idem_key ~ '^(v1/)?queryInstance/[0-9a-f]{64}$'
   AND right(m.idem_key, 64) <> m.instance_id;

-- +goose Down
DROP INDEX messages_unseen;
CREATE INDEX messages_unseen ON messages (last_received_at, id)
    WHERE activity = 'queryInstance' AND result_code = '000004' AND NOT test;
ALTER TABLE messages DROP COLUMN lacked_at;
DROP TABLE message_instances;
