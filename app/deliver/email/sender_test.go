package email_test

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
)

// sender gives a sender to the server, as SMTP_URL would describe it.
func sender(t *testing.T, s *smtptest.Server, change ...func(*email.Options)) *email.Sender {
	t.Helper()
	o, err := email.Parse(s.URL())
	require.NoError(t, err)
	o.From = mail.Address{Name: "示例云", Address: "service@seller.test"}
	o.RootCAs, o.Timeout = s.CAs(), 20*time.Second
	for _, c := range change {
		c(&o)
	}
	out := email.New(o)
	t.Cleanup(out.Close)
	return out
}

func parcel(n int) deliver.Parcel {
	return deliver.Parcel{DeliveryID: int64(n), To: "zhang@example.com", Mask: "z***", Ref: fmt.Sprintf("<%032d@seller.test>", n), Language: "zh-CN",
		Subject: "商品已开通:使用信息", Text: "密码:p&<ss>1\n.\n..两点\n" + strings.Repeat("长", 400) + "\n", HTML: "<p>密码:p&amp;&lt;ss&gt;1</p>"}
}

func send(t *testing.T, s *email.Sender, p deliver.Parcel) *fault.Error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := s.Send(ctx, p)
	if err == nil {
		return nil
	}
	return fault.From(err)
}

func TestAMailArrivesWhole(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]smtptest.Option{
		"starttls": nil, "implicit": {smtptest.ImplicitTLS()}, "login": {smtptest.Mechanisms("LOGIN")},
		"nobody logs in": {smtptest.WithoutAuth()}, "local": {smtptest.WithoutSTARTTLS()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.Start(t, options...)
			out := sender(t, s)
			receipt, err := out.Send(context.Background(), parcel(1))
			require.NoError(t, err)
			require.Equal(t, "2.0.0 Ok: queued as 4F1C", receipt.ProviderRef)
			require.Len(t, s.Messages(), 1)
			m := s.Messages()[0]
			require.Equal(t, name != "local", m.TLS)
			require.Equal(t, "service@seller.test", m.From)
			require.Equal(t, []string{"zhang@example.com"}, m.To)
			require.Contains(t, m.Get("From"), "示例云")
			require.Contains(t, m.Get("From"), "<service@seller.test>")
			require.Equal(t, "<zhang@example.com>", m.Get("To"))
			require.Equal(t, "商品已开通:使用信息", m.Get("Subject"))
			require.Equal(t, parcel(1).Ref, m.Get("Message-Id"))
			require.Equal(t, "auto-generated", m.Get("Auto-Submitted"))
			require.Equal(t, "zh-CN", m.Get("Content-Language"))
			require.Equal(t, parcel(1).Text, strings.ReplaceAll(m.Text, "\r\n", "\n"))
			require.Equal(t, parcel(1).HTML, strings.TrimSpace(m.HTML))
			require.NotContains(t, m.Raw, "go-mail")
			for _, h := range []string{"Cc", "Bcc", "Reply-To", "User-Agent", "X-Mailer"} {
				require.Empty(t, m.Get(h), h)
			}
			for _, line := range strings.Split(m.Raw, "\n") {
				require.LessOrEqual(t, len(line), 998, "RFC 5322 2.1.1")
			}
		})
	}
}

func TestNothingInjectsAHeaderOrAReceiver(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s)
	p := parcel(1)
	p.Subject = "开通\r\nBcc: thief@example.org\r\n\r\nbody\u2028x"
	p.Language = "en\r\nX-Evil: 1"
	require.Nil(t, send(t, out, p))
	m := s.Messages()[0]
	require.Equal(t, []string{"zhang@example.com"}, m.To)
	require.Empty(t, m.Get("Bcc"))
	require.Empty(t, m.Get("X-Evil"))
	require.Contains(t, m.Get("Subject"), "Bcc: thief@example.org", "it is only text now")
	for _, to := range []string{
		"a@example.com\r\nRCPT TO:<b@example.com>", "a@example.com, b@example.com", "A <a@example.com>", "a@example.com>\r\nBcc: b@example.com",
		"<a@example.com>", "", "a", "a@", "a b@example.com", "a@example.com (comment)",
	} {
		p := parcel(2)
		p.To = to
		f := send(t, out, p)
		require.NotNil(t, f, to)
		require.Equal(t, "delivery.bad_email", f.Key, to)
		require.True(t, f.Retry.Never, to)
	}
	require.Len(t, s.Messages(), 1)
}

