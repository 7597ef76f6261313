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
	"koodesk/app/fault"
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
	text := func(query string) (s string) {
		t.Helper()
		require.NoError(t, k.s.SQL().QueryRow(query).Scan(&s))
		return s
	}
	pk, id := k.instance("c1", "ann@example.com", "13800000000", 9*day)
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
	_, err = k.s.SQL().Exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, instance_id, attempts, first_received_at, last_received_at)
VALUES ($1, 'v2', 'releaseInstance', 'r', 'succeeded', '000000', '', '', $2, 1, now(), now())`, k.channel, id)
	require.NoError(t, err)
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		return tx.SaveState(ctx, i, i.Release(tx.Now), store.Origin{MessageID: 1})
	}))
	k.at(k.now.Add(day))
	require.NoError(t, k.d.Schedule(ctx))
	next := func() (n int64) {
		t.Helper()
		require.NoError(t, k.s.SQL().QueryRow(`SELECT min(id) FROM tasks WHERE kind = $1 AND status = 'pending'`, string(outbox.Notice)).Scan(&n))
		return n
	}
	const message = `SELECT status || ' ' || COALESCE(last_error ->> 'key', '') FROM messages`
	_ = p.run(p.claim(next()), true)
	require.Equal(t, "1", text(`SELECT count(*) FROM tasks WHERE message_id = 1 AND status = 'pending'`), "the fall-back")
	require.Equal(t, "succeeded ", text(message), "what is told of a release is not its work")
	task, cause := p.claim(next()), fault.New(fault.Refused, "sms.refused", "code", "E1")
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		if err := k.d.OnFail(ctx, tx, task, cause, true); err != nil {
			return err
		}
		return tx.Fail(ctx, task, cause, time.Time{})
	}))
	require.Contains(t, k.notices(pk), "released  sms failed  ")
	require.Equal(t, "succeeded ", text(message))
}
