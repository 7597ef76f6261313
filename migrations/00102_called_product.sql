-- +goose Up
-- Some calls name their product themselves. Of a debugging call, which makes no
-- instance, that is all there is to tell by which product's case it is.
ALTER TABLE messages ADD COLUMN product_id text NOT NULL DEFAULT '';
COMMENT ON COLUMN messages.product_id IS 'the product that the newest call of it names; empty: none. Of a refused call nobody has checked it';

-- +goose Down
ALTER TABLE messages DROP COLUMN product_id;
