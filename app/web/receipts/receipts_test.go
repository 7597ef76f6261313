package receipts_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/bounce"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/protocol/aksk"
	"koodesk/app/seal"
	"koodesk/app/store/storetest"
	"koodesk/app/throttle"
	"koodesk/app/web/receipts"
)

const public = "https://koodesk.example.com/sub"

// open serves the address with a real deliverer.
func open(t testing.TB, rate throttle.Rate, push map[string]string) (app *fiber.App, address string) {
	t.Helper()
	keys, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	d, err := deliver.New(deliver.Options{Store: storetest.Open(t), Email: email.None{}, Bounce: "bounce@notify.seller.test", Returns: bounce.Receiver{}, SMS: huawei.New(huawei.Options{PushKeys: push}), Log: log})
	require.NoError(t, err)
	h := receipts.New(receipts.Options{Deliver: d, Keys: keys, Limit: throttle.New("receipts", nil, log), PublicURL: public, Rate: rate, Strangers: rate})
	app = fiber.New()
	for _, r := range h.Routes() {
		app.Add(r.Method, r.Path, r.Handler)
	}
	return app, receipts.URL(public, keys, deliver.SMS)
}

func post(t testing.TB, app *fiber.App, address, body string, sign func(*http.Request)) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://proxy.internal"+strings.TrimPrefix(address, public), strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if sign != nil {
		sign(r)
	}
	res, err := app.Test(r, 20000)
	require.NoError(t, err)
	defer res.Body.Close()
	return res.StatusCode
}

const delivered = "smsMsgId=a&status=DELIVRD"

func TestOnlyWhoKnowsTheAddressReports(t *testing.T) {
	t.Parallel()
	app, address := open(t, throttle.Rate{}, nil)
	require.True(t, strings.HasPrefix(address, public+"/receipts/sms/"))
	require.Equal(t, 200, post(t, app, address, delivered, nil), "of no delivery of ours: taken and dropped")
	require.Equal(t, 400, post(t, app, address, "status=DELIVRD", nil))
	require.Equal(t, 413, post(t, app, address, delivered+"&x="+strings.Repeat("x", 64<<10), nil))
	require.Equal(t, 404, post(t, app, address+"x", delivered, nil))
	require.Equal(t, 404, post(t, app, strings.Replace(address, "/sms/", "/email/", 1), delivered, nil), "the token is for its medium")
}

func TestMailsThatCameBackAreTakenAtAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	app, sms := open(t, throttle.Rate{}, nil)
	keys, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	require.NoError(t, err)
	address := receipts.URL(public, keys, deliver.Email)
	as := func(kind string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", kind) }
	}
	const returned = "To: bounce+x@notify.seller.test\r\nX-Failed-Recipients: zhang@example.com\r\n\r\n550 no\r\n"
	for _, c := range []struct {
		kind, body string
		want       int
	}{
		{"message/rfc822", returned, 200},
		{"message/rfc822", returned + strings.Repeat("a copy of the mail\r\n", 40<<10), 200},
		{"message/rfc822", returned + strings.Repeat("x", 1<<20), 413},
		{"message/rfc822", "", 400},
		{"text/plain", "garbage\x00\xff", 400},
		{"multipart/report; boundary=", "--\r\n", 200},
		{"application/json", `{"recipient":"bounce+x@notify.seller.test","outcome":"bounced"}`, 200},
		{"application/json", `{"recipient":"bounce+x@notify.seller.test","outcome":"gone"}`, 400},
		{"application/json", "garbage", 400},
	} {
		require.Equal(t, c.want, post(t, app, address, c.body, as(c.kind)), "%s %.40q", c.kind, c.body)
	}
	require.Equal(t, 404, post(t, app, address+"x", returned, as("message/rfc822")))
	require.Equal(t, 404, post(t, app, strings.Replace(sms, "/sms/", "/email/", 1), returned, as("message/rfc822")), "the token is for its medium")
}

func TestSignedReportsAreProvedAtTheAddressThatWasGiven(t *testing.T) {
	t.Parallel()
	app, address := open(t, throttle.Rate{}, map[string]string{"PAK": "PSK"})
	require.Equal(t, 401, post(t, app, address, delivered, nil))
	signed := httptest.NewRequest(http.MethodPost, address, nil)
	signed.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	require.NoError(t, aksk.Sign(signed, []byte(delivered), aksk.Credentials{AK: "PAK", SK: "PSK"}, time.Now()))
	copied := func(r *http.Request) { r.Header = signed.Header.Clone() }
	require.Equal(t, 200, post(t, app, address, delivered, copied), "whatever host the proxy calls us by")
	require.Equal(t, 401, post(t, app, address, "smsMsgId=a&status=UNDELIV", copied))
}

func TestAFloodIsToldToWait(t *testing.T) {
	t.Parallel()
	app, address := open(t, throttle.Rate{Tries: 2, In: time.Hour}, nil)
	for _, where := range []string{address, address + "x"} {
		var got []int
		for range 3 {
			got = append(got, post(t, app, where, delivered, nil))
		}
		require.Equal(t, 429, got[2])
		require.NotEqual(t, 429, got[1])
	}
}
