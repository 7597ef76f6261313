package huawei

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/fault"
)

// FuzzAnswer: whatever the service answers, the message was taken, or there is a
// fault that says when to come again; what is kept of the answer is short.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"code":"000000","result":[{"smsMsgId":"a","status":"000000"}]}`, `{"code":"E000510","result":[{"status":"E200028"}]}`,
		`{"code":"000000","result":[]}`, `{"code":"E000001\u0000云"}`, `{"code":7}`, `[{}]`, "<html>", `{"code":"000000","result":[{"smsMsgId":"\u0000\ud800","status":"000000"}]}`} {
		f.Add(200, []byte(seed))
		f.Add(503, []byte(seed))
	}
	s := New(Options{})
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		got, err := s.judge(&http.Response{StatusCode: status}, body)
		if err == nil {
			require.True(t, utf8.ValidString(got.ProviderRef) && len(got.ProviderRef) <= 64, "%q", got.ProviderRef)
			require.NotContains(t, got.ProviderRef, "\x00")
			return
		}
		require.NotEqual(t, fault.Internal, fault.CodeOf(err))
		for _, v := range fault.From(err).Args {
			require.True(t, utf8.ValidString(v) && len(v) <= 64, "%q", v)
		}
	})
}

// FuzzReports: whatever comes as a status report is refused, or read into texts
// that the database can hold and a page can show.
func FuzzReports(f *testing.F) {
	const form, batch = "application/x-www-form-urlencoded", "application/json; charset=utf-8"
	for _, seed := range []string{"", "smsMsgId=a&status=DELIVRD&total=2&sequence=2&updateTime=2026-11-27T08:00:00Z&extend=7-x", "smsMsgId=%00&status=%ff&extend=%00%ff", "%zz", "smsMsgId=a&status=DELIVRD&total=99999999999999999999"} {
		f.Add(form, []byte(seed))
	}
	for _, seed := range []string{"{}", `{"statusReportList":[{"smsMsgId":"a","status":"UNDELIV","statusDesc":"13800000000","extend":"\u0000"}]}`, `{"statusReportList":[null,{}]}`, `{"statusReportList":{}}`} {
		f.Add(batch, []byte(seed))
	}
	s, now := New(Options{}), time.Now()
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "https://koodesk.example.com/receipts/sms/x", nil)
		r.Header.Set("Content-Type", kind)
		all, err := s.Receive(r, body, now)
		if err != nil {
			require.True(t, fault.Is(err, fault.Invalid) && all == nil)
			return
		}
		require.True(t, len(all) > 0 && len(all) <= maxReports)
		for _, one := range all {
			for _, text := range []string{one.Tag, one.ProviderRef, one.Code, one.Note} {
				require.True(t, utf8.ValidString(text) && len([]rune(text)) <= 200, "%q", text)
				require.NotContains(t, text, "\x00")
			}
			require.True(t, one.Part >= 1 && one.Part <= 99 && one.Parts >= 1 && one.Parts <= 99)
			require.False(t, one.At.After(now))
			require.Contains(t, []deliver.Outcome{deliver.Delivered, deliver.HandedOver, deliver.Unknown, deliver.Refused}, one.Outcome)
		}
	})
}
