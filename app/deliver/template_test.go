package deliver_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/wording"
)

var (
	everywhere = deliver.TemplateOf{Kind: deliver.UsageInfo, Medium: deliver.Email, Language: "zh-CN"}
	inChannel  = deliver.TemplateOf{Kind: deliver.UsageInfo, Medium: deliver.Email, Language: "zh-CN", Channel: "default"}
	ofProduct  = deliver.TemplateOf{Kind: deliver.UsageInfo, Medium: deliver.Email, Language: "zh-CN", Channel: "default", ProductID: "OFFI1"}
)

func says(what string) wording.Text {
	return wording.Text{Subject: what, Body: what + "\n{front_end_url} {user_name} {password}"}
}

func (p *post) set(of deliver.TemplateOf, what string) int {
	p.t.Helper()
	v, err := p.d.SetTemplate(p.t.Context(), of, says(what), -1, ann)
	require.NoError(p.t, err)
	return v
}

// mailed is the subject of the mail that an instance's customer gets now.
func (p *post) mailed(language string) string {
	p.t.Helper()
	pk := p.instance(address, "")
	p.tell(pk, language)
	require.NoError(p.t, p.run(p.next(), false))
	var id int64
	require.NoError(p.t, p.store.SQL().QueryRow(`SELECT max(id) FROM deliveries`).Scan(&id))
	return p.delivery(id).Content.Subject
}

// The order in which a text is looked for is what customers get and what the
// page says.
func TestAMessageIsWrittenFromTheNarrowestText(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	ctx := t.Context()
	sources := func() string {
		got, err := p.d.Template(ctx, ofProduct)
		require.NoError(t, err)
		var all []string
		for _, l := range got.Chain {
			s := string(l.Source)
			if l.Has {
				s += strconv.Itoa(l.Version)
			}
			if l.Counts {
				s = "[" + s + "]"
				require.Equal(t, l, got.From())
			}
			all = append(all, s)
		}
		return strings.Join(all, " ")
	}
	const shipped = "云协作 <Pro>已开通：使用信息"
	require.Equal(t, "product channel house [shipped0]", sources())
	require.Equal(t, shipped, p.mailed("zh-CN"))
	p.set(everywhere, "house")
	require.Equal(t, "product channel [house1] shipped0", sources())
	require.Equal(t, "house", p.mailed("zh-CN"))
	p.set(inChannel, "channel")
	require.Equal(t, "product [channel1] house1 shipped0", sources())
	require.Equal(t, "channel", p.mailed("zh-CN"))
	p.set(ofProduct, "product")
	p.set(ofProduct, "product again")
	require.Equal(t, "[product2] channel1 house1 shipped0", sources())
	require.Equal(t, "product again", p.mailed("zh-CN"))
	require.Equal(t, "product again", p.mailed("fr"), "a language without texts is written in Chinese")
	require.Equal(t, "云协作 <Pro> is ready: how to use it", p.mailed("en"), "the language is never changed for the sake of a text")

	other := ofProduct
	other.ProductID = "OFFI2"
	got, err := p.d.Template(ctx, other)
	require.NoError(t, err)
	require.Equal(t, deliver.FromChannel, got.From().Source, "another product is not meant")
	require.False(t, got.Own)
	house, err := p.d.Template(ctx, everywhere)
	require.NoError(t, err)
	require.Equal(t, 2, house.Below)
	_, err = p.d.WithdrawTemplate(ctx, inChannel, 1, ann)
	require.NoError(t, err)
	_, err = p.d.WithdrawTemplate(ctx, ofProduct, 2, ann)
	require.NoError(t, err)
	require.Equal(t, "product channel [house1] shipped0", sources())
	require.Equal(t, "house", p.mailed("zh-CN"))
	rows, err := p.d.Templates(ctx, "default", "OFFI1")
	require.NoError(t, err)
	require.Len(t, rows, 28)
	require.Equal(t, deliver.FromHouse, rows[0].From.Source)
	require.Equal(t, deliver.FromShipped, rows[1].From.Source)
}

