package store_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

func TestARestartKeepsNobodysAddress(t *testing.T) {
	t.Parallel()
	for q, want := range map[string]string{
		"ann@example.com": "a•••@example.com", "+86 138-0000-1234": "+86••••1234", "13800001234": "138••••1234", " 010 (8888) 1234 ": "010••••1234",
		"CS2611260003": "CS2611260003", "42": "42", "inst-1": "inst-1", "0f8fad5b-d9cb-469f-a165-70867728950e": "0f8fad5b-d9cb-469f-a165-70867728950e",
	} {
		require.Equal(t, want, store.RestartSet{Thing: store.RestartTasks, Tasks: store.TaskFilter{Q: q}}.Words()["q"], q)
		require.Equal(t, want, store.RestartSet{Thing: store.RestartMessages, Messages: store.MessageFilter{Q: q}}.Words()["q"], q)
	}
}

// A page of a search looks at the newest only; a restart of everything that the
// search finds does not.
func TestARestartOfASearchLeavesNoTaskOut(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	for _, q := range []string{`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status)
VALUES (1, 'busy', 'CS1', 'CS1-1', 'b', 'active')`, `
INSERT INTO tasks (kind, purpose, instance_pk, unique_key, status, finished_at)
SELECT 'provision', 'upgrade', 1, 'task-' || n, CASE WHEN n <= 7 THEN 'failed' ELSE 'succeeded' END, now()
  FROM generate_series(1, 2100) AS n`} {
		_, err := s.SQL().Exec(q)
		require.NoError(t, err)
	}
	set := store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: store.TaskFilter{Status: "failed", Q: "busy"}}
	p, err := s.Reader().RestartPreview(ctx, set)
	require.NoError(t, err)
	require.Equal(t, 7, p.Total)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		_, n, err := tx.AddBatch(ctx, store.NewBatch{RestartSet: set, Actor: "operator:7", Source: "operator"})
		require.Equal(t, 7, n)
		return err
	}))
}

// What a search was for is kept with the batch for ever: of a name only its first
// character, of an id all.
func TestABatchKeepsNobodysName(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	exec(t, s.SQL(), `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, order_line_id, instance_id, first_received_at, last_received_at)
VALUES (1, 'v2', 'newInstance', 'k', 'failed', 'CS26', 'CS26-1', '0f8fad5b-d9cb', now(), now())`)
	exec(t, s.SQL(), `INSERT INTO tasks (kind, purpose, message_id, unique_key, status) VALUES ('provision', 'purchase', 1, 'k', 'failed')`)
	kept := func() string {
		return text(t, s.SQL(), `SELECT COALESCE(string_agg(filter ->> 'q', ',' ORDER BY id), '') FROM restart_batches`)
	}
	for _, q := range []string{"张三", "hw123456789x", "Ann Lee", "CS2", "CS26-1", "0f8f", "#1", "ann@example.com"} {
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
			_, _, err := tx.AddBatch(ctx, store.NewBatch{RestartSet: store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll,
				Tasks: store.TaskFilter{Q: q, Status: "failed"}}, Actor: "operator:7", Source: "operator"})
			return err
		}))
	}
	require.Equal(t, "张••,h••,A••,CS2,CS26-1,0f8f,#1,a•••@example.com", kept())

	exec(t, s.SQL(), `DELETE FROM restart_batches`)
	exec(t, s.SQL(), `
INSERT INTO restart_batches (thing, mode, filter, per_second, actor, source)
SELECT 'tasks', 'all', jsonb_build_object('q', q, 'status', 'failed'), 0, 'operator:7', 'operator'
  FROM unnest(ARRAY['张三', 'CS2', '0f8f', '#1', 'a•••@example.com', '_S26', 'CS26-1']) q`)
	back(t, s.SQL(), 92)
	_, err := migrations.Up(ctx, s.SQL())
	require.NoError(t, err)
	require.Equal(t, "张••,CS2,0f8f,#1,a•••@example.com,_••,CS26-1", kept(), "what is there already, too")
}

// back takes a database back to before a migration.
func back(t *testing.T, db *sql.DB, migration int64) {
	t.Helper()
	for v := migration; v >= migration; {
		var err error
		v, err = migrations.Down(context.Background(), db)
		require.NoError(t, err)
	}
}

// A preview lists fifty sorts and says how many there are beside.
func TestAPreviewSaysWhatItDoesNotList(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	exec(t, s.SQL(), `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_id)
SELECT 1, 'i' || n, 'CS' || n, 'CS' || n || '-1', 'b' || n, 'active', 'P' || to_char(n, 'FM00') FROM generate_series(1, 53) AS n`)
	exec(t, s.SQL(), `
INSERT INTO tasks (kind, purpose, instance_pk, unique_key, status, finished_at)
SELECT 'provision', 'purchase', i.id, 'task-' || i.id || '-' || n, CASE WHEN i.product_id = 'P53' THEN 'running' ELSE 'failed' END, now()
  FROM instances i
 CROSS JOIN generate_series(1, 2) AS n`)
	set := store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: store.TaskFilter{Kind: "provision"}}
	p, err := s.Reader().RestartPreview(ctx, set)
	require.NoError(t, err)
	require.Len(t, p.Groups, 50)
	require.Equal(t, []any{106, store.PreviewRest{Kinds: 3, N: 6, Refused: 2}}, []any{p.Total, p.Rest})

	exec(t, s.SQL(), `DELETE FROM tasks WHERE instance_pk > 50`)
	p, err = s.Reader().RestartPreview(ctx, set)
	require.NoError(t, err)
	require.Equal(t, []any{50, store.PreviewRest{}}, []any{len(p.Groups), p.Rest})
}
