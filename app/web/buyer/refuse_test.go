package buyer_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/seal"
)

func TestNoticesAreSwitchedOffOnAPageAndAtOneClick(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.product(false, "en")
	s.bought("i1")
	s.ready("i1")
	link := "/access/notices/" + s.store.Keys().Token(seal.Refusal, []byte("expiry_notice\x00zh-CN\x00i1"))
	off := func() string { return s.text(`SELECT COALESCE((SELECT off::text FROM customer_wishes), '{}')`) }
	a := s.get(link)
	require.Equal(t, 200, a.status, a.body)
	require.Equal(t, "zh-CN", a.Find("html").AttrOr("lang", ""), "the language of the message")
	require.Contains(t, a.Text(), "您会收到")
	require.Equal(t, "{}", off(), "looking changes nothing")
	require.Contains(t, a.header.Get("X-Robots-Tag"), "noindex")
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))

	a = s.post(a.Find("form").AttrOr("action", ""))
	require.Equal(t, 200, a.status)
	require.Equal(t, "{expiry_notice}", off())
	require.Contains(t, a.Text(), "您不再收到")
	require.Contains(t, s.get(link+"?lang=en").Text(), "You get no more messages of this kind")

	form := func(body string) answer {
		return s.send(http.MethodPost, link, strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded")
	}
	require.Contains(t, form("want=1").Text(), "您会收到")
	require.Equal(t, "{}", off())
	a = form("List-Unsubscribe=One-Click")
	require.Equal(t, 200, a.status)
	require.Empty(t, a.header.Get("Set-Cookie"))
	require.Equal(t, "{expiry_notice}", off(), "without a login and without a page")
	require.Equal(t, 200, form("kind=frozen").status)
	a = s.get(link)
	require.Equal(t, 1, a.Find(".refused li").Length())
	require.Equal(t, 200, form("kind=frozen&want=1").status)
	require.Equal(t, "{expiry_notice}", off())
	require.Equal(t, 400, form("kind=usage_info").status)
	for _, bad := range []string{"/access/notices/x", "/access/notices/", strings.Replace(link, "/notices/", "/", 1)} {
		require.Equal(t, 404, s.get(bad).status, bad)
	}
	require.NotContains(t, s.log.String(), strings.TrimPrefix(link, "/access/notices/"), "no link stands in the log")
}
