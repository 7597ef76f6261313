package store_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// said is the same fault with one argument that tells causes apart, or not.
type said struct {
	key  string
	name string
	one  string
	two  string
}

func (s said) error(value string) error {
	return fault.New(fault.Refused, s.key, s.name, value).Final()
}

// What a product, a service or a template says decides the cause; whom it happened to
// and what somebody wrote for people do not.
func TestWhatTellsCausesApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		said
		groups int
	}{
		"a product's code":         {said{"webhook.refused", "result_code", "000100", "000104"}, 2},
		"why an answer is useless": {said{"webhook.garbage", "why", "JSON", "front_end_url"}, 2},
		"a kind without template":  {said{"sms.no_template", "kind", "usage_info", "renewed"}, 2},
		"its language":             {said{"sms.no_template", "language", "zh-CN", "en"}, 2},
		"a parameter":              {said{"template.param_missing", "param", "domain", "seats"}, 2},
		"a placeholder":            {said{"template.value_missing", "placeholder", "email", "sku_code"}, 2},
		"a robot":                  {said{"alert.robot_refused", "service", "dingtalk", "wecom"}, 2},
		"by which way":             {said{"delivery.outcome_unknown", "transport", "smtp", "huawei"}, 2},
		"words for people":         {said{"webhook.refused", "message", "no seat is left for Zhang", "no seat is left for Li 2"}, 1},
		"an instance":              {said{"call.license_out_of_period", "instance", "87b94795", "10e758d0"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := storetest.Open(t)
			tasks := bought(t, s, storetest.Channel(t, s, "one", "").ID, 2)
			failing(t, s, tasks[0], c.error(c.one), false)
			failing(t, s, tasks[1], c.error(c.two), false)
			require.Len(t, groups(t, s, store.GroupOpen), c.groups)
		})
	}
}

// Groups of before their causes were told apart: the group goes on as that of its
// newest error, with its note, and what failed by another cause gets a group of its own.
func TestGroupsOfOldAreToldApart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	db := s.SQL()
	tasks := bought(t, s, storetest.Channel(t, s, "one", "").ID, 6)
	refused := said{"webhook.refused", "result_code", "000100", "000104"}
	failing(t, s, tasks[0], refused.error(refused.one), false)
	failing(t, s, tasks[1], refused.error(refused.two), false)
	failing(t, s, tasks[2], refused.error(refused.one), false)
	failing(t, s, tasks[3], refused.error(refused.two), true)
	failing(t, s, tasks[4], refusedWith("MKT.0101"), false)
	untouched := text(t, db, `SELECT fingerprint FROM failure_groups WHERE error ->> 'key' = 'order_query.credentials_refused'`)

	for v := int64(0); v != 98; {
		var err error
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	old := text(t, db, `SELECT min(id) FROM failure_groups`)
	exec(t, db, `UPDATE failure_groups SET fingerprint = 'as before', note = 'ask the developers' WHERE id = $1`, old)
	exec(t, db, `DELETE FROM failure_groups WHERE id <> $1 AND error ->> 'key' = 'webhook.refused'`, old)
	for _, table := range []string{"tasks", "messages"} {
		exec(t, db, `UPDATE `+table+` SET failure_group = $1 WHERE last_error ->> 'key' = 'webhook.refused'`, old)
	}
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, untouched, text(t, db, `SELECT fingerprint FROM failure_groups WHERE error ->> 'key' = 'order_query.credentials_refused'`))
	for range 2 {
		require.NoError(t, s.SettleFailures(ctx))
		require.Equal(t, "000100 2 2 ask the developers|000104 1 1 ", told(t, s))
	}

	failing(t, s, tasks[3], refused.error(refused.two), false)
	failing(t, s, tasks[5], refused.error(refused.one), false)
	require.Equal(t, "000100 3 3 ask the developers|000104 2 2 ", told(t, s), "what fails from now on finds them")
	id, err := strconv.ParseInt(old, 10, 64)
	require.NoError(t, err)
	g, err := s.Reader().Group(ctx, id)
	require.NoError(t, err)
	require.Equal(t, []any{"000100", store.GroupOpen}, []any{g.Error.Args["result_code"], g.Status})

	for v := int64(0); v != 98; { // back, and an older program makes a group of its own
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	exec(t, db, `INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error)
SELECT 'older', channel_id, step, of_tasks, error FROM failure_groups WHERE id = $1`, old)
	exec(t, db, `UPDATE tasks SET failure_group = (SELECT max(id) FROM failure_groups) WHERE id = $1`, tasks[5])
	_, err = migrations.Up(ctx, db)
	require.NoError(t, err)
	require.NoError(t, s.SettleFailures(ctx))
	require.Equal(t, "000100 3 3 ask the developers|000104 2 2 ", told(t, s), "no cause has two groups")
}

// told are the open groups of what the product refused: code, tasks, messages, note.
func told(t *testing.T, s *store.Store) string {
	t.Helper()
	return text(t, s.SQL(), `
SELECT string_agg(concat_ws(' ', error #>> '{args,result_code}', (SELECT count(*) FROM tasks WHERE failure_group = g.id),
                                 (SELECT count(*) FROM messages WHERE failure_group = g.id), note), '|' ORDER BY error #>> '{args,result_code}')
  FROM failure_groups g
 WHERE resolved_at IS NULL
   AND error ->> 'key' = 'webhook.refused'`)
}

// A caller who makes up a name for each of his calls makes one group of them, and so are
// the groups of before.
func TestWhatACallerMakesUpIsNoCause(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "one", "")
	db := s.SQL()
	call := func(from, to int) {
		exec(t, db, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, last_error, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', 'invalid/' || n, 'failed', jsonb_build_object('code', 'invalid', 'key', 'call.duplicate_key', 'args', jsonb_build_object('field', 'f' || n)), now(), now()
  FROM generate_series($1::int, $2::int) n`, from, to)
		require.NoError(t, s.SettleFailures(ctx))
	}
	const open = `SELECT string_agg(concat_ws(' ', error #>> '{args,field}', NULLIF(note, ''), (SELECT count(*) FROM messages WHERE failure_group = g.id)), ',' ORDER BY id) FROM failure_groups g WHERE resolved_at IS NULL`
	call(1, 3)
	require.Equal(t, "… 3", text(t, db, open))

	print := text(t, db, `SELECT fingerprint FROM failure_groups`)
	back(t, db, 116)
	exec(t, db, `
INSERT INTO failure_groups (fingerprint, channel_id, product_id, step, of_tasks, error, note)
SELECT 'old' || n, channel_id, product_id, step, of_tasks, error, 'a field that is made up' FROM failure_groups, generate_series(1, 3) n`)
	exec(t, db, `UPDATE messages SET failure_group = failure_group + id`)
	exec(t, db, `DELETE FROM failure_groups WHERE fingerprint = $1`, print)
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	call(4, 4)
	require.Equal(t, "… a field that is made up 4", text(t, db, open))
	require.Equal(t, print, text(t, db, `SELECT fingerprint FROM failure_groups WHERE resolved_at IS NULL`))
}
