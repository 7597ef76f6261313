package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/staff"
	"koodesk/app/web/console"
)

func TestTheCalendarLeadsThroughMonthsAndDays(t *testing.T) {
	t.Parallel()
	shanghai := i18n.Zone("Asia/Shanghai")
	now := time.Date(2026, 12, 31, 23, 30, 0, 0, shanghai)
	h := open(t, func(o *console.Options) { o.Now = func() time.Time { return now } })
	h.product("static")
	for _, order := range []string{"CS1", "CS2", "CS3"} {
		h.buy(order)
	}
	h.work()
	h.exec(`UPDATE instances SET expires_at = '2027-01-01 00:00:00+08' WHERE order_id IN ('CS1', 'CS2')`)
	h.exec(`UPDATE instances SET expires_at = '2026-12-31 23:59:59+08' WHERE order_id = 'CS3'`)
	h.exec(`DELETE FROM deliveries`)
	h.exec(`
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, message_ref, unique_key, status, counted_at, was_held)
SELECT channel_id, id, 'expiry_notice', 'sms', 'en', email_sealed, '139•••', 'ref', 'key', 'succeeded', '2026-12-31 09:00+08', 'quiet_hours'
  FROM instances WHERE order_id = 'CS3'`)
	v := h.as(staff.Viewer)
	page := v.get("/calendar")
	require.Equal(t, http.StatusOK, page.status)
	require.Equal(t, "December 2026", page.words(".month-name"))
	require.Equal(t, "31", page.words(".today .cal-n"), "today is the reader's day")
	require.Equal(t, "/calendar/2026-12-31?status=expiring", page.value(".today .cal-count", "href"))
	require.Contains(t, page.words(".today"), "1 Expiring")
	require.Contains(t, page.words(".today"), "1 Notices sent")
	require.Equal(t, "/calendar/2026-11", page.value("a[rel=prev]", "href"))

	next := v.get(page.value("a[rel=next]", "href") + "?product_id=OFFI1")
	require.Equal(t, "January 2027", next.words(".month-name"))
	require.Equal(t, "/calendar?product_id=OFFI1", next.value(".month-nav a:not([rel])", "href"))
	require.Contains(t, next.words(".month-totals"), "Expiring 2")
	require.Contains(t, v.script("/calendar/2027-01?product_id=NONE", "results").words(".note"), "passes the filter")

	day := v.get("/calendar/2027-01-01?product_id=OFFI1")
	require.Len(t, rowsOf(day), 2)
	require.Equal(t, "/calendar/2026-12-31?product_id=OFFI1", day.value(".crumbs a[rel=prev]", "href"))
	require.Equal(t, "/calendar/2027-01?product_id=OFFI1", day.value(".crumbs > a", "href"))
	sent := v.get("/calendar/2026-12-31?status=sent")
	require.Len(t, rowsOf(sent), 1)
	require.Contains(t, sent.words(".deliveries .below"), "Was held: quiet hours")
	require.Contains(t, v.get("/calendar/2026-12-13").words(".blank"), "Nothing falls into this day")
	broken := v.get("/calendar/2027-01-01?before=nonsense")
	require.Equal(t, http.StatusUnprocessableEntity, broken.status)
	require.Equal(t, 1, broken.Find(".blank.bad").Length(), broken.body)
	for _, bad := range []string{"2027-13", "2027-02-30", "1999-12", "today", "2027-1-1", strings.Repeat("9", 300)} {
		require.Equal(t, http.StatusNotFound, v.get("/calendar/"+bad).status, bad)
	}

	h.exec(`UPDATE instances SET expires_at = '2091-01-01 00:00:00+08' WHERE order_id = 'CS1'`)
	require.Len(t, rowsOf(v.get("/calendar/2090-12-31?status=planned")), 2, "when notices go is by the customers' zone, here UTC")
	var id string
	require.NoError(t, h.store.SQL().QueryRow(`SELECT instance_id FROM instances WHERE order_id = 'CS1'`).Scan(&id))
	require.Equal(t, "UTC", h.as(staff.Operator).get("/instances/"+id).value("input[name=zone]", "placeholder"))
}
