-- +goose Up
-- Why a call could not be proved authentic, found out after it was answered:
-- the checks it met and what would have made it pass. Never a secret.
ALTER TABLE attempts ADD COLUMN diagnosis jsonb;
COMMENT ON COLUMN attempts.diagnosis IS 'of a rejected attempt: checks and findings; null while it is being found out, and when there was no time to';

-- +goose Down
ALTER TABLE attempts DROP COLUMN diagnosis;