func TestWhatTheServerSaysDecidesWhatHappensNext(t *testing.T) {
	t.Parallel()
	const refusal = "5.1.1 <zhang@example.com>: user unknown"
	for name, c := range map[string]struct {
		rule  func(*smtptest.Server)
		key   string
		never bool
		after time.Duration
	}{
		"greylisted":            {func(s *smtptest.Server) { s.Reply(smtptest.RcptTo, 450, "4.2.0 greylisted", 1) }, "mail.deferred", false, time.Minute},
		"busy at the greeting":  {func(s *smtptest.Server) { s.Reply(smtptest.Connect, 421, "4.3.2 too busy", 1) }, "mail.deferred", false, time.Minute},
		"full at the end":       {func(s *smtptest.Server) { s.Reply(smtptest.End, 452, "4.3.1 disk full", 1) }, "mail.deferred", false, time.Minute},
		"no such user":          {func(s *smtptest.Server) { s.Reply(smtptest.RcptTo, 550, refusal, 1) }, "mail.recipient_refused", true, 0},
		"sender not allowed":    {func(s *smtptest.Server) { s.Reply(smtptest.MailFrom, 553, "5.7.1 not yours", 1) }, "mail.sender_refused", true, 0},
		"taken for spam":        {func(s *smtptest.Server) { s.Reply(smtptest.End, 554, "5.7.1 spam", 1) }, "mail.content_refused", true, 0},
		"blocked":               {func(s *smtptest.Server) { s.Reply(smtptest.Connect, 554, "5.7.1 blocked", 1) }, "mail.server_refused", true, 0},
		"wrong password":        {func(s *smtptest.Server) { s.RefuseAuth() }, "mail.auth_refused", false, 10 * time.Minute},
		"login unavailable now": {func(s *smtptest.Server) { s.Reply(smtptest.Auth, 454, "4.7.0 later", 1) }, "mail.deferred", false, time.Minute},
		"dropped in the middle": {func(s *smtptest.Server) { s.Drop(smtptest.Body, 1) }, "mail.connection_lost", false, 0},
		"dropped at the end":    {func(s *smtptest.Server) { s.Drop(smtptest.Taken, 1) }, deliver.ErrOutcomeUnknown, true, 0},
		"dropped unnoticed":     {func(s *smtptest.Server) { s.Drop(smtptest.Body, 1) }, deliver.ErrOutcomeUnknown, true, 0},
		"dropped at once":       {func(s *smtptest.Server) { s.Drop(smtptest.Connect, 1) }, "mail.connection_lost", false, 0},
		"nobody there":          {func(s *smtptest.Server) { s.Down() }, "mail.unreachable", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := smtptest.Start(t)
			out := sender(t, s)
			c.rule(s)
			p := parcel(1)
			if name == "dropped in the middle" {
				p.Text = strings.Repeat("more than fits into the buffers in between\n", 200_000)
			}
			f := send(t, out, p)
			require.NotNil(t, f)
			require.Equal(t, c.key, f.Key, f.Error())
			require.Equal(t, c.never, f.Retry.Never)
			require.Equal(t, c.after, f.Retry.After)
			if f.Key != deliver.ErrOutcomeUnknown {
				require.Equal(t, s.Addr(), f.Args["server"])
			}
			require.NotContains(t, f.Error(), "zhang@", "what is stored and logged does not name the receiver")
			require.NotContains(t, f.Error(), smtptest.Password)
			s.Accept()
			if c.key == "mail.unreachable" {
				s.Up()
			}
			require.Nil(t, send(t, out, parcel(2)), "the next mail goes")
		})
	}
}

func TestASlowServerCostsNoMoreThanTheTimeout(t *testing.T) {
	t.Parallel()
	for _, stage := range []smtptest.Stage{smtptest.Connect, smtptest.Hello, smtptest.Auth, smtptest.RcptTo, smtptest.End} {
		t.Run(string(stage), func(t *testing.T) {
			t.Parallel()
			s := smtptest.Start(t)
			out := sender(t, s, func(o *email.Options) { o.Timeout, o.Wait = 300*time.Millisecond, 300*time.Millisecond })
			release := s.Hold(stage, 1)
			f := send(t, out, parcel(1))
			require.NotNil(t, f)
			if stage == smtptest.End {
				require.Equal(t, deliver.ErrOutcomeUnknown, f.Key, "the server has all of it")
			} else {
				require.Equal(t, "mail.timeout", f.Key, f.Error())
			}
			release()
		})
	}
}

// A mail system that shows a Message-ID once may be given the same mail again:
// a lost answer is then tried again.
func TestALostAnswerOfASystemThatShowsARepeatOnceIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	plain, dedupes := sender(t, s), sender(t, s, func(o *email.Options) { o.Dedupes = true })
	require.Equal(t, []bool{false, true}, []bool{plain.Repeatable(), dedupes.Repeatable()})
	s.Drop(smtptest.Taken, 1)
	lost := send(t, dedupes, parcel(1))
	require.Equal(t, deliver.ErrOutcomeUnknown, lost.Key)
	require.False(t, lost.Retry.Never)
}

// Who sends notes that a mail leaves before its last line does, and not earlier;
// where that cannot be noted, it does not leave.
func TestAMailLeavesOnlyWhenThatIsNoted(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s)
	noted := 0
	p := parcel(1)
	p.Leave = func(context.Context) error {
		noted++
		require.Empty(t, s.Messages())
		return nil
	}
	s.Reply(smtptest.RcptTo, 450, "4.2.0 later", 1)
	require.NotNil(t, send(t, out, p))
	require.Zero(t, noted)
	require.Nil(t, send(t, out, p))
	require.Equal(t, 1, noted)
	p.Leave = func(context.Context) error { return fault.New(fault.Conflict, "task.lease_lost") }
	require.Equal(t, "task.lease_lost", send(t, out, p).Key)
	require.Nil(t, send(t, out, parcel(2)))
	require.Len(t, s.Messages(), 2, "half a mail is none")
}

