package alert_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
)

// refusedOrder adds a call about an order that could not be proved, and that the
// marketplace, if it was its call, repeats so long.
func (h *house) refusedOrder(order, activity string, left time.Duration) {
	h.t.Helper()
	h.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, attempts, first_received_at, last_received_at, retry_until, last_error)
VALUES (1, 'v2', $1, 'refused/' || $1 || '/' || $2, 'rejected', '000001', $2, 1, now(), now(), now() + make_interval(secs => $3),
        '{"code":"unauthenticated","key":"call.signature"}')`, activity, order, left.Seconds())
}

// What a purchase that is refused costs is its order; but whoever calls may be a
// stranger, so that it is a warning, and one for all such calls of a channel.
func TestARefusedPurchaseIsToldAtHalfAndAtTheLastQuarterOncePerChannel(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.refusedOrder("CS1", "newInstance", 100*time.Minute) // of 3 hours
	h.refusedOrder("CS2", "refreshInstance", 5*time.Minute)
	h.refusedOrder("", "newInstance", 5*time.Minute)
	h.watch()
	require.Zero(t, h.all(), "not half yet, and no order is lost by a renewal that comes late")
	h.exec(`UPDATE messages SET retry_until = now() + interval '89 minutes' WHERE order_id = 'CS1'`)
	h.watch()
	require.Equal(t, 1, h.all())
	for n := range 30 {
		h.refusedOrder(fmt.Sprint("STRANGE", n), "newInstance", time.Duration(30+n)*time.Minute)
		h.later()
		h.watch()
	}
	require.Zero(t, h.all(), "one for the channel")
	h.exec(`UPDATE messages SET retry_until = now() + interval '14 minutes' WHERE order_id = 'CS1'`)
	for range 3 {
		h.later()
		h.watch()
	}
	require.Equal(t, 1, h.all())
	h.later()
	h.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, first_received_at, last_received_at)
SELECT 1, 'v2', activity, 'proved/' || order_id, 'processing', order_id, now(), now() FROM messages WHERE status = 'rejected' AND order_id <> ''`)
	h.watch()
	h.later() // it may come back
	h.watch()
	require.Equal(t, 1, h.all(), "the same orders came again, and were proved")
	got := h.calls()
	require.Equal(t, []string{"refused_window opened warning <nil>"}, items(t, got[0]))
	require.Equal(t, []string{"refused_window opened warning <nil>"}, items(t, got[1]))
	require.Equal(t, []string{"refused_window cleared warning resolved", "refused_window cleared warning resolved"}, items(t, got[2]))
	said := func(n int) map[string]any {
		return got[n].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	}
	require.Contains(t, said(0)["title"], "CS1")
	require.Contains(t, said(0)["title"], "half")
	require.Contains(t, said(1)["title"], "15 minutes")
	require.Equal(t, public+"/messages?status=rejected&channel=default", said(0)["link"])
	require.NotEmpty(t, said(0)["deadline"])
}

func TestTheTimeOfARefusedPurchaseThatIsOverIsNotCalledRight(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.refusedOrder("CS1", "newInstance", 10*time.Minute)
	h.watch()
	h.later()
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
	h.exec(`UPDATE alerts SET until_at = now() - interval '1 second'`)
	h.watch()
	h.all()
	require.Equal(t, []string{"refused_window cleared warning lapsed"}, items(t, h.calls()[1]))
	require.Contains(t, fmt.Sprint(h.calls()[1].json(t)), "卖家中心 > 生产接口消息 > 重新启动")

	h.refusedOrder("CS2", "newInstance", 10*time.Minute)
	h.watch()
	h.exec(`DELETE FROM messages`) // there were too many to keep
	h.watch()
	require.Equal(t, "lapsed,gone", h.text(`SELECT string_agg(outcome, ',' ORDER BY id) FROM alerts`))
}

// The last quarter of an hour of one refused order does not use up that of the next.
func TestEachRefusedOrderHasItsLastQuarter(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.refusedOrder("CS1", "newInstance", 14*time.Minute)
	h.refusedOrder("CS2", "newInstance", 60*time.Minute)
	h.watch()
	require.Equal(t, 1, h.all())
	var last []string // what was told, when, of the last quarters
	for minute := 2; minute <= 60; minute += 2 {
		h.exec(`UPDATE messages SET retry_until = retry_until - interval '2 minutes', first_received_at = first_received_at - interval '2 minutes', last_received_at = last_received_at - interval '2 minutes'`)
		h.exec(`UPDATE alerts SET until_at = until_at - interval '2 minutes'`)
		h.pass(2 * time.Minute)
		h.watch()
		if h.all() == 0 {
			continue
		}
		calls := h.calls()
		for _, one := range calls[len(calls)-1].json(t)["data"].(map[string]any)["alerts"].([]any) {
			if a := one.(map[string]any); a["change"] == "opened" && strings.Contains(fmt.Sprint(a["title"]), "15 minutes") {
				last = append(last, fmt.Sprint(minute, " ", strings.Contains(fmt.Sprint(a["title"]), "CS2")))
			}
		}
	}
	require.Len(t, last, 1)
	require.Regexp(t, `^4[68] true$`, last[0])
}

// The end of a window says where the seller restarts it, in the site's own words, or
// that they are another's.
func TestAWindowThatRanOutNamesTheSitesOwnPage(t *testing.T) {
	t.Parallel()
	for site, sure := range map[string]bool{"intl": true, "eu": false} {
		h := open(t)
		h.exec(`UPDATE channels SET site = $1`, site)
		h.hook(alert.Setting{Endings: true})
		h.message("CS1", 10*time.Minute)
		h.watch()
		h.all()
		h.later()
		h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
		h.watch()
		h.all()
		said := h.calls()[1].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
		do := fmt.Sprint(said["do"])
		require.Contains(t, do, "Application Tools > Service Interface Messages > Restart Debugging")
		require.Equal(t, sure, !strings.Contains(do, "another site’s words"), do)
		require.Equal(t, "Application Tools > Service Interface Messages > Restart Debugging", said["facts"].(map[string]any)["restart"])
		require.Equal(t, !sure, said["facts"].(map[string]any)["restart_unconfirmed"] == "yes")
	}
}
