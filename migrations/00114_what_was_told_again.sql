-- +goose Up
-- How a restart that tells customers again has ended is judged by what it sent. Other
-- deliveries of the message, which it left alone, say nothing of it: one that failed
-- long ago and may not be sent again would make a failure of it for ever.
ALTER TABLE restart_items ADD COLUMN deliveries bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN restart_items.deliveries IS 'what was sent again, where customers are told again; no reference, since the result outlives them';

-- Of what is under way it was what counts as sent again.
UPDATE restart_items i
   SET deliveries = ARRAY(SELECT d.id
                            FROM deliveries d
                           WHERE d.message_id = i.item_id
                             AND d.resends > 0
                             AND d.status <> 'cancelled')
  FROM restart_batches b
 WHERE b.id = i.batch_id
   AND b.mode = 'delivery'
   AND i.state = 'restarted'
   AND i.outcome = '';

-- +goose Down
ALTER TABLE restart_items DROP COLUMN deliveries;
