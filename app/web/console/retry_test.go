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
	require.Contains(t, failing, "Seen in fragments only, taken for page")
	require.Contains(t, failing, "CN 0070649414")
	require.Contains(t, failing, "duration unconfirmed")
	require.Contains(t, failing, "for 2 h if the order is for an online License", "with its own interval")
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

	// A call after the end may begin new retries, or not.
	h.exec(`UPDATE messages SET first_received_at = now() - interval '9 hours', retry_until = now() + interval '100 minutes' WHERE order_id = 'CSFAILS'`)
	require.Contains(t, page("CSFAILS"), "停止之后又收到了调用。如云商店由此重新自动重试，则到 ")
	require.Contains(t, page("CSFAILS"), "请先在此重新启动，再到 卖家中心 > 生产接口消息 > 重新启动。")
	require.Contains(t, page("CSFAILS"), "是否重新自动重试未经证实")
	h.exec(`UPDATE messages SET activity = 'refreshInstance' WHERE order_id = 'CSFAILS'`)
	require.NotContains(t, page("CSFAILS"), "License", "two hours either way")
	h.exec(`UPDATE channels SET site = 'eu'`)
	require.Contains(t, page("CSFAILS"), "本站点没有公布，参照页面")
	h.exec(`UPDATE messages SET protocol = 'v1', retry_until = now() - interval '1 minute' WHERE order_id = 'CSFAILS'`)
	h.exec(`UPDATE channels SET site = 'cn'`)
	require.Contains(t, page("CSFAILS"), "重新启动。也可发邮件至 partner@huaweicloud.com。")
	h.exec(`UPDATE messages SET protocol = 'v2', activity = 'newInstance', first_received_at = now(), retry_until = now() + interval '47 minutes' WHERE order_id = 'CSFAILS'`)

	// Time runs out also for what nothing has failed of.
	h.exec(`UPDATE messages SET status = 'processing', last_error = NULL WHERE order_id = 'CSFAILS'`)
	require.Contains(t, page("CSFAILS"), "届时仍未成功，订单将自动退订。 这里仍在处理；完成后，云商店下次调用时会取得结果。")
}
