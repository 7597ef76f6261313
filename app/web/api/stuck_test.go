package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestStuckWorkIsListedAndRepaired(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	for _, order := range []string{"CS1", "CS2", "CS3"} {
		h.buy(order)
	}
	require.Empty(t, h.ok("/stuck").items(), "what has just come is on its way")
	_, err := h.store.SQL().Exec(`UPDATE tasks SET run_at = now() - interval '1 hour' * id`)
	require.NoError(t, err)
	_, err = h.store.SQL().Exec(`UPDATE tasks SET status = 'running', attempts = 1, started_at = now() - interval '1 hour', leased_until = now() - interval '1 hour' WHERE order_id = 'CS2'`)
	require.NoError(t, err)

	all := h.ok("/stuck")
	require.Equal(t, []string{"3", "1", "2"}, all.ids("task_id"), "by kind, the longest stuck first")
	require.Equal(t, []string{"unhanded", "unhanded", "lease"}, all.ids("kind"))
	first := all.items()[0]
	require.Equal(t, []any{"order_query", "purchase", "i-CS3", "CS3", ""}, []any{first["task"], first["purpose"], first["instance_id"], first["order_id"], first["redis"]})
	page := h.ok("/stuck?limit=2")
	require.Equal(t, []string{"2"}, h.ok("/stuck?limit=2&cursor="+page.json["next_cursor"].(string)).ids("id"))
	require.Equal(t, []string{"2"}, h.ok("/stuck?kind=lease").ids("id"))

	const path = "/stuck/lease/2/repair"
	h.do(call{method: http.MethodPost, path: path, role: staff.Viewer}).problem(http.StatusForbidden, "http.forbidden")
	for _, did := range []string{"put_back", "nothing"} {
		r := h.post(path, `{"reason":"the host has burnt down"}`)
		require.Equal(t, http.StatusOK, r.status, r.raw)
		require.Equal(t, map[string]any{"kind": "lease", "id": "2", "did": did}, r.json)
	}
	require.Equal(t, "handed_over", h.post("/stuck/unhanded/1/repair", "").json["did"])
	require.Equal(t, 2, h.count(`SELECT count(*) FROM audit WHERE action = 'stuck.repair'`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'stuck.repair' AND reason = 'the host has burnt down' AND target = 'task/2'`))
	h.post("/stuck/lease/4711/repair", "").problem(http.StatusNotFound, "stuck.unknown")
	h.get("/stuck?kind=mood").problem(http.StatusBadRequest, "request.invalid")
	h.get("/stuck?cursor=mood").problem(http.StatusBadRequest, "cursor.invalid")
}
