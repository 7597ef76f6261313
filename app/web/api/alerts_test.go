package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/signin"
	"koodesk/app/staff"
)

func TestAlertTargetsAreKeptByTheAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, err := h.signin.AddOperator(t.Context(), signin.NewOperator{Email: "ann@example.com", Role: staff.Operator}, staff.CLI())
	require.NoError(t, err)
	admin := func(method, path, body string) reply {
		return h.do(call{method: method, path: path, body: body, role: staff.Admin})
	}
	made := admin("POST", "/alert-targets", `{"operator":"ann@example.com","medium":"koodesk","name":"desk","address":"https://hooks.example.com/a-long-way/to-it/TOKEN","kinds":["pool_low"]}`)
	require.Equal(t, http.StatusCreated, made.status, made.raw)
	require.Contains(t, made.raw, "whsec_")
	require.NotContains(t, made.raw, "to-it/TOKEN")
	listed := admin("GET", "/alert-targets", "")
	require.NotContains(t, listed.raw, "whsec_", "shown once")
	changed := admin("PATCH", "/alert-targets/1", `{"enabled":false,"severity":"critical"}`)
	require.Equal(t, http.StatusOK, changed.status, changed.raw)
	require.Contains(t, changed.raw, `"kinds":["pool_low"]`, "what is absent stays")
	require.Equal(t, http.StatusConflict, admin("POST", "/alert-targets/1/test", "").status, "it is off")
	admin("PATCH", "/alert-targets/1", `{"enabled":true}`)
	require.Equal(t, http.StatusAccepted, admin("POST", "/alert-targets/1/test", "").status)
	require.Contains(t, admin("GET", "/alert-messages?target=1", "").raw, `"test":true`)
	require.Equal(t, http.StatusBadRequest, admin("PATCH", "/alert-targets/1", `{"quiet_hours":"night"}`).status)
	require.Equal(t, http.StatusNoContent, admin("DELETE", "/alert-targets/1", "").status)
	require.Equal(t, http.StatusNotFound, admin("DELETE", "/alert-targets/1", "").status)

	require.Equal(t, 1, h.count(`WITH a AS (INSERT INTO alerts (kind, subject, severity, facts) VALUES ('pool_low', 'crm', 1, '{"pool":"crm","free":"1","low_water":"5"}') RETURNING id)
INSERT INTO alert_changes (alert_id, what, severity) SELECT id, 'opened', 1 FROM a RETURNING 1`))
	require.Contains(t, admin("GET", "/alerts?status=open", "").raw, `"path":"/pools/crm"`)
	one := admin("GET", "/alerts/1", "")
	require.Equal(t, http.StatusOK, one.status)
	require.Contains(t, one.raw, `"what":"opened"`)
	require.Equal(t, 1, h.count(`WITH a AS (INSERT INTO alerts (kind, subject, severity, facts) VALUES ('license_waiting', '1', 1, '{"protocol":"license-v1","activity":"getLicense","site":"cn"}') RETURNING id) SELECT count(*) FROM a`))
	require.Contains(t, admin("GET", "/alerts/2", "").raw, `"restart":"卖家中心 \u003e 生产接口消息 \u003e 重新启动"`)
}
