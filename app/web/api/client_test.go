package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// reply is an answer of the API.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	json   map[string]any
}

// call is one request; zero fields have their defaults.
type call struct {
	method string
	path   string
	role   staff.Role // "" sends no token
	token  string     // instead of the role's
	body   string
	header map[string]string
}

// do sends a request, checks the answer against the description and for what
// must never be in it.
func (h *house) do(c call) reply {
	h.t.Helper()
	var in io.Reader
	if c.body != "" {
		in = strings.NewReader(c.body)
	}
	req, err := http.NewRequest(c.method, h.url+c.path, in)
	require.NoError(h.t, err)
	if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept-Language", "en")
	if c.role != "" {
		req.Header.Set("Authorization", "Bearer "+h.tokens[c.role])
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(h.t, err)
	r := reply{t: h.t, status: res.StatusCode, header: res.Header, raw: string(b)}
	if c.path != "/openapi.json" {
		for _, s := range forbidden {
			require.NotContains(h.t, r.raw, s, "%s %s shows what must stay hidden", c.method, c.path)
		}
	}
	if res.StatusCode == http.StatusNoContent {
		require.Empty(h.t, r.raw)
	} else if err := json.Unmarshal(b, &r.json); err != nil {
		h.t.Fatalf("%s %s: no JSON: %s", c.method, c.path, b)
	}
	h.fits(req, res, b)
	return r
}

// fits checks an answer against the description.
func (h *house) fits(req *http.Request, res *http.Response, b []byte) {
	h.t.Helper()
	again := req.Clone(context.Background())
	again.URL.Host, again.Host = "", ""
	again.URL.Scheme = ""
	route, params, err := h.router.FindRoute(again)
	if err != nil {
		require.Equal(h.t, http.StatusNotFound, res.StatusCode, "%s %s is not described", req.Method, req.URL.Path)
		return
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: again, PathParams: params, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}},
		Status: res.StatusCode, Header: res.Header, Body: io.NopCloser(bytes.NewReader(b)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
	require.NoError(h.t, err, "%s %s: %d %s", req.Method, req.URL.Path, res.StatusCode, b)
}

func (h *house) get(path string) reply {
	h.t.Helper()
	return h.do(call{method: "GET", path: path, role: staff.Admin})
}

func (h *house) ok(path string) reply {
	h.t.Helper()
	r := h.get(path)
	require.Equal(h.t, http.StatusOK, r.status, r.raw)
	return r
}

func (h *house) post(path, body string) reply {
	h.t.Helper()
	return h.do(call{method: "POST", path: path, role: staff.Operator, body: body})
}

func (h *house) put(path, body string) reply {
	h.t.Helper()
	return h.do(call{method: "PUT", path: path, role: staff.Admin, body: body})
}

// items is the list of an answer.
func (r reply) items() []map[string]any {
	r.t.Helper()
	list, ok := r.json["items"].([]any)
	require.True(r.t, ok, r.raw)
	out := make([]map[string]any, 0, len(list))
	for _, i := range list {
		out = append(out, i.(map[string]any))
	}
	return out
}

// ids are the values of a field of the list's items.
func (r reply) ids(field string) []string {
	r.t.Helper()
	out := []string{}
	for _, i := range r.items() {
		out = append(out, i[field].(string))
	}
	return out
}

// object is a field of an answer that is an object; nil for null.
func (r reply) object(field string) map[string]any {
	o, _ := r.json[field].(map[string]any)
	return o
}

// problem checks a refusal and gives the names under errors.
func (r reply) problem(status int, code string) []string {
	r.t.Helper()
	require.Equal(r.t, status, r.status, r.raw)
	require.Equal(r.t, "application/problem+json", r.header.Get("Content-Type"))
	require.Equal(r.t, code, r.json["code"], r.raw)
	require.EqualValues(r.t, status, r.json["status"])
	require.NotEmpty(r.t, r.json["detail"])
	require.NotContains(r.t, r.raw, "⟦", "a text is missing")
	out := []string{}
	for _, e := range r.json["errors"].([]any) {
		out = append(out, e.(map[string]any)["name"].(string))
	}
	return out
}
