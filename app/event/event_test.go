package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/webhook"
)

// house is a store with a channel, the use case, and a receiver that keeps what
// it got and can be told what to answer.
type house struct {
	t       *testing.T
	store   *store.Store
	channel *store.Channel
	c       *event.Client
	url     string

	mu     sync.Mutex
	got    []call
	answer func(http.ResponseWriter)
}

type call struct {
	id, signature string
	at            string
	body          string
	Type          string
	Data          map[string]any
}

var loopback = webhook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

const secret = "a-secret-of-the-subscriber-32-ch"

func open(t *testing.T, change ...func(*event.Options)) *house {
	t.Helper()
	h := &house{t: t, store: storetest.Open(t), answer: func(http.ResponseWriter) {}}
	h.channel = storetest.Channel(t, h.store, "default", "")
	s := httptest.NewServer(http.HandlerFunc(h.receive))
	t.Cleanup(s.Close)
	h.url = s.URL
	w := webhook.NewClient(webhook.Options{Allow: loopback, Timeout: 5 * time.Second})
	t.Cleanup(w.Close)
	o := event.Options{Store: h.store, Webhook: w}
	for _, f := range change {
		f(&o)
	}
	h.c = event.NewClient(o)
	return h
}

func (h *house) receive(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil || webhook.Verify(r.Header, b, time.Now(), secret) != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c := call{id: r.Header.Get(webhook.HeaderID), signature: r.Header.Get(webhook.HeaderSignature), at: r.Header.Get(webhook.HeaderTimestamp), body: string(b)}
	_ = json.Unmarshal(b, &c)
	h.mu.Lock()
	h.got = append(h.got, c)
	answer := h.answer
	h.mu.Unlock()
	answer(w)
}

func (h *house) answers(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = func(w http.ResponseWriter) { w.WriteHeader(status) }
}

func (h *house) calls() []call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]call(nil), h.got...)
}

func (h *house) subscribe(name string, types ...string) {
	h.t.Helper()
	_, _, _, err := h.c.SetTarget(context.Background(), event.Subscription{Channel: "default", Name: name, URL: h.url, Secret: secret,
		Types: types, Enabled: true}, staff.CLI())
	require.NoError(h.t, err)
}

func (h *house) write(fn func(tx *store.Tx) error) {
	h.t.Helper()
	require.NoError(h.t, h.store.Write(context.Background(), fn))
}

// instance adds an instance.
func (h *house) instance(order string) *store.Instance {
	h.t.Helper()
	n := &store.NewInstance{WantedID: "i-" + order, SpareID: "s-" + order}
	n.ChannelID, n.Protocol, n.Status, n.OrderID, n.OrderLineID, n.BusinessID = h.channel.ID, market.V2, market.Provisioning, order, order+"-1", "b-"+order
	h.write(func(tx *store.Tx) error { _, err := tx.AddInstance(context.Background(), n); return err })
	i, err := h.store.Reader().InstancePK(context.Background(), n.PK)
	require.NoError(h.t, err)
	return i
}

func (h *house) emit(i *store.Instance, eventType, subject string) {
	h.t.Helper()
	h.write(func(tx *store.Tx) error {
		return event.Emit(context.Background(), tx, event.New{Channel: h.channel.ID, Type: eventType, InstancePK: i.PK, Subject: subject,
			Data: map[string]string{"instance_id": i.InstanceID, "subject": subject}})
	})
}

