package deliver_test

import (
	"context"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/deliver/sms"
	"koodesk/app/store"
	"koodesk/app/telemetry/logtest"
)

// KooGallery's terms end with the last second of a day: "N days before" is that
// calendar day from its beginning, by SMS from the end of the quiet hours on, and
// the text says N.
func TestDaysBeforeTheLastSecondOfADayAreCalendarDays(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	ends := time.Date(2027, 4, 15, 23, 59, 59, 0, zone)
	mail, id := k.instance("c1", "ann@example.com", "", ends.Sub(k.now))
	text, _ := k.instance("c2", "", "+8613800000000", ends.Sub(k.now))
	k.run()
	says := map[int]string{30: "30 天", 15: "15 天", 7: "7 天", 3: "3 天", 1: "明天", 0: "今天"}
	for n, days := range []int{30, 15, 7, 3, 1, 0} {
		begins := time.Date(2027, 4, 15-days, 0, 0, 0, 0, zone)
		next, err := k.d.NoticesOf(context.Background(), id)
		require.NoError(t, err)
		require.Equal(t, days, next.Next.Days)
		require.True(t, next.Next.At.Equal(begins), "%d: %v", days, next.Next.At)
		k.at(begins.Add(-time.Second))
		k.run()
		require.Len(t, k.notices(mail), n, "%d days before: a second too early", days)
		k.at(begins)
		k.run()
		require.Len(t, k.notices(mail), n+1, "%d days before", days)
		k.at(begins.Add(9 * time.Hour))
		k.run()
		for _, pk := range []int64{mail, text} {
			got := k.texts(pk)
			require.Len(t, got, n+1, "%d days before", days)
			require.Contains(t, got[n], says[days])
		}
	}
}

// Where the customer's day ends at another time, such an expiry is like any other.
func TestDaysBeforeAnotherTimeOfDayAreHours(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"expiry_days":[1]}`)
	for _, c := range []struct {
		zone     string
		ends, at time.Time
	}{
		{"Europe/Berlin", time.Date(2027, 4, 15, 15, 59, 59, 0, time.UTC), time.Date(2027, 4, 14, 15, 59, 59, 0, time.UTC)},
		{"Asia/Shanghai", time.Date(2027, 4, 15, 15, 58, 59, 0, time.UTC), time.Date(2027, 4, 14, 15, 58, 59, 0, time.UTC)},
		{"Asia/Shanghai", time.Date(2027, 4, 15, 16, 0, 0, 0, time.UTC), time.Date(2027, 4, 14, 16, 0, 0, 0, time.UTC)},
		{"Asia/Shanghai", time.Date(2027, 4, 15, 15, 59, 0, 0, time.UTC), time.Date(2027, 4, 13, 16, 0, 0, 0, time.UTC)},
		// The night from the 27th to the 28th of March is an hour shorter in Berlin.
		{"Europe/Berlin", time.Date(2027, 3, 28, 21, 59, 59, 0, time.UTC), time.Date(2027, 3, 26, 23, 0, 0, 0, time.UTC)},
	} {
		_, id := k.instance("c-"+c.ends.String(), "ann@example.com", "", c.ends.Sub(k.now))
		require.NoError(t, k.d.SetWishes(context.Background(), id, store.Wishes{Zone: c.zone}, ann))
		next, err := k.d.NoticesOf(context.Background(), id)
		require.NoError(t, err)
		require.True(t, next.Next.At.Equal(c.at), "%s %v: %v", c.zone, c.ends, next.Next.At)
	}
}

// A notice that is tried again, or sent again, on another day says how many days are
// left then. One that may have arrived goes out as it was, so that its receiver can
// tell the repeat.
func TestANoticeCountsTheDaysThatAreLeftWhenItGoes(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	k := openDesk(t, `{"expiry_days":[3],"daily_cap":-1}`)
	p := &post{t: t, store: k.s, smtp: smtptest.Start(t), log: &logtest.Buffer{}}
	var err error
	p.d, err = deliver.New(deliver.Options{Store: k.s, Email: mailer(t, p.smtp, func(o *email.Options) { o.Dedupes = true }),
		SMS: sms.Log{Log: p.logger()}, Domain: "seller.test", Zone: shanghai(t), Log: p.logger(), Wake: func() { p.wakes++ }})
	require.NoError(t, err)
	ends := time.Date(2027, 4, 15, 23, 59, 59, 0, shanghai(t))
	pk, _ := k.instance("c1", "ann@example.com", "", ends.Sub(k.now))
	try := func(at time.Time) error {
		t.Helper()
		k.at(at)
		require.NoError(t, p.d.Schedule(ctx))
		var task int64
		require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM tasks WHERE status = 'pending' AND delivery_id IS NOT NULL AND run_at <= now()`).Scan(&task))
		return p.run(p.claim(task), false)
	}
	p.smtp.Reply(smtptest.RcptTo, 450, "4.2.0 greylisted", 2)
	require.Error(t, try(ends.Add(-3*day-time.Minute)))
	var id int64
	require.NoError(t, k.s.SQL().QueryRow(`SELECT id FROM deliveries WHERE instance_pk = $1`, pk).Scan(&id))
	first := p.delivery(id)
	require.Contains(t, first.Content.Text, "3 天")
	require.Error(t, try(ends.Add(-3*day)))
	require.Equal(t, 2, p.delivery(id).Attempts)
	require.Equal(t, first.Content, p.delivery(id).Content, "the midnight comes a second later")
	require.Equal(t, first.MessageRef, p.delivery(id).MessageRef)

	p.smtp.Drop(smtptest.Taken, 1) // taken, and the answer lost
	require.Error(t, try(ends.Add(-2*day)))
	require.NoError(t, try(ends.Add(-day)))
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.NoError(t, try(ends.Add(-day)))
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.NoError(t, try(ends.Add(-time.Hour)))
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.NoError(t, try(ends.Add(time.Hour)))
	refs := map[string]bool{first.MessageRef: true}
	for n, m := range p.arrived(5) {
		require.Contains(t, m.Text, []string{"2 天", "2 天", "明天", "今天", "已到期"}[n])
		require.Equal(t, n == 1, refs[m.Get("Message-Id")], "what says something else is no repeat")
		refs[m.Get("Message-Id")] = true
		if n == 4 {
			require.Equal(t, m.Text, p.delivery(id).Content.Text, "kept as sent")
		}
	}
}

// texts are what has been sent so far.
func (k *desk) texts(pk int64) (out []string) {
	k.t.Helper()
	var ids pq.Int64Array
	require.NoError(k.t, k.s.SQL().QueryRow(`SELECT array_agg(id ORDER BY id) FROM deliveries WHERE instance_pk = $1 AND status = 'succeeded'`, pk).Scan(&ids))
	for _, id := range ids {
		d, err := k.s.Reader().Delivery(context.Background(), id)
		require.NoError(k.t, err)
		out = append(out, d.Content.Text)
	}
	return out
}
