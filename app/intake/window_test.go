package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
)

// window is how long after the first call of the only message KooGallery goes on.
func (d *desk) window(first time.Time) string {
	d.t.Helper()
	var until time.Time
	require.NoError(d.t, d.store.SQL().QueryRow(`SELECT COALESCE(retry_until, 'epoch') FROM messages`).Scan(&until))
	if until.Unix() == 0 {
		return "none"
	}
	return until.Sub(first).Round(time.Second).String()
}

// failsAt takes a purchase over that came at a time, and whose work is given up while
// it waits.
func (d deskV1) failsAt(came time.Time, activity string) map[string]any {
	d.t.Helper()
	before := d.text(`SELECT COALESCE(max(attempts), 0)::text FROM messages`)
	done := make(chan map[string]any, 1)
	waits := patient(d, 100*time.Hour)
	go func() {
		done <- waits.callAt(came, activity, "orderId", "CS-1", "businessId", "b"+before, "customerId", "c1", "productId", "P1", "chargingMode", "1")
	}()
	require.Eventually(d.t, func() bool {
		return d.text(`SELECT COALESCE(max(m.attempts), 0)::text FROM messages m WHERE EXISTS (SELECT 1 FROM tasks WHERE status = 'pending')`) > before
	}, time.Minute, 5*time.Millisecond)
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now();
UPDATE messages SET status = 'failed', last_error = '{"code":"internal","key":"internal"}'`)
	got := <-done
	d.exec(`UPDATE messages SET answered_at = '{}', answer_attempts = '{}'`) // when this call came, not now
	return got
}

// runsOut is the alarm that is due for the only message, and what is left then.
func (d *desk) runsOut() (alarm string, until time.Time) {
	d.t.Helper()
	require.NoError(d.t, d.store.Write(context.Background(), func(tx *store.Tx) error {
		found, err := tx.RunningOut(context.Background())
		if err != nil || len(found) == 0 {
			return err
		}
		due, _ := market.AlarmDue(found[0].Until.Add(-market.RetryWindow(found[0].Protocol, found[0].Activity)), found[0].Until, tx.Now)
		alarm, until = due.Name, found[0].Until
		return nil
	}))
	return alarm, until
}

// Whatever a V1.0 purchase is told while it waits, its time counts from the first
// call, so that both alarms come.
func TestTheHourlyCallsOfAFailingPurchaseOfV1AreOneWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ pending, activity string }{
		{store.PendingPage, market.NewInstance}, {store.PendingCode, market.NewInstance}, {store.PendingPage, market.GetLicense}} {
		name := fmt.Sprint(c)
		d := openPages(t, "https://k.example.com")
		d.pending(c.pending)
		first := time.Now().Add(-91 * time.Minute)
		require.Equal(t, "000005", d.failsAt(first, c.activity)["resultCode"], name)
		require.Equal(t, "3h0m0s", d.window(first), name)
		require.Equal(t, "000005", d.failsAt(first.Add(time.Hour), c.activity)["resultCode"], name)
		require.Equal(t, "3h0m0s", d.window(first), name)
		alarm, until := d.runsOut()
		require.Equal(t, market.AlarmHalf, alarm, name)
		require.WithinDuration(t, first.Add(3*time.Hour), until, time.Second, name)

		d.exec(`UPDATE messages SET first_received_at = first_received_at - interval '75 minutes', last_received_at = last_received_at - interval '75 minutes',
			retry_until = retry_until - interval '75 minutes'`)
		first = first.Add(-75 * time.Minute) // 2 h 46 min ago
		d.failsAt(first.Add(2*time.Hour), c.activity)
		require.Equal(t, "3h0m0s", d.window(first), name)
		alarm, until = d.runsOut()
		require.Equal(t, market.AlarmLast, alarm, name)
		require.WithinDuration(t, first.Add(3*time.Hour), until, time.Second, name)

		d.exec(`UPDATE messages SET first_received_at = first_received_at - interval '75 minutes', last_received_at = last_received_at - interval '75 minutes',
			retry_until = retry_until - interval '75 minutes'`)
		first = first.Add(-75 * time.Minute) // 4 h 1 min ago: somebody has it called again, twice
		d.failsAt(first.Add(200*time.Minute), c.activity)
		require.Equal(t, "6h20m0s", d.window(first), name)
		d.failsAt(first.Add(240*time.Minute), c.activity)
		require.Equal(t, "6h20m0s", d.window(first), "the new one stands as well: "+name)
	}
}

// What was told success has no window; if it fails later after all, the first call's
// counts while it lasts.
func TestAPurchaseOfV1ThatFailsAfterASuccessHasTheWindowOfItsFirstCall(t *testing.T) {
	t.Parallel()
	d := openPages(t, "https://k.example.com")
	first := time.Now().Add(-time.Hour)
	take := func(came time.Time) any {
		defer d.exec(`UPDATE messages SET answered_at = '{}', answer_attempts = '{}'`)
		return patient(d, briefly).callAt(came, market.NewInstance, "orderId", "CS-1", "businessId", "b0", "customerId", "c1", "productId", "P1", "chargingMode", "1")["resultCode"]
	}
	require.Equal(t, "000000", take(first))
	require.Equal(t, "none", d.window(first))
	require.Equal(t, "000000", take(first.Add(time.Minute)), "one more, and the same answer")
	require.Equal(t, "none", d.window(first))
	d.failsAt(first.Add(40*time.Minute), market.NewInstance)
	require.Equal(t, "3h0m0s", d.window(first))
	require.Equal(t, "000000", take(first.Add(50*time.Minute)))
	require.Equal(t, "none", d.window(first))
}

// One rule for all interfaces: a window that runs is kept, and a call after its end
// begins another.
func TestACallAfterTheEndBeginsANewWindow(t *testing.T) {
	t.Parallel()
	purchase := map[string]string{"activity": market.NewInstance, "orderId": "CS1", "orderLineId": "CS1-1", "businessId": "b"}
	for name, c := range map[string]struct {
		call    map[string]string
		license bool // its order has told that it is an online License
		want    [3]string
	}{
		"purchase":               {purchase, false, [3]string{"3h0m0s", "3h0m0s", "7h0m0s"}},
		"purchase of a License":  {purchase, true, [3]string{"2h0m0s", "2h0m0s", "6h0m0s"}},
		"renewal":                {map[string]string{"activity": market.RefreshInstance, "orderId": "CS1", "orderLineId": "CS1-1", "instanceId": "i", "scene": "RENEWAL", "expireTime": "20281124023618"}, false, [3]string{"2h0m0s", "2h0m0s", "6h0m0s"}},
		"change of the instance": {map[string]string{"activity": market.ReleaseInstance, "instanceId": "i"}, false, [3]string{"1h0m0s", "2h1m0s", "5h0m0s"}},
	} {
		d := open(t)
		first := time.Now().Add(-20 * time.Hour)
		call := func(after time.Duration) string {
			a := d.arrived(c.call)
			a.ReceivedAt = first.Add(after)
			_, _, err := d.intake.Handle(context.Background(), a)
			require.NoError(t, err, name)
			return d.window(first)
		}
		got := [3]string{call(0)}
		if c.license {
			d.exec(`UPDATE messages SET online_license = TRUE, retry_until = retry_until - interval '1 hour'`)
			got[0] = d.window(first)
		}
		got[1] = call(61 * time.Minute)
		call(4 * time.Hour)
		got[2] = call(4*time.Hour + 10*time.Minute)
		require.Equal(t, c.want, got, name)
	}
}
