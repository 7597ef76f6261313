package console_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// queue plays Redis: it has what it was told, and takes what it is given.
type queue struct {
	has  map[int64]bool
	down bool
}

func (q *queue) Has(_ context.Context, tasks []store.Due) (map[int64]bool, error) {
	if q.down {
		return nil, fault.New(fault.Unavailable, "queue.unreachable")
	}
	return q.has, nil
}

func (q *queue) HandOver(_ context.Context, d store.Due) (bool, error) {
	if q.down {
		return false, fault.New(fault.Unavailable, "queue.unreachable")
	}
	fresh := !q.has[d.ID]
	q.has[d.ID] = true
	return fresh, nil
}

func TestStuckWorkIsRepairedInTheConsole(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	ann := h.as(staff.Operator)
	require.Contains(t, ann.get("/stuck").words("main"), "Nothing is stuck")

	h.buy("CS1")
	h.buy("CS2")
	h.exec(`UPDATE tasks SET run_at = now() - interval '1 hour'`)
	h.exec(`UPDATE tasks SET enqueued_at = now() - interval '1 hour' WHERE order_id = 'CS2'`)
	require.Equal(t, "2", ann.get("/").words(`.side a.nav-item[href="/stuck"] + .nav-waits .badge`))
	start := ann.get("/")
	require.Equal(t, "2", start.words(`.need:has(a[href="/stuck"]) .need-count`))
	require.Equal(t, "/stuck?kind=unhanded", start.value(`.need:has(a[href="/stuck"]) .need-first a`, "href"))

	list := ann.get("/stuck")
	require.Equal(t, "Without a job1", list.words(`nav.tabs a[aria-current="page"]`), "the first kind that there is some of")
	require.Equal(t, []string{"/stuck/unhanded/1/repair"}, actionsOf(list, "repair-confirm"))
	require.Equal(t, []string{"/messages/1"}, rowsOf(list))
	res := ann.post("/stuck/unhanded/1/repair", list, "reason", "the workers are back")
	require.Equal(t, http.StatusSeeOther, res.status, res.body)
	require.Contains(t, ann.get("/stuck?kind=unhanded").words("#toasts"), "Handed to Redis")
	ann.post("/stuck/unhanded/1/repair", list)
	after := ann.get("/stuck?kind=unhanded")
	require.Contains(t, after.words("#toasts"), "nothing was done")
	require.Contains(t, after.words(".blank"), "Nothing is stuck in this way")
	require.Equal(t, "the workers are back", h.text(`SELECT reason FROM audit WHERE action = 'stuck.repair'`))
	require.Equal(t, "1", h.text(`SELECT count(*) FROM audit WHERE action = 'stuck.repair'`))

	h.queue.has[2] = true
	lost := ann.get("/stuck?kind=lost")
	require.Empty(t, actionsOf(lost, "repair-confirm"), "Redis has it: a worker is missing, not the job")
	require.Contains(t, lost.words("td.c-result"), "No worker begins it")
	ann.post("/stuck/lost/2/repair", lost)
	require.Contains(t, ann.get("/stuck").words("#toasts"), "Redis has this task")
	h.queue.down = true
	require.Contains(t, ann.get("/stuck?kind=lost").words("td.c-result"), "Redis cannot be asked")
	h.queue.down, h.queue.has[2] = false, false
	lost = ann.get("/stuck?kind=lost")
	require.Equal(t, []string{"/stuck/lost/2/repair"}, actionsOf(lost, "repair-confirm"))
	h.queue.down = true
	ann.post("/stuck/lost/2/repair", lost)
	require.Contains(t, ann.get("/stuck").words("#toasts"), "Redis cannot be reached")

	require.Equal(t, http.StatusNotFound, ann.post("/stuck/lost/999/repair", lost).status)
	require.Equal(t, http.StatusNotFound, ann.post("/stuck/mood/2/repair", lost).status)
	require.Equal(t, http.StatusNotFound, ann.post("/stuck/lost/x/repair", lost).status)
	viewer := h.as(staff.Viewer)
	readOnly := viewer.get("/stuck?kind=lost")
	require.Empty(t, actionsOf(readOnly, "repair-confirm"))
	require.Equal(t, http.StatusForbidden, viewer.post("/stuck/lost/2/repair", readOnly).status)
	require.Empty(t, rowsOf(ann.get("/stuck?kind=poll")), "another kind")
	require.Len(t, rowsOf(ann.get("/stuck?kind=mood")), 1, "an unknown kind shows the first that there is some of")
}
