-- +goose Up
-- A failure group whose members can never pass (a renewal of what was released) is
-- closed by a person, who says why. Its members stay failed, in no group (0).
ALTER TABLE failure_groups
    ADD COLUMN closed_by text NOT NULL DEFAULT '',
    ADD COLUMN close_reason text NOT NULL DEFAULT '';
COMMENT ON COLUMN failure_groups.closed_by IS 'who closed it; empty when its members have passed, and while it is open';

-- +goose Down
ALTER TABLE failure_groups
    DROP COLUMN close_reason,
    DROP COLUMN closed_by;
