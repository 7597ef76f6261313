-- +goose Up
-- What the marketplace's probes, which are debugging calls, came to, and how calls
-- of the last day went, is read by time. Attempts are written in its order.
CREATE INDEX attempts_at ON attempts USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- +goose Down
DROP INDEX attempts_at;
