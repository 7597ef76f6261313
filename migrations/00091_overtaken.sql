-- +goose Up
-- A call that comes again although it was applied is no later word of the
-- marketplace, so that it is kept when the arrival that was applied came. A change of
-- status has one key for ever: of it the last arrival counts that was more than a
-- repeat. What a later call has taken the place of leaves its failure group, which
-- says how many did.
ALTER TABLE messages
    ADD COLUMN applied_at   timestamptz,
    ADD COLUMN overtaken_by bigint;
COMMENT ON COLUMN messages.applied_at IS 'when the arrival came that was applied; null: the first one, if it was';
COMMENT ON COLUMN messages.overtaken_by IS 'the message that has taken the place of this failed one; no foreign key, since it may be deleted first';
ALTER TABLE tasks ADD COLUMN overtaken_by bigint;
COMMENT ON COLUMN tasks.overtaken_by IS 'the task that has taken the place of this given-up one';
ALTER TABLE failure_groups ADD COLUMN overtaken integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN failure_groups.overtaken IS 'members that later calls have taken the place of, since it was opened last';

-- Of a single arrival the first is the one. What is not kept any more was applied
-- when it came first, save a change of status, of which the last counted until now.
UPDATE messages m
   SET applied_at = COALESCE(CASE WHEN s.state THEN a.last ELSE a.first END, CASE WHEN s.state THEN m.last_received_at END)
  FROM messages x
 CROSS JOIN LATERAL (
       SELECT x.activity IN ('updateInstanceStatus', 'instanceStatus', 'updateLicenseCodeStatus', 'expireInstance', 'expireLicense') AS state) s
 CROSS JOIN LATERAL (
       SELECT min(a.at) AS first, max(a.at) FILTER (WHERE a.disposition IN ('new', 'applied')) AS last
         FROM attempts a
        WHERE a.message_id = x.id
          AND a.source = 'marketplace'
          AND a.result_code IN ('000000', '000004')
          AND a.disposition <> 'conflict') a
 WHERE m.id = x.id
   AND x.attempts > 1
   AND x.result_code IN ('000000', '000004')
   AND (s.state OR x.activity IN ('refreshInstance', 'refreshLicense', 'refreshLicenseCode', 'upgradeInstance', 'upgrade'));

-- +goose Down
ALTER TABLE failure_groups DROP COLUMN overtaken;
ALTER TABLE tasks DROP COLUMN overtaken_by;
ALTER TABLE messages
    DROP COLUMN overtaken_by,
    DROP COLUMN applied_at;
