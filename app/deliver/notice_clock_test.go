package deliver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// While the database's clock is far ahead, notices are passed over, or written too
// early. Once it is set right each is told at its own time; what has left meanwhile is
// not told again, nor anything further from the expiry.
func TestWhatAClockFarAheadPassedOverIsToldAtItsTime(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"daily_cap":1}`)
	ctx := context.Background()
	right := k.now
	mail := func(customer string, left time.Duration) int64 {
		pk, _ := k.instance(customer, "ann@example.com", "", left)
		return pk
	}
	passed, early, frozen := mail("passed", 8*day), mail("early", 28*day), mail("frozen", 200*day)
	k.run()
	k.at(right.Add(22 * day)) // the one's expiry is long past; of the other 7 days are due
	require.NoError(t, k.d.Schedule(ctx))
	require.Equal(t, []string{"expiry_notice 7 email pending  "}, k.notices(early))
	left := mail("left", 8*day) // as of now: told of 7 days too early
	k.exec(`UPDATE instances SET expires_at = $2, expiry_since = $3, notice_at = '-infinity' WHERE id = $1`, left, right.Add(28*day), right)
	made := mail("made", 8*day)
	k.on(frozen, market.FreezeCame)
	k.exec(`UPDATE tasks SET run_at = run_at + interval '1 day'`) // what is there waits for another try
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(left))
	require.Equal(t, []string{"frozen  email succeeded  "}, k.notices(frozen))
	k.on(frozen, market.UnfreezeCame)
	require.NoError(t, k.d.Schedule(ctx))

	k.at(right.Add(time.Minute))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email cancelled  "}, k.notices(early), "it goes at its time")
	require.Equal(t, []string{"frozen  email succeeded  ", "unfrozen  email succeeded  "}, k.notices(frozen), "it happened")
	told := map[int64][]int{}
	for _, at := range []time.Time{right.Add(day), right.Add(13 * day), right.Add(21 * day), right.Add(23 * day), right.Add(25 * day)} {
		k.at(at)
		k.run()
		for _, pk := range []int64{passed, early, left, made} {
			told[pk] = append(told[pk], len(k.texts(pk)))
		}
	}
	require.Equal(t, []int{1, 1, 1, 1, 1}, told[passed])
	require.Equal(t, []int{0, 1, 2, 2, 3}, told[early], "15, 7 and 3 days")
	require.Equal(t, []int{1, 1, 1, 1, 2}, told[left], "7 days too early, and 3")
	require.Equal(t, []int{0, 0, 1, 2, 2}, told[made], "15 and 7 days of an expiry that was set while the clock was ahead")
	require.Contains(t, k.texts(passed)[0], "7 天")
	require.Zero(t, k.waiting(early))
}
