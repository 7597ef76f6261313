-- The statement of app/store/purchase.go for a new purchase: one round trip. Each client counts its own orders;
-- the step spreads their ids as the marketplace's are, over the pages of the indexes.
\set i :i + 1
\set n :base + (:client_id * 1000000 + :i) * 387420489 % 1000000000
SELECT o_message, o_disposition, o_instance, o_code, o_response, o_task
  FROM take_purchase(:channel, 'v2', 'newInstance', false, 'newInstance/CS' || :n || '/CS' || :n || '-000001',
                     sha256(:n::text::bytea), 'CS' || :n, 'CS' || :n || '-000001',
                     md5(:n::text)::uuid::text, md5(:n::text)::uuid::text, gen_random_uuid()::text,
                     now(), 300, '127.0.0.1', :request, :answer, :answer, now() + interval '3 hours',
                     make_interval(secs => 5));
