package deliver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
)

// A notice that was called off before it left is no notice: once what called it off
// is over, its customer is told, and of several the nearest. What has left, or may
// have, is not told again.
func TestANoticeThatWasCalledOffIsToldLater(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"daily_cap":-1}`)
	ctx := context.Background()
	in := func(customer string, left time.Duration) (int64, string) {
		return k.instance(customer, "", "+8613800000000", left)
	}
	cold, _ := in("frozen", 8*day+12*time.Hour)
	off, id := in("off", 8*day+12*time.Hour)
	long, _ := in("long", 8*day+12*time.Hour)
	lost, _ := in("lost", 8*day+12*time.Hour)
	told, _ := in("told", 8*day)
	begun, _ := in("begun", 8*day+12*time.Hour)
	k.at(k.now.Add(day))
	k.run()
	k.at(k.now.Add(12 * time.Hour)) // ten in the evening
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms succeeded  "}, k.notices(told))
	for _, pk := range []int64{cold, off, long, lost, begun} {
		require.Equal(t, []string{"expiry_notice 7 sms pending quiet_hours 03 09:00"}, k.notices(pk))
	}
	require.NoError(t, k.d.SetWishes(ctx, id, store.Wishes{Off: []string{market.ExpiryNotice}}, ann))
	for _, pk := range []int64{cold, long, lost, told, begun} {
		k.on(pk, market.FreezeCame)
	}
	k.exec(`UPDATE deliveries SET status = 'running', handing_since = now() WHERE instance_pk = $1`, lost)
	k.exec(`UPDATE deliveries SET status = 'running' WHERE instance_pk = $1`, begun)
	k.at(k.now.Add(12 * time.Hour))
	k.run()
	for _, pk := range []int64{cold, off, long, lost, begun} {
		require.Contains(t, k.notices(pk)[0], "expiry_notice 7 sms cancelled")
	}
	require.NoError(t, k.d.SetWishes(ctx, id, store.Wishes{}, ann))
	for _, pk := range []int64{cold, lost, told, begun} {
		k.on(pk, market.UnfreezeCame)
	}
	k.at(k.now.Add(time.Hour))
	for range 2 {
		k.run()
		for _, pk := range []int64{cold, off, begun} {
			require.Equal(t, "expiry_notice 7 sms succeeded  ", k.notices(pk)[0])
			require.Contains(t, k.texts(pk)[0], "6 天")
			require.Zero(t, k.waiting(pk))
		}
	}
	for _, pk := range []int64{lost, told} {
		require.Len(t, k.texts(pk), map[int64]int{lost: 2, told: 3}[pk], "frozen, unfrozen, and the notice of the one that was told")
	}
	k.at(k.now.Add(4 * day)) // three days before
	k.on(long, market.UnfreezeCame)
	k.run()
	require.Equal(t, []string{"expiry_notice 7 sms cancelled quiet_hours 03 09:00", "frozen  sms succeeded  ", "expiry_notice 3 sms succeeded  ",
		"unfrozen  sms succeeded  "}, k.notices(long), "the nearest alone")
}

// What calls a notice off and what ends that do not miss each other: a worker that
// comes while an instance is being unfrozen waits for it.
func TestANoticeWaitsForWhatIsBeingSaidOfItsInstance(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	ctx := context.Background()
	pk, _ := k.instance("c1", "ann@example.com", "", 8*day)
	k.at(k.now.Add(day))
	require.NoError(t, k.d.Schedule(ctx))
	k.on(pk, market.FreezeCame)
	var id int64
	require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM tasks WHERE instance_pk = $1`, pk).Scan(&id))
	task, ok, err := k.s.Claim(ctx, id, time.Hour)
	require.NoError(t, err)
	require.True(t, ok)
	worked := make(chan error, 1)
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		go func() { worked <- k.d.Deliver(ctx, task) }()
		require.Eventually(t, func() bool {
			var waits bool
			err := k.s.SQL().QueryRow(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits)
			return len(worked) == 1 || err == nil && waits
		}, time.Minute, 5*time.Millisecond)
		return tx.SaveState(ctx, i, i.On(market.UnfreezeCame, tx.Now), store.Origin{})
	}))
	require.NoError(t, <-worked)
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(pk))
}

func (k *desk) exec(statement string, args ...any) {
	k.t.Helper()
	_, err := k.s.SQL().Exec(statement, args...)
	require.NoError(k.t, err)
}

// A renewal is told once, however often it is said. One that was taken back and comes
// again is another one.
func TestARenewalThatComesAgainIsToldAgain(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"daily_cap":-1}`)
	ctx := context.Background()
	mail, _ := k.instance("c1", "ann@example.com", "", 60*day)
	text, _ := k.instance("c2", "", "+8613800000000", 60*day)
	begun, _ := k.instance("c3", "bob@example.com", "", 60*day)
	was, is := k.now.Add(60*day), k.now.Add(90*day)
	to := func(at time.Time, pks ...int64) {
		t.Helper()
		for _, pk := range pks {
			require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
				i, err := tx.LockInstancePK(ctx, pk)
				if err != nil {
					return err
				}
				return tx.SaveState(ctx, i, i.SetExpiry(at), store.Origin{})
			}))
		}
	}
	for _, at := range []time.Time{is, is, was, is, is} {
		to(at, mail)
		k.run()
	}
	require.Equal(t, []string{"renewed  email succeeded  ", "renewed  email succeeded  "}, k.notices(mail))

	k.at(k.now.Add(12 * time.Hour)) // ten in the evening
	to(is, text, begun)
	require.NoError(t, k.d.Schedule(ctx))
	k.exec(`UPDATE deliveries SET status = 'running' WHERE instance_pk = $1`, begun) // its worker died before it left
	to(was, text, begun)
	to(is, text, begun)
	k.run()
	k.at(k.now.Add(12 * time.Hour))
	k.run()
	require.Equal(t, []string{"renewed  sms cancelled  ", "renewed  sms succeeded  "}, k.notices(text))
	require.Equal(t, []string{"renewed  email cancelled  ", "renewed  email succeeded  "}, k.notices(begun))
}