// work runs the oldest due task as a worker would, with so many tries; it tells
// whether there was one.
func (h *house) work(tries int) (cause error, ok bool) {
	h.t.Helper()
	ctx := context.Background()
	var id int64
	if err := h.store.SQL().QueryRow(`SELECT id FROM tasks WHERE kind = 'event' AND status = 'pending' AND run_at <= now() ORDER BY id LIMIT 1`).Scan(&id); err != nil {
		return nil, false
	}
	task, ok, err := h.store.Claim(ctx, id, time.Minute)
	require.NoError(h.t, err)
	require.True(h.t, ok)
	cause = h.c.Deliver(ctx, task)
	if cause == nil {
		return nil, true
	}
	h.write(func(tx *store.Tx) error {
		f := fault.From(cause)
		if f.Retry.Free {
			return tx.Postpone(ctx, task, cause, tx.Now.Add(f.Retry.After))
		}
		final := f.Retry.Never || task.Attempt >= tries
		if err := h.c.OnFail(ctx, tx, task, cause, final); err != nil {
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

func (h *house) text(query string, args ...any) (s string) {
	h.t.Helper()
	require.NoError(h.t, h.store.SQL().QueryRow(query, args...).Scan(&s))
	return s
}

func TestWithoutATargetNothingIsWritten(t *testing.T) {
	t.Parallel()
	h := open(t)
	i := h.instance("CS1")
	h.emit(i, event.InstanceFrozen, "message/1")
	h.subscribe("crm", event.InstanceReleased)
	h.emit(i, event.InstanceFrozen, "message/2")
	require.Equal(t, "0 0", h.text(`SELECT (SELECT count(*) FROM events) || ' ' || (SELECT count(*) FROM tasks)`))
}

func TestAnEventIsWrittenOnceForEachTargetAndSentSigned(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.subscribe("crm")
	h.subscribe("billing", event.InstanceFrozen)
	i := h.instance("CS1")
	h.emit(i, event.InstanceFrozen, "message/1")
	h.emit(i, event.InstanceFrozen, "message/1")
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM events`))
	for range 2 {
		cause, ok := h.work(3)
		require.NoError(t, cause)
		require.True(t, ok)
	}
	got := h.calls()
	require.Len(t, got, 2)
	require.NotEqual(t, got[0].id, got[1].id)
	require.Equal(t, got[0].body, got[1].body)
	require.Equal(t, event.InstanceFrozen, got[0].Type)
	require.Equal(t, i.InstanceID, got[0].Data["instance_id"])
	require.Equal(t, "succeeded 1 200", h.text(`SELECT DISTINCT concat_ws(' ', status, attempts, http_status) FROM events`))
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM events e WHERE e::text LIKE '%'||$1||'%'`, i.InstanceID), "sealed")
}

func TestEveryTryOfAnEventHasTheSameIDAndAFreshSignature(t *testing.T) {
	t.Parallel()
	tries := 0
	h := open(t, func(o *event.Options) { // each try comes a minute after the one before
		o.Now = func() time.Time { tries++; return time.Now().Add(time.Duration(tries-3) * time.Minute) }
	})
	h.subscribe("crm")
	h.emit(h.instance("CS1"), event.InstanceRenewed, "message/1")
	h.answers(500)
	cause, _ := h.work(2)
	require.Equal(t, "webhook.status", fault.From(cause).Key)
	require.Equal(t, "pending webhook.status", h.text(`SELECT concat_ws(' ', status, last_error->>'key') FROM events`))
	_, _ = h.work(2)
	require.Equal(t, "failed 2", h.text(`SELECT concat_ws(' ', status, attempts) FROM events`))
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM event_attempts WHERE http_status = 500 AND signature LIKE 'v1,%'`))

	h.answers(200)
	require.NoError(t, h.c.Resend(context.Background(), 1, staff.CLI()))
	require.Equal(t, "restart.under_way", fault.From(h.c.Resend(context.Background(), 1, staff.CLI())).Key)
	require.Equal(t, "1", h.text(`SELECT count(*)::text FROM tasks WHERE kind = 'event'`), "and is not sent by a second task")
	cause, ok := h.work(2)
	require.NoError(t, cause)
	require.True(t, ok)
	require.NoError(t, h.c.Resend(context.Background(), 1, staff.CLI()), "also one that was taken")
	_, ok = h.work(2)
	require.True(t, ok)
	got := h.calls()
	require.Len(t, got, 4)
	signed, dated := map[string]bool{}, map[string]bool{}
	for _, c := range got {
		require.Equal(t, got[0].id, c.id)
		require.Equal(t, got[0].body, c.body)
		signed[c.signature], dated[c.at] = true, true
	}
	require.Len(t, dated, 4, "each try is dated anew")
	require.Len(t, signed, 4)
	require.Equal(t, "succeeded 2", h.text(`SELECT concat_ws(' ', status, resends) FROM events`))
	require.Equal(t, "2", h.text(`SELECT count(*)::text FROM audit WHERE action = 'event.resend'`))
}

func TestAWorkerThatDiesSendsTheSameIDAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	h.subscribe("crm")
	h.emit(h.instance("CS1"), event.InstanceRenewed, "message/1")
	task, ok, err := h.store.Claim(ctx, 1, time.Nanosecond)
	require.NoError(t, err)
	require.True(t, ok)
	require.Eventually(t, func() bool { n, err := h.store.Recover(ctx); return err == nil && n == 1 }, time.Minute, 5*time.Millisecond)
	require.Equal(t, "task.lease_lost", fault.From(h.c.Deliver(ctx, task)).Key, "what the lost worker still sent is not written as done")
	_, ok = h.work(3)
	require.True(t, ok)
	got := h.calls()
	require.Len(t, got, 2, "at least once")
	require.Equal(t, got[0].id, got[1].id)
	require.Equal(t, "succeeded", h.text(`SELECT status FROM events`))
}

func TestEventsOfAnInstanceKeepTheirOrderAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.subscribe("crm")
	one, two := h.instance("CS1"), h.instance("CS2")
	for n, step := range []string{event.InstanceFrozen, event.InstanceUnfrozen, event.InstanceReleased} {
		h.emit(one, step, fmt.Sprint("message/", n))
	}
	h.emit(two, event.InstanceFrozen, "message/9")
	h.answers(503)
	_, _ = h.work(2)                   // frozen fails once
	h.write(func(tx *store.Tx) error { // and waits
		_, err := h.store.SQL().Exec(`UPDATE tasks SET run_at = now() + interval '1 hour' WHERE id = 1`)
		return err
	})
	h.answers(200)
	for _, want := range []string{"event.waits_turn", "event.waits_turn", ""} {
		cause, ok := h.work(2)
		require.True(t, ok)
		if want != "" {
			require.Equal(t, want, fault.From(cause).Key)
			continue
		}
		require.NoError(t, cause, "the other instance's")
	}
	require.Equal(t, "0", h.text(`SELECT max(attempts)::text FROM tasks WHERE id IN (2, 3)`), "waiting is no try")
	_, err := h.store.SQL().Exec(`UPDATE tasks SET run_at = now() WHERE id = 1`)
	require.NoError(t, err)
	for range 3 { // each calls the next
		cause, ok := h.work(2)
		require.NoError(t, cause)
		require.True(t, ok)
	}
	var order []string
	for _, c := range h.calls() {
		if c.Data["instance_id"] == one.InstanceID {
			order = append(order, c.Type)
		}
	}
	require.Equal(t, []string{event.InstanceFrozen, event.InstanceFrozen, event.InstanceUnfrozen, event.InstanceReleased}, order)
}

func TestAnEventThatWasGivenUpHoldsNothingUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.subscribe("crm")
	i := h.instance("CS1")
	h.emit(i, event.InstanceFrozen, "message/1")
	h.emit(i, event.InstanceUnfrozen, "message/2")
	h.answers(410)
	cause, _ := h.work(5)
	require.Equal(t, "webhook.gone", fault.From(cause).Key)
	require.Equal(t, "failed", h.text(`SELECT status FROM events WHERE id = 1`))
	h.answers(200)
	cause, ok := h.work(5)
	require.NoError(t, cause)
	require.True(t, ok)
}

func TestAnEventGoesWithItsTransaction(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.subscribe("crm")
	i := h.instance("CS1")
	err := h.store.Write(context.Background(), func(tx *store.Tx) error {
		if err := event.Emit(context.Background(), tx, event.New{Channel: h.channel.ID, Type: event.InstanceFrozen, InstancePK: i.PK, Subject: "x"}); err != nil {
			return err
		}
		return errors.New("something else went wrong")
	})
	require.Error(t, err)
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM events`))
	require.Contains(t, outbox.Kinds(), outbox.Event)
}
