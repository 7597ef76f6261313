package deliver

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/views"
)

func renderer(t *testing.T) *Deliverer {
	t.Helper()
	templates, err := parseTemplates(views.Messages)
	require.NoError(t, err)
	return &Deliverer{templates: templates, zone: time.FixedZone("", 8*60*60), seller: "示例云"}
}

func full() *store.Instance {
	i := &store.Instance{OrderID: "CS2211181819B4LVS", ProductName: "云协作,旗舰版", CustomerName: "hw-buyer", RealName: "张三",
		App: market.AppInfo{FrontEndURL: "https://app.example.com/", AdminURL: "https://admin.example.com/", UserName: "admin", Password: "Kp7#secret", Memo: "备注"}}
	i.InstanceID = "87b94795-0603-4e24-8ae5-69420d60e3c8"
	i.ExpiresAt = time.Date(2027, 11, 21, 15, 59, 59, 0, time.UTC)
	return i
}

func TestEveryTemplateSpeaksItsLanguage(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	chinese := regexp.MustCompile(`\p{Han}`)
	for _, medium := range []string{Email, SMS} {
		i := full()
		i.ProductName, i.RealName, i.App.Memo = "Suite", "Ann", "Note"
		d.seller = "Example Cloud"
		en, err := d.usageContent(i, medium, "en", d.zone)
		require.NoError(t, err)
		require.NotRegexp(t, chinese, en.Subject+en.Text+en.HTML)
		zh, err := d.usageContent(i, medium, "zh-CN", d.zone)
		require.NoError(t, err)
		require.Regexp(t, chinese, zh.Text)
		for _, c := range []store.Content{en, zh} {
			for _, part := range []string{"https://app.example.com/", "admin", "Kp7#secret", "Suite"} {
				require.Contains(t, c.Text, part)
			}
		}
		if medium == Email {
			require.Contains(t, en.HTML, `lang="en"`)
			require.Contains(t, zh.HTML, `lang="zh-CN"`)
			require.Contains(t, en.Subject, "Suite")
		}
		other, err := d.usageContent(i, medium, "fr", d.zone)
		require.NoError(t, err)
		require.Equal(t, zh.Text, other.Text, "a language that is not spoken")
	}
}

func TestTheLeastIsEnough(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	d.seller = ""
	i := &store.Instance{App: market.AppInfo{FrontEndURL: "https://app.example.com/"}}
	for _, language := range languages {
		for _, medium := range []string{Email, SMS} {
			c, err := d.usageContent(i, medium, language, d.zone)
			require.NoError(t, err)
			for _, bad := range []string{"<no value>", "{{", "}}", "密码", "assword", "ZgotmplZ"} {
				require.NotContains(t, c.Subject+c.Text+c.HTML, bad, language+medium)
			}
			require.NotContains(t, c.Text, "\n\n\n")
			require.Empty(t, c.Secrets)
		}
	}
}

func TestTheMailShowsNothingFromOutside(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	i := full()
	i.App.Memo = `<img src=x onerror=alert(1)>`
	i.ProductName = "Evil\r\nBcc: thief@example.org <script>"
	for _, language := range languages {
		c, err := d.usageContent(i, Email, language, d.zone)
		require.NoError(t, err)
		for _, bad := range []string{"<img", "<script", "<link", "@import", "url(", "src=\"http", "javascript:"} {
			require.NotContains(t, c.HTML, bad)
		}
		require.NotContains(t, c.Subject, "\n")
		require.Contains(t, c.HTML, "&lt;img")
		require.Less(t, len(c.HTML), 100_000, "longer mails are cut by some readers")
		require.Equal(t, 1, strings.Count(c.HTML, "prefers-color-scheme"))
	}
}

func TestSecretsAreNamedAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	i := full()
	i.App.Password = `a<b>&"'`
	c, err := d.usageContent(i, Email, "en", d.zone)
	require.NoError(t, err)
	shown := c.Text + c.HTML
	for _, s := range c.Secrets {
		require.Contains(t, shown, s)
		shown = strings.ReplaceAll(shown, s, "")
	}
	require.NotContains(t, shown, "a<b>")
	require.NotContains(t, shown, "a&lt;b")
}
