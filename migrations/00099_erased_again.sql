-- +goose Up
-- What is under way when its customer is erased, and what comes later, is erased by
-- the hourly run: it is noted in retention_held. So erased_at says only that nothing
-- was kept then, and is taken away when a buyer is stored again.
COMMENT ON COLUMN instances.erased_at IS 'since when it holds no personal data and no access data; NULL again when some is stored anew';
COMMENT ON COLUMN orders.erased_at IS 'since when it does not name its buyer; NULL again when he is stored anew';
COMMENT ON TABLE retention_held IS 'what a walk, or an erasure, passed over because it was open: looked at again each hour';
COMMENT ON COLUMN erasures.customer_bidx IS 'whose it was: a keyed hash of the customerId, or of the orderId';

-- Authorization codes and orders that no instance came from are erased by rule too.
ALTER TABLE license_codes ADD COLUMN erased_at timestamptz;
COMMENT ON COLUMN license_codes.erased_at IS 'since when nothing is kept of what KooGallery and the product told of it; NULL again when some is stored anew';
CREATE INDEX license_codes_erasable ON license_codes (released_at, id) WHERE released_at IS NOT NULL AND erased_at IS NULL;
CREATE INDEX orders_erasable ON orders (id) WHERE erased_at IS NULL;

-- By what hangs on an instance or an order it is found.
CREATE INDEX reconcile_findings_order ON reconcile_findings (order_id);
CREATE INDEX pool_accounts_instance ON pool_accounts (instance_pk) WHERE instance_pk IS NOT NULL;

-- Whatever was erased until now is looked at once more: what was under way then was
-- left, and so were the texts of errors, and some of it names its buyer again.
INSERT INTO retention_held (kind, id)
SELECT 'erase/instances', id FROM instances WHERE erased_at IS NOT NULL
 UNION
SELECT 'erase/orders', id FROM orders WHERE erased_at IS NOT NULL;

-- Orders that were asked for again have their buyer, though they say that they do not.
UPDATE orders
   SET erased_at = NULL
 WHERE erased_at IS NOT NULL
   AND (customer_name <> '' OR COALESCE(real_name_sealed, email_sealed, phone_sealed, facts_sealed, answer_sealed) IS NOT NULL);
UPDATE instances
   SET erased_at = NULL
 WHERE erased_at IS NOT NULL
   AND (customer_name <> '' OR front_end_url <> '' OR COALESCE(real_name_sealed, email_sealed, phone_sealed, order_sealed, access_sealed, password_sealed) IS NOT NULL);

-- Later calls are looked for from now on.
INSERT INTO retention (kind, last_id)
VALUES ('erase/late', (extract(epoch FROM now()) * 1000000)::bigint);

-- +goose Down
DELETE FROM retention WHERE kind LIKE 'erase/%';
DELETE FROM retention_held WHERE kind LIKE 'erase/%';
DROP INDEX pool_accounts_instance;
DROP INDEX reconcile_findings_order;
DROP INDEX orders_erasable;
DROP INDEX license_codes_erasable;
ALTER TABLE license_codes DROP COLUMN erased_at;
COMMENT ON COLUMN erasures.customer_bidx IS NULL;
COMMENT ON TABLE retention_held IS NULL;
COMMENT ON COLUMN orders.erased_at IS 'since when it does not name its buyer any more';
COMMENT ON COLUMN instances.erased_at IS 'since when it holds no personal data and no access data any more';
