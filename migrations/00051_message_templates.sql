-- +goose Up
-- The seller's own texts for what customers are told. A text belongs to a kind,
-- a medium and a language, and counts for everything, for a channel or for one
-- product of a channel. Rows are never changed: each save is a version of its
-- own, so that it can be seen who wrote what, and every old text can be had
-- back. What no row speaks of is said as the program ships it.

CREATE TABLE message_templates (
    id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          text        NOT NULL,
    medium        text        NOT NULL CHECK (medium IN ('email', 'sms')),
    language      text        NOT NULL,
    channel_id    bigint      REFERENCES channels (id) ON DELETE CASCADE,
    product_id    text        NOT NULL DEFAULT '' CHECK (product_id = '' OR channel_id IS NOT NULL),
    version       integer     NOT NULL CHECK (version > 0),
    withdrawn     boolean     NOT NULL DEFAULT false,
    subject       text        NOT NULL DEFAULT '',
    body          text        NOT NULL DEFAULT '' CHECK (withdrawn OR body <> ''),
    restored_from integer,
    created_by    text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    reason        text        NOT NULL DEFAULT ''
);
COMMENT ON COLUMN message_templates.channel_id IS 'null: counts in every channel';
COMMENT ON COLUMN message_templates.product_id IS 'empty: counts for every product';
COMMENT ON COLUMN message_templates.withdrawn IS 'from this version on there is no text here, and the next wider one counts';
COMMENT ON COLUMN message_templates.restored_from IS 'the version whose text this one has again';

-- Both what counts now (the highest version of three places) and the history.
CREATE UNIQUE INDEX message_templates_version
    ON message_templates (kind, medium, language, (COALESCE(channel_id, 0)), product_id, version DESC);

-- +goose Down
DROP TABLE message_templates;
