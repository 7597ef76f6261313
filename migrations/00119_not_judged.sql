-- +goose Up
-- A failed message that could not be judged was noted as judged, and stayed in its group
-- until something changed. All of them are judged once more; from now on one that could
-- not be is noted as such.
UPDATE messages
   SET judged_at = NULL
 WHERE judged_at IS NOT NULL
   AND failure_group IN (SELECT id FROM failure_groups WHERE resolved_at IS NULL AND NOT of_tasks);
COMMENT ON COLUMN messages.judged_at IS 'until when whatever has happened was looked at for whether a later call has taken the place of this failed one; -infinity: it could not be';

-- +goose Down
-- Also of groups that have been resolved since, so that no index leads there: the table is
-- read from its beginning, minutes for millions of messages, when a version is taken back.
UPDATE messages
   SET judged_at = NULL
 WHERE judged_at = '-infinity'
   AND failure_group <> 0;
COMMENT ON COLUMN messages.judged_at IS 'until when whatever has happened was looked at for whether a later call has taken the place of this failed one';
