-- +goose Up
-- The logs that only grow, arrivals of calls and tries of tasks, are going to be
-- kept by month (00069). A row's month is a column of its own, since what must
-- stay longer than its month is moved by changing it. What there is already says
-- 'before', and is not touched: a constant default is written down once, in the
-- catalogue. For that moment each table is locked whole (ACCESS EXCLUSIVE, some
-- milliseconds); the constraint, by which 00069 takes the tables over without
-- copying them, is checked there, while calls go on.
SET LOCAL lock_timeout = '5s'; -- behind a long read, a dump for instance, calls would have to wait as long: rather try again

ALTER TABLE task_attempts
    ADD COLUMN part text COLLATE "C" NOT NULL DEFAULT 'before',
    ADD CONSTRAINT task_attempts_before_only CHECK (part = 'before') NOT VALID;
ALTER TABLE attempts
    ADD COLUMN part text COLLATE "C" NOT NULL DEFAULT 'before',
    ADD CONSTRAINT attempts_before_only CHECK (part = 'before') NOT VALID;

-- +goose Down
ALTER TABLE attempts DROP COLUMN part;
ALTER TABLE task_attempts DROP COLUMN part;
