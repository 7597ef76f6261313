-- +goose Up
-- The start page and the navigation count the Licenses that wait for a person on every
-- page; their tasks are few among all.
CREATE INDEX tasks_parked_licenses ON tasks (license_id)
    WHERE status = 'pending' AND kind = 'license' AND parked_at IS NOT NULL;

-- +goose Down
DROP INDEX tasks_parked_licenses;
