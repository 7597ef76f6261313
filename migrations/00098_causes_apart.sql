-- +goose Up
-- What a product, a service or a template says tells causes apart (app/store/failure.go,
-- telling). A group that is there goes on as that of its newest error, under the
-- fingerprint that the next such failure looks for, with its note and who has it. Members
-- that failed by another cause leave it, and are taken into their own group by
-- SettleFailures, or when they fail the next time. Where an older program, after a way
-- back, has made a second group of a cause, its members go to the first.
-- +goose StatementBegin
CREATE FUNCTION cause_print(error jsonb, step text, channel bigint, product text) RETURNS text LANGUAGE sql STABLE AS $$
SELECT encode(sha256(convert_to(concat_ws(E'\x1e',
           concat_ws(E'\x1f', error ->> 'code', error ->> 'key', (
               SELECT string_agg(name || '=' || (error -> 'args' ->> name), E'\x1f' ORDER BY n)
                 FROM unnest(ARRAY['code', 'status', 'driver', 'host', 'server', 'pool', 'field', 'supplier',
                                   'result_code', 'why', 'kind', 'language', 'param', 'placeholder', 'service', 'transport'])
                      WITH ORDINALITY AS t (name, n)
                WHERE error -> 'args' ? name)), step, channel, product), 'UTF8')), 'hex')
$$;
-- +goose StatementEnd
CREATE TEMPORARY TABLE told_apart ON COMMIT DROP AS
SELECT id, cause_print(error, step, channel_id, product_id) AS print
  FROM failure_groups
 WHERE error -> 'args' ?| ARRAY['result_code', 'why', 'kind', 'language', 'param', 'placeholder', 'service', 'transport'];
UPDATE failure_groups g
   SET fingerprint = a.print
  FROM told_apart a
 WHERE g.id = a.id
   AND NOT EXISTS (SELECT 1
                     FROM failure_groups o
                    WHERE o.fingerprint = a.print);
UPDATE tasks t
   SET failure_group = NULL
  FROM failure_groups g
  JOIN told_apart a USING (id)
 WHERE t.failure_group = g.id
   AND cause_print(t.last_error, g.step, g.channel_id, g.product_id) <> g.fingerprint;
UPDATE messages m
   SET failure_group = NULL
  FROM failure_groups g
  JOIN told_apart a USING (id)
 WHERE m.failure_group = g.id
   AND cause_print(m.last_error, g.step, g.channel_id, g.product_id) IS DISTINCT FROM g.fingerprint;
DROP FUNCTION cause_print;

-- +goose Down
-- An older program makes a group of its own when something fails again; those that are
-- there are resolved with their members.
SELECT 1;
