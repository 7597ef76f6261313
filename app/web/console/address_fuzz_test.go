package console

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"koodesk/app/web/view"
)

// FuzzAddress: what a form or a link says about where to go next leads to a page
// of the console or nowhere, and what a list reads of its address can be written
// again.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"", "/messages?status=failed&q=a%20b", "//evil.example.com", "/\\evil.example.com", "https://evil.example.com/", "/%5cevil", "/a/../..//b", "/x?y=//z#f", "/messages?q=%00%ff%e2%80%ae", "/%2f%2fevil", "javascript:alert(1)", "/;@evil"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://desk.example.com/login")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		at := local(raw)
		if at != "" {
			u, err := base.Parse(at)
			if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || strings.HasPrefix(at, "//") || strings.ContainsAny(at, "\\\r\n\t") {
				t.Fatalf("%q leads to %q", raw, at)
			}
			if again := local(at); again != at {
				t.Fatalf("%q is %q, and then %q", raw, at, again)
			}
		}
		_, query, _ := strings.Cut(raw, "?")
		u := addressOf("/messages", query, messageParams...)
		_, written, _ := strings.Cut(u.String(), "?")
		if again := addressOf("/messages", written, messageParams...); again.String() != u.String() {
			t.Fatalf("%q is %q, and then %q", raw, u.String(), again.String())
		}
		_ = readMessages(u, view.Clock{Now: time.Now(), Zone: time.UTC})
		_ = readTasks(u)
		_ = readInstances(u, time.Now())
	})
}
