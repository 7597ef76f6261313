package marketapi

import (
	"crypto/sha256"
	"encoding/hex"
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

// uploadServer notes the body of the last upload and gives one answer after the
// other; what is not signed is refused.
func uploadServer(t *testing.T, seen func(r *http.Request, body string), list ...http.HandlerFunc) (*Client, string) {
	t.Helper()
	next := answers(list...)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		secret := func(ak string) (string, bool) { return testCred.SK, ak == testCred.AK }
		if _, err := aksk.Verify(r, body, secret, time.Now()); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
			return
		}
		seen(r, string(body))
		next(w, r)
	}))
	t.Cleanup(s.Close)
	c := New(Options{BackOff: time.Millisecond})
	t.Cleanup(c.Close)
	return c, s.URL
}

const uploaded = `{"error_code":"CBC.0000","error_msg":"Success"}`

// form is a multipart body without its boundary.
func form(r *http.Request, body string) string {
	_, boundary, _ := strings.Cut(r.Header.Get("Content-Type"), "boundary=")
	return strings.ReplaceAll(body, boundary, "B")
}

func TestALicenseIsUploadedToTheByte(t *testing.T) {
	t.Parallel()
	var got, path, hash string
	c, url := uploadServer(t, func(r *http.Request, body string) {
		got, path, hash = form(r, body), r.URL.EscapedPath(), r.Header.Get("X-Sdk-Content-Sha256")
	}, reply200([]byte(uploaded)))
	up := func(l market.LicenseContent) {
		t.Helper()
		require.NoError(t, c.UploadLicense(t.Context(), url, testCred, "8f 03", l))
	}
	up(market.LicenseContent{Text: `A<B>"C"`})
	require.Equal(t, "/api/mkp-openapi-public/global/v1/market-event/8f%2003/file", path)
	require.Equal(t, "UNSIGNED-PAYLOAD", hash)
	require.Equal(t, "--B\r\nContent-Disposition: form-data; name=\"isvUpdateFileReq\"\r\nContent-Type: application/json\r\n\r\n"+
		`{"type":"CHARACTERS","characters":"A<B>\"C\""}`+"\r\n--B--\r\n", got)

	sum := sha256.Sum256([]byte("bytes"))
	up(market.LicenseContent{FileName: "a.lic", File: []byte("bytes")})
	require.Equal(t, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.lic\"\r\nContent-Type: multipart/form-data\r\n\r\nbytes\r\n"+
		"--B\r\nContent-Disposition: form-data; name=\"isvUpdateFileReq\"\r\nContent-Type: application/json\r\n\r\n"+
		`{"type":"FILE","file_name":"a.lic","sha256":"`+hex.EncodeToString(sum[:])+`"}`+"\r\n--B--\r\n", got)

	up(market.LicenseContent{Text: strings.Repeat("字", 1024)})
	require.Contains(t, got, `"CHARACTERS"`)
	up(market.LicenseContent{Text: strings.Repeat("字", 1025)})
	require.Contains(t, got, `{"type":"FILE","file_name":"license-8f03.txt"`)
}

func TestAnUploadSignsItsBodyWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	var hashes []string
	c, url := uploadServer(t, func(r *http.Request, _ string) { hashes = append(hashes, r.Header.Get("X-Sdk-Content-Sha256")) },
		replyWith(401, "application/json", `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}`), reply200([]byte(uploaded)))
	require.NoError(t, c.UploadLicense(t.Context(), url, testCred, "E", market.LicenseContent{Text: "A"}))
	require.Equal(t, []string{"UNSIGNED-PAYLOAD", ""}, hashes)
}

func TestRefusedUploadsSayWhy(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]struct {
		key   string
		final bool
	}{
		"91381033": {"license_upload.resource_invalid", true}, "91381034": {"license_upload.apply_invalid", true},
		"91381035": {"license_upload.no_remain_amount", true}, "91381036": {"license_upload.system_error", false},
		"91381037": {"license_upload.bad_format", true}, "91381038": {"license_upload.apply_denied", true},
		"91380150": {"license_upload.role_denied", true}, "CBC.0101": {"license_upload.invalid_parameter", true},
		"CBC.0150": {"license_upload.illegal_operation", true}, "CBC.0999": {"license_upload.system_error", false},
	} {
		c, url := uploadServer(t, func(*http.Request, string) {}, replyWith(200, "application/json", `{"error_code":"`+code+`","error_msg":"m"}`))
		f := fault.From(c.UploadLicense(t.Context(), url, testCred, "E", market.LicenseContent{Text: "A"}))
		require.Equal(t, want.key, f.Key, code)
		require.Equal(t, want.final, f.Retry.Never, code)
	}
}
