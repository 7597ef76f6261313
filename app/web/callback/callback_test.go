package callback_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas2"
	"koodesk/app/redisconn"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/replay"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry"
	"koodesk/app/telemetry/logtest"
	"koodesk/app/web/callback"
)

type life struct{}

func (life) CheckChange(context.Context, *store.Reader, *store.Channel, *store.Instance, []market.ProductInfo) error {
	return nil
}
func (life) Release(context.Context, *store.Tx, *store.Instance, int64) error { return nil }

// site is a production address that really listens.
type site struct {
	t       testing.TB
	store   *store.Store
	metrics *telemetry.Metrics
	handler *callback.Handler
	url     string
	nonces  int
	log     logtest.Buffer
}

func open(t *testing.T) *site {
	t.Helper()
	return openWith(t, redistest.Open(t))
}

func openWith(t *testing.T, r redis.UniversalClient) *site {
	t.Helper()
	return openOn(t, storetest.Open(t), r)
}

func openOn(t *testing.T, db *store.Store, r redis.UniversalClient) *site {
	t.Helper()
	s := &site{t: t, store: db, metrics: telemetry.New()}
	storetest.Channel(t, s.store, "default", "")
	log := slog.New(slog.NewJSONHandler(&s.log, nil))
	in := intake.New(intake.Options{Store: s.store, Lifecycle: life{}, Dialects: []intake.Dialect{callback.Dialect{}},
		PublicURL: "https://koodesk.example.com", Log: log, Wake: func() {}})
	h := callback.New(callback.Options{Intake: in, Replay: replay.New(r), Metrics: s.metrics, Log: log})
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true})
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

// shot is one request; its zero parts are filled in rightly.
type shot struct {
	body        string
	key         string
	at          time.Time
	skew        time.Duration // of the timestamp, from when it is sent
	nonce       string
	query       string // replaces the signed one
	signed      string // what is signed instead of the body
	contentType string
	url         string
	method      string
	agent       string
}

type reply struct {
	status int
	header http.Header
	body   []byte
	fields map[string]any
}

func (s *site) send(h shot) reply {
	s.t.Helper()
	if h.key == "" {
		h.key = storetest.BasicKey
	}
	if h.at.IsZero() {
		h.at = time.Now().Add(h.skew)
	}
	if h.nonce == "" {
		s.nonces++
		h.nonce = "nonce" + strconv.Itoa(s.nonces)
	}
	if h.signed == "" {
		h.signed = h.body
	}
	if h.query == "" {
		h.query = saas2.Sign(h.key, h.at, h.nonce, []byte(h.signed))
	}
	if h.contentType == "" {
		h.contentType = "application/json;charset=utf8"
	}
	if h.url == "" {
		h.url = s.url
	}
	if h.method == "" {
		h.method = http.MethodPost
	}
	req, err := http.NewRequest(h.method, h.url+"?"+h.query, strings.NewReader(h.body))
	require.NoError(s.t, err)
	req.Header.Set("Content-Type", h.contentType)
	if h.agent != "" {
		req.Header.Set("User-Agent", h.agent)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	out := reply{status: res.StatusCode, header: res.Header}
	out.body, err = io.ReadAll(res.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(out.body, &out.fields), "%s", out.body)
	return out
}

func (s *site) text(query string) string {
	s.t.Helper()
	var v string
	require.NoError(s.t, s.store.SQL().QueryRow(query).Scan(&v))
	return v
}

func purchaseOf(order, business string) string {
	return fmt.Sprintf(`{"activity":"newInstance","businessId":%q,"orderId":%q,"orderLineId":"%s-000001"}`, business, order, order)
}

func TestAPurchaseIsAnsweredExactly(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.send(shot{body: purchaseOf("CS1", "b1")})
	require.Equal(t, 200, r.status)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	require.Equal(t, `{"resultCode":"000004","resultMsg":"request is processing","instanceId":"b1"}`, string(r.body))
	require.NoError(t, crypt.VerifyBodySign(storetest.BasicKey, r.header.Get("Body-Sign"), r.body))
	require.Equal(t, string(r.body), s.text(`SELECT response FROM attempts`), "the stored answer is the sent one")
	require.Equal(t, "127.0.0.1", s.text(`SELECT host(remote_ip) FROM attempts`))
}

func TestFiftyIdenticalCallsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	var wg sync.WaitGroup
	answers := make([]string, 50)
	for i := range answers {
		body := purchaseOf("CS1", fmt.Sprint("b", i))
		query := saas2.Sign(storetest.BasicKey, time.Now(), fmt.Sprint("n", i), []byte(body))
		wg.Go(func() {
			res, err := http.Post(s.url+"?"+query, "application/json", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if err != nil {
				t.Error(err)
			}
			answers[i] = string(b)
		})
	}
	wg.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0], a)
	}
	require.Contains(t, answers[0], `"000004"`)
	require.Equal(t, "1 1 50", s.text(`SELECT (SELECT count(*) FROM instances) || ' ' || (SELECT count(*) FROM messages) || ' ' || (SELECT count(*) FROM attempts)`))
}

