package deliver_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/fault"
	"koodesk/app/simulator"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

const phone = "18688888888"

// exchange is a post with the stand-in of Message & SMS, which reports to it.
type exchange struct {
	*post
	sms      *simulator.SMSService
	sender   *huawei.Sender
	service  string
	callback string
}

func openSMS(t *testing.T) *exchange {
	t.Helper()
	x := &exchange{post: open(t, true), sms: simulator.NewSMSService(simulator.SMSOptions{Key: "app", Secret: "hunter2"})}
	service := httptest.NewServer(x.sms)
	t.Cleanup(service.Close)
	x.service = service.URL
	desk := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = x.d.Receive(r.Context(), deliver.SMS, r, body)
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(desk.Close)
	t.Cleanup(x.sms.Wait)
	x.callback = desk.URL
	templates, err := huawei.ParseTemplates("usage_info.zh-CN=tpl(product_name,user_name,admin_url)", deliver.VariableNames())
	require.NoError(t, err)
	x.sender = huawei.New(huawei.Options{URL: service.URL, Key: "app", Secret: "hunter2", Sender: "88", Country: "86", Templates: templates, Callback: desk.URL})
	t.Cleanup(x.sender.Close)
	o, err := email.Parse(x.smtp.URL())
	require.NoError(t, err)
	o.From, o.RootCAs, o.Timeout = mail.Address{Name: "示例云", Address: "service@seller.test"}, x.smtp.CAs(), 20*time.Second
	out := email.New(o)
	t.Cleanup(out.Close)
	x.d, err = deliver.New(deliver.Options{Store: x.store, Email: out, SMS: x.sender, Domain: "seller.test", Log: x.logger(), Wake: func() { x.wakes++ }})
	require.NoError(t, err)
	return x
}

// state is what the ledger says of a delivery: status, outcome, code.
func (x *exchange) state(id int64) string {
	return x.text(`SELECT status || ' ' || outcome || ' ' || outcome_code FROM deliveries WHERE id = $1`, id)
}

// refuseSuccess has the database take no news of a hand-over that went well.
func (x *exchange) refuseSuccess() {
	x.t.Helper()
	storetest.Alter(x.t, x.store.SQL(), `ALTER TABLE deliveries ADD CONSTRAINT nothing_is_written CHECK (status <> 'succeeded')`,
		`ALTER TABLE deliveries DROP CONSTRAINT IF EXISTS nothing_is_written`)
}

func (p *post) fallBack(on bool) {
	p.t.Helper()
	require.NoError(p.t, p.store.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.SetProduct(context.Background(), store.Product{ChannelID: p.channel.ID, ProductID: "*", Driver: "manual", MailLanguage: "zh-CN",
			Settings: store.ProductSettings{DeliveryFallback: on}})
		return err
	}))
}

func TestAnSMSArrivesAndTheServiceSaysSo(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	_, id := x.told("", phone)
	x.sms.FailNext(1, simulator.SMSFailure{Status: http.StatusServiceUnavailable})
	require.Equal(t, "sms.deferred", fault.From(x.run(x.next(), false)).Key)
	shown, err := x.store.Reader().DeliveryDetail(t.Context(), id)
	require.NoError(t, err)
	require.False(t, shown.Left, "the service did not take it")
	require.NoError(t, x.run(x.next(), false))
	x.sms.Wait()
	require.Equal(t, "succeeded delivered DELIVRD", x.state(id))
	c := x.sms.Calls()[1]
	require.Equal(t, []string{"云协作 <Pro>", "admin", " "}, c.Variables)
	d := x.delivery(id)
	require.Equal(t, &store.Filled{Template: c.Template, Values: c.Variables}, d.Content.Filled, "kept as it left")
	shown, err = x.store.Reader().DeliveryDetail(t.Context(), id)
	require.NoError(t, err)
	require.True(t, shown.Left)
	require.Equal(t, &store.Filled{Template: "tpl", Values: []string{"云协作 <Pro>", "admin", " "}}, shown.Filled)
	require.Equal(t, c.ID, d.ProviderRef)
	require.Equal(t, "huawei", d.Transport)
	require.False(t, d.SentAt.IsZero())
	require.False(t, d.Handing)
	for range 3 { // the service repeats itself
		require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), c, "DELIVRD", 1, 1))
	}
	require.Equal(t, 1, x.count(`SELECT count(*) FROM delivery_receipts`))
	x.leaksNothing()
	require.NotContains(t, x.text(`SELECT string_agg(r::text, ' ') FROM delivery_receipts r`), phone)
}

