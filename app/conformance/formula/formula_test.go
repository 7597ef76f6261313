package formula_test

import (
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/conformance/formula"
	"koodesk/app/protocol/aksk"
	"koodesk/app/protocol/crypt"
	"koodesk/app/protocol/saas1"
	"koodesk/app/protocol/saas2"
)

// javaMade are keys and fields that Java 17's own SHA1PRNG and AES made, as
// Huawei's sample does.
//
//go:embed testdata/java.tsv
var javaMade string

const (
	madeUpKey = "11111111-2222-3333-4444-555555555555"
	nonce     = "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA"
	iv        = "0123456789ABCDEF"
)

func TestTheSecondImplementationReproducesTheVectorsToo(t *testing.T) {
	t.Parallel()
	const body = `{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`
	require.Equal(t, "ED04505477329AE6689AE665AD6BAE0B8F1DC7FA2BC4D52FC4FAFF5C538F9ED6", strings.ToUpper(formula.Signature(madeUpKey, nonce, "1680508066618", body)))
	require.Equal(t, "673D7BED2032B5711607632F146C24EFE762DFDB684BDABFA1710FCE4204BB26",
		strings.ToUpper(formula.Signature(madeUpKey, nonce, "1680508066618", `{"activity":"newInstance","memo":"测试"}`)))
	require.Equal(t, "C4FvOtFzmib5TUV7JPZOfeyANHoDt6U2of8/h5ghW1w=",
		formula.BodySign(madeUpKey, `{"resultCode":"000000","resultMsg":"success.","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8"}`))
	require.Equal(t, "YB9MRaDz8ENM8JzoKzW8YT4yUrcMdby3kM31MTz8tO4=", formula.BodySign("xxxxxxx", `{"resultCode":"000000","resultMsg":"success."}`))

	for query, want := range map[string]string{ // the first is Huawei's own (CN 0272346898)
		"activity=newInstance&businessId=61e834ba-7b97-4418-b8f7-e5345137278c&customerId=68cbc86abc2018ab880d92f36422fa0e&expireTime=20200727153156&orderId=CS1906666666ABCDE&productId=00301-666666-0--0&testFlag=1&timeStamp=20200727073711903": "Gzbfjf9LHRBcI3bFVi++sLinCNOBF6qa7is1fvjEgYQ=",
		"p1=1&p2=2&p3=3&timeStamp=201706211855321": "pFDO0i85uykoqyb/eXdNNUGaIGSknt/NNx/B557NZS4=",
		"activity=queryInstance&instanceId=ebc28eb6-4606-4098-b4bd-c201c99a0654,fe28e27e-1157-4105-8592-24cc9488db10,92df74e4-163e-4e0b-a206-d9800d33881b&testFlag=1&timeStamp=20230327065233980": "sJjn5ijYrtuKYrYYq0z0ZXKBRnrZhkWg2Hk7SNUGRvY=",
		"activity=expireInstance&instanceId=03pf80c2bae96vc49b80b917bea776d7&testFlag=1&timeStamp=20170725025113409":                                                                              "eIVoTU2B0YLWuF5nwd1goMNMuPv2myM5/QrFPd8GugA=",
	} {
		params := map[string]string{}
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			params[name] = value
		}
		require.Equal(t, want, formula.AuthToken("xxxxxxx", params))
		require.Contains(t, saas1.Sign("xxxxxxx", params), "authToken="+url.QueryEscape(want), "and so does ours")
	}
}

func TestBothFieldCiphersAreThoseOfJava(t *testing.T) {
	t.Parallel()
	n := 0
	for line := range strings.SplitSeq(strings.TrimSpace(javaMade), "\n") {
		if strings.HasPrefix(line, "# ") {
			continue
		}
		n++
		cell := strings.Split(line, "\t")
		require.Len(t, cell, 5)
		bits, kind := 256, crypt.AES256
		if cell[1] == "2" {
			bits, kind = 128, crypt.AES128
		}
		require.Equal(t, cell[2], hex.EncodeToString(formula.AESKey(cell[0], bits)))
		require.Equal(t, cell[2], hex.EncodeToString(crypt.FieldKey(cell[0], kind)))
		require.Equal(t, cell[4], formula.Encrypt(cell[0], bits, iv, cell[3]))
		require.Equal(t, cell[4], crypt.EncryptWith(cell[0], kind, iv, cell[3]))
	}
	require.Greater(t, n, 40)
}

