package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// notification is what a mail system wrote about a mail that came from an address.
func notification(t *testing.T, name, from string) string {
	t.Helper()
	raw, err := os.ReadFile("deliver/email/bounce/testdata/" + name + ".eml")
	require.NoError(t, err)
	return strings.ReplaceAll(string(raw), "bounce+TOKEN@notify.seller.test", from)
}

// A purchase is told by mail; the mail comes back to the mail server, another one
// to the mail service.
func TestMailsComeBack(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, func(r *rig) { r.config.MailBounce = "bounce@notify.seller.test" })
	r.buy("CS2611270001VERP")
	first := r.mails(1)[0]
	require.Regexp(t, `^bounce\+[a-z2-7]+@notify\.seller\.test$`, first.From)
	r.buy("CS2611270002VERP")
	second := r.mails(2)[1]
	outcomes := func() (out []string) {
		for _, d := range r.items("/deliveries?kind=usage_info") {
			out = append(out, d["outcome"].(string))
		}
		return out
	}
	require.Equal(t, "written down: bounced 5.1.1\n", r.ok(mails, notification(t, "postfix-failed", first.From), "bounce", "--recipient", first.From))
	require.Equal(t, []string{"handed_over", "bounced"}, outcomes())
	require.Equal(t, "not about a delivery of ours: nothing was written down\n", r.ok(mails, notification(t, "qmail", "bounce+forged@notify.seller.test"), "bounce"))

	address := strings.TrimSpace(r.ok(mails, "", "webhook"))
	path, ok := strings.CutPrefix(address, "http://koodesk.test")
	require.True(t, ok, address)
	res, err := http.Post(r.base+path, "message/rfc822", strings.NewReader(notification(t, "office365", second.From)))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, []string{"bounced", "bounced"}, outcomes())
	require.NotContains(t, r.log.String(), path, "the address is secret")
	require.NotContains(t, r.log.String(), buyerEmail)
}

// A mail server keeps what cannot be taken now, and gives up nothing for a mistake
// of ours.
func TestMailServersAreToldByTheExitCode(t *testing.T) {
	const to = "bounce+x@notify.seller.test"
	returned, answer := notification(t, "exim-failed", to), notification(t, "vacation", to)
	s := newShell(t)
	s.settings["MAIL_BOUNCE"] = "bounce@notify.seller.test"
	take := func(stdin string, args ...string) (int, string) {
		code, out, errs := s.run(stdin, append([]string{"mail", "bounce"}, args...)...)
		return code, out + errs
	}
	for stdin, want := range map[string]int{returned: exitOK, answer: exitOK, "": exitData, "garbage": exitData} {
		code, says := take(stdin)
		require.Equal(t, want, code, says)
	}
	code, _ := take("", "-h")
	require.Equal(t, exitOK, code)
	code, says := take(returned, "--to", "x")
	require.Equal(t, exitLater, code, says)
	good := s.settings["DATABASE_URL"]
	s.settings["DATABASE_URL"] = "postgres://koodesk@127.0.0.1:1/koodesk?sslmode=disable"
	code, says = take(returned)
	require.Equal(t, exitLater, code, says)
	s.settings["DATABASE_URL"] = "nonsense"
	code, says = take(returned)
	require.Equal(t, exitLater, code, says)
	s.settings["DATABASE_URL"], s.settings["MAIL_BOUNCE"] = good, ""
	code, says = take(returned)
	require.Equal(t, exitLater, code, says)
	require.Contains(t, says, "MAIL_BOUNCE is not set")
	s.settings["MAIL_BOUNCE"] = "Koodesk <bounce@example.com>"
	code, says = take(returned)
	require.Equal(t, exitLater, code, says)
	require.Contains(t, says, "MAIL_BOUNCE: is not a bare mail address")
	var out bytes.Buffer
	require.Equal(t, exitUsage, run(context.Background(), []string{"mail"}, nil, &out, &out))
	require.Contains(t, out.String(), "say one of `mail bounce`, `mail webhook`")
}
