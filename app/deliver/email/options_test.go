package email_test

import (
	"net/mail"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email"
)

func TestParseReadsTheDocumentedForms(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]email.Options{
		"smtp://user:pass@mail.example.com:587?starttls=required": {Host: "mail.example.com", Port: 587, User: "user", Password: "pass", TLS: email.Required},
		"smtp://mail.example.com":                                 {Host: "mail.example.com", Port: 587, TLS: email.Required},
		"smtp://relay:25?starttls=opportunistic":                  {Host: "relay", Port: 25, TLS: email.Opportunistic},
		"smtp://127.0.0.1:1025?starttls=never":                    {Host: "127.0.0.1", Port: 1025, TLS: email.Never},
		"smtp://u:p@localhost?starttls=never":                     {Host: "localhost", Port: 587, User: "u", Password: "p", TLS: email.Never},
		"smtps://a%40b.cn:p%2F%23%25@smtp.qq.com":                 {Host: "smtp.qq.com", Port: 465, User: "a@b.cn", Password: "p/#%", TLS: email.Implicit},
		" smtps://u:p@[::1]:4465/ ":                               {Host: "::1", Port: 4465, User: "u", Password: "p", TLS: email.Implicit},
	} {
		got, err := email.Parse(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got, raw)
	}
}

func TestParseNamesWhatIsWrongWithoutThePassword(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for raw, part := range map[string]string{
		"": "empty",
		"http://u:" + secret + "@mail.example.com":                     "smtp:// or smtps://",
		"mail.example.com:587":                                         "smtp:// or smtps://",
		"smtp://u:" + secret + "@":                                     "no host",
		"smtp://u:" + secret + "@mail:99999":                           "port",
		"smtp://u:" + secret + "@mail:0":                               "port",
		"smtp://u:" + secret + "#x@mail:587":                           "%XX",
		"smtp://u:" + secret + "/x@mail:587":                           "%XX",
		"smtp://u:" + secret + "%zz@mail:587":                          "%XX",
		"smtp://:" + secret + "@mail":                                  "without a user name",
		"smtp://u@mail":                                                "without a password",
		"smtp://u:" + secret + "%0d%0aMAIL@mail":                       "line break",
		"smtp://u:" + secret + "@mail?starttls=yes":                    "required, opportunistic or never",
		"smtp://u:" + secret + "@mail?tls=1":                           "unknown parameter",
		"smtp://u:" + secret + "@mail?starttls=never":                  "readable",
		"smtp://u:" + secret + "@mail?starttls=never&starttls=require": "twice",
		"smtps://u:" + secret + "@mail?starttls=required":              "smtps://",
	} {
		_, err := email.Parse(raw)
		require.ErrorContains(t, err, part, raw)
		require.NotContains(t, err.Error(), secret, raw)
	}
}

func TestParseFrom(t *testing.T) {
	t.Parallel()
	a, err := email.ParseFrom("示例云 <service@example.com>")
	require.NoError(t, err)
	require.Equal(t, mail.Address{Name: "示例云", Address: "service@example.com"}, a)
	require.Equal(t, "example.com", email.Domain(a))
	for _, bad := range []string{"", "service", "a@b, c@d", "服务@例子.cn", "a@b\r\nBcc: c@d"} {
		_, err := email.ParseFrom(bad)
		require.Error(t, err, bad)
	}
}

func TestParseBounce(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", " bounce@notify.example.com ": "bounce@notify.example.com", "a.b-c_d@x": "a.b-c_d@x", strings.Repeat("b", 23) + "@x.cn": strings.Repeat("b", 23) + "@x.cn"} {
		got, err := email.ParseBounce(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"bounce", "a b@x.cn", "A <a@x.cn>", "a+b@x.cn", ".a@x.cn", "a@", "@x.cn", "a@x.cn\r\nRCPT TO:<b@x.cn>", "a>@x.cn", "退信@x.cn", "a@例子.cn", strings.Repeat("b", 24) + "@x.cn", "b@" + strings.Repeat("x", 200)} {
		_, err := email.ParseBounce(bad)
		require.Error(t, err, bad)
	}
}
