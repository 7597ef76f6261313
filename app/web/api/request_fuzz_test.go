package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// FuzzRequest sends whatever comes to every route of the API, as an administrator
// and with a real database behind it: filters, cursors, searches, parts of paths
// and bodies. Nothing is answered with a defect of ours, with a broken form, or
// with more than what was sent could be worth.
func FuzzRequest(f *testing.F) {
	h := open(f)
	h.products()
	h.buy("CS1")
	h.work()
	routes := h.api.Routes()
	for n, r := range routes {
		p, body := example(r)
		f.Add(uint16(n), p, "limit=1", []byte(body))
	}
	for n, r := range routes {
		if r.Method != http.MethodGet || strings.Contains(r.Path, ":") {
			continue
		}
		for _, q := range []string{"q=%00", "q=%25_%5c'&limit=200", "cursor=aQAAAAAAAAAAAAAAAAAAAAAB", "month=9999-99&%zz"} {
			f.Add(uint16(n), r.Path, q, []byte(nil))
		}
	}
	client := &http.Client{Timeout: 20 * time.Second}
	f.Cleanup(client.CloseIdleConnections)
	f.Fuzz(func(t *testing.T, route uint16, path, query string, body []byte) {
		r := routes[int(route)%len(routes)]
		req, err := http.NewRequest(r.Method, h.url+pathOf(r.Path, path), bytes.NewReader(body))
		require.NoError(t, err)
		req.URL.RawQuery = url.PathEscape(query)
		if strings.IndexFunc(query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) < 0 {
			req.URL.RawQuery = query
		}
		req.Header.Set("Authorization", "Bearer "+h.tokens[staff.Admin])
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.True(t, res.StatusCode < 500 || res.StatusCode == http.StatusBadGateway, "%s %s?%s %s: %d %s", r.Method, path, query, body, res.StatusCode, got)
		require.True(t, res.StatusCode == http.StatusNoContent || json.Valid(got), "%s", got)
		require.Less(t, len(got), 1<<20)
	})
}

// pathOf puts a text where a route has parameters.
func pathOf(pattern, text string) string {
	parts := strings.Split(pattern, "/")
	given := strings.Split(text, "/")
	for n, p := range parts {
		if strings.HasPrefix(p, ":") {
			parts[n] = "x"
			if n < len(given) {
				parts[n] = url.PathEscape(given[n])
			}
		}
	}
	return strings.Join(parts, "/")
}
