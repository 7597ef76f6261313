package view_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/web/view/gallery"
)

// TestGallery walks every page in every state and both languages, and holds what
// no page may break.
func TestGallery(t *testing.T) {
	t.Parallel()
	for _, l := range i18n.Locales() {
		for _, s := range gallery.All(l) {
			t.Run(string(l)+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				var b bytes.Buffer
				require.NoError(t, engine().Page(&b, l, s.Page, s.Data))
				html := b.String()
				hostile := strings.HasPrefix(s.Name, "hostile")
				require.NotContains(t, html, "⟦", "a text is missing")
				require.NotContains(t, html, "<no value>")
				require.NotContains(t, html, "%!")
				if !hostile { // where a stranger's address is refused, the mark is right
					require.NotContains(t, html, "ZgotmplZ", "a value stands where it may not")
				}
				doc, err := goquery.NewDocumentFromReader(&b)
				require.NoError(t, err)
				nothingInline(t, doc)
				wellFormed(t, doc, l)
				labelled(t, doc)
				nothingOpensAScript(t, doc)
				if !hostile {
					nothingUnfilled(t, doc)
				}
			})
		}
	}
}

// nothingInline is what the content security policy will refuse anyway: better to
// see it here.
func nothingInline(t *testing.T, doc *goquery.Document) {
	t.Helper()
	require.Zero(t, doc.Find("[style]").Length(), "style attribute")
	require.Zero(t, doc.Find("style").Length(), "style element")
	require.Zero(t, doc.Find("script:not([src])").Length(), "inline script")
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, a := range s.Get(0).Attr {
			require.False(t, strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on"), "%s: %s", goquery.NodeName(s), a.Key)
			if a.Key == "hx-vals" || a.Key == "hx-trigger" {
				require.NotRegexp(t, `\[|js:`, a.Val, "htmx would have to evaluate this")
			}
			if a.Key == "src" || a.Key == "href" && goquery.NodeName(s) == "link" || goquery.NodeName(s) == "use" && a.Key == "href" {
				require.True(t, strings.HasPrefix(a.Val, "/static/"), "%s comes from elsewhere: %s", goquery.NodeName(s), a.Val)
			}
		}
	})
}

func wellFormed(t *testing.T, doc *goquery.Document, l i18n.Locale) {
	t.Helper()
	require.Equal(t, 1, doc.Find("h1").Length(), "one h1")
	require.Equal(t, 1, doc.Find("main").Length(), "one main")
	require.NotEmpty(t, strings.TrimSpace(strings.TrimSuffix(doc.Find("title").Text(), "· Koodesk")), "a title")
	lang, _ := doc.Find("html").Attr("lang")
	require.Equal(t, string(l), lang)
	seen := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id, _ := s.Attr("id")
		require.False(t, seen[id], "the id %q stands twice", id)
		seen[id] = true
	})
	for _, attr := range []string{"aria-labelledby", "aria-describedby", "for", "form", "data-dialog", "data-peek"} {
		doc.Find("[" + attr + "]").Each(func(_ int, s *goquery.Selection) {
			ids, _ := s.Attr(attr)
			require.NotEmpty(t, strings.Fields(ids), attr)
			for _, id := range strings.Fields(ids) {
				require.True(t, seen[id], "%s points to %q, which is not there", attr, id)
			}
		})
	}
	// A buyer's page has no session: its address is the secret.
	doc.Find("body:not(.buyer) form[method=post]").Each(func(_ int, s *goquery.Selection) {
		require.Equal(t, 1, s.Find("input[name=_csrf]").Length(), "a form without its token")
	})
}

func labelled(t *testing.T, doc *goquery.Document) {
	t.Helper()
	name := func(s *goquery.Selection) string {
		label, _ := s.Attr("aria-label")
		return strings.TrimSpace(label + s.Text())
	}
	doc.Find("input:not([type=hidden]):not([hidden]), select, textarea").Each(func(_ int, s *goquery.Selection) {
		id, _ := s.Attr("id")
		label := name(s.ParentsFiltered("label"))
		if label == "" && id != "" {
			label = name(doc.Find(`label[for="` + id + `"]`))
		}
		if label == "" {
			label, _ = s.Attr("aria-label")
		}
		html, _ := goquery.OuterHtml(s)
		require.NotEmpty(t, label, "no label: %s", html)
	})
	doc.Find("a, button, summary").Each(func(_ int, s *goquery.Selection) {
		html, _ := goquery.OuterHtml(s)
		require.NotEmpty(t, name(s), "no name: %s", html)
	})
	doc.Find("svg").Each(func(_ int, s *goquery.Selection) {
		hidden, _ := s.Attr("aria-hidden")
		require.Equal(t, "true", hidden, "an icon speaks")
	})
	doc.Find("table").Each(func(_ int, s *goquery.Selection) {
		require.Equal(t, 1, s.Find("caption").Length())
		require.Zero(t, s.Find("thead th:not([scope])").Length())
	})
}

func nothingOpensAScript(t *testing.T, doc *goquery.Document) {
	t.Helper()
	// The preview of a mail is in a frame that may do nothing.
	require.Zero(t, doc.Find("img, iframe:not(.mail-frame), .mail-frame:not([sandbox='']), object, embed, base").Length(), "an element that only an attacker wrote")
	doc.Find("[href], [action], [hx-get], [formaction]").Each(func(_ int, s *goquery.Selection) {
		for _, attr := range []string{"href", "action", "hx-get", "formaction"} {
			v, _ := s.Attr(attr)
			require.NotRegexp(t, `(?i)^\s*(javascript|data|vbscript):`, v)
		}
	})
}

var unfilled = regexp.MustCompile(`\{[a-z_]+\}`)

// nothingUnfilled finds placeholders that nobody gave a value.
func nothingUnfilled(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("template").Remove()
	doc.Find(".json, pre, code, textarea.wording").Remove()
	require.NotRegexp(t, unfilled, doc.Text())
}
