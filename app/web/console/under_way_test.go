package console_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// What is due already cannot be restarted, and its button says so: of a message, a task,
// and of what is ticked; a delivery only to another address.
func TestWhatIsDueAlreadyOffersNoRestart(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.product("static")
	h.refuse()
	h.buy("CSDUE")
	h.work()
	v := h.as(staff.Operator)
	require.Equal(t, "failed", h.text(`SELECT status FROM deliveries`))
	task := h.text(`SELECT id FROM tasks WHERE kind = 'deliver'`)
	page := v.get("/messages/1")
	require.Zero(t, page.Find(".head .acts .why").Length())
	require.Equal(t, "/tasks", v.post("/tasks/"+task+"/restart", page).to())

	const why = "It is due already: a worker is about to begin it"
	require.Equal(t, why, v.get("/messages/1").words(".head .acts .why"))
	require.Equal(t, 2, strings.Count(v.get("/messages/1").words("main .why"), why), "of the message and of its task")
	row := v.get("/tasks?q=%23" + task)
	require.Contains(t, row.words(".c-result"), "Due now")
	require.Zero(t, row.Find(".c-act button").Length())
	delivery := v.get("/deliveries/1")
	require.Empty(t, delivery.words(".head .acts .why"), "it can be sent to another address")
	require.Contains(t, delivery.words("dialog .effects"), "Is not sent to the same address again: it is due already")
	v.post("/deliveries/1/resend", delivery)
	require.Contains(t, v.get("/deliveries/1").words(".toast"), why)
	preview := v.get("/restarts/new?list=%2Fmessages&mode=delivery&ids=1")
	require.Contains(t, preview.words(".reasons"), why)
	require.Equal(t, "Every one of them would be refused", preview.words("main .why"))

	v.post("/tasks/"+task+"/restart", page)
	require.Contains(t, v.get("/tasks").words(".toast"), why)
	require.Equal(t, "1", h.text(`SELECT count(*) FROM task_attempts WHERE outcome = 'restarted'`))

	h.exec(`UPDATE tasks SET run_at = now() + interval '1 hour' WHERE status = 'pending'`)
	require.Zero(t, v.get("/messages/1").Find(".head .acts .why").Length(), "what waits longer can be hurried")
	require.NotContains(t, v.get("/deliveries/1").words("dialog .effects"), "due already")
}
