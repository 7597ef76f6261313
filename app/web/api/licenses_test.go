package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestLicensesAreListedHandedInAndUploadedAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.buy("CSL")
	for _, statement := range []string{
		`INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, event_id, supplier, device_sealed) SELECT channel_id, id, 'license', 'k1', 'ev-1', 'manual', '\x00' FROM instances`,
		`INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, event_id, status) SELECT channel_id, id, 'license', 'k2', 'ev-2', 'cancelled' FROM instances`,
	} {
		_, err := h.store.SQL().Exec(statement)
		require.NoError(t, err)
	}
	// The device is sealed under no key here: what lists show does not open it.
	list := h.get("/licenses?status=requested&instance_id=i-CSL&event_id=ev-1").json["items"].([]any)
	require.Len(t, list, 1)
	require.Equal(t, true, list[0].(map[string]any)["has_device"])
	_, err := h.store.SQL().Exec(`UPDATE licenses SET device_sealed = NULL`)
	require.NoError(t, err)
	act := func(method, path, body string) reply {
		return h.do(call{method: method, path: path, body: body, role: staff.Operator})
	}
	act(http.MethodPost, "/licenses/1/upload", ``).problem(http.StatusConflict, "license.not_there")
	act(http.MethodPut, "/licenses/1/text", `{}`).problem(http.StatusBadRequest, "request.invalid")
	act(http.MethodPut, "/licenses/2/text", `{"license":"`+password+`"}`).problem(http.StatusConflict, "license.instance_released")
	r := act(http.MethodPut, "/licenses/1/text", `{"license":"`+password+`","reason":"from the licence desk"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, []any{"ready", float64(len(password))}, []any{r.json["status"], r.json["size"]})
	require.Equal(t, 1, h.count(`SELECT count(*) FROM tasks WHERE kind = 'license_upload' AND status = 'pending'`))
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'license.hand_in' AND reason = 'from the licence desk'`))
	_, err = h.store.SQL().Exec(`UPDATE tasks SET status = 'failed' WHERE kind = 'license_upload'`)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, act(http.MethodPost, "/licenses/1/upload", `{"reason":"again"}`).status)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM tasks WHERE kind = 'license_upload' AND status = 'pending'`))
	require.Equal(t, "uploaded", func() string {
		_, err := h.store.SQL().Exec(`UPDATE licenses SET status = 'uploaded' WHERE id = 1`)
		require.NoError(t, err)
		return h.get("/licenses/1").json["status"].(string)
	}())
}

func TestALicensePoolIsFilledInThreeForms(t *testing.T) {
	t.Parallel()
	h := open(t)
	send := func(kind, body string) reply {
		return h.do(call{method: http.MethodPost, path: "/license-pools/crm/licenses", body: body, role: staff.Operator, header: map[string]string{"Content-Type": kind}})
	}
	r := send("application/json", `{"licenses":["L-1","L-2"]}`)
	require.Equal(t, http.StatusCreated, r.status, r.raw)
	require.JSONEq(t, `{"added":2,"known":0,"woken":0}`, r.raw)
	require.JSONEq(t, `{"added":1,"known":1,"woken":0}`, send("text/csv; charset=utf-8", "note,license\nx,L-2\ny,L-3\n").raw)
	require.JSONEq(t, `{"added":1,"known":0,"woken":0}`, send("text/plain", "L-4\n\n").raw)
	send("text/csv", "no such column\n").problem(http.StatusBadRequest, "license.bad_csv")
	send("application/json", `{"licenses":["L-9",""]}`).problem(http.StatusBadRequest, "license.import_wrong")
	require.Equal(t, 4, h.count(`SELECT count(*) FROM pooled_licenses`), "all or none")

	first := h.get("/license-pools/crm/licenses?status=free&limit=3")
	require.Len(t, first.json["items"], 3)
	last := h.get("/license-pools/crm/licenses?limit=3&cursor=" + first.json["next_cursor"].(string)).json["items"].([]any)
	require.Len(t, last, 1)
	retire := "/license-pools/crm/licenses/" + last[0].(map[string]any)["id"].(string) + "/retire"
	require.Equal(t, http.StatusOK, h.do(call{method: http.MethodPost, path: retire, role: staff.Operator}).status)
	h.do(call{method: http.MethodPost, path: retire, role: staff.Operator}).problem(http.StatusConflict, "license.pool_not_free")
	one := h.do(call{method: http.MethodPut, path: "/license-pools/crm", body: `{"low_water":3}`, role: staff.Operator})
	require.Equal(t, []any{3.0, 1.0, true}, []any{one.json["free"], one.json["retired"], one.json["low"]}, one.raw)
	require.Len(t, h.get("/license-pools").json["items"], 1)
	h.do(call{method: http.MethodPut, path: "/license-pools/crm", body: `{"low_water":-1}`, role: staff.Operator}).problem(http.StatusBadRequest, "request.invalid")
}
