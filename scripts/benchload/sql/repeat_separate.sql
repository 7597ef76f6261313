-- What a plain implementation sends when a purchase is repeated: a transaction of separate statements, seven round
-- trips. The clients go round :lines orders, each beginning somewhere else; businessId is new on every arrival.
\set i :i + 1
\set n :base + (:client_id * 127 + :i) % :lines
\set b random(0, 1000000000000)
BEGIN;
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, content_hash, status, result_code,
                      order_id, order_line_id, business_id, instance_id, attempts,
                      first_received_at, last_received_at, retry_until)
VALUES (:channel, 'v2', 'newInstance', false, 'newInstance/CS' || :n || '/CS' || :n || '-000001', sha256(:n::text::bytea),
        'processing', '000004', 'CS' || :n, 'CS' || :n || '-000001', md5(:b::text)::uuid::text, md5(:b::text)::uuid::text, 1,
        now(), now(), now() + interval '3 hours')
ON CONFLICT (channel_id, test, idem_key) DO NOTHING
RETURNING id;
SELECT id AS message, status, instance_id AS instance, first_received_at, content_hash IS DISTINCT FROM sha256(:n::text::bytea) AS conflict
  FROM messages
 WHERE channel_id = :channel
   AND test = false
   AND idem_key = 'newInstance/CS' || :n || '/CS' || :n || '-000001'
   FOR UPDATE \gset
SELECT provisioned_at IS NOT NULL OR released_at IS NOT NULL AS ready
  FROM instances
 WHERE instance_id = :instance \gset
UPDATE messages
   SET attempts = attempts + 1,
       result_code = '000004',
       last_received_at = GREATEST(last_received_at, now()),
       updated_at = now()
 WHERE id = :message;
INSERT INTO attempts (message_id, at, source, disposition, result_code, duration_us, business_id, remote_ip,
                      request_sealed, response)
VALUES (:message, now(), 'marketplace', 'repeat', '000004', 300, md5(:b::text)::uuid::text, '127.0.0.1',
        :request, replace(:answer, '@@INSTANCE@@', :instance));
COMMIT;
