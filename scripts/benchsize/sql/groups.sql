-- $1 failure groups, of which 40 are open.
INSERT INTO failure_groups (fingerprint, step, of_tasks, error, resolved_at, last_seen_at)
SELECT 'print-' || n, 'newInstance', false, '{"code":"internal","key":"internal"}', CASE WHEN n > 40 THEN now() END, now() - n * interval '1 minute'
  FROM generate_series(1, $1::int) AS n
