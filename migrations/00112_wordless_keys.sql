-- +goose Up
-- Of a call that cannot be read, the name of the field is the caller's own word: it is
-- not kept beyond the call either (the list is fault.Words in the program).
UPDATE failure_groups
   SET error = jsonb_set(error, '{args,field}', '"…"', false)
 WHERE error ->> 'key' IN ('call.query_format', 'call.duplicate_key');
UPDATE alerts
   SET error = jsonb_set(error, '{args,field}', '"…"', false)
 WHERE error ->> 'key' IN ('call.query_format', 'call.duplicate_key');
UPDATE restart_items
   SET error = jsonb_set(error, '{args,field}', '"…"', false)
 WHERE error ->> 'key' IN ('call.query_format', 'call.duplicate_key');

-- +goose Down
-- What was taken out does not come back.
SELECT 1;
