package saas2

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

func TestEncode(t *testing.T) {
	t.Parallel()
	full := &market.AppInfo{FrontEndURL: "https://a.example/?x=1&y=<2>", AdminURL: "https://b.example/", UserName: "admin", Password: `p"\/'&`, Memo: "首次登录请修改密码😀\n"}
	for name, c := range map[string]struct {
		activity string
		answer   market.Answer
		want     string
	}{
		"create, the vector's answer": {market.NewInstance, market.Answer{Code: market.Success, InstanceID: "87b94795-0603-4e24-8ae5-69420d60e3c8"},
			`{"resultCode":"000000","resultMsg":"success.","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8"}`},
		"create, under way": {market.NewInstance, market.Answer{Code: market.Processing, InstanceID: "i"},
			`{"resultCode":"000004","resultMsg":"request is processing","instanceId":"i"}`},
		"create, refused": {market.NewInstance, market.Answer{Code: market.AuthFailed},
			`{"resultCode":"000001","resultMsg":"token is invalid"}`},
		"create has no info": {market.NewInstance, market.Answer{Code: market.Success, InstanceID: "i", Info: []market.InstanceInfo{{InstanceID: "i"}}},
			`{"resultCode":"000000","resultMsg":"success.","instanceId":"i"}`},
		"own message": {market.NewInstance, market.Answer{Code: market.ResourcesSoldOut, Msg: "售罄"},
			`{"resultCode":"000106","resultMsg":"\u552e\u7f44"}`},
		"query, everything": {market.QueryInstance, market.Answer{Code: market.Success, Info: []market.InstanceInfo{{InstanceID: "i", App: full}}},
			`{"resultCode":"000000","resultMsg":"success.","info":[{"instanceId":"i","appInfo":{"frontEndUrl":"https://a.example/?x=1&y=<2>","adminUrl":"https://b.example/","userName":"admin","password":"p\"\\/'&","memo":"\u9996\u6b21\u767b\u5f55\u8bf7\u4fee\u6539\u5bc6\u7801\ud83d\ude00\n"}}]}`},
		"query, what is there": {market.QueryInstance, market.Answer{Code: market.Success, Info: []market.InstanceInfo{
			{InstanceID: "a", App: &market.AppInfo{FrontEndURL: "https://a.example/", UserName: "张三"}}, {InstanceID: "b"}}},
			`{"resultCode":"000000","resultMsg":"success.","info":[{"instanceId":"a","appInfo":{"frontEndUrl":"https://a.example/","userName":"\u5f20\u4e09"}},{"instanceId":"b"}]}`},
		"query, under way": {market.QueryInstance, market.Answer{Code: market.Processing, Info: []market.InstanceInfo{{InstanceID: "a"}}},
			`{"resultCode":"000004","resultMsg":"request is processing","info":[{"instanceId":"a"}]}`},
		"query, unknown": {market.QueryInstance, market.Answer{Code: market.NoSuchInstance},
			`{"resultCode":"000003","resultMsg":"instance is invalid"}`},
		"query, no address": {market.QueryInstance, market.Answer{Code: market.Success, Info: []market.InstanceInfo{{InstanceID: "a", App: &market.AppInfo{Memo: "x"}}}},
			`{"resultCode":"000000","resultMsg":"success.","info":[{"instanceId":"a","appInfo":{"frontEndUrl":"","memo":"x"}}]}`},
		"query has no instanceId outside": {market.QueryInstance, market.Answer{Code: market.Success, InstanceID: "i", Info: []market.InstanceInfo{}},
			`{"resultCode":"000000","resultMsg":"success.","info":[]}`},
		"unknown activity": {"other", market.Answer{Code: market.InvalidParameter, InstanceID: "i", Info: []market.InstanceInfo{{}}},
			`{"resultCode":"000002","resultMsg":"param is invalid"}`},
		"no code":   {market.NewInstance, market.Answer{}, `{"resultCode":"000005","resultMsg":"internal error"}`},
		"bad bytes": {"other", market.Answer{Code: market.Success, Msg: "a\xff\x00\x1f\x7f\r\t\u2028"}, `{"resultCode":"000000","resultMsg":"a\ufffd\u0000\u001f\u007f\r\t\u2028"}`},
		"own message cut": {"other", market.Answer{Code: market.Success, Msg: strings.Repeat("m", 300)},
			`{"resultCode":"000000","resultMsg":"` + strings.Repeat("m", 255) + `"}`},
		"own message cut between characters": {"other", market.Answer{Code: market.Success, Msg: strings.Repeat("😀", 128)},
			`{"resultCode":"000000","resultMsg":"` + strings.Repeat(`\ud83d\ude00`, 127) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Encode(c.activity, c.answer)
			require.Equal(t, c.want, string(got))
			require.True(t, json.Valid(got))
		})
	}
	for activity := range requests {
		if activity != market.NewInstance && activity != market.QueryInstance {
			require.Equal(t, `{"resultCode":"000000","resultMsg":"success."}`,
				string(Encode(activity, market.Answer{Code: market.Success, InstanceID: "i", Info: []market.InstanceInfo{{InstanceID: "i"}}})), activity)
		}
	}
}

// TestEncodeReadsBack: another reader gets the very texts.
func TestEncodeReadsBack(t *testing.T) {
	t.Parallel()
	app := market.AppInfo{FrontEndURL: "https://a.example/", UserName: "用户\u0001\u2029\"\\", Password: "🔑\t\x7f<>&'", Memo: "多\r\n行"}
	var got struct {
		Info []struct{ AppInfo market.AppInfo }
	}
	require.NoError(t, json.Unmarshal(Encode(market.QueryInstance, market.Answer{Code: market.Success, Info: []market.InstanceInfo{{InstanceID: "i", App: &app}}}), &got))
	require.Equal(t, app, got.Info[0].AppInfo)
}

// TestFits: the longest of everything passes and is written whole; one more, and
// the field is named.
func TestFits(t *testing.T) {
	t.Parallel()
	longest := func() market.AppInfo {
		return market.AppInfo{
			FrontEndURL: "https://a.example/" + strings.Repeat("f", MaxFrontEndURL-18), AdminURL: "https://b.example/" + strings.Repeat("a", MaxAdminURL-18),
			UserName: strings.Repeat("用", MaxUserName), Password: strings.Repeat("p", MaxPassword), Memo: strings.Repeat("中", MaxMemo),
		}
	}
	app := longest()
	require.NoError(t, Fits(app))
	var got struct {
		Info []struct{ AppInfo market.AppInfo }
	}
	require.NoError(t, json.Unmarshal(Encode(market.QueryInstance, market.Answer{Code: market.Success, Info: []market.InstanceInfo{{InstanceID: "i", App: &app}}}), &got))
	require.Equal(t, app, got.Info[0].AppInfo)

	for field, grow := range map[string]func(a *market.AppInfo){
		"frontEndUrl": func(a *market.AppInfo) { a.FrontEndURL += "x" },
		"adminUrl":    func(a *market.AppInfo) { a.AdminURL += "x" },
		"userName":    func(a *market.AppInfo) { a.UserName += "x" },
		"password":    func(a *market.AppInfo) { a.Password += "x" },
		"memo":        func(a *market.AppInfo) { a.Memo += "x" },
	} {
		app := longest()
		grow(&app)
		f := fault.From(Fits(app))
		require.Equal(t, "access.field_too_long", f.Key)
		require.Equal(t, field, f.Args["field"])
	}
}
