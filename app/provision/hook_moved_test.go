package provision_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
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
