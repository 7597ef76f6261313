package deliver

import (
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/market"
	"koodesk/app/wording"
)

// tagNames are the elements that the frame of a mail is made of.
var tagNames = map[string]bool{"html": true, "head": true, "meta": true, "title": true, "style": true, "body": true, "div": true, "table": true, "tbody": true,
	"tr": true, "td": true, "h1": true, "p": true, "a": true, "span": true, "br": true}

// Whatever customers, products and operators write: nothing becomes markup, no
// link leads elsewhere than to the web, nothing is loaded, and a subject is one
// line.
func TestNothingInATextBecomesMarkup(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	hostile := []string{`<script>alert(1)</script>`, `"><img src=x onerror=y>`, `javascript:alert(1)`, `https://a.example/"onmouseover="x`, "https://a.example/\njavascript:x",
		"HTTPS://A.example/<b>", "data:text/html,x", "</td></table><b>", "{{.Seller}}", "{password}", "\r\nBcc: x@y.z", "' style='x", "<!--", "]]>", "&lt;b&gt;", "\x00", "- a: b\n=> go https://x.example", "+/v8-"}
	parts := []string{"# ", "~ ", "- ", "> ", "=> Go ", "\n", "\n\n", "---\n", "：", ": ", "{front_end_url}", "{admin_url}", "{user_name}", "{password}", "{memo}", "{customer_name}", "{product_name}", "{if memo}", "{else}", "{end}",
		"https://x.example/", " ", "<b>", "<img src=//x>", "=> Go https://x.example/\n", "=> Go {admin_url}\n", "'", `"`}
	attributes := regexp.MustCompile(`^(on|src|srcset|background|action|formaction|data)`)
	saved := 0
	rapid.Check(t, func(t *rapid.T) {
		text := wording.Tidy(wording.Text{Subject: "S " + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"{product_name}", "{memo}", "<b>", " x "}), 0, 4).Draw(t, "subject"), ""),
			Body: strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 24).Draw(t, "body"), "") + "\n{front_end_url}{user_name}{password}"})
		values := wording.Values{}
		for _, v := range RulesFor(market.UsageInfo, Email).Variables {
			values[v.Name] = rapid.OneOf(rapid.SampledFrom(hostile), rapid.String()).Draw(t, v.Name)
		}
		letter, problems := wording.Parse(text, RulesFor(market.UsageInfo, Email))
		if len(problems) > 0 {
			return
		}
		saved++
		c, err := d.fill(Email, "en", letter, values)
		require.NoError(t, err)
		require.NotContains(t, c.Subject, "\n")
		require.NotContains(t, c.Subject, "\r")
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(c.HTML))
		require.NoError(t, err)
		doc.Find("*").Each(func(_ int, s *goquery.Selection) {
			require.True(t, tagNames[goquery.NodeName(s)], goquery.NodeName(s))
			for _, a := range s.Nodes[0].Attr {
				require.NotRegexp(t, attributes, a.Key)
				if a.Key == "href" {
					require.Regexp(t, `^(?i)https?://`, a.Val)
				}
				if a.Key == "style" {
					require.NotContains(t, a.Val, "url(")
				}
			}
		})
		require.Equal(t, 1, doc.Find("style").Length())
		require.Equal(t, 1, doc.Find("title").Length())
	})
	require.Greater(t, saved, 10, "the property was looked at")
}