func TestALongSMSHasArrivedWhenEveryPartHas(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	x.sms.SetReport("", 1)
	_, id := x.told("", phone)
	require.NoError(t, x.run(x.next(), false))
	c := x.sms.Calls()[0]
	for _, step := range []struct {
		status string
		part   int
		want   string
	}{
		{"DELIVRD", 2, "succeeded handed_over "},
		{"ACCEPTD", 1, "succeeded handed_over "},
		{"DELIVRD", 1, "succeeded handed_over "},
		{"UNDELIV", 3, "failed refused UNDELIV"},
		{"DELIVRD", 3, "succeeded delivered DELIVRD"}, // it got through after all
		{"UNDELIV", 1, "succeeded delivered DELIVRD"}, // and what has arrived has arrived
	} {
		require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), c, step.status, step.part, 3))
		require.Equal(t, step.want, x.state(id), step)
	}
	require.Equal(t, 0, x.count(`SELECT count(*) FROM deliveries WHERE last_error IS NOT NULL`))
}

func TestAnOutcomeThatNobodySawIsUnknownAndNotSentAgain(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	x.sms.SetReport("", 1)
	x.sms.FailNext(1, simulator.SMSFailure{Drop: true})
	x.fallBack(true)
	_, id := x.told("not an address", phone)
	task := x.next()
	require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(x.run(task, false)).Key)
	require.Equal(t, "failed unknown ", x.state(id))
	require.True(t, x.toldAlready(task.ID), "not by a restart either")
	require.Equal(t, 0, x.count(`SELECT count(*) FROM tasks WHERE status = 'pending'`))
	require.Equal(t, 1, x.count(`SELECT count(*) FROM deliveries`), "it may have arrived: no fall-back")

	c := x.sms.Calls()[0]
	require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), c, "DELIVRD", 1, 1), "a report clears it up")
	require.Equal(t, "succeeded delivered DELIVRD", x.state(id))
	require.Equal(t, "cancelled", x.text(`SELECT status FROM tasks WHERE delivery_id = $1`, id), "nobody need look after it")
	require.Equal(t, c.ID, x.delivery(id).ProviderRef)
	require.Len(t, x.sms.Calls(), 1)
}

func TestAnSMSWhoseTakingCouldNotBeWrittenIsNotSentAgain(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	x.sms.SetReport("", 1)
	_, id := x.told("", phone)
	x.refuseSuccess()
	require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(x.run(x.next(), false)).Key)
	require.Equal(t, "failed unknown ", x.state(id))
	require.Equal(t, 0, x.count(`SELECT count(*) FROM tasks WHERE status = 'pending'`))
	require.Len(t, x.sms.Calls(), 1)
}

func TestAfterACrashAnSMSIsNotSentAgainUnlessAPersonSaysSo(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	x.sms.SetReport("", 1)
	_, id := x.told("", phone)
	task := x.next()
	// The process that had the task handed the SMS over and died.
	_, err := x.store.SQL().Exec(`UPDATE deliveries SET status = 'running', handing_since = now() WHERE id = $1`, id)
	require.NoError(t, err)
	require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(x.run(task, false)).Key)
	require.Equal(t, "failed unknown ", x.state(id))
	require.Empty(t, x.sms.Calls())
	require.NoError(t, x.d.Resend(t.Context(), id, "", ann))
	require.NoError(t, x.run(x.next(), false))
	require.Equal(t, "succeeded handed_over ", x.state(id))
	require.Len(t, x.sms.Calls(), 1)
}

func TestAfterACrashAReportTellsThatNothingNeedBeSent(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	_, id := x.told("", phone)
	task := x.next()
	_, err := x.store.SQL().Exec(`UPDATE deliveries SET status = 'running', handing_since = now() WHERE id = $1`, id)
	require.NoError(t, err)
	d := x.delivery(id)
	c := simulator.SMSCall{ID: "sms-1", Extend: deliver.TagForTest(id, d.MessageRef), Callback: x.callback}
	require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), c, "DELIVRD", 1, 1))
	require.NoError(t, x.run(task, false))
	require.Equal(t, "succeeded delivered DELIVRD", x.state(id))
	require.Empty(t, x.sms.Calls(), "nobody was told twice")
}

