package retention_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/retention"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// asks erases on request.
func (b bench) asks(w store.Whose, force bool) (retention.Result, error) {
	by := staff.CLI()
	by.Reason = "asked"
	return retention.New(retention.Options{Store: b.s}).EraseCustomer(context.Background(), retention.Request{Channel: "default", Whose: w, Force: force}, by)
}

// What somebody holds locked at the moment of the erasure is told as left, and comes
// again: by the next run, and by a second request, which says that it found something.
func TestWhatIsLockedIsErasedLater(t *testing.T) {
	t.Parallel()
	for row, left := range map[string]store.ErasureLeft{"messages WHERE id = 2": {Messages: 1}, "tasks WHERE id = 1": {Tasks: 1}, "tasks WHERE id = 6": {Tasks: 1}} {
		for _, request := range []bool{false, true} {
			t.Run(row, func(t *testing.T) {
				t.Parallel()
				b := open(t)
				b.customerEverywhere()
				b.end()
				other, err := b.s.SQL().Begin()
				require.NoError(t, err)
				_, err = other.Exec(`SELECT id FROM ` + row + ` FOR SHARE`)
				require.NoError(t, err)
				ann := store.Whose{Customer: "ann"}
				first, err := b.asks(ann, false)
				require.NoError(t, err)
				require.Equal(t, left, first.Left)
				require.NoError(t, other.Rollback())
				require.NotEmpty(t, b.marked())
				if !request {
					b.run(retention.Days{})
					require.Empty(t, b.marked())
					require.Empty(t, b.ids(`SELECT id FROM retention_held`))
					return
				}
				again, err := b.asks(ann, false)
				require.NoError(t, err)
				require.Equal(t, store.ErasedCounts{Errors: 1}, again.Counts)
				require.False(t, again.Before)
				require.Empty(t, b.marked())
				last, err := b.asks(ann, false)
				require.NoError(t, err)
				require.Equal(t, retention.Result{Record: again.Record, At: again.At, Before: true}, last)
			})
		}
	}
}

// What is still used is said to be, by whichever of its names it is asked for, and the
// request is refused unless it is forced.
func TestWhatIsInUseIsSaidToBe(t *testing.T) {
	t.Parallel()
	b := open(t)
	person := b.s.Keys().SealString(seal.Customer, marker)
	b.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, customer_id, customer_name) VALUES (1, 'i1', 'CS1', 'CS1-1', 'b', 'active', 'ann', $1)`, marker)
	b.exec(`
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, customer_id, customer_name, real_name_sealed)
SELECT 1, o, o || '-1', 'instance', 'known', 'ann', $1, $2 FROM unnest('{CS1,CS2}'::text[]) o`, marker, person)
	b.exec(`INSERT INTO instance_orders (instance_pk, order_pk, purpose) VALUES (1, 1, 'purchase'), (1, 2, 'renewal')`)
	b.exec(`
INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask, status, order_id, customer_id, answer_sealed)
VALUES (1, $1, '\x07', 'm', 'ALIVE', 'CS5', 'bob', $2)`, b.s.Keys().SealString(seal.LicenseCode, "c"), b.s.Keys().Seal(seal.LicenseCode, []byte(marker)))
	all := b.marked()
	for _, w := range []store.Whose{{Order: "CS1"}, {Order: "CS2"}, {Customer: "ann"}, {Customer: "bob"}, {Order: "CS5"}} {
		_, err := b.asks(w, false)
		require.ErrorContains(t, err, "erasure.in_use", "%+v", w)
		require.Equal(t, "1", fault.From(err).Args["n"], "%+v", w)
		forced, err := b.asks(w, true)
		require.NoError(t, err)
		require.Equal(t, retention.Result{InUse: 1}, forced, "%+v", w)
	}
	require.Equal(t, all, b.marked())
}

// Calls that come later about an authorization code, or about an order of which only
// refused calls were there, go with the next run; not once the order is in use.
func TestLateCallsOfCodesAndOfRefusedOrdersGoToo(t *testing.T) {
	t.Parallel()
	b, ctx := open(t), context.Background()
	payload := b.s.Keys().Seal(seal.Payload, []byte(marker))
	b.exec(`
INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask, status, order_id, customer_id, released_at, answer_sealed)
VALUES (1, $1, '\x07', 'm', 'RELEASED', 'CS5', 'bob', now() - interval '200 days', $2)`, b.s.Keys().SealString(seal.LicenseCode, "c"), b.s.Keys().Seal(seal.LicenseCode, []byte(marker)))
	call := func(protocol, activity, key, order string) {
		b.exec(`
WITH m AS (
    INSERT INTO messages AS m (channel_id, protocol, activity, idem_key, status, order_id, first_received_at, last_received_at)
    VALUES (1, $1, $2, $3, 'failed', $4, now(), now())
    ON CONFLICT (channel_id, test, idem_key) DO UPDATE
       SET last_received_at = now()
    RETURNING id
)
INSERT INTO attempts (message_id, at, source, disposition, request_sealed) SELECT id, now(), 'marketplace', 'repeat', $5 FROM m`, protocol, activity, key, order, payload)
	}
	code := func() { call("license-code", "releaseLicenseCode", "code", "") }
	code()
	b.exec(`INSERT INTO license_code_events (code_id, kind, message_id) VALUES (1, 'status', 1)`)
	call("v2", "newInstance", "invalid/1", "CS7")
	for _, w := range []store.Whose{{Customer: "bob"}, {Order: "CS7"}} {
		_, err := b.asks(w, false)
		require.NoError(t, err)
	}
	require.Empty(t, b.marked())
	inAnHour := func() {
		require.NoError(t, retention.New(retention.Options{Store: b.s, Now: func() time.Time { return time.Now().Add(time.Hour) }}).Run(ctx))
	}
	for _, late := range []func(){code, func() { call("v2", "newInstance", "invalid/1", "CS7") }, func() { call("v2", "newInstance", "invalid/2", "CS7") }} {
		late()
		require.NotEmpty(t, b.marked())
		inAnHour()
		require.Empty(t, b.marked())
		require.Empty(t, b.ids(`SELECT id FROM retention_held`))
	}
	require.NoError(t, b.s.Write(ctx, func(tx *store.Tx) error { // an order notice, of which the marketplace is asked
		if _, err := tx.NoticeOrder(ctx, 1, "CS7", "CS7-1", time.Now()); err != nil {
			return err
		}
		_, err := tx.KeepOrder(ctx, store.OrderRef{ChannelID: 1, OrderID: "CS7", OrderLineID: "CS7-1"}, "notice", market.Order{OrderID: "CS7"}, []byte(marker))
		return err
	}))
	require.NotEmpty(t, b.marked())
	inAnHour()
	require.Empty(t, b.marked(), "nor does what an order notice brings stay")
	b.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status) VALUES (1, 'i7', 'CS7', 'CS7-1', 'b', 'active')`)
	call("v2", "newInstance", "invalid/3", "CS7")
	inAnHour()
	require.NotEmpty(t, b.marked(), "it is a customer's in use")
}

// Work may be written for what is being erased: a reference to it waits for nobody.
func TestAnErasureLocksNobodyOut(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.customerEverywhere()
	b.end()
	ctx := context.Background()
	for kind, task := range map[string]string{store.EraseInstances: "instance_pk", store.EraseOrders: "order_pk", store.EraseCodes: "license_code_id", store.EraseCalls: "message_id"} {
		id := int64(1)
		if kind == store.EraseCalls {
			id = 6
		}
		require.NoError(t, b.s.Write(ctx, func(tx *store.Tx) error {
			if _, _, err := tx.Erase(ctx, kind, []int64{id}); err != nil {
				return err
			}
			other, err := b.s.SQL().Begin()
			if err != nil {
				return err
			}
			defer func() { _ = other.Rollback() }()
			if _, err := other.Exec(`SET LOCAL lock_timeout = '200ms'`); err != nil {
				return err
			}
			_, err = other.Exec(`INSERT INTO tasks (kind, unique_key, `+task+`) VALUES ('event', $1, $2)`, kind, id)
			require.NoError(t, err, kind)
			return nil
		}))
	}
}