func TestProofs(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := purchaseOf("CS1", "b1")
	for name, c := range map[string]struct {
		shot   shot
		code   string
		reason string
	}{
		"another key":        {shot{body: body, key: "another"}, "000001", "call.signature_wrong"},
		"unsigned":           {shot{body: body, query: "x=1"}, "000001", "call.signature_missing"},
		"too old":            {shot{body: body, skew: -62 * time.Second}, "000002", "call.timestamp_skewed"},
		"from the future":    {shot{body: body, skew: 62 * time.Second}, "000002", "call.timestamp_skewed"},
		"tampered body":      {shot{body: body, signed: purchaseOf("CS2", "b1")}, "000001", "call.signature_wrong"},
		"not a POST":         {shot{body: body, method: http.MethodPut}, "000001", "call.method"},
		"a body of garbage":  {shot{body: "\x00\xff", key: "another"}, "000001", "call.signature_wrong"},
		"an empty signature": {shot{body: body, query: "signature=&timestamp=1&nonce=n"}, "000001", "call.signature_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.send(c.shot)
			require.Equal(t, 200, r.status)
			require.Equal(t, c.code, r.fields["resultCode"])
			require.Equal(t, "rejected "+c.reason, s.text(`SELECT status || ' ' || (last_error->>'key') FROM messages ORDER BY updated_at DESC LIMIT 1`))
			require.Equal(t, "0", s.text(`SELECT count(*)::text FROM instances`))
			require.NoError(t, crypt.VerifyBodySign(storetest.BasicKey, r.header.Get("Body-Sign"), r.body))
			require.NotContains(t, string(r.body), c.reason)
		})
	}
}

func TestTimestampsInSecondsAndSortedBodiesAreAccepted(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := purchaseOf("CS1", "b1")
	loose := `{ "orderLineId":"CS1-000001", "orderId":"CS1", "businessId":"b1", "extra":null, "activity":"newInstance" }`
	r := s.send(shot{body: loose, query: saas2.Sign(storetest.BasicKey, time.Now(), "n1", []byte(body))})
	require.Equal(t, "000004", r.fields["resultCode"], "signed over the sorted form")
	require.InDelta(t, 1, testutil.ToFloat64(s.metrics.CallbackProofs.WithLabelValues("sorted")), 0)
	r = s.send(shot{body: body})
	require.Equal(t, "000004", r.fields["resultCode"])
	require.InDelta(t, 1, testutil.ToFloat64(s.metrics.CallbackProofs.WithLabelValues("raw")), 0)
}

