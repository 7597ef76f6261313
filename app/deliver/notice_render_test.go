package deliver

import (
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
)

func TestEveryNoticeSpeaksItsLanguage(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	chinese := regexp.MustCompile(`\p{Han}`)
	i := full()
	i.ProductName, i.RealName = "Suite <b>", "Ann"
	d.seller = "Example Cloud"
	now := i.ExpiresAt.Add(-7 * 24 * time.Hour)
	for _, kind := range market.Notices()[1:] {
		for _, medium := range []string{Email, SMS} {
			en, err := d.noticeContent(i, kind, medium, "en", zone, now)
			require.NoError(t, err, kind)
			require.NotRegexp(t, chinese, en.Subject+en.Text+en.HTML, kind)
			zh, err := d.noticeContent(i, kind, medium, "zh-CN", zone, now)
			require.NoError(t, err, kind)
			require.Regexp(t, chinese, zh.Text, kind)
			for _, c := range []store.Content{en, zh} {
				require.Contains(t, c.Text, "Suite <b>")
				for _, bad := range []string{"<no value>", "{{", "Kp7#secret", "ZgotmplZ", "admin", "\n\n\n"} {
					require.NotContains(t, c.Subject+c.Text+c.HTML, bad, kind+medium)
				}
				for _, bad := range []string{"<img", "<script", "<link", "@import", "url(", "http://", "<b>"} {
					require.NotContains(t, regexp.MustCompile(`http://www.w3.org\S+`).ReplaceAllString(c.HTML, ""), bad, kind)
				}
				if medium == Email {
					require.Contains(t, c.HTML, "prefers-color-scheme: dark")
					require.Contains(t, c.Text, i.InstanceID)
					require.Contains(t, c.Subject, "Suite")
				}
			}
		}
		i := &store.Instance{}
		for _, language := range languages {
			c, err := d.noticeContent(i, kind, Email, language, zone, now)
			require.NoError(t, err)
			require.NotContains(t, c.Subject+c.Text+c.HTML, "<no value>", "the least is enough")
		}
	}
}

func TestAnExpiryIsToldInDaysOfTheCustomersCalendar(t *testing.T) {
	t.Parallel()
	d := renderer(t)
	i := full() // expires on 21 November 2027 at 15:59:59 UTC
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, c := range []struct {
		zone     *time.Location
		language string
		left     time.Duration
		subject  string
		date     string
	}{
		{shanghai, "en", 7 * 24 * time.Hour, "expires in 7 days", "21 November 2027, 23:59 (UTC+08:00)"},
		{shanghai, "zh-CN", 24 * time.Hour, "明天到期", "2027年11月21日 23:59（UTC+08:00）"},
		{shanghai, "zh-CN", 23*time.Hour + 59*time.Minute, "今天到期", "2027年11月21日 23:59（UTC+08:00）"},
		{berlin, "en", 17 * time.Hour, "expires tomorrow", "21 November 2027, 16:59 (UTC+01:00)"},
		{berlin, "en", 16 * time.Hour, "expires today", "21 November 2027, 16:59 (UTC+01:00)"},
		{berlin, "en", -time.Hour, "has expired", "21 November 2027, 16:59 (UTC+01:00)"},
	} {
		got, err := d.noticeContent(i, market.ExpiryNotice, Email, c.language, c.zone, i.ExpiresAt.Add(-c.left))
		require.NoError(t, err)
		require.Contains(t, got.Subject, c.subject)
		require.Contains(t, got.Text, c.date)
	}
}