// The open APIs' vectors: the signing guide's own, a third party's, ours.
func TestTheSecondAKSKReproducesTheVectors(t *testing.T) {
	t.Parallel()
	hash, sig := formula.AKSK("MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", formula.Request{Method: "GET", Path: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
		Query:   map[string]string{"limit": "2", "marker": "13551d6b-755d-4757-b956-536f674975c0"},
		Headers: map[string]string{"content-type": "application/json", "host": "service.region.example.com", "x-sdk-date": "20191115T033655Z"}})
	require.Equal(t, "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a", hash)
	require.Equal(t, "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe", sig)
	_, sig = formula.AKSK("123", formula.Request{Method: "POST", Path: "/api/mkp-openapi-public/global/v1/license/activate",
		Headers: map[string]string{"content-type": "application/json", "host": "mkt.myhuaweicloud.com", "x-sdk-date": "20240317T144237Z", "x-stage": "RELEASE"}})
	require.Equal(t, "77595ad624b6e4e49990b8c4e84bf1c287457fca61069c4e60b9b6765b52053d", sig)
	hash, sig = formula.AKSK("SECRETKEYEXAMPLE", formula.Request{Method: "GET", Path: "/api/mkp-openapi-public/global/v1/order/query",
		Query:   map[string]string{"orderId": "CS2207261447AUY4H", "orderLineId": "CS2207261447AUY4H-000001"},
		Headers: map[string]string{"content-type": "application/json", "host": "mkt-intl.myhuaweicloud.com", "x-sdk-date": "20240101T000000Z"}})
	require.Equal(t, "c21bb1ecc942e43ee1a27425e17fa1d1899f4486c316d4a9cf462fabe6d8d1df", hash)
	require.Equal(t, "8333fd6fda789082947f11ec283c5f5a2dfc9e92390f0eb887bf9530f1f7d568", sig)
}

var (
	secrets = rapid.StringMatching(`[A-Za-z0-9\-]{1,40}`)
	texts   = rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019@+/=&%? -_.~中文😀é")), 0, 40, -1)
	names   = rapid.StringMatching(`[A-Za-z][A-Za-z0-9_.\-]{0,15}`)
	moments = rapid.Int64Range(1_000_000_000_000, 4_000_000_000_000)
)

func TestTheTwoSignaturesOfAPostAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key, body, at := secrets.Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "body"), time.UnixMilli(moments.Draw(t, "ms"))
		once := rapid.StringMatching(`[A-Za-z0-9]{1,64}`).Draw(t, "nonce")
		q, err := url.ParseQuery(saas2.Sign(key, at, once, body))
		require.NoError(t, err)
		want := formula.Signature(key, once, q.Get("timestamp"), string(body))
		require.Equal(t, strings.ToUpper(want), q.Get("signature"), "what we sign as the marketplace")
		for _, hexed := range []string{want, strings.ToUpper(want)} {
			_, err = saas2.Verify([]saas2.Key{{ID: 1, Secret: key}}, saas2.Envelope{Signature: hexed, Timestamp: q.Get("timestamp"), Nonce: once, Body: body}, at)
			require.NoError(t, err, "what the marketplace signs")
		}
	})
}

// The sample project signs the body's sorted form. What is sent is in any order and
// has blanks anywhere; strings are escaped as somebody may escape them.
func TestTheTwoSortedFormsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := bodyOf(t, 3)
		want, err := formula.Sorted(body)
		require.NoError(t, err)
		got, err := saas2.Canonical([]byte(body))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	})
}

var (
	blanks  = rapid.SampledFrom([]string{"", "", " ", "\n\t", "\r\n  "})
	numbers = rapid.SampledFrom([]string{"0", "-0", "7", "-12", "1.50", "1e3", "1E+3", "2.5e-7", "123456789012345678901234567890"})
	words   = rapid.SampledFrom([]string{"true", "false", "null"})
	written = rapid.StringOfN(rapid.RuneFrom([]rune("aZ0_ \"\\/<>&\b\f\n\r\t\x00\x1f\x7f\u2028中\uffff😀")), 0, 8, -1)
)

func quoted(t *rapid.T) string {
	s := written.Draw(t, "text")
	if !rapid.Bool().Draw(t, "by its units") {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		return string(b)
	}
	units := ""
	for _, u := range utf16.Encode([]rune(s)) {
		units += fmt.Sprintf(`\u%04x`, u)
	}
	return `"` + units + `"`
}

