package marketapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/aksk"
)

const testCode = "PL8765abcd4321wxyz"

// licenseMarket checks the signature over the body too, and answers.
func licenseMarket(t *testing.T, answer string, status int) (*httptest.Server, *[]string) {
	t.Helper()
	var seen []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		secret := func(ak string) (string, bool) { return testCred.SK, ak == testCred.AK }
		if _, verr := aksk.Verify(r, body, secret, testTime); err != nil || verr != nil {
			http.Error(w, "not signed", http.StatusTeapot)
			return
		}
		seen = append(seen, r.URL.Path+" "+string(body))
		dated(testTime, replyWith(status, "application/json", answer))(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &seen
}

func licenseClient(t *testing.T) *Client {
	t.Helper()
	c := New(Options{Now: func() time.Time { return testTime }, BackOff: time.Millisecond})
	t.Cleanup(c.Close)
	return c
}

func TestActivateLicenseReadsThePublishedSample(t *testing.T) {
	t.Parallel()
	s, seen := licenseMarket(t, `{"error_code":"92020000","error_msg":"success","data":{"license_code_info":"{\"status\":\"ALIVE\",\"expire_time\":\"20230726121646\",\"product_id\":\"12345\",\"amount\":2,\"order_id\":\"CS123\"}"}}`, 200)
	info, raw, err := licenseClient(t).ActivateLicense(t.Context(), s.URL, testCred, testCode, time.Date(2023, 7, 1, 8, 0, 0, 0, time.UTC))
	require.NoError(t, err)
	require.NotEmpty(t, raw)
	require.Equal(t, market.CodeInfo{Status: market.CodeAlive, ExpireTime: time.Date(2023, 7, 26, 12, 16, 46, 0, time.UTC), ProductID: "12345", Amount: 2, OrderID: "CS123"}, info)
	require.Equal(t, []string{licenseActivatePath + ` {"license":"` + testCode + `","real_effect_time":"20230701080000"}`}, *seen)
}

func TestQueryLicenseToleratesUnknownFields(t *testing.T) {
	t.Parallel()
	s, seen := licenseMarket(t, `{"error_code":"92020000","error_msg":"success","data":{"license_code":"`+testCode+`","status":"expired","activate_time":20230701080000,"expireTime":"20230726121646","new_field":{"x":[1]},"amount":"3"},"more":null}`, 200)
	info, _, err := licenseClient(t).QueryLicense(t.Context(), s.URL, testCred, testCode)
	require.NoError(t, err)
	require.Equal(t, market.CodeInfo{Status: market.CodeExpired, ExpireTime: time.Date(2023, 7, 26, 12, 16, 46, 0, time.UTC),
		ActivatedAt: time.Date(2023, 7, 1, 8, 0, 0, 0, time.UTC), Amount: 3}, info)
	require.Equal(t, []string{licenseQueryPath + ` {"license":"` + testCode + `"}`}, *seen)
}

func TestLicenseErrorCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		answer string
		key    string
		code   fault.Code
	}{
		{403, `{"error_code":"92020001","error_msg":"Unauthorized"}`, "not_authorised", fault.Refused},
		{500, `{"error_code":"92020001","error_msg":"internal error"}`, "system_error", fault.Unavailable},
		{200, `{"error_code":"92020001","error_msg":"internal error"}`, "unknown_code", fault.Unavailable},
		{400, `{"error_code":"92020002","error_msg":"invalid param"}`, "invalid_parameter", fault.Refused},
		{200, `{"error_code":"92020004","error_msg":"can not active before user received."}`, "not_received", fault.Unavailable},
		{200, `{"error_code":"92020005","error_msg":"license code ` + testCode + ` not exist."}`, "no_such_code", fault.Refused},
		{401, `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}`, "credentials_refused", fault.Refused},
		{200, `{"error_code":"92020000","data":{"license_code":"PLSOMEBODYELSES00","status":"ALIVE"}}`, "other_code", fault.Unavailable},
		{200, `{"error_code":"92020000","data":{"license_code_info":"not json"}}`, "bad_answer", fault.Unavailable},
		{200, `{"error_code":"92020000","data":[]}`, "bad_answer", fault.Unavailable},
		{200, `{"error_code":"92020000"}`, "bad_answer", fault.Unavailable},
		{200, `<html>`, "bad_answer", fault.Unavailable},
		{502, `bad gateway`, "system_error", fault.Unavailable},
	} {
		s, _ := licenseMarket(t, c.answer, c.status)
		_, _, err := licenseClient(t).QueryLicense(t.Context(), s.URL, testCred, testCode)
		f := fault.From(err)
		require.NotNil(t, f, c.answer)
		require.Equal(t, "license_api."+c.key, f.Key, "%d %s", c.status, c.answer)
		require.Equal(t, c.code, f.Code, c.answer)
		require.Equal(t, c.code == fault.Refused, f.Retry.Never)
		require.Contains(t, FaultKeys(), f.Key)
		require.NotContains(t, f.Error(), testCode, "a code is a secret in faults too")
	}
}

