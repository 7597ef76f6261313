-- +goose Up
-- Stuck work. A due task without a job in Redis is stuck once nobody has handed
-- it over for a while; one that was just taken back, to be handed over again, is
-- not, however long it has been due. The column changes where the row changes
-- anyway, and in no index.
ALTER TABLE tasks ADD COLUMN taken_back_at timestamptz;
COMMENT ON COLUMN tasks.taken_back_at IS 'when it was last taken back from Redis, to be handed over again';

-- Polls whose last answer was "still being made": few, and those of instances
-- that are ready have not come again since.
CREATE INDEX messages_unseen ON messages (last_received_at, id)
    WHERE activity = 'queryInstance' AND result_code = '000004' AND NOT test;

-- What was handed over, and what runs, is also read on from where a page ended.
DROP INDEX tasks_handed;
CREATE INDEX tasks_handed ON tasks (enqueued_at, id) WHERE status = 'pending' AND enqueued_at IS NOT NULL;
DROP INDEX tasks_running;
CREATE INDEX tasks_running ON tasks (leased_until, id) WHERE status = 'running';

-- +goose Down
DROP INDEX tasks_running;
CREATE INDEX tasks_running ON tasks (leased_until) WHERE status = 'running';
DROP INDEX tasks_handed;
CREATE INDEX tasks_handed ON tasks (enqueued_at) WHERE status = 'pending' AND enqueued_at IS NOT NULL;
DROP INDEX messages_unseen;
ALTER TABLE tasks DROP COLUMN taken_back_at;
