-- +goose Up
-- What the clock passes over while the database's time is far ahead would never be
-- told once that is set right: it has looked at the instance, and looks next at a
-- moment that the right time reaches much later, or never. So it remembers the time
-- that it saw last. If it sees an earlier one, every instance that is not released
-- is to be looked at again, from this row id on.
CREATE TABLE notice_clock (
    one          boolean     PRIMARY KEY DEFAULT true CHECK (one),
    seen         timestamptz NOT NULL,
    replan_after bigint
);

-- +goose Down
DROP TABLE notice_clock;
