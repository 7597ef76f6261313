package deliver_test

import (
	"context"
	"io"
	"log/slog"
	"net/mail"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/deliver/sms"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

// A notice that is refused by mail is told by SMS, whatever it says, and counts
// as one notice.
func TestARefusedNoticeIsToldByTheOtherMedium(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"delivery_fallback":true,"quiet_hours":"none","daily_cap":2}`)
	ctx := context.Background()
	smtp := smtptest.Start(t)
	smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", smtptest.Always)
	o, err := email.Parse(smtp.URL())
	require.NoError(t, err)
	o.From, o.RootCAs, o.Timeout = mail.Address{Address: "service@seller.test"}, smtp.CAs(), 20*time.Second
	out := email.New(o)
	t.Cleanup(out.Close)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	k.d, err = deliver.New(deliver.Options{Store: k.s, Email: out, SMS: sms.Log{Log: log}, Domain: "seller.test", Log: log})
	require.NoError(t, err)
	p := &post{t: t, store: k.s, d: k.d}
	work := func() {
		t.Helper()
		require.NoError(t, k.d.Schedule(ctx))
		for {
			var id int64
			require.NoError(t, k.s.SQL().QueryRow(`SELECT COALESCE(min(id), 0) FROM tasks WHERE kind = $1 AND status = 'pending' AND run_at <= now()`,
				string(outbox.Notice)).Scan(&id))
			if id == 0 {
				return
			}
			_ = p.run(p.claim(id), true)
		}
	}
	pk, _ := k.instance("c1", "ann@example.com", "13800000000", 9*day)
	k.at(k.now.Add(2 * day))
	work()
	want := []string{"expiry_notice 7 email failed  ", "expiry_notice 7 sms succeeded  "}
	require.Equal(t, want, k.notices(pk))
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.Freeze(tx.Now), store.Origin{})
	}))
	work()
	want = append(want, "frozen  email failed  ", "frozen  sms succeeded  ")
	require.Equal(t, want, k.notices(pk), "two notices, not four: the day's number is two")
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.Release(tx.Now), store.Origin{})
	}))
	k.at(k.now.Add(day))
	work()
	require.Contains(t, k.notices(pk), "released  sms succeeded  ")
}
