package deliver_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	gateway "koodesk/app/deliver/sms/webhook"
	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// bureau is a post whose SMS leave by a gateway of the seller's own, which does with
// its calls what it is told.
type bureau struct {
	*post
	mu   sync.Mutex
	fate []http.HandlerFunc // what becomes of the next calls; those after them are taken
	ids  []string           // of the calls that came in
}

func openBureau(t *testing.T, o webhook.Options) *bureau {
	t.Helper()
	b := &bureau{post: open(t, true)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		b.mu.Lock()
		b.ids = append(b.ids, r.Header.Get(webhook.HeaderID))
		do := answers(http.StatusAccepted)
		if len(b.fate) > 0 {
			do, b.fate = b.fate[0], b.fate[1:]
		}
		b.mu.Unlock()
		do(w, r)
	}))
	t.Cleanup(server.Close)
	o.Allow = webhook.Allow{Nets: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	client := webhook.NewClient(o)
	t.Cleanup(client.Close)
	var err error
	b.d, err = deliver.New(deliver.Options{Store: b.store, Email: mailer(t, b.smtp), SMS: gateway.New(gateway.Options{URL: server.URL,
		Secret: "a-secret-of-enough-characters", Client: client}), Domain: "seller.test", Log: b.logger()})
	require.NoError(t, err)
	return b
}

// becomes says what becomes of the next calls.
func (b *bureau) becomes(fate ...http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fate = fate
}

// call is the id of the n-th call that came in.
func (b *bureau) call(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[n]
}

func answers(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// hangUp takes a call and gives no answer.
func hangUp(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// toldBySMS is the delivery of a customer who would be told by mail if it were refused.
func (b *bureau) toldBySMS() int64 {
	b.t.Helper()
	b.fallBack(true)
	pk, id := b.told("not an address", phone)
	b.write(pk, func(tx *store.Tx, i *store.Instance) error { // it was put right meanwhile
		i.Email = address
		return tx.SaveOrder(b.t.Context(), i, []byte("{}"))
	})
	return id
}

// toldAlready tells whether no restart takes a task along.
func (p *post) toldAlready(task int64) (yes bool) {
	p.t.Helper()
	require.NoError(p.t, p.store.Write(p.t.Context(), func(tx *store.Tx) (err error) {
		yes, err = tx.ToldAlready(p.t.Context(), 0, task)
		return err
	}))
	return yes
}

// A gateway does one thing once: what it may have taken is given to it again, as the
// same, and is not told by mail beside it.
func TestWhatAGatewayMayHaveTakenIsToldByNothingElse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, last http.HandlerFunc
		key         string
	}{
		"no answer":             {hangUp, hangUp, deliver.ErrOutcomeUnknown},
		"a proxy got no answer": {answers(http.StatusGatewayTimeout), answers(http.StatusBadGateway), deliver.ErrOutcomeUnknown},
		"refused later":         {hangUp, answers(http.StatusUnprocessableEntity), "sms.refused"},
		"failed later":          {hangUp, answers(http.StatusInternalServerError), "webhook.status"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, webhook.Options{})
			id := b.toldBySMS()
			b.becomes(c.first, c.last)
			require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(b.run(b.next(), false)).Key)
			require.Equal(t, "pending unknown", b.delivery(id).Status+" "+b.delivery(id).Outcome)
			last := b.next()
			require.Equal(t, c.key, fault.From(b.run(last, true)).Key)
			require.Equal(t, "failed unknown", b.delivery(id).Status+" "+b.delivery(id).Outcome)
			require.False(t, b.toldAlready(last.ID), "a restart has it sent again")
			require.Equal(t, b.call(0), b.call(1), "the gateway can tell the repeat")
			require.Equal(t, 1, b.count(`SELECT count(*) FROM deliveries`), "no fall-back")
		})
	}
}

// What waits for its turn at the gateway has not left, and waits as if nothing had been
// begun: whatever takes its place finds it.
func TestWhatWaitsForItsTurnAtTheGatewayHasNotLeft(t *testing.T) {
	t.Parallel()
	b := openBureau(t, webhook.Options{AtOnce: 1, Patience: time.Millisecond, Timeout: time.Minute})
	first, second := b.toldBySMS(), b.toldBySMS()
	entered, held := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	b.becomes(func(http.ResponseWriter, *http.Request) { close(entered); <-held })
	done, task := make(chan error, 1), b.next()
	go func() { done <- b.d.Deliver(context.Background(), task) }()
	<-entered
	require.True(t, b.delivery(first).Handing, "this one is leaving")
	require.Equal(t, "webhook.busy", fault.From(b.run(b.next(), false)).Key)
	d := b.delivery(second)
	require.False(t, d.Handing)
	require.Equal(t, "pending queued 0", fmt.Sprint(d.Status, " ", d.Outcome, " ", d.Attempts))
	release()
	require.NoError(t, <-done)
	b.becomes(answers(http.StatusUnprocessableEntity))
	require.Equal(t, "sms.refused", fault.From(b.run(b.next(), false)).Key)
	require.Equal(t, 1, b.count(`SELECT count(*) FROM deliveries WHERE fallback_of = $1`, second), "so a refusal is one")
}

