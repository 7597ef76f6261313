package saas2

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/contenttest"
)

// spellings are ways to write a field; some say the same as others, some nearly.
func spellings(field string) []string {
	switch field {
	case "expireTime", "effectiveTime":
		return []string{"", "null", `""`, `"20300101000000"`, "20300101000000", `"20300101000000000"`, "20300101000000000", `"20300101000000256"`, `"2030010100000\u0030"`,
			`"20300101000001"`, `"20291231235959999"`, `"2030-01-01 00:00:00 z"`, `"2030-01-01 00:00:00Z"`, `"2030-01-01 00:00:00"`, `"2030-01-01 00:00:00.5 z"`,
			`"2030-01-01 00:00:00.50 z"`, `"2030-01-01 00:00:01 z"`}
	case "scene":
		return []string{`"RENEWAL"`, `"\u0052ENEWAL"`, `"UNSUBSCRIBE_RENEWAL_PERIOD"`, `"TRIAL_TO_FORMAL"`, `"RENEWAL_CHANGE"`}
	case "status":
		return []string{`"FREEZE"`, `"FREEZ\u0045"`, `"UNFREEZE"`}
	case "testFlag":
		return []string{"", "null", `""`, `"0"`, "0", `"1"`, "1"}
	case "productInfo":
		return []string{`{"productId":"1"}`, `{"productId":1}`, `[{"productId":"1"}]`, `{"productId":"1","new":{"a":1}}`, `{"productId":"1","skuCode":null}`, `{"skuCode":" ","productId":"1"}`,
			`{"productId":"01"}`, `{"productId":1.0}`, `{"productId":"1","skuCode":"1"}`, `{"skuCode":"1"}`, `{"productId":"1","productName":"1"}`, `{"productId":"1","linearValue":0}`,
			`{"productId":"1","linearValue":"00"}`, `{"productId":"1","linearValue":7}`, `{"productId":"1","linearValue":"007"}`, `{"productId":"1","linearValue":9007199254740992}`,
			`{"productId":"1","linearValue":"9007199254740993"}`, `[{"productId":"1"},{"productId":"1"}]`, `[{"productId":"1"},{"skuCode":"1"}]`, `[{"skuCode":"1"},{"productId":"1"}]`}
	}
	return []string{"", "null", `""`, `" "`, `"1"`, "1", `"\u0031"`, "1.0", `"1.0"`, "1e0", `"1e0"`, "10", `"01"`, `" 1"`, `"1 "`, `"1, 1"`, `"1,2"`, `"2,1"`, `"1,2,1"`, `"0x1"`,
		"true", `"true"`, "9007199254740993", `"9007199254740993"`, "9007199254740992", "9007199254740993.0", `"a"`, `"A"`, `"é"`, `"\u00e9"`, `"e\u0301"`, `"😀"`, `"\ud83d\ude00"`}
}

// understood is a call without what may differ between its arrivals.
func understood(c market.Call) market.Call {
	c.BusinessID, c.Test, c.Content, c.ContentHash, c.SpelledHash = "", false, nil, nil, nil
	return c
}

// Two calls have the same hash if and only if they were understood as the same, and
// differ in the fields in which they were not.
func TestEqualContentsAreWhatIsUnderstoodAsEqual(t *testing.T) {
	t.Parallel()
	for activity, fields := range published {
		for _, f := range fields {
			t.Run(activity+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				contenttest.Alike(t, f.name, spellings(f.name), func(text string) (market.Call, error) {
					return Decode(bodyWith(activity, f.name, text))
				}, understood)
			})
		}
	}
}

func FuzzContentHash(f *testing.F) {
	for activity, fields := range published {
		for _, field := range fields {
			for _, text := range spellings(field.name) {
				f.Add(bodyWith(activity, field.name, text), bodyWith(activity, "", ""))
			}
		}
	}
	f.Fuzz(func(t *testing.T, one, other []byte) {
		a, err := Decode(one)
		b, otherErr := Decode(other)
		if err != nil || otherErr != nil {
			return
		}
		require.Equal(t, reflect.DeepEqual(understood(a), understood(b)), bytes.Equal(a.ContentHash, b.ContentHash))
		if bytes.Equal(a.SpelledHash, b.SpelledHash) {
			require.Equal(t, a.ContentHash, b.ContentHash, "what is spelled alike says the same")
		}
	})
}

