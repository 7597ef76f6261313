-- The orders that the repeats go round, as they were first received a minute ago.
SELECT count(*)
  FROM generate_series($2::bigint, $2::bigint + $3::bigint - 1) AS n,
       take_purchase($1, 'v2', 'newInstance', false, 'newInstance/CS' || n || '/CS' || n || '-000001',
                     sha256(n::text::bytea), 'CS' || n, 'CS' || n || '-000001',
                     md5(n::text)::uuid::text, md5(n::text)::uuid::text, gen_random_uuid()::text,
                     now() - interval '1 minute', 300, '127.0.0.1', $4, $5, $5, now() + interval '3 hours',
                     make_interval(secs => 5))
