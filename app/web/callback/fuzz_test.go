package callback_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/conformance"
	"koodesk/app/conformance/formula"
	"koodesk/app/store/storetest"
)

// FuzzServe sends whatever comes to the address over a real connection, with a
// real database behind it: as it is, or signed rightly with the key of any class,
// so that it gets past the proof. Nothing is answered with 5xx or a broken form, and no answer outgrows
// the longest that a list of 100 ids can have.
func FuzzServe(f *testing.F) {
	guides, err := conformance.Load()
	require.NoError(f, err)
	for _, g := range guides {
		for _, i := range g.Interfaces {
			members := i.Members(conformance.Case{})
			query := url.Values{}
			for _, m := range members {
				query.Set(m.Name, conformance.Text(m.Value))
			}
			f.Add(g.Form == conformance.FormSignature, keyOf[g.Key], query.Encode(), []byte(conformance.Body(members)))
		}
	}
	f.Add(true, kitKey, "v2/tenantSync", []byte(tenant))
	f.Add(true, kitKey, "tenantSync", []byte(tenant))
	f.Add(true, "", "signature=1&timestamp=1&nonce=1&nonce=2&%zz", []byte("\xef\xbb\xbf{\"activity\":\"newInstance\",\"activity\":1}"))
	f.Add(false, "", "activity=newInstance&authToken=+&timeStamp=%00&saasExtendParams=%25", []byte(nil))
	f.Add(true, storetest.BasicKey, "", []byte(strings.Repeat(`{"a":[`, 64)))
	s := shopThatWaits(f, time.Millisecond)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: 20 * time.Second}
	f.Cleanup(client.CloseIdleConnections)
	f.Fuzz(func(t *testing.T, post bool, key, query string, body []byte) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		req, err := http.NewRequest(method, s.url, nil)
		require.NoError(t, err)
		if post {
			req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			if key == kitKey {
				signKit(req, query, body)
				query = ""
			} else if key != "" {
				query = signedPost(key, body)
			}
		} else if key != "" {
			query = signedGet(key, query)
		}
		req.URL.RawQuery = printable(query)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Contains(t, []int{200, 400, 413, 429, 431}, res.StatusCode, "%s", got)
		require.Less(t, len(got), 128<<10)
		if res.StatusCode != 200 {
			return
		}
		require.Equal(t, "application/json", res.Header.Get("Content-Type"))
		var doc struct{ ResultCode, ResultMsg string }
		require.NoError(t, json.Unmarshal(got, &doc), "%s", got)
		require.Len(t, doc.ResultCode, 6)
		require.NotEmpty(t, doc.ResultMsg)
		require.LessOrEqual(t, len(doc.ResultMsg), 255)
	})
}

// keyOf is the shop's key of each class.
var keyOf = map[string]string{"basic": storetest.BasicKey, "license": licenseKey, "general": generalKey}

// signKit makes a call one of the kit's, to a path below the address.
func signKit(req *http.Request, path string, body []byte) {
	stamp := strconv.FormatInt(time.Now().UnixMilli(), 10)
	req.URL.Path += "/produceAPI/" + path
	req.Header.Set("x-sign", hex.EncodeToString(hmacOf(kitKey, kitKey+"nonce1"+stamp+string(body))))
	req.Header.Set("x-timestamp", stamp)
	req.Header.Set("x-nonce", "nonce1")
}

func signedPost(key string, body []byte) string {
	stamp, once := strconv.FormatInt(time.Now().UnixMilli(), 10), strconv.FormatInt(time.Now().UnixNano(), 36)
	return "signature=" + formula.Signature(key, once, stamp, string(body)) + "&timestamp=" + stamp + "&nonce=" + once
}

// signedGet adds the proof to what the query says once it is decoded.
func signedGet(key, query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return query
	}
	q.Del("authToken")
	if q.Get("timeStamp") == "" {
		q.Set("timeStamp", "20261126101500000")
	}
	params := map[string]string{}
	for name, values := range q {
		params[name] = values[0]
	}
	q.Set("authToken", formula.AuthToken(key, params))
	return q.Encode()
}

// printable escapes what would end the request line.
func printable(query string) string {
	var b strings.Builder
	for _, c := range []byte(query) {
		if c <= ' ' || c >= 0x7f || c == '#' {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
