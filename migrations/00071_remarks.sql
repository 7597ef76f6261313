-- +goose Up
-- What a mail system says without saying what became of the mail (it is late, it
-- went on, it came back and nobody can read why) is a remark: in the words of the
-- reader's language, so it is a word of its own.
ALTER TABLE delivery_receipts ADD COLUMN remark text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE delivery_receipts DROP COLUMN remark;
