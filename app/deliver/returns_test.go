package deliver_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/email/bounce"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/seal"
	"koodesk/app/store"
)

// withReturns has mails come back to MAIL_BOUNCE.
func withReturns(x *exchange, change ...func(*email.Options)) {
	x.t.Helper()
	o, err := email.Parse(x.smtp.URL())
	require.NoError(x.t, err)
	o.From, o.RootCAs, o.Timeout = mail.Address{Name: "示例云", Address: "service@seller.test"}, x.smtp.CAs(), 20*time.Second
	for _, c := range change {
		c(&o)
	}
	out := email.New(o)
	x.t.Cleanup(out.Close)
	x.d, err = deliver.New(deliver.Options{Store: x.store, Email: out, SMS: x.sender, Domain: "seller.test", Log: x.logger(),
		Bounce: "bounce@notify.seller.test", Returns: bounce.Receiver{}})
	require.NoError(x.t, err)
}

// sent hands the next delivery over and gives the mail as the server took it.
func (p *post) sent(n int) smtptest.Message {
	p.t.Helper()
	require.NoError(p.t, p.run(p.next(), false))
	return p.arrived(n)[n-1]
}

// back gives a mail system's notification about what went out from an address.
func (p *post) back(name, from string) int {
	p.t.Helper()
	raw, err := os.ReadFile(filepath.Join("email", "bounce", "testdata", name+".eml"))
	require.NoError(p.t, err)
	reports, err := bounce.Read(bytes.ReplaceAll(raw, []byte("bounce+TOKEN@notify.seller.test"), []byte(from)), "", time.Now())
	require.NoError(p.t, err)
	known, err := p.d.Take(context.Background(), deliver.Email, reports)
	require.NoError(p.t, err)
	return known
}

func TestAMailThatComesBackIsKnownByItsAddress(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	withReturns(x)
	x.fallBack(true)
	x.sms.SetReport("", 1)
	pk, first := x.told(address, phone)
	m := x.sent(1)
	require.Regexp(t, `^bounce\+[a-z2-7]{28,40}@notify\.seller\.test$`, m.From)
	require.Less(t, strings.IndexByte(m.From, '@'), 65)
	require.Contains(t, m.Get("From"), "<service@seller.test>", "customers see the sender as before")
	_, second := x.told(address, phone)
	other := x.sent(2)
	require.NotEqual(t, m.From, other.From)

	require.Equal(t, 1, x.back("postfix-delayed", m.From))
	require.Equal(t, "succeeded handed_over ", x.state(first), "it is still on its way")
	for range 3 { // the same notification again, in any case of letters
		require.Equal(t, 1, x.back("postfix-failed", strings.ToUpper(m.From)))
	}
	require.Equal(t, "failed bounced 5.1.1", x.state(first))
	require.Equal(t, "delivery.bounced", x.text(`SELECT last_error->>'key' FROM deliveries WHERE id = $1`, first))
	require.Equal(t, "smtp 550 5.1.1 <***@example.com>: Recipient address rejected: User unknown in virtual mailbox table",
		x.text(`SELECT source || ' ' || note FROM delivery_receipts WHERE delivery_id = $1 AND outcome = 'bounced'`, first))
	require.Equal(t, 2, x.count(`SELECT count(*) FROM delivery_receipts WHERE delivery_id = $1`, first), "each thing once")
	require.Equal(t, 1, x.count(`SELECT count(*) FROM deliveries WHERE fallback_of = $1 AND medium = 'sms'`, first), "told by SMS, once")
	require.Equal(t, "succeeded handed_over ", x.state(second), "the other one is untouched")

	// What came back may have the subject that we gave it.
	x.write(pk, func(tx *store.Tx, i *store.Instance) error {
		i.RealName = "张三丰"
		return tx.SaveOrder(t.Context(), i, []byte("{}"))
	})
	_, err := x.d.Take(t.Context(), deliver.Email, []deliver.Report{{To: []string{m.From}, Outcome: deliver.HandedOver, Remark: "unreadable", Note: "Undeliverable: 张三丰, " + address}})
	require.NoError(t, err)
	require.Equal(t, "Undeliverable: "+store.MaskName("张三丰")+", "+store.MaskEmail(address), x.text(`SELECT note FROM delivery_receipts WHERE remark = 'unreadable'`))

	// It has arrived, says one; what comes later changes nothing.
	require.Equal(t, 1, x.back("postfix-delivered", other.From))
	require.Equal(t, "succeeded delivered 2.0.0", x.state(second))
	require.Equal(t, 1, x.back("qmail", other.From))
	require.Equal(t, "succeeded delivered 2.0.0", x.state(second))
	require.NotContains(t, x.text(`SELECT string_agg(r::text, ' ') FROM delivery_receipts r`), address)
}

