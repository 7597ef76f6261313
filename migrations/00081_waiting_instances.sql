-- +goose Up
-- Whether an instance waits for a person is told by its parked task alone (see
-- tasks_parked): an upgrade waits too, whatever driver the instance has.
DROP INDEX instances_waiting;

-- +goose Down
CREATE INDEX instances_waiting ON instances (id DESC) WHERE status = 'provisioning' AND driver = 'manual';
