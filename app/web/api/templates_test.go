package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func TestTextsOverTheAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	const path = "/templates/usage_info/sms/en"
	require.Len(t, h.get("/templates").json["items"], 28)
	shipped := h.get(path).json
	require.Equal(t, "shipped", shipped["from"].(map[string]any)["source"])
	require.Equal(t, []any{"front_end_url", "user_name", "password"}, shipped["required"])
	r := h.put(path, `{"body":"{front_end_url}\n{usr} {password}"}`)
	require.Equal(t, []string{"body"}, r.problem(http.StatusBadRequest, "message_template.unknown"))
	require.Contains(t, r.raw, "Line 2")
	const body = `"body":"{front_end_url} {user_name} {password}"`
	r = h.put(path, `{`+body+`,"version":0,"reason":"shorter"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Equal(t, "house", r.json["from"].(map[string]any)["source"])
	h.put(path, `{"body":"{front_end_url} {user_name} {password}!","version":0}`).problem(http.StatusConflict, "message_template.changed")
	r = h.put(path+"?channel=default&product_id=OFFI1", `{`+body+`}`)
	require.Equal(t, "product", r.json["from"].(map[string]any)["source"])
	require.Len(t, r.json["chain"], 4)
	h.put(path+"?product_id=OFFI1", `{`+body+`}`).problem(http.StatusBadRequest, "message_template.no_channel")
	h.put("/templates/usage_info/fax/en", `{`+body+`}`).problem(http.StatusNotFound, "message_template.no_such")
	r = h.do(call{method: http.MethodDelete, path: path, role: staff.Admin})
	require.Equal(t, "shipped", r.json["from"].(map[string]any)["source"])
	r = h.do(call{method: http.MethodPost, path: path + "/restore", role: staff.Admin, body: `{"version":1}`})
	require.Equal(t, "house", r.json["from"].(map[string]any)["source"], r.raw)
	page := h.get(path + "/versions?limit=2").json
	require.Len(t, page["items"], 2)
	require.Equal(t, "2", page["next_cursor"])
	require.Len(t, h.get(path + "/versions?cursor=2").json["items"], 1)
	h.get(path+"/versions?cursor=x").problem(http.StatusBadRequest, "request.invalid")
	r = h.post(path+"/preview", `{"body":"{front_end_url} {user_name} {password}"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	require.Contains(t, r.json["text"], "••••••••")
	require.EqualValues(t, 1, r.json["sms"].(map[string]any)["parts"])
	require.Equal(t, http.StatusForbidden, h.do(call{method: http.MethodPut, path: path, role: staff.Operator, body: `{` + body + `}`}).status)
	require.Equal(t, 4, h.count(`SELECT count(*) FROM audit WHERE action LIKE 'template.%' AND actor LIKE 'token:%'`))
}
