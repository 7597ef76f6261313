-- +goose Up
-- What a list of failure groups shows of big ones is counted by the clock: to count up
-- to a thousand members of each whenever the list was read took fifteen times as long
-- with ten million messages as with a hundred thousand.
ALTER TABLE failure_groups
    ADD COLUMN given_up integer NOT NULL DEFAULT 0,
    ADD COLUMN retrying integer NOT NULL DEFAULT 0,
    ADD COLUMN orders integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN failure_groups.given_up IS 'members that nobody tries again by itself, as last counted, up to 1001';
COMMENT ON COLUMN failure_groups.retrying IS 'members that are tried again by themselves, as last counted, up to 1001';
COMMENT ON COLUMN failure_groups.orders IS 'orders that it touches, as last counted, up to 1001';

-- Members are counted from the index alone. Nothing is dropped before all is built: who
-- reads does not wait meanwhile.
CREATE INDEX messages_group_members ON messages (failure_group, last_received_at DESC, id DESC) INCLUDE (status, order_id) WHERE failure_group IS NOT NULL;
CREATE INDEX tasks_group_members ON tasks (failure_group, id DESC) INCLUDE (status, order_id, instance_pk) WHERE failure_group IS NOT NULL;
DROP INDEX messages_failure_group, tasks_failure_group;
ALTER INDEX messages_group_members RENAME TO messages_failure_group;
ALTER INDEX tasks_group_members RENAME TO tasks_failure_group;

-- +goose Down
DROP INDEX tasks_failure_group;
CREATE INDEX tasks_failure_group ON tasks (failure_group, id DESC) WHERE failure_group IS NOT NULL;
DROP INDEX messages_failure_group;
CREATE INDEX messages_failure_group ON messages (failure_group, last_received_at DESC, id DESC) WHERE failure_group IS NOT NULL;
ALTER TABLE failure_groups
    DROP COLUMN given_up,
    DROP COLUMN retrying,
    DROP COLUMN orders;
