package console_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// The message's page says how long there is, which restart is enough, and where
// the other one is.
func TestAMessageSaysWhatTheMarketplaceDoesAboutIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.furnish()
	v := h.as(staff.Operator)
	page := func(order string) string {
		return v.get("/messages/" + h.text(`SELECT id::text FROM messages WHERE order_id = $1`, order)).words(".retry")
	}

	v.locale = "en"
	failing := page("CSFAILS")
	require.Contains(t, failing, "KooGallery calls again by itself until ")
	require.Contains(t, failing, "after that the order is unsubscribed. Restarting it here is enough.")
	require.Contains(t, failing, "Every 1 h for 3 h")
	require.Contains(t, failing, "interval unconfirmed")
	require.Contains(t, failing, "卖家中心 > 生产接口消息 > 重新启动", "the site's own words, in any language")
	require.Contains(t, failing, "CN 0070649414")
	forged := page("CSFORGED")
	require.Contains(t, forged, "If this call really is KooGallery’s:")
	require.Contains(t, forged, "put the cause right, and the next call passes.")
	require.Empty(t, page("CSWORKS"), "right on both sides")

	v.locale = "zh-CN"
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 minute'`)
	require.Contains(t, page("CSFAILS"), "停止自动重试，订单可能已自动退订，请先核对订单。 请先在此重新启动，再到 卖家中心 > 生产接口消息 > 重新启动。")
	require.Contains(t, page("CSFORGED"), "排除原因后，请让云商店重新调用：卖家中心 > 生产接口消息 > 重新启动。")

	// The first page that a person sees tells the soonest deadline of all.
	h.exec(`UPDATE messages SET retry_until = now() + interval '47 minutes 30 seconds' WHERE order_id = 'CSFAILS'`)
	require.Contains(t, v.get("/").words(`.need:has(a[href^="/failures"]) .deadline`), "还剩 47 分")

	// Time runs out also for what nothing has failed of.
	h.exec(`UPDATE messages SET status = 'processing', last_error = NULL WHERE order_id = 'CSFAILS'`)
	require.Contains(t, page("CSFAILS"), "届时仍未成功，订单将自动退订。 这里仍在处理；完成后，云商店下次调用时会取得结果。")
}
