package huawei_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/fault"
	"koodesk/app/protocol/aksk"
)

var now = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func pushed(contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://koodesk.example.com/receipts/sms/TOKEN", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

const form = "application/x-www-form-urlencoded"

func TestStatusReportsAreRead(t *testing.T) {
	t.Parallel()
	s := huawei.New(huawei.Options{})
	for status, want := range map[string]deliver.Outcome{"DELIVRD": deliver.Delivered, "ACCEPTD": deliver.HandedOver, "UNKNOWN": deliver.Unknown,
		"UNDELIV": deliver.Refused, "EXPIRED": deliver.Refused, "REJECTD": deliver.Refused, "E200027": deliver.Refused, "MK:0001": deliver.Refused} {
		// The published example, with the fields that come with extend.
		body := "sequence=2&total=3&orgCode=000&updateTime=2018-04-13T06%3A31%3A46Z&source=2&smsMsgId=b9d9b4fe-ad0e-4a2a-a2c7-445505b674ac_6&status=" +
			url.QueryEscape(status) + "&extend=7-0123&to=%2B8618688888888&statusDesc=to+18688888888%0A+failed"
		got, err := s.Receive(pushed(form, body), []byte(body), now)
		require.NoError(t, err)
		require.Equal(t, []deliver.Report{{Tag: "7-0123", ProviderRef: "b9d9b4fe-ad0e-4a2a-a2c7-445505b674ac_6", Outcome: want, Code: status,
			Note: "to 1868888****  failed", Part: 2, Parts: 3, At: time.Date(2018, 4, 13, 6, 31, 46, 0, time.UTC)}}, got)
	}
}

func TestABatchOfReportsIsRead(t *testing.T) {
	t.Parallel()
	body := `{"statusReportList":[{"smsMsgId":"a","status":"DELIVRD","total":"1","sequence":"1","extend":"1-a"},{"smsMsgId":"b","status":"UNDELIV"}]}`
	got, err := huawei.New(huawei.Options{}).Receive(pushed("application/json; charset=utf-8", body), []byte(body), now)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, deliver.Report{ProviderRef: "b", Outcome: deliver.Refused, Code: "UNDELIV", Part: 1, Parts: 1, At: now}, got[1])
}

func TestWhatIsNoReportIsRefused(t *testing.T) {
	t.Parallel()
	for contentType, bodies := range map[string][]string{form: {"", "status=DELIVRD", "smsMsgId=a", "%zz"}, "application/json": {"", "{}", "[]", `{"statusReportList":[{}]}`,
		`{"statusReportList":[` + strings.Repeat(`{"smsMsgId":"a","status":"DELIVRD"},`, 50) + `{"smsMsgId":"a","status":"DELIVRD"}]}`}} {
		for _, body := range bodies {
			_, err := huawei.New(huawei.Options{}).Receive(pushed(contentType, body), []byte(body), now)
			require.Equal(t, "receipt.unreadable", fault.From(err).Key, body)
		}
	}
}

func TestWithPushKeysOnlySignedReportsCount(t *testing.T) {
	t.Parallel()
	s := huawei.New(huawei.Options{PushKeys: map[string]string{"PAK": "PSK", "OLD": "OLDSK"}})
	body := "smsMsgId=a&status=DELIVRD"
	for ak, sk := range map[string]string{"PAK": "PSK", "OLD": "OLDSK"} {
		r := pushed(form, body)
		require.NoError(t, aksk.Sign(r, []byte(body), aksk.Credentials{AK: ak, SK: sk}, now))
		_, err := s.Receive(r, []byte(body), now)
		require.NoError(t, err)
		_, err = s.Receive(r, []byte("smsMsgId=a&status=UNDELIV"), now)
		require.Equal(t, "receipt.rejected", fault.From(err).Key)
		require.Equal(t, "signature", fault.From(err).Args["why"])
		_, err = s.Receive(r, []byte(body), now.Add(time.Hour))
		require.Equal(t, "skew", fault.From(err).Args["why"])
	}
	_, err := s.Receive(pushed(form, body), []byte(body), now)
	require.Equal(t, fault.Unauthenticated, fault.CodeOf(err))
}
