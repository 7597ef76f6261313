-- +goose Up
-- Arrivals of calls and tries of tasks become partitions by month, which are
-- dropped whole when they are old enough: no row is deleted one by one, no vacuum
-- follows, and the disk gets its space back. docs/retention.md has the whole of it.
--
-- A partition holds the rows of one value of the column part:
--   '2026-11'       rows written in that month (UTC)
--   '2026-11 lean'  rows of that month whose request and answer are not kept any
--                   more: they move there, so that the bulk of a month can go
--                   before its log does
--   'kept'          what must stay longer than its month
--   'before'        the table as it was until now, attached as it stands
-- and the default partition whatever has none, so that an insert never fails for
-- want of one.
--
-- A unique key of the whole must hold the column part, and would say nothing: ids
-- come from one sequence, and each partition has its own primary key. No foreign
-- key can point to an id alone, so quarantine's goes; rows go with their message or
-- task by a trigger, since a foreign key would lock messages and tasks with every
-- partition that is made. Whoever writes here has written or locked that message or
-- task in the same transaction.
--
-- Locks: the checks at the beginning read both tables once while calls and work go
-- on (SHARE UPDATE EXCLUSIVE; minutes on a very big database). From LOCK TABLE on
-- everything is the catalogue's (ACCESS EXCLUSIVE on five tables, well under a
-- second): no row is copied, and the indexes are taken over.
SET LOCAL lock_timeout = '5s';
ALTER TABLE task_attempts VALIDATE CONSTRAINT task_attempts_before_only;
ALTER TABLE attempts VALIDATE CONSTRAINT attempts_before_only;
LOCK TABLE messages, tasks, quarantine, task_attempts, attempts IN ACCESS EXCLUSIVE MODE;

ALTER TABLE quarantine DROP CONSTRAINT quarantine_attempt_id_fkey;
DROP INDEX quarantine_attempt;
COMMENT ON COLUMN quarantine.attempt_id IS 'of attempts, as long as that is kept: the first arrival with this content; null where the content was the message''s own until another was accepted';

