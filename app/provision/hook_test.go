package provision_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	hook "koodesk/app/provision/webhook"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/webhook"
)

// hooks are the seller's products of a desk, each at an address of its own.
type hooks struct {
	*desk
	*event.Client
	url    string
	before func() // runs before a product is asked

	mu     sync.Mutex
	heard  []string // path and type of each call
	status map[string]int
}

// withHooks makes the product at /a that of every order.
func withHooks(t *testing.T) *hooks {
	t.Helper()
	h := &hooks{desk: open(t), status: map[string]int{}}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	h.url = s.URL
	allow := webhook.Allow{All: true}
	client := webhook.NewClient(webhook.Options{Allow: allow})
	t.Cleanup(client.Close)
	h.Client = event.NewClient(event.Options{Store: h.store, Webhook: client})
	h.drivers[hook.Name] = hook.Driver{Allow: allow, Ask: h}
	h.hooked("*", "/a")
	h.market.add(t, order{ID: "CS1", Product: product, Email: "zhang@example.com"})
	h.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Created: "20261102000000"})
	return h
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var b strings.Builder
	_ = r.Write(&b)
	_, rest, _ := strings.Cut(b.String(), `"type":"`)
	eventType, _, _ := strings.Cut(rest, `"`)
	h.mu.Lock()
	h.heard = append(h.heard, r.URL.Path+" "+eventType)
	status := h.status[r.URL.Path]
	h.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
	}
	_, _ = w.Write([]byte(`{"front_end_url":"https://e.cn` + r.URL.Path + `"}`))
}

// Ask asks a product, after whatever comes before.
func (h *hooks) Ask(ctx context.Context, q event.Question) (event.Asked, error) {
	if h.before != nil {
		h.before()
	}
	return h.Client.Ask(ctx, q)
}

// hooked has the product at a path make what is bought by productID.
func (h *hooks) hooked(productID, path string) {
	h.t.Helper()
	h.set(store.Product{ProductID: productID, Driver: hook.Name, Secret: "0123456789abcdef0123456789",
		Settings: store.ProductSettings{WebhookURL: h.url + path}})
}

// upgrade has an instance become what CS2 bought, up to its provisioning.
func (h *hooks) upgrade(pk int64) {
	h.t.Helper()
	ctx := context.Background()
	require.NoError(h.t, h.p.QueryOrder(ctx, h.write(outbox.New{Kind: outbox.OrderQuery, Purpose: outbox.Upgrade, InstancePK: pk,
		OrderID: "CS2", OrderLineID: "CS2-000001", UniqueKey: "u"})))
	require.NoError(h.t, h.p.Provision(ctx, h.next(outbox.Provision)))
}

// end releases an instance as a person does, with all that follows.
func (d *desk) end(pk int64) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return d.p.End(ctx, tx, i, ann)
	}))
}

// deliver does what event tasks there are; one that fails is given up.
func (h *hooks) deliver() {
	h.t.Helper()
	ctx := context.Background()
	for range h.count(`SELECT count(*) FROM tasks WHERE kind = 'event' AND status = 'pending'`) {
		task := h.next(outbox.Event)
		cause := h.Deliver(ctx, task)
		if cause == nil {
			continue
		}
		require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
			if err := h.OnFail(ctx, tx, task, cause, true); err != nil {
				return err
			}
			return tx.Fail(ctx, task, cause, time.Time{})
		}))
	}
}

// A product that is asked to make an instance hears of its end; one whose end it
// could not hear of is not asked.
func TestAProductIsNotAskedForWhatWasReleasedJustNow(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	ctx := context.Background()
	pk, task := h.buy("CS1")
	require.NoError(t, h.p.QueryOrder(ctx, task))
	h.before = func() { h.end(pk) }
	task = h.next(outbox.Provision)
	require.Equal(t, "provision.changed_meanwhile", fault.From(h.p.Provision(ctx, task)).Key)
	h.before = nil
	require.NoError(t, h.p.Provision(ctx, task))
	require.Empty(t, h.heard)
	require.Zero(t, h.count(`SELECT count(*) FROM events`))
}

