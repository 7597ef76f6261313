-- $1 messages, one every ten seconds, of which 2 % failed, each in one of 40 groups: a bigger database has a
-- longer past, and groups with more members. What a message is, is drawn by chance, the same each time.
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, result_code, order_id, order_line_id, business_id,
                      instance_id, attempts, first_received_at, last_received_at, last_error, failure_group)
SELECT CASE WHEN (hashint8extended(n, 1) & 65535) % 20 = 0 THEN 2 ELSE 1 END, CASE WHEN (hashint8extended(n, 2) & 65535) % 25 = 0 THEN 'v1' ELSE 'v2' END,
       (ARRAY['newInstance','queryInstance','refreshInstance','updateInstanceStatus','releaseInstance','upgradeInstance','changeInstanceCheck'])[1 + (hashint8extended(n, 3) & 65535) % 7],
       (hashint8extended(n, 4) & 65535) % 20 = 0, 'key-' || n, s.status, CASE WHEN s.status = 'failed' THEN '000005' ELSE '000000' END,
       'CS' || n / 4, 'CS' || n / 4 || '-000001', 'b-' || n, 'inst-' || n / 4, 1,
       now() - n * interval '10 seconds', now() - n * interval '10 seconds',
       CASE WHEN s.status = 'failed' THEN '{"code":"internal","key":"internal"}'::jsonb END,
       CASE WHEN s.status = 'failed' THEN 1 + (hashint8extended(n, 6) & 65535) % 40 END
  FROM generate_series($1::int, 1, -1) AS n
 CROSS JOIN LATERAL (SELECT (hashint8extended(n, 5) & 65535) % 200 AS r) drawn
 CROSS JOIN LATERAL (SELECT CASE WHEN r < 4 THEN 'failed' WHEN r < 8 THEN 'processing' WHEN r = 8 THEN 'rejected' ELSE 'succeeded' END) AS s (status)
