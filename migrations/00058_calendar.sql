-- +goose Up
-- The calendar of expiries and the charts of deliveries: what falls into a day is
-- found by an index of its own, so that a month is so many short walks along
-- indexes and never a scan. A term that has ended stays on its day after the
-- release.
CREATE INDEX instances_day ON instances (expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX instances_day_channel ON instances (channel_id, expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX instances_day_product ON instances (product_id, expires_at, id) WHERE expires_at IS NOT NULL;

-- One small index for each thing that the calendar shows takes the place of the
-- one over all changes.
DROP INDEX instance_events_days;
CREATE INDEX instance_events_renewed ON instance_events (at, id) WHERE kind = 'expiry' AND old_value <> '' AND new_value > old_value;
CREATE INDEX instance_events_frozen ON instance_events (at, id) WHERE kind = 'status' AND new_value = 'frozen';
CREATE INDEX instance_events_released ON instance_events (at, id) WHERE kind = 'status' AND new_value = 'released';

-- A notice stands on the day on which it went out; before that, on the day until
-- which it is held, else on that on which it was written.
ALTER TABLE deliveries
    ADD COLUMN was_held text NOT NULL DEFAULT '';
COMMENT ON COLUMN deliveries.was_held IS 'quiet_hours or daily_cap: it was held before it went out; held_why says what holds it now';
UPDATE deliveries
   SET was_held = held_why
 WHERE held_why <> '';
DROP INDEX deliveries_days;
CREATE INDEX deliveries_calendar ON deliveries ((COALESCE(counted_at, held_until, created_at)), id) WHERE kind <> 'usage_info';
CREATE INDEX deliveries_created ON deliveries (created_at, id);

-- +goose Down
DROP INDEX deliveries_created;
DROP INDEX deliveries_calendar;
CREATE INDEX deliveries_days ON deliveries (created_at, id) WHERE kind <> 'usage_info';
ALTER TABLE deliveries
    DROP COLUMN was_held;
DROP INDEX instance_events_released;
DROP INDEX instance_events_frozen;
DROP INDEX instance_events_renewed;
CREATE INDEX instance_events_days ON instance_events (at, id) WHERE kind IN ('status', 'expiry');
DROP INDEX instances_day_product;
DROP INDEX instances_day_channel;
DROP INDEX instances_day;
