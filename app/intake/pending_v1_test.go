package intake_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/store"
)

// openPages is a V1.0 desk that has access pages.
func openPages(t *testing.T, base string) deskV1 {
	t.Helper()
	d := openV1(t, briefly)
	d.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialectV1{}}, Wait: briefly,
		Link: func(id string, generation int) string { return fmt.Sprint(base, "/access/", id, ".", generation) },
		Log:  slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() {}})
	return d
}

// patient is the same place where calls wait that long.
func patient(d deskV1, wait time.Duration) deskV1 {
	c := *d.desk
	c.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialectV1{}}, Wait: wait,
		Link: func(string, int) string { return "https://k.example.com/access/x" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() {}})
	return deskV1{&c}
}

func (d deskV1) pending(how string) {
	c := *d.channel
	c.V1Pending = how
	*d.channel = c
}

func TestAPurchaseOfV1ThatTakesLongIsAnsweredWithTheBuyersPage(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	want := map[string]any{"resultCode": "000000", "resultMsg": "success.", "instanceId": "b1",
		"appInfo": map[string]any{"frontEndUrl": "https://k.example.com/access/b1.0"}}
	started := time.Now()
	require.Equal(t, want, d.buy1("b1"))
	require.GreaterOrEqual(t, time.Since(started), briefly, "after a wait")
	require.Equal(t, want, d.buy1("b2", "orderId", "CS-b1"), "a repeat gets the same")
	require.Equal(t, "processing 000000 ", d.text(`SELECT status || ' ' || result_code || ' ' || COALESCE(retry_until::text, '') FROM messages`),
		"the work goes on; the marketplace has no reason to come again")
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM attempts WHERE response IS NOT NULL`), "the link is sealed: it opens the page")
	require.Equal(t, []any{map[string]any{"instanceId": "b1", "appInfo": want["appInfo"]}}, d.call("queryInstance", "instanceId", "b1")["info"])

	d.exec(`UPDATE instances SET link_generation = 1`)
	require.Equal(t, "https://k.example.com/access/b1.1", d.buy1("b3", "orderId", "CS-b1")["appInfo"].(map[string]any)["frontEndUrl"],
		"a new link is what the marketplace shows from then on")
	d.exec(`UPDATE instances SET status = 'frozen', frozen_at = now()`)
	require.Contains(t, d.buy1("b4", "orderId", "CS-b1")["appInfo"].(map[string]any)["frontEndUrl"], "/access/")
	d.exec(`UPDATE instances SET status = 'active', frozen_at = NULL`)
	d.ready("b1")
	require.NotContains(t, fmt.Sprint(d.buy1("b5", "orderId", "CS-b1")), "/access/", "ready: the access data itself")
	require.NotContains(t, fmt.Sprint(d.call("queryInstance", "instanceId", "b1")), "/access/")
	d.exec(`UPDATE instances SET front_end_url = ''`)
	require.Contains(t, d.buy1("b6", "orderId", "CS-b1")["appInfo"].(map[string]any)["frontEndUrl"], "/access/", "a product without an address has the page")
}

// Duplicates that had come by the time of the first answer get it, also when the
// purchase has become ready before their turn comes; later ones get what there is.
func TestDuplicatesOfAPurchaseOfV1GetOneAnswer(t *testing.T) {
	t.Parallel()
	for how, first := range map[string]string{store.PendingPage: "000000", store.PendingCode: "000004"} {
		d := openPages(t, "https://k.example.com")
		d.pending(how)
		came := time.Now()
		duplicate := func(at time.Time, kv ...string) map[string]any {
			return d.callAt(at, "newInstance", append([]string{"orderId", "CS-b1", "businessId", "again", "customerId", "c1", "productId", "P1"}, kv...)...)
		}
		answer := d.buy1("b1")
		require.Equal(t, first, answer["resultCode"])
		d.ready("b1")
		require.Equal(t, answer, duplicate(came), how)
		require.Equal(t, answer, duplicate(came, "customerName", "another content"), how)
		now := duplicate(time.Now())
		require.Equal(t, "000000", now["resultCode"], how)
		require.NotEqual(t, answer, now, how)
		require.Equal(t, answer, duplicate(came), "a later answer is not theirs who came before the first: "+how)
		require.Equal(t, "new repeat conflict repeat repeat", d.text(`SELECT string_agg(disposition, ' ' ORDER BY id) FROM attempts`), how)
		require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks`), how)
	}
}

