package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheTimelineOfAnOrder(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CSTIME")
	h.send("activity", "queryInstance", "instanceId", "i-CSTIME")
	h.send("activity", "queryInstance", "instanceId", "i-CSTIME")
	h.work()
	find := func() map[string]any {
		t.Helper()
		items := h.ok("/orders?order_id=CSTIME").json["items"].([]any)
		require.Len(t, items, 1)
		return h.ok("/orders/" + items[0].(map[string]any)["id"].(string)).json
	}
	require.Nil(t, find()["time_to_usable_seconds"], "no answer had the address")
	h.send("activity", "queryInstance", "instanceId", "i-CSTIME")
	_, err := h.store.SQL().Exec(`UPDATE instances SET url_seen_at = created_at + interval '5 s'; UPDATE messages SET first_received_at = (SELECT created_at FROM instances) - interval '2.25 s' WHERE activity = 'newInstance'`)
	require.NoError(t, err)
	o := find()
	require.InDelta(t, 7.25, o["time_to_usable_seconds"], 0.001)
	types := map[string]int{}
	for _, e := range o["timeline"].([]any) {
		e := e.(map[string]any)
		types[e["type"].(string)]++
		require.Equal(t, "i-CSTIME", e["instance_id"], e)
		if e["type"] == "poll" && e["result_code"] == "000004" {
			require.EqualValues(t, 2, e["count"])
		}
	}
	require.Equal(t, []int{1, 2, 1}, []int{types["message"], types["poll"], types["url_seen"]}, "%v", types)
	require.Positive(t, types["task"])
	require.Positive(t, types["delivery"])
	require.Positive(t, types["change"])
}