func TestReplays(t *testing.T) {
	t.Parallel()
	s := open(t)
	at := time.Now()
	first := s.send(shot{body: purchaseOf("CS1", "b1"), nonce: "same", at: at})
	again := s.send(shot{body: purchaseOf("CS1", "b1"), nonce: "same", at: at})
	require.Equal(t, first.body, again.body, "the very same call is a retry")
	other := s.send(shot{body: purchaseOf("CS2", "b2"), nonce: "same", at: at})
	require.Equal(t, "000001", other.fields["resultCode"])
	require.Equal(t, "call.replayed", s.text(`SELECT last_error->>'key' FROM messages WHERE status = 'rejected'`))
	require.Equal(t, "1", s.text(`SELECT count(*)::text FROM instances`))
}

func TestWithoutRedisCallsStillWork(t *testing.T) {
	t.Parallel()
	dead, err := redisconn.Open("redis://127.0.0.1:1/0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dead.Close()) })
	s := openWith(t, dead)
	require.Equal(t, "000004", s.send(shot{body: purchaseOf("CS1", "b1")}).fields["resultCode"])
	require.Equal(t, "000001", s.send(shot{body: purchaseOf("CS2", "b2"), key: "wrong"}).fields["resultCode"])
	require.InDelta(t, 1, testutil.ToFloat64(s.metrics.ReplayLost), 0)
}

func TestBadInputGetsAClearErrorAndIsLogged(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, c := range map[string]struct{ body, contentType, says string }{
		"unknown activity":  {`{"activity":"makeCoffee"}`, "", "activity"},
		"field missing":     {`{"activity":"newInstance","orderId":"o","businessId":"b"}`, "", "orderLineId"},
		"field too long":    {`{"activity":"newInstance","orderId":"` + strings.Repeat("o", 65) + `","orderLineId":"l","businessId":"b"}`, "", "orderId"},
		"wrong scene":       {`{"activity":"refreshInstance","scene":"WHY","orderId":"o","orderLineId":"l","instanceId":"i","expireTime":"20280101000000"}`, "", "scene"},
		"no such day":       {`{"activity":"refreshInstance","scene":"RENEWAL","orderId":"o","orderLineId":"l","instanceId":"i","expireTime":"20280231000000"}`, "", "expireTime"},
		"duplicate key":     {`{"activity":"newInstance","orderId":"a","orderId":"b","orderLineId":"l","businessId":"b"}`, "", "orderId"},
		"NUL":               {`{"activity":"newInstance","orderId":"a\u0000b","orderLineId":"l","businessId":"b"}`, "", "orderId"},
		"raw NUL":           {"{\"activity\":\"newInstance\",\"orderId\":\"a\x00\"}", "", "JSON"},
		"invalid UTF-8":     {"{\"activity\":\"newInstance\",\"orderId\":\"\xff\"}", "", "UTF-8"},
		"no JSON":           {`orderId=1`, "", "JSON"},
		"empty":             {``, "", "JSON"},
		"an array":          {`[]`, "", "object"},
		"form content type": {purchaseOf("CS1", "b1"), "application/x-www-form-urlencoded", "Content-Type"},
		"too many ids":      {`{"activity":"queryInstance","instanceId":"` + strings.TrimSuffix(strings.Repeat("i,", 101), ",") + `"}`, "", "instanceId"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.send(shot{body: c.body, contentType: c.contentType})
			require.Equal(t, 200, r.status)
			require.Equal(t, "000002", r.fields["resultCode"], "%s", r.body)
			require.Contains(t, r.fields["resultMsg"], c.says)
			require.Equal(t, "failed 000002 invalid", s.text(`SELECT m.status || ' ' || m.result_code || ' ' || a.disposition FROM messages m JOIN attempts a ON a.message_id = m.id ORDER BY a.id DESC LIMIT 1`))
			require.Equal(t, "0", s.text(`SELECT count(*)::text FROM instances`))
			require.NoError(t, crypt.VerifyBodySign(storetest.BasicKey, r.header.Get("Body-Sign"), r.body))
		})
	}
}

