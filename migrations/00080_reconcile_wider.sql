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

-- +goose Down
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