// Many wait together, and the purchase becomes ready while they do: whoever sees it
// first, and whoever's time is over first, speaks for all.
func TestDuplicatesOfAPurchaseOfV1WaitTogether(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	answers := make([]map[string]any, 30)
	came := time.Now()
	var all sync.WaitGroup
	for n := range answers {
		wait := time.Duration(n) * 10 * time.Millisecond // some are over before it is ready
		each := patient(d, wait+time.Millisecond)
		all.Go(func() {
			answers[n] = each.callAt(came, "newInstance", "orderId", "CS-b1", "businessId", "b1", "customerId", "c1", "productId", "P1")
		})
	}
	require.Eventually(t, func() bool { return d.text(`SELECT count(*)::text FROM instances`) == "1" }, time.Minute, time.Millisecond)
	d.ready("b1")
	all.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0], a)
	}
}

func TestAPurchaseOfV1IsAnswered000004WhereTheChannelWantsIt(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	d.pending(store.PendingCode)
	want := map[string]any{"resultCode": "000004", "resultMsg": "the request is being processed", "instanceId": "b1"}
	require.Equal(t, want, d.buy1("b1"))
	require.Equal(t, want, d.buy1("b2", "orderId", "CS-b1"))
	require.NotEmpty(t, d.text(`SELECT COALESCE(retry_until::text, '') FROM messages`), "it comes again")
	d.exec(`UPDATE instances SET provisioned_at = now(), status = 'active'`)
	require.Contains(t, d.buy1("b4", "orderId", "CS-b1")["appInfo"].(map[string]any)["frontEndUrl"], "/access/", "made, and a product without an address")
	d.exec(`UPDATE instances SET provisioned_at = NULL, status = 'provisioning'`)
	require.Equal(t, []any{map[string]any{"instanceId": "b1"}}, d.call("queryInstance", "instanceId", "b1")["info"])
	d.pending(store.PendingPage)
	require.Equal(t, "000000", d.buy1("b3", "orderId", "CS-b1")["resultCode"])
	require.Empty(t, d.text(`SELECT COALESCE(retry_until::text, '') FROM messages`))
}

func TestAPurchaseOfV1ThatWasGivenUpIsNoSuccess(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	require.Equal(t, "000000", d.buy1("b1")["resultCode"])
	done := make(chan map[string]any, 1)
	go func() { done <- patient(d, time.Hour).buy1("b2", "orderId", "CS-b1") }()
	require.Eventually(t, func() bool { return d.text(`SELECT attempts::text FROM messages`) == "2" }, time.Minute, 5*time.Millisecond)
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now(); UPDATE messages SET status = 'failed'`)
	require.Equal(t, map[string]any{"resultCode": "000005", "resultMsg": "internal error", "instanceId": "b1"}, <-done)
	require.Equal(t, "000005 t", d.text(`SELECT result_code || ' ' || (retry_until IS NOT NULL)::text::char FROM messages`), "this it does try again")
}

func TestAnAccessPageWhoseAddressIsTooLongIsNotGiven(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com/"+strings.Repeat("x", 500))
	require.Equal(t, "000004", d.buy1("b1")["resultCode"])
}

// However long the intake would wait, it counts from the call's arrival, and ends
// with the time that the call has in all.
func TestAPurchaseOfV1WaitsNoLongerThanItsCallHas(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	d.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialectV1{}}, Wait: time.Hour,
		Link: func(id string, _ int) string { return "https://k.example.com/access/" + id }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() {}})
	take := func(ctx context.Context, id string, arrived time.Time) chan string {
		a := d.arrived1(time.Now(), "newInstance", "orderId", "CS-"+id, "businessId", id, "customerId", "c1", "productId", "P1", "chargingMode", "1")
		a.ReceivedAt = arrived
		answered := make(chan string, 1)
		go func() {
			body, _, err := d.intake.Handle(ctx, a)
			if err != nil {
				body = []byte(err.Error())
			}
			answered <- string(body)
		}()
		return answered
	}
	came := func(answered chan string, id string) {
		t.Helper()
		select {
		case got := <-answered:
			require.Contains(t, got, `"resultCode":"000000"`)
			require.Contains(t, got, "https://k.example.com/access/"+id)
		case <-time.After(time.Minute):
			t.Fatal("it waits on")
		}
	}
	came(take(t.Context(), "late", time.Now().Add(-2*time.Hour)), "late")

	ctx, over := context.WithCancel(t.Context())
	answered := take(ctx, "slow", time.Now())
	require.Eventually(t, func() bool { return d.text(`SELECT count(*)::text FROM attempts`) == "2" }, time.Minute, 5*time.Millisecond, "durable before it waits")
	require.Empty(t, answered)
	over()
	came(answered, "slow")
}
