-- +goose Up
-- An order is looked up when something is wrong with it: above all when its order
-- query fails. So its row, and with it its page, is there from the call that asks for
-- it on, and not only once the query has answered; until then it is pending, or
-- failed once asking was given up. The task that asks names the row.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION take_purchase(
    p_channel     bigint,
    p_protocol    text,
    p_activity    text,
    p_test        boolean,
    p_key         text,
    p_hash        bytea,
    p_order       text,
    p_line        text,
    p_business    text,
    p_wanted      text,
    p_spare       text,
    p_received    timestamptz,
    p_elapsed_us  integer,
    p_ip          text,
    p_request     bytea,
    p_done        text,
    p_processing  text,
    p_retry_until timestamptz,
    p_twin        interval,
    p_license_until timestamptz DEFAULT NULL,
    OUT o_message     bigint,
    OUT o_disposition text,
    OUT o_instance    text,
    OUT o_code        text,
    OUT o_response    text,
    OUT o_task        bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_message  messages%ROWTYPE;
    v_pk       bigint;
    v_order    bigint;
    v_ready    boolean;
BEGIN
    INSERT INTO messages (channel_id, protocol, activity, test, idem_key, content_hash, status, result_code,
                          order_id, order_line_id, business_id, instance_id, attempts,
                          first_received_at, last_received_at, retry_until)
    VALUES (p_channel, p_protocol, p_activity, p_test, p_key, p_hash,
            CASE WHEN p_test THEN 'succeeded' ELSE 'processing' END,
            CASE WHEN p_test THEN '000000' ELSE '000004' END,
            p_order, p_line, p_business, p_wanted, 1,
            p_received, p_received, CASE WHEN p_test THEN NULL ELSE p_retry_until END)
    ON CONFLICT (channel_id, test, idem_key) DO NOTHING
    RETURNING id INTO o_message;

    IF o_message IS NOT NULL THEN
        o_disposition := 'new';
        o_instance := p_wanted;
        IF p_test THEN
            o_code := '000000';
            o_response := p_done;
        ELSE
            o_code := '000004';
            o_response := p_processing;
            INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
            VALUES (p_channel, p_wanted, p_order, p_line, p_business)
            ON CONFLICT DO NOTHING
            RETURNING id INTO v_pk;
            IF v_pk IS NULL THEN
                -- The wanted id is somebody's already, or the order
                -- line has an instance although its message is gone.
                SELECT id, instance_id INTO v_pk, o_instance
                  FROM instances
                 WHERE channel_id = p_channel
                   AND order_id = p_order
                   AND order_line_id = p_line;
                IF v_pk IS NULL THEN
                    o_instance := p_spare;
                    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
                    VALUES (p_channel, p_spare, p_order, p_line, p_business)
                    RETURNING id INTO v_pk;
                END IF;
                SELECT provisioned_at IS NOT NULL OR released_at IS NOT NULL INTO v_ready
                  FROM instances
                 WHERE id = v_pk;
                IF v_ready THEN
                    o_code := '000000';
                    o_response := p_done;
                END IF;
                UPDATE messages
                   SET instance_id = o_instance,
                       status = CASE WHEN v_ready THEN 'succeeded' ELSE status END,
                       result_code = o_code,
                       retry_until = CASE WHEN NOT v_ready THEN retry_until END
                 WHERE id = o_message;
            END IF;
            IF v_ready IS NOT TRUE THEN
                INSERT INTO orders (channel_id, order_id, order_line_id, source)
                VALUES (p_channel, p_order, p_line, 'instance')
                ON CONFLICT DO NOTHING
                RETURNING id INTO v_order;
                IF v_order IS NULL THEN -- a notice brought it
                    SELECT id INTO STRICT v_order
                      FROM orders
                     WHERE channel_id = p_channel
                       AND order_id = p_order
                       AND order_line_id = p_line;
                END IF;
                INSERT INTO tasks (kind, purpose, message_id, instance_pk, order_id, order_line_id, order_pk, unique_key)
                VALUES ('order_query', 'purchase', o_message, v_pk, p_order, p_line, v_order, 'order_query/purchase/' || o_message)
                RETURNING id INTO o_task;
            END IF;
        END IF;
        o_response := replace(o_response, '"@@INSTANCE@@"', to_json(o_instance)::text);
    ELSE
        SELECT * INTO STRICT v_message
          FROM messages
         WHERE channel_id = p_channel
           AND test = p_test
           AND idem_key = p_key
           FOR UPDATE;
        o_message := v_message.id;
        o_instance := v_message.instance_id;
        o_disposition := 'repeat'; -- the key is all that a purchase asks, however it is written
        -- A twin of the first call, sent while that was still being answered,
        -- gets its very bytes, however far the work has come since.
        IF p_received - v_message.first_received_at <= p_twin THEN
            SELECT result_code, response INTO o_code, o_response
              FROM attempts
             WHERE message_id = o_message
             ORDER BY id
             LIMIT 1;
        END IF;
        IF o_response IS NULL THEN
            v_ready := p_test OR EXISTS (
                SELECT 1
                  FROM instances
                 WHERE instance_id = o_instance
                   AND (provisioned_at IS NOT NULL OR released_at IS NOT NULL));
            o_code := CASE WHEN v_ready THEN '000000' ELSE '000004' END;
            o_response := replace(CASE WHEN v_ready THEN p_done ELSE p_processing END,
                                  '"@@INSTANCE@@"', to_json(o_instance)::text);
        END IF;
        -- The marketplace tries a failed purchase again: what was given up begins anew.
        IF v_message.status = 'failed' THEN
            WITH again AS (
                UPDATE tasks
                   SET status = 'pending', round = round + 1, attempts = 0, run_at = now(),
                       enqueued_at = NULL, finished_at = NULL
                 WHERE message_id = o_message
                   AND status = 'failed'
                   AND kind <> 'deliver'
                RETURNING id, round
            )
            INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
            SELECT id, round, 0, now(), 'restarted', 'marketplace'
              FROM again;
            IF FOUND THEN
                v_message.status := 'processing';
                o_disposition := 'applied';
            END IF;
        END IF;
        UPDATE messages
           SET attempts = attempts + 1,
               status = v_message.status,
               last_error = CASE WHEN status = v_message.status THEN last_error END,
               result_code = o_code,
               last_received_at = GREATEST(last_received_at, p_received),
               retry_until = retried_until(retry_until, first_received_at, p_received,
                                           CASE WHEN online_license THEN p_license_until ELSE p_retry_until END),
               updated_at = now()
         WHERE id = o_message;
    END IF;

    INSERT INTO attempts (message_id, at, source, disposition, result_code, duration_us, business_id, remote_ip,
                          request_sealed, response)
    VALUES (o_message, p_received, 'marketplace', o_disposition, o_code,
            p_elapsed_us + (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::integer,
            p_business, p_ip::inet, p_request, o_response);
END
$$;
-- +goose StatementEnd

-- What was not asked for successfully when this was written has no row yet. A query
-- that is still to come keeps it pending.
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, last_error, created_at)
SELECT DISTINCT ON (i.channel_id, t.order_id, t.order_line_id)
       i.channel_id, t.order_id, t.order_line_id, 'instance',
       CASE WHEN t.status IN ('pending', 'running') THEN 'pending' ELSE 'failed' END, t.last_error, t.created_at
  FROM tasks t
  JOIN instances i ON i.id = t.instance_pk
 WHERE t.kind = 'order_query'
   AND t.order_id <> ''
   AND t.status <> 'succeeded'
 ORDER BY i.channel_id, t.order_id, t.order_line_id, t.id DESC
ON CONFLICT DO NOTHING;

-- Purchases whose task is gone, or whose answer was kept with the instance only, which
-- has known another order since.
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, known_at, created_at)
SELECT i.channel_id, i.order_id, i.order_line_id, 'instance', CASE WHEN i.order_known_at IS NULL THEN 'failed' ELSE 'known' END,
       i.order_known_at, i.created_at
  FROM instances i
 WHERE i.protocol = 'v2'
   AND i.order_id <> ''
 ORDER BY i.id
