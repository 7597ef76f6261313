-- +goose Up
-- A product may be set by its skuCode too: the monthly and the yearly price of one
-- specification have different productIds. An entry is for a productId, for a
-- skuCode, or ('*') for the rest of the channel, and counts in that order.
ALTER TABLE products ADD COLUMN sku_code text NOT NULL DEFAULT '';
COMMENT ON COLUMN products.sku_code IS 'the skuCode that the entry is for; product_id is empty then';
ALTER TABLE products
    DROP CONSTRAINT products_channel_id_product_id_key,
    ADD CONSTRAINT products_one CHECK ((product_id = '') <> (sku_code = '')),
    ADD CONSTRAINT products_key UNIQUE (channel_id, product_id, sku_code);
-- The instances of a skuCode. It is known with the order, so a new purchase of
-- V2.0 does not pay for the index.
CREATE INDEX instances_sku ON instances (sku_code, id DESC) INCLUDE (channel_id, product_id, status) WHERE sku_code <> '';

-- +goose Down
DROP INDEX instances_sku;
DELETE FROM products WHERE sku_code <> '';
ALTER TABLE products
    DROP CONSTRAINT products_key,
    DROP CONSTRAINT products_one,
    ADD CONSTRAINT products_channel_id_product_id_key UNIQUE (channel_id, product_id),
    DROP COLUMN sku_code;
