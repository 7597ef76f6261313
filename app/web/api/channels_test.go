package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

func (h *house) asAdmin(path, body string) reply {
	h.t.Helper()
	return h.do(call{method: http.MethodPut, path: path, body: body, role: staff.Admin})
}

func TestAKeyIsReplacedOverTheAPIOnceItIsConfirmed(t *testing.T) {
	t.Parallel()
	h := open(t)
	require.NoError(t, h.store.TouchKey(t.Context(), 1, time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)))
	const path, secret = "/channels/default/keys/basic", "Geheim-4711-key"
	r := h.asAdmin(path, `{"key":"`+secret+`"}`)
	require.Equal(t, []string{"confirm"}, r.problem(http.StatusConflict, "channel.unconfirmed"))
	require.Contains(t, r.raw, "last used at 2026-01-31T08:00:00Z")
	r = h.asAdmin(path, `{"key":"`+secret+`","confirm":true,"reason":"rotation"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	keys := r.json["keys"].([]any)
	require.Len(t, keys, 2)
	require.Equal(t, "current", keys[0].(map[string]any)["state"])
	require.Equal(t, "retiring", keys[1].(map[string]any)["state"])
	require.Equal(t, "2026-01-31T08:00:00Z", keys[1].(map[string]any)["last_used_at"])
	require.Equal(t, 1, h.count(`SELECT count(*) FROM audit WHERE action = 'channel.set' AND actor LIKE 'token:%' AND reason = 'rotation'`))

	r = h.asAdmin(path, `{"key":"third-key","old_key":"end_now","confirm":true}`)
	require.Equal(t, "retired", r.json["keys"].([]any)[2].(map[string]any)["state"], "every older key of the class ends")
	list := h.get("/channels").json["items"].([]any)
	require.Len(t, list[0].(map[string]any)["keys"], 1, "the list has valid keys only")
	h.asAdmin(path, `{"key":"x","old_key":"never"}`).problem(http.StatusBadRequest, "request.invalid")
	h.asAdmin(path, `{}`).problem(http.StatusBadRequest, "request.invalid")
	h.asAdmin("/channels/default/keys/usage", `{"key":"x"}`).problem(http.StatusNotFound, "channel.no_class")
}

func TestAChannelIsMadeAndChangedOverTheAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.asAdmin("/channels/welink", `{}`).problem(http.StatusNotFound, "channel.unknown")
	r := h.asAdmin("/channels/welink", `{"site":"intl","ak":"the-ak","sk":"Geheim-sk"}`)
	require.Equal(t, http.StatusCreated, r.status, r.raw)
	require.Equal(t, []any{"https://koodesk.example/koogallery/welink", true, "https://mkt-intl.myhuaweicloud.com", "page"},
		[]any{r.json["address"], r.json["has_ak_sk"], r.json["open_api_url"], r.json["v1_pending"]})
	r = h.asAdmin("/channels/welink", `{"encrypt_type":2,"v1_pending":"000004","body_sign":false,"open_api_url":"https://mkt.example.com"}`)
	require.Equal(t, http.StatusOK, r.status, r.raw)
	got := h.get("/channels/welink").json
	require.Equal(t, []any{"intl", 2.0, "000004", false, "https://mkt.example.com", true},
		[]any{got["site"], got["encrypt_type"], got["v1_pending"], got["body_sign"], got["open_api_url"], got["has_ak_sk"]})
	h.asAdmin("/channels/welink", `{"ak":"a b","sk":"x"}`).problem(http.StatusBadRequest, "channel.aksk_pair")
	h.asAdmin("/channels/welink", `{"site":"mars"}`).problem(http.StatusBadRequest, "channel.bad_site")
	require.Equal(t, 2, h.count(`SELECT count(*) FROM audit WHERE target = 'channel/welink'`))
}
