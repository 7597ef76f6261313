package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestACustomerIsErased(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	_, err := h.store.SQL().Exec(`UPDATE instances SET customer_id = 'ann', customer_name = 'Ann'`)
	require.NoError(t, err)
	const path = "/customers/erase"
	post := func(body string) reply {
		return h.do(call{method: http.MethodPost, path: path, role: staff.Admin, body: body})
	}
	h.do(call{method: http.MethodPost, path: path, role: staff.Operator, body: `{}`}).problem(http.StatusForbidden, "http.forbidden")
	post(`{"channel":"default","customer_id":"ann"}`).problem(http.StatusBadRequest, "erasure.reason_missing")
	post(`{"channel":"default","customer_id":"ann","reason":"a letter"}`).problem(http.StatusConflict, "erasure.in_use")
	post(`{"channel":"default","customer_id":"bob","reason":"a letter"}`).problem(http.StatusNotFound, "erasure.customer_unknown")
	post(`{"channel":"default","order_id":"CS2","reason":"a letter"}`).problem(http.StatusNotFound, "erasure.customer_unknown")
	post(`{"channel":"default","order_id":"CS1","reason":"a letter"}`).problem(http.StatusConflict, "erasure.in_use")
	post(`{"channel":"default","order_id":"CS1","customer_id":"ann","reason":"a letter"}`).problem(http.StatusBadRequest, "erasure.customer_missing")
	post(`{"channel":"default","customer_id":"ann","mood":1}`).problem(http.StatusBadRequest, "request.invalid")
	_, err = h.store.SQL().Exec(`UPDATE instances SET status = 'released', released_at = now(); UPDATE messages SET status = 'succeeded'; UPDATE tasks SET status = 'running'`)
	require.NoError(t, err)

	dry := post(`{"channel":"default","customer_id":"ann","dry_run":true}`)
	require.Equal(t, http.StatusOK, dry.status, dry.raw)
	want := map[string]any{"instances": 1.0, "orders": 0.0, "deliveries": 0.0, "attempts": 1.0, "events": 0.0, "licenses": 0.0, "license_codes": 0.0, "errors": 0.0}
	left := map[string]any{"deliveries": 0.0, "messages": 0.0, "events": 0.0, "tasks": 1.0}
	require.Equal(t, map[string]any{"record_id": nil, "at": nil, "dry_run": true, "before": false, "in_use": 0.0, "erased": want, "left": left}, dry.json)
	require.Equal(t, 1, h.count(`SELECT count(*) FROM instances WHERE customer_name = 'Ann'`))
	done := post(`{"channel":"default","customer_id":"ann","reason":"a letter"}`)
	require.Equal(t, "1", done.json["record_id"], done.raw)
	require.Equal(t, want, done.json["erased"])
	require.Equal(t, 0, h.count(`SELECT count(*) FROM instances WHERE customer_name = 'Ann'`))
	again := post(`{"channel":"default","customer_id":"ann","reason":"a letter"}`)
	require.Equal(t, []any{"2", false, left}, []any{again.json["record_id"], again.json["before"], again.json["left"]}, "not done while something is under way, and asked for again")
	_, err = h.store.SQL().Exec(`UPDATE tasks SET status = 'succeeded'`)
	require.NoError(t, err)
	require.Equal(t, true, post(`{"channel":"default","customer_id":"ann","reason":"a letter"}`).json["before"])
	require.Equal(t, 2, h.count(`SELECT count(*) FROM audit WHERE action = 'customer.erased' AND actor LIKE 'token:%' AND reason = 'a letter'`))
}
