-- +goose Up
-- A subject may hold the customer's name. It is sealed with the text that it
-- belongs to; beside it it stood in clear. It is emptied before the column goes,
-- since a dropped column's bytes would stay in rows that nobody changes any more.
UPDATE deliveries
   SET subject = ''
 WHERE subject <> '';
ALTER TABLE deliveries DROP COLUMN subject;

-- +goose Down
ALTER TABLE deliveries ADD COLUMN subject text NOT NULL DEFAULT '';
