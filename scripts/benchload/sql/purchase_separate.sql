-- What a plain implementation sends for a new purchase: a transaction of separate statements, six round trips.
-- The values are those of one call, the index entries and the text lengths too. Each client counts its own orders;
-- the step spreads their ids as the marketplace's are, over the pages of the indexes.
\set i :i + 1
\set n :base + (:client_id * 1000000 + :i) * 387420489 % 1000000000
BEGIN;
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, content_hash, status, result_code,
                      order_id, order_line_id, business_id, instance_id, attempts,
                      first_received_at, last_received_at, retry_until)
VALUES (:channel, 'v2', 'newInstance', false, 'newInstance/CS' || :n || '/CS' || :n || '-000001', sha256(:n::text::bytea),
        'processing', '000004', 'CS' || :n, 'CS' || :n || '-000001', md5(:n::text)::uuid::text, md5(:n::text)::uuid::text, 1,
        now(), now(), now() + interval '3 hours')
ON CONFLICT (channel_id, test, idem_key) DO NOTHING
RETURNING id AS message \gset
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
VALUES (:channel, md5(:n::text)::uuid::text, 'CS' || :n, 'CS' || :n || '-000001', md5(:n::text)::uuid::text)
ON CONFLICT DO NOTHING
RETURNING id AS instance \gset
INSERT INTO tasks (kind, purpose, message_id, instance_pk, order_id, order_line_id, unique_key)
VALUES ('order_query', 'purchase', :message, :instance, 'CS' || :n, 'CS' || :n || '-000001',
        'order_query/purchase/' || :message)
RETURNING id AS task \gset
INSERT INTO attempts (message_id, at, source, disposition, result_code, duration_us, business_id, remote_ip,
                      request_sealed, response)
VALUES (:message, now(), 'marketplace', 'new', '000004', 300, md5(:n::text)::uuid::text, '127.0.0.1',
        :request, replace(:answer, '@@INSTANCE@@', md5(:n::text)::uuid::text));
COMMIT;
