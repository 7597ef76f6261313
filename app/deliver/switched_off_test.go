package deliver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// product sets the entry of every product of the channel.
func (k *desk) product(s store.ProductSettings) {
	k.t.Helper()
	ctx := context.Background()
	require.NoError(k.t, k.s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: k.channel, ProductID: "*", Driver: "manual", MailLanguage: "en", Settings: s})
		return err
	}))
}

// refused claims the newest task of an instance's messages, lets something happen
// meanwhile, and has its message finally refused.
func (k *desk) refused(pk int64, meanwhile func()) {
	k.t.Helper()
	ctx := context.Background()
	var id int64
	require.NoError(k.t, k.s.SQL().QueryRow(`SELECT max(id) FROM tasks WHERE instance_pk = $1 AND status = 'pending'`, pk).Scan(&id))
	task, ok, err := k.s.Claim(ctx, id, time.Minute)
	require.NoError(k.t, err)
	require.True(k.t, ok)
	meanwhile()
	require.NoError(k.t, k.s.Write(ctx, func(tx *store.Tx) error {
		if err := k.d.OnFail(ctx, tx, task, fault.New(fault.Refused, "delivery.refused"), true); err != nil {
			return err
		}
		return tx.Complete(ctx, task)
	}))
}

func (k *desk) waiting(pk int64) (n int) {
	k.t.Helper()
	require.NoError(k.t, k.s.SQL().QueryRow(`SELECT count(*) FROM tasks WHERE instance_pk = $1 AND status NOT IN ('succeeded', 'cancelled')`, pk).Scan(&n))
	return n
}

func TestAHeldNoticeWhoseKindIsSwitchedOffIsCancelled(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	ctx := context.Background()
	off, _ := k.instance("c1", "", "+8613800000000", 9*day)
	k.run()
	k.at(k.now.Add(2*day + 12*time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms pending quiet_hours 04 09:00"}, k.notices(off))
	k.product(store.ProductSettings{NoticesOff: []string{market.ExpiryNotice}})
	k.at(k.now.Add(11 * time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms cancelled quiet_hours 04 09:00"}, k.notices(off))
	require.Zero(t, k.waiting(off))

	// A person may send it all the same.
	var id int64
	require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM deliveries WHERE instance_pk = $1`, off).Scan(&id))
	require.NoError(t, k.d.Resend(ctx, id, "", ann))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms succeeded  "}, k.notices(off))
}

func TestAQueuedNoticeThatItsCustomerDoesNotWantIsCancelled(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	ctx := context.Background()
	pk, _ := k.instance("c1", "ann@example.com", "", 8*day)
	other, _ := k.instance("c2", "bob@example.com", "", 8*day)
	k.at(k.now.Add(day))
	require.NoError(t, k.d.Schedule(ctx))
	// Written beside the notice's own transaction: nothing has cancelled it yet.
	_, err := k.s.SQL().Exec(`INSERT INTO customer_wishes (channel_id, customer, off) VALUES ($1, 'c1', '{expiry_notice}')`, k.channel)
	require.NoError(t, err)
	// Whose first worker died before it left is still to be asked for.
	_, err = k.s.SQL().Exec(`UPDATE deliveries SET status = 'running' WHERE instance_pk = $1`, pk)
	require.NoError(t, err)
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email cancelled  "}, k.notices(pk))
	require.Zero(t, k.waiting(pk))
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(other))
}

func TestWhatIsSwitchedOffIsNotToldByTheOtherMedium(t *testing.T) {
	t.Parallel()
	settings := store.ProductSettings{DeliveryFallback: true, QuietHours: "none"}
	none := settings
	none.NoticesOff = []string{market.ExpiryNotice}
	k := openDesk(t, `{"delivery_fallback":true,"quiet_hours":"none"}`)
	ctx := context.Background()
	byProduct, _ := k.instance("c1", "ann@example.com", "13800000000", 8*day)
	byCustomer, id := k.instance("c2", "bob@example.com", "13800000001", 8*day)
	late, _ := k.instance("c3", "eve@example.com", "13800000002", 8*day)
	k.at(k.now.Add(day))
	require.NoError(t, k.d.Schedule(ctx))
	k.refused(byCustomer, func() {
		_, err := k.s.SQL().Exec(`INSERT INTO customer_wishes (channel_id, customer, off) VALUES ($1, 'c2', '{expiry_notice}')`, k.channel)
		require.NoError(t, err, id)
	})
	require.Equal(t, []string{"expiry_notice 7 email failed  "}, k.notices(byCustomer))
	k.refused(late, func() {})
	k.refused(byProduct, func() { k.product(none) })
	require.Equal(t, []string{"expiry_notice 7 email failed  "}, k.notices(byProduct))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email failed  ", "expiry_notice 7 sms cancelled  "}, k.notices(late), "a fall-back that waits is a notice too")

	// What a person has sent again goes the other way too.
	var failed int64
	require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM deliveries WHERE instance_pk = $1`, byProduct).Scan(&failed))
	require.NoError(t, k.d.Resend(ctx, failed, "", ann))
	k.refused(byProduct, func() {})
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email failed  ", "expiry_notice 7 sms succeeded  "}, k.notices(byProduct))
}
