package api_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/web/api"
	"koodesk/app/web/session"
)

// documented is what the test reads of the description.
type documented struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string            `json:"operationId"`
		Permission  string            `json:"x-permission"`
		Responses   map[string]any    `json:"responses"`
		Parameters  []json.RawMessage `json:"parameters"`
	}
}

func TestEveryRouteIsDescribedAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	var doc documented
	require.NoError(t, json.Unmarshal(api.Document(), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	described := map[string]string{}
	operations := map[string]bool{}
	for p, methods := range doc.Paths {
		for m, o := range methods {
			described[strings.ToUpper(m)+" "+p] = o.Permission
			require.NotEmpty(t, o.OperationID, p)
			require.False(t, operations[o.OperationID], "%s twice", o.OperationID)
			operations[o.OperationID] = true
		}
	}
	mounted := map[string]string{}
	for _, r := range api.New(api.Options{}).Routes() {
		segments := strings.Split(r.Path, "/")
		for i, s := range segments {
			if name, ok := strings.CutPrefix(s, ":"); ok {
				segments[i] = "{" + name + "}"
			}
		}
		mounted[r.Method+" "+strings.Join(segments, "/")] = string(r.Permission)
	}
	require.Equal(t, mounted, described)
	page, err := os.ReadFile("../../../docs/api.md")
	require.NoError(t, err)
	for route := range described {
		require.Contains(t, string(page), "`"+strings.Replace(route, "/openapi.json", "/api/v1/openapi.json", 1), "docs/api.md")
	}
	_, err = describe()
	require.NoError(t, err)
}

// Whatever kind a task has is one that the description and the pages know.
func TestEveryKindOfTaskIsDescribed(t *testing.T) {
	t.Parallel()
	h := open(t)
	apiPage, err := os.ReadFile("../../../docs/api.md")
	require.NoError(t, err)
	tasksPage, err := os.ReadFile("../../../docs/architecture.md")
	require.NoError(t, err)
	for _, kind := range outbox.Kinds() {
		h.ok("/tasks?kind=" + string(kind)) // held against the description
		require.Contains(t, string(apiPage), "`"+string(kind)+"`", "docs/api.md")
		require.Contains(t, string(tasksPage), "`"+string(kind)+"`", "docs/architecture.md")
	}
}

func TestDescriptionIsPublic(t *testing.T) {
	t.Parallel()
	h := open(t)
	r := h.do(call{method: "GET", path: "/openapi.json"})
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.JSONEq(t, string(api.Document()), r.raw)
}

// example is a path of a route with ids that exist nowhere, and a body that is
// in order.
func example(r session.Route) (p, body string) {
	p = strings.NewReplacer(":instance_id", "no-such-instance", ":product_id", "NO-SUCH", ":channel", "no-such-channel", ":pool", "-no-such-pool", ":id", "999999").Replace(r.Path)
	switch r.Path {
	case "/messages/restart":
		body = `{"filter":{"status":"failed"}}`
	case "/tasks/restart":
		body = `{"filter":{"kind":"deliver","status":"failed"}}`
	case "/findings/apply":
		body = `{"ids":["999999"]}`
	case "/failure-groups/:id/close":
		body = `{"reason":"nothing can be done"}`
	case "/pools/:pool/accounts/:id/note":
		body = `{"note":"lent to sales"}`
	case "/instances/:instance_id/access":
		body = `{"front_end_url":"https://app.example.com"}`
	case "/instances/:instance_id/usage":
		if r.Method == http.MethodPut {
			body = `{"usage":[]}`
		}
	case "/channels/:channel/keys/:class":
		p, body = "/channels/no-such-channel/keys/basic", `{"key":"a-key"}`
	case "/deliveries/:id/receipt":
		body = `{"outcome":"delivered"}`
	case "/licenses/:id/file":
		body = `{"file_name":"a.lic","file":"QQ=="}`
	case "/licenses/:id/text":
		body = `{"license":"A-LICENSE"}`
	case "/license-pools/:pool/licenses":
		if r.Method == http.MethodPost {
			body = `{"licenses":["A-LICENSE"]}`
		}
	case "/pools/:pool", "/license-pools/:pool":
		body = `{"low_water":5}`
	case "/pools/:pool/accounts":
		if r.Method == http.MethodPost {
			body = `{"accounts":[{"front_end_url":"https://app.example.com"}]}`
		}
	case "/alert-targets":
		if r.Method == http.MethodPost {
			body = `{"operator":"nobody@example.com","medium":"email","name":"a","address":"a@example.com"}`
		}
	case "/license-codes/activate", "/license-codes/check":
		body = `{"license":"NO-SUCH","channel":"no-such-channel"}`
	case "/license-codes/usage":
		body = `{"channel":"no-such-channel","records":[{"license":"NO-SUCH","active_num":1}]}`
	case "/products/:channel/:product_id", "/products/:channel/sku/:sku_code":
		if r.Method == http.MethodPut {
			body = `{"driver":"manual"}`
		}
	}
	return p, body
}

// TestPermissions calls every route as everybody: the answer is 401 without a
// valid token, 403 exactly where the role lacks the permission, and nothing that
// is refused leaves a trace.
func TestPermissions(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	revoked, err := h.signin.CreateToken(t.Context(), "revoked", staff.Admin, staff.CLI())
	require.NoError(t, err)
	require.NoError(t, h.signin.RevokeToken(t.Context(), int64(h.count(`SELECT max(id) FROM api_tokens`)), staff.CLI()))
	const trace = `SELECT (SELECT count(*) FROM audit) + (SELECT count(*) FROM channels) + (SELECT count(*) FROM channel_keys) + (SELECT count(*) FROM attempts) + (SELECT count(*) FROM task_attempts)
		+ (SELECT count(*) FROM instance_events) + (SELECT count(*) FROM products) + (SELECT sum(access_version) FROM instances)`
	before := h.count(trace)
	mutating := 0
	for _, r := range h.api.Routes() {
		p, body := example(r)
		c := call{method: r.Method, path: p, body: body}
		if r.Permission == staff.Public {
			continue
		}
		if r.Method != http.MethodGet {
			mutating++
		}
		none := h.do(c)
		none.problem(http.StatusUnauthorized, "token.missing")
		require.Contains(t, none.header.Get("WWW-Authenticate"), "Bearer")
		for _, bad := range []string{"kd_wrong", "x", revoked, h.tokens[staff.Admin] + "x"} {
			c.token = bad
			h.do(c).problem(http.StatusUnauthorized, "token.invalid")
		}
		c.token = ""
		basic := c
		basic.header = map[string]string{"Authorization": "Basic YTpi"}
		h.do(basic).problem(http.StatusUnauthorized, "token.scheme")
		for _, role := range staff.Roles() {
			c.role = role
			if !role.May(r.Permission) {
				h.do(c).problem(http.StatusForbidden, "http.forbidden")
			}
		}
	}
	require.GreaterOrEqual(t, mutating, 6)
	require.Equal(t, before, h.count(trace), "something that was refused left a trace")
	for _, r := range h.api.Routes() {
		for _, role := range staff.Roles() {
			if p, body := example(r); role.May(r.Permission) && r.Permission != staff.Public {
				got := h.do(call{method: r.Method, path: p, body: body, role: role})
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, got.status, "%s %s as %s: %s", r.Method, r.Path, role, got.raw)
			}
		}
	}
}

func TestWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, r := range h.api.Routes() {
		if !strings.Contains(r.Path, ":") {
			continue
		}
		p, body := example(r)
		got := h.do(call{method: r.Method, path: p, body: body, role: staff.Admin})
		require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", r.Method, p, got.raw)
		for _, odd := range []string{"0", "-1", "abc", "99999999999999999999", "1%00", "%2e%2e"} {
			p := strings.NewReplacer("999999", odd, "no-such-instance", odd).Replace(p)
			got := h.do(call{method: r.Method, path: p, body: body, role: staff.Admin})
			require.Equal(t, http.StatusNotFound, got.status, "%s %s: %s", r.Method, p, got.raw)
		}
	}
	h.get("/nothing/here").problem(http.StatusNotFound, "http.not_found")
}