// What the gateway reports while it is called counts more than how the call ends.
func TestAReportDuringTheHandOverSettlesIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says       deliver.Outcome
		end        http.HandlerFunc
		want       string
		deliveries int
	}{
		"taken, and no answer":     {deliver.HandedOver, hangUp, "succeeded handed_over 0", 1},
		"arrived, and an error":    {deliver.Delivered, answers(http.StatusInternalServerError), "succeeded delivered 0", 1},
		"refused, and no answer":   {deliver.Refused, hangUp, "failed refused 1", 2},
		"it cannot say, and stops": {deliver.Unknown, answers(http.StatusInternalServerError), "failed unknown 1", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, webhook.Options{})
			id := b.toldBySMS()
			b.becomes(func(w http.ResponseWriter, r *http.Request) {
				b.report(strings.TrimPrefix(r.Header.Get(webhook.HeaderID), "sms_"), c.says)
				c.end(w, r)
			})
			require.Equal(t, c.says == deliver.Unknown, b.run(b.next(), true) != nil)
			require.Equal(t, c.want, b.text(`SELECT status || ' ' || outcome || ' ' || (last_error IS NOT NULL)::int FROM deliveries WHERE id = $1`, id))
			require.Equal(t, c.deliveries, b.count(`SELECT count(*) FROM deliveries`), "a fall-back for what was refused, once")
		})
	}
}

// Whatever has ended with an unknown outcome is settled by who knows better.
func TestAReportSettlesWhatIsUnknown(t *testing.T) {
	t.Parallel()
	b := openBureau(t, webhook.Options{})
	ctx := t.Context()
	lost, gone := b.toldBySMS(), b.toldBySMS()
	_, err := b.store.SQL().Exec(`UPDATE deliveries SET outcome = 'unknown', outcome_at = now(), status = CASE id WHEN $1 THEN 'failed' ELSE 'cancelled' END`, lost)
	require.NoError(t, err)
	require.NoError(t, b.d.Report(ctx, lost, deliver.Report{Outcome: deliver.Delivered}, ann), "a worker died of each of its tries")
	require.Equal(t, "succeeded delivered", b.delivery(lost).Status+" "+b.delivery(lost).Outcome)
	for _, says := range []deliver.Outcome{deliver.Refused, deliver.Delivered} {
		b.report(deliver.TagForTest(gone, b.delivery(gone).MessageRef), says)
		require.Equal(t, "cancelled "+string(says), b.delivery(gone).Status+" "+b.delivery(gone).Outcome, "another one took its place")
	}
	require.Equal(t, 2, b.count(`SELECT count(*) FROM deliveries`), "and no third")
}

// One that still waits is tried now: as what it was, and with what is known of it.
func TestResendingWhatMayHaveArrivedAndStillWaitsIsARepeat(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(b *bureau, id int64, task outbox.Task){
		"the answer was lost": func(b *bureau, _ int64, task outbox.Task) {
			b.becomes(hangUp)
			require.Error(b.t, b.run(task, false))
		},
		"the process died": func(b *bureau, id int64, task outbox.Task) {
			require.NoError(b.t, b.d.Deliver(b.t.Context(), task))
			_, err := b.store.SQL().Exec(`UPDATE deliveries SET status = 'running', outcome = 'queued', outcome_at = NULL, handing_since = now()`)
			require.NoError(b.t, err)
			_, err = b.store.SQL().Exec(`UPDATE tasks SET status = 'pending', finished_at = NULL, run_at = now() + interval '1 hour'`)
			require.NoError(b.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := openBureau(t, webhook.Options{})
			id := b.toldBySMS()
			lose(b, id, b.next())
			since := b.text(`SELECT COALESCE(outcome_at, handing_since) FROM deliveries`)
			require.NoError(t, b.d.Resend(t.Context(), id, "", ann))
			require.Equal(t, "pending unknown", b.delivery(id).Status+" "+b.delivery(id).Outcome)
			b.becomes(answers(http.StatusUnprocessableEntity))
			require.Error(t, b.run(b.next(), false))
			require.Equal(t, b.call(0), b.call(1), "the gateway can tell the repeat")
			require.Equal(t, "failed unknown", b.delivery(id).Status+" "+b.delivery(id).Outcome)
			require.Equal(t, since, b.text(`SELECT outcome_at FROM deliveries`), "unknown since then")
			require.Equal(t, 1, b.count(`SELECT count(*) FROM deliveries`), "no fall-back")

			require.NoError(t, b.d.Resend(t.Context(), id, "", ann))
			require.NoError(t, b.run(b.next(), false))
			require.NotEqual(t, b.call(1), b.call(2), "now it is another one")
		})
	}
}

func (b *bureau) report(tag string, says deliver.Outcome) {
	known, err := b.d.Take(context.Background(), deliver.SMS, []deliver.Report{{Tag: tag, Outcome: says, At: time.Now()}})
	if err != nil || known != 1 {
		b.t.Errorf("the report was not taken: %d %v", known, err)
	}
}