func bodyOf(t *rapid.T, deep int) string {
	kinds := 5
	if deep == 0 {
		kinds = 3
	}
	space := func() string { return blanks.Draw(t, "blank") }
	listed := func(open, end string, item func(n int) string) string {
		var items []string
		for n := range rapid.IntRange(0, 4).Draw(t, "items") {
			items = append(items, space()+item(n)+space())
		}
		return open + strings.Join(items, ",") + space() + end
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return quoted(t)
	case 1:
		return numbers.Draw(t, "number")
	case 2:
		return words.Draw(t, "word")
	case 3:
		return listed("[", "]", func(int) string { return bodyOf(t, deep-1) })
	}
	return listed("{", "}", func(n int) string { // no name twice
		name := strings.TrimSuffix(quoted(t), `"`) + strconv.Itoa(n) + `"`
		return name + space() + ":" + space() + bodyOf(t, deep-1)
	})
}

func TestTheTwoAuthTokensAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := secrets.Draw(t, "key")
		params := rapid.MapOfN(names, texts, 0, 12).Draw(t, "params")
		delete(params, "authToken")
		for name, value := range params { // base64 fields never hold a blank
			if name == "mobilePhone" || name == "email" || name == "saasExtendParams" {
				params[name] = strings.ReplaceAll(value, " ", "")
			}
		}
		params["timeStamp"] = "2026112610203" + rapid.StringMatching(`[0-9]{4}`).Draw(t, "stamp")
		want := formula.AuthToken(key, params)
		q, err := saas1.ParseQuery(saas1.Sign(key, params))
		require.NoError(t, err)
		require.Equal(t, want, q.Token, "what we sign as the marketplace")

		values := url.Values{"authToken": {want}}
		for name, value := range params {
			values.Set(name, value)
		}
		q, err = saas1.ParseQuery(values.Encode())
		require.NoError(t, err)
		_, err = saas1.Verify([]saas1.Key{{ID: 1, Secret: key}}, q)
		require.NoError(t, err, "what the marketplace signs")
	})
}

func TestTheTwoBodySignsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key, body := secrets.Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		want := formula.BodySign(key, string(body))
		for _, header := range []string{crypt.BodySign(key, body), crypt.BodySignFAQ(key, body)} {
			got, ok := formula.BodySignOf(header)
			require.True(t, ok, header)
			require.Equal(t, want, got)
		}
		require.NoError(t, crypt.VerifyBodySign(key, `sign_type="HMAC-SHA256", signature="`+want+`"`, body))
	})
}

func TestTheTwoFieldCiphersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key, text := rapid.String().Draw(t, "key"), texts.Draw(t, "text")+"x"
		vector := rapid.StringMatching(`[A-Za-z0-9]{16}`).Draw(t, "iv")
		for bits, kind := range map[int]crypt.EncryptType{256: crypt.AES256, 128: crypt.AES128} {
			require.Equal(t, formula.Encrypt(key, bits, vector, text), crypt.EncryptWith(key, kind, vector, text))
			got, err := formula.Decrypt(key, bits, crypt.EncryptField(key, kind, text))
			require.NoError(t, err)
			require.Equal(t, text, got, "what we seal, the marketplace opens")
			got, err = crypt.DecryptField(key, kind, formula.Encrypt(key, bits, vector, text))
			require.NoError(t, err)
			require.Equal(t, text, got, "what the marketplace seals, we open")
		}
	})
}

func TestTheTwoSignaturesOfTheOpenAPIsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cred := aksk.Credentials{AK: rapid.StringMatching(`[A-Z0-9]{20}`).Draw(t, "ak"), SK: secrets.Draw(t, "sk")}
		at := time.UnixMilli(moments.Draw(t, "ms")).UTC()
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		f := formula.Request{Method: rapid.SampledFrom([]string{"GET", "POST"}).Draw(t, "method"), Body: string(body),
			Path:    "/" + strings.ReplaceAll(texts.Draw(t, "path"), "/", "") + "/x",
			Query:   rapid.MapOfN(names, texts, 0, 5).Draw(t, "query"),
			Headers: map[string]string{"host": "mkt.myhuaweicloud.com", "content-type": "application/json", "x-sdk-date": at.Format("20060102T150405Z")}}
		values := url.Values{}
		for name, value := range f.Query {
			values.Set(name, value)
		}
		r := &http.Request{Method: f.Method, Host: "mkt.myhuaweicloud.com", Header: http.Header{"Content-Type": {"application/json"}},
			URL: &url.URL{Scheme: "https", Host: "mkt.myhuaweicloud.com", Path: f.Path, RawQuery: values.Encode()}}
		require.NoError(t, aksk.Sign(r, body, cred, at))
		_, want := formula.AKSK(cred.SK, f)
		require.Equal(t, "SDK-HMAC-SHA256 Access="+cred.AK+", SignedHeaders="+strings.Join(formula.SignedHeaders(f), ";")+", Signature="+want,
			r.Header.Get("Authorization"))
	})
}
