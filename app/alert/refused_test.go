package alert_test

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/market"
)

// refused adds a call that could not be proved, and that the marketplace, if it was its
// call, repeats so long.
func (h *house) refused(p market.Protocol, activity, order, instance string, left time.Duration) {
	h.t.Helper()
	h.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, instance_id, attempts, first_received_at, last_received_at, retry_until, last_error)
VALUES (1, $1, $2, 'refused/' || $2 || '/' || $3 || '/' || $4, 'rejected', '000001', $3, $4, 1, now(), now(), now() + make_interval(secs => $5),
        '{"code":"unauthenticated","key":"call.signature"}')`, string(p), activity, order, instance, left.Seconds())
}

// refusedOrder is refused about an order.
func (h *house) refusedOrder(order, activity string, left time.Duration) {
	h.t.Helper()
	h.refused(market.V2, activity, order, "", left)
}

// What a purchase that is refused costs is its order; but whoever calls may be a
// stranger, so that it is a warning, and one for all such calls of a channel.
func TestARefusedPurchaseIsToldAtHalfAndAtTheLastQuarterOncePerChannel(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.refusedOrder("CS1", "newInstance", 100*time.Minute) // of 3 hours
	h.refusedOrder("CS2", "queryInstance", 5*time.Minute)
	h.refusedOrder("", "newInstance", 5*time.Minute)
	h.watch()
	require.Zero(t, h.all(), "not half yet, a poll has no time that ends, and a purchase names its order")
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

// What is lost by any other call that is refused until the marketplace stops is told as a
// purchase is, with what it is that is lost; the same call again, proved, puts it right.
func TestEveryRefusedCallIsToldAtHalfOfItsTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol        market.Protocol
		activity        string
		order, instance string
		half            time.Duration
		lost            string
	}{
		{market.V2, market.RefreshInstance, "CS1", "i1", time.Hour, "what the customer has paid to renew ends on its old date"},
		{market.V2, market.UpdateInstanceStatus, "", "i1", 30 * time.Minute, "what is to be frozen or unfrozen stays as it was"},
		{market.V2, market.ReleaseInstance, "CS1", "i1", 30 * time.Minute, "what is to be released stays in use"},
		{market.V1, market.RefreshInstance, "CS1", "i1", 30 * time.Minute, "what the customer has paid to renew ends on its old date"},
		{market.V1, market.ExpireInstance, "", "i1", 30 * time.Minute, "what has expired goes on"},
		{market.V1, market.ReleaseInstance, "", "i1", 30 * time.Minute, "what is to be released stays in use"},
		{market.LicenseCode, market.RefreshLicenseCode, "CS1", "", time.Hour, "what the customer has paid to renew ends on its old date"},
		{market.LicenseCode, market.UpdateLicenseCodeStatus, "", "", time.Hour, "what is to be frozen or unfrozen stays as it was"},
		{market.LicenseCode, market.ReleaseLicenseCode, "", "", time.Hour, "what is to be released stays in use"},
		{market.OrderNotice, market.OrderNotify, "CS1", "", 90 * time.Minute, "this system does not know of the order"},
	} {
		t.Run(string(c.protocol)+" "+c.activity, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.hook(alert.Setting{Endings: true})
			h.refused(c.protocol, c.activity, c.order, c.instance, c.half+time.Minute)
			h.watch()
			require.Zero(t, h.all(), "not half yet")
			h.exec(`UPDATE messages SET retry_until = retry_until - interval '2 minutes'`)
			h.watch()
			require.Equal(t, 1, h.all())
			said := h.calls()[0].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
			require.Equal(t, []string{"refused_window opened warning <nil>"}, items(t, h.calls()[0]))
			require.Contains(t, said["title"], "half")
			require.Contains(t, said["title"], cmp.Or(c.order, c.instance, "–"))
			require.Contains(t, said["do"], c.lost)

			proved := func(order, instance string) {
				h.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, first_received_at, last_received_at)
VALUES (1, $1, $2, 'proved/' || $3 || '/' || $4, 'succeeded', $3, $4, now(), now())`, string(c.protocol), c.activity, order, instance)
				h.watch()
			}
			if c.order+c.instance != "" {
				proved("CS9", "i9")
				require.Equal(t, "1", h.text(`SELECT count(*)::text FROM alerts WHERE cleared_at IS NULL`), "another's")
			}
			proved(c.order, c.instance)
			require.Equal(t, "resolved", h.text(`SELECT outcome FROM alerts`))
		})
	}
}

// A release may name the order by which it came about, another each time: its instance
// is what it is known by. A renewal is known by its order, for each is one of its own.
func TestARefusedCallIsKnownByWhatItIsAbout(t *testing.T) {
	t.Parallel()
	for activity, right := range map[string]string{market.ReleaseInstance: "resolved", market.UpdateInstanceStatus: "resolved", market.RefreshInstance: ""} {
		h := open(t)
		h.refused(market.V2, activity, "CS1", "i1", 10*time.Minute)
		h.watch()
		h.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, first_received_at, last_received_at)
VALUES (1, 'v2', $1, 'proved', 'succeeded', 'CS2', 'i1', now(), now())`, activity)
		h.watch()
		require.Equal(t, right, h.text(`SELECT outcome FROM alerts`), activity)
	}
}

// Whose calls have ended without a word has to have them made again.
func TestTheLapsedTimeOfARefusedRenewalSaysWhatGoesOnUntilItIsCalledAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	h.refused(market.V2, market.RefreshInstance, "CS1", "i1", 10*time.Minute)
	h.watch()
	h.all()
	h.later()
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second'`)
	h.exec(`UPDATE alerts SET until_at = now() - interval '1 second'`)
	h.watch()
	h.all()
	require.Equal(t, []string{"refused_window cleared warning lapsed"}, items(t, h.calls()[1]))
	do := h.calls()[1].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)["do"]
	require.Contains(t, do, "卖家中心 > 生产接口消息 > 重新启动")
	require.Contains(t, do, "Until then, what the customer has paid to renew ends on its old date")
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