// A purchase that the marketplace has given up ends by a person's hand, also where
// no driver can undo it: a product with a webhook hears of it.
func TestAGivenUpPurchaseOfAProductEnds(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	ctx := context.Background()
	h.status["/a"] = http.StatusInternalServerError
	pk, task := h.buy("CS1")
	require.NoError(t, h.p.QueryOrder(ctx, task))
	task = h.next(outbox.Provision)
	h.fail(task, h.p.Provision(ctx, task))
	l := h.givenUp()
	require.Equal(t, "order_failed webhook", l.Reason+" "+l.Driver)
	_, err := h.store.SQL().Exec(`INSERT INTO provision_claims (instance_pk, claimed_by) VALUES ($1, $2)`, pk, ann.Name)
	require.NoError(t, err)
	require.NoError(t, h.p.UndoLeftover(ctx, l.ID, ann))
	begun := h.leftovers(store.LeftoverOpen)
	require.Len(t, begun, 1)
	require.Equal(t, "by_hand manual", begun[0].Reason+" "+begun[0].Driver, "the person may have begun")
	require.NoError(t, h.p.LeftoverGone(ctx, begun[0].ID, staff.Actor{Name: ann.Name, Reason: "nothing was begun"}))
	require.Equal(t, market.Released, h.instance(pk).Status)
	require.Len(t, h.leftovers(store.LeftoverGone), 2)
	require.Equal(t, "instance.provision instance.released", h.text(`SELECT string_agg(type, ' ' ORDER BY id) FROM events WHERE to_product`))

	h.deliver()
	l = h.leftovers(store.LeftoverOpen)[0]
	require.Equal(t, "undo_failed webhook webhook.status", l.Reason+" "+l.Driver+" "+l.Error.Key, "it has not heard of the end")
	h.status["/a"] = 0
	require.NoError(t, h.Resend(ctx, int64(h.count(`SELECT id FROM events WHERE type = 'instance.released'`)), ann))
	h.deliver()
	require.Len(t, h.leftovers(store.LeftoverGone), 2)
}

// Nobody is there to hear of the end when the entry was taken away meanwhile.
func TestWhatAProductMadeThatIsGoneIsLeftOver(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	h.end(h.made("CS1"))
	_, err := h.store.SQL().Exec(`DELETE FROM products`)
	require.NoError(t, err)
	h.deliver()
	l := h.leftovers(store.LeftoverOpen)
	require.Len(t, l, 1)
	require.Equal(t, "undo_failed webhook event.address_gone", l[0].Reason+" "+l[0].Driver+" "+l[0].Error.Key)
}

// An instance that another of the seller's products makes now still stands at the
// first one: a person sees it, and both hear of the end.
func TestEachProductThatWasAskedHearsOfTheEnd(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	h.hooked("P-2", "/b")
	pk := h.made("CS1")
	h.upgrade(pk)
	l := h.leftovers(store.LeftoverOpen)
	require.Len(t, l, 1)
	require.Equal(t, "driver_changed webhook", l[0].Reason+" "+l[0].Driver)
	require.NoError(t, h.p.KeepLeftover(context.Background(), l[0].ID, staff.Actor{Name: ann.Name, Reason: "its data is needed"}))
	h.market.add(t, order{ID: "CS2", Type: "CHANGE", Product: "P-2", Linear: 7, Created: "20261103000000"})
	require.NoError(t, h.p.Provision(context.Background(), h.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: pk, UniqueKey: "again"})))
	require.Empty(t, h.leftovers(store.LeftoverOpen), "within one product nothing is left")
	h.heard = nil
	h.end(pk)
	h.deliver()
	require.Equal(t, []string{"/b instance.released", "/a instance.released"}, h.heard)
}

// Two products that take the end at the same moment close what was left over.
func TestProductsThatHearOfTheEndTogetherLeaveNothing(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	ctx := context.Background()
	h.hooked("P-2", "/b")
	pk := h.made("CS1")
	h.upgrade(pk)
	h.end(pk)
	take := func(path string) func(*store.Tx) error {
		id := h.count(`SELECT id FROM events WHERE type = 'instance.released' AND to_product AND target LIKE '%' || $1`, path)
		return func(tx *store.Tx) error {
			if err := tx.EndEventTry(ctx, int64(id), store.EventTry{At: time.Now(), Status: outbox.Succeeded}); err != nil {
				return err
			}
			return tx.EndHeard(ctx, pk)
		}
	}
	first, second, done := take("/a"), take("/b"), make(chan error, 1)
	require.NoError(t, h.store.Write(ctx, func(tx *store.Tx) error {
		err := first(tx)
		go func() { done <- h.store.Write(ctx, second) }()
		require.Eventually(t, func() bool { // it waits for this one, or is through
			return len(done) == 1 || h.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
		}, time.Minute, 5*time.Millisecond)
		return err
	}))
	require.NoError(t, <-done)
	require.Len(t, h.leftovers(store.LeftoverGone), 1)
}

// late does an event task out of its turn and, if that fails, has it wait for an
// hour; it gives the fault's key.
func (h *hooks) late(id int64) string {
	h.t.Helper()
	ctx := context.Background()
	task := h.claimAgain(id)
	cause := h.Deliver(ctx, task)
	if cause == nil {
		return ""
	}
	require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error {
		if err := h.OnFail(ctx, tx, task, cause, false); err != nil {
			return err
		}
		return tx.Fail(ctx, task, cause, time.Now().Add(time.Hour))
	}))
	return fault.From(cause).Key
}

