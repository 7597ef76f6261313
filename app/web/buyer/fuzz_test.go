package buyer_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/seal"
	"koodesk/app/throttle"
	"koodesk/app/web/buyer"
)

// FuzzNotices sends whatever comes to the pages behind links in mails: in place of
// a link, and as the form of one that is good. Nothing is answered with a defect
// of ours, and only what may be switched off is.
func FuzzNotices(f *testing.F) {
	s := openWith(f, buyer.Limits{Address: throttle.Rate{Tries: 1 << 30, In: time.Minute}})
	s.product(false, "en")
	s.bought("i1")
	s.ready("i1")
	good := s.store.Keys().Token(seal.Refusal, []byte("expiry_notice\x00zh-CN\x00i1"))
	for _, form := range []string{"", "List-Unsubscribe=One-Click", "kind=frozen", "want=1&kind=%00", "kind=usage_info", "kind=" + strings.Repeat("x", 4000), "%zz&kind=%ff"} {
		f.Add(good, true, form)
		f.Add(good, false, form)
	}
	for _, token := range []string{"", "x", good + "x", good[1:], "\x00", "..", "a/b", "云", strings.Repeat("A", 4000)} {
		f.Add(token, false, "lang=xx")
	}
	f.Fuzz(func(t *testing.T, token string, post bool, form string) {
		s := *s
		s.t = t
		at, method, body := "/access/notices/"+url.PathEscape(token), http.MethodGet, ""
		if post {
			method, body = http.MethodPost, form
		} else if u, err := url.Parse(at + "?" + form); err == nil && !strings.ContainsAny(form, " #\r\n\t") {
			at = u.String()
		}
		a := s.send(method, at, strings.NewReader(body), "Content-Type", "application/x-www-form-urlencoded")
		require.Contains(t, []int{200, 303, 400, 404, 405, 431}, a.status, "%s %q", at, form)
		if token != good {
			require.NotEqual(t, 200, a.status, "%q opens", token)
		}
		require.Equal(t, "0", s.text(`SELECT count(*) FROM customer_wishes WHERE NOT off <@ ARRAY['expiry_notice','frozen','unfrozen','renewed','released','license_ready']`))
	})
}