// The answer to a whole mail has a time of its own.
func TestTheLastAnswerHasItsOwnTime(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s, func(o *email.Options) { o.Timeout, o.Wait = time.Hour, 100*time.Millisecond })
	defer s.Hold(smtptest.End, 1)()
	done := make(chan error, 1)
	go func() { _, err := out.Send(context.Background(), parcel(1)); done <- err }()
	select {
	case err := <-done:
		require.Equal(t, deliver.ErrOutcomeUnknown, fault.From(err).Key)
	case <-time.After(time.Minute):
		require.Fail(t, "it waits as long as for every other answer")
	}
}

func TestACancelledSendingEndsAtOnce(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s, func(o *email.Options) { o.Timeout = time.Hour })
	release := s.Hold(smtptest.End, 1)
	defer release()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := out.Send(ctx, parcel(1)); done <- err }()
	require.Eventually(t, func() bool { return s.Sessions() == 1 }, time.Minute, 5*time.Millisecond)
	cancel()
	select {
	case err := <-done:
		require.Equal(t, fault.Unavailable, fault.CodeOf(err))
	case <-time.After(10 * time.Second):
		require.Fail(t, "the sending went on")
	}
}

func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	f := send(t, sender(t, s, func(o *email.Options) { o.RootCAs = nil }), parcel(1))
	require.NotNil(t, f)
	require.Equal(t, "mail.certificate", f.Key)
	implicit := smtptest.Start(t, smtptest.ImplicitTLS())
	f = send(t, sender(t, implicit, func(o *email.Options) { o.RootCAs = nil }), parcel(1))
	require.NotNil(t, f)
	require.Equal(t, "mail.certificate", f.Key)
	open := smtptest.Start(t, smtptest.WithoutSTARTTLS())
	f = send(t, sender(t, open, func(o *email.Options) { o.TLS = email.Required }), parcel(1))
	require.NotNil(t, f)
	require.Equal(t, "mail.no_starttls", f.Key)
	require.Nil(t, send(t, sender(t, open, func(o *email.Options) { o.TLS = email.Opportunistic }), parcel(1)))
	mismatch := send(t, sender(t, smtptest.Start(t), func(o *email.Options) { o.TLS = email.Implicit }), parcel(1))
	require.NotNil(t, mismatch)
	require.Equal(t, "mail.tls_failed", mismatch.Key)
	require.Empty(t, s.Messages())
	require.Empty(t, implicit.Messages())
}

func TestAHundredMailsShareConnections(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 25 {
				if _, err := out.Send(context.Background(), parcel(w*25+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	refs := map[string]bool{}
	for _, m := range s.Messages() {
		require.Len(t, m.To, 1)
		refs[m.Get("Message-Id")] = true
	}
	require.Len(t, refs, 100)
	require.LessOrEqual(t, s.Sessions(), 4)
}

func TestAConnectionThatDiedMeanwhileIsReplaced(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s)
	require.Nil(t, send(t, out, parcel(1)))
	s.Disconnect()
	require.Nil(t, send(t, out, parcel(2)))
	require.Len(t, s.Messages(), 2)
	require.Equal(t, 2, s.Sessions())
	short := sender(t, s, func(o *email.Options) { o.PerConn = 1 })
	require.Nil(t, send(t, short, parcel(3)))
	require.Nil(t, send(t, short, parcel(4)))
	require.Equal(t, 4, s.Sessions(), "a connection is not used for ever")
}

func TestARefusalDoesNotCostTheConnection(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s)
	s.Reply(smtptest.RcptTo, 550, "5.1.1 no", 1)
	require.NotNil(t, send(t, out, parcel(1)))
	require.Nil(t, send(t, out, parcel(2)))
	require.Equal(t, 1, s.Sessions())
	require.Equal(t, []string{"zhang@example.com"}, s.Messages()[0].To, "nothing is left of the refused one")
}

func TestCheckLogsInAndLeaves(t *testing.T) {
	t.Parallel()
	s := smtptest.Start(t)
	out := sender(t, s)
	require.NoError(t, out.Check(context.Background()))
	s.Reply(smtptest.MailFrom, 553, "5.7.1 not yours", 1)
	require.Equal(t, "mail.sender_refused", fault.From(out.Check(context.Background())).Key)
	require.Empty(t, s.Messages())
	s.RefuseAuth()
	require.Equal(t, "mail.auth_refused", fault.From(out.Check(context.Background())).Key)
}

func TestWithoutAServerMailsAreKept(t *testing.T) {
	t.Parallel()
	require.Equal(t, "none", email.None{}.Transport())
	_, err := email.None{}.Send(context.Background(), parcel(1))
	require.NoError(t, err)
	_, err = email.None{}.Send(context.Background(), deliver.Parcel{To: "nonsense"})
	require.Equal(t, "delivery.bad_email", fault.From(err).Key)
}
