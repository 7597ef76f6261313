package deliver_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/store"
)

// product sets the entry of every product of the channel.
func (p *post) product(s store.ProductSettings) {
	p.t.Helper()
	ctx := context.Background()
	require.NoError(p.t, p.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: p.channel.ID, ProductID: "*", Driver: "manual", MailLanguage: "en", Settings: s})
		return err
	}))
}

// opened is an instance as it is stored.
func (p *post) opened(pk int64) *store.Instance {
	p.t.Helper()
	i, err := p.store.Reader().InstancePK(context.Background(), pk)
	require.NoError(p.t, err)
	return i
}

// passDays lets a password be so many days old.
func (p *post) passDays(pk int64, days int) {
	p.t.Helper()
	_, err := p.store.SQL().Exec(`
UPDATE instances
   SET password_given_at = password_given_at - $2 * interval '1 day',
       wipe_password_at = wipe_password_at - $2 * interval '1 day'
 WHERE id = $1`, pk, days)
	require.NoError(p.t, err)
}

func (p *post) wipe() {
	p.t.Helper()
	require.NoError(p.t, p.d.WipePasswords(context.Background()))
}

func TestAPasswordIsToldByALinkThatShowsItOnce(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	p.product(store.ProductSettings{PasswordBy: store.PasswordByLink, WipePasswordDays: 3})
	pk, id := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	m := p.arrived(1)[0]
	link := fmt.Sprintf("https://seller.test/access/TOKEN-%s-0?a&b", p.opened(pk).InstanceID)
	for _, part := range []string{m.Text, m.HTML} {
		require.NotContains(t, part, "Pa55")
		require.Contains(t, part, strings.SplitN(link, "?", 2)[0])
	}
	require.Contains(t, m.Text, "初始密码（此链接只显示一次）："+link)
	require.Contains(t, m.Text, "admin", "the user name is no secret")
	require.True(t, p.opened(pk).PasswordGivenAt.IsZero(), "a link is no password")
	shown, err := p.store.Reader().DeliveryDetail(ctx, id)
	require.NoError(t, err)
	require.NotContains(t, shown.Text, "TOKEN", "the console does not show it")

	// The page has shown it: sent again, it may show it once more.
	reveal := func(want bool) {
		t.Helper()
		p.write(pk, func(tx *store.Tx, i *store.Instance) error {
			ok, err := tx.CountReveal(ctx, pk, 0, true)
			require.Equal(t, want, ok)
			return err
		})
	}
	reveal(true)
	reveal(false)
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.NoError(t, p.run(p.next(), false))
	reveal(true)
	reveal(false)
	p.leaksNothing()
}

func TestWithoutAPasswordThereIsNoLink(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	p.product(store.ProductSettings{PasswordBy: store.PasswordByLink})
	pk := p.instance(address, "")
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.App.Password = ""
		if err := tx.SaveAccess(context.Background(), i); err != nil {
			return err
		}
		product, err := tx.Reader().ProductOf(context.Background(), i)
		if err != nil {
			return err
		}
		return p.d.UsageInfo(context.Background(), tx, i, product, 0)
	})
	require.NoError(t, p.run(p.next(), false))
	require.NotContains(t, p.arrived(1)[0].Text, "TOKEN")
}

