-- +goose Up
-- What fails for the same reason is one thing to put right, however many orders
-- it touches: a failing task, or a failing message that has no task, belongs to
-- the group of its cause (the error without its particulars), its step and its
-- product. A group is resolved when nothing belongs to it any more, and is open
-- again when something does.

CREATE TABLE failure_groups (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fingerprint   text        NOT NULL UNIQUE,
    channel_id    bigint      NOT NULL DEFAULT 0,
    product_id    text        NOT NULL DEFAULT '',
    step          text        NOT NULL,
    of_tasks      boolean     NOT NULL,
    error         jsonb       NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    opened_at     timestamptz NOT NULL DEFAULT now(),
    resolved_at   timestamptz,
    reopened      integer     NOT NULL DEFAULT 0,
    most_orders   integer     NOT NULL DEFAULT 0,
    note          text        NOT NULL DEFAULT '',
    snoozed_until timestamptz,
    assignee_id   bigint      REFERENCES operators (id) ON DELETE SET NULL
);
COMMENT ON COLUMN failure_groups.step IS 'kind of the task that fails or, of_tasks being false, activity of the message';
COMMENT ON COLUMN failure_groups.product_id IS 'empty before the product is known, and for steps in which it plays no part';
COMMENT ON COLUMN failure_groups.error IS 'the newest error, with its particulars';
COMMENT ON COLUMN failure_groups.opened_at IS 'since when it is open this time';
COMMENT ON COLUMN failure_groups.most_orders IS 'the most orders that it touched at a time, counted up to 1001';
CREATE INDEX failure_groups_recent ON failure_groups (last_seen_at DESC, id DESC);
CREATE INDEX failure_groups_open ON failure_groups (last_seen_at DESC, id DESC) WHERE resolved_at IS NULL;
CREATE INDEX failure_groups_assignee ON failure_groups (assignee_id) WHERE assignee_id IS NOT NULL;

-- Membership stands with the member. No foreign key: groups are never deleted,
-- and the key would lock the group's one row with each failure.
ALTER TABLE tasks ADD COLUMN failure_group bigint;
ALTER TABLE messages ADD COLUMN failure_group bigint;
COMMENT ON COLUMN tasks.failure_group IS 'of failure_groups, while the task fails';
COMMENT ON COLUMN messages.failure_group IS 'of failure_groups, while the message, or the task it waits for, fails';
CREATE INDEX tasks_failure_group ON tasks (failure_group, id DESC) WHERE failure_group IS NOT NULL;
CREATE INDEX messages_failure_group ON messages (failure_group, last_received_at DESC, id DESC) WHERE failure_group IS NOT NULL;
CREATE INDEX messages_failure_deadline ON messages (failure_group, retry_until) WHERE failure_group IS NOT NULL;
-- What failed without finding its group: before there were groups, or with its worker.
CREATE INDEX tasks_ungrouped ON tasks (id) WHERE status = 'failed' AND failure_group IS NULL;
CREATE INDEX messages_ungrouped ON messages (id) WHERE status = 'failed' AND failure_group IS NULL AND NOT test;

-- Whoever ends a member, by whatever statement, takes it out of its group. The
-- conditions are checked without calling the function.
-- +goose StatementBegin
CREATE FUNCTION leave_failure_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.failure_group := NULL;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER tasks_leave_failure_group BEFORE UPDATE ON tasks FOR EACH ROW
    WHEN (OLD.failure_group IS NOT NULL AND (NEW.status IN ('succeeded', 'cancelled') OR NEW.last_error IS NULL))
    EXECUTE FUNCTION leave_failure_group();
CREATE TRIGGER messages_leave_failure_group BEFORE UPDATE ON messages FOR EACH ROW
    WHEN (OLD.failure_group IS NOT NULL AND NEW.status IN ('succeeded', 'rejected'))
    EXECUTE FUNCTION leave_failure_group();

-- +goose Down
DROP TRIGGER messages_leave_failure_group ON messages;
DROP TRIGGER tasks_leave_failure_group ON tasks;
DROP FUNCTION leave_failure_group;
ALTER TABLE messages DROP COLUMN failure_group;
ALTER TABLE tasks DROP COLUMN failure_group;
DROP TABLE failure_groups;