-- month_of is the part that a row of a moment is written to.
CREATE FUNCTION month_of(p_at timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM');

-- pad_part gives a small partition some empty pages, and lets it keep them. A
-- partition with no page, or a few, is cheaper to read whole than by its index; then
-- nothing comes in order, and the planner has all rows of a message, of all
-- partitions, read and sorted, where the newest were asked for.
-- +goose StatementBegin
CREATE FUNCTION pad_part(p_log text, p_name text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I SET (fillfactor = 10, vacuum_truncate = off)', p_name);
    IF p_log = 'attempts' THEN
        EXECUTE format('INSERT INTO %I (id, message_id, at, source, disposition, part) SELECT -n, 0, now(), $1, $1, ''before'' FROM generate_series(1, 160) AS n', p_name) USING 'marketplace';
    ELSE
        EXECUTE format('INSERT INTO %I (id, task_id, round, number, at, outcome, part) SELECT -n, 0, 0, 0, now(), $1, ''before'' FROM generate_series(1, 160) AS n', p_name) USING 'lost';
    END IF;
    EXECUTE format('DELETE FROM %I WHERE id < 0', p_name);
    EXECUTE format('ALTER TABLE %I RESET (fillfactor)', p_name);
END
$$;
-- +goose StatementEnd

-- add_part makes the partition of a log for a part, unless there is one. What the
-- default partition holds of it meanwhile moves in, if it is no more than p_most
-- rows: others wait. False: there was one, or there are more. Reads of the log wait
-- for the moment that the default partition is locked; inserts do not.
-- +goose StatementBegin
CREATE FUNCTION add_part(p_log text, p_part text, p_most integer) RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    v_name text := p_log || '_' || translate(p_part, '- ', '__');
    v_rest text := p_log || '_default';
    v_many boolean;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', p_log);
    IF to_regclass(quote_ident(v_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', v_rest);
    EXECUTE format('SELECT count(*) > $2 FROM (SELECT FROM %I WHERE part = $1 LIMIT $2 + 1) AS waiting', v_rest)
       INTO v_many USING p_part, p_most;
    IF v_many THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY (id))', v_name, p_log);
    PERFORM pad_part(p_log, v_name);
    EXECUTE format('WITH waiting AS (DELETE FROM %I WHERE part = $1 RETURNING *) INSERT INTO %I SELECT * FROM waiting', v_rest, v_name)
      USING p_part;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%L)', p_log, v_name, p_part);
    RETURN true;
END
$$;
-- +goose StatementEnd

-- drop_part drops a partition whose rows up to an id have all been seen to, unless
-- it holds more. The whole log is locked for that moment.
-- +goose StatementBegin
CREATE FUNCTION drop_part(p_log text, p_name text, p_passed bigint) RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    v_more boolean;
BEGIN
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', p_log);
    IF to_regclass(quote_ident(p_name)) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', p_name);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id > $1)', p_name) INTO v_more USING p_passed;
    IF v_more THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', p_name);
    RETURN true;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
DECLARE
    v_log   text;
    v_index text;
    v_part  text;
    v_new   boolean;
BEGIN
    FOREACH v_log IN ARRAY ARRAY['task_attempts', 'attempts'] LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN id DROP IDENTITY', v_log);
        FOR v_index IN SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND tablename = v_log LOOP
            EXECUTE format('ALTER INDEX %I RENAME TO %I', v_index, v_log || '_before' || substr(v_index, length(v_log) + 1));
        END LOOP;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', v_log, v_log || '_before');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS) PARTITION BY LIST (part)', v_log, v_log || '_before');
        EXECUTE format('ALTER TABLE %1$I DROP CONSTRAINT %2$I, ALTER COLUMN part SET DEFAULT month_of(now()), ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY', v_log, v_log || '_before_only');
        EXECUTE format('SELECT setval(pg_get_serial_sequence(%L, ''id''), (SELECT COALESCE(max(id), 0) + 1 FROM %I), false)', v_log, v_log || '_before');
        EXECUTE format('COMMENT ON COLUMN %I.part IS ''the partition: the month of writing (UTC), "… lean" without request and answer, "kept" for what stays longer, "before" of the time before there were months''', v_log);
        EXECUTE format('CREATE TABLE %1$I (LIKE %2$I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE, PRIMARY KEY (id))', v_log || '_default', v_log);
        PERFORM pad_part(v_log, v_log || '_default');
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', v_log, v_log || '_default');
    END LOOP;

    CREATE INDEX task_attempts_task ON task_attempts (task_id, id DESC);
    CREATE INDEX attempts_message ON attempts (message_id, id DESC);
    CREATE INDEX attempts_business ON attempts (business_id) WHERE business_id <> '';
    CREATE INDEX attempts_at ON attempts USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
    ALTER TABLE task_attempts_before DROP CONSTRAINT task_attempts_task_id_fkey;
    ALTER TABLE attempts_before DROP CONSTRAINT attempts_message_id_fkey;

    FOREACH v_log IN ARRAY ARRAY['task_attempts', 'attempts'] LOOP
        EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I)', v_log || '_before') INTO v_new;
        IF v_new THEN
            EXECUTE format('DROP TABLE %I', v_log || '_before');
        ELSE
            IF pg_relation_size(v_log || '_before') < 20 * 8192 THEN
                PERFORM pad_part(v_log, v_log || '_before');
            END IF;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (''before'')', v_log, v_log || '_before');
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', v_log || '_before', v_log || '_before_only');
        END IF;
        PERFORM add_part(v_log, 'kept', 0);
        FOR v_part IN
            SELECT month_of(m AT TIME ZONE 'UTC')
              FROM generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'), (now() AT TIME ZONE 'UTC') + interval '2 months', interval '1 month') AS m
        LOOP
            PERFORM add_part(v_log, v_part, 0);
        END LOOP;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION forget_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM attempts WHERE message_id = OLD.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER messages_gone AFTER DELETE ON messages FOR EACH ROW EXECUTE FUNCTION forget_attempts();

-- +goose StatementBegin
CREATE FUNCTION forget_task_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM task_attempts WHERE task_id = OLD.id;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER tasks_gone AFTER DELETE ON tasks FOR EACH ROW EXECUTE FUNCTION forget_task_attempts();

-- The walks begin anew: what they had passed over is still among the rest.
DELETE FROM retention WHERE kind IN ('payloads', 'attempts', 'tries');
DELETE FROM retention_held WHERE kind IN ('payloads', 'attempts', 'tries');

