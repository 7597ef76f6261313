-- +goose Up
-- Restarts of many messages or tasks at once. What is to be restarted is written
-- down when somebody starts it, and worked off a slice at a time: each item is
-- locked, restarted and marked in one transaction, so that a killed process
-- leaves it as it was and two processes never do one twice. The result stays.

CREATE TABLE restart_batches (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thing       text        NOT NULL CHECK (thing IN ('messages', 'tasks')),
    mode        text        NOT NULL CHECK (mode IN ('all', 'delivery')),
    status      text        NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'paused', 'cancelled', 'done')),
    filter      jsonb       NOT NULL DEFAULT '{}',
    total       integer     NOT NULL DEFAULT 0,
    restarted   integer     NOT NULL DEFAULT 0,
    refused     integer     NOT NULL DEFAULT 0,
    passed      integer     NOT NULL DEFAULT 0,
    failed      integer     NOT NULL DEFAULT 0,
    per_second  integer     NOT NULL CHECK (per_second >= 0),
    next_at     timestamptz NOT NULL DEFAULT now(),
    kicks       integer     NOT NULL DEFAULT 0,
    actor       text        NOT NULL,
    source      text        NOT NULL,
    ip          text        NOT NULL DEFAULT '',
    reason      text        NOT NULL DEFAULT '',
    changed_by  text        NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    last_error  jsonb
);
COMMENT ON COLUMN restart_batches.filter IS 'what it was chosen by, for people; empty for ticked ones';
COMMENT ON COLUMN restart_batches.per_second IS '0: as fast as it goes';
COMMENT ON COLUMN restart_batches.next_at IS 'the next slice not before';
COMMENT ON COLUMN restart_batches.kicks IS 'makes the unique key of the task that works it off';
COMMENT ON COLUMN restart_batches.changed_by IS 'who paused, resumed or cancelled it last';
COMMENT ON COLUMN restart_batches.last_error IS 'why it was paused when nobody did';
CREATE INDEX restart_batches_running ON restart_batches (next_at, id) WHERE status = 'running';
CREATE INDEX restart_batches_open ON restart_batches (id) WHERE restarted > passed + failed;

CREATE TABLE restart_items (
    batch_id bigint      NOT NULL REFERENCES restart_batches (id) ON DELETE CASCADE,
    item_id  bigint      NOT NULL,
    state    text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'restarted', 'refused')),
    outcome  text        NOT NULL DEFAULT '' CHECK (outcome IN ('', 'passed', 'failed')),
    given    integer     NOT NULL DEFAULT 0,
    hurried  integer     NOT NULL DEFAULT 0,
    ran      boolean     NOT NULL DEFAULT false,
    code     text        NOT NULL DEFAULT '',
    error    jsonb,
    done_at  timestamptz,
    PRIMARY KEY (batch_id, item_id)
);
COMMENT ON COLUMN restart_items.item_id IS 'of messages or tasks; no reference, since the result outlives them';
COMMENT ON COLUMN restart_items.outcome IS 'how it ended after the restart; empty while it is under way';
COMMENT ON COLUMN restart_items.hurried IS 'tasks that waited for their next automatic try and run now instead';
CREATE INDEX restart_items_waiting ON restart_items (batch_id, item_id) WHERE state = 'waiting';
CREATE INDEX restart_items_open ON restart_items (batch_id, item_id) WHERE state = 'restarted' AND outcome = '';
CREATE INDEX restart_items_bad ON restart_items (batch_id, item_id) WHERE state = 'refused' OR outcome = 'failed';

-- Which deliveries a message led to, for telling the customer once more.
CREATE INDEX deliveries_message ON deliveries (message_id) WHERE message_id IS NOT NULL;

-- +goose Down
DROP INDEX deliveries_message;
DROP TABLE restart_items;
DROP TABLE restart_batches;