func TestAPasswordIsWipedSomeDaysAfterItWasDelivered(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	p.product(store.ProductSettings{WipePasswordDays: 3})
	pk, id := p.told(address, "")
	_, err := p.store.SQL().Exec(`INSERT INTO pools (name) VALUES ('p')`)
	require.NoError(t, err)
	_, err = p.store.SQL().Exec(`INSERT INTO pool_accounts (pool, batch, added_by, account_bidx, front_end_url, password_sealed, instance_pk, status, fits_v1, taken_at)
VALUES ('p', 1, 'x', '\x01', '', $2, $1, 'used', true, now())`, pk, p.store.Keys().SealString(seal.Access, password))
	require.NoError(t, err)
	require.NoError(t, p.run(p.next(), false))
	require.False(t, p.opened(pk).PasswordGivenAt.IsZero())
	p.wipe()
	p.passDays(pk, 2)
	p.wipe()
	require.Equal(t, password, p.opened(pk).App.Password, "not yet")
	p.passDays(pk, 1)
	p.wipe()
	i := p.opened(pk)
	require.Empty(t, i.App.Password)
	require.False(t, i.PasswordWipedAt.IsZero())
	require.Equal(t, "admin", i.App.UserName, "the rest stays")
	v := p.delivery(id)
	require.NotContains(t, v.Content.Text+v.Content.HTML+v.Content.Subject, "Pa55")
	require.Contains(t, v.Content.Text, "初始密码：••••••••")
	require.Empty(t, v.Content.Secrets)
	require.NotNil(t, v.Content.WipedAt)
	require.Equal(t, "", p.text(`SELECT COALESCE(password_sealed::text, '') FROM pool_accounts`))
	require.Equal(t, "wiped system", p.text(`SELECT new_value || ' ' || actor FROM instance_events WHERE kind = 'password'`))
	require.Equal(t, "1", p.text(`SELECT count(*)::text FROM audit WHERE action = 'instance.password_wiped'`))
	p.wipe()
	require.Equal(t, "1", p.text(`SELECT count(*)::text FROM instance_events WHERE kind = 'password'`), "once")

	// What is sent again is written anew: nobody gets the dots for a password.
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.NoError(t, p.run(p.next(), false))
	again := p.arrived(2)[1]
	require.NotContains(t, again.Text, "初始密码：")
	require.NotContains(t, again.Text, "•")

	// A new password is kept again, and told.
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.App.Password = "another"
		return tx.SaveAccess(ctx, i)
	})
	require.True(t, p.opened(pk).PasswordWipedAt.IsZero())
	require.True(t, p.opened(pk).PasswordGivenAt.IsZero())
}

// What the customer may not have is kept: it may be nowhere else.
func TestAPasswordThatMayNotHaveArrivedIsKept(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	p.product(store.ProductSettings{WipePasswordDays: 1})
	pk, id := p.told(address, "")
	p.wipe()
	require.Equal(t, password, p.opened(pk).App.Password, "it has not gone out yet")
	require.NoError(t, p.run(p.next(), false))
	p.passDays(pk, 5)
	require.NoError(t, p.d.Report(ctx, id, deliver.Report{Outcome: deliver.Bounced, Code: "5.1.1"}, ann))
	p.wipe()
	require.Equal(t, password, p.opened(pk).App.Password, "it came back")
	require.True(t, p.opened(pk).PasswordGivenAt.IsZero())

	// Another message is still to go out.
	require.NoError(t, p.d.Resend(ctx, id, "", ann))
	require.NoError(t, p.run(p.next(), false))
	p.passDays(pk, 5)
	require.NoError(t, p.d.TellAgain(ctx, p.opened(pk).InstanceID, ann))
	p.wipe()
	require.Equal(t, password, p.opened(pk).App.Password, "a message with it waits")
	require.NoError(t, p.run(p.next(), false))
	_, err := p.store.SQL().Exec(`UPDATE instances SET wipe_password_at = now()`)
	require.NoError(t, err)
	p.wipe()
	require.Empty(t, p.opened(pk).App.Password)
}

// What came back gave nobody anything: the days count from when it arrives.
func TestAPasswordThatCameBackIsGivenAnew(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	p.product(store.ProductSettings{WipePasswordDays: 3})
	bounced := deliver.Report{Outcome: deliver.Bounced, Code: "5.1.1"}
	given := func(pk int64) bool { return !p.opened(pk).PasswordGivenAt.IsZero() }

	pk, id := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	p.passDays(pk, 2)
	require.NoError(t, p.d.Report(ctx, id, bounced, ann))
	require.False(t, given(pk), "at once, not only when it is due")
	require.NoError(t, p.d.Resend(ctx, id, "zhang@example.org", ann))
	require.NoError(t, p.run(p.next(), false))
	p.passDays(pk, 2)
	p.wipe()
	require.Equal(t, password, p.opened(pk).App.Password, "two days after it arrived")
	require.NoError(t, p.d.Resend(ctx, id, "zhang@example.net", ann))
	p.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", 1)
	require.Error(t, p.run(p.next(), false))
	require.False(t, given(pk), "refused at the door")
	require.NoError(t, p.d.Report(ctx, id, deliver.Report{Outcome: deliver.Delivered}, ann))
	require.True(t, given(pk), "somebody knows better")

	// Two messages, of which one came back; then the other does.
	pk, id = p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	require.NoError(t, p.d.TellAgain(ctx, p.opened(pk).InstanceID, ann))
	other := p.next()
	require.NoError(t, p.run(other, false))
	require.NoError(t, p.d.Report(ctx, id, bounced, ann))
	require.True(t, given(pk), "the other message has it")
	require.NoError(t, p.d.Report(ctx, other.DeliveryID, bounced, ann))
	require.False(t, given(pk))

	// The page has shown it.
	pk, id = p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		ok, err := tx.CountReveal(ctx, pk, 0, false)
		require.True(t, ok)
		return err
	})
	require.NoError(t, p.d.Report(ctx, id, bounced, ann))
	require.True(t, given(pk))
}

