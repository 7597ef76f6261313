package retention_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/retention"
	"koodesk/app/seal"
	"koodesk/app/store"
)

// at runs what is due on a day.
func (b bench) at(day string, d retention.Days) {
	b.t.Helper()
	now, err := time.Parse(time.DateOnly, day)
	require.NoError(b.t, err)
	k := retention.New(retention.Options{Store: b.s, Days: d, Now: func() time.Time { return now.Add(time.Hour) }})
	require.NoError(b.t, k.Run(context.Background()))
}

// parts are the partitions of a log with the ids that they hold.
func (b bench) parts(log string) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	rows, err := b.s.SQL().Query(`SELECT substr(c::regclass::text, length($1::text) + 2), COALESCE((SELECT string_agg(id::text, ' ' ORDER BY id) FROM `+log+` WHERE tableoid = c), '')
  FROM (SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::text::regclass) p (c)`, log)
	require.NoError(b.t, err)
	defer rows.Close()
	for rows.Next() {
		var name, ids string
		require.NoError(b.t, rows.Scan(&name, &ids))
		out[name] = ids
	}
	require.NoError(b.t, rows.Err())
	return out
}

// year writes into three months of 2030: of each message one arrival a month, the
// last two in the last of them. Message 1 and 2 are done, 3 has failed, 4 has a
// content in quarantine, 5 a restart as its newest attempt; and the tries of two
// tasks, of which the second has failed.
func (b bench) year() {
	b.t.Helper()
	b.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, content_hash, status, attempts, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', 'key-' || n, '\x01', CASE WHEN n = 3 THEN 'failed' ELSE 'succeeded' END, 3, '2030-01-10', '2030-03-10'
  FROM generate_series(1, 5) AS n`)
	b.exec(`
INSERT INTO attempts (message_id, at, source, disposition, request_sealed, response, part)
SELECT m, make_timestamptz(2030, mon, 10, 0, 0, 0, 'UTC'), CASE WHEN mon = 3 AND m = 5 THEN 'operator' ELSE 'marketplace' END, 'repeat', $1, '{}', '2030-0' || mon
  FROM generate_series(1, 3) AS mon, generate_series(1, 5) AS m
 ORDER BY mon, m`, b.s.Keys().Seal(seal.Payload, []byte("POST")))
	b.exec(`INSERT INTO quarantine (message_id, content_hash, attempt_id, first_at, last_at) VALUES (4, '\x02', 4, now(), now())`)
	b.exec(`INSERT INTO tasks (kind, status, unique_key) VALUES ('order_query', 'succeeded', 'a'), ('order_query', 'failed', 'b')`)
	b.exec(`
INSERT INTO task_attempts (task_id, round, number, at, outcome, part)
SELECT k, 0, mon, make_timestamptz(2030, mon, 10, 0, 0, 0, 'UTC'), 'failed', '2030-0' || mon
  FROM generate_series(1, 3) AS mon, generate_series(1, 2) AS k
 ORDER BY mon, k`)
}

// with are partitions beside the default one, each with its ids.
func with(more ...string) map[string]string {
	out := map[string]string{"default": ""}
	for n := 0; n < len(more); n += 2 {
		out[more[n]] = more[n+1]
	}
	return out
}

func TestAMonthGoesWhole(t *testing.T) {
	t.Parallel()
	b := open(t)
	d := retention.Days{Payloads: 60, Attempts: 300}
	b.at("2030-01-02", d)
	require.Equal(t, with("kept", "", "2030_01", "", "2030_02", "", "2030_03", ""), b.parts("attempts"), "this month and the next two; the empty ones before are gone")
	require.Equal(t, b.parts("attempts"), b.parts("task_attempts"))
	b.year()

	b.at("2030-03-20", d)
	require.Equal(t, with("kept", "3 4", "2030_01_lean", "1 2 5", "2030_02", "6 7 8 9 10", "2030_03", "11 12 13 14 15", "2030_04", "", "2030_05", ""), b.parts("attempts"),
		"nothing is left of January but what is emptied, and what is open")
	require.Equal(t, []int64{1, 2, 5}, b.ids(`SELECT id FROM attempts WHERE request_sealed IS NULL AND response IS NULL AND emptied_at IS NOT NULL ORDER BY id`))
	b.at("2030-06-20", d)
	require.Equal(t, with("kept", "3 4 8 9 13 14", "2030_01_lean", "1 2 5", "2030_02_lean", "6 7 10", "2030_03_lean", "11 12 15", "2030_06", "", "2030_07", "", "2030_08", ""), b.parts("attempts"))
	page, err := b.s.Reader().AttemptList(context.Background(), 3, store.Paging{})
	require.NoError(t, err)
	require.Len(t, page.Items, 3)
	require.Equal(t, "POST", page.Items[2].Request.Body)

	b.at("2030-12-15", d)
	require.Equal(t, with("kept", "3 4 8 9 13 14", "2030_02_lean", "6 7 10", "2030_03_lean", "11 12 15", "2030_12", "", "2031_01", "", "2031_02", ""), b.parts("attempts"),
		"300 days before, January was over and February was not")
	b.at("2031-03-20", d)
	require.Equal(t, with("kept", "3 4 8 9 10 11 12 13 14 15", "2031_03", "", "2031_04", "", "2031_05", ""), b.parts("attempts"),
		"what KooGallery was told last stays, with a restart after it; so does what is open")
	require.Equal(t, with("kept", "2 4 6", "2031_03", "", "2031_04", "", "2031_05", ""), b.parts("task_attempts"))

	b.exec(`UPDATE messages SET status = 'succeeded' WHERE id = 3`)
	b.exec(`UPDATE quarantine SET status = 'refused'`)
	b.exec(`UPDATE tasks SET status = 'succeeded'`)
	b.at("2031-03-21", d)
	require.Equal(t, "10 11 12 13 14 15", b.parts("attempts")["kept"], "what is settled goes")
	require.Equal(t, "", b.parts("task_attempts")["kept"])
	require.Empty(t, b.ids(`SELECT id FROM attempts WHERE request_sealed IS NOT NULL`))
	require.Empty(t, b.ids(`SELECT id FROM retention_held`))
	require.Empty(t, b.ids(`SELECT 1 FROM retention WHERE kind LIKE '%\_20%'`), "no state is left of months that are gone")
}

// What is not emptied before goes with its month too.
func TestAMonthGoesWithItsPayloads(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.at("2030-01-02", retention.Days{})
	b.year()
	b.at("2031-03-20", retention.Days{Attempts: 300})
	require.Equal(t, "3 4 8 9 10 11 12 13 14 15", b.parts("attempts")["kept"])
	require.NotContains(t, b.parts("attempts"), "2030_01")
	require.Len(t, b.ids(`SELECT id FROM attempts WHERE request_sealed IS NOT NULL`), 10, "payloads are kept for ever")
	b.at("2031-03-21", retention.Days{Payloads: 60, Attempts: 300})
	require.Equal(t, []int64{3, 4, 8, 9, 13, 14}, b.ids(`SELECT id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY id`), "and are emptied where they stand when they are not")
	require.Equal(t, "3 4 8 9 10 11 12 13 14 15", b.parts("attempts")["kept"])
}

// Rows whose month has no partition are written all the same, and move when it is
// made; too many of them stay, and go one by one.
func TestAMonthThatIsMissing(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.year()
	require.Len(t, strings.Fields(b.parts("attempts")["default"]), 15)
	require.Equal(t, []int64{0}, b.ids(`SELECT add_part('attempts', '2030-02', 4)::int`), "more than may wait")
	b.at("2030-03-11", retention.Days{})
	require.Equal(t, "1 2 3 4 5 6 7 8 9 10", b.parts("attempts")["default"])
	require.Equal(t, "11 12 13 14 15", b.parts("attempts")["2030_03"])
	require.Equal(t, "5 6", b.parts("task_attempts")["2030_03"])
	b.at("2031-03-20", retention.Days{Payloads: 60, Attempts: 300})
	require.Equal(t, "", b.parts("attempts")["default"])
	require.Equal(t, "3 4 8 9 10 11 12 13 14 15", b.parts("attempts")["kept"])
	require.Equal(t, "2 4 6", b.parts("task_attempts")["kept"])
	require.Equal(t, "", b.parts("task_attempts")["default"])
}

func TestAMonthTurnsInUTC(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.at("2030-11-02", retention.Days{})
	tx, err := b.s.SQL().Begin()
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	for _, statement := range []string{`SET TIME ZONE 'Asia/Shanghai'`, `
INSERT INTO attempts (message_id, at, source, disposition, part)
SELECT n, at, 'marketplace', 'new', month_of(at) FROM unnest('{2030-11-30 23:59:59.999999+00,2030-12-01 00:00:00+00}'::timestamptz[]) WITH ORDINALITY AS t (at, n)`} {
		_, err := tx.Exec(statement)
		require.NoError(t, err)
	}
	require.NoError(t, tx.Commit())
	require.Equal(t, "1", b.parts("attempts")["2030_11"])
	require.Equal(t, "2", b.parts("attempts")["2030_12"])
	require.Len(t, b.ids(`SELECT 1 FROM pg_attrdef WHERE pg_get_expr(adbin, adrelid) = 'month_of(now())' AND adrelid IN ('attempts'::regclass, 'task_attempts'::regclass)`), 2)
}

func TestTwoProcessesAtMonthsAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.at("2030-01-02", retention.Days{})
	b.year()
	d := retention.Days{Payloads: 60, Attempts: 300}
	for _, day := range []string{"2030-03-20", "2030-06-20", "2031-03-20"} {
		var both sync.WaitGroup
		errs := make([]error, 4)
		now, err := time.Parse(time.DateOnly, day)
		require.NoError(t, err)
		for n := range errs {
			both.Go(func() {
				errs[n] = retention.New(retention.Options{Store: b.s, Days: d, Now: func() time.Time { return now }}).Run(context.Background())
			})
		}
		both.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
	}
	b.at("2031-03-20", d)
	require.Equal(t, with("kept", "3 4 8 9 10 11 12 13 14 15", "2031_03", "", "2031_04", "", "2031_05", ""), b.parts("attempts"))
	require.Equal(t, with("kept", "2 4 6", "2031_03", "", "2031_04", "", "2031_05", ""), b.parts("task_attempts"))
}

// A log in use is not waited for: whoever calls meanwhile would wait too.
func TestADropGivesUpOnALogInUse(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.at("2030-01-02", retention.Days{})
	b.year()
	tx, err := b.s.SQL().Begin()
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.Exec(`SELECT FROM attempts LIMIT 1`)
	require.NoError(t, err)
	said := &strings.Builder{}
	now := time.Date(2031, 3, 20, 0, 0, 0, 0, time.UTC)
	k := retention.New(retention.Options{Store: b.s, Days: retention.Days{Attempts: 300}, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(said, nil))})
	require.NoError(t, k.Run(context.Background()))
	require.Contains(t, said.String(), "a log was in use")
	require.Contains(t, b.parts("attempts"), "2030_01")
	require.NoError(t, tx.Rollback())
	require.NoError(t, k.Run(context.Background()))
	require.NotContains(t, b.parts("attempts"), "2030_01")
	require.Contains(t, said.String(), "attempts_2030_01")
}