func TestReportUsage(t *testing.T) {
	t.Parallel()
	s, seen := licenseMarket(t, `{"error_code":"92020000","error_msg":"success","data":{"check_fail_list":[{"license":"A","reason":"x"}]}}`, 200)
	n := int64(0)
	refused, err := licenseClient(t).ReportUsage(t.Context(), s.URL, testCred, []LicenseUsage{
		{License: "A", Records: []UsageRecord{{ID: "anna"}, {ID: "bob"}}}, {License: "B", Records: []UsageRecord{{ActiveNum: &n}}}})
	require.NoError(t, err)
	require.Equal(t, []string{"A"}, refused, "the answer's code is of the call; this is of one of its codes")
	path, body, _ := strings.Cut((*seen)[0], " ")
	require.Equal(t, licenseUsagePath, path)
	require.JSONEq(t, `{"usage_info":[{"license":"A","software_usage_Info":[{"id":"anna"},{"id":"bob"}]},{"license":"B","software_usage_Info":[{"active_num":0}]}]}`, body)
}

// Only a list, an object or a code's name can find something wrong; a count of it, an
// empty one or any other text refuses no code.
func TestReportUsageRefusesOnlyWhatIsFoundWrong(t *testing.T) {
	t.Parallel()
	both := []string{"A", "B"}
	for data, want := range map[string][]string{
		`{"check_fail_num":0}`: nil, `{"check_fail_count":0,"check_fail_list":[]}`: nil, `{"check_fail_list":[]}`: nil, `{"check_fail_info":{}}`: nil,
		`{"check_fail_list":null,"check_fail_msg":"success"}`: nil, `null`: nil,
		`{"check_fail_count":1,"check_fail_list":["B"]}`: {"B"}, `{"check_fail_map":{"x":[{"license":"A","line":2}]}}`: {"A"},
		`{"check_fail_license":"A"}`: {"A"}, `{"check_fail_count":1,"check_fail_license":"B"}`: {"B"}, `{"check_fail_license":"C"}`: nil, `{"check_fail_license":""}`: nil,
		`{"check_fail_list":[{"line":2}]}`: both, `{"check_fail_list":[2]}`: both, `{"check_fail_list":["C"]}`: both,
	} {
		s, _ := licenseMarket(t, `{"error_code":"92020000","error_msg":"success","data":`+data+`}`, 200)
		refused, err := licenseClient(t).ReportUsage(t.Context(), s.URL, testCred, []LicenseUsage{{License: "A", Records: []UsageRecord{{ID: "anna"}}}, {License: "B", Records: []UsageRecord{{ID: "b"}}}})
		require.NoError(t, err, data)
		require.Equal(t, want, refused, data)
	}
}

func FuzzReadCodeInfo(f *testing.F) {
	f.Add([]byte(`{"data":{"license_code_info":"{\"status\":\"ALIVE\"}"}}`))
	f.Add([]byte(`{"data":{"license_code":"A","status":"EXPIRED","amount":1e99}}`))
	f.Add([]byte(`{"data":[{"status":{}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		doc, err := parseTree(raw)
		if err != nil {
			return
		}
		info, err := readCodeInfo(doc, "A")
		if err == nil && (info.Status == "" || len([]rune(info.OrderID)) > 64) {
			t.Fatalf("%+v", info)
		}
		if _, err := json.Marshal(info.OrderID); err != nil {
			t.Fatal(err)
		}
	})
}
