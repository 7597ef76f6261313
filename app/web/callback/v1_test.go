package callback_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/replay"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry"
	"koodesk/app/web/callback"
)

// openV1 is a production address that knows both generations; V1.0 purchases
// wait that long.
func openV1(t testing.TB, wait time.Duration) *site {
	t.Helper()
	s := &site{t: t, store: storetest.Open(t), metrics: telemetry.New()}
	storetest.Channel(t, s.store, "default", "")
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	in := intake.New(intake.Options{Store: s.store, Lifecycle: life{}, Dialects: []intake.Dialect{callback.Dialect{}, callback.DialectV1{}},
		PublicURL: "https://koodesk.example.com", Log: quiet, Wake: func() {}, Wait: wait})
	h := callback.New(callback.Options{Intake: in, Replay: replay.New(redistest.Open(t)), Metrics: s.metrics, Log: quiet})
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true, ReadBufferSize: 16 << 10})
	app.All("/koogallery/:channel", h.Serve)
	app.All("/koogallery/:channel/produceAPI/*", h.Serve)
	s.handler = h
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- app.Listener(l) }()
	t.Cleanup(func() {
		require.NoError(t, app.Shutdown())
		require.NoError(t, <-done)
		h.Close(10 * time.Second)
	})
	s.url = "http://" + l.Addr().String() + "/koogallery/default"
	return s
}

// get sends a raw query as V1.0 does.
func (s *site) get(query string) reply {
	s.t.Helper()
	return s.method(http.MethodGet, query)
}

func (s *site) method(method, query string) reply {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+"?"+query, nil)
	require.NoError(s.t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	out := reply{status: res.StatusCode, header: res.Header}
	out.body, err = io.ReadAll(res.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(out.body, &out.fields), "%s", out.body)
	return out
}

func fieldsV1(activity string, kv ...string) map[string]string {
	f := map[string]string{"activity": activity, "timeStamp": saas1.Stamp(time.Now())}
	for i := 0; i < len(kv); i += 2 {
		f[kv[i]] = kv[i+1]
	}
	return f
}

func signedV1(activity string, kv ...string) string {
	return saas1.Sign(storetest.BasicKey, fieldsV1(activity, kv...))
}

func buyV1(order, business string) string {
	return signedV1("newInstance", "orderId", order, "businessId", business, "customerId", "c", "productId", "p")
}

func (s *site) provisioned(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		r, err := s.store.SQL().Exec(`UPDATE instances SET provisioned_at = now(), status = 'active', front_end_url = 'https://a.cn', user_name = 'admin', memo = '中文'`)
		if err != nil {
			return false
		}
		n, err := r.RowsAffected()
		return err == nil && n > 0
	}, time.Minute, 5*time.Millisecond)
}

func TestAPurchaseOfV1IsAnsweredExactly(t *testing.T) {
	t.Parallel()
	s := openV1(t, 30*time.Millisecond)
	r := s.get(buyV1("CS1", "b1"))
	require.Equal(t, 200, r.status)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Equal(t, `{"resultCode":"000004","resultMsg":"the request is being processed","instanceId":"b1"}`, string(r.body))
	require.Equal(t, string(r.body), s.text(`SELECT response FROM attempts`), "the stored answer is the sent one")
	s.provisioned(t)
	r = s.get(buyV1("CS1", "b2"))
	user := crypt.EncryptField(storetest.BasicKey, crypt.AES256, "admin")
	require.Equal(t, `{"resultCode":"000000","resultMsg":"success.","encryptType":"1","instanceId":"b1","appInfo":{"frontEndUrl":"https://a.cn","userName":"`+
		user+`","memo":"\u4e2d\u6587"}}`, string(r.body))
	require.Equal(t, crypt.BodySignFAQ(storetest.BasicKey, r.body), r.header.Get("Body-Sign"))
	require.Contains(t, r.header, "Body-Sign")
	require.InDelta(t, 2, testutil.ToFloat64(s.metrics.CallbackProofs.WithLabelValues("authToken")), 0)
}

