package marketapi

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/protocol/aksk"
)

func TestErrorTable(t *testing.T) {
	t.Parallel()
	const again = 3 // attempts of a temporary failure
	for _, c := range []struct {
		status int
		code   string
		key    string
		fault  fault.Code
		shown  string
		calls  int64
	}{
		{500, "MKT.0999", "system_error", fault.Unavailable, "MKT.0999", again},
		{500, "CBC.0999", "system_error", fault.Unavailable, "CBC.0999", again},
		{500, "MKT.0100", "invalid_parameter", fault.Refused, "MKT.0100", 1},
		{400, "MKT.0101", "invalid_parameter", fault.Refused, "MKT.0101", 1},
		{400, "MKT.0199", "invalid_parameter", fault.Refused, "MKT.0199", 1},
		{401, "MKT.0150", "illegal_operation", fault.Refused, "MKT.0150", 1},
		{401, "MKT.0151", "not_authorised", fault.Refused, "MKT.0151", 1},
		{401, "CBC.0151", "not_authorised", fault.Refused, "CBC.0151", 1},
		{401, "MKT.0154", "illegal_token", fault.Refused, "MKT.0154", 1},
		{406, "MKT. 0250", "frequency_limit", fault.RateLimited, "MKT.0250", 1},
		{406, "mkt.0250 ", "frequency_limit", fault.RateLimited, "MKT.0250", 1},
		{500, "MKT.9001", "instance_not_found", fault.Refused, "MKT.9001", 1},
		{500, "MKT.9002", "invalid_usage", fault.Refused, "MKT.9002", 1},
		{500, "MKT.9003", "too_many_records", fault.Refused, "MKT.9003", 1},
		{500, "MKT.9004", "too_old", fault.Refused, "MKT.9004", 1},
		{200, "MKT.0150", "illegal_operation", fault.Refused, "MKT.0150", 1},
		{200, "MKT.7777", "unknown_code", fault.Unavailable, "MKT.7777", 1},
		{200, "000000", "unknown_code", fault.Unavailable, "000000", 1},
		{500, "MKT.7777", "system_error", fault.Unavailable, "MKT.7777", again},
		{502, "MKT.0000", "system_error", fault.Unavailable, "MKT.0000", again},
		{401, "APIGW.0301", "credentials_refused", fault.Refused, "APIGW.0301", 1},
		{401, "APIGW.0303", "credentials_refused", fault.Refused, "APIGW.0303", 1},
		{403, "APIGW.0304", "not_authorised", fault.Refused, "APIGW.0304", 1},
		{429, "APIGW.0308", "frequency_limit", fault.RateLimited, "APIGW.0308", 1},
		{404, "APIGW.0101", "refused", fault.Refused, "APIGW.0101", 1},
		{504, "APIGW.0201", "system_error", fault.Unavailable, "APIGW.0201", again},
		{200, "APIGW.0000", "unknown_code", fault.Unavailable, "APIGW.0000", 1},
	} {
		t.Run(strings.ReplaceAll(c.code, " ", "_"), func(t *testing.T) {
			t.Parallel()
			s := newTLSServer(t, dated(testTime, replyWith(c.status, "application/json", `{"resultCode":"`+c.code+`","resultMsg":"what it said"}`)))
			_, raw, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "A", "A-1")
			f := fault.From(err)
			require.Equal(t, "order_query."+c.key, f.Key)
			require.Equal(t, c.fault, f.Code)
			require.Equal(t, c.fault == fault.Refused, f.Retry.Never)
			require.Equal(t, map[string]string{"code": c.shown, "status": itoa(c.status)}, f.Args)
			require.Equal(t, "what it said", fault.ToRecord(err).Detail)
			require.Equal(t, c.calls, s.calls.Load())
			require.Contains(t, FaultKeys(), f.Key)
			require.Nil(t, raw)
			if c.fault == fault.RateLimited {
				require.Equal(t, limitWait, f.Retry.After)
			}
		})
	}
}

func itoa(n int) string {
	return string([]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)})
}

// dated sets the answer's Date.
func dated(at time.Time, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", at.Format(http.TimeFormat))
		next(w, r)
	}
}

