-- +goose Up
-- What comes and goes is one alert. An alert that is over stays unsettled for a
-- while: what it was about returns within that time as the same alert, of which
-- nobody hears again. Only then is it said that it is over.
ALTER TABLE alerts
    ADD COLUMN settled  boolean NOT NULL DEFAULT false,
    ADD COLUMN returned integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN alerts.settled IS 'it has been over for so long that what comes now is another alert';
COMMENT ON COLUMN alerts.returned IS 'how often it was over and came back';
UPDATE alerts SET settled = true WHERE cleared_at IS NOT NULL;
ALTER TABLE alerts ADD CONSTRAINT alerts_settled_check CHECK (cleared_at IS NOT NULL OR NOT settled);
DROP INDEX alerts_open;
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE NOT settled;

-- The pause between messages to a target grows, and for what is critical it goes by
-- the critical ones.
ALTER TABLE alert_messages ADD COLUMN critical boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN alert_messages.critical IS 'it tells of something critical';

-- Probes were told by channel, and now by interface and product: what fails now is
-- found anew within a minute, and none of it has passed.
DELETE FROM alerts WHERE kind = 'probe_failing' AND cleared_at IS NULL;

-- +goose Down
DELETE FROM alerts WHERE kind = 'probe_failing' AND cleared_at IS NULL;
ALTER TABLE alert_messages DROP COLUMN critical;
DROP INDEX alerts_open;
CREATE UNIQUE INDEX alerts_open ON alerts (kind, subject) WHERE cleared_at IS NULL;
ALTER TABLE alerts
    DROP COLUMN returned,
    DROP COLUMN settled;