func TestVersionsAreKeptAndComeBack(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	ctx := t.Context()
	by := ann
	by.Reason = "nicer"
	v, err := p.d.SetTemplate(ctx, inChannel, wording.Text{Subject: " one ", Body: "one\r\n{front_end_url} {user_name} {password}\r\n\r\n"}, 0, by)
	require.NoError(t, err)
	require.Equal(t, 1, v)
	v, err = p.d.SetTemplate(ctx, inChannel, says("one"), 1, ann)
	require.NoError(t, err)
	require.Equal(t, 1, v, "the same text is no version")
	_, err = p.d.SetTemplate(ctx, inChannel, says("two"), 0, ann)
	require.Equal(t, "message_template.changed", fault.From(err).Key, "somebody else was first")
	require.Equal(t, 2, p.set(inChannel, "two"))
	_, err = p.d.RestoreTemplate(ctx, inChannel, 1, 2, ann)
	require.NoError(t, err)
	_, err = p.d.WithdrawTemplate(ctx, inChannel, 3, ann)
	require.NoError(t, err)
	_, err = p.d.WithdrawTemplate(ctx, inChannel, 4, ann)
	require.Equal(t, "message_template.none", fault.From(err).Key)
	_, err = p.d.RestoreTemplate(ctx, inChannel, 4, 4, ann)
	require.Equal(t, "message_template.none", fault.From(err).Key)
	_, err = p.d.RestoreTemplate(ctx, inChannel, 9, 4, ann)
	require.Equal(t, "message_template.no_version", fault.From(err).Key)
	_, err = p.d.RestoreTemplate(ctx, inChannel, 3, 4, ann)
	require.NoError(t, err)
	all, err := p.d.TemplateVersions(ctx, inChannel, 0, 10)
	require.NoError(t, err)
	var told []string
	for _, v := range all {
		told = append(told, strconv.Itoa(v.Version)+v.Subject+strconv.Itoa(v.RestoredFrom)+strconv.FormatBool(v.Withdrawn))
		require.Equal(t, ann.Name, v.By)
		require.False(t, v.At.IsZero())
	}
	require.Equal(t, []string{"5one3false", "40true", "3one1false", "2two0false", "1one0false"}, told)
	require.Equal(t, "nicer", all[4].Reason)
	older, err := p.d.TemplateVersions(ctx, inChannel, 3, 1)
	require.NoError(t, err)
	require.Equal(t, 2, older[0].Version)
	require.Equal(t, "template.set template.set template.restore template.withdraw template.restore",
		p.text(`SELECT string_agg(action, ' ' ORDER BY id) FROM audit WHERE target = 'template/usage_info/email/zh-CN' AND actor = $1 AND detail->>'channel' = 'default'`, ann.Name))

	var ends sync.WaitGroup
	results := make([]error, 4)
	for n := range results {
		ends.Go(func() { _, results[n] = p.d.SetTemplate(ctx, inChannel, says("race "+strconv.Itoa(n)), 5, ann) })
	}
	ends.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else {
			require.Equal(t, "message_template.changed", fault.From(err).Key)
		}
	}
	require.Equal(t, 1, won, "of several that save at once, one does")
	require.Equal(t, 6, p.count(`SELECT max(version) FROM message_templates`))
}

func TestAWrongTextIsNotSaved(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	ctx := t.Context()
	_, err := p.d.SetTemplate(ctx, everywhere, wording.Text{Subject: "{password}", Body: "{front_end_url}\n{user}"}, -1, ann)
	var wrong *deliver.WrongText
	require.True(t, errors.As(err, &wrong))
	require.Len(t, wrong.Problems, 2)
	require.Equal(t, 2, wrong.Problems[1].Line)
	_, err = p.d.SetTemplate(ctx, everywhere, wording.Text{Subject: "s", Body: "{front_end_url} {password}"}, -1, ann)
	require.Equal(t, "user_name", fault.From(err).Args["name"])
	notice := everywhere
	notice.Kind = "frozen"
	_, err = p.d.SetTemplate(ctx, notice, wording.Text{Subject: "s", Body: "{password}"}, -1, ann)
	require.Equal(t, "message_template.unknown", fault.From(err).Key, "only the usage information holds access data")
	for of, key := range map[deliver.TemplateOf]string{{Kind: "nothing", Medium: "email", Language: "en"}: "message_template.no_such", {Kind: "frozen", Medium: "fax", Language: "en"}: "message_template.no_such",
		{Kind: "frozen", Medium: "sms", Language: "fr"}: "message_template.no_such", {Kind: "frozen", Medium: "sms", Language: "en", ProductID: "x"}: "message_template.no_channel",
		{Kind: "frozen", Medium: "sms", Language: "en", Channel: "nowhere"}: "channel.unknown"} {
		_, err = p.d.SetTemplate(ctx, of, says("x"), -1, ann)
		if key != "" && !errors.As(err, &wrong) {
			require.Equal(t, key, fault.From(err).Key)
		}
		_, err = p.d.Template(ctx, of)
		require.Equal(t, key, fault.From(err).Key)
	}
	require.Zero(t, p.count(`SELECT count(*) FROM message_templates`))
	require.Zero(t, p.count(`SELECT count(*) FROM audit WHERE action LIKE 'template.%'`))

	// A text that another version of the program has kept does no harm.
	_, err = p.store.SQL().Exec(`INSERT INTO message_templates (kind, medium, language, version, subject, body, created_by) VALUES ('usage_info', 'email', 'zh-CN', 1, 's', '{new_thing}', 'x')`)
	require.NoError(t, err)
	require.Equal(t, "云协作 <Pro>已开通：使用信息", p.mailed("zh-CN"))
	require.Contains(t, p.log.String(), "cannot be used")
}

