-- +goose Up
-- "N days before" an expiry in the last minute of a day is the beginning of a day
-- now, up to a day (and the hours that clocks change) earlier than it was. Looking
-- too early does no harm: it finds the right moment. A zone's minutes are those of
-- UTC, or a multiple of a quarter of an hour away.
UPDATE instances
   SET notice_at = notice_at - interval '26 hours'
 WHERE notice_at > now()
   AND extract(minute FROM expires_at AT TIME ZONE 'UTC') IN (14, 29, 44, 59);

-- +goose Down
-- A moment that is too early is right for the version before, too.
SELECT 1;
