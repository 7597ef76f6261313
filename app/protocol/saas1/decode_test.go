package saas1

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

// full are calls with every field of their table, right.
func full() map[string]map[string]string {
	ext := EncodeParams([]market.ExtendParam{{Name: "a", Value: "1"}})
	return map[string]map[string]string{
		market.NewInstance: {"customerId": "c", "customerName": "n", "userId": "u", "userName": "un", "mobilePhone": "m", "email": "e", "businessId": "b",
			"orderId": "o", "skuCode": "s", "productId": "p", "testFlag": "0", "trialFlag": "1", "expireTime": "20270101000000", "chargingMode": "1",
			"saasExtendParams": ext, "amount": "1", "diskSize": "2", "bandWidth": "3", "periodType": "month", "periodNumber": "12", "orderAmount": "0.001", "provisionType": "3"},
		market.RefreshInstance: {"orderId": "o", "instanceId": "i", "productId": "p", "expireTime": "20270101000000", "trialToFormal": "1", "periodType": "year",
			"periodNumber": "1", "orderAmount": "-5", "testFlag": "1"},
		market.ExpireInstance:       {"instanceId": "i", "orderId": "o", "testFlag": ""},
		market.ReleaseInstance:      {"instanceId": "i", "orderId": "o", "orderAmount": "1", "testFlag": "1"},
		market.Upgrade:              {"instanceId": "i", "orderId": "o", "skuCode": "s", "productId": "p", "amount": "9999999", "diskSize": "1", "bandWidth": "1", "saasExtendParams": ext},
		market.ChangeInstanceStatus: {"instanceId": "i", "instanceStatus": "NORMAL"},
		market.QueryInstance:        {"instanceId": "i,j"},
		market.GetLicense: {"customerId": "c", "customerName": "n", "mobilePhone": "m", "email": "e", "businessId": "b", "orderId": "o", "skuCode": "s", "productId": "p",
			"expireTime": "20270101000000", "periodType": "year", "periodNumber": "1", "chargingMode": "1", "amount": "1", "orderAmount": "1", "saasExtendParams": ext, "testFlag": "1"},
		market.RefreshLicense: {"orderId": "o", "instanceId": "i", "productId": "p", "expireTime": "20270101000000", "periodType": "year", "periodNumber": "1",
			"orderAmount": "-5", "testFlag": "1"},
		market.ExpireLicense:  {"orderId": "o", "instanceId": "i", "testFlag": "1"},
		market.ReleaseLicense: {"orderId": "o", "instanceId": "i", "testFlag": "1"},
	}
}

func decode(activity string, fields map[string]string) (market.Call, error) {
	v := url.Values{"activity": {activity}, "timeStamp": {"20261122073711903"}}
	for name, value := range fields {
		v.Set(name, value)
	}
	q, err := ParseQuery(v.Encode())
	if err != nil {
		return market.Call{}, err
	}
	return Decode(q)
}

// Every row of every table: a mandatory field that is missing or blank, and any
// field one character too long, is refused by its name.
func TestEveryRowOfTheTables(t *testing.T) {
	t.Parallel()
	for activity, rules := range requests {
		_, err := decode(activity, full()[activity])
		require.NoError(t, err, activity)
		require.GreaterOrEqual(t, len(full()[activity])+1, len(rules)-1, activity)
		for _, r := range rules {
			for _, blank := range []string{"", "  "} {
				fields := full()[activity]
				fields[r.name] = blank
				_, err := decode(activity, fields)
				if !r.need {
					require.NoError(t, err, "%s.%s", activity, r.name)
					continue
				}
				f := fault.From(err)
				require.NotNil(t, f, "%s.%s", activity, r.name)
				require.Equal(t, keyMissing, f.Key)
				require.Equal(t, r.name, f.Args["field"])
				require.Equal(t, "invalid request parameter: "+r.name+" is missing", Message(err))
			}
			fields := full()[activity]
			fields[r.name] = strings.Repeat("9", r.max+1)
			_, err := decode(activity, fields)
			f := fault.From(err)
			require.NotNil(t, f, "%s.%s", activity, r.name)
			require.Equal(t, keyTooLong, f.Key, "%s.%s", activity, r.name)
			require.Equal(t, r.name, f.Args["field"])
			require.Equal(t, market.InvalidParameter, RefusalCode(err))

			fields[r.name] = "a\x00b"
			_, err = decode(activity, fields)
			require.Contains(t, []string{keyControl, keyFormat, keyTooLong}, fault.From(err).Key, "%s.%s", activity, r.name)
		}
	}
}

func TestEnumerationsAndFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ activity, field, good, bad string }{
		{market.NewInstance, "chargingMode", "0 1 3 5", "2 4 -1 x 01"},
		{market.NewInstance, "trialFlag", "0 1", "2 t"},
		{market.NewInstance, "testFlag", "0 1", "2 01 t"},
		{market.NewInstance, "expireTime", "20270725000000 20270725000000123", "20270725 2027072500000x 20270230000000 19691231235959 +2027072500000"},
		{market.NewInstance, "periodType", "year month day", "YEAR week"},
		{market.NewInstance, "periodNumber", "0 1 99 01", "x -1 1.5"},
		{market.NewInstance, "orderAmount", "0 1 1.5 1.123 1.1230 -3.5", "1.1234 . 1. .5 x 1,5 --1 1e3"},
		{market.NewInstance, "amount", "0 9999999", "x -1 1.0"},
		{market.NewInstance, "saasExtendParams", "W10= W10 bnVsbA==", "!! e30= W3t9XQ W3sibmFtZSI6MX1d /w=="},
		{market.RefreshInstance, "trialToFormal", "0 1", "2 yes"},
		{market.ChangeInstanceStatus, "instanceStatus", "FREEZE NORMAL", "UNFREEZE freeze"},
		{market.QueryInstance, "instanceId", "a a,b", ", a,,b a,"},
	} {
		for _, v := range strings.Fields(c.good) {
			fields := full()[c.activity]
			fields[c.field] = v
			_, err := decode(c.activity, fields)
			require.NoError(t, err, "%s=%s", c.field, v)
		}
		for _, v := range strings.Fields(c.bad) {
			if v == "W3t9XQ" { // a list with an object without a name: odd, but a list
				continue
			}
			fields := full()[c.activity]
			fields[c.field] = v
			_, err := decode(c.activity, fields)
			f := fault.From(err)
			require.NotNil(t, f, "%s=%s", c.field, v)
			require.Contains(t, f.Args["field"], c.field)
		}
	}
}

func TestUnknownActivity(t *testing.T) {
	t.Parallel()
	for activity, key := range map[string]string{"makeCoffee": keyUnknownActivity, "updateInstanceStatus": keyUnknownActivity, "": keyMissing,
		strings.Repeat("x", 33): keyTooLong} {
		c, err := decode(activity, map[string]string{"orderId": "o", "instanceId": "i"})
		require.Equal(t, key, fault.From(err).Key, activity)
		require.Equal(t, "o", c.OrderID, "what could be read is there for the log")
	}
}

func TestScenes(t *testing.T) {
	t.Parallel()
	for amount, want := range map[string]market.Scene{"": market.Renewal, "0": market.Renewal, "-0.00": market.Renewal, "5": market.Renewal, "-5": market.UnsubscribeRenewalPeriod} {
		fields := full()[market.RefreshInstance]
		fields["orderAmount"], fields["trialToFormal"] = amount, ""
		c, err := decode(market.RefreshInstance, fields)
		require.NoError(t, err)
		require.Equal(t, want, c.Scene, amount)
	}
	c, err := decode(market.RefreshInstance, full()[market.RefreshInstance])
	require.NoError(t, err)
	require.Equal(t, market.TrialToFormal, c.Scene)
}

func TestAQueryOfManyIDs(t *testing.T) {
	t.Parallel()
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = fmt.Sprintf("%064d", i)
	}
	c, err := decode(market.QueryInstance, map[string]string{"instanceId": strings.Join(ids, ", ")})
	require.NoError(t, err)
	require.Equal(t, ids, c.InstanceIDs)
	_, err = decode(market.QueryInstance, map[string]string{"instanceId": strings.Repeat("i,", 100) + "i"})
	require.Equal(t, keyTooMany, fault.From(err).Key)
	_, err = decode(market.QueryInstance, map[string]string{"instanceId": "a," + strings.Repeat("i", 65)})
	require.Equal(t, "instanceId[1]", fault.From(err).Args["field"])
	c, err = decode(market.QueryInstance, map[string]string{"instanceId": "a,b,a"})
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, c.InstanceIDs)
}

