package alert_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/store"
)

// pool makes a pool that is empty, and is low while it has a mark.
func (h *house) pool() {
	h.t.Helper()
	h.write(func(tx *store.Tx) error { return tx.EnsurePool(context.Background(), "crm") })
}

// account puts a free account into it.
func (h *house) account(name string) {
	h.t.Helper()
	h.exec(`INSERT INTO pool_accounts (pool, account_bidx, front_end_url, user_name, fits_v1, batch, added_by) VALUES ('crm', convert_to($1, 'UTF8'), 'https://crm.example.com', $1, TRUE, 1, 'ann')`, name)
}

// What comes and goes is one alert, told once, at night and by day; how often it
// came back is counted, and that it is over is said when it has stayed so.
func TestWhatComesAndGoesIsToldOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true, QuietHours: "10:00-14:00"}) // it is noon
	h.pool()
	said := 0
	for i := range 60 {
		h.exec(`UPDATE pools SET low_water = $1`, (i+1)%2)
		h.watch()
		said += h.all()
		h.pass(time.Minute)
	}
	require.Equal(t, 1, said)
	require.Equal(t, "1 29", h.text(`SELECT count(*) || ' ' || max(returned) FROM alerts`))
	h.exec(`UPDATE alert_targets SET quiet_hours = '14:00-15:00'`)
	h.watch()
	require.Zero(t, h.all(), "it may come back")
	h.later()
	h.watch()
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"pool_low opened critical <nil>", "pool_low cleared critical resolved"}, append(items(t, h.calls()[0]), items(t, h.calls()[1])...))
	last := h.calls()[1].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Equal(t, "It came back 29 times.", last["came_back"])
	require.Equal(t, 29.0, last["returned"])
	require.Nil(t, last["cause"], "that it came back is no cause")
	h.exec(`UPDATE pools SET low_water = 1`)
	h.later()
	h.watch()
	require.Equal(t, 1, h.all(), "what comes after that is another alert")
	require.Equal(t, "2 resolved,2", h.outcomes())
}

// What was over before it could be said, and is back, is said all the same.
func TestWhatReturnsBeforeItWasSaidIsSaid(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.group(1)
	h.watch()
	require.Equal(t, 1, h.all())
	h.pool()
	h.exec(`UPDATE pools SET low_water = 1`)
	h.watch() // held: the first was just said
	h.exec(`UPDATE pools SET low_water = 0`)
	h.watch()
	h.pass(2 * time.Minute)
	h.watch()
	require.Zero(t, h.all(), "it is right just now")
	h.exec(`UPDATE pools SET low_water = 1`)
	h.watch()
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"pool_low opened critical <nil>"}, items(t, h.calls()[1]))
}

// It is told again when it comes back worse than it was.
func TestWhatReturnsWorseIsSaid(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	h.pool()
	h.account("a")
	h.exec(`UPDATE pools SET low_water = 5`)
	h.watch()
	require.Equal(t, 1, h.all())
	h.exec(`UPDATE pools SET low_water = 0`)
	h.watch()
	h.pass(2 * time.Minute)
	h.exec(`UPDATE pools SET low_water = 5`)
	h.exec(`DELETE FROM pool_accounts`)
	h.watch()
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"pool_low opened warning <nil>", "pool_low raised critical <nil>"}, append(items(t, h.calls()[0]), items(t, h.calls()[1])...))
}

// A thousand last calls over an hour, at night, are few messages; none waits longer
// than the pause, and the first is said at once.
func TestManyLastCallsAreFewMessagesAndNoneIsLate(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{QuietHours: "10:00-14:00"})
	h.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, attempts, first_received_at, last_received_at, retry_until, last_error)
SELECT 1, 'v2', 'newInstance', 'k' || n, 'failed', '000005', 'CS' || n, 'CS' || n || '-1', 1, now(), now(), now() + interval '14 minutes' + n * interval '12 seconds',
       '{"code": "unavailable", "key": "order_query.unreachable"}'
  FROM generate_series(1, 300) AS n`)
	said, at := 0, []int{}
	for minute := range 75 {
		h.watch()
		if h.all() > 0 {
			said, at = said+1, append(at, minute)
		}
		require.Equal(t, "true", h.text(`SELECT (COALESCE(max(now() - c.at), '0') <= interval '10 minutes')::text
  FROM alert_sayings s JOIN alert_changes c ON c.id = s.change_id
 WHERE s.state = 'waiting' AND c.severity = 2`), "minute %d", minute)
		h.pass(time.Minute)
		h.exec(`UPDATE messages SET retry_until = retry_until - interval '1 minute'`)
	}
	require.Equal(t, []int{0, 1, 6, 16, 26, 36, 46, 56, 66}, at)
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM alert_sayings WHERE state = 'waiting'`))
}

