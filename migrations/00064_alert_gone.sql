-- +goose Up
-- A receiver of events that is switched off or removed takes no events again: how
-- its alert ends is neither "right again" nor "too late".
ALTER TABLE alerts DROP CONSTRAINT alerts_outcome_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_outcome_check CHECK (outcome IN ('', 'resolved', 'lapsed', 'gone'));
COMMENT ON COLUMN alerts.outcome IS 'resolved: it is right again; lapsed: the time was over before it was; gone: what it was about is there no more';
COMMENT ON COLUMN alerts.severity IS '1 warning, 2 critical; the worst that it has been since its time began';

-- +goose Down
COMMENT ON COLUMN alerts.severity IS '1 warning, 2 critical; the worst that it has been';
COMMENT ON COLUMN alerts.outcome IS 'resolved: it is right again; lapsed: the time was over before it was';
UPDATE alerts SET outcome = 'resolved' WHERE outcome = 'gone';
ALTER TABLE alerts DROP CONSTRAINT alerts_outcome_check;
ALTER TABLE alerts ADD CONSTRAINT alerts_outcome_check CHECK (outcome IN ('', 'resolved', 'lapsed'));
