package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeveralRepairsAreApprovedAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	for _, order := range []string{"CS1", "CS2", "CS3"} {
		h.buy(order)
	}
	h.work()
	_, err := h.store.SQL().Exec(`WITH run AS (INSERT INTO reconciliations (status, started_by, finished_at) VALUES ('done', 'system', now()) RETURNING id)
INSERT INTO reconcile_findings (reconciliation_id, channel_id, instance_pk, order_id, order_line_id, kind, ours, theirs, repair)
SELECT run.id, i.channel_id, i.id, i.order_id, i.order_line_id, f.kind, to_char(i.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), '2031-01-02T03:04:05Z', f.repair
  FROM run, instances i, (VALUES ('expiry', 'set_expiry'), ('unanswered', '')) AS f (kind, repair) ORDER BY f.kind, i.id`)
	require.NoError(t, err)
	for body, field := range map[string]string{`{}`: "ids", `{"ids":[]}`: "ids", `{"ids":["x"]}`: "ids.0", `{"ids":["1"],"filter":{}}`: "filter", `{"filter":{"kind":"x"}}`: "filter.kind"} {
		require.Equal(t, []string{field}, h.post("/findings/apply", body).problem(http.StatusBadRequest, "request.invalid"), body)
	}

	some := h.post("/findings/apply", `{"ids":["1","4","99"],"reason":"checked"}`)
	require.Equal(t, http.StatusOK, some.status, some.raw)
	require.JSONEq(t, `{"matched":3,"applied":1,"refused":{"finding.no_repair":1,"finding.unknown":1},"error":null}`, some.raw)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'reconcile.applied' AND reason = 'checked'`))
	require.JSONEq(t, `{"matched":1,"applied":1,"refused":{},"error":null}`, h.post("/findings/apply", `{"filter":{"kind":"expiry","q":"CS2"}}`).raw)
	require.JSONEq(t, `{"matched":1,"applied":1,"refused":{},"error":null}`, h.post("/findings/apply", `{"filter":{}}`).raw, "what is left")
	require.Equal(t, 3, h.count(`SELECT count(*) FROM instances WHERE expires_at = '2031-01-02T03:04:05Z'`))
}