func TestNumbersForStringsAreAccepted(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.send(shot{body: `{"activity":"newInstance","businessId":"b","orderId":9223372036854775807,"orderLineId":1234567890123456789,"testFlag":0}`})
	require.Equal(t, "000004", r.fields["resultCode"])
	require.Equal(t, "9223372036854775807 1234567890123456789", s.text(`SELECT order_id || ' ' || order_line_id FROM instances`))
}

func TestUnknownChannel(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := s.send(shot{body: purchaseOf("CS1", "b1"), url: strings.Replace(s.url, "default", "nobody", 1)})
	require.Equal(t, 404, r.status)
	require.Equal(t, "000002", r.fields["resultCode"])
}

func TestWithoutTheDatabaseTheMarketplaceIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	s := open(t)
	require.Equal(t, 200, s.send(shot{body: purchaseOf("CS1", "b1")}).status)
	require.NoError(t, s.store.Close())
	r := s.send(shot{body: purchaseOf("CS2", "b2")})
	require.Equal(t, 503, r.status)
	require.Equal(t, "000005", r.fields["resultCode"])
	require.NotEmpty(t, r.header.Get("Retry-After"))
}

func TestAFloodOfUnprovedCallsIsNotWrittenDown(t *testing.T) {
	t.Parallel()
	s := open(t)
	scanned := 0
	for i := 0; scanned != 429 && i < 3000; i++ {
		scanned = s.get("").status
	}
	require.Equal(t, 429, scanned)
	statuses := map[int]int{}
	for i := 0; i < 130 || statuses[429] == 0 && i < 3000; i++ {
		statuses[s.send(shot{body: purchaseOf(fmt.Sprint("CS", i), "b"), key: "wrong"}).status]++
	}
	require.GreaterOrEqual(t, statuses[200], 100, "scanners leave room for what is signed")
	require.Positive(t, statuses[429])
	require.Equal(t, 200, s.send(shot{body: purchaseOf("CS1", "b1")}).status, "a proved call is never held up")
}

func TestAReplacedKeyProvesAndSignsDuringItsOverlap(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	set := func(key string, overlap time.Duration) {
		require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error {
			_, err := tx.SetChannelKey(ctx, 1, "basic", key, overlap)
			return err
		}))
	}
	set("the-new-key", time.Hour)
	for _, key := range []string{storetest.BasicKey, "the-new-key"} {
		r := s.send(shot{body: purchaseOf("CS-"+key, key), key: key})
		require.Equal(t, "000004", r.fields["resultCode"])
		require.NoError(t, crypt.VerifyBodySign(key, r.header.Get("Body-Sign"), r.body), "signed with the key that the caller has")
	}
	require.NoError(t, s.store.Write(ctx, func(tx *store.Tx) error { return tx.RetireOldKeys(ctx, 1, market.KeyClasses()) }))
	require.Eventually(t, func() bool {
		return s.send(shot{body: purchaseOf("CS9", "b9"), key: storetest.BasicKey}).fields["resultCode"] == "000001"
	}, time.Minute, 200*time.Millisecond, "a retired key stops proving as soon as the channel is read again")
}

func TestBodySignCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	s := open(t)
	off := false
	require.NoError(t, s.store.Write(context.Background(), func(tx *store.Tx) error {
		_, _, err := tx.SetChannel(context.Background(), store.ChannelChange{Slug: "default", BodySign: &off})
		return err
	}))
	r := s.send(shot{body: purchaseOf("CS1", "b1")})
	require.Equal(t, "000004", r.fields["resultCode"])
	require.Empty(t, r.header.Get("Body-Sign"))
}

func TestWhatIsStoredIsSealed(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.send(shot{body: purchaseOf("CS1", "b1")})
	var sealed []byte
	require.NoError(t, s.store.SQL().QueryRow(`SELECT request_sealed FROM attempts`).Scan(&sealed))
	require.False(t, bytes.Contains(sealed, []byte("newInstance")))
}