func TestNobodyElseMakesAMailBounce(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	withReturns(x)
	_, id := x.told(address, "")
	m := x.sent(1)
	local, domain, _ := strings.Cut(m.From, "@")
	stranger, err := seal.New(bytes.Repeat([]byte{9}, seal.KeySize))
	require.NoError(t, err)
	last := map[bool]string{true: "b", false: "a"}[local[len(local)-1] == 'a']
	for _, from := range []string{
		"bounce@" + domain, "bounce+@" + domain, "bounce+1@" + domain, local[:len(local)-1] + last + "@" + domain, local + "a@" + domain,
		"bounce+" + stranger.ShortToken(seal.Returns, []byte("\x01abcd")) + "@" + domain,
		"bounce+" + x.store.Keys().ShortToken(seal.AccessPage, []byte("\x01abcd")) + "@" + domain,
		"bounce+" + x.store.Keys().ShortToken(seal.Returns, []byte("\x01")) + "@" + domain,
		"bounce+" + x.store.Keys().ShortToken(seal.Returns, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01abcd")) + "@" + domain,
	} {
		require.Equal(t, 0, x.back("exim-failed", from), from)
	}
	require.Equal(t, 0, x.back("vacation", m.From), "an answer is no bounce")
	require.Equal(t, "succeeded handed_over ", x.state(id))
	require.Equal(t, 0, x.count(`SELECT count(*) FROM delivery_receipts`))

	// A mail that a person has sent again is another sending.
	require.NoError(t, x.d.Resend(t.Context(), id, "", ann))
	again := x.sent(2)
	require.NotEqual(t, m.From, again.From)
	require.Equal(t, 1, x.back("exim-failed", m.From))
	require.Equal(t, "succeeded handed_over ", x.state(id), "of the earlier sending: kept, and no more")
	require.Equal(t, 1, x.back("office365", "seller-"+again.From), "what stands before the token is the mail server's")
	require.Equal(t, "failed bounced 5.1.10", x.state(id))
}

func TestAMailServiceReportsByHTTP(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	withReturns(x)
	_, id := x.told(address, "")
	m := x.sent(1)
	post := func(body string) error {
		r := httptest.NewRequest(http.MethodPost, "/receipts/email/x", nil)
		r.Header.Set("Content-Type", "application/json")
		return x.d.Receive(t.Context(), deliver.Email, r, []byte(body))
	}
	require.NoError(t, post(`{"recipient":"`+m.From+`","outcome":"bounced","code":"5.2.2","note":"full"}`))
	require.Equal(t, "failed bounced 5.2.2", x.state(id))
	require.Equal(t, "receipt.unreadable", fault.From(post(`{}`)).Key)
	_, id = x.told(address, "")
	raw, err := os.ReadFile(filepath.Join("email", "bounce", "testdata", "postfix-failed.eml"))
	require.NoError(t, err)
	r := httptest.NewRequest(http.MethodPost, "/receipts/email/x?recipient="+x.sent(2).From, nil) // the + as it stands
	require.NoError(t, x.d.Receive(t.Context(), deliver.Email, r, raw))
	require.Equal(t, "failed bounced 5.1.1", x.state(id))
	require.NoError(t, post(`{"recipient":"bounce+x@notify.seller.test","outcome":"bounced"}`), "of nobody's: dropped")
}

// A mail's retries come back to one address; without MAIL_BOUNCE it is the sender's.
func TestARetryComesBackToTheSameAddress(t *testing.T) {
	t.Parallel()
	x := openSMS(t)
	_, _ = x.told(address, "")
	require.Equal(t, "service@seller.test", x.sent(1).From)
	withReturns(x, func(o *email.Options) { o.Dedupes = true })
	_, id := x.told(address, "")
	x.smtp.Drop(smtptest.Taken, 1)
	require.Error(t, x.run(x.next(), false))
	waiting := x.state(id)
	require.Equal(t, 1, x.back("without-report", x.arrived(2)[1].From))
	require.Equal(t, waiting, x.state(id), "what nobody can read is written down, and changes nothing")
	require.NoError(t, x.run(x.next(), false))
	got := x.arrived(3)
	require.Equal(t, got[1].From, got[2].From)
	require.Contains(t, got[1].From, "bounce+")
}
