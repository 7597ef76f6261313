package saas1

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas2"
)

func TestAnswersExactly(t *testing.T) {
	t.Parallel()
	app := &market.AppInfo{FrontEndURL: "https://a.cn/?a=1&b=<2>", AdminURL: "https://b.cn", UserName: "admin", Password: "p", Memo: "中文\n😀"}
	user, password := crypt.EncryptField("k", crypt.AES256, "admin"), crypt.EncryptField("k", crypt.AES256, "p")
	user2 := crypt.EncryptField("k", crypt.AES128, "admin")
	const memo = `"memo":"\u4e2d\u6587\n\ud83d\ude00"`
	k := Cipher{Secret: "k", Type: crypt.AES256}
	for _, c := range []struct {
		activity string
		a        market.Answer
		with     Cipher
		want     string
	}{
		{market.ExpireInstance, market.Answer{Code: market.Success}, k, `{"resultCode":"000000","resultMsg":"success."}`},
		{market.ExpireInstance, market.Answer{Code: market.Success, InstanceID: "i", App: app}, k, `{"resultCode":"000000","resultMsg":"success."}`},
		{market.NewInstance, market.Answer{Code: market.Processing, InstanceID: "i"}, k,
			`{"resultCode":"000004","resultMsg":"the request is being processed","instanceId":"i"}`},
		{market.NewInstance, market.Answer{Code: market.Success, InstanceID: "i", App: app}, k,
			`{"resultCode":"000000","resultMsg":"success.","encryptType":"1","instanceId":"i","appInfo":{"frontEndUrl":"https://a.cn/?a=1&b=<2>","adminUrl":"https://b.cn","userName":"` +
				user + `","password":"` + password + `",` + memo + `}}`},
		{market.NewInstance, market.Answer{Code: market.Success, InstanceID: "i", App: &market.AppInfo{FrontEndURL: "https://a.cn"}}, k,
			`{"resultCode":"000000","resultMsg":"success.","instanceId":"i","appInfo":{"frontEndUrl":"https://a.cn"}}`},
		{market.QueryInstance, market.Answer{Code: market.Success, Info: []market.InstanceInfo{{InstanceID: "i", App: &market.AppInfo{FrontEndURL: "u", UserName: "admin"}}, {InstanceID: "j"}}},
			Cipher{Secret: "k", Type: crypt.AES128},
			`{"resultCode":"000000","resultMsg":"success.","encryptType":"2","info":[{"instanceId":"i","appInfo":{"frontEndUrl":"u","userName":"` + user2 + `"}},{"instanceId":"j"}]}`},
		{"", market.Answer{}, Cipher{}, `{"resultCode":"000005","resultMsg":"internal error"}`},
		{market.NewInstance, market.Answer{Code: market.Success, App: &market.AppInfo{FrontEndURL: "u", Password: "p"}}, Cipher{},
			`{"resultCode":"000000","resultMsg":"success.","appInfo":{"frontEndUrl":"u"}}`},
	} {
		require.Equal(t, c.want, string(Encode(c.activity, c.a, c.with)))
	}
}

// Why a purchase is refused is said in the published words, by both generations.
func TestARefusedPurchaseSaysWhy(t *testing.T) {
	t.Parallel()
	for code, text := range map[market.ResultCode]string{
		"000100": "no instance resource can be allocated",
		"000101": "Mobile number not specified or already exists",
		"000102": "Email address is not specified or already exists",
		"000103": "Product already purchased",
		"000104": "Internal service error",
		"000105": "Account has already subscribed to benefits",
		"000106": "Product resources sold out.",
		"000107": "SaaS email domain already exists.",
		"000108": "internal error",
	} {
		want := `{"resultCode":"` + string(code) + `","resultMsg":"` + text + `"}`
		require.Equal(t, want, string(Encode(market.NewInstance, market.Answer{Code: code}, Cipher{})))
		require.Equal(t, want, string(saas2.Encode(market.NewInstance, market.Answer{Code: code})))
		require.Equal(t, code != "000108", code.Refuses())
	}
}

// Whatever passes CheckFor is written whole and fits the table.
func TestLengthsOfCiphertext(t *testing.T) {
	t.Parallel()
	k := Cipher{Secret: "k", Type: crypt.AES256}
	fits := market.AppInfo{FrontEndURL: "https://a.cn", UserName: strings.Repeat("用", 26) + "u", Password: strings.Repeat("p", 79)}
	require.NoError(t, fits.CheckFor(market.V1))
	var doc struct {
		AppInfo struct{ UserName, Password string }
	}
	require.NoError(t, json.Unmarshal(Encode(market.NewInstance, market.Answer{Code: market.Success, App: &fits}, k), &doc))
	require.Len(t, doc.AppInfo.UserName, 124)
	require.Len(t, doc.AppInfo.Password, 124)
	for _, long := range []market.AppInfo{{FrontEndURL: "https://a.cn", UserName: strings.Repeat("u", 80)}, {FrontEndURL: "https://a.cn", Password: strings.Repeat("密", 27)}} {
		require.NoError(t, long.CheckFor(market.V2))
		require.Error(t, long.CheckFor(market.V1))
		require.NotContains(t, string(Encode(market.NewInstance, market.Answer{Code: market.Success, App: &long}, k)), "encryptType")
	}
}

func TestEveryAnswerIsASCIIJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		app := market.AppInfo{FrontEndURL: rapid.String().Draw(t, "url"), Memo: rapid.String().Draw(t, "memo"), UserName: rapid.String().Draw(t, "user")}
		b := Encode(market.NewInstance, market.Answer{Code: market.Success, Msg: rapid.String().Draw(t, "msg"), InstanceID: "i", App: &app}, Cipher{Secret: "k"})
		for _, c := range b {
			require.True(t, c >= 0x20 && c < 0x7f)
		}
		var doc struct {
			ResultMsg string
			AppInfo   struct{ FrontEndURL, Memo, UserName string }
		}
		require.NoError(t, json.Unmarshal(b, &doc))
		require.Equal(t, app.Memo, doc.AppInfo.Memo)
		require.LessOrEqual(t, len(doc.AppInfo.UserName), MaxSecret)
	})
}
