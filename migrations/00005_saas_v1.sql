-- +goose Up
-- What SaaS V1.0 needs beside V2.0. An instance remembers which generation it was
-- bought by, since lengths of access data and the answers that show it differ. A
-- V1.0 order has no lines; one that is charged by use may bring several
-- purchases, told apart by their productId.
ALTER TABLE instances
    ADD COLUMN protocol     text NOT NULL DEFAULT 'v2',
    ADD COLUMN billing_item text NOT NULL DEFAULT '',
    ADD COLUMN frozen_by    text NOT NULL DEFAULT '';
COMMENT ON COLUMN instances.billing_item IS 'productId of a V1.0 purchase that is charged by use; an order may have several such. Empty for everything else';
COMMENT ON COLUMN instances.frozen_by IS '"expiry": frozen by expireInstance (V1.0), which a renewal undoes; "status": frozen by a status change, which only a status change undoes. Empty: V2.0, or not frozen';
DROP INDEX instances_order_line;
CREATE UNIQUE INDEX instances_order_line ON instances (channel_id, order_id, order_line_id, billing_item);

-- +goose Down
DROP INDEX instances_order_line;
CREATE UNIQUE INDEX instances_order_line ON instances (channel_id, order_id, order_line_id);
ALTER TABLE instances
    DROP COLUMN frozen_by,
    DROP COLUMN billing_item,
    DROP COLUMN protocol;