func TestExtendParams(t *testing.T) {
	t.Parallel()
	take := func(json string) market.Terms {
		t.Helper()
		c, err := decode(market.NewInstance, func() map[string]string {
			f := full()[market.NewInstance]
			f["saasExtendParams"] = url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(json))) // escaped twice
			return f
		}())
		require.NoError(t, err)
		return *c.Terms
	}
	welink := `[{"name":"platformParams","value":"{\"tenantName\":\"企业\",\"tenantId\":\"T1\",\"userId\":\"u\"}"}]`
	require.Equal(t, &market.Platform{TenantName: "企业", TenantID: "T1", UserID: "u"}, take(welink).Platform)
	require.Equal(t, "T2", take(strings.Replace(welink, "tenantId", "tennantId", 1)[:0]+`[{"name":"platformParams","value":{"tennantId":"T2"}}]`).Platform.TenantID)
	require.Nil(t, take(`[{"name":"platformParams","value":"no JSON"}]`).Platform)
	require.Equal(t, []market.ExtendParam{{Name: "n", Value: "12345678901234567890"}, {Name: "b", Value: "true"}, {Name: "t", Value: "a b"}, {Name: "", Value: ""}},
		take(`[{"name":"n","value":12345678901234567890},{"name":"b","value":true},{"name":"t","value":"a\nb"},{}]`).Params)
	require.Len(t, take("["+strings.Repeat(`{"name":"n","value":"v"},`, 50)+`{}]`).Params, maxParams)
}

// Encoders differ in the alphabet, the padding and the line breaks that they make.
func TestBase64OfExtendParamsMayBeOfAnyKind(t *testing.T) {
	t.Parallel()
	const name = "???>>>~~~"
	std := base64.StdEncoding.EncodeToString([]byte(`[{"name":"` + name + `","value":"v"}, {"name":"wrapped","value":"beyond the 76th column."}]`))
	require.Contains(t, std, "/")
	require.Contains(t, std, "+")
	require.Contains(t, std, "=")
	wrap := func(s, by string) string { return s[:76] + by + s[76:] + by }
	safe := strings.NewReplacer("+", "-", "/", "_").Replace(std)
	for _, v := range []string{std, safe, strings.TrimRight(std, "="), strings.TrimRight(safe, "="), wrap(std, "\n"), wrap(std, "\r\n"), wrap(safe, "\n"),
		url.QueryEscape(std), url.QueryEscape(wrap(std, "\r\n"))} {
		f := full()[market.NewInstance]
		f["saasExtendParams"] = v
		c, err := decode(market.NewInstance, f)
		require.NoError(t, err, "%q", v)
		require.Equal(t, []market.ExtendParam{{Name: name, Value: "v"}, {Name: "wrapped", Value: "beyond the 76th column."}}, c.Terms.Params, "%q", v)
	}
}

func TestContentHashTellsRepeats(t *testing.T) {
	t.Parallel()
	one := read(t, "activity=newInstance&orderId=o&productId=p&customerId=c&businessId=b1&timeStamp=1&email=x&expireTime=20270101000000")
	again := read(t, "activity=newInstance&orderId=o&productId=p&customerId=c&businessId=b2&timeStamp=2&email=y&testFlag=1&expireTime=20270102000000")
	other := read(t, "activity=newInstance&orderId=o&productId=p2&customerId=c&businessId=b1&timeStamp=1")
	require.Equal(t, one.ContentHash, again.ContentHash)
	require.NotEqual(t, one.ContentHash, other.ContentHash)
}

func TestWhatCannotBeRevealedIsLeftOut(t *testing.T) {
	t.Parallel()
	c := market.Call{Terms: &market.Terms{Buyer: market.Buyer{MobilePhone: crypt.EncryptField("k", crypt.AES128, "18600000000"), Email: "not encrypted at all"}}}
	require.Equal(t, []string{"email"}, Reveal(&c, "k", crypt.AES256))
	require.Equal(t, market.Buyer{MobilePhone: "18600000000"}, c.Terms.Buyer)
	require.Empty(t, Reveal(&market.Call{}, "k", crypt.AES256))
}
