package provision_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// amend has a person do with an instance what a call of the marketplace does.
func (d *desk) amend(pk int64, e market.Event) {
	d.t.Helper()
	ctx := context.Background()
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return d.p.Amend(ctx, tx, i, i.On(e, tx.Now), i.ExpiresAt, ann)
	}))
}

// leftOver gives the left-over that is open, "" without one.
func (d *desk) leftOver() string {
	return d.text(`SELECT COALESCE(string_agg(concat_ws(' ', reason, driver, error ->> 'key'), ', '), '') FROM leftovers WHERE status = 'open'`)
}

// What a product made goes on hearing when its entry has another driver, as long as
// its address is known; without it somebody sees what does not hear.
func TestWhatAProductMadeHearsWhateverDriverItsEntryHasNow(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	ctx := context.Background()
	pk := h.made("CS1")
	templated := store.Product{ProductID: "*", Driver: "static", Settings: store.ProductSettings{FrontEndURL: "https://static.example.com/", WebhookURL: h.url + "/a"}}
	h.set(templated)
	h.heard = nil
	h.amend(pk, market.FreezeCame)
	h.deliver()
	require.Equal(t, []string{"/a instance.frozen"}, h.heard)
	h.market.add(t, order{ID: "CS3", Product: product})
	h.end(h.made("CS3"))
	h.deliver()
	require.Len(t, h.heard, 1, "what it did not make is nothing to it")
	require.Empty(t, h.leftOver())

	known := templated.Settings.WebhookURL
	templated.Settings.WebhookURL = ""
	h.set(templated)
	h.amend(pk, market.UnfreezeCame)
	h.deliver()
	require.Equal(t, "driver_changed webhook", h.leftOver())
	require.Equal(t, "cancelled event.address_gone", h.text(`SELECT status || ' ' || (last_error ->> 'key') FROM events WHERE type = 'instance.unfrozen'`))
	require.NoError(t, h.p.KeepLeftover(ctx, h.leftovers(store.LeftoverOpen)[0].ID, staff.Actor{Name: ann.Name, Reason: "its data is needed"}))
	h.amend(pk, market.FreezeCame)
	h.deliver()
	require.Empty(t, h.leftOver(), "somebody has seen it")
	h.end(pk)
	h.deliver()
	require.Equal(t, "undo_failed webhook event.address_gone", h.leftOver())
	require.Equal(t, h.text(`SELECT target FROM events WHERE type = 'instance.frozen' ORDER BY id LIMIT 1`), h.text(`SELECT target FROM events WHERE type = 'instance.released'`))
	released := int64(h.count(`SELECT id FROM events WHERE type = 'instance.released'`))
	require.Equal(t, "event.address_gone", fault.From(h.Resend(ctx, released, ann)).Key)
	require.Len(t, h.heard, 1)

	templated.Settings.WebhookURL = known
	h.set(templated)
	require.NoError(t, h.Resend(ctx, released, ann))
	h.deliver()
	require.Equal(t, []string{"/a instance.frozen", "/a instance.released"}, h.heard)
	require.Empty(t, h.leftOver())
}

// A purchase that its product did not finish is made by another driver: what the
// first one may have made is seen, and it hears of the end.
func TestAPurchaseThatMovesAwayFromItsProductLeavesWhatThatMayHaveMade(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	static := store.Product{ProductID: "*", Driver: "static", Settings: store.ProductSettings{FrontEndURL: "https://static.example.com/", WebhookURL: h.url + "/a"}}
	for order, answer := range map[string]int{"CS4": http.StatusAccepted, "CS5": http.StatusInternalServerError, "CS6": http.StatusNotFound} {
		h.hooked("*", "/a")
		h.status["/a"] = answer
		pk := h.begun(order)
		h.set(static)
		h.again(pk)
		require.Equal(t, "static", h.instance(pk).Driver)
		h.status["/a"], h.heard = 0, nil
		if answer == http.StatusNotFound {
			require.Empty(t, h.leftOver(), "it never had the question")
			continue
		}
		require.Equal(t, "driver_changed webhook", h.leftOver(), answer)
		h.end(pk)
		h.deliver()
		require.Equal(t, []string{"/a instance.released"}, h.heard, answer)
		require.Empty(t, h.leftOver(), answer)
	}

	// A person who gives other access data makes the instance theirs, as another driver does.
	h.hooked("*", "/a")
	i := h.instance(h.made("CS1"))
	h.set(static)
	require.NoError(t, h.p.SetAccess(context.Background(), i.InstanceID, typed, ann))
	require.Equal(t, "manual", h.instance(i.PK).Driver)
	require.Equal(t, "driver_changed webhook", h.leftOver())
	h.hooked("*", "/a")
	require.NoError(t, h.p.Provision(context.Background(), h.write(outbox.New{Kind: outbox.Provision, Purpose: outbox.Upgrade, InstancePK: i.PK, UniqueKey: "up"})))
	require.Equal(t, "webhook", h.instance(i.PK).Driver)
	require.Contains(t, h.leftOver(), "driver_changed manual", "what a person made stands where they made it")
}

