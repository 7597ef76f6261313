package deliver_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

func TestTheCustomerGetsTheUsageInformation(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	pk, id := p.told(" "+address+" ", "18688888888")
	require.NoError(t, p.run(p.next(), false))
	m := p.arrived(1)[0]
	require.Equal(t, []string{address}, m.To)
	require.Equal(t, "<"+address+">", m.Get("To"))
	for _, part := range []string{"云协作 <Pro>", "https://app.example.com/?a=1&b=2", "账号：admin", "初始密码：" + password, "第一行", "2027年11月21日 23:59（UTC+08:00）", "示例云"} {
		require.Contains(t, m.Text, part)
	}
	for _, part := range []string{"云协作 &lt;Pro&gt;", `href="https://app.example.com/?a=1&amp;b=2"`, "Pa55&amp;&lt;w&gt;&#34;ord&#39;", "第一行<br>第二行"} {
		require.Contains(t, strings.ReplaceAll(m.HTML, "\r\n", "\n"), part)
	}
	require.Equal(t, "云协作 <Pro>已开通：使用信息", m.Get("Subject"))
	d := p.delivery(id)
	require.Equal(t, "succeeded", d.Status)
	require.Equal(t, "smtp", d.Transport)
	require.Equal(t, "2.0.0 Ok: queued as 4F1C", d.ProviderRef)
	require.Equal(t, d.MessageRef, m.Get("Message-Id"))
	require.True(t, strings.HasSuffix(d.MessageRef, "@seller.test>"))
	require.Equal(t, store.MaskEmail(address), d.ToMask)
	require.False(t, d.SentAt.IsZero())
	require.False(t, d.Kept())
	require.Equal(t, 1, d.Attempts)
	require.Equal(t, m.Text, d.Content.Text, "kept as sent")
	require.Equal(t, "succeeded", p.text(`SELECT status FROM tasks WHERE kind = 'deliver' AND instance_pk = $1`, pk))
	p.leaksNothing()
}

// leaksNothing looks for the password and the address where they do not belong.
func (p *post) leaksNothing() {
	p.t.Helper()
	rows := p.text(`SELECT COALESCE(string_agg(d::text, ' '), '') FROM deliveries d`) + p.text(`SELECT COALESCE(string_agg(t::text, ' '), '') FROM tasks t`) +
		p.text(`SELECT COALESCE(string_agg(t::text, ' '), '') FROM task_attempts t`) + p.text(`SELECT COALESCE(string_agg(a::text, ' '), '') FROM audit a`)
	for _, secret := range []string{password, "Pa55", address, "zhang@", "18688888888", smtptest.Password} {
		require.NotContains(p.t, p.log.String(), secret)
		require.NotContains(p.t, rows, secret)
	}
}

func TestEachCustomerIsReachedOnceByTheRightMedium(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ email, phone, medium, to string }{
		"both":                      {address, "18688888888", "email", address},
		"e-mail":                    {address, "", "email", address},
		"phone":                     {"", "+86 186 8888 8888", "sms", "+8618688888888"},
		"broken e-mail and a phone": {"zhang at example", "18688888888", "sms", "18688888888"},
		"broken e-mail":             {"zhang at example", "", "email", "zhang at example"},
		"two e-mails":               {address + ",b@example.com", "18688888888", "sms", "18688888888"},
		"neither":                   {" ", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := open(t, false)
			pk := p.instance(c.email, c.phone)
			p.tell(pk, "en")
			p.tell(pk, "en")
			if c.medium == "" {
				require.Equal(t, 0, p.count(`SELECT count(*) FROM deliveries`))
				require.Equal(t, deliver.NoAddress, p.text(`SELECT new_value FROM instance_events WHERE kind = 'customer' LIMIT 1`))
				return
			}
			require.Equal(t, 1, p.count(`SELECT count(*) FROM deliveries`))
			require.Equal(t, 1, p.count(`SELECT count(*) FROM tasks WHERE kind = 'deliver'`))
			task := p.next()
			d := p.delivery(task.DeliveryID)
			require.Equal(t, c.medium, d.Medium)
			require.Equal(t, c.to, d.To)
			require.Equal(t, "en", d.Language)
		})
	}
}