// Warnings do not make what is critical wait.
func TestWhatIsCriticalDoesNotWaitForWarnings(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	said := 0
	for n := range 10 {
		h.group(n)
		h.watch()
		said += h.all()
		h.pass(time.Minute)
	}
	require.Equal(t, 3, said, "after one minute, after five, after ten")
	h.message("CS1", 5*time.Minute)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"retry_window opened critical <nil>"}, items(t, h.calls()[3]))
}

// What an alert says is true when it is read, also where it takes no turn.
func TestWhatAnAlertSaysIsTrueNow(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	h.pool()
	h.account("a")
	h.account("b")
	h.exec(`UPDATE pools SET low_water = 5`)
	h.message("CS1", 80*time.Minute)
	h.exec(`UPDATE messages SET status = 'processing', last_error = NULL`)
	for range 3 {
		h.refuse("key_unknown", "basic", 0)
	}
	h.exec(`INSERT INTO tasks (kind, purpose, unique_key, run_at) VALUES ('notice', 'notify', 's1', now() - interval '3 minutes')`)
	slowly := func() {
		h.watch()
		require.NoError(t, h.d.WatchSlowly(context.Background()))
		h.watch()
	}
	slowly()
	h.later()
	h.watch() // what was held
	said := h.text(`SELECT count(*)::text FROM alert_messages`)
	fact := func(kind, name string) string {
		return h.text(`SELECT COALESCE(facts ->> $2, '') FROM alerts WHERE kind = $1`, kind, name)
	}
	require.Equal(t, []string{"2", "nothing", "3", "1"}, []string{fact("pool_low", "free"), fact("retry_window", "waits"), fact("key_refused", "calls"), fact("stuck", "n")})
	h.account("c")
	h.exec(`UPDATE messages SET last_error = '{"code": "unavailable", "key": "order_query.unreachable"}' WHERE order_id = 'CS1'`)
	h.refuse("key_unknown", "basic", 0)
	h.exec(`INSERT INTO tasks (kind, purpose, unique_key, run_at) VALUES ('notice', 'notify', 's2', now() - interval '3 minutes')`)
	h.later()
	slowly()
	require.Equal(t, []string{"3", "", "4", "2"}, []string{fact("pool_low", "free"), fact("retry_window", "waits"), fact("key_refused", "calls"), fact("stuck", "n")})
	require.Equal(t, "order_query.unreachable", h.text(`SELECT error ->> 'key' FROM alerts WHERE kind = 'retry_window'`))
	h.exec(`UPDATE attempts SET at = at - interval '2 hours'`)
	h.refuse("key_unknown", "basic", 0)
	slowly()
	require.Equal(t, "1", fact("key_refused", "calls"))
	h.exec(`UPDATE attempts SET at = at - interval '2 hours'`)
	slowly()
	require.Equal(t, "0", fact("key_refused", "calls"))
	require.Equal(t, said, h.text(`SELECT count(*)::text FROM alert_messages`), "none of it is a turn")
}

// An alert outlives the customer that it began with: it has nobody's words, also when it
// follows what its message fails by now.
func TestAnAlertThatFollowsItsMessageHasNobodysWords(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.message("CS1", 5*time.Minute)
	h.watch()
	h.exec(`UPDATE messages SET last_error = '{"code": "refused", "key": "webhook.refused", "args": {"message": "Ann Lee owes us"}}'`)
	h.watch()
	require.Equal(t, "webhook.refused …", h.text(`SELECT concat_ws(' ', error ->> 'key', error #>> '{args,message}') FROM alerts`))
}

// An alert of a message that comes right, or whose failure a person closed, ends with
// why it stood, not with that nothing was at work.
func TestAnAlertThatIsOverKeepsWhyItStood(t *testing.T) {
	t.Parallel()
	for _, end := range []string{`UPDATE messages SET status = 'succeeded', last_error = NULL, failure_group = NULL, result_code = '000000'`,
		`UPDATE messages SET failure_group = 0, last_error = '{"code":"internal","key":"internal"}'`} {
		h := open(t)
		h.message("CS1", 5*time.Minute)
		h.watch()
		const why = `SELECT concat_ws(' ', facts::text, error::text) FROM alerts`
		before := h.text(why)
		require.Contains(t, before, `"key"`)
		h.exec(end)
		h.watch()
		require.Equal(t, before, h.text(why))
		require.NotEqual(t, "2", h.outcomes(), "it is over")
	}
}
