-- +goose Up
-- What customers are told, and when. The clock's work is found by one index:
-- notice_at is when an instance must be looked at next, and NULL for nearly all
-- the rest of its life. Whatever may change the answer (expiry, status, a
-- product's days, a customer's wishes) sets it to -infinity, "at once"; looking twice does no
-- harm, since a notice exists once by its unique key.
ALTER TABLE instances
    ADD COLUMN notice_at    timestamptz,
    ADD COLUMN expiry_since timestamptz;
COMMENT ON COLUMN instances.notice_at IS 'when the clock looks next whether an expiry notice is due';
COMMENT ON COLUMN instances.expiry_since IS 'since when expires_at is what it is: what was due earlier is not told any more';
-- The expiries that are there count as known since now, so that an upgrade of
-- the program tells nobody what has been due for days.
UPDATE instances
   SET expiry_since = now(),
       notice_at = CASE WHEN expires_at > now() THEN '-infinity'::timestamptz END
 WHERE expires_at IS NOT NULL
   AND released_at IS NULL;
CREATE INDEX instances_notice ON instances (notice_at, id) WHERE notice_at IS NOT NULL;

-- What has happened to an instance and its customer is to be told; emptied once
-- that was seen to.
ALTER TABLE instance_events ADD COLUMN notice text;
CREATE INDEX instance_events_notice ON instance_events (id) WHERE notice IS NOT NULL;
CREATE INDEX instance_events_days ON instance_events (at, id) WHERE kind IN ('status', 'expiry');

-- A product's days have changed: its instances from this row id on are still to
-- be looked at.
ALTER TABLE products ADD COLUMN replan_after bigint;

-- What a customer does not want to hear, and how times are written for him. A
-- buyer without a customerId is known by his instance alone ("#" before its id).
CREATE TABLE customer_wishes (
    channel_id bigint      NOT NULL REFERENCES channels (id),
    customer   text        NOT NULL,
    off        text[]      NOT NULL DEFAULT '{}',
    language   text        NOT NULL DEFAULT '' CHECK (language IN ('', 'zh-CN', 'en')),
    zone       text        NOT NULL DEFAULT '',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel_id, customer)
);

ALTER TABLE deliveries
    ADD COLUMN days         smallint,
    ADD COLUMN about_expiry timestamptz,
    ADD COLUMN customer     text NOT NULL DEFAULT '',
    ADD COLUMN counted_at   timestamptz,
    ADD COLUMN held_until   timestamptz,
    ADD COLUMN held_why     text NOT NULL DEFAULT '';
COMMENT ON COLUMN deliveries.days IS 'of an expiry notice: how many days before';
COMMENT ON COLUMN deliveries.about_expiry IS 'the expiry that a notice speaks of; with another one it is not true any more';
COMMENT ON COLUMN deliveries.counted_at IS 'when it was first handed over, for the number of notices that a customer gets in a day';
COMMENT ON COLUMN deliveries.held_why IS 'quiet_hours or daily_cap; empty when nothing holds it';
CREATE INDEX deliveries_counted ON deliveries (channel_id, customer, counted_at) WHERE counted_at IS NOT NULL;
CREATE INDEX deliveries_days ON deliveries (created_at, id) WHERE kind <> 'usage_info';

-- +goose Down
DROP INDEX deliveries_days;
DROP INDEX deliveries_counted;
ALTER TABLE deliveries
    DROP COLUMN days,
    DROP COLUMN about_expiry,
    DROP COLUMN customer,
    DROP COLUMN counted_at,
    DROP COLUMN held_until,
    DROP COLUMN held_why;
DROP TABLE customer_wishes;
ALTER TABLE products DROP COLUMN replan_after;
DROP INDEX instance_events_days;
DROP INDEX instance_events_notice;
ALTER TABLE instance_events DROP COLUMN notice;
DROP INDEX instances_notice;
ALTER TABLE instances
    DROP COLUMN notice_at,
    DROP COLUMN expiry_since;
