package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
)

// killers are three tasks that killed their workers four times and are doing it
// again, each with what it sends, and three that are merely lost. An alert's message
// is running only from when it leaves.
const killers = `
WITH i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status)
    VALUES (1, 'i', 'o', 'l', 'b', 'active')
    RETURNING id
), d AS (
    INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
    SELECT 1, i.id, 'usage_info', 'email', 'en', '\x00', '', 'running', key, key
      FROM i, unnest(ARRAY['killer', 'lost']) AS key
    RETURNING id, unique_key
), k AS (
    INSERT INTO tasks (kind, unique_key, status, delivery_id, started_at, enqueued_at, leased_until, attempts)
    SELECT v.kind, v.kind || ' ' || key, 'running', CASE v.kind WHEN 'deliver' THEN d.id END, now(), now(), now() - interval '1 min', 1
      FROM (VALUES ('deliver'), ('event'), ('alert')) AS v (kind), unnest(ARRAY['killer', 'lost']) AS key
      JOIN d ON d.unique_key = key
    RETURNING id, kind, unique_key
), o AS (
    INSERT INTO operators (email, password_hash, role)
    VALUES ('ann@seller.example', '-', 'admin')
    RETURNING id
), t AS (
    INSERT INTO alert_targets (operator_id, name, medium, address_mask, language)
    SELECT id, 'mail', 'email', 'a…', 'en'
      FROM o
    RETURNING id
), e AS (
    INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, task_id, payload_sealed, status)
    SELECT 1, 'instance.created', unique_key, split_part(unique_key, ' ', 2), false, 'https://crm.example.com', id, '\x00', 'running'
      FROM k
     WHERE kind = 'event'
), m AS (
    INSERT INTO alert_messages (target_id, title, content_sealed, message_ref, task_id, status)
    SELECT t.id, split_part(k.unique_key, ' ', 2), '\x00', k.unique_key, k.id, 'pending'
      FROM t, k
     WHERE k.kind = 'alert'
)
INSERT INTO task_attempts (task_id, round, number, at, outcome)
SELECT id, n, 1, now(), 'lost'
  FROM k, generate_series(1, 4) AS n
 WHERE unique_key LIKE '%killer'`

// What a task was to send ends with it: nothing stays as if it were being sent.
func TestWhatAGivenUpTaskWasSendingIsGivenUp(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(killers)
	require.NoError(t, err)
	_, err = s.SQL().Exec(`UPDATE deliveries SET handing_since = now() WHERE unique_key = 'killer'`)
	require.NoError(t, err)
	n, err := s.Recover(ctx)
	require.NoError(t, err)
	require.Equal(t, 6, n)
	var left string
	require.NoError(t, s.SQL().QueryRow(`SELECT string_agg(outcome || ' ' || (handing_since IS NULL)::text, ', ' ORDER BY unique_key) FROM deliveries`).Scan(&left))
	require.Equal(t, "unknown true, queued true", left, "what was leaving may have arrived")
	for table, is := range map[string][2]string{"deliveries": {"unique_key", "running"}, "events": {"unique_key", "running"}, "alert_messages": {"title", "pending"}} {
		var ends string
		require.NoError(t, s.SQL().QueryRow(`
SELECT string_agg(`+is[0]+` || ' ' || status || ' ' || COALESCE(last_error ->> 'key', '-'), ', ' ORDER BY `+is[0]+`)
  FROM `+table).Scan(&ends))
		require.Equal(t, "killer failed task.kills_workers, lost "+is[1]+" -", ends, table)
	}
}