ON CONFLICT DO NOTHING;

UPDATE tasks t
   SET order_pk = o.id
  FROM instances i, orders o
 WHERE t.kind = 'order_query'
   AND t.status <> 'succeeded'
   AND i.id = t.instance_pk
   AND o.channel_id = i.channel_id
   AND o.order_id = t.order_id
   AND o.order_line_id = t.order_line_id;
COMMENT ON COLUMN orders.state IS 'pending until the order query has answered; failed when asking was given up, or will not be done';

-- +goose Down
COMMENT ON COLUMN orders.state IS 'known once the order query has answered; failed when asking was given up';
UPDATE tasks
   SET order_pk = NULL
 WHERE kind = 'order_query'
   AND order_pk IS NOT NULL;
UPDATE orders -- a notice told of it too, and its work hangs on the row
   SET source = 'notice'
 WHERE source = 'instance'
   AND state <> 'known'
   AND notices > 0;
DELETE FROM orders
 WHERE source = 'instance'
   AND state <> 'known';
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION take_purchase(
    p_channel     bigint,
    p_protocol    text,
    p_activity    text,
    p_test        boolean,
    p_key         text,
    p_hash        bytea,
    p_order       text,
    p_line        text,
    p_business    text,
    p_wanted      text,
    p_spare       text,
    p_received    timestamptz,
    p_elapsed_us  integer,
    p_ip          text,
    p_request     bytea,
    p_done        text,
    p_processing  text,
    p_retry_until timestamptz,
    p_twin        interval,
    p_license_until timestamptz DEFAULT NULL,
    OUT o_message     bigint,
    OUT o_disposition text,
    OUT o_instance    text,
    OUT o_code        text,
    OUT o_response    text,
    OUT o_task        bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_message  messages%ROWTYPE;
    v_pk       bigint;
    v_ready    boolean;
    v_conflict boolean;
BEGIN
    INSERT INTO messages (channel_id, protocol, activity, test, idem_key, content_hash, status, result_code,
                          order_id, order_line_id, business_id, instance_id, attempts,
                          first_received_at, last_received_at, retry_until)
    VALUES (p_channel, p_protocol, p_activity, p_test, p_key, p_hash,
            CASE WHEN p_test THEN 'succeeded' ELSE 'processing' END,
            CASE WHEN p_test THEN '000000' ELSE '000004' END,
            p_order, p_line, p_business, p_wanted, 1,
            p_received, p_received, CASE WHEN p_test THEN NULL ELSE p_retry_until END)
    ON CONFLICT (channel_id, test, idem_key) DO NOTHING
    RETURNING id INTO o_message;

    IF o_message IS NOT NULL THEN
        o_disposition := 'new';
        o_instance := p_wanted;
        IF p_test THEN
            o_code := '000000';
            o_response := p_done;
        ELSE
            o_code := '000004';
            o_response := p_processing;
            INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
            VALUES (p_channel, p_wanted, p_order, p_line, p_business)
            ON CONFLICT DO NOTHING
            RETURNING id INTO v_pk;
            IF v_pk IS NULL THEN
                -- The wanted id is somebody's already, or the order
                -- line has an instance although its message is gone.
                SELECT id, instance_id INTO v_pk, o_instance
                  FROM instances
                 WHERE channel_id = p_channel
                   AND order_id = p_order
                   AND order_line_id = p_line;
                IF v_pk IS NULL THEN
                    o_instance := p_spare;
                    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
                    VALUES (p_channel, p_spare, p_order, p_line, p_business)
                    RETURNING id INTO v_pk;
                END IF;
                SELECT provisioned_at IS NOT NULL OR released_at IS NOT NULL INTO v_ready
                  FROM instances
                 WHERE id = v_pk;
                IF v_ready THEN
                    o_code := '000000';
                    o_response := p_done;
                END IF;
                UPDATE messages
                   SET instance_id = o_instance,
                       status = CASE WHEN v_ready THEN 'succeeded' ELSE status END,
                       result_code = o_code,
                       retry_until = CASE WHEN NOT v_ready THEN retry_until END
                 WHERE id = o_message;
            END IF;
            IF v_ready IS NOT TRUE THEN
                INSERT INTO tasks (kind, purpose, message_id, instance_pk, order_id, order_line_id, unique_key)
                VALUES ('order_query', 'purchase', o_message, v_pk, p_order, p_line, 'order_query/purchase/' || o_message)
                RETURNING id INTO o_task;
            END IF;
        END IF;
        o_response := replace(o_response, '"@@INSTANCE@@"', to_json(o_instance)::text);
    ELSE
        SELECT * INTO STRICT v_message
          FROM messages
         WHERE channel_id = p_channel
           AND test = p_test
           AND idem_key = p_key
           FOR UPDATE;
        o_message := v_message.id;
        o_instance := v_message.instance_id;
        v_conflict := v_message.content_hash IS DISTINCT FROM p_hash;
        o_disposition := CASE WHEN v_conflict THEN 'conflict' ELSE 'repeat' END;
        -- A twin of the first call, sent while that was still being answered,
        -- gets its very bytes, however far the work has come since.
        IF p_received - v_message.first_received_at <= p_twin THEN
            SELECT result_code, response INTO o_code, o_response
              FROM attempts
             WHERE message_id = o_message
             ORDER BY id
             LIMIT 1;
        END IF;
        IF o_response IS NULL THEN
            v_ready := p_test OR EXISTS (
                SELECT 1
                  FROM instances
                 WHERE instance_id = o_instance
                   AND (provisioned_at IS NOT NULL OR released_at IS NOT NULL));
            o_code := CASE WHEN v_ready THEN '000000' ELSE '000004' END;
            o_response := replace(CASE WHEN v_ready THEN p_done ELSE p_processing END,
                                  '"@@INSTANCE@@"', to_json(o_instance)::text);
        END IF;
        -- The marketplace tries a failed purchase again: what was given up begins anew.
        IF v_message.status = 'failed' AND NOT v_conflict THEN
            WITH again AS (
                UPDATE tasks
                   SET status = 'pending', round = round + 1, attempts = 0, run_at = now(),
                       enqueued_at = NULL, finished_at = NULL
                 WHERE message_id = o_message
                   AND status = 'failed'
                   AND kind <> 'deliver'
                RETURNING id, round
            )
            INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
            SELECT id, round, 0, now(), 'restarted', 'marketplace'
              FROM again;
            IF FOUND THEN
                v_message.status := 'processing';
                o_disposition := 'applied';
            END IF;
        END IF;
        UPDATE messages
           SET attempts = attempts + 1,
               conflicts = conflicts + v_conflict::int,
               status = v_message.status,
               last_error = CASE WHEN status = v_message.status THEN last_error END,
               result_code = o_code,
               last_received_at = GREATEST(last_received_at, p_received),
               retry_until = retried_until(retry_until, first_received_at, p_received,
                                           CASE WHEN online_license THEN p_license_until ELSE p_retry_until END),
               updated_at = now()
         WHERE id = o_message;
    END IF;

    INSERT INTO attempts (message_id, at, source, disposition, result_code, duration_us, business_id, remote_ip,
                          request_sealed, response)
    VALUES (o_message, p_received, 'marketplace', o_disposition, o_code,
            p_elapsed_us + (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::integer,
            p_business, p_ip::inet, p_request, o_response);
END
$$;
-- +goose StatementEnd
