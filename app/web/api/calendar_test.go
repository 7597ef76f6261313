package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCalendarOfAMonth(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	h.buy("CS2")
	h.work()
	h.count(`WITH moved AS (UPDATE instances SET expires_at = '2091-02-28 10:00Z' RETURNING id) SELECT count(*) FROM moved`)
	month := h.ok("/calendar?month=2091-02&channel=default").json
	require.Equal(t, "2091-02", month["month"])
	days := month["days"].([]any)
	require.Len(t, days, 28)
	last := days[27].(map[string]any)
	require.Equal(t, "2091-02-28", last["date"])
	require.Equal(t, "2091-03-01T00:00:00Z", last["until"])
	require.EqualValues(t, 2, last["expiring"])
	require.EqualValues(t, 0, last["notices"].(map[string]any)["planned"])
	require.Empty(t, last["at_least"])
	require.EqualValues(t, 4, days[26].(map[string]any)["notices"].(map[string]any)["planned"], "a day before, and on the customers' own day, which begins at 16:00")
	require.EqualValues(t, 0, h.ok("/calendar?month=2091-02&product_id=none").json["days"].([]any)[27].(map[string]any)["expiring"])
	h.ok("/calendar")
	for _, bad := range []string{"2091", "2091-13", "2091-02-01", "1999-12", "x"} {
		require.Equal(t, http.StatusBadRequest, h.get("/calendar?month="+bad).status, bad)
	}
}