func TestFiftyPurchasesOfV1AtOnce(t *testing.T) {
	t.Parallel()
	s := openV1(t, 20*time.Second)
	var wg sync.WaitGroup
	answers := make([]string, 50)
	for i := range answers {
		query := buyV1("CS1", fmt.Sprint("b", i))
		wg.Go(func() {
			for range 20 { // a machine that is too busy to answer in time says so, and is asked again
				res, err := http.Get(s.url + "?" + query)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if err != nil {
					t.Error(err)
				}
				if answers[i] = string(b); !strings.Contains(answers[i], `"000005"`) && !strings.Contains(answers[i], `"000004"`) {
					return
				}
			}
		})
	}
	s.provisioned(t)
	wg.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0], a)
	}
	require.Contains(t, answers[0], `"000000"`)
	require.Equal(t, "1 1 true 1", s.text(`SELECT (SELECT count(*) FROM instances) || ' ' || (SELECT count(*) FROM messages) || ' ' || (SELECT count(*) >= 50 FROM attempts) || ' ' || (SELECT count(*) FROM tasks)`))
}

// How a call is signed decides its generation; what fits none is answered in the
// form of the one that it resembles.
func TestGenerationsAreToldApart(t *testing.T) {
	t.Parallel()
	s := openV1(t, time.Second)
	v2 := saas2.Sign(storetest.BasicKey, time.Now(), "n1", nil)
	for name, c := range map[string]struct{ method, query, code, reason, msg string }{
		"GET with nothing":           {"GET", "", "000001", "call.token_missing", "authentication failed"},
		"GET with the wrong token":   {"GET", strings.Replace(buyV1("CS1", "b1"), "CS1", "CS2", 1), "000001", "call.token_wrong", "authentication failed"},
		"GET with V2.0's signature":  {"GET", v2, "000001", "call.method", "token is invalid"},
		"POST with V1.0's token":     {"POST", buyV1("CS1", "b1"), "000001", "call.method", "authentication failed"},
		"POST with nothing":          {"POST", "", "000001", "call.signature_missing", "token is invalid"},
		"both proofs by GET":         {"GET", v2 + "&" + buyV1("CS1", "b1"), "000001", "call.token_wrong", "authentication failed"},
		"GET without timeStamp":      {"GET", "activity=newInstance&authToken=x", "000002", "call.timestamp_missing", "invalid request parameter"},
		"GET with a forged first":    {"GET", "orderId=CS2&" + buyV1("CS1", "b1"), "000001", "call.token_wrong", "authentication failed"},
		"GET that swallows testFlag": {"GET", "timeStamp=1&authToken=x&orderId=o%26testFlag%3D1", "000002", "call.query_ambiguous", "invalid request parameter"},
		"GET of garbage":             {"GET", "%ff=%00&authToken=%zz", "000002", "call.query_format", "invalid request parameter"},
	} {
		r := s.method(c.method, c.query)
		require.Equal(t, 200, r.status, name)
		require.Equal(t, map[string]any{"resultCode": c.code, "resultMsg": c.msg}, r.fields, name)
		require.Equal(t, "rejected "+c.reason, s.text(`SELECT status || ' ' || (last_error->>'key') FROM messages`), name)
		require.NoError(t, crypt.VerifyBodySign(storetest.BasicKey, r.header.Get("Body-Sign"), r.body), name)
		_, err := s.store.SQL().Exec(`DELETE FROM messages`)
		require.NoError(t, err)
	}
	require.Equal(t, "0", s.text(`SELECT count(*)::text FROM instances`))
}

func TestBadInputOfV1GetsAClearErrorAndIsLogged(t *testing.T) {
	t.Parallel()
	s := openV1(t, time.Second)
	n := 0
	for says, c := range map[string]map[string]string{
		"activity is not supported": fieldsV1("makeCoffee"),
		"orderId is missing":        fieldsV1("newInstance", "businessId", "b", "customerId", "c", "productId", "p"),
		"instanceId has 65":         fieldsV1("expireInstance", "instanceId", strings.Repeat("i", 65)),
		"chargingMode has an":       fieldsV1("newInstance", "businessId", "b", "customerId", "c", "productId", "p", "orderId", "o", "chargingMode", "2"),
		"control character":         fieldsV1("expireInstance", "instanceId", "a\x00b"),
		"instanceStatus has an":     fieldsV1("instanceStatus", "instanceId", "i", "instanceStatus", "UNFREEZE"),
		"saasExtendParams has the":  fieldsV1("upgrade", "instanceId", "i", "orderId", "o", "skuCode", "s", "productId", "p", "saasExtendParams", "e30="),
		"at most 100":               fieldsV1("queryInstance", "instanceId", strings.Repeat("i,", 100)+"i"),
	} {
		r := s.get(saas1.Sign(storetest.BasicKey, c))
		require.Equal(t, 200, r.status)
		require.Equal(t, "000002", r.fields["resultCode"], says)
		require.Contains(t, r.fields["resultMsg"], says)
		require.NoError(t, crypt.VerifyBodySign(storetest.BasicKey, r.header.Get("Body-Sign"), r.body))
		s.get(saas1.Sign(storetest.BasicKey, c))
		n++
	}
	require.Equal(t, fmt.Sprint(n, " ", 2*n), s.text(`SELECT count(*) || ' ' || sum(attempts) FROM messages WHERE status = 'failed' AND protocol = 'v1'`),
		"the same wrong call again is the same message")
}

