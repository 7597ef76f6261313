package alert_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

const own = "a-secret-of-the-operator-32-char"

func (h *house) hook(s alert.Setting) int64 {
	h.t.Helper()
	s.Medium, s.Address, s.Secret = alert.Koodesk, h.url, own
	return h.target(s)
}

// items are the titles of what a call of our own webhook says.
func items(t *testing.T, c call) (out []string) {
	t.Helper()
	for _, a := range c.json(t)["data"].(map[string]any)["alerts"].([]any) {
		i := a.(map[string]any)
		out = append(out, fmt.Sprint(i["kind"], " ", i["change"], " ", i["severity"], " ", i["outcome"]))
	}
	return out
}

func TestAWindowIsSaidAtHalfAndAtTheLastQuarterOnceEach(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	id := h.message("CS1", 100*time.Minute)             // of 3 hours
	h.exec(`UPDATE messages SET status = 'processing'`) // tries of ours are still to come
	h.watch()
	require.Zero(t, h.all(), "not half yet")
	h.exec(`UPDATE messages SET retry_until = now() + interval '89 minutes'`)
	for range 3 {
		h.watch()
	}
	require.Equal(t, 1, h.all())
	h.later()
	h.watch()
	require.Zero(t, h.all(), "once")
	h.exec(`UPDATE messages SET retry_until = now() + interval '14 minutes'`)
	h.watch()
	require.Equal(t, 1, h.all())
	h.later()
	h.exec(`UPDATE messages SET status = 'succeeded'`)
	h.watch()
	h.watch()
	require.Zero(t, h.all(), "it may come back")
	h.later()
	h.watch()
	require.Equal(t, 1, h.all())
	got := h.calls()
	require.Len(t, got, 3)
	require.Equal(t, []string{"retry_window opened warning <nil>"}, items(t, got[0]))
	require.Equal(t, []string{"retry_window raised critical <nil>"}, items(t, got[1]))
	require.Equal(t, []string{"retry_window cleared critical resolved"}, items(t, got[2]))
	first := got[0].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Equal(t, public+"/messages/"+id, first["link"])
	require.Equal(t, i18n.For(i18n.En).Fault(&fault.Record{Code: fault.Unavailable, Key: "order_query.unreachable", Args: map[string]string{"host": "mkt.example.com"}}).What, first["cause"])
	require.NotEmpty(t, first["deadline"])
}

func TestWhatTheMarketplaceHoldsForRightIsNoAlert(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	h.message("CS1", 5*time.Minute)
	h.message("CS2", 5*time.Minute)
	h.exec(`UPDATE messages SET result_code = '000000' WHERE order_id = 'CS1'`)
	h.exec(`UPDATE messages SET test = TRUE WHERE order_id = 'CS2'`)
	h.watch()
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM alerts`))
}

func TestAWindowThatRanOutIsNotCalledRight(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.message("CS1", 10*time.Minute)
	h.watch()
	h.all()
	h.later()
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
	h.watch()
	h.all()
	require.Equal(t, []string{"retry_window cleared critical lapsed"}, items(t, h.calls()[1]))
}

// What a person has closed, or a later call has repaired, stands failed: nobody is
// told to put it right.
func TestWhatWasClosedIsNotSaidToHaveRunOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.message("CS1", time.Hour)
	h.watch()
	require.Equal(t, 1, h.all())
	h.exec(`UPDATE messages SET failure_group = 0`)
	h.watch()
	require.Equal(t, "1 gone", h.outcomes())
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
	h.later()
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"retry_window cleared warning gone"}, items(t, h.calls()[1]))
	said := h.calls()[1].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Contains(t, said["title"], "closed, or a later call put it right")
	require.Nil(t, said["do"])
}

func TestManyAtOnceAreOneMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	for n := range 12 {
		h.group(n)
	}
	h.message("CS1", 5*time.Minute)
	h.watch()
	h.group(99)
	h.watch() // too soon after the first
	require.Equal(t, 1, h.all())
	data := h.calls()[0].json(t)["data"].(map[string]any)
	require.Len(t, data["alerts"], 10)
	require.Equal(t, "retry_window", data["alerts"].([]any)[0].(map[string]any)["kind"], "what is critical comes first")
	require.Equal(t, []any{map[string]any{"kind": "failure_group", "n": 3.0}}, data["more"])
	require.Equal(t, public+"/alerts", data["link"])
	require.Equal(t, "13", h.text(`SELECT says::text FROM alert_messages`))
	h.later()
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"failure_group opened warning <nil>"}, items(t, h.calls()[1]))
}

func TestATargetHearsNoMoreThanItsNumberAnHour(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{PerHour: 2})
	for n := range 5 {
		h.group(n)
		h.watch()
		h.later()
	}
	require.Equal(t, 2, h.all())
	require.Equal(t, "3", h.text(`SELECT count(*)::text FROM alert_sayings WHERE state = 'waiting'`))
	h.message("CS1", 5*time.Minute)
	h.message("CS2", 5*time.Minute)
	h.watch()
	h.watch()
	require.Equal(t, 1, h.all(), "what is critical does not wait for the next hour")
	require.Equal(t, []string{"retry_window opened critical <nil>", "retry_window opened critical <nil>"}, items(t, h.calls()[2]))
	h.exec(`UPDATE alert_messages SET created_at = created_at - interval '1 hour'`)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Len(t, items(t, h.calls()[3]), 3, "the rest in one")
}

func TestWhatIsOverBeforeItWasSaidIsNotSaid(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.group(1)
	h.watch()
	second := h.group(2)
	h.watch() // held: the first was just said
	h.resolve(second)
	h.watch()
	h.later()
	h.watch()
	h.watch()
	require.Equal(t, 1, h.all(), "neither that it came nor that it went")
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM alert_sayings WHERE state = 'moot'`))
}

func TestAGroupThatComesBackIsSaidAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	g := h.group(1)
	h.watch()
	h.resolve(g)
	h.watch()
	h.later()
	h.exec(`UPDATE failure_groups SET resolved_at = NULL, opened_at = now(), reopened = 1`)
	h.watch()
	h.watch()
	require.Equal(t, 2, h.all())
	title := h.calls()[1].json(t)["data"].(map[string]any)["title"].(string)
	require.Contains(t, title, "is back")
}

func TestAtNightOnlyWhatIsCriticalGoesOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{QuietHours: "10:00-14:00"})
	h.group(1)
	h.watch()
	require.Zero(t, h.all())
	h.message("CS1", 5*time.Minute)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"retry_window opened critical <nil>"}, items(t, h.calls()[0]))
	h.exec(`UPDATE alert_targets SET quiet_hours = '14:00-15:00'`)
	h.later()
	h.watch()
	require.Equal(t, 1, h.all(), "in the morning the rest")
}

func TestEachHearsWhatItWants(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.group(0)
	h.watch() // before there is anybody
	h.hook(alert.Setting{Name: "pools", Kinds: []string{market.AlertPool}})
	h.hook(alert.Setting{Name: "critical", Severity: "critical"})
	h.hook(alert.Setting{Name: "all"})
	off := h.hook(alert.Setting{Name: "off"})
	_, _, err := h.d.SetTarget(context.Background(), alert.Setting{ID: off, Name: "off"}, h.operator, staff.CLI())
	require.NoError(t, err)
	h.group(1)
	h.message("CS1", 5*time.Minute)
	h.write(func(tx *store.Tx) error { return tx.EnsurePool(context.Background(), "crm/a") })
	h.exec(`UPDATE pools SET low_water = 1`)
	h.watch()
	h.all()
	said := map[string]string{}
	rows, err := h.store.SQL().Query(`SELECT t.name, m.says::text FROM alert_messages m JOIN alert_targets t ON t.id = m.target_id`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name, n string
		require.NoError(t, rows.Scan(&name, &n))
		said[name] = n
	}
	require.Equal(t, map[string]string{"pools": "1", "critical": "2", "all": "3"}, said, "what stood before a target is no turn")
	require.Equal(t, public+"/pools/crm%2Fa", alertLink(t, h, "pool_low"))
}

func alertLink(t *testing.T, h *house, kind string) string {
	t.Helper()
	for _, c := range h.calls() {
		for _, a := range c.json(t)["data"].(map[string]any)["alerts"].([]any) {
			if i := a.(map[string]any); i["kind"] == kind {
				return i["link"].(string)
			}
		}
	}
	return ""
}

func TestAProcessThatDiesBetweenDecidingAndSendingSendsOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	h.group(1)
	h.watch()
	require.Empty(t, h.calls(), "nothing goes out inline")
	h.restart()
	h.watch()
	require.Equal(t, 1, h.all())
	h.later()
	h.watch()
	require.Zero(t, h.all())
	require.Len(t, h.calls(), 1)

	h.group(2)
	h.watch()
	ctx := context.Background()
	task, ok, err := h.store.Claim(ctx, int64(len(h.text(`SELECT repeat('x', max(id)::int) FROM tasks`))), time.Nanosecond)
	require.NoError(t, err)
	require.True(t, ok)
	require.Eventually(t, func() bool { n, err := h.store.Recover(ctx); return err == nil && n == 1 }, time.Minute, 5*time.Millisecond)
	require.Equal(t, "task.lease_lost", fault.From(h.d.Deliver(ctx, task)).Key, "what the lost worker still sent is not written as done")
	require.Equal(t, 1, h.all())
	got := h.calls()
	require.Len(t, got, 3)
	require.Equal(t, got[1].header.Get("webhook-id"), got[2].header.Get("webhook-id"), "a repeat can be told")
	require.Equal(t, got[1].body, got[2].body)
}

func TestTwoProcessesThatLookAtOnceSayItOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	for n := range 5 {
		h.group(n)
	}
	done := make(chan error)
	for range 4 {
		go func() { done <- h.d.Watch(context.Background()) }()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
	require.Equal(t, "5 5 5", h.text(`SELECT concat_ws(' ', (SELECT count(*) FROM alerts), (SELECT count(*) FROM alert_changes), (SELECT count(*) FROM alert_sayings))`))
	require.Equal(t, "5", h.text(`SELECT sum(says)::text FROM alert_messages`))
}
