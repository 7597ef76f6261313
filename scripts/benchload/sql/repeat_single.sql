-- The statement of app/store/purchase.go when a purchase is repeated: one round trip. The clients go round :lines
-- orders, each beginning somewhere else; businessId is new on every arrival.
\set i :i + 1
\set n :base + (:client_id * 127 + :i) % :lines
\set b random(0, 1000000000000)
SELECT o_message, o_disposition, o_instance, o_code, o_response, o_task
  FROM take_purchase(:channel, 'v2', 'newInstance', false, 'newInstance/CS' || :n || '/CS' || :n || '-000001',
                     sha256(:n::text::bytea), 'CS' || :n, 'CS' || :n || '-000001',
                     md5(:b::text)::uuid::text, md5(:b::text)::uuid::text, gen_random_uuid()::text,
                     now(), 300, '127.0.0.1', :request, :answer, :answer, now() + interval '3 hours',
                     make_interval(secs => 5));