// Two products that one piece of work asks, since the purchase moved in between, get
// a question each, and each hears of the end.
func TestAPurchaseThatMovesToAnotherProductAsksThatOneToo(t *testing.T) {
	t.Parallel()
	h := withHooks(t)
	ctx := context.Background()
	h.hooked("P-2", "/b")
	h.status["/a"], h.status["/b"] = http.StatusAccepted, http.StatusAccepted
	pk := h.begun("CS1")
	renewed := func(productID string) {
		_, err := h.store.SQL().Exec(`UPDATE instances SET product_id = $2 WHERE id = $1`, pk, productID)
		require.NoError(t, err)
	}
	renewed("P-2")
	h.again(pk)
	require.Equal(t, []string{"/a instance.provision", "/b instance.provision"}, h.heard)
	require.Equal(t, 2, h.count(`SELECT count(DISTINCT (webhook_id, product_id)) FROM events WHERE type = 'instance.provision'`))
	require.Equal(t, "driver_changed webhook", h.leftOver())
	require.NoError(t, h.p.KeepLeftover(ctx, h.leftovers(store.LeftoverOpen)[0].ID, staff.Actor{Name: ann.Name, Reason: "its data is needed"}))

	h.hooked("P-3", "/b")
	renewed("P-3")
	h.again(pk)
	require.Equal(t, 2, h.count(`SELECT count(*) FROM events WHERE type = 'instance.provision'`), "two entries with one address are one product")
	require.Empty(t, h.leftOver(), "the first one's was seen")
	h.set(store.Product{ProductID: "P-4", Driver: "static", Settings: store.ProductSettings{FrontEndURL: "https://static.example.com/"}})
	renewed("P-4")
	h.again(pk)
	require.Equal(t, "static", h.instance(pk).Driver)
	require.Equal(t, "driver_changed webhook", h.leftOver(), "the second one's was not")
	h.status, h.heard = map[string]int{}, nil
	h.end(pk)
	h.deliver()
	require.ElementsMatch(t, []string{"/a instance.released", "/b instance.released"}, h.heard)
	require.Empty(t, h.leftOver())
}

// begun gives an instance whose purchase was given to its driver, which did not
// finish it.
func (h *hooks) begun(orderID string) int64 {
	h.t.Helper()
	ctx := context.Background()
	h.market.add(h.t, order{ID: orderID, Product: product, Email: "zhang@example.com"})
	pk, task := h.buy(orderID)
	require.NoError(h.t, h.p.QueryOrder(ctx, task))
	task = h.next(outbox.Provision)
	if cause := h.p.Provision(ctx, task); cause != nil {
		require.NoError(h.t, h.store.Write(ctx, func(tx *store.Tx) error { return tx.Fail(ctx, task, cause, time.Now()) }))
	}
	require.Zero(h.t, h.instance(pk).AccessVersion)
	return pk
}

// again gives an instance's purchase to its driver once more, as if its time had
// come.
func (h *hooks) again(pk int64) {
	h.t.Helper()
	id := h.count(`SELECT id FROM tasks WHERE kind = 'provision' AND purpose = 'purchase' AND instance_pk = $1`, pk)
	require.NoError(h.t, h.p.Provision(context.Background(), h.claimAgain(int64(id))))
}
