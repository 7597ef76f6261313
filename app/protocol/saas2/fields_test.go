package saas2

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// published is the request tables once more, written down from the pages and
// not from the code: length in characters, "M" or "O", and a valid value.
var published = map[string][]struct {
	name  string
	max   int // 0: no free text
	must  string
	valid string // JSON
}{
	market.NewInstance: {
		{"orderId", 64, "M", `"CS2211181819B4LVS"`}, {"orderLineId", 64, "M", `"CS2211181819B4LVS-000001"`},
		{"businessId", 64, "M", `"87b94795-0603-4e24-8ae5-69420d60e3c8"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.QueryInstance: {
		{"instanceId", 64, "M", `"10e758d0"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.RefreshInstance: {
		{"scene", 0, "M", `"RENEWAL"`}, {"orderId", 64, "M", `"CS1"`}, {"orderLineId", 64, "M", `"CS1-1"`}, {"instanceId", 64, "M", `"10e758d0"`},
		{"productId", 64, "O", `"OFFI1"`}, {"expireTime", 0, "M", `"20221124023618256"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.UpdateInstanceStatus: {
		{"instanceId", 64, "M", `"10e758d0"`}, {"status", 0, "M", `"FREEZE"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.ReleaseInstance: {
		{"instanceId", 64, "M", `"10e758d0"`}, {"orderId", 64, "O", `"CS1"`}, {"orderLineId", 64, "O", `"CS1-1"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.UpgradeInstance: {
		{"instanceId", 64, "M", `"10e758d0"`}, {"orderId", 64, "M", `"CS1"`}, {"orderLineId", 64, "M", `"CS1-1"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.ChangeInstanceCheck: {
		{"instanceId", 64, "M", `"10e758d0"`}, {"productInfo", 0, "M", `{"productId":"OFFI1","skuCode":"sku"}`}, {"testFlag", 0, "O", `"1"`},
	},
	market.GetLicenseAsync: {
		{"instanceId", 64, "M", `"RA1"`}, {"effectiveTime", 0, "M", `"2023-10-27 10:30:15 z"`}, {"expireTime", 0, "O", `"2024-10-27 10:30:15 z"`},
		{"eventId", 64, "M", `"e1"`}, {"deviceFingerprint", 1024, "O", `"8A16"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.RefreshLicenseCode: {
		{"scene", 0, "M", `"RENEWAL"`}, {"orderId", 64, "M", `"CS1"`}, {"orderLineId", 64, "M", `"CS1-1"`}, {"license", 64, "M", `"PL1"`},
		{"productId", 64, "O", `"OFFI1"`}, {"expireTime", 0, "M", `"20230523201932"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.UpdateLicenseCodeStatus: {
		{"license", 64, "M", `"PL1"`}, {"status", 0, "M", `"FREEZE"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.ReleaseLicenseCode: {
		{"license", 64, "M", `"PL1"`}, {"orderId", 64, "O", `"CS1"`}, {"orderLineId", 64, "O", `"CS1-1"`}, {"testFlag", 0, "O", `"1"`},
	},
	market.OrderNotify: {
		{"orderId", 64, "M", `"CS1"`}, {"orderLineId", 64, "M", `"CS1-1"`}, {"testFlag", 0, "O", `"1"`}, // printed M with a default
	},
}

// bodyWith is the valid body of an activity with one field's JSON replaced, or
// left out where it is "".
func bodyWith(activity, field, text string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"activity":%q`, activity)
	for _, f := range published[activity] {
		if f.name != field {
			fmt.Fprintf(&b, `,%q:%s`, f.name, f.valid)
		} else if text != "" {
			fmt.Fprintf(&b, `,%q:%s`, f.name, text)
		}
	}
	return []byte(b.String() + "}")
}

// read is how a field came out of Decode, as text.
func read(c market.Call, field string) string {
	switch field {
	case "orderId":
		return c.OrderID
	case "orderLineId":
		return c.OrderLineID
	case "businessId":
		return c.BusinessID
	case "instanceId":
		return c.InstanceID()
	case "productId":
		return c.ProductID
	case "license":
		return c.License
	case "eventId":
		return c.EventID
	case "deviceFingerprint":
		return c.DeviceFingerprint
	}
	return ""
}

// refused checks that the error is of this key, names the field to the operator
// and to the caller, and is answered 000002.
func refused(t *testing.T, err error, key, field string) {
	t.Helper()
	require.Error(t, err)
	f := fault.From(err)
	require.Equal(t, fault.Invalid, f.Code)
	require.Equal(t, key, f.Key, "%v", err)
	require.Equal(t, field, f.Args["field"])
	require.Equal(t, market.InvalidParameter, RefusalCode(err))
	msg := Message(err)
	require.Regexp(t, `^param is invalid: [ -~]+$`, msg)
	require.Contains(t, msg, field)
	require.LessOrEqual(t, len(msg), MaxResultMsg)
}

func TestFieldRules(t *testing.T) {
	t.Parallel()
	require.Len(t, requests, len(published))
	for activity, fields := range published {
		require.Len(t, requests[activity], len(fields), activity)
		for _, f := range fields {
			t.Run(activity+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				absent := []string{"", "null", `""`}
				if f.name != "testFlag" {
					absent = append(absent, `" \t "`)
				}
				for _, v := range absent {
					c, err := Decode(bodyWith(activity, f.name, v))
					if f.must == "M" {
						refused(t, err, keyMissing, f.name)
					} else {
						require.NoError(t, err, v)
					}
					require.Empty(t, read(c, f.name))
					require.Equal(t, activity, c.Activity)
					require.NotEmpty(t, c.ContentHash)
				}
				if f.name != "productInfo" {
					_, err := Decode(bodyWith(activity, f.name, `{"a":1}`))
					refused(t, err, keyType, f.name)
					_, err = Decode(bodyWith(activity, f.name, `["a"]`))
					refused(t, err, keyType, f.name)
				}
				if f.max > 0 {
					textRules(t, activity, f.name, f.max)
				}
			})
		}
	}
}

func textRules(t *testing.T, activity, field string, limit int) {
	t.Helper()
	for _, unit := range []string{"a", "中", "😀", "é"} {
		longest := strings.Repeat(unit, limit)
		c, err := Decode(bodyWith(activity, field, strconv.Quote(longest)))
		require.NoError(t, err)
		require.Equal(t, longest, read(c, field))
		require.Equal(t, limit, utf8.RuneCountInString(read(c, field)))

		c, err = Decode(bodyWith(activity, field, strconv.Quote(longest+unit)))
		refused(t, err, keyTooLong, field)
		require.Equal(t, strconv.Itoa(limit), fault.From(err).Args["limit"])
		require.Equal(t, strconv.Itoa(limit+1), fault.From(err).Args["got"])
		require.Empty(t, read(c, field))
	}
	for literal, want := range map[string]string{
		"1234567890123456789": "1234567890123456789", "12345678901234567891234567890": "12345678901234567891234567890",
		"-1.50": "-1.50", "1E5": "1E5", "true": "true", "false": "false", `"\u0061\/\u4e2d"`: "a/中", `"\ud83d\ude00"`: "😀",
	} {
		c, err := Decode(bodyWith(activity, field, literal))
		require.NoError(t, err, literal)
		require.Equal(t, want, read(c, field))
	}
	for _, control := range []string{`"a\u0000"`, `"a\nb"`, `"\u007fa"`, `"a\u0085"`, "\"a\u009f\""} {
		c, err := Decode(bodyWith(activity, field, control))
		refused(t, err, keyControl, field)
		require.Empty(t, read(c, field))
	}
}

func TestTestFlag(t *testing.T) {
	t.Parallel()
	for activity := range published {
		for literal, test := range map[string]bool{"": false, "null": false, `""`: false, `"0"`: false, "0": false, `"1"`: true, "1": true, `"\u0031"`: true} {
			c, err := Decode(bodyWith(activity, "testFlag", literal))
			require.NoError(t, err, literal)
			require.Equal(t, test, c.Test, literal)
		}
		for _, literal := range []string{`"2"`, `"01"`, `" 1"`, `"1 "`, `" "`, "1.0", "-1", "true", `"true"`, `"Y"`, `"\u0000"`, `"１"`} {
			c, err := Decode(bodyWith(activity, "testFlag", literal))
			refused(t, err, keyValue, "testFlag")
			require.False(t, c.Test)
		}
	}
}

func TestEnumerations(t *testing.T) {
	t.Parallel()
	for _, scene := range []market.Scene{market.TrialToFormal, market.Renewal, market.UnsubscribeRenewalPeriod, market.RenewalChange} {
		c, err := Decode(bodyWith(market.RefreshInstance, "scene", strconv.Quote(string(scene))))
		require.NoError(t, err)
		require.Equal(t, scene, c.Scene)
	}
	for _, wrong := range []string{`"renewal"`, `"RENEWAL "`, `"EXPIRE"`, `"0"`, "1", "true"} {
		c, err := Decode(bodyWith(market.RefreshInstance, "scene", wrong))
		refused(t, err, keyValue, "scene")
		require.Empty(t, c.Scene)
		require.Equal(t, "CS1", c.OrderID, "the rest is read for the log")
	}
	for _, status := range []string{market.Freeze, market.Unfreeze} {
		c, err := Decode(bodyWith(market.UpdateInstanceStatus, "status", strconv.Quote(status)))
		require.NoError(t, err)
		require.Equal(t, status, c.Target)
	}
	for _, wrong := range []string{`"NORMAL"`, `"freeze"`, `"FROZEN"`, "0", "false"} {
		c, err := Decode(bodyWith(market.UpdateInstanceStatus, "status", wrong))
		refused(t, err, keyValue, "status")
		require.Empty(t, c.Target)
	}
	_, err := Decode(bodyWith(market.UpdateInstanceStatus, "status", strconv.Quote(strings.Repeat("F", 33))))
	refused(t, err, keyTooLong, "status")
	_, err = Decode(bodyWith(market.RefreshInstance, "scene", strconv.Quote(strings.Repeat("F", 65))))
	refused(t, err, keyTooLong, "scene")
}

func TestExpireTime(t *testing.T) {
	t.Parallel()
	for literal, want := range map[string]time.Time{
		`"20221124023618"`:    time.Date(2022, 11, 24, 2, 36, 18, 0, time.UTC),
		`"20221124023618256"`: time.Date(2022, 11, 24, 2, 36, 18, 0, time.UTC),
		"20221124023618":      time.Date(2022, 11, 24, 2, 36, 18, 0, time.UTC),
		"20221124023618999":   time.Date(2022, 11, 24, 2, 36, 18, 0, time.UTC),
		`"20240229235959"`:    time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC),
		`"19700101000000"`:    time.Unix(0, 0).UTC(),
		`"99991231235959999"`: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		c, err := Decode(bodyWith(market.RefreshInstance, "expireTime", literal))
		require.NoError(t, err, literal)
		require.Equal(t, want, c.ExpireTime)
	}
	for _, wrong := range []string{
		`"20230231000000"`, `"20230229000000"`, `"20231301000000"`, `"20230100000000"`, `"20230101240000"`, `"20230101006000"`, `"20230101000060"`,
		`"00000000000000"`, `"19691231235959"`, `"00010101000000"`, `"2023010100000"`, `"202301010000001"`, `"2023010100000012"`, `"202301010000001234"`,
		`"2023-01-01 00:00"`, `"20230101T00000"`, `"2023010100000Z"`, `"20230101000000.25"`, `" 20230101000000"`, `"２０２３０１０１００００００"`,
		"2.0230101000000e13", "-2023010100000", "true",
	} {
		c, err := Decode(bodyWith(market.RefreshInstance, "expireTime", wrong))
		refused(t, err, keyFormat, "expireTime")
		require.True(t, c.ExpireTime.IsZero())
	}
	_, err := Decode(bodyWith(market.RefreshInstance, "expireTime", `"202301010000001234567"`))
	refused(t, err, keyTooLong, "expireTime")
}

func TestTimesOfALicense(t *testing.T) {
	t.Parallel()
	at := time.Date(2023, 10, 27, 10, 30, 15, 0, time.UTC)
	for _, field := range []string{"effectiveTime", "expireTime"} {
		for _, good := range []string{`"2023-10-27 10:30:15 z"`, `"2023-10-27 10:30:15 Z"`, `"2023-10-27 10:30:15z"`, `"2023-10-27 10:30:15"`,
			`"20231027103015"`, `"20231027103015123"`, "20231027103015"} {
			c, err := Decode(bodyWith(market.GetLicenseAsync, field, good))
			require.NoError(t, err, good)
			got := map[string]time.Time{"effectiveTime": c.EffectiveTime, "expireTime": c.ExpireTime}[field]
			require.Equal(t, at, got, good)
		}
		for _, wrong := range []string{`"2023-10-27"`, `"2023-02-30 10:30:15 z"`, `"2023-10-27 10:30:15 +8"`, `"1969-12-31 23:59:59 z"`, `"z"`, `"2023-10-27T10:30:15Z"`, "true"} {
			c, err := Decode(bodyWith(market.GetLicenseAsync, field, wrong))
			refused(t, err, keyFormat, field)
			require.Equal(t, "e1", c.EventID, "the rest is read for the log")
		}
	}
}

func TestACodeKnowsTwoScenes(t *testing.T) {
	t.Parallel()
	for _, scene := range []market.Scene{market.Renewal, market.UnsubscribeRenewalPeriod} {
		c, err := Decode(bodyWith(market.RefreshLicenseCode, "scene", strconv.Quote(string(scene))))
		require.NoError(t, err)
		require.Equal(t, scene, c.Scene)
	}
	for _, wrong := range []string{`"TRIAL_TO_FORMAL"`, `"RENEWAL_CHANGE"`, `"renewal"`} {
		_, err := Decode(bodyWith(market.RefreshLicenseCode, "scene", wrong))
		refused(t, err, keyValue, "scene")
	}
}

// How a call goes on: the generation decides its keys and its place in the log.
func TestEveryActivityHasItsGeneration(t *testing.T) {
	t.Parallel()
	want := map[string]market.Protocol{market.GetLicenseAsync: market.License, market.RefreshLicenseCode: market.LicenseCode,
		market.UpdateLicenseCodeStatus: market.LicenseCode, market.ReleaseLicenseCode: market.LicenseCode, market.OrderNotify: market.OrderNotice}
	for activity := range published {
		p := want[activity]
		if p == "" {
			p = market.V2
		}
		c, err := Decode(bodyWith(activity, "", ""))
		require.NoError(t, err, activity)
		require.Equal(t, p, c.Protocol, activity)
		require.True(t, Known(activity))
	}
	require.False(t, Known("deleteInstance"))
}