func TestWithoutAServerAMailIsKeptAndSaysSo(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	_, id := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	d := p.delivery(id)
	require.Equal(t, "succeeded", d.Status)
	require.Equal(t, "none", d.Transport)
	require.True(t, d.Kept())
	require.True(t, d.SentAt.IsZero(), "nothing was sent")
	require.Contains(t, d.Content.Text, password)
	require.Contains(t, d.Content.Secrets, password)
	p.leaksNothing()
}

func TestAnSMSIsRenderedKeptAndLoggedWithoutItsContent(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	_, id := p.told("", "18688888888")
	require.NoError(t, p.run(p.next(), false))
	d := p.delivery(id)
	require.Equal(t, "log", d.Transport)
	require.True(t, d.Kept())
	require.True(t, d.SentAt.IsZero())
	require.Empty(t, d.Content.Subject)
	require.Empty(t, d.Content.HTML)
	require.Contains(t, d.Content.Text, "账号：admin 初始密码："+password+" ")
	require.NotContains(t, d.Content.Text, "\n")
	require.Contains(t, p.log.String(), "an SMS was kept and not sent")
	require.Contains(t, p.log.String(), store.MaskPhone("18688888888"))
	p.leaksNothing()
}

func TestATemporaryRefusalIsTriedAgainWithTheVeryMail(t *testing.T) {
	t.Parallel()
	p := open(t, true, func(o *email.Options) { o.Dedupes = true })
	pk, id := p.told(address, "")
	p.smtp.Reply(smtptest.RcptTo, 450, "4.2.0 <"+address+">: greylisted", 1)
	p.smtp.Drop(smtptest.Taken, 1) // the second try: taken, and the answer lost
	require.Equal(t, "mail.deferred", fault.From(p.run(p.next(), false)).Key)
	d := p.delivery(id)
	require.Equal(t, "pending", d.Status)
	require.Equal(t, 1, d.Attempts)
	require.Contains(t, p.text(`SELECT last_error::text FROM deliveries`), "greylisted")
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.App.Password = "another"
		return tx.SaveAccess(context.Background(), i)
	})
	require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(p.run(p.next(), false)).Key)
	require.NoError(t, p.run(p.next(), false))
	got := p.arrived(2)
	require.Equal(t, got[0].Get("Message-Id"), got[1].Get("Message-Id"), "the receiver can tell the repeat")
	require.Equal(t, got[0].Text, got[1].Text)
	require.Contains(t, got[1].Text, password, "as rendered for the first try")
	d = p.delivery(id)
	require.Equal(t, "succeeded", d.Status)
	require.Equal(t, 3, d.Attempts)
	require.Equal(t, 1, p.count(`SELECT count(*) FROM deliveries WHERE last_error IS NULL`))
	p.leaksNothing()
}

func TestAFinalRefusalFails(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, id := p.told(address, "")
	p.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 <"+address+">: user unknown", smtptest.Always)
	f := fault.From(p.run(p.next(), false))
	require.Equal(t, "mail.recipient_refused", f.Key)
	require.Equal(t, "failed", p.delivery(id).Status)
	require.Equal(t, "failed", p.text(`SELECT status FROM tasks WHERE kind = 'deliver'`))
	require.NotEqual(t, "failed", p.text(`SELECT status FROM messages`), "a delivery does not fail the interface message")
	p.leaksNothing()
}

func TestAfterTheLastTryItIsGivenUp(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, id := p.told(address, "")
	p.smtp.Down()
	require.Equal(t, "mail.unreachable", fault.From(p.run(p.next(), true)).Key)
	require.Equal(t, "failed", p.delivery(id).Status)
	require.Equal(t, "smtp", p.delivery(id).Transport)
}

func TestAReleasedInstancesCustomerIsNotTold(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	pk, id := p.told(address, "")
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		return tx.SaveState(context.Background(), i, i.Release(tx.Now), store.Origin{})
	})
	require.NoError(t, p.run(p.next(), false))
	require.Equal(t, "cancelled", p.delivery(id).Status)
	require.Empty(t, p.smtp.Messages())
	require.Equal(t, "delivery.instance_released", fault.From(p.d.Resend(context.Background(), id, "", ann)).Key)
}