// The hashes of messages are stored: those of these calls, computed elsewhere, are for
// ever.
func TestContentHashesOfBefore(t *testing.T) {
	t.Parallel()
	for activity, want := range map[string][2]string{
		market.ChangeInstanceCheck:     {"080937129c17b729d7166a530df0886a0cc16574cbebf40d6f521510386e9d57", "e40647b80dd8ffd1ec11d3caa56ade529f7812a4bfe95d30b296a65e86bdb1e7"},
		market.GetLicenseAsync:         {"6f27dfa99d1fa01d8bc3600fdbf0c8bf4fae2c6169b96ca2db3329d5a2bc8f54", "a59a5ffe2c8cec947e5a2d3706cbeceb7a44e0d5d056f47a75279e462489b770"},
		market.NewInstance:             {"9ff779cbbe9c25eb0c8518463f200bde57e96f8d5b7bad1afb1de7c1f8bf8760", "e8da922f1bbe01ae3692529106c79c4b4637011db55428cae7684831a93ba0d5"},
		market.OrderNotify:             {"4d6d56006f5429cb5573de11174b90ebff3dc56b399dbc747f480ea72458853f", "eb752a3288e1e3edfdcc10f2296de44ae5a0617ebfed0e155931a8d4f14a1309"},
		market.QueryInstance:           {"c8c3f1b85a783039f1896e9af77dee60f1d405a000def9a23d8a53a5be87f8f5", "e9fae83d4447a863d0e5821120d6b37713c4b4345badd020d5d3272137df0278"},
		market.RefreshInstance:         {"208aafdb2d0b0481c536ea28de66f2dc74d5cd1085601407809ae41aad63f7e2", "7858d84adef34f87c3929bf5b55e7855158d404febf3ccf3d8d44300e5a36c8c"},
		market.RefreshLicenseCode:      {"37007964c56d886783204fb256389b6013ffad8bf6ed3b4bef28ae243a942081", "9869925cb89de9e2eb7922b3f40cbbf9760279b43e46acd34461c33042317982"},
		market.ReleaseInstance:         {"4cbd5031d9d7f645664db08c892be5b89bfc48277bf3ca4ab7fdc5039e3e8a21", "2f092c82cc4b8692c5dc7fa77917e5dad9a1c6051da55f398c683341b1ccba70"},
		market.ReleaseLicenseCode:      {"a7705938cb66e494ac1d3815147f14f3aa0a4a126ef32a801c03231ac2849d2c", "faea04e30c94af01b5a363b7a30d12c664fd868b099254b5c2d8f2b3a13f04a5"},
		market.UpdateInstanceStatus:    {"44c01928b207e0405fbcab7d501099665924022d95f10366e6ada08d48efdff0", "cfd4ee64e9184e24f40ab1b9b3350e4e619e4e8f580ae14d9131b5dfa77f2d61"},
		market.UpdateLicenseCodeStatus: {"737e65ae18340b70b200cdbd694f37240b8754249e141cfb2b946b1d6a3c5a2c", "02ea630330608b4b33cf0d4d6c0e5b598bfbc88b526de480856bd652e0272db6"},
		market.UpgradeInstance:         {"5e838be1c5f54d99c55574bb6ff206b4f091dd9996eb4dc9f2681950f98eff8c", "41fb7c2e7e7d1d74285b62a3a4e11d95315f2fda6f8d2353b13a530745c864fb"},
	} {
		_, body := golden(t, activity)
		c, err := Decode(body)
		require.NoError(t, err)
		require.Equal(t, want, [2]string{hex.EncodeToString(c.ContentHash), hex.EncodeToString(c.SpelledHash)}, activity)
	}
}
