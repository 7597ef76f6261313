-- +goose Up
-- Personal data is taken out: of instances that were released long enough ago,
-- and of one customer when he asks for it. The rows stay with what is no personal
-- data, and say since when.

ALTER TABLE instances ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN instances.erased_at IS 'since when it holds no personal data and no access data any more';
CREATE INDEX instances_erasable ON instances (released_at, id) WHERE released_at IS NOT NULL AND erased_at IS NULL;

ALTER TABLE orders ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN orders.erased_at IS 'since when it does not name its buyer any more';

ALTER TABLE deliveries ADD COLUMN emptied_at timestamptz;
COMMENT ON COLUMN deliveries.emptied_at IS 'when its text was taken out';
ALTER TABLE events ADD COLUMN emptied_at timestamptz;
COMMENT ON COLUMN events.emptied_at IS 'when its payload was taken out';

-- The record of an erasure on request holds no personal data. The customer is
-- found in it by a keyed hash, so that a second request can be answered.
CREATE TABLE erasures (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id    bigint      NOT NULL REFERENCES channels (id),
    customer_bidx bytea       NOT NULL,
    actor         text        NOT NULL,
    reason        text        NOT NULL,
    forced        boolean     NOT NULL,
    counts        jsonb       NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN erasures.forced IS 'although instances of his were still in use: what those need stayed';
COMMENT ON COLUMN erasures.counts IS 'how many rows of each kind were emptied';
CREATE INDEX erasures_customer ON erasures (channel_id, customer_bidx, id DESC);

-- +goose Down
DROP TABLE erasures;
ALTER TABLE events DROP COLUMN emptied_at;
ALTER TABLE deliveries DROP COLUMN emptied_at;
ALTER TABLE orders DROP COLUMN erased_at;
DROP INDEX instances_erasable;
ALTER TABLE instances DROP COLUMN erased_at;
