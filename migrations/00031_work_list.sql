-- +goose Up
-- The work list holds everything whose access data somebody has to hand in: a
-- person, or the seller's own system that has promised to. The latter's tasks are
-- parked too, but run again some day, so that run_at does not tell them.
DROP INDEX tasks_parked;
CREATE INDEX tasks_parked ON tasks (instance_pk)
    WHERE status = 'pending' AND kind = 'provision' AND parked_at IS NOT NULL;

-- +goose Down
DROP INDEX tasks_parked;
CREATE INDEX tasks_parked ON tasks (instance_pk)
    WHERE status = 'pending' AND kind = 'provision' AND run_at > '9999-01-01 00:00:00+00';
