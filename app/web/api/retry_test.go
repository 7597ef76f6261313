package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

func TestWhatTheMarketplaceDoesAboutAMessage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.market.fail = fault.New(fault.Unavailable, "order_query.unreachable").Final()
	h.buy("CS1")
	h.work()
	h.market.fail = nil
	failing := func() map[string]any {
		m := h.ok("/messages?order_id=CS1").items()[0]
		got, _ := h.ok("/messages/" + m["id"].(string)).json["retry"].(map[string]any)
		return got
	}
	at := func(v any) time.Time {
		out, err := time.Parse(time.RFC3339Nano, v.(string))
		require.NoError(t, err)
		return out
	}

	r := failing()
	require.Equal(t, []any{"calling", "here", "unsubscribed", "CN 0070649414"}, []any{r["state"], r["remedy"], r["afterwards"], r["source"]})
	require.Equal(t, []any{10800.0, 3600.0, 3.0}, []any{r["window_seconds"], r["interval_seconds"], r["times"]})
	require.InDelta(t, 10800, r["left_seconds"], 300)
	require.Equal(t, 3*time.Hour, at(r["until"]).Sub(at(r["started_at"])))
	require.Equal(t, 90*time.Minute, at(r["until"]).Sub(at(r["half_at"])))
	require.Equal(t, 15*time.Minute, at(r["until"]).Sub(at(r["last_at"])))
	require.Equal(t, time.Hour, at(r["next_call_at"]).Sub(at(r["started_at"])))
	require.Equal(t, "Restarting it here is enough.", r["advice"])
	require.Equal(t, map[string]any{"site": "cn", "path": []any{"卖家中心", "生产接口消息", "重新启动"}, "confirmed": true, "mail": nil}, r["seller_center"])
	require.Equal(t, []any{"window", "interval", "afterwards"}, r["unconfirmed"], "seen in fragments only")
	require.Equal(t, []any{"fragments", false}, []any{r["evidence"], r["again"]})

	// The window is over: the marketplace does not come back for the result.
	for _, statement := range []string{`UPDATE channels SET site = 'intl'`,
		`UPDATE messages SET retry_until = now() - interval '1 minute', first_received_at = now() - interval '181 minutes' WHERE order_id = 'CS1'`} {
		_, err := h.store.SQL().Exec(statement)
		require.NoError(t, err)
	}
	r = failing()
	require.Equal(t, []any{"ended", "both", nil, 0.0}, []any{r["state"], r["remedy"], r["next_call_at"], r["left_seconds"]})
	require.Equal(t, "other_site", r["evidence"])
	require.Contains(t, r["advice"], "Application Tools > Service Interface Messages > Restart Debugging")

	// Put right after that, it is still to be restarted there; and no more once
	// the marketplace has heard of it.
	id := h.ok("/messages?order_id=CS1").items()[0]["id"].(string)
	h.post("/messages/"+id+"/restart", "")
	h.work()
	require.Equal(t, "succeeded", h.ok("/messages?order_id=CS1").items()[0]["status"])
	r = failing()
	require.Equal(t, []any{"ended", "there"}, []any{r["state"], r["remedy"]})
	h.buy("CS1")
	require.Nil(t, failing())

	// What went well at once has no clock.
	h.buy("CS2")
	h.work()
	require.Nil(t, h.ok("/messages/" + h.ok("/messages?order_id=CS2").items()[0]["id"].(string)).json["retry"])
}