func TestNewDaysCountForPasswordsThatWereDelivered(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	p.product(store.ProductSettings{})
	pk, _ := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	p.passDays(pk, 9)
	p.wipe()
	require.Equal(t, password, p.opened(pk).App.Password)
	p.product(store.ProductSettings{WipePasswordDays: 7})
	require.NoError(t, p.d.Schedule(context.Background()))
	p.wipe()
	require.Empty(t, p.opened(pk).App.Password)
	require.Equal(t, market.Active, p.opened(pk).Status)

	kept := open(t, false) // nothing leaves the machine
	kept.product(store.ProductSettings{WipePasswordDays: 1})
	other, _ := kept.told(address, "")
	require.NoError(t, kept.run(kept.next(), false))
	require.True(t, kept.opened(other).PasswordGivenAt.IsZero())
}

// filledBy has the service's templates be these.
func (x *exchange) filledBy(templates string) {
	x.t.Helper()
	all, err := huawei.ParseTemplates(templates, deliver.VariableNames())
	require.NoError(x.t, err)
	x.sender = huawei.New(huawei.Options{URL: x.service, Key: "app", Secret: "hunter2", Sender: "88", Country: "86", Templates: all, Callback: x.callback})
	x.t.Cleanup(x.sender.Close)
	x.d, err = deliver.New(deliver.Options{Store: x.store, Email: email.None{}, SMS: x.sender, Domain: "seller.test", Log: x.logger()})
	require.NoError(x.t, err)
}

// What a service with texts of its own was given is what the customer got: a
// password that is not among it was not told, and one that is goes with the rest.
func TestAPasswordIsWipedFromWhatAServiceWasGiven(t *testing.T) {
	t.Parallel()
	const plain = "Geheim-4711" // the service takes no quotes
	for templates, told := range map[string]bool{"usage_info.zh-CN=whole(user_name,password)": true, "usage_info.zh-CN=short(user_name)": false} {
		x := openSMS(t)
		x.filledBy(templates)
		x.product(store.ProductSettings{WipePasswordDays: 3})
		pk := x.instance("", phone)
		x.write(pk, func(tx *store.Tx, i *store.Instance) error {
			i.App.Password = plain
			return tx.SaveAccess(t.Context(), i)
		})
		x.tell(pk, "zh-CN")
		task := x.next()
		require.NoError(t, x.run(task, false))
		x.sms.Wait()
		sent := x.delivery(task.DeliveryID).Content.Filled
		require.Equal(t, &store.Filled{Template: x.sms.Calls()[0].Template, Values: x.sms.Calls()[0].Variables}, sent)
		require.Equal(t, told, slices.Contains(sent.Values, plain))
		require.Equal(t, told, !x.opened(pk).PasswordGivenAt.IsZero())
		shown, err := x.store.Reader().DeliveryDetail(t.Context(), task.DeliveryID)
		require.NoError(t, err)
		require.NotContains(t, fmt.Sprint(shown.Filled.Values, shown.Text), plain)
		x.passDays(pk, 3)
		x.wipe()
		require.Equal(t, told, x.opened(pk).App.Password == "")
		require.NotEqual(t, told, slices.Contains(x.delivery(task.DeliveryID).Content.Secrets, plain))
		require.NotContains(t, x.delivery(task.DeliveryID).Content.Filled.Values, plain)
	}
}
