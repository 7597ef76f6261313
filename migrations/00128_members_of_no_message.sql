-- +goose Up
-- Whether restarting a failure group's messages reaches all of it is whether one of its
-- tasks has no message: among thousands that have one it would be looked for in all.
CREATE INDEX tasks_group_of_no_message ON tasks (failure_group, id DESC) WHERE failure_group IS NOT NULL AND message_id IS NULL;

-- +goose Down
DROP INDEX tasks_group_of_no_message;
