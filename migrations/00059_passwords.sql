-- +goose Up
-- A product may have the initial password wiped some days after its customer has
-- got it. What the clock must look at is found by one index, and is NULL for
-- every instance of a product that keeps passwords.
ALTER TABLE instances
    ADD COLUMN password_given_at timestamptz,
    ADD COLUMN wipe_password_at  timestamptz,
    ADD COLUMN password_wiped_at timestamptz;
COMMENT ON COLUMN instances.password_given_at IS 'when the customer first got the present password: a message with it was handed over, or the access page showed it';
COMMENT ON COLUMN instances.wipe_password_at IS 'when the clock looks whether the password is to be wiped';
COMMENT ON COLUMN instances.password_wiped_at IS 'since when there is no password any more that there once was';
CREATE INDEX instances_wipe ON instances (wipe_password_at, id) WHERE wipe_password_at IS NOT NULL;
UPDATE instances i
   SET password_given_at = d.at
  FROM (SELECT instance_pk, min(sent_at) AS at
          FROM deliveries
         WHERE kind = 'usage_info'
           AND status = 'succeeded'
           AND outcome IN ('handed_over', 'delivered')
         GROUP BY instance_pk) d
 WHERE i.id = d.instance_pk
   AND i.password_sealed IS NOT NULL;

-- A message that tells the password by a link that shows it once lets the page
-- show it once more than it was shown before.
ALTER TABLE access_links
    ADD COLUMN allowed integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN access_links.allowed IS 'how often a page that shows the access data once may show it: once for each message with the link';

-- +goose Down
ALTER TABLE access_links
    DROP COLUMN allowed;
DROP INDEX instances_wipe;
ALTER TABLE instances
    DROP COLUMN password_given_at,
    DROP COLUMN wipe_password_at,
    DROP COLUMN password_wiped_at;
