package alert_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/i18n"
)

// What is left to do when the time is over is what the message's page says: a call
// that could not be read has no Restart there, and some have an address to write to.
func TestWhatRanOutSaysWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ set, open, over string }{
		"failing": {`idem_key = 'k'`, "As soon as the cause is gone, press Restart on the message’s page.",
			"Restart it here, then also there: 卖家中心 > 生产接口消息 > 重新启动."},
		"not understood": {`idem_key = 'invalid/k'`, "(DNS, firewall, proxy). It cannot be restarted here: put the cause right, and the next call passes.",
			"It cannot be restarted here: put the cause right, then have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动."},
		"by mail": {`idem_key = 'k', protocol = 'v1', activity = 'releaseInstance'`, "As soon as the cause is gone, press Restart on the message’s page.",
			"Restart it here, then also there: 卖家中心 > 生产接口消息 > 重新启动. Or write to partner@huaweicloud.com."},
		"at work": {`idem_key = 'k', status = 'processing', last_error = NULL`, "what it waits for",
			"It is still at work here; once done, have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动."},
		// whether a call by hand begins KooGallery's retries anew is not published
		"failing, called again": {`idem_key = 'k', first_received_at = now() - interval '20 hours'`,
			"(DNS, firewall, proxy). Restart it here, then also there: 卖家中心 > 生产接口消息 > 重新启动.", "Restart it here, then also there: 卖家中心 > 生产接口消息 > 重新启动."},
		"not understood, called again": {`idem_key = 'invalid/k', first_received_at = now() - interval '20 hours'`,
			"It cannot be restarted here: put the cause right, then have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动.",
			"It cannot be restarted here: put the cause right, then have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动."},
		"at work, called again": {`idem_key = 'k', status = 'processing', last_error = NULL, first_received_at = now() - interval '20 hours'`,
			"It is still at work here; once done, have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动.",
			"It is still at work here; once done, have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.hook(alert.Setting{Endings: true})
			h.message("CS1", 10*time.Minute)
			h.exec(`UPDATE messages SET ` + c.set)
			h.watch()
			require.Equal(t, 1, h.all())
			h.later()
			h.exec(`UPDATE messages SET retry_until = now() - interval '1 minute'`)
			h.watch()
			require.Equal(t, 1, h.all())
			for n, want := range []string{c.open, c.over} {
				said := h.calls()[n].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
				require.Contains(t, said["do"], want)
			}
		})
	}
}

// What a robot shows says what to do, in the receiver's language and as that robot's
// markup has it.
func TestARobotSaysWhatToDo(t *testing.T) {
	t.Parallel()
	text := func(path ...any) func(*testing.T, call) string {
		return func(t *testing.T, c call) string { return fmt.Sprint(dig(t, c.json(t), path...)) }
	}
	shown := map[string]func(*testing.T, call) string{
		alert.DingTalk: text("markdown", "text"), alert.WeCom: text("markdown", "content"), alert.Slack: text("blocks", 1, "text", "text"),
		alert.Feishu: text("content", "post", "zh_cn", "content"),
	}
	for medium, said := range shown {
		h := open(t)
		h.exec(`UPDATE channels SET site = 'intl'`)
		h.target(alert.Setting{Medium: medium, Address: h.url + robots[medium].path, Secret: robots[medium].secret, Language: "zh-CN"})
		h.message("CS1", 10*time.Minute)
		h.exec(`UPDATE messages SET first_received_at = now() - interval '20 hours'`)
		h.watch()
		h.says(http.StatusOK, robots[medium].answer)
		require.Equal(t, 1, h.all())
		path := "Application Tools › Service Interface Messages › Restart Debugging"
		if medium == alert.Feishu { // no markup
			path = strings.ReplaceAll(path, "›", ">")
		}
		require.Contains(t, said(t, h.calls()[0]), i18n.For("zh-CN").T("retry.remedy.both", "restart", path), medium)
	}
}
