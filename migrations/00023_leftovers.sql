-- +goose Up
-- What may still be there at a driver although no order stands behind it: its
-- undoing failed, or only a person can do it. One row per instance and driver.
CREATE TABLE leftovers (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_pk bigint      NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    driver      text        NOT NULL,
    reason      text        NOT NULL,
    status      text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'undoing', 'gone', 'kept')),
    task_id     bigint      REFERENCES tasks (id) ON DELETE SET NULL,
    error       jsonb,
    found_at    timestamptz NOT NULL DEFAULT now(),
    decided_at  timestamptz,
    decided_by  text        NOT NULL DEFAULT '',
    note        text        NOT NULL DEFAULT ''
);
COMMENT ON COLUMN leftovers.reason IS 'undo_failed: its driver could not undo it; by_hand: only a person can; driver_unknown: this program does not have the driver; driver_changed: another driver makes the instance now; order_failed: the marketplace has given the purchase up';
COMMENT ON COLUMN leftovers.task_id IS 'the task that undoes it, if there is one';
CREATE UNIQUE INDEX leftovers_once ON leftovers (instance_pk, driver);
CREATE INDEX leftovers_status ON leftovers (status, id DESC);
CREATE INDEX leftovers_task ON leftovers (task_id) WHERE task_id IS NOT NULL;

-- +goose Down
DROP TABLE leftovers;
