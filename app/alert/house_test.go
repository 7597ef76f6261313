package alert_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/webhook"

	"log/slog"
)

const public = "https://desk.example.com"

// noon is a zone in which it is noon now, so that nights can be set around it.
func noon() *time.Location {
	now := time.Now().UTC()
	return time.FixedZone("noon", 12*3600-now.Hour()*3600-now.Minute()*60-now.Second())
}

// house is a store with a channel, an operator, the use case, and a receiver that
// keeps what it got and answers what it is told.
type house struct {
	t        *testing.T
	store    *store.Store
	d        *alert.Desk
	operator int64
	url      string
	options  alert.Options

	mu     sync.Mutex
	got    []call
	status int
	answer string
}

type call struct {
	header http.Header
	query  url.Values
	path   string
	body   []byte
}

func (c call) json(t *testing.T) (out map[string]any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(c.body, &out))
	return out
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, store: storetest.Open(t), status: http.StatusOK}
	storetest.Channel(t, h.store, "default", "")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, call{header: r.Header, query: r.URL.Query(), path: r.URL.Path, body: b})
		w.WriteHeader(h.status)
		_, _ = io.WriteString(w, h.answer)
	}))
	t.Cleanup(s.Close)
	h.url = s.URL
	w := webhook.NewClient(webhook.Options{Allow: webhook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Timeout: 10 * time.Second})
	t.Cleanup(w.Close)
	h.options = alert.Options{Store: h.store, Email: email.None{}, SMS: sms.Log{Log: slog.New(slog.DiscardHandler)}, Webhook: w, PublicURL: public, Zone: noon()}
	h.restart()
	h.write(func(tx *store.Tx) (err error) {
		h.operator, err = tx.AddOperator(context.Background(), store.NewOperator{Email: "ann@example.com", PasswordHash: "x", Role: staff.Operator, Locale: "en"})
		return err
	})
	return h
}

// restart is a new process.
func (h *house) restart() {
	h.t.Helper()
	d, err := alert.New(h.options)
	require.NoError(h.t, err)
	h.d = d
}

func (h *house) says(status int, answer string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status, h.answer = status, answer
}

func (h *house) calls() []call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]call(nil), h.got...)
}

func (h *house) write(fn func(tx *store.Tx) error) {
	h.t.Helper()
	require.NoError(h.t, h.store.Write(context.Background(), fn))
}

func (h *house) exec(query string, args ...any) {
	h.t.Helper()
	_, err := h.store.SQL().Exec(query, args...)
	require.NoError(h.t, err)
}

func (h *house) text(query string, args ...any) (s string) {
	h.t.Helper()
	require.NoError(h.t, h.store.SQL().QueryRow(query, args...).Scan(&s))
	return s
}

// target makes a target of the operator's.
func (h *house) target(s alert.Setting) int64 {
	h.t.Helper()
	s.OperatorID, s.Enabled = h.operator, true
	if s.Name == "" {
		s.Name = s.Medium
	}
	if s.Language == "" {
		s.Language = "en"
	}
	id, _, err := h.d.SetTarget(context.Background(), s, h.operator, staff.CLI())
	require.NoError(h.t, err)
	return id
}

func (h *house) watch() {
	h.t.Helper()
	require.NoError(h.t, h.d.Watch(context.Background()))
}

// pass lets so much time pass for what was told.
func (h *house) pass(d time.Duration) {
	h.t.Helper()
	h.exec(`UPDATE alert_messages SET created_at = created_at - make_interval(secs => $1)`, d.Seconds())
	h.exec(`UPDATE alert_changes SET at = at - make_interval(secs => $1)`, d.Seconds())
	h.exec(`UPDATE alert_targets SET created_at = created_at - make_interval(secs => $1)`, d.Seconds())
	h.exec(`UPDATE alerts SET opened_at = opened_at - make_interval(secs => $1), cleared_at = cleared_at - make_interval(secs => $1)`, d.Seconds())
}

// later lets any pause after a message pass, and the time in which what is over may
// come back.
func (h *house) later() { h.pass(11 * time.Minute) }

// work runs the oldest due task as a worker would, with so many tries; it tells
// whether there was one.
func (h *house) work(tries int) (cause error, ok bool) {
	h.t.Helper()
	ctx := context.Background()
	var id int64
	if err := h.store.SQL().QueryRow(`SELECT id FROM tasks WHERE kind = 'alert' AND status = 'pending' AND run_at <= now() ORDER BY id LIMIT 1`).Scan(&id); err != nil {
		return nil, false
	}
	task, ok, err := h.store.Claim(ctx, id, time.Minute)
	require.NoError(h.t, err)
	require.True(h.t, ok)
	if cause = h.d.Deliver(ctx, task); cause == nil {
		return nil, true
	}
	h.write(func(tx *store.Tx) error {
		final := fault.From(cause).Retry.Never || task.Attempt >= tries
		if err := h.d.OnFail(ctx, tx, task, cause, final); err != nil {
			return err
		}
		retry := tx.Now
		if final {
			retry = time.Time{}
		}
		return tx.Fail(ctx, task, cause, retry)
	})
	return cause, true
}

// all runs whatever is due.
func (h *house) all() (n int) {
	h.t.Helper()
	for {
		cause, ok := h.work(1)
		if !ok {
			return n
		}
		require.NoError(h.t, cause)
		n++
	}
}

// message adds a message that fails, and that the marketplace retries so long.
func (h *house) message(order string, left time.Duration) string {
	h.t.Helper()
	return h.text(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, attempts, first_received_at, last_received_at, retry_until, last_error)
VALUES (1, 'v2', 'newInstance', $1, 'failed', '000004', $1, $1 || '-1', 1, now(), now(), now() + make_interval(secs => $2),
        '{"code":"unavailable","key":"order_query.unreachable","args":{"host":"mkt.example.com"}}')
RETURNING id::text`, order, left.Seconds())
}

// group adds an open failure group of something that fails by itself.
func (h *house) group(n int) string {
	h.t.Helper()
	return h.text(`
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error)
VALUES ($1, 1, 'newInstance', FALSE, '{"code":"unavailable","key":"order_query.unreachable","args":{"host":"mkt.example.com"}}')
RETURNING id::text`, fmt.Sprint("print-", n))
}

func (h *house) resolve(group string) {
	h.exec(`UPDATE failure_groups SET resolved_at = now() WHERE id = $1::bigint`, group)
}
