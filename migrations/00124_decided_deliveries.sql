-- +goose Up
-- A delivery that was given up stays failed for good, also when nobody need decide about
-- it any more: its failure was closed, its fall-back arrived, its instance is released. The
-- number in the navigation, the start page and the list of what waits read all that ever
-- failed to find the few that do wait. What is over for good is noted now, by the clock, and
-- an index holds the rest. Whatever takes such a delivery up again ends the note.
ALTER TABLE deliveries ADD COLUMN decided boolean NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN deliveries.decided IS 'failed, and nobody need decide about it any more, whatever comes; as last looked at';

-- +goose StatementBegin
CREATE FUNCTION delivery_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.decided := FALSE;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER deliveries_go_on BEFORE UPDATE OF status ON deliveries
    FOR EACH ROW WHEN (OLD.decided AND NEW.status <> 'failed') EXECUTE FUNCTION delivery_goes_on();

CREATE INDEX deliveries_undecided ON deliveries (id DESC) WHERE status = 'failed' AND NOT decided;

-- +goose Down
DROP INDEX deliveries_undecided;
DROP TRIGGER deliveries_go_on ON deliveries;
DROP FUNCTION delivery_goes_on();
ALTER TABLE deliveries DROP COLUMN decided;
