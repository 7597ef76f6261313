-- +goose Up
-- Instances are found by any part of their customer's account name or of the
-- account that they work with. The index holds every two and every three
-- characters that follow each other: two are a whole Chinese name, three tell
-- more of a longer word. Only what stands in the clear is indexed (real names,
-- addresses and numbers are sealed, and found whole by their blind indexes), and
-- it goes with the row when personal data is erased. A new instance has no names
-- yet: the marketplace's call does not pay for this.

-- +goose StatementBegin
CREATE FUNCTION name_grams(VARIADIC names text[]) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$
DECLARE
    grams text[] := '{}';
    name  text;
BEGIN
    FOREACH name IN ARRAY names LOOP
        name := lower(name);
        FOR i IN 1 .. length(name) - 1 LOOP
            grams := grams || substr(name, i, 2);
            IF i < length(name) - 1 THEN
                grams := grams || substr(name, i, 3);
            END IF;
        END LOOP;
    END LOOP;
    RETURN grams;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION name_grams IS 'every two and three characters that follow each other in the names, in lower case';

CREATE INDEX instances_names ON instances USING gin (name_grams(customer_name, user_name))
    WITH (gin_pending_list_limit = 512)
    WHERE customer_name <> '' OR user_name <> '';

-- +goose Down
DROP INDEX instances_names;
DROP FUNCTION name_grams;
