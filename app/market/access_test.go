package market_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func TestAccessDataIsHeldToThePublishedLengths(t *testing.T) {
	t.Parallel()
	good := market.AppInfo{FrontEndURL: "https://app.example.com/a?b=c", AdminURL: "http://admin.example.com", UserName: "管理员",
		Password: "p", Memo: "line 1\nline 2\t中文"}
	require.NoError(t, good.Check())
	url := func(n int) string { return "https://e.cn/" + strings.Repeat("a", n-len("https://e.cn/")) }
	for name, c := range map[string]struct {
		change     func(*market.AppInfo)
		key, field string
	}{
		"no address":          {func(a *market.AppInfo) { a.FrontEndURL = "  " }, "access.field_missing", "frontEndUrl"},
		"address too long":    {func(a *market.AppInfo) { a.FrontEndURL = url(513) }, "access.field_too_long", "frontEndUrl"},
		"admin too long":      {func(a *market.AppInfo) { a.AdminURL = url(513) }, "access.field_too_long", "adminUrl"},
		"user name too long":  {func(a *market.AppInfo) { a.UserName = strings.Repeat("用", 129) }, "access.field_too_long", "userName"},
		"password too long":   {func(a *market.AppInfo) { a.Password = strings.Repeat("p", 129) }, "access.field_too_long", "password"},
		"memo too long":       {func(a *market.AppInfo) { a.Memo = strings.Repeat("😀", 513) }, "access.field_too_long", "memo"},
		"line in a name":      {func(a *market.AppInfo) { a.UserName = "a\nb" }, "access.field_control", "userName"},
		"NUL in a memo":       {func(a *market.AppInfo) { a.Memo = "a\x00b" }, "access.field_control", "memo"},
		"not a web address":   {func(a *market.AppInfo) { a.FrontEndURL = "ftp://example.com" }, "access.field_url", "frontEndUrl"},
		"script":              {func(a *market.AppInfo) { a.AdminURL = "javascript:alert(1)" }, "access.field_url", "adminUrl"},
		"no host":             {func(a *market.AppInfo) { a.AdminURL = "https:///x" }, "access.field_url", "adminUrl"},
		"blank in an address": {func(a *market.AppInfo) { a.FrontEndURL = "https://a.cn/x y" }, "access.field_url", "frontEndUrl"},
		"not ASCII":           {func(a *market.AppInfo) { a.FrontEndURL = "https://例子.cn/" }, "access.field_url", "frontEndUrl"},
	} {
		a := good
		c.change(&a)
		f := fault.From(a.Check())
		require.NotNil(t, f, name)
		require.Equal(t, fault.Invalid, f.Code, name)
		require.Equal(t, c.key, f.Key, name)
		require.Equal(t, c.field, f.Args["field"], name)
	}
	full := market.AppInfo{FrontEndURL: url(512), AdminURL: url(512), UserName: strings.Repeat("u", 128),
		Password: strings.Repeat("p", 128), Memo: strings.Repeat("中", 1024)}
	require.NoError(t, full.Check(), "the limits themselves are allowed")
}

func TestChangedNamesTheFields(t *testing.T) {
	t.Parallel()
	a := market.AppInfo{FrontEndURL: "https://a.cn", Password: "1"}
	require.Empty(t, a.Changed(a))
	require.Equal(t, []string{"frontEndUrl", "password", "memo"}, a.Changed(market.AppInfo{FrontEndURL: "https://b.cn", Password: "2", Memo: "m"}))
}
