-- +goose Up
-- The buyer's access page: an address on our own host that only its token opens.
-- The token is made of the instance's id and its link_generation, so a new
-- generation ends every older link. What was looked at is counted per
-- generation, apart from instances: looking must not wait for the marketplace's
-- calls, nor they for it.
ALTER TABLE instances
    ADD COLUMN link_generation integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN instances.link_generation IS 'of the buyer''s access page; grows when an operator issues a new link';

CREATE TABLE access_links (
    instance_pk     bigint      NOT NULL REFERENCES instances (id) ON DELETE CASCADE,
    generation      integer     NOT NULL,
    views           integer     NOT NULL DEFAULT 0,
    first_view_at   timestamptz,
    last_view_at    timestamptz,
    reveals         integer     NOT NULL DEFAULT 0,
    first_reveal_at timestamptz,
    last_reveal_at  timestamptz,
    PRIMARY KEY (instance_pk, generation)
);

-- What a V1.0 purchase is answered that is not ready in time.
ALTER TABLE channels
    ADD COLUMN v1_pending text NOT NULL DEFAULT 'page' CHECK (v1_pending IN ('page', '000004'));
COMMENT ON COLUMN channels.v1_pending IS '"page": 000000 with the buyer''s access page as frontEndUrl; "000004": that code, so that the marketplace comes again';

-- +goose Down
ALTER TABLE channels
    DROP COLUMN v1_pending;
DROP TABLE access_links;
ALTER TABLE instances
    DROP COLUMN link_generation;
