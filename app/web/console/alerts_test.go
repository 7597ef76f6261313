package console_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/staff"
)

func TestAnOperatorSaysWhereToHearAndTriesIt(t *testing.T) {
	t.Parallel()
	h := open(t)
	v := h.as(staff.Operator)
	empty := v.get(alert.TargetsPath)
	require.Contains(t, empty.words("main"), "You hear of nothing yet")
	require.Equal(t, http.StatusNotFound, v.get(alert.TargetsPath+"/new?medium=pigeon").status)
	form := v.get(alert.TargetsPath + "/new?medium=email")
	require.Contains(t, form.value("#f-address", "value"), "@seller.example", "one's own address is there already")

	wrong := v.post(alert.TargetsPath, form, "medium", "email", "name", "Me", "address", "nobody", "language", "en", "severity", "warning", "per_hour", "12", "enabled", "1")
	require.Equal(t, http.StatusUnprocessableEntity, wrong.status)
	require.Equal(t, "nobody", wrong.value("#f-address", "value"))
	require.NotEmpty(t, wrong.words("#e-address"))
	done := v.post(alert.TargetsPath, form, "medium", "email", "name", "Me", "address", "me@example.com", "language", "en", "severity", "critical",
		"kinds", "pool_low", "quiet_hours", "22:00-08:00", "per_hour", "5", "endings", "1", "enabled", "1")
	require.Equal(t, http.StatusSeeOther, done.status)
	require.Equal(t, "Me email m•••@example.com {pool_low} 2 22:00-08:00 5 t", h.text(`SELECT concat_ws(' ', name, medium, address_mask, kinds, severity, quiet_hours, per_hour, endings) FROM alert_targets`))

	page := v.get(alert.TargetsPath)
	require.Contains(t, page.words(".alert-targets"), "m•••@example.com")
	tested := v.post(page.value(`form[action$="/test"]`, "action"), page)
	require.Equal(t, http.StatusSeeOther, tested.status)
	require.Contains(t, v.get("/alerts/said").words(".alert-said"), "Test alert")
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM audit WHERE action = 'alert_target.test'`))

	other := h.as(staff.Viewer)
	require.Equal(t, http.StatusNotFound, other.get(alert.TargetsPath+"/1").status, "somebody else's")
	require.NotContains(t, other.get(alert.TargetsPath).words("main"), "m•••@example.com")
	require.Contains(t, h.as(staff.Admin).get(alert.TargetsPath).words("main"), "m•••@example.com", "who manages sees all")
	removed := v.post(alert.TargetsPath+"/1/remove", page)
	require.Equal(t, http.StatusSeeOther, removed.status)
	require.Contains(t, v.get(alert.TargetsPath).words("main"), "You hear of nothing yet")
	require.Contains(t, v.get("/alerts/said").words(".alert-said"), "m•••@example.com", "what was said stays")
}

func TestAlertsStandWithTheirWayThere(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec(`INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error) VALUES ('p', $1, 'newInstance', FALSE, '{"code":"unavailable","key":"order_query.unreachable","args":{"host":"h"}}')`, h.channel.ID)
	d, err := alert.New(alert.Options{Store: h.store, PublicURL: h.base})
	require.NoError(t, err)
	v := h.as(staff.Viewer)
	require.Contains(t, v.get("/alerts").words("main"), "No alerts yet")
	require.NoError(t, d.Watch(context.Background()))
	page := v.get("/alerts?status=open")
	require.Equal(t, []string{"/failures/1"}, rowsOf(page))
	require.Contains(t, page.words(".alerts"), "New failure at “Create instance”")
	require.Contains(t, page.words(".alerts"), "Nobody wanted to hear")
	require.Empty(t, rowsOf(v.get("/alerts?status=cleared")))
	require.Empty(t, rowsOf(v.get("/alerts?kind=pool_low")))
	h.exec(`UPDATE failure_groups SET resolved_at = now()`)
	require.NoError(t, d.Watch(context.Background()))
	require.Equal(t, []string{"/failures/1"}, rowsOf(v.get("/alerts?status=cleared")))
}

func TestTheStartPageTellsThatTheListingIsAtRisk(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec(`INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, first_received_at, last_received_at) VALUES ($1, 'v2', 'queryInstance', TRUE, 'probe', 'failed', now(), now())`, h.channel.ID)
	h.exec(`INSERT INTO attempts (message_id, at, source, disposition, result_code) SELECT id, now(), 'marketplace', 'new', '000005' FROM messages WHERE test`)
	page := h.as(staff.Viewer).get("/")
	require.Equal(t, "/listing", page.value(".need h2 a", "href"))
	require.Contains(t, page.words(".need-first"), "probes fail")
}