func TestGatewayFormAndWrongClock(t *testing.T) {
	t.Parallel()
	body := `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information: x-sdk-date is expired","request_id":"1"}`
	s := newTLSServer(t, dated(testTime.Add(-20*time.Minute), replyWith(401, "application/json", body)))
	_, _, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "A", "")
	f := fault.From(err)
	require.Equal(t, "order_query.clock_wrong", f.Key)
	require.Equal(t, "20m0s", f.Args["difference"])
	require.False(t, f.Retry.Never, "a clock gets set")
	require.Contains(t, f.Err.Error(), "x-sdk-date is expired")
}

func TestRetryAfterIsObeyed(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "999999": time.Hour, "soon": limitWait, "-1": limitWait,
	} {
		s := newTLSServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", header)
			replyWith(406, "application/json", `{"resultCode":"MKT. 0250"}`)(w, r)
		})
		_, _, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "A", "")
		require.Equal(t, want, fault.From(err).Retry.After, header)
	}
}

func TestAnswersThatAreNoAnswers(t *testing.T) {
	t.Parallel()
	good := string(fixture(t, "order-period.json"))
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		key    string // "" is success
		calls  int64
	}{
		{"page of a proxy", replyWith(200, "text/html", "<html>\n<h1>Welcome</h1>"), "bad_answer", 1},
		{"nothing", replyWith(200, "application/json", ""), "bad_answer", 1},
		{"null", replyWith(200, "application/json", "null"), "bad_answer", 1},
		{"a list", replyWith(200, "application/json", "[]"), "bad_answer", 1},
		{"JSON without a code", replyWith(200, "application/json", `{"orderInfo":{}}`), "bad_answer", 1},
		{"JSON cut short", replyWith(200, "application/json", good[:300]), "bad_answer", 1},
		{"two documents", replyWith(200, "application/json", good+good), "bad_answer", 1},
		{"random bytes", replyWith(200, "application/json", "\x00\xff\xfe\x01"), "bad_answer", 1},
		{"JSON under another name", replyWith(200, "text/plain", good), "", 1},
		{"JSON with the content type of the sample", replyWith(200, "application/json charset=UTF-8", good), "", 1},
		{"500 in HTML", replyWith(500, "text/html", "<h1>oops</h1>"), "system_error", 3},
		{"401 in HTML", replyWith(401, "text/html", "<h1>no</h1>"), "not_authorised", 1},
		{"406 without body", replyWith(406, "", ""), "frequency_limit", 1},
		{"404 in HTML", replyWith(404, "text/html", "<h1>none</h1>"), "bad_answer", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newTLSServer(t, c.answer)
			_, _, err := s.client(t, nil).QueryOrder(t.Context(), s.URL, testCred, "MOCKPERIODYEARNEW", "")
			require.Equal(t, c.calls, s.calls.Load())
			if c.key == "" {
				require.NoError(t, err)
				return
			}
			f := fault.From(err)
			require.Equal(t, "order_query."+c.key, f.Key)
			require.Contains(t, FaultKeys(), f.Key)
			require.NotEmpty(t, f.Args["status"])
			if c.key != "bad_answer" {
				require.Equal(t, "-", f.Args["code"])
			}
			require.NotContains(t, f.Error(), "\n")
		})
	}
}

func TestParseResultCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]resultCode{
		"MKT.0000": {"MKT", "0000"}, "MKT. 0250": {"MKT", "0250"}, "cbc.0101": {"CBC", "0101"},
		"APIGW.0301": {"APIGW", "0301"}, "0999": {"", "0999"}, "": {}, " ": {}, "a sentence, not a code at all": {},
	} {
		require.Equal(t, want, parseResultCode(in), in)
	}
}

// A try that is made again is dated and signed again: the marketplace refuses a
// date that is too old.
func TestEachAttemptOfACallIsDatedAnew(t *testing.T) {
	t.Parallel()
	var at []string
	s := newTLSServer(t, func(w http.ResponseWriter, r *http.Request) {
		at = append(at, r.Header.Get(aksk.HeaderDate))
		replyWith(500, "application/json", `{"resultCode":"MKT.0999","resultMsg":"busy"}`)(w, r)
	})
	now := testTime.Add(-time.Minute)
	client := s.client(t, func(o *Options) { o.Now = func() time.Time { now = now.Add(20 * time.Second); return now } })
	_, _, err := client.QueryOrder(t.Context(), s.URL, testCred, "A", "A-1")
	require.Error(t, err)
	require.Len(t, at, 3)
	slices.Sort(at)
	require.Len(t, slices.Compact(at), 3)
}
