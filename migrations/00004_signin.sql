-- +goose Up
-- Sessions are sealed, so nobody can pick an operator's sessions out of their
-- table. Each carries the epoch of its operator instead: when that grows (a new
-- password), every session of before is over.
ALTER TABLE operators ADD COLUMN session_epoch integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN operators.session_epoch IS 'a session with another epoch is not valid any more';

-- +goose Down
ALTER TABLE operators DROP COLUMN session_epoch;
