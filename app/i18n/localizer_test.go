package i18n

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cookie, operator, accept string
		want                     Locale
	}{
		{"", "", "", ZhCN},
		{"en", "zh-CN", "zh-CN", En},
		{"xx", "en", "zh-CN", En},
		{"", "", "en-GB,en;q=0.8", En},
		{"", "", "zh-TW,zh;q=0.9", ZhCN},
		{"", "", "fr-FR,en;q=0.5", En},
		{"", "", "fr", ZhCN},
		{"", "", "%%%;;;", ZhCN},
	} {
		require.Equal(t, c.want, Choose(c.cookie, c.operator, c.accept), "%+v", c)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	zh, en := For(ZhCN), For(En)
	require.Equal(t, "1 task restarted", en.TN("flash.restarted", 1))
	require.Equal(t, "1,234 tasks restarted", en.TN("flash.restarted", 1234))
	require.Equal(t, "已重新启动 1 个任务", zh.TN("flash.restarted", 1))
	require.Equal(t, "⟦no.such.key⟧", zh.T("no.such.key"))
	require.Equal(t, "⟦no.such.key⟧", zh.TN("no.such.key", 2))
	require.Equal(t, "Go to {room}", en.T("keys.go", "room", "{room}"), "a value is not filled in again")
	require.Equal(t, ZhCN, For("xx").Locale())
}

func TestGroupGivesScriptsEveryForm(t *testing.T) {
	t.Parallel()
	g := For(En).Group("time.ago")
	require.Equal(t, "{n} minute ago", g["time.ago.minute.one"])
	require.Equal(t, "{n} minutes ago", g["time.ago.minute.other"])
	require.Equal(t, "just now", g["time.ago.now"])
	require.Equal(t, "{n} 分钟前", For(ZhCN).Group("time.ago")["time.ago.minute"])
}

func TestFault(t *testing.T) {
	t.Parallel()
	en := For(En)
	require.Nil(t, en.Fault(nil))

	f := en.FaultOf(fault.New(fault.Invalid, "access.field_url", "field", "frontEndUrl"))
	require.Contains(t, f.What, "frontEndUrl")
	require.NotEmpty(t, f.Do)
	require.Equal(t, "invalid", f.Code)

	f = en.Fault(&fault.Record{Code: fault.Unavailable, Key: "of.a.newer.release", Detail: "dial tcp: refused"})
	require.Equal(t, en.T("fault_code.unavailable.what"), f.What)
	require.Equal(t, "of.a.newer.release: dial tcp: refused", f.Detail, "nothing is hidden")

	f = en.Fault(&fault.Record{Code: "strange", Key: "x"})
	require.Equal(t, en.T("fault_code.internal.what"), f.What)
	require.Equal(t, "x", f.Detail)

	long := en.FaultOf(fault.New(fault.Invalid, "access.field_url", "field", "a\n\tb"+string(make([]rune, 500))))
	require.Less(t, len([]rune(long.What)), 400, "a value stays on one line and bounded")
	require.NotContains(t, long.What, "\n")
}

// A page of which it is not known that the site has it is said to be another's; a name
// that somebody gave his product stays as it is.
func TestOnlyAPageIsUnsure(t *testing.T) {
	t.Parallel()
	en := For(En)
	args := []string{"message", "7", "restart", "A > B" + fault.Unsure, "activity", "CRM" + fault.Unsure}
	said := en.FaultOf(fault.New(fault.Conflict, "restart.overtaken", args...)).Do
	require.Contains(t, said, "CRM (?)")
	require.Contains(t, said, "A > B"+en.T("retry.another_site"))
}

func TestEveryCodeHasAText(t *testing.T) {
	t.Parallel()
	codes := []fault.Code{fault.Invalid, fault.NotFound, fault.Conflict, fault.Unauthenticated, fault.Forbidden,
		fault.RateLimited, fault.TooLarge, fault.Unavailable, fault.Refused, fault.Internal}
	for _, l := range Locales() {
		for _, c := range codes {
			require.True(t, For(l).Has("fault_code."+string(c)+".what"), c)
			require.True(t, For(l).Has("fault_code."+string(c)+".do"), c)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	z := For(En)
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", -123: "-123", 9223372036854775807: "9,223,372,036,854,775,807"} {
		require.Equal(t, want, z.Number(n))
	}
	for n, want := range map[int64]string{512: "512 B", 1434: "1.4 KB", 3 << 20: "3.0 MB"} {
		require.Equal(t, want, z.Bytes(n))
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	zone := Zone("Asia/Shanghai")
	now := time.Date(2025, 11, 22, 7, 30, 0, 0, zone) // still the day before in UTC
	zh, en := For(ZhCN), For(En)
	require.Equal(t, "今天 · 11月22日", zh.Day(now, now))
	require.Equal(t, "Yesterday · 21 Nov", en.Day(now.AddDate(0, 0, -1), now))
	require.Equal(t, "11月20日 周四", zh.Day(now.AddDate(0, 0, -2), now))
	require.Equal(t, "Sun, 22 Dec 2024", en.Day(time.Date(2024, 12, 22, 1, 0, 0, 0, zone), now))
	require.Equal(t, "2025-11-22 07:30:00", Exact(now))
	require.Equal(t, "2025-11-21 23:30:00 UTC", UTC(now))
	require.Equal(t, "UTC+8", Zone("Nowhere/Atlantis").String())
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "59 seconds ago", time.Minute: "1 minute ago", 3 * time.Hour: "3 hours ago",
		48 * time.Hour: "2 days ago", 90 * 24 * time.Hour: "3 months ago", 1000 * 24 * time.Hour: "2 years ago", -2 * time.Hour: "in 2 hours",
	} {
		require.Equal(t, want, en.Ago(now.Add(-d), now))
	}
	for d, want := range map[time.Duration]string{
		900 * time.Microsecond: "< 1 ms", 12 * time.Millisecond: "12 ms", 1449 * time.Millisecond: "1.4 s", 2 * time.Second: "2 s",
		200 * time.Second: "3 min 20 s", 3 * time.Hour: "3 h", 76*time.Hour + time.Minute: "3 d 4 h",
	} {
		require.Equal(t, want, en.Duration(d))
	}
}