// What was sent is kept as it was sent, whatever is written later.
func TestASentMessageStaysAsItWasSent(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	p.set(ofProduct, "first")
	_, id := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	p.set(ofProduct, "second")
	require.Equal(t, "first", p.delivery(id).Content.Subject)
	m := p.arrived(1)[0]
	require.Equal(t, "first\nhttps://app.example.com/?a=1&b=2 admin "+password+"\n", strings.ReplaceAll(m.Text, "\r\n", "\n"))
	p.leaksNothing()
}

func TestAPreviewIsOfARealInstanceAndHoldsNoPassword(t *testing.T) {
	t.Parallel()
	p := open(t, false)
	ctx := t.Context()
	pk := p.instance(address, "18688888888")
	instance := p.text(`SELECT instance_id FROM instances WHERE id = $1`, pk)
	got, err := p.d.PreviewTemplate(ctx, everywhere, says("{product_name} {expires_at}"), instance)
	require.NoError(t, err)
	require.Equal(t, "云协作 <Pro> 2027年11月21日 23:59（UTC+08:00）", got.Subject)
	require.Contains(t, got.Text, "admin ••••••••")
	require.Contains(t, got.HTML, "云协作 &lt;Pro&gt;")
	require.NotContains(t, got.Text+got.HTML, "Pa55")
	require.False(t, got.Sample)

	_, err = p.store.SQL().Exec(`INSERT INTO customer_wishes (channel_id, customer, zone) SELECT channel_id, '#' || instance_id, 'Europe/Berlin' FROM instances`)
	require.NoError(t, err)
	english := everywhere
	english.Language = "en"
	abroad, err := p.d.PreviewTemplate(ctx, english, says("{expires_at}"), instance)
	require.NoError(t, err)
	require.Equal(t, "21 November 2027, 16:59 (UTC+01:00)", abroad.Subject, "in the customer's zone, in the message's language")
	_, err = p.store.SQL().Exec(`DELETE FROM customer_wishes`)
	require.NoError(t, err)
	sms := deliver.TemplateOf{Kind: deliver.UsageInfo, Medium: deliver.SMS, Language: "en"}
	got, err = p.d.PreviewTemplate(ctx, sms, wording.Text{Body: "{front_end_url} {user_name} {password}"}, instance)
	require.NoError(t, err)
	require.Equal(t, deliver.SizeSMS("https://app.example.com/?a=1&b=2 admin "+password), got.Size, "the size is that of the true message")
	expiry := deliver.TemplateOf{Kind: "expiry_notice", Medium: deliver.SMS, Language: "zh-CN"}
	got, err = p.d.PreviewTemplate(ctx, expiry, wording.Text{Body: "{days} {expires_at}"}, instance)
	require.NoError(t, err)
	require.Equal(t, "7 2027年11月21日 23:59（UTC+08:00）", got.Text)
	for _, kind := range []string{"usage_info", "expiry_notice", "frozen", "unfrozen", "renewed", "released", "license_ready"} {
		for _, medium := range deliver.Media() {
			for _, language := range deliver.Languages() {
				of := deliver.TemplateOf{Kind: kind, Medium: medium, Language: language}
				got, err = p.d.PreviewTemplate(ctx, of, p.d.ShippedTemplate(of), "")
				require.NoError(t, err, of)
				require.True(t, got.Sample)
				require.NotEmpty(t, got.Text)
			}
		}
	}
	_, err = p.d.PreviewTemplate(ctx, everywhere, says("x"), "nobody's")
	require.Equal(t, "instance.unknown", fault.From(err).Key)
}

