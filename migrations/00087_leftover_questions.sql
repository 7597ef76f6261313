-- +goose Up
-- What a product of the seller may hold is shown once: up to which question it was,
-- so that what another product was asked later is not taken for it.
ALTER TABLE leftovers ADD COLUMN event_id bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN leftovers.event_id IS 'the last question to a product of the seller (events.id) of which it was shown what that one may hold; 0: none';
UPDATE leftovers l
   SET event_id = asked.last
  FROM (SELECT o.id, max(e.id) AS last
          FROM leftovers o
          JOIN events e ON e.instance_pk = o.instance_pk
         WHERE o.driver = 'webhook'
           AND o.reason = 'driver_changed'
           AND e.to_product
           AND e.type IN ('instance.provision', 'instance.upgraded')
           AND e.created_at <= o.found_at
         GROUP BY o.id) asked
 WHERE l.id = asked.id;

-- +goose Down
ALTER TABLE leftovers DROP COLUMN event_id;
