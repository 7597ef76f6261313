package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/store"
)

func TestMaskBody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"nothing", ``, ``},
		{"form is kept", "{ \"b\" : 1e3,\n\t\"a\":[1, 12345678901234567890, true, null] }", "{ \"b\" : 1e3,\n\t\"a\":[1, 12345678901234567890, true, null] }"},
		{"a password", `{"userName":"anna","password":"p\"w","memo":"m"}`, `{"userName":"anna","password":"••••••","memo":"m"}`},
		{"however it is spelled", `{"PASSWORD":"a","admin_password":"b","initial-pwd":"c","accessToken":"d"}`,
			`{"PASSWORD":"••••••","admin_password":"••••••","initial-pwd":"••••••","accessToken":"••••••"}`},
		{"people", `{"mobilePhone":"18688888888","email":"anna@example.com","customerRealName":"张三","customerName":"hw_1"}`,
			`{"mobilePhone":"186••••8888","email":"a•••@example.com","customerRealName":"张••","customerName":"hw_1"}`},
		{"Licenses", `{"activity":"getLicense","license":"AAAA-BBBB","deviceFingerprint":"00:1A","license_pool":"keys"}`,
			`{"activity":"getLicense","license":"••••••","deviceFingerprint":"••••••","license_pool":"keys"}`},
		{"what is said of a License", `{"license":{"id":"7","event_id":"E-1","device_fingerprint":"X","text":"AAAA"},"file_name":"a.lic","file":"QUJD"}`,
			`{"license":{"id":"7","event_id":"E-1","device_fingerprint":"••••••","text":"••••••"},"file_name":"a.lic","file":"••••••"}`},
		{"numbers", `{"phone":18688888888,"password":123456,"amount":123456}`, `{"phone":"186••••8888","password":"••••••","amount":123456}`},
		{"nothing to hide", `{"password":"","email":null,"phone":false}`, `{"password":"","email":null,"phone":false}`},
		{"below a name", `{"password":{"value":"x","old":["y",1]},"a":"x"}`, `{"password":{"value":"••••••","old":["••••••","••••••"]},"a":"x"}`},
		{"twice the same name", `{"password":"a","password":"b"}`, `{"password":"••••••","password":"••••••"}`},
		{"JSON within a string", `{"appInfo":"{\"password\":\"x\",\"url\":\"u\"}"}`, `{"appInfo":"{\"password\":\"••••••\",\"url\":\"u\"}"}`},
		{"an address", `{"frontEndUrl":"https://a.example.com/?user=b&password=x&token=y#z"}`, `{"frontEndUrl":"https://a.example.com/?user=b&password=••••••&token=••••••#z"}`},
		{"escaped names", `{"pass\u0077ord":"x"}`, `{"pass\u0077ord":"••••••"}`},
		{"the signature opens nothing", `{"signature":"ABC"}`, `{"signature":"ABC"}`},
		{"broken off", `{"a":1,"password":"secret","email":"anna@exa`, `{"a":1,"password":"••••••","email":"••••••"`},
		{"broken within", `{"password":"secret with \" quote`, `{"password":"••••••"`},
		{"escaped, broken off", `"{\"password\":\"x\",\"a\":\"b\",\"token\":\"y`, `"{\"password\":"••••••",\"a\":\"b\",\"token\":"••••••"`},
		{"a broken number", `{"phone":18688888888,"a":`, `{"phone":"••••••","a":`},
		{"single quotes", `{'password':'secret'}`, `{'password':"••••••"}`},
		{"a form", "user=anna&password=secret&x=1", "user=anna&password=••••••&x=1"},
		{"no UTF-8", "{\"a\":\"\xff\x00\"}", `{"a":"\xff\x00"}`},
		{"turned direction", "a\u202eb", `a\u202eb`},
		{"just text", "hello, 世界", "hello, 世界"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, store.MaskBody([]byte(c.in)))
		})
	}
}

func TestMaskQuery(t *testing.T) {
	t.Parallel()
	require.Equal(t, "signature=AB&timestamp=1&nonce=N", store.MaskQuery("signature=AB&timestamp=1&nonce=N"))
	require.Equal(t, "a=1&token=••••••&email=••••••&b=2", store.MaskQuery("a=1&token=x&email=anna%40example.com&b=2"))
	require.Equal(t, `a=\x00\xfe`, store.MaskQuery("a=\x00\xfe"))
}

func TestMasks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "a": "••••••", "@b": "••••••", "anna@b.c": "a•••@b.c", "张三@例.cn": "张•••@例.cn"} {
		require.Equal(t, want, store.MaskEmail(in))
	}
	for in, want := range map[string]string{"": "", "123": "••••••", "12345678": "••••5678", "18688888888": "186••••8888", "+8618688881234": "+86••••1234"} {
		require.Equal(t, want, store.MaskPhone(in))
	}
	for in, want := range map[string]string{"": "", "张三": "张••", "Ann": "A••"} {
		require.Equal(t, want, store.MaskName(in))
	}
}

// TestNoSecretSurvivesMasking wraps a secret in whatever JSON, cut off at
// whatever place, and looks for it.
func TestNoSecretSurvivesMasking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const secret = "Zq7-secret-Zq7"
		name := rapid.SampledFrom([]string{"password", "Password", "userPassword", "user_password", "token", "api-token", "client.secret"}).Draw(t, "name")
		space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
		before := rapid.StringMatching(`("[a-z]{1,5}":("[a-z {}\[\],]{0,6}"|[0-9]{1,3}|null),){0,3}`).Draw(t, "before")
		depth := rapid.IntRange(0, 3).Draw(t, "depth")
		body := "{" + before + `"` + name + `"` + space + ":" + space + `"` + secret + `"}`
		for range depth {
			body = `{"x":[` + body + `]}`
		}
		if rapid.Bool().Draw(t, "cut") {
			body = body[:len(body)-rapid.IntRange(0, depth*2+1).Draw(t, "by")]
		}
		if got := store.MaskBody([]byte(body)); strings.Contains(got, "Zq7") {
			t.Fatalf("%s\nbecame\n%s", body, got)
		}
	})
}
