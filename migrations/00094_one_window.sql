-- +goose Up
-- For how long KooGallery goes on calling is one rule for every interface: a window
-- that runs is kept, and a call after its end begins another. A purchase of V2.0 that
-- was called again after its end began none, and one of V1.0 or License 1.0 began
-- one with every call, so that its end never came nearer.
CREATE FUNCTION retried_until(p_standing timestamptz, p_first timestamptz, p_came timestamptz, p_until timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN p_standing >= p_came THEN p_standing
                WHEN p_first + (p_until - p_came) > p_came THEN p_first + (p_until - p_came)
                ELSE p_until END
$$;
COMMENT ON FUNCTION retried_until IS 'the end of a message''s window after a call that came at p_came, and whose own would end at p_until: that of the window that runs; of the first call''s, which an answer of success had ended; else of a new one';

DROP FUNCTION take_purchase;

-- +goose StatementBegin
CREATE FUNCTION take_purchase(
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

-- +goose Down
DROP FUNCTION take_purchase;

-- +goose StatementBegin
CREATE FUNCTION take_purchase(
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

DROP FUNCTION retried_until;
