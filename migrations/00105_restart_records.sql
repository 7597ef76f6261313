-- +goose Up
-- A restart of one message or task is kept as a batch of one: who, why and what came
-- of it outlive its attempt, which goes with its month. The attempt of a restart names
-- the one that it belongs to, and the task where one alone was restarted, so that why
-- and what was done need not be guessed from the time. A message's page and a task
-- look up their restarts by what was restarted.
ALTER TABLE attempts
    ADD COLUMN restart_id bigint,
    ADD COLUMN task_id    bigint;
COMMENT ON COLUMN attempts.restart_id IS 'of restart_batches, which outlive it; null for what is no restart, and for restarts of a time when single ones were not kept';
COMMENT ON COLUMN attempts.task_id IS 'the task that alone was restarted; null where the message was';
CREATE INDEX restart_items_item ON restart_items (item_id, batch_id);

-- +goose Down
DROP INDEX restart_items_item;
ALTER TABLE attempts
    DROP COLUMN task_id,
    DROP COLUMN restart_id;
