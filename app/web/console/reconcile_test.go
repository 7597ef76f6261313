package console_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// differences writes findings about an instance of the house, one a kind.
func (h *house) differences() {
	h.t.Helper()
	h.exec(`INSERT INTO reconciliations (status, started_by, finished_at, asked) VALUES ('done', 'system', now(), 7)`)
	h.exec(`
INSERT INTO reconcile_findings (reconciliation_id, channel_id, instance_pk, order_id, order_line_id, kind, ours, theirs, repair)
SELECT (SELECT max(id) FROM reconciliations), i.channel_id, i.id, i.order_id, i.order_line_id, f.kind, f.ours, f.theirs, f.repair
  FROM instances i,
       (VALUES ('expiry', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '2031-01-02T03:04:05Z', 'set_expiry'), ('unanswered', 'active', '', '')) AS f (kind, ours, theirs, repair)`)
	h.exec(`UPDATE instances SET expires_at = (SELECT ours::timestamptz FROM reconcile_findings WHERE kind = 'expiry' AND instance_pk = instances.id)`)
}

func TestDifferencesAreApprovedFromTheList(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.buy("CS1")
	h.buy("CS2")
	h.differences()
	require.Zero(t, h.as(staff.Viewer).get("/reconcile").Find("[data-tick]").Length(), "looking is all that a viewer may")
	v := h.as(staff.Operator)
	page := v.get("/reconcile")
	require.Equal(t, 4, page.Find("tr:not(.day) td.c-status").Length())
	require.Equal(t, 4, page.Find("[data-tick]").Length())

	// All of a filter, although only one is ticked: what has no repair stays.
	v.post("/reconcile/apply", page, "all", "1", "ids", "1", "reason", "checked", "return_to", "/reconcile?kind=expiry")
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM instances WHERE expires_at = '2031-01-02T03:04:05Z'`))
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM reconcile_findings WHERE status = 'applied' AND reason = 'checked'`))
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM audit WHERE action = 'reconcile.applied' AND reason = 'checked'`))

	left := v.get("/reconcile?status=open")
	require.Equal(t, 2, left.Find("[data-tick]").Length())
	v.post("/reconcile/keep", left, "ids", left.value("[data-tick]", "value"), "note", "asked the partner desk", "return_to", "/reconcile?status=open")
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM reconcile_findings WHERE status = 'kept' AND reason = 'asked the partner desk'`))
}

func TestWhatCouldNotBeDecidedIsSaidWithItsReason(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.buy("CS1")
	h.differences()
	v := h.as(staff.Operator)
	v.post("/reconcile/apply", v.get("/reconcile"), "ids", "1", "ids", "2")
	require.Equal(t, "1 difference was repaired. Not decided: There is no repair for this difference (1)", v.get("/reconcile").words("#toasts p"))
	v.post("/reconcile/keep", v.get("/reconcile"), "ids", "1", "ids", "2")
	require.Contains(t, v.get("/reconcile").words("#toasts p"), "1 difference is left as it is. Not decided: ")
}

func TestARunIsBegunFromThePageOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	page := v.get("/reconcile")
	unsure := "The result of the last reconciliation is what counts."
	require.Equal(t, unsure, page.words(".blank p"), "there was none")
	for outcome, want := range map[string]string{"done', 0, '": "The orders here and at KooGallery agree.", "done', 2, '": unsure, "failed', 0, '": unsure} {
		h.exec(`INSERT INTO reconciliations (status, skipped, started_by, finished_at) VALUES ('` + outcome + `system', now())`)
		require.Equal(t, want, v.get("/reconcile").words(".blank p"), outcome)
		h.exec(`DELETE FROM reconciliations`)
	}
	v.post("/reconcile/start", page)
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM reconciliations WHERE status = 'running'`))
	page = v.get("/reconcile")
	require.Equal(t, 1, page.Find(`.acts [aria-disabled=true]`).Length(), "the button says why it cannot work")
	v.post("/reconcile/start", page)
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM reconciliations`))
}
