-- +goose Up
-- Failure groups, alerts and the results of restarts outlive the customers that they
-- began with. What a product of the seller, or a caller, said in its own words may
-- name one, so it is not kept there any more (the list is fault.Words in the program).
UPDATE failure_groups
   SET error = jsonb_set(error - 'detail', CASE WHEN error ->> 'key' IN ('webhook.refused', 'license.supplier_refused') THEN '{args,message}' ELSE '{args,got}' END::text[], '"…"', false)
 WHERE error ? 'detail' AND error ->> 'key' <> 'internal'
    OR error ->> 'key' IN ('webhook.refused', 'license.supplier_refused')
    OR error ->> 'key' LIKE 'call.%';
UPDATE failure_groups -- a defect is known by what it said, without particulars
   SET error = jsonb_set(error, '{detail}', to_jsonb(regexp_replace(error ->> 'detail', '\S+@\S+|[0-9a-fA-F]{8,}(-[0-9a-fA-F]{4,})*|[0-9]+|"[^"]*"', '#', 'g')))
 WHERE error ->> 'key' = 'internal'
   AND error ? 'detail';
UPDATE alerts
   SET error = jsonb_set(error - 'detail', CASE WHEN error ->> 'key' IN ('webhook.refused', 'license.supplier_refused') THEN '{args,message}' ELSE '{args,got}' END::text[], '"…"', false)
 WHERE error ? 'detail'
    OR error ->> 'key' IN ('webhook.refused', 'license.supplier_refused')
    OR error ->> 'key' LIKE 'call.%';
UPDATE restart_items
   SET error = jsonb_set(error - 'detail', CASE WHEN error ->> 'key' IN ('webhook.refused', 'license.supplier_refused') THEN '{args,message}' ELSE '{args,got}' END::text[], '"…"', false)
 WHERE error ? 'detail'
    OR error ->> 'key' IN ('webhook.refused', 'license.supplier_refused')
    OR error ->> 'key' LIKE 'call.%';

-- +goose Down
-- What was taken out does not come back.
SELECT 1;
