-- +goose Up
-- A channel's last self-check, kept to be read and downloaded again. A run that
-- was asked for and has not ended within its time was lost with its process;
-- the report of the run before stays until another one is there.
CREATE TABLE self_checks (
    channel_id   bigint      PRIMARY KEY REFERENCES channels (id) ON DELETE CASCADE,
    asked_at     timestamptz NOT NULL,
    asked_by     text        NOT NULL,
    ends_by      timestamptz NOT NULL,
    ended_at     timestamptz,
    last_error   jsonb,
    report       jsonb,
    reported_by  text        NOT NULL DEFAULT '',
    reported_at  timestamptz
);
COMMENT ON COLUMN self_checks.report IS 'the last report that there is: no keys, no proofs, only debugging calls and their answers';
COMMENT ON COLUMN self_checks.last_error IS 'why the last run gave no report';

-- +goose Down
DROP TABLE self_checks;