// Mail servers send what they are given, and may send it twice: what was left when
// the process died, or whose answer was lost, waits for a person, unless the
// operators say that a repeat is shown once.
func TestAMailOfWhichNobodySawTheEndIsNotSentAgainUnlessItsSystemShowsItOnce(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(x *exchange, id int64){
		"the process died": func(x *exchange, id int64) {
			_, err := x.store.SQL().Exec(`UPDATE deliveries SET status = 'running', handing_since = now() WHERE id = $1`, id)
			require.NoError(x.t, err)
		},
		"the answer was lost":      func(x *exchange, _ int64) { x.smtp.Drop(smtptest.Taken, 1) },
		"it could not be recorded": func(x *exchange, _ int64) { x.refuseSuccess() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := openSMS(t)
			x.fallBack(true)
			_, id := x.told(address, phone)
			lose(x, id)
			require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(x.run(x.next(), false)).Key)
			require.Equal(t, "failed unknown ", x.state(id))
			require.Equal(t, "failed", x.text(`SELECT status FROM tasks WHERE delivery_id = $1`, id), "it stands among the failures")
			require.Equal(t, 1, x.count(`SELECT count(*) FROM deliveries`), "it may have arrived: no fall-back")
			needs, err := x.store.Reader().NeedDeliveries(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, needs.Count.N)
			before := len(x.smtp.Messages())
			_, err = x.store.SQL().Exec(`ALTER TABLE deliveries DROP CONSTRAINT IF EXISTS nothing_is_written`)
			require.NoError(t, err)
			require.NoError(t, x.d.Resend(t.Context(), id, "", ann))
			require.NoError(t, x.run(x.next(), false))
			require.Len(t, x.smtp.Messages(), before+1, "a person had it sent")
			require.Equal(t, "succeeded handed_over ", x.state(id))
		})
	}
	t.Run("shown once", func(t *testing.T) {
		t.Parallel()
		p := open(t, true, func(o *email.Options) { o.Dedupes = true })
		_, id := p.told(address, "")
		task := p.next()
		_, err := p.store.SQL().Exec(`UPDATE deliveries SET status = 'running', handing_since = now() - interval '1 hour' WHERE id = $1`, id)
		require.NoError(t, err)
		p.smtp.Drop(smtptest.Taken, 1)
		require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(p.run(task, false)).Key)
		require.Equal(t, 1, p.count(`SELECT count(*) FROM deliveries WHERE outcome_at < now() - interval '1 hour'`), "since the first one left")
		require.NoError(t, p.run(p.next(), false))
		require.Equal(t, "handed_over", p.delivery(id).Outcome)
		got := p.arrived(2)
		require.Equal(t, got[0].Get("Message-Id"), got[1].Get("Message-Id"))
	})
	for how, last := range map[string]func(*post){
		"shown once, its last answer lost":  func(p *post) { p.smtp.Drop(smtptest.Taken, 1) },
		"shown once, then put off for good": func(p *post) { p.smtp.Reply(smtptest.RcptTo, 450, "4.2.0 later", 1) },
		"shown once, then refused":          func(p *post) { p.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", 1) },
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := open(t, true, func(o *email.Options) { o.Dedupes = true })
			p.fallBack(true)
			_, id := p.told(address, phone)
			p.smtp.Drop(smtptest.Taken, 1)
			require.Error(t, p.run(p.next(), false))
			since := p.text(`SELECT outcome_at FROM deliveries`)
			last(p)
			require.Error(t, p.run(p.next(), true))
			require.Equal(t, "failed unknown", p.delivery(id).Status+" "+p.delivery(id).Outcome)
			require.Equal(t, since, p.text(`SELECT outcome_at FROM deliveries`), "that is since when it is unknown")
			require.Equal(t, 1, p.count(`SELECT count(*) FROM deliveries`), "one of the two may have arrived: no fall-back")
		})
	}
}

// A process that dies before a mail's last line is sent has sent nothing: it is
// tried again.
func TestAMailThatHadNotLeftIsTriedAgainAfterACrash(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, id := p.told(address, "")
	task := p.next()
	release := p.smtp.Hold(smtptest.Data, 1)
	dying, die := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.d.Deliver(dying, task) }()
	require.Eventually(t, func() bool { return p.smtp.Sessions() == 1 }, waitLong, waitTick)
	require.Equal(t, "running", p.delivery(id).Status)
	die()
	require.Error(t, <-done, "and nothing is written of it")
	release()
	require.NoError(t, p.run(task, false))
	p.arrived(1)
	require.Equal(t, "succeeded", p.delivery(id).Status)
}

