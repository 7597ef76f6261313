package saas1

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"koodesk/app/market"
)

func TestWhatCannotBeProved(t *testing.T) {
	t.Parallel()
	good := Sign(vectorKey, map[string]string{"activity": "expireInstance", "instanceId": "i1", "timeStamp": "20261122073711903"})
	for name, c := range map[string]struct {
		raw  string
		keys []Key
		want error
		code market.ResultCode
	}{
		"nothing at all":        {"", vectorKeys, ErrTokenMissing, market.AuthFailed},
		"no token":              {"activity=x&timeStamp=1", vectorKeys, ErrTokenMissing, market.AuthFailed},
		"an empty token":        {"activity=x&timeStamp=1&authToken=", vectorKeys, ErrTokenMissing, market.AuthFailed},
		"no timeStamp":          {"activity=x&authToken=abc", vectorKeys, ErrTimestampMissing, market.InvalidParameter},
		"a blank timeStamp":     {"activity=x&timeStamp=+&authToken=abc", vectorKeys, ErrTimestampMissing, market.InvalidParameter},
		"no key":                {good, nil, ErrNoKey, market.AuthFailed},
		"an empty key":          {good, []Key{{ID: 1}}, ErrNoKey, market.AuthFailed},
		"another key":           {good, []Key{{ID: 1, Secret: "other"}}, ErrTokenWrong, market.AuthFailed},
		"a changed value":       {strings.Replace(good, "i1", "i2", 1), vectorKeys, ErrTokenWrong, market.AuthFailed},
		"a changed stamp":       {strings.Replace(good, "903", "904", 1), vectorKeys, ErrTokenWrong, market.AuthFailed},
		"a parameter more":      {good + "&testFlag=1", vectorKeys, ErrTokenWrong, market.AuthFailed},
		"not base64":            {"timeStamp=1&authToken=%21%21", vectorKeys, ErrTokenWrong, market.AuthFailed},
		"too short":             {"timeStamp=1&authToken=YWJj", vectorKeys, ErrTokenWrong, market.AuthFailed},
		"the first is forged":   {"instanceId=i2&" + good, vectorKeys, ErrTokenWrong, market.AuthFailed},
		"a false token first":   {"authToken=x&" + good, vectorKeys, ErrTokenWrong, market.AuthFailed},
		"a broken escape":       {good + "&x=%2", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"no UTF-8":              {good + "&x=%ff", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"an odd name":           {good + "&a%26b=1", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"no name":               {good + "&=1", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"a name with an end":    {good + "&a%3Db=1", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"a name with a control": {good + "&a%00=1", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"a name of no UTF-8":    {good + "&%ff=1", vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"too long":              {"a=" + strings.Repeat("a", 33<<10), vectorKeys, ErrQueryFormat, market.InvalidParameter},
		"a field swallowed":     {"activity=expireInstance&instanceId=i1%26testFlag%3D1&timeStamp=1&authToken=x", vectorKeys, ErrQueryAmbiguous, market.InvalidParameter},
		"a field swallowed too": {"customerName=a%26b%26orderId%3D1&timeStamp=1&authToken=x", vectorKeys, ErrQueryAmbiguous, market.InvalidParameter},
	} {
		q, err := ParseQuery(c.raw)
		if err == nil {
			_, err = Verify(c.keys, q)
		}
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, c.code, RefusalCode(err), name)
		require.NotContains(t, Message(err), ":", name+": a refused proof says no more than its code")
	}
}

// Each of the readings that KooGallery's samples show is accepted.
func TestFormsOfOneCall(t *testing.T) {
	t.Parallel()
	fields := map[string]string{"activity": "newInstance", "email": "0123456789ABCDEF/nQ+zuLKL8x/+uok23z0qT1JHjuaNuxEr4pWz+HmXRk=",
		"customerName": "A&B=c 中文", "UPPER": "first", "empty": "", "timeStamp": "1"}
	good := Sign(vectorKey, fields)
	for name, raw := range map[string]string{
		"as signed":         good,
		"lower-case escape": strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3D", "%3d").Replace(good),
		"raw base64":        strings.NewReplacer("%2B", "+", "%2F", "/", "%3D", "=").Replace(good),
		"blanks as %20":     strings.ReplaceAll(strings.ReplaceAll(good, "+", "%20"), "%2B", "%2B"),
		"another order":     good[strings.Index(good, "&")+1:] + "&" + good[:strings.Index(good, "&")],
		"empty pairs":       "&&" + good + "&",
		"more values":       good + "&customerName=other&timeStamp=2&email=&authToken=x",
	} {
		q, err := ParseQuery(raw)
		require.NoError(t, err, name)
		_, err = Verify(vectorKeys, q)
		require.NoError(t, err, name)
		require.Equal(t, fields["email"], q.Get("email"), name)
		require.Equal(t, fields["customerName"], q.Get("customerName"), name)
	}
}

// Whatever else is signed is accepted, in Java's order: by UTF-16 unit.
func TestFurtherParametersMayHaveAnyName(t *testing.T) {
	t.Parallel()
	fields := map[string]string{"activity": "expireInstance", "timeStamp": "1", "a[0]": "x", "中文": "y", "a b": "z", strings.Repeat("n", 65): ""}
	for n := range 100 {
		fields["p"+strconv.Itoa(n)] = "v"
	}
	q, err := ParseQuery(Sign(vectorKey, fields))
	require.NoError(t, err)
	_, err = Verify(vectorKeys, q)
	require.NoError(t, err)
	for name, v := range fields {
		require.Equal(t, v, q.Get(name))
	}

	q, err = ParseQuery("\uff5e=1&\U0001f600=2&timeStamp=1&authToken=x")
	require.NoError(t, err)
	require.Equal(t, "timeStamp=1&\U0001f600=2&\uff5e=1", string(q.payload()))
	require.Equal(t, "1", q.Get("\uff5e"))
}

// A second implementation, written from the formula alone, agrees.
func TestTokenAgreesWithTheFormula(t *testing.T) {
	t.Parallel()
	name := rapid.StringMatching(`[A-Za-z][A-Za-z0-9]{0,8}`)
	value := rapid.StringOf(rapid.RuneFrom([]rune("abz019 +/=%?#中文😀.-_")))
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.MapOfN(name, value, 0, 12).Draw(t, "fields")
		delete(fields, "authToken")
		for n := range base64Fields {
			delete(fields, n)
		}
		fields["timeStamp"] = rapid.StringMatching(`[0-9]{15,17}`).Draw(t, "stamp")
		secret := rapid.StringN(1, 40, -1).Draw(t, "secret")

		var names []string
		for n := range fields {
			names = append(names, n)
		}
		sort.Strings(names)
		var signed, sent []string
		for _, n := range names {
			signed = append(signed, n+"="+fields[n])
			sent = append(sent, n+"="+url.QueryEscape(fields[n]))
		}
		h := hmac.New(sha256.New, []byte(secret+fields["timeStamp"]))
		h.Write([]byte(strings.Join(signed, "&")))
		want := base64.StdEncoding.EncodeToString(h.Sum(nil))

		raw := Sign(secret, fields)
		require.Equal(t, strings.Join(sent, "&")+"&authToken="+url.QueryEscape(want), raw)
		q, err := ParseQuery(raw)
		require.NoError(t, err)
		_, err = Verify([]Key{{ID: 1, Secret: secret + "x"}, {ID: 2, Secret: secret}}, q)
		require.NoError(t, err)
	})
}
