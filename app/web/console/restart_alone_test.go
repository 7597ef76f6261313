package console_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/staff"
)

// The page of one restart says what matters of one, and how that stands by now.
func TestTheRestartOfOneHasAPageOfItsOwn(t *testing.T) {
	t.Parallel()
	h, v := broken(t, "CS1", "CS2")
	page := v.get("/messages/1")
	v.post("/messages/1/restart", page, "reason", "the shop is back")
	v.post("/messages/1/restart", page, "reason", "twice")
	v.post("/tasks/2/restart", page, "reason", "asked by phone")
	h.work()
	h.exec(`UPDATE tasks SET status = 'failed', attempts = 7, last_error = $1 WHERE id = 2`, fault.ToRecord(unreachable()).JSON())
	require.NoError(t, h.restarts.Settle(t.Context()))

	for path, c := range map[string]struct {
		head, link, fault string
		facts             []string
	}{
		"/restarts/1": {"Message #1 Passed Restart #1", "/messages/1", "", []string{"Create instance", "CS1", "operator@seller.example", "the shop is back", "1 failed task runs again.", "Stands now Succeeded", "Attempts 2"}},
		"/restarts/2": {"Message #1 Refused Restart #2", "/messages/1", "It is due already", []string{"twice", "Stands now Succeeded"}},
		"/restarts/3": {"Task #2 Failed again Restart #3", "/tasks?q=%232", "open API cannot be reached", []string{"Order query", "asked by phone", "1 failed task runs again.", "Stands now Failed", "Tries in this round 7"}},
	} {
		one := v.get(path)
		require.Equal(t, c.head, one.spaced("main .head"), path)
		require.Equal(t, c.link, one.value(".facts a", "href"), path)
		require.Contains(t, one.words("main .note.bad"), c.fault, path)
		for _, words := range c.facts {
			require.Contains(t, one.spaced(".facts"), words, path)
		}
		require.Zero(t, one.Find("main .acts, progress, .tabs, main table").Length(), path)
		require.NotContains(t, one.words(".facts"), "Rate", path)
	}

	h.exec(`UPDATE restart_batches SET status = 'paused' WHERE id = 1`)
	require.Equal(t, 2, v.get("/restarts/1").Find("main .acts button").Length(), "what is held up goes on, or ends")
	h.exec(`UPDATE restart_items SET item_id = 999 WHERE batch_id = 3`)
	require.Contains(t, v.get("/restarts/3").words(".facts"), "asked by phone", "also when the task is not kept any more")

	preview := v.get("/restarts/new?list=/messages&ids=2")
	require.Zero(t, preview.Find("select#restart-rate").Length(), "one has no rate")
	require.Equal(t, "0", preview.value(`.restart-form input[name="rate"]`, "value"))
	require.Equal(t, 1, h.as(staff.Operator).get("/restarts/new?list=/messages&ids=1&ids=2").Find("select#restart-rate").Length())
}
