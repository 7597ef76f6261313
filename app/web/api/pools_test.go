package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// csv sends accounts as a file.
func (h *house) csv(pool, file string) reply {
	h.t.Helper()
	return h.do(call{method: http.MethodPost, path: "/pools/" + pool + "/accounts", body: file, role: staff.Operator, header: map[string]string{"Content-Type": "text/csv; charset=utf-8"}})
}

func TestAccountsAreAddedListedAndRetired(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.do(call{method: http.MethodPost, path: "/pools/crm/accounts", role: staff.Operator,
		body: `{"accounts":[{"front_end_url":"https://crm.example.com/?token=` + password + `","user_name":"ann","password":"` + password + `"},{"front_end_url":"https://crm.example.com","user_name":"bob","memo":"m"}]}`})
	require.Equal(t, http.StatusCreated, r.status, r.raw)
	require.JSONEq(t, `{"added":2,"batch":"1","woken":0}`, r.raw)
	r = h.csv("crm", "\xef\xbb\xbfuser_name,front_end_url\r\ncarl,https://crm.example.com\r\n")
	require.Equal(t, http.StatusCreated, r.status, r.raw)

	list := h.get("/pools/crm/accounts?status=free&limit=2")
	items := list.json["items"].([]any)
	require.Len(t, items, 2)
	require.Equal(t, "carl", items[0].(map[string]any)["user_name"])
	require.NotNil(t, list.json["next_cursor"])
	require.Len(t, h.get("/pools/crm/accounts?q=AN").json["items"], 1)
	last := h.get("/pools/crm/accounts?limit=2&cursor=" + list.json["next_cursor"].(string)).json["items"].([]any)[0].(map[string]any)
	require.Equal(t, true, last["has_password"])
	require.NotContains(t, last["front_end_url"], password)

	note := "/pools/crm/accounts/" + last["id"].(string) + "/note"
	require.Equal(t, "lent to sales", h.do(call{method: http.MethodPut, path: note, body: `{"note":" lent to sales "}`, role: staff.Operator}).json["note"])
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'pool.note'`))
	h.do(call{method: http.MethodPut, path: "/pools/other/accounts/" + last["id"].(string) + "/note", body: `{"note":""}`, role: staff.Operator}).problem(http.StatusNotFound, "pool.account_unknown")
	retire := "/pools/crm/accounts/" + last["id"].(string) + "/retire"
	require.Equal(t, "retired", h.do(call{method: http.MethodPost, path: retire, role: staff.Operator}).json["status"])
	h.do(call{method: http.MethodPost, path: retire, role: staff.Operator}).problem(http.StatusConflict, "pool.account_not_free")
	one := h.do(call{method: http.MethodPut, path: "/pools/crm", body: `{"low_water":2}`, role: staff.Operator})
	require.Equal(t, http.StatusOK, one.status, one.raw)
	require.Equal(t, []any{2.0, 1.0, true}, []any{one.json["free"], one.json["retired"], one.json["low"]})
	require.Len(t, h.get("/pools").json["items"], 1)
	h.do(call{method: http.MethodPut, path: "/pools/crm", body: `{}`, role: staff.Operator}).problem(http.StatusBadRequest, "request.invalid")
	h.get("/pools/nowhere/accounts").problem(http.StatusNotFound, "pool.unknown")
}

func TestEveryWrongAccountIsNamed(t *testing.T) {
	t.Parallel()
	h := open(t)
	named := func(r reply) []string {
		t.Helper()
		require.Equal(t, http.StatusBadRequest, r.status, r.raw)
		return r.problem(http.StatusBadRequest, r.json["code"].(string))
	}
	json := func(body string) reply {
		return h.do(call{method: http.MethodPost, path: "/pools/crm/accounts", body: body, role: staff.Operator})
	}
	require.Equal(t, []string{"accounts[0].user", "accounts[1]"}, named(json(`{"accounts":[{"front_end_url":"https://a.cn","user":"x"},7]}`)))
	require.Equal(t, []string{"accounts[0].front_end_url", "accounts[2]"},
		named(json(`{"accounts":[{"user_name":"x"},{"front_end_url":"https://a.cn"},{"front_end_url":"https://a.cn"}]}`)))
	require.Equal(t, []string{"line 3.front_end_url", "line 4"}, named(h.csv("crm", "front_end_url\nhttps://a.cn\na.cn\nhttps://a.cn\n")))
	h.csv("crm", "url\nhttps://a.cn\n").problem(http.StatusBadRequest, "pool.csv_column")
	h.csv("crm", "front_end_url\n").problem(http.StatusBadRequest, "pool.nothing_to_add")
	require.Len(t, named(h.csv("crm", "front_end_url\n"+strings.Repeat("a.cn\n", 1000))), 200)
	require.Zero(t, h.count(`SELECT count(*) FROM pool_accounts`), "nothing was added")
}
