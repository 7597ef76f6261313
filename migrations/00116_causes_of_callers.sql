-- +goose Up
-- The name of a field that a caller made up is no cause of its own (app/store/failure.go,
-- cause): whoever sent a call with another name each time made a failure group each. The
-- first that is open, or else the first, goes on for all of them, with its note, under
-- the fingerprint that the next such call looks for; the others are left by their
-- members, and resolved by SettleFailures. Only messages fail so.
CREATE TEMPORARY TABLE made_up ON COMMIT DROP AS
SELECT id, print, first_value(id) OVER (PARTITION BY print ORDER BY resolved_at IS NOT NULL, id) AS stays
  FROM (SELECT id, resolved_at,
               encode(sha256(convert_to(concat_ws(E'\x1e', concat_ws(E'\x1f', error ->> 'code', error ->> 'key', 'field=…'), step, channel_id, product_id), 'UTF8')), 'hex') AS print
          FROM failure_groups
         WHERE error ->> 'key' IN ('call.query_format', 'call.duplicate_key')
           AND error -> 'args' ? 'field') g;
UPDATE messages m
   SET failure_group = u.stays
  FROM made_up u
 WHERE m.failure_group = u.id
   AND u.id <> u.stays;
UPDATE failure_groups g -- an older program's next failure finds no two under one name
   SET fingerprint = 'left/' || u.id
  FROM made_up u
 WHERE g.id = u.id
   AND u.id <> u.stays;
UPDATE failure_groups g
   SET fingerprint = u.print
  FROM made_up u
 WHERE g.id = u.id
   AND u.id = u.stays;

-- +goose Down
-- An older program makes a group of its own when such a call comes again; those that are
-- there are resolved with their members.
SELECT 1;