// A subject may hold the customer's name: it is kept sealed, as the text is, and
// shown without the name.
func TestASubjectIsKeptAsTheTextIs(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, err := p.d.SetTemplate(t.Context(), everywhere, wording.Text{Subject: "{customer_name}!", Body: "{customer_name}: {front_end_url} {user_name} {password}"}, -1, ann)
	require.NoError(t, err)
	pk, id := p.told(address, "")
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.RealName = "张三丰"
		return tx.SaveOrder(t.Context(), i, []byte("{}"))
	})
	require.NoError(t, p.run(p.next(), false))
	require.Equal(t, "张三丰!", p.arrived(1)[0].Get("Subject"))
	require.Equal(t, "张三丰!", p.delivery(id).Content.Subject)
	require.NotContains(t, p.text(`SELECT d::text FROM deliveries d`), "张三丰")
	d, err := p.store.Reader().DeliveryDetail(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, store.MaskName("张三丰")+"!", d.Subject)
	page, err := p.store.Reader().DeliveryList(t.Context(), store.DeliveryFilter{}, store.Paging{})
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%+v", page.Items), "张三丰")
}

func TestATestArrives(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := t.Context()
	pk := p.instance(address, "")
	instance := p.text(`SELECT instance_id FROM instances WHERE id = $1`, pk)
	kept, err := p.d.TestTemplate(ctx, everywhere, says("{product_name}"), instance, "ann@seller.example", ann)
	require.NoError(t, err)
	require.False(t, kept)
	m := p.arrived(1)[0]
	require.Equal(t, []string{"ann@seller.example"}, m.To)
	require.Equal(t, "【测试】云协作 <Pro>", m.Get("Subject"))
	require.Contains(t, m.Text, "admin Kp7-example")
	require.Contains(t, m.HTML, "云协作 &lt;Pro&gt;")
	require.NotContains(t, m.Text+m.HTML, "Pa55", "nobody gets a customer's password by a test")
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.RealName = "张三丰"
		return tx.SaveOrder(ctx, i, []byte("{}"))
	})
	_, err = p.d.TestTemplate(ctx, everywhere, wording.Text{Subject: "{customer_name}!", Body: "{memo}\n{front_end_url} {user_name} {password}"}, instance, "ann@seller.example", ann)
	require.NoError(t, err)
	named := p.arrived(2)[1]
	require.Contains(t, named.Get("Subject"), "!")
	require.NotContains(t, named.Get("Subject")+named.Text+named.HTML, "张三丰", "nor their name")
	require.NotContains(t, named.Text+named.HTML, "第一行", "nor their memo")
	require.Zero(t, p.count(`SELECT count(*) FROM deliveries`))
	require.Equal(t, "a•••@seller.example "+instance, p.text(`SELECT DISTINCT concat(detail->>'to', ' ', detail->>'instance') FROM audit WHERE action = 'template.test'`))

	_, err = p.d.TestTemplate(ctx, everywhere, says("x"), "", "Ann <ann@seller.example>", ann)
	require.Equal(t, "delivery.bad_email", fault.From(err).Key)
	sms := deliver.TemplateOf{Kind: "frozen", Medium: deliver.SMS, Language: "en"}
	_, err = p.d.TestTemplate(ctx, sms, wording.Text{Body: "x"}, "", "12", ann)
	require.Equal(t, "delivery.bad_phone", fault.From(err).Key)
	kept, err = p.d.TestTemplate(ctx, sms, wording.Text{Body: "x"}, "", "186 8888 8888", ann)
	require.NoError(t, err)
	require.True(t, kept, "the log driver keeps it here")
	p.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", smtptest.Always)
	_, err = p.d.TestTemplate(ctx, everywhere, says("x"), "", "ann@seller.example", staff.CLI())
	require.Equal(t, fault.Refused, fault.From(err).Code)
}
