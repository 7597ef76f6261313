package console_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// probe writes debugging calls so many days ago, at that hour of UTC+8.
func (h *house) probe(activity, code, disposition string, daysAgo, hour int) {
	h.t.Helper()
	h.exec(`
WITH w AS (SELECT (date_trunc('day', now() AT TIME ZONE interval '8 hours') - make_interval(days => $4) + make_interval(hours => $5)) AT TIME ZONE interval '8 hours' AS at),
m AS (
    INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, first_received_at, last_received_at)
    SELECT $6, 'v2', $1, true, 'probe/' || $1 || random(), 'succeeded', at, at FROM w
    RETURNING id)
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT m.id, w.at, 'marketplace', $3, $2 FROM m, w`, activity, code, disposition, daysAgo, hour, h.channel.ID)
}

func TestListingRiskTellsFailingProbesAndFailedOrders(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Viewer)
	empty := v.get("/listing")
	require.Zero(t, empty.Find("table").Length(), "nothing has come in yet")

	for days := range 4 {
		h.probe("queryInstance", "000000", "repeat", days+1, 9)
	}
	h.probe("queryInstance", "000000", "repeat", 0, 0) // whatever time it is
	h.probe("newInstance", "000000", "new", 3, 9)
	h.probe("newInstance", "000005", "repeat", 2, 9)
	h.probe("newInstance", "000000", "repeat", 2, 15)
	require.Contains(t, v.get("/listing").words(".probes"), "newest probes passed", "what was repaired by the afternoon is no failing day")
	h.probe("newInstance", "000000", "repeat", 1, 9)
	h.probe("newInstance", "000005", "repeat", 1, 15)
	h.probe("newInstance", "000001", "rejected", 0, 0)
	page := v.get("/listing")
	require.Contains(t, page.words(".probes .note.bad"), "1 of 5 days", "a call that nobody proved is shown, and counts for nothing")
	require.Equal(t, 2, page.Find("td.probe-failed").Length())
	require.Equal(t, 1, page.Find("td.probe-refused").Length())

	h.probe("releaseInstance", "000001", "rejected", 0, 0)
	h.probe("upgradeInstance", "000005", "new", 0, 0)
	h.exec(`UPDATE attempts a SET diagnosis = '{"checks": [], "findings": [{"code": "clock"}]}' FROM messages m WHERE m.id = a.message_id AND m.activity = 'releaseInstance'`)
	h.exec(`UPDATE attempts a SET actor = 'Koodesk' FROM messages m WHERE m.id = a.message_id AND m.activity = 'upgradeInstance'`)
	require.Equal(t, 3, v.get("/listing").Find("td.probe-failed").Length(), "signed with our key, so it is KooGallery's; and none of our own agents")

	for _, order := range []string{"CS1", "CS2"} {
		h.buy(order)
	}
	h.exec(`UPDATE messages SET status = 'failed', retry_until = now() + interval '1 hour' WHERE order_id <> ''`)
	h.exec(`UPDATE messages SET status = 'succeeded' WHERE order_id = 'CS2'`)
	h.exec(`UPDATE instances SET product_id = 'OFFI1' WHERE order_id = 'CS1'`)
	h.exec(`UPDATE messages SET order_id = 'CS1' WHERE test AND activity = 'releaseInstance'`)
	page = v.get("/listing")
	require.Contains(t, page.words(".figures"), "OFFI101", "it is still tried")
	require.Equal(t, "OFFI1", page.words(".probes th code.id"), "the probe names an order")
	require.Contains(t, page.words(".probes .note.bad"), "calls that name no known product: probes have failed for 1 of 5 days")
	require.Contains(t, page.words(".probes .note.bad"), "Product OFFI1: probes have failed for 1 of 5 days")
	require.Equal(t, strings.Repeat("AMPM", 10), page.words(".probes .halves"))
}

func TestListingRiskTellsHowTheDaysCallsWent(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.buy("CS1")
	h.buy("CS2")
	h.probe("newInstance", "000005", "repeat", 0, 0)
	h.exec(`UPDATE instances SET product_id = 'OFFI1', url_seen_at = CASE order_id WHEN 'CS1' THEN created_at + interval '20 seconds' END`)
	page := h.as(staff.Viewer).get("/listing")
	require.Contains(t, page.words("main"), "newInstanceSaaS V2.02100 %", "real calls alone, answered with processing, which is well")
	require.Contains(t, page.words("main"), "OFFI12120 s20 s", "two were bought; who has one had it after 20 seconds")
}
