-- +goose Up
-- Whoever holds an id pastes it into the search. Some were in no column: the Message-ID
-- of an earlier sending of a delivery, which the customer's mail still has after a
-- resend has given the delivery another; and the order that a repeat of a call names
-- while the first arrival named another (each releaseInstance may have an order of its
-- own). Both are written only where they differ from what stands there already.
CREATE TABLE delivery_refs (
    message_ref text   PRIMARY KEY,
    delivery_id bigint NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE
);
COMMENT ON TABLE delivery_refs IS 'the Message-IDs of earlier sendings of deliveries';
CREATE INDEX delivery_refs_delivery ON delivery_refs (delivery_id);
INSERT INTO delivery_refs (message_ref, delivery_id)
SELECT DISTINCT ON (r.message_ref) r.message_ref, r.delivery_id
  FROM delivery_receipts r
  JOIN deliveries d ON d.id = r.delivery_id
 WHERE r.message_ref <> d.message_ref
   AND r.message_ref LIKE '<%' -- others are parts of one
 ORDER BY r.message_ref, r.delivery_id;

ALTER TABLE attempts ADD COLUMN order_id text;
COMMENT ON COLUMN attempts.order_id IS 'the order that this arrival names; null where it is the message''s';
CREATE INDEX attempts_order ON attempts (order_id) WHERE order_id IS NOT NULL;

CREATE INDEX alert_messages_ref ON alert_messages (message_ref);

-- +goose Down
DROP INDEX alert_messages_ref;
ALTER TABLE attempts DROP COLUMN order_id;
DROP TABLE delivery_refs;
