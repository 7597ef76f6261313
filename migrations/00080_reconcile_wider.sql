-- +goose Up
-- A paying customer's instance that stays frozen is a difference too.
ALTER TABLE reconcile_findings
    DROP CONSTRAINT reconcile_findings_kind_check,
    DROP CONSTRAINT reconcile_findings_repair_check,
    ADD CONSTRAINT reconcile_findings_kind_check CHECK (kind IN ('missing', 'cancelled', 'expiry', 'overdue', 'locked', 'product', 'unanswered')),
    ADD CONSTRAINT reconcile_findings_repair_check CHECK (repair IN ('', 'take_over', 'release', 'set_expiry', 'freeze', 'unfreeze', 'learn'));

-- A purchase that no free account fits waits for one as if there were none.
DROP INDEX tasks_pool_empty;
CREATE INDEX tasks_pool_waits ON tasks ((last_error #>> '{args,pool}'), id)
    WHERE status = 'failed' AND kind = 'provision' AND last_error ->> 'key' IN ('pool.empty', 'pool.none_fits');

-- Lost purchases of V1.0, which names no order line, and orders that a notice told
-- of are asked for too.
ALTER TABLE reconciliations
    ADD COLUMN told_at timestamptz,
    ADD COLUMN told_id bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN reconciliations.told_at IS 'with told_id: orders that a notice told of have been asked for up to this one, in order of the notices';
DROP INDEX messages_lost;
CREATE INDEX messages_lost ON messages (last_received_at, id)
    WHERE activity = 'newInstance' AND status IN ('failed', 'rejected') AND NOT test AND order_id <> '';
CREATE INDEX orders_told ON orders (notified_at, id) WHERE source = 'notice' AND order_type IN ('NEW', 'TRIAL');

-- +goose Down
DROP INDEX orders_told;
DROP INDEX messages_lost;
CREATE INDEX messages_lost ON messages (last_received_at, id)
    WHERE activity = 'newInstance' AND status IN ('failed', 'rejected') AND NOT test AND order_id <> '' AND order_line_id <> '';
ALTER TABLE reconciliations
    DROP COLUMN told_at,
    DROP COLUMN told_id;

DROP INDEX tasks_pool_waits;
CREATE INDEX tasks_pool_empty ON tasks ((last_error #>> '{args,pool}'), id)
    WHERE status = 'failed' AND kind = 'provision' AND last_error ->> 'key' = 'pool.empty';

DELETE FROM reconcile_findings
 WHERE kind = 'locked';
ALTER TABLE reconcile_findings
    DROP CONSTRAINT reconcile_findings_kind_check,
    DROP CONSTRAINT reconcile_findings_repair_check,
    ADD CONSTRAINT reconcile_findings_kind_check CHECK (kind IN ('missing', 'cancelled', 'expiry', 'overdue', 'product', 'unanswered')),
    ADD CONSTRAINT reconcile_findings_repair_check CHECK (repair IN ('', 'take_over', 'release', 'set_expiry', 'freeze', 'learn'));