func TestNewAccessDataTakesThePlaceOfWhatWasNotTold(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	pk, first := p.told(address, "")
	p.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", 1)
	require.Error(t, p.run(p.next(), false))
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.App.UserName = "root"
		return tx.SaveAccess(context.Background(), i)
	})
	p.tell(pk, "zh-CN")
	require.Equal(t, "cancelled", p.delivery(first).Status)
	require.Equal(t, "cancelled", p.text(`SELECT status FROM tasks WHERE delivery_id = $1`, first))
	require.NoError(t, p.run(p.next(), false))
	require.Contains(t, p.arrived(1)[0].Text, "账号：root")
}

func TestALostLeaseWritesNothing(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, id := p.told(address, "")
	task := p.next()
	release := p.smtp.Hold(smtptest.End, 1)
	done := make(chan error, 1)
	go func() { done <- p.d.Deliver(context.Background(), task) }()
	require.Eventually(t, func() bool { return p.smtp.Sessions() == 1 }, waitLong, waitTick)
	_, err := p.store.SQL().Exec(`UPDATE tasks SET round = round + 1 WHERE id = $1`, task.ID)
	require.NoError(t, err)
	release()
	require.Equal(t, "task.lease_lost", fault.From(<-done).Key)
	require.Equal(t, "running", p.delivery(id).Status)
	require.True(t, p.delivery(id).SentAt.IsZero())
}

func TestOneDeliveryIsHandedOverByOneTaskAtATime(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, id := p.told(address, "")
	first := p.next()
	release := p.smtp.Hold(smtptest.RcptTo, 1)
	done := make(chan error, 1)
	go func() { done <- p.d.Deliver(context.Background(), first) }()
	require.Eventually(t, func() bool { return p.delivery(id).Status == "running" }, waitLong, waitTick)
	require.Equal(t, "delivery.running", fault.From(p.d.Resend(context.Background(), id, "", ann)).Key)
	_, err := p.store.SQL().Exec(`INSERT INTO tasks (kind, delivery_id, unique_key) VALUES ('deliver', $1, 'by somebody else')`, id)
	require.NoError(t, err)
	second := p.next()
	f := fault.From(p.run(second, false))
	require.Equal(t, "delivery.under_way", f.Key)
	require.Positive(t, f.Retry.After)
	require.Equal(t, 0, p.delivery(id).Attempts)
	release()
	require.NoError(t, <-done)
	require.NoError(t, p.run(p.next(), false), "it finds the delivery done")
	p.arrived(1)
}

func TestAHundredDeliveries(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	pk := p.instance(address, "")
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		for n := range 100 {
			id, err := tx.AddDelivery(context.Background(), store.NewDelivery{ChannelID: i.ChannelID, InstancePK: pk, Kind: deliver.UsageInfo,
				Medium: deliver.Email, Language: "en", To: address, ToMask: store.MaskEmail(address),
				MessageRef: fmt.Sprintf("<%d@seller.test>", n), UniqueKey: fmt.Sprint(n)})
			if err != nil {
				return err
			}
			_, err = tx.Enqueue(context.Background(), outbox.New{Kind: outbox.Deliver, InstancePK: pk, DeliveryID: id, UniqueKey: fmt.Sprint(n)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	tasks := make(chan int, 100)
	for range 100 {
		tasks <- 1
	}
	close(tasks)
	var claim sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range tasks {
				claim.Lock()
				task := p.next()
				claim.Unlock()
				if err := p.d.Deliver(context.Background(), task); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	refs := map[string]bool{}
	for _, m := range p.arrived(100) {
		require.Equal(t, []string{address}, m.To)
		refs[m.Get("Message-Id")] = true
	}
	require.Len(t, refs, 100)
	require.LessOrEqual(t, p.smtp.Sessions(), 4)
	require.Equal(t, 100, p.count(`SELECT count(*) FROM deliveries WHERE status = 'succeeded' AND attempts = 1`))
}
