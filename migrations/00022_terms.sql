-- +goose Up
-- What decides an instance's expiry and product is kept, not only what came of
-- it: answers of order queries come in any order, and the result must not depend
-- on it.
ALTER TABLE instances
    ADD COLUMN told_expires_at    timestamptz,
    ADD COLUMN told_product_id    text   NOT NULL DEFAULT '',
    ADD COLUMN told_after         bigint NOT NULL DEFAULT 0,
    ADD COLUMN ordered_product_id text   NOT NULL DEFAULT '',
    ADD COLUMN ordered_at         timestamptz,
    ADD COLUMN ordered_task       bigint NOT NULL DEFAULT 0,
    ADD COLUMN ordered_expires_at timestamptz,
    ADD COLUMN ordered_expiry_at  timestamptz;
COMMENT ON COLUMN instances.told_expires_at IS 'expiry that the last refreshInstance told; of no effect on what is charged once or by use';
COMMENT ON COLUMN instances.told_product_id IS 'product that the last refreshInstance named';
COMMENT ON COLUMN instances.told_after IS 'newest task of the instance at that time: orders learned by a later one are newer';
COMMENT ON COLUMN instances.ordered_product_id IS 'product of the order that rules, the newest by when it was placed';
COMMENT ON COLUMN instances.ordered_at IS 'when that order was placed';
COMMENT ON COLUMN instances.ordered_task IS 'task that learned that order';
COMMENT ON COLUMN instances.ordered_expires_at IS 'expiry of the newest order that has one';
COMMENT ON COLUMN instances.ordered_expiry_at IS 'when that order was placed';
COMMENT ON COLUMN instances.frozen_by IS '"expiry": frozen by expireInstance (V1.0), which a renewal undoes; "status": frozen by a status change, which only a status change undoes. Empty: not frozen';

UPDATE instances i
   SET told_expires_at = CASE WHEN expiry_set_by = 'refresh' THEN expires_at END,
       told_product_id = CASE WHEN order_known_at IS NULL THEN product_id ELSE '' END,
       told_after = CASE WHEN order_known_at IS NULL AND product_id <> '' THEN COALESCE((SELECT max(t.id) FROM tasks t WHERE t.instance_pk = i.id), 0) ELSE 0 END,
       ordered_product_id = CASE WHEN order_known_at IS NULL THEN '' ELSE product_id END,
       ordered_at = CASE WHEN order_known_at IS NOT NULL THEN created_at END,
       ordered_expires_at = CASE WHEN expiry_set_by = 'order' THEN expires_at END,
       ordered_expiry_at = CASE WHEN expiry_set_by = 'order' THEN created_at END,
       frozen_by = CASE WHEN frozen_at IS NOT NULL AND frozen_by = '' THEN 'status' ELSE frozen_by END
 WHERE expires_at IS NOT NULL
    OR product_id <> ''
    OR frozen_at IS NOT NULL;

-- +goose Down
ALTER TABLE instances
    DROP COLUMN told_expires_at,
    DROP COLUMN told_product_id,
    DROP COLUMN told_after,
    DROP COLUMN ordered_product_id,
    DROP COLUMN ordered_at,
    DROP COLUMN ordered_task,
    DROP COLUMN ordered_expires_at,
    DROP COLUMN ordered_expiry_at;
