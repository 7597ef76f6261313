-- +goose Up
-- A foreign key to channels locks the one row of the channel with each insert.
-- Two purchases at the same time make a multixact of it, which is one per
-- purchase, and wait for the row's page. Channels are never deleted and their ids
-- come from the row itself, so there is nothing to guard.
ALTER TABLE messages DROP CONSTRAINT messages_channel_id_fkey;
ALTER TABLE instances DROP CONSTRAINT instances_channel_id_fkey;
COMMENT ON COLUMN messages.channel_id IS 'of channels; no foreign key, which would lock the channel''s row with each insert';
COMMENT ON COLUMN instances.channel_id IS 'of channels; no foreign key, which would lock the channel''s row with each insert';

-- +goose Down
COMMENT ON COLUMN instances.channel_id IS NULL;
COMMENT ON COLUMN messages.channel_id IS NULL;
ALTER TABLE instances ADD CONSTRAINT instances_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES channels (id);
ALTER TABLE messages ADD CONSTRAINT messages_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES channels (id);
