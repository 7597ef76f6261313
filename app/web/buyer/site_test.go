package buyer_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/accesspage"
	"koodesk/app/deliver"
	"koodesk/app/market"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry/logtest"
	"koodesk/app/throttle"
	"koodesk/app/web"
	"koodesk/app/web/buyer"
	"koodesk/app/web/view"
	"koodesk/views"
)

var engine = sync.OnceValues(func() (*view.Engine, error) { return view.New(views.Console, false) })

const password = `Tr0ub4dor"<&3`

var app = market.AppInfo{FrontEndURL: "https://app.example.com/i/7", UserName: "admin@seven", Password: password,
	AdminURL: "https://app.example.com/admin", Memo: "第一行\n第二行"}

// site is the server on a real listener, of which only the buyer's page is built.
type site struct {
	t       testing.TB
	store   *store.Store
	channel *store.Channel
	pages   *accesspage.Pages
	redis   redis.UniversalClient
	base    string
	log     *logtest.Buffer
	buyer   *buyer.Buyer
	now     time.Time // zero: the real one
}

func open(t testing.TB) *site {
	t.Helper()
	return openWith(t, buyer.Limits{})
}

func openWith(t testing.TB, limits buyer.Limits) *site {
	t.Helper()
	s := &site{t: t, store: storetest.Open(t), redis: redistest.Open(t), log: &logtest.Buffer{}}
	s.channel = storetest.Channel(t, s.store, "default", "")
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.base = "http://" + l.Addr().String()
	s.pages = accesspage.New(accesspage.Options{Store: s.store, PublicURL: s.base + "/", Log: log})
	pages, err := engine()
	require.NoError(t, err)
	refuser, err := deliver.New(deliver.Options{Store: s.store, Log: log})
	require.NoError(t, err)
	s.buyer = buyer.New(buyer.Options{Pages: s.pages, Refuser: refuser, Limit: throttle.New("access", s.redis, log), Views: pages, Seller: "Seven & Co", Limits: limits,
		Zone: time.FixedZone("CST", 8*3600), Now: func() time.Time {
			if s.now.IsZero() {
				return time.Now()
			}
			return s.now
		}})
	server := web.New(web.Options{Buyer: s.buyer, Ready: func(context.Context) error { return nil }, Log: log})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, server.Shutdown(5*time.Second))
		require.NoError(t, <-done)
	})
	return s
}

func (s *site) write(do func(ctx context.Context, tx *store.Tx) error) {
	s.t.Helper()
	ctx := context.Background()
	require.NoError(s.t, s.store.Write(ctx, func(tx *store.Tx) error { return do(ctx, tx) }))
}

func (s *site) product(once bool, language string) {
	s.t.Helper()
	s.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: s.channel.ID, ProductID: "*", Driver: "static", MailLanguage: language,
			Settings: store.ProductSettings{FrontEndURL: "https://app.example.com/", OneTimeLink: once}})
		return err
	})
}

// bought is an instance that is being made; ready gives it its access data.
func (s *site) bought(id string) {
	s.t.Helper()
	_, err := s.store.SQL().Exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, product_name)
		VALUES ($1, $2, $3, '', $2, '智能客服云')`, s.channel.ID, id, "CS-"+id)
	require.NoError(s.t, err)
}

func (s *site) ready(id string) { s.readyWith(id, app) }

func (s *site) readyWith(id string, a market.AppInfo) {
	s.t.Helper()
	s.write(func(ctx context.Context, tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, id)
		if err != nil {
			return err
		}
		i.App = a
		if err := tx.SaveAccess(ctx, i); err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.Provisioned(tx.Now), store.Origin{})
	})
}

func (s *site) exec(query string) {
	s.t.Helper()
	_, err := s.store.SQL().Exec(query)
	require.NoError(s.t, err)
}

func (s *site) text(query string) (text string) {
	s.t.Helper()
	require.NoError(s.t, s.store.SQL().QueryRow(`SELECT COALESCE((`+query+`)::text, '')`).Scan(&text))
	return text
}

// link is the path of an instance's page.
func (s *site) link(id string) string {
	return strings.TrimPrefix(s.pages.URL(id, 0), s.base)
}

type answer struct {
	*goquery.Document
	status int
	header http.Header
	body   string
}

func (s *site) get(path string, header ...string) answer {
	return s.do(http.MethodGet, path, header...)
}
func (s *site) post(path string) answer { return s.do(http.MethodPost, path) }

func (s *site) do(method, path string, header ...string) answer {
	s.t.Helper()
	return s.send(method, path, nil, header...)
}

func (s *site) send(method, path string, body io.Reader, header ...string) answer {
	s.t.Helper()
	req, err := http.NewRequest(method, s.base+path, body)
	require.NoError(s.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(b))
	require.NoError(s.t, err)
	return answer{Document: doc, status: res.StatusCode, header: res.Header, body: string(b)}
}

func (a answer) state() string {
	v, _ := a.Find("[data-state]").Attr("data-state")
	return v
}

// hides requires that an answer shows nothing that only a reveal may show.
func (a answer) hides(t *testing.T) {
	t.Helper()
	for _, secret := range []string{app.UserName, "Tr0ub4dor", app.AdminURL, "第二行"} {
		require.NotContains(t, a.body, secret)
	}
}
