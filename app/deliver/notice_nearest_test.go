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

// What falls due the evening before and what falls due at midnight both wait for the
// morning: the nearer one is told then, and nothing else.
func TestANearerNoticeTakesThePlaceOfTheOneThatWaits(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	pk, _ := k.instance("c1", "", "+8613800000000", 2*day+12*time.Hour) // ends on the 3rd at 22:00
	k.at(k.now.Add(day + 12*time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 1 sms pending quiet_hours 03 09:00"}, k.notices(pk))
	k.at(k.now.Add(2 * time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 1 sms cancelled quiet_hours 03 09:00", "expiry_notice 0 sms pending quiet_hours 03 09:00"}, k.notices(pk))
	require.Equal(t, 1, k.waiting(pk), "its task ends with it")
	k.at(k.now.Add(9 * time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 1 sms cancelled quiet_hours 03 09:00", "expiry_notice 0 sms succeeded  "}, k.notices(pk))
}

// So it is when no worker works. What a person has asked for, and what may have left
// already, is seen to its end; what was about to leave does not leave any more.
func TestWorkersThatWereDownSendTheNearestNoticeAlone(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	ctx := context.Background()
	var pks []int64
	for _, customer := range []string{"waits", "asked", "unknown", "leaving", "begun"} {
		pk, _ := k.instance(customer, "ann@example.com", "", 8*day)
		pks = append(pks, pk)
	}
	k.at(k.now.Add(7 * day))
	require.NoError(t, k.d.Schedule(ctx))
	first := func(n int) (id int64) {
		require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM deliveries WHERE instance_pk = $1 AND days = 1`, pks[n]).Scan(&id))
		return id
	}
	require.NoError(t, k.d.Resend(ctx, first(1), "", ann))
	for n, change := range map[int]string{2: `outcome = 'unknown'`, 3: `status = 'running', handing_since = now()`, 4: `status = 'running'`} {
		_, err := k.s.SQL().Exec(`UPDATE deliveries SET `+change+` WHERE id = $1`, first(n))
		require.NoError(t, err)
	}
	var task int64
	require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM tasks WHERE delivery_id = $1`, first(4)).Scan(&task))
	begun, ok, err := k.s.Claim(ctx, task, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	k.at(k.now.Add(14 * time.Hour))
	require.NoError(t, k.d.Schedule(ctx))
	was := map[int]string{0: "cancelled", 1: "pending", 2: "pending", 3: "running", 4: "cancelled"}
	for n, pk := range pks {
		require.Equal(t, []string{"expiry_notice 1 email " + was[n] + "  ", "expiry_notice 0 email pending  "}, k.notices(pk), n)
	}
	err = k.s.Write(ctx, func(tx *store.Tx) error { return tx.LeaveDelivery(ctx, begun) })
	require.True(t, fault.Is(err, fault.Conflict), err)
	require.NoError(t, k.d.Deliver(ctx, begun))
	k.run()
	for _, n := range []int{0, 4} {
		require.Equal(t, []string{"expiry_notice 1 email cancelled  ", "expiry_notice 0 email succeeded  "}, k.notices(pks[n]), n)
	}
}

// Of freezes and unfreezes that follow each other while nothing goes out, the last
// alone is told; what is leaving is seen to its end.
func TestTheLastTurnAloneIsToldInTheMorning(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	ctx := context.Background()
	text, _ := k.instance("c1", "", "+8613800000000", 60*day)
	mail, _ := k.instance("c2", "ann@example.com", "", 60*day)
	leaving, _ := k.instance("c3", "bob@example.com", "", 60*day)
	k.run()
	k.at(k.now.Add(12 * time.Hour))
	for _, e := range []market.Event{market.FreezeCame, market.UnfreezeCame, market.FreezeCame} {
		for _, pk := range []int64{text, mail, leaving} {
			k.on(pk, e)
		}
		require.NoError(t, k.d.Schedule(ctx))
		_, err := k.s.SQL().Exec(`
UPDATE deliveries
   SET status = 'running',
       handing_since = CASE WHEN instance_pk = $1 THEN now() END
 WHERE kind = 'frozen'
   AND status = 'pending'
   AND instance_pk IN ($1, $2)`, leaving, mail)
		require.NoError(t, err)
		k.at(k.now.Add(30 * time.Minute))
	}
	require.Equal(t, []string{"frozen  email running  ", "unfrozen  email cancelled  ", "frozen  email running  "}, k.notices(leaving))
	_, err := k.s.SQL().Exec(`UPDATE tasks SET status = 'cancelled' WHERE instance_pk = $1`, leaving)
	require.NoError(t, err)
	k.at(k.now.Add(12 * time.Hour))
	k.run()
	require.Equal(t, []string{"frozen  sms cancelled  ", "unfrozen  sms cancelled  ", "frozen  sms succeeded  "}, k.notices(text))
	require.Equal(t, []string{"frozen  email cancelled  ", "unfrozen  email cancelled  ", "frozen  email succeeded  "}, k.notices(mail))
}

// on has a locked instance go through what came.
func (k *desk) on(pk int64, e market.Event) {
	k.t.Helper()
	ctx := context.Background()
	require.NoError(k.t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.On(e, tx.Now), store.Origin{})
	}))
}

// What finally fails once a nearer notice is there is not told by the other medium,
// nor sent again among many, which is nobody's wish for this customer.
func TestAnOvertakenNoticeDoesNotComeBack(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"delivery_fallback":true,"quiet_hours":"none"}`)
	ctx := context.Background()
	pk, _ := k.instance("c1", "ann@example.com", "+8613800000000", 8*day)
	k.at(k.now.Add(day))
	require.NoError(t, k.d.Schedule(ctx))
	k.refused(pk, func() {
		k.exec(`UPDATE deliveries SET status = 'running', handing_since = now()`)
		k.at(k.now.Add(4 * day))
		require.NoError(t, k.d.Schedule(ctx))
	})
	k.run()
	want := []string{"expiry_notice 7 email failed  ", "expiry_notice 3 email succeeded  "}
	require.Equal(t, want, k.notices(pk))
	var first int64
	require.NoError(t, k.s.SQL().QueryRow(`SELECT min(id) FROM deliveries`).Scan(&first))
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error { return k.d.ResendInBulk(ctx, tx, first, ann) }))
	k.run()
	want[0] = "expiry_notice 7 email cancelled  "
	require.Equal(t, want, k.notices(pk))
	require.NoError(t, k.d.Resend(ctx, first, "", ann))
	k.run()
	want[0] = "expiry_notice 7 email succeeded  "
	require.Equal(t, want, k.notices(pk), "it goes if somebody asks for it")
}
