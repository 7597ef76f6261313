package store_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// TestLogsBecomeMonthsAndBack migrates a database with a past: the tables become
// partitions as they stand, without a row being written anew; and the other way
// everything is one table again.
func TestLogsBecomeMonthsAndBack(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	down := func() {
		t.Helper()
		for v := int64(0); v != 68; {
			var err error
			v, err = migrations.Down(ctx, db)
			require.NoError(t, err)
		}
	}
	down()
	seedPast(t, db, s.Keys().Seal(seal.Payload, []byte("POST\n\n{}")))
	const all = `SELECT json_agg(to_jsonb(a) - 'part' - 'order_id' - 'restart_id' - 'task_id' ORDER BY id)::text || (SELECT json_agg(to_jsonb(k) - 'part' ORDER BY id)::text FROM task_attempts k) FROM attempts a`
	const files = `SELECT string_agg(pg_relation_filenode(c)::text, ',' ORDER BY n) FROM unnest($1::text[]) WITH ORDINALITY AS c (c, n)`
	was, stood := text(t, db, all), text(t, db, files, `{attempts,attempts_pkey,attempts_message,attempts_business,attempts_at,task_attempts,task_attempts_pkey,task_attempts_task}`)

	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, was, text(t, db, all))
	require.Equal(t, stood, text(t, db, files, `{attempts_before,attempts_before_pkey,attempts_before_message,attempts_before_business,attempts_before_at,task_attempts_before,task_attempts_before_pkey,task_attempts_before_task}`),
		"tables and indexes are taken over as they stand")
	require.Equal(t, "0", text(t, db, `SELECT count(*) FROM retention WHERE kind NOT LIKE 'erase/%'`), "the walks begin anew")
	q, err := s.Reader().QuarantineOf(ctx, 1, func(market.Protocol, store.Request) []market.Field { return nil })
	require.NoError(t, err)
	require.Len(t, q, 1)
	page, err := s.Reader().AttemptList(ctx, 1, store.Paging{})
	require.NoError(t, err)
	require.Len(t, page.Items, 10)
	exec(t, db, `INSERT INTO attempts (message_id, at, source, disposition) VALUES (2, now(), 'marketplace', 'repeat')`)
	require.Equal(t, "51 2 attempts_"+text(t, db, `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')`),
		text(t, db, `SELECT concat_ws(' ', id, message_id, tableoid::regclass) FROM attempts ORDER BY id DESC LIMIT 1`))
	exec(t, db, `INSERT INTO task_attempts (task_id, round, number, at, outcome) VALUES (2, 1, 1, now(), 'failed')`)
	exec(t, db, `UPDATE attempts SET part = 'kept' WHERE id IN (3, 4)`)
	exec(t, db, `DELETE FROM messages WHERE id = 3`)
	exec(t, db, `DELETE FROM tasks WHERE id = 3`)
	require.Equal(t, "0", text(t, db, `SELECT (SELECT count(*) FROM attempts WHERE message_id = 3) + (SELECT count(*) FROM task_attempts WHERE task_id = 3)`), "they go with what they belong to")
	was = text(t, db, all)

	down()
	require.Equal(t, was, text(t, db, all))
	exec(t, db, `INSERT INTO attempts (message_id, at, source, disposition) VALUES (2, now(), 'marketplace', 'repeat')`)
	require.Equal(t, "52", text(t, db, `SELECT max(id) FROM attempts`))
	exec(t, db, `DELETE FROM attempts WHERE id = (SELECT attempt_id FROM quarantine)`)
	require.Equal(t, "1", text(t, db, `SELECT count(*) FROM quarantine WHERE attempt_id IS NULL`), "the keys are back")
	exec(t, db, `DELETE FROM messages WHERE id = 2`)
	exec(t, db, `DELETE FROM tasks WHERE id = 2`)
	require.Equal(t, "0", text(t, db, `SELECT (SELECT count(*) FROM attempts WHERE message_id = 2) + (SELECT count(*) FROM task_attempts WHERE task_id = 2)`))
	was = text(t, db, all)
	_, err = migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, was, text(t, db, all))
}

// seedPast fills a database of before there were months.
func seedPast(t *testing.T, db *sql.DB, request []byte) {
	t.Helper()
	exec(t, db, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, content_hash, status, attempts, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', 'key-' || n, '\x01', 'succeeded', 10, now() - interval '300 days', now() FROM generate_series(1, 5) AS n`)
	exec(t, db, `
INSERT INTO attempts (message_id, at, source, disposition, business_id, request_sealed, response, diagnosis, emptied_at)
SELECT 1 + n % 5, now() - n * interval '5 days', 'marketplace', 'repeat', 'b-' || n, CASE WHEN n < 30 THEN $1::bytea END, '{}', CASE WHEN n = 7 THEN '{"a": 1}'::jsonb END, CASE WHEN n >= 30 THEN now() END
  FROM generate_series(50, 1, -1) AS n`, request)
	exec(t, db, `INSERT INTO quarantine (message_id, content_hash, attempt_id, first_at, last_at) VALUES (1, '\x02', 1, now(), now())`)
	exec(t, db, `INSERT INTO tasks (kind, status, unique_key) SELECT 'order_query', 'failed', n::text FROM generate_series(1, 5) AS n`)
	exec(t, db, `INSERT INTO task_attempts (task_id, round, number, at, outcome, error) SELECT 1 + n % 5, 0, n, now() - n * interval '5 days', 'failed', '{"code":"internal"}' FROM generate_series(1, 20) AS n`)
	exec(t, db, `INSERT INTO retention (kind, last_id) VALUES ('payloads', 20), ('attempts', 3), ('tries', 2)`)
	exec(t, db, `INSERT INTO retention_held (kind, id) VALUES ('payloads', 4), ('attempts', 2)`)
}

func exec(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	_, err := db.Exec(query, args...)
	require.NoError(t, err, query)
}

func text(t *testing.T, db *sql.DB, query string, args ...any) (out string) {
	t.Helper()
	require.NoError(t, db.QueryRow(query, args...).Scan(&out), query)
	return out
}