-- +goose Down
-- The other way the rows are copied, all of them, and nobody writes meanwhile.
LOCK TABLE messages, tasks, quarantine, task_attempts, attempts IN ACCESS EXCLUSIVE MODE;
DROP TRIGGER tasks_gone ON tasks;
DROP TRIGGER messages_gone ON messages;
DROP FUNCTION forget_task_attempts();
DROP FUNCTION forget_attempts();
ALTER TABLE task_attempts ALTER COLUMN part SET DEFAULT 'before', ALTER COLUMN id DROP IDENTITY;
ALTER TABLE attempts ALTER COLUMN part SET DEFAULT 'before', ALTER COLUMN id DROP IDENTITY;
ALTER TABLE task_attempts RENAME TO task_attempts_by_month;
ALTER TABLE attempts RENAME TO attempts_by_month;
CREATE TABLE task_attempts (LIKE task_attempts_by_month INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS);
CREATE TABLE attempts (LIKE attempts_by_month INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMMENTS);
INSERT INTO task_attempts (id, task_id, round, number, at, duration_us, outcome, actor, error)
SELECT id, task_id, round, number, at, duration_us, outcome, actor, error
  FROM task_attempts_by_month a
 WHERE EXISTS (SELECT FROM tasks t WHERE t.id = a.task_id)
 ORDER BY id;
INSERT INTO attempts (id, message_id, at, source, actor, disposition, result_code, duration_us, error, business_id, remote_ip,
                      request_sealed, response, response_sealed, diagnosis, emptied_at)
SELECT id, message_id, at, source, actor, disposition, result_code, duration_us, error, business_id, remote_ip,
       request_sealed, response, response_sealed, diagnosis, emptied_at
  FROM attempts_by_month a
 WHERE EXISTS (SELECT FROM messages m WHERE m.id = a.message_id)
 ORDER BY id;
DROP TABLE task_attempts_by_month;
DROP TABLE attempts_by_month;
ALTER TABLE task_attempts
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT task_attempts_pkey PRIMARY KEY (id),
    ADD CONSTRAINT task_attempts_task_id_fkey FOREIGN KEY (task_id) REFERENCES tasks (id) ON DELETE CASCADE,
    ADD CONSTRAINT task_attempts_before_only CHECK (part = 'before');
ALTER TABLE attempts
    ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY,
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id),
    ADD CONSTRAINT attempts_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id) ON DELETE CASCADE,
    ADD CONSTRAINT attempts_before_only CHECK (part = 'before');
SELECT setval(pg_get_serial_sequence('task_attempts', 'id'), (SELECT COALESCE(max(id), 0) + 1 FROM task_attempts), false);
SELECT setval(pg_get_serial_sequence('attempts', 'id'), (SELECT COALESCE(max(id), 0) + 1 FROM attempts), false);
CREATE INDEX task_attempts_task ON task_attempts (task_id, id DESC);
CREATE INDEX attempts_message ON attempts (message_id, id DESC);
CREATE INDEX attempts_business ON attempts (business_id) WHERE business_id <> '';
CREATE INDEX attempts_at ON attempts USING brin (at) WITH (pages_per_range = 32, autosummarize = on);
UPDATE quarantine q
   SET attempt_id = NULL
 WHERE NOT EXISTS (SELECT FROM attempts a WHERE a.id = q.attempt_id);
COMMENT ON COLUMN quarantine.attempt_id IS 'the first arrival with this content; null where the content was the message''s own until another was accepted';
ALTER TABLE quarantine ADD CONSTRAINT quarantine_attempt_id_fkey FOREIGN KEY (attempt_id) REFERENCES attempts (id) ON DELETE SET NULL;
CREATE INDEX quarantine_attempt ON quarantine (attempt_id) WHERE attempt_id IS NOT NULL;
DROP FUNCTION drop_part(text, text, bigint);
DROP FUNCTION add_part(text, text, integer);
DROP FUNCTION pad_part(text, text);
DROP FUNCTION month_of(timestamptz);
DELETE FROM retention WHERE kind IN ('payloads', 'attempts', 'tries') OR kind LIKE 'attempts/%' OR kind LIKE 'tries/%';
DELETE FROM retention_held WHERE kind IN ('payloads', 'attempts', 'tries');
