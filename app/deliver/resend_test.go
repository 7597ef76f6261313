package deliver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/store"
)

const (
	waitLong = 20 * time.Second
	waitTick = 5 * time.Millisecond
)

func TestResendToACorrectedAddress(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	pk, id := p.told("zhang at example", "")
	require.Equal(t, "delivery.bad_email", fault.From(p.run(p.next(), false)).Key)
	before := p.delivery(id)
	require.Equal(t, "failed", before.Status)

	require.NoError(t, p.d.Resend(ctx, id, "  "+address+" ", ann))
	require.Equal(t, "cancelled", p.text(`SELECT status FROM tasks WHERE unique_key LIKE 'deliver/usage%'`), "nobody need look after it any more")
	require.NoError(t, p.run(p.next(), false))
	m := p.arrived(1)[0]
	require.Equal(t, []string{address}, m.To)
	require.Equal(t, "<"+address+">", m.Get("To"))
	d := p.delivery(id)
	require.Equal(t, "succeeded", d.Status)
	require.Equal(t, 1, d.Resends)
	require.Equal(t, store.MaskEmail(address), d.ToMask)
	require.NotEqual(t, before.MessageRef, d.MessageRef)
	require.Equal(t, d.MessageRef, m.Get("Message-Id"))
	require.Equal(t, before.Content, d.Content, "the content is used as it was stored")
	i, err := p.store.Reader().InstancePK(ctx, pk)
	require.NoError(t, err)
	require.Equal(t, "zhang at example", i.Email, "for this delivery alone")
	require.Equal(t, "delivery.resend operator:ann@example.com 192.0.2.7", p.text(`SELECT action || ' ' || actor || ' ' || host(remote_ip) FROM audit`))
	require.Equal(t, "true", p.text(`SELECT detail->>'corrected' FROM audit`))
	require.Equal(t, 1, p.wakes)
	p.leaksNothing()
}

func TestResendingWhatWasSentIsANewSending(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	_, id := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	for range 2 {
		require.NoError(t, p.d.Resend(ctx, id, "", ann))
		require.NoError(t, p.run(p.next(), false))
	}
	refs := map[string]bool{}
	for _, m := range p.arrived(3) {
		refs[m.Get("Message-Id")] = true
		require.Equal(t, []string{address}, m.To)
	}
	require.Len(t, refs, 3)
	require.Equal(t, 2, p.delivery(id).Resends)
	require.Equal(t, 1, p.count(`SELECT count(*) FROM tasks WHERE unique_key = 'deliver/resend/' || $1 || '/2'`, id))
}

func TestResendingWhatStillWaitsSendsItNow(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	_, id := p.told(address, "")
	p.smtp.Reply(smtptest.End, 452, "4.3.1 full", 1)
	require.Error(t, p.run(p.next(), false))
	p.later()
	before := p.delivery(id).MessageRef
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.Equal(t, 1, p.count(`SELECT count(*) FROM tasks WHERE kind = 'deliver'`), "no second mail")
	require.Equal(t, 1, p.count(`SELECT count(*) FROM tasks WHERE kind = 'deliver' AND run_at <= now()`))
	require.Equal(t, before, p.delivery(id).MessageRef)
	require.NoError(t, p.run(p.next(), false))
	p.arrived(1)
}

// later has what waits to be sent wait for another hour.
func (p *post) later() {
	p.t.Helper()
	_, err := p.store.SQL().Exec(`UPDATE tasks SET run_at = now() + interval '1 hour' WHERE kind = 'deliver'`)
	require.NoError(p.t, err)
}

// What has ended is another sending when it is sent again, whatever its task does by
// then: with the old Message-ID it would be taken for a repeat.
func TestResendingWhatHasEndedIsANewSendingThoughATaskWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end    func(p *post)
		status string
	}{
		"unknown, and its task restarted": {func(p *post) { p.smtp.Drop(smtptest.Taken, 1) }, "failed"},
		"refused, and its task restarted": {func(p *post) { p.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", 1) }, "failed"},
		"reported after a crash":          {func(*post) {}, "succeeded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, true)
			_, id := p.told(address, "")
			c.end(p)
			task := p.next()
			_ = p.run(task, false)
			before := p.delivery(id)
			require.Equal(t, c.status, before.Status)
			_, err := p.store.SQL().Exec(`UPDATE tasks SET status = 'pending', finished_at = NULL WHERE id = $1`, task.ID)
			require.NoError(t, err)
			if c.status == "failed" {
				p.later()
				require.NoError(t, p.store.Write(t.Context(), func(tx *store.Tx) error { return tx.ReopenDeliveryOfTask(t.Context(), task.ID) }))
			}
			require.NoError(t, p.d.Resend(t.Context(), id, "", ann))
			require.NoError(t, p.run(p.next(), false))
			require.NotEqual(t, before.MessageRef, p.delivery(id).MessageRef)
			require.Equal(t, "handed_over", p.delivery(id).Outcome)
		})
	}
}

func TestResendChecksTheAddress(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	ctx := context.Background()
	_, mailID := p.told(address, "")
	_, smsID := p.told("", "18688888888")
	for _, bad := range []string{"zhang", "a@b, c@d", "Zhang <a@b.cn>", "a@b.cn\r\nBcc: x@y.cn", "a b@c.cn"} {
		f := fault.From(p.d.Resend(ctx, mailID, bad, ann))
		require.Equal(t, "delivery.bad_email", f.Key, bad)
		require.NotContains(t, f.Error(), bad)
	}
	for _, bad := range []string{"12", "1234567890123456", "a@b.cn", "18688888888;rm"} {
		require.Equal(t, "delivery.bad_phone", fault.From(p.d.Resend(ctx, smsID, bad, ann)).Key, bad)
	}
	require.Equal(t, "delivery.unknown", fault.From(p.d.Resend(ctx, 999, "", ann)).Key)
	require.Equal(t, 0, p.count(`SELECT count(*) FROM audit`))
	require.NoError(t, p.d.Resend(ctx, smsID, "+86 139-0000-0000", ann))
	require.Equal(t, "+8613900000000", p.delivery(smsID).To)
}
