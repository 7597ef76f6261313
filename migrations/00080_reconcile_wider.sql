-- +goose Up
-- A paying customer's instance that stays frozen is a difference too.
ALTER TABLE reconcile_findings
    DROP CONSTRAINT reconcile_findings_kind_check,
    DROP CONSTRAINT reconcile_findings_repair_check,
    ADD CONSTRAINT reconcile_findings_kind_check CHECK (kind IN ('missing', 'cancelled', 'expiry', 'overdue', 'locked', 'product', 'unanswered')),
    ADD CONSTRAINT reconcile_findings_repair_check CHECK (repair IN ('', 'take_over', 'release', 'set_expiry', 'freeze', 'unfreeze', 'learn'));

-- +goose Down
DELETE FROM reconcile_findings
 WHERE kind = 'locked';
ALTER TABLE reconcile_findings
    DROP CONSTRAINT reconcile_findings_kind_check,
    DROP CONSTRAINT reconcile_findings_repair_check,
    ADD CONSTRAINT reconcile_findings_kind_check CHECK (kind IN ('missing', 'cancelled', 'expiry', 'overdue', 'product', 'unanswered')),
    ADD CONSTRAINT reconcile_findings_repair_check CHECK (repair IN ('', 'take_over', 'release', 'set_expiry', 'freeze', 'learn'));