// Each product has its events in order, whatever becomes of another's.
func TestADeadProductHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	ctx := context.Background()
	h.hooked("P-2", "/b")
	pk := h.made("CS1")
	h.upgrade(pk)
	h.end(pk)
	require.NoError(t, h.store.Write(ctx, func(tx *store.Tx) error {
		return event.Emit(ctx, tx, event.New{Channel: h.channel.ID, Type: event.InstanceFrozen, InstancePK: pk, ProductID: "P-2", Subject: "message/9"})
	}))
	taskOf := func(eventType, path string) int64 {
		return int64(h.count(`SELECT task_id FROM events WHERE to_product AND type = $1 AND target LIKE '%' || $2`, eventType, path))
	}
	b, a, last := taskOf(event.InstanceReleased, "/b"), taskOf(event.InstanceReleased, "/a"), taskOf(event.InstanceFrozen, "/b")
	require.IsIncreasing(t, []int64{b, a, last})
	h.status["/b"] = http.StatusInternalServerError
	require.Equal(t, "webhook.status", h.late(b))
	require.Equal(t, "event.waits_turn", h.late(last))
	h.hooked("*", "/b")
	require.Equal(t, "event.waits_turn", h.late(a), "two entries with one address are one product")
	h.hooked("*", "/a")
	require.Empty(t, h.late(a))

	_, err := h.store.SQL().Exec(`WITH again AS (UPDATE events SET status = 'pending' WHERE task_id = $1)
UPDATE tasks SET status = 'pending', attempts = 0, round = round + 1, run_at = now() + interval '1 hour' WHERE id IN ($1, $2)`, a, last)
	require.NoError(t, err)
	h.status["/b"] = 0
	require.Empty(t, h.late(b))
	require.Equal(t, int(last), h.count(`SELECT id FROM tasks WHERE kind = 'event' AND status = 'pending' AND run_at <= now()`), "its own next")
}

// Two entries with one address are one product.
func TestOneProductWithTwoEntriesHearsOnce(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	h.hooked("P-2", "/a")
	pk := h.made("CS1")
	h.upgrade(pk)
	require.Empty(t, h.leftovers(store.LeftoverOpen))
	h.heard = nil
	h.end(pk)
	h.deliver()
	require.Equal(t, []string{"/a instance.released"}, h.heard)
}

// What a product hands in after its 202 to an upgrade is its own as before.
func TestAnUpgradeThatTheProductHandsInIsNobodyElses(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	i := h.instance(h.made("CS1"))
	h.status["/a"] = http.StatusAccepted
	h.upgrade(i.PK)
	bigger := i.App
	bigger.UserName = "bigger"
	require.NoError(t, h.p.SetAccess(context.Background(), i.InstanceID, bigger, staff.Actor{Name: "token:crm", Source: "token"}))
	require.Equal(t, "bigger webhook", h.instance(i.PK).App.UserName+" "+h.instance(i.PK).Driver)
	require.Equal(t, "succeeded", h.text(`SELECT status FROM tasks WHERE purpose = 'upgrade' AND kind = 'provision'`))
	h.end(i.PK)
	require.Empty(t, h.leftovers(store.LeftoverOpen))
}

// What the seller's product made no template knows: a person brings it in line.
func TestAnUpgradeThatTheNewDriverCannotDoWaitsForAPerson(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	h.set(store.Product{ProductID: "P-2", Driver: "static", Settings: store.ProductSettings{FrontEndURL: "https://big.example.com/"}})
	i := h.instance(h.made("CS1"))
	h.upgrade(i.PK)
	h.waitsForPerson(i.InstanceID)
	require.Equal(t, "driver_changed webhook", h.text(`SELECT reason || ' ' || driver FROM leftovers`))
	require.NoError(t, h.p.SetAccess(context.Background(), i.InstanceID, h.instance(i.PK).App, ann), "it is right as it is")
	require.Equal(t, "succeeded", h.text(`SELECT status FROM tasks WHERE purpose = 'upgrade' AND kind = 'provision'`))
	h.heard = nil
	h.end(i.PK)
	h.deliver()
	require.Equal(t, []string{"/a instance.released"}, h.heard)
	require.Len(t, h.leftovers(store.LeftoverGone), 1)
}

// waitsForPerson holds that an instance's upgrade stands on the work list.
func (d *desk) waitsForPerson(instanceID string) {
	d.t.Helper()
	work, err := d.store.Reader().WorkList(context.Background(), store.ForPerson, store.Paging{})
	require.NoError(d.t, err)
	require.Len(d.t, work.Items, 1)
	require.Equal(d.t, instanceID+" upgrade person", work.Items[0].InstanceID+" "+string(work.Items[0].Purpose)+" "+work.Items[0].For)
	waiting, err := d.store.Reader().InstanceList(context.Background(), store.InstanceFilter{Waiting: true}, store.Paging{})
	require.NoError(d.t, err)
	require.Len(d.t, waiting.Items, 1)
	require.True(d.t, waiting.Items[0].Waiting)
	require.Equal(d.t, instanceID, waiting.Items[0].InstanceID)
}

// givenUp has the marketplace give up what failed, and gives what is left of it.
func (d *desk) givenUp() store.LeftoverRow {
	d.t.Helper()
	_, err := d.store.SQL().Exec(`UPDATE messages SET retry_until = now() - interval '1 hour'`)
	require.NoError(d.t, err)
	require.NoError(d.t, d.p.FindLeftovers(context.Background()))
	l := d.leftovers(store.LeftoverOpen)
	require.Len(d.t, l, 1)
	return l[0]
}