// The key that proved the call is the one to encrypt and sign with, and V1.0 is
// always signed.
func TestAReplacedKeyEncryptsAndSignsV1DuringItsOverlap(t *testing.T) {
	t.Parallel()
	s := openV1(t, 30*time.Millisecond)
	s.get(buyV1("CS1", "b1"))
	s.provisioned(t)
	off, two := false, 2
	ctx := context.Background()
	require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error {
		if _, _, err := tx.SetChannel(ctx, store.ChannelChange{Slug: "default", BodySign: &off, EncryptType: &two}); err != nil {
			return err
		}
		_, err := tx.SetChannelKey(ctx, 1, "basic", "the-new-key", time.Hour)
		return err
	}))
	require.Eventually(t, func() bool {
		return s.get(saas1.Sign("the-new-key", fieldsV1("queryInstance", "instanceId", "b1"))).fields["resultCode"] == "000000"
	}, time.Minute, 100*time.Millisecond)
	for _, key := range []string{storetest.BasicKey, "the-new-key"} {
		r := s.get(saas1.Sign(key, fieldsV1("queryInstance", "instanceId", "b1")))
		require.Equal(t, crypt.BodySignFAQ(key, r.body), r.header.Get("Body-Sign"))
		require.Contains(t, string(r.body), `"encryptType":"2"`)
		require.Contains(t, string(r.body), crypt.EncryptField(key, crypt.AES128, "admin"))
	}
}

func TestAQueryOfAHundredIDsArrives(t *testing.T) {
	t.Parallel()
	s := openV1(t, time.Second)
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("%064d", i)
	}
	r := s.get(signedV1("queryInstance", "instanceId", strings.Join(ids, ","), "testFlag", "1"))
	require.Equal(t, "000000", r.fields["resultCode"])
	require.Len(t, r.fields["info"], 100)
}

// Huawei's own sample call, byte for byte, its raw '+' included.
func TestThePublishedSampleIsAccepted(t *testing.T) {
	t.Parallel()
	s := openV1(t, time.Second)
	ctx := context.Background()
	require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SetChannelKey(ctx, 1, "basic", "xxxxxxx", 0)
		return err
	}))
	r := s.get("activity=newInstance&businessId=61e834ba-7b97-4418-b8f7-e5345137278c&customerId=68cbc86abc2018ab880d92f36422fa0e" +
		"&expireTime=20200727153156&orderId=CS1906666666ABCDE&productId=00301-666666-0--0&testFlag=1&timeStamp=20200727073711903" +
		"&authToken=Gzbfjf9LHRBcI3bFVi++sLinCNOBF6qa7is1fvjEgYQ=")
	require.Equal(t, "000000", r.fields["resultCode"], "%s", r.body)
	require.Equal(t, "61e834ba-7b97-4418-b8f7-e5345137278c", r.fields["instanceId"])
	require.NoError(t, crypt.VerifyBodySign("xxxxxxx", r.header.Get("Body-Sign"), r.body))
}

func TestV1IsSealedAndWithoutTheDatabaseComesAgain(t *testing.T) {
	t.Parallel()
	s := openV1(t, 30*time.Millisecond)
	s.get(signedV1("newInstance", "orderId", "CS1", "businessId", "b1", "customerId", "c", "productId", "p", "email", "no-ciphertext"))
	require.Equal(t, "processing", s.text(`SELECT status FROM messages`), "an address that cannot be read stops no purchase")
	require.Equal(t, "0", s.text(`SELECT count(*)::text FROM attempts WHERE position('newInstance' IN encode(request_sealed, 'escape')) > 0`))
	require.NoError(t, s.store.Close())
	require.Equal(t, 503, s.get(buyV1("CS2", "b2")).status)
}
