-- +goose Up
-- What was searched for when a restart of many was begun is kept for ever with it, for
-- people to read: a customer's name must not be, addresses and numbers are masked
-- already. An id stays, and a row's number; of anything else the first character.
UPDATE restart_batches b
   SET filter = jsonb_set(b.filter, '{q}', to_jsonb(left(f.q, 1) || '••'))
  FROM (SELECT id, filter ->> 'q' AS q FROM restart_batches WHERE filter ? 'q') f
 WHERE f.id = b.id
   AND f.q !~ '^#?[0-9]{1,6}$'
   AND f.q NOT LIKE '%•%'
   AND NOT EXISTS (SELECT 1 FROM messages WHERE order_id LIKE replace(replace(replace(f.q, '\', '\\'), '%', '\%'), '_', '\_') || '%' AND order_id <> '')
   AND NOT EXISTS (SELECT 1 FROM messages WHERE order_line_id = f.q AND order_line_id <> '')
   AND NOT EXISTS (SELECT 1 FROM messages WHERE instance_id LIKE replace(replace(replace(f.q, '\', '\\'), '%', '\%'), '_', '\_') || '%' AND instance_id <> '')
   AND NOT EXISTS (SELECT 1 FROM attempts WHERE business_id = f.q AND business_id <> '');

-- +goose Down
-- What was masked is not known any more, and stays so.
SELECT 1;