func TestWhatIsReportedOfAnEarlierSendingChangesNothing(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	x.sms.SetReport("", 1)
	_, id := x.told("", phone)
	require.NoError(t, x.run(x.next(), false))
	require.NoError(t, x.d.Resend(t.Context(), id, "13900000000", ann))
	require.NoError(t, x.run(x.next(), false))
	calls := x.sms.Calls()
	require.NotEqual(t, calls[0].Extend, calls[1].Extend)
	require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), calls[0], "UNDELIV", 1, 1))
	require.Equal(t, "succeeded handed_over ", x.state(id))
	require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), calls[1], "DELIVRD", 1, 1))
	require.Equal(t, "succeeded delivered DELIVRD", x.state(id))
	require.Equal(t, 2, x.count(`SELECT count(*) FROM delivery_receipts`), "both are kept")

	other := calls[0]
	other.Extend = "999999-0123456789abcdef"
	require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), other, "DELIVRD", 1, 1), "of somebody else's delivery: dropped")
	other.Extend = "" // a service that does not give it back
	other.ID = calls[1].ID
	require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), other, "UNKNOWN", 1, 1))
	require.Equal(t, 3, x.count(`SELECT count(*) FROM delivery_receipts`))
	require.Equal(t, "succeeded delivered DELIVRD", x.state(id))
}

func TestWhatIsRefusedIsToldByTheOtherMedium(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		email, want string
		on          bool
		fallbacks   int
		refuse      func(x *exchange)
	}{
		"mail refused, SMS goes": {address, "succeeded handed_over ", true, 1, func(x *exchange) { x.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", smtptest.Always) }},
		"switched off":           {address, "", false, 0, func(x *exchange) { x.smtp.Reply(smtptest.RcptTo, 550, "5.1.1 no", smtptest.Always) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := openSMS(t)
			x.sms.SetReport("", 1)
			x.fallBack(c.on)
			c.refuse(x)
			_, id := x.told(c.email, phone)
			require.Error(t, x.run(x.next(), false))
			require.Equal(t, "failed refused 550", x.state(id))
			require.Equal(t, c.fallbacks, x.count(`SELECT count(*) FROM deliveries WHERE fallback_of = $1`, id))
			if c.fallbacks == 0 {
				return
			}
			task := x.next()
			require.NoError(t, x.run(task, false))
			require.Equal(t, c.want, x.state(task.DeliveryID))
			require.Equal(t, "+86"+phone, x.sms.Calls()[0].To)
			require.Equal(t, http.StatusOK, x.sms.Push(t.Context(), x.sms.Calls()[0], "UNDELIV", 1, 1))
			require.Equal(t, "failed refused UNDELIV", x.state(task.DeliveryID))
			require.Equal(t, 2, x.count(`SELECT count(*) FROM deliveries`), "a fall-back falls back no further")
		})
	}
}

func TestAnSMSThatDoesNotArriveIsToldByMail(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	x.fallBack(true)
	x.sms.SetReport("UNDELIV", 2)
	pk, id := x.told("bad address", phone)
	x.write(pk, func(tx *store.Tx, i *store.Instance) error { // the customer's address was put right meanwhile
		i.Email = address
		return tx.SaveOrder(context.Background(), i, []byte("{}"))
	})
	require.NoError(t, x.run(x.next(), false))
	x.sms.Wait()
	require.Equal(t, "failed refused UNDELIV", x.state(id))
	require.Equal(t, "delivery.refused", x.text(`SELECT last_error->>'key' FROM deliveries WHERE id = $1`, id))
	require.Equal(t, 2, x.count(`SELECT count(*) FROM deliveries`), "once, for two parts that say the same")
	require.NoError(t, x.run(x.next(), false))
	require.Contains(t, x.arrived(1)[0].Text, password)
}

func TestAPersonSaysWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	_, id := p.told(address, "")
	bounced := deliver.Report{Outcome: deliver.Bounced, Code: "5.1.1", Note: "no such user"}
	require.Equal(t, "delivery.not_handed_over", fault.From(p.d.Report(t.Context(), id, bounced, ann)).Key)
	require.NoError(t, p.run(p.next(), false))
	require.NoError(t, p.d.Report(t.Context(), id, bounced, ann))
	require.Equal(t, "failed bounced 5.1.1", p.text(`SELECT status || ' ' || outcome || ' ' || outcome_code FROM deliveries`))
	require.Equal(t, "delivery.report operator:ann@example.com bounced", p.text(`SELECT action || ' ' || actor || ' ' || (detail->>'outcome') FROM audit`))
	require.Equal(t, "receipt.not_expected", fault.From(p.d.Receive(t.Context(), deliver.Email, nil, nil)).Key)
}
