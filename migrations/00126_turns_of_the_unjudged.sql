-- +goose Up
-- Of failed messages that could not be judged (judged_at was -infinity) the same first few
-- hundred were tried each time, so that the trouble of the others could pass unseen. It is
-- noted when each was tried last: whose turn was longest ago comes first. One of a group
-- that is resolved is not looked at; should that open, -infinity has it judged at once.
ALTER TABLE messages ADD COLUMN unjudged_at timestamptz;
COMMENT ON COLUMN messages.unjudged_at IS 'when it could not be judged, if that was so the last time';
UPDATE messages
   SET judged_at = NULL,
       unjudged_at = '-infinity'
 WHERE judged_at = '-infinity'
   AND failure_group IN (SELECT id FROM failure_groups WHERE resolved_at IS NULL AND NOT of_tasks);
COMMENT ON COLUMN messages.judged_at IS 'until when whatever has happened was looked at for whether a later call has taken the place of this failed one';

-- +goose Down
UPDATE messages
   SET judged_at = '-infinity'
 WHERE unjudged_at IS NOT NULL
   AND failure_group IN (SELECT id FROM failure_groups WHERE resolved_at IS NULL AND NOT of_tasks);
ALTER TABLE messages DROP COLUMN unjudged_at;
COMMENT ON COLUMN messages.judged_at IS 'until when whatever has happened was looked at for whether a later call has taken the place of this failed one; -infinity: it could not be';
