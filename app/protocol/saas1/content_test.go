package saas1

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/contenttest"
)

// spellings are ways to write a parameter; some say the same as others, some nearly.
func spellings(name string) []string {
	switch name {
	case "expireTime":
		return []string{"", " ", "20300101000000", " 20300101000000 ", "20300101000000000", "20300101000000256", "20300101000001", "20291231235959999"}
	case "testFlag", "trialFlag", "trialToFormal":
		return []string{"", " ", "0", "1", " 1"}
	case "chargingMode":
		return []string{"", "0", "1", " 1 ", "3", "5"}
	case "periodType":
		return []string{"", "year", "year ", "month", "day"}
	case "instanceStatus":
		return []string{"FREEZE", " FREEZE", "NORMAL"}
	case "periodNumber", "amount", "diskSize", "bandWidth", "provisionType":
		return []string{"", " ", "0", "00", "1", "01", " 1", "7", "10"}
	case "orderAmount":
		return []string{"", "0", "-0", "0.00", "10", "10.0", "10.000", "010", "-10", "-10.00", "0.5", "00.50", "10.5", "9007199254740992", "9007199254740993"}
	case "saasExtendParams":
		std := base64.StdEncoding.EncodeToString
		list := std([]byte(`[{"name":"?>","value":"1"}]`))
		return []string{"", std([]byte(`[]`)), std([]byte(`null`)), list, strings.TrimRight(list, "="), strings.NewReplacer("+", "-", "/", "_").Replace(list), url.QueryEscape(list),
			list[:8] + "\r\n" + list[8:], std([]byte(` [ {"value":"1", "name":"?>", "x":2} ] `)), std([]byte(`[{"name":"?>","value":1}]`)), std([]byte(`[{"name":"?>","value":1.0}]`)),
			std([]byte(`[{"name":"?>","value":"01"}]`)), std([]byte(`[{}]`)), std([]byte(`[{},{}]`)), std([]byte(`[{"name":"?>"}]`)), std([]byte(`[{"name":"?>","value":null}]`)),
			std([]byte(`[{"name":"a","value":"1"},{"name":"b","value":"2"}]`)), std([]byte(`[{"name":"b","value":"2"},{"name":"a","value":"1"}]`)),
			std([]byte(`[{"name":"platformParams","value":"{\"tenantName\":\"t\"}"}]`)), std([]byte(`[{"name":"platformParams","value":"{\"tenantName\": \"t\"}"}]`))}
	}
	return []string{"", " ", "1", " 1 ", "01", "1.0", "1e0", "1,2", "1, 2", "2,1", "1,2,1", "9007199254740993", "9007199254740992", "a", "A", "é", "e\u0301", "😀"}
}

// understood is a call without what may differ between its arrivals, and its amount
// as a number.
func understood(c market.Call) market.Call {
	c.BusinessID, c.Test, c.Content, c.ContentHash, c.SpelledHash = "", false, nil, nil, nil
	if c.Activity == market.NewInstance || c.Activity == market.GetLicense {
		c.ExpireTime = time.Time{}
	}
	t := *c.Terms
	t.Buyer.MobilePhone, t.Buyer.Email = "", ""
	if n, ok := new(big.Rat).SetString(t.OrderAmount); ok {
		t.OrderAmount = n.String()
	}
	c.Terms = &t
	return c
}

// Two calls have the same hash if and only if they were understood as the same, and
// differ in the fields in which they were not.
func TestEqualContentsAreWhatIsUnderstoodAsEqual(t *testing.T) {
	t.Parallel()
	for activity, rules := range requests {
		for _, r := range rules {
			if r.name == nameStamp {
				continue
			}
			t.Run(activity+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				contenttest.Alike(t, r.name, spellings(r.name), func(text string) (market.Call, error) {
					fields := full()[activity]
					fields[r.name] = text
					return decode(activity, fields)
				}, understood)
			})
		}
	}
}

func FuzzContentHash(f *testing.F) {
	query := func(activity string, fields map[string]string) string {
		v := url.Values{"activity": {activity}, nameStamp: {"20261122073711903"}}
		for name, value := range fields {
			v.Set(name, value)
		}
		return v.Encode()
	}
	for activity, rules := range requests {
		for _, r := range rules {
			for _, text := range spellings(r.name) {
				fields := full()[activity]
				fields[r.name] = text
				f.Add(query(activity, fields), query(activity, full()[activity]))
			}
		}
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		p, err := ParseQuery(one)
		q, otherErr := ParseQuery(other)
		if err != nil || otherErr != nil {
			return
		}
		a, err := Decode(p)
		b, otherErr := Decode(q)
		if err != nil || otherErr != nil {
			return
		}
		require.Equal(t, reflect.DeepEqual(understood(a), understood(b)), bytes.Equal(a.ContentHash, b.ContentHash))
	})
}

// The hashes of messages are stored: those of these calls, computed elsewhere, are for
// ever.
func TestContentHashesOfBefore(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"expireInstance":          {"17246bb07c26a875b49b9730eaaf1f4922fb254d05cba04649ee9b56be3bbab0", "c2344dbaac425b4e0d7b334ed3acfded86758f44fc0312505e42a8fd7c30de38"},
		"expireLicense":           {"ed37a9698998f420bc689d63304f3e422314383be39f03a3c4584a77e9fb13be", "1d70d5fb1d937e8ab14bba23cf8e725dad17442ee47563400cdfd88296c8ee0c"},
		"getLicense":              {"ccd8e39d8830910e08f8686de1ff2e2cf3dfab917ac96b98424f7246a9d07aec", "289f797bff6cf66dfb6ba41892c9a3256b9952d1ce21520f88bee24e7540203c"},
		"instanceStatus.freeze":   {"c3a37bbf82550845c38d30d75c0f62ce154618dae3751ebd6e4ca76b83de3dfa", "37e866cd1f939e38e41e9276953131ee12e41f91276771460b3f831e8cc8d62a"},
		"instanceStatus.normal":   {"f2fa1918437d95c4476d05b43a1d6211a474fa91bb98f950e027bd0f6a928bcc", "2c2aa12545d8465ee983844a17efb0e1599c74fa6c2b5c0fced1683aaacc844b"},
		"newInstance.onDemand":    {"75fd2a79a3d553c9da187463c283d5e1ca14daff01affc536c15e688c34a38b3", "2a57c962250300291adf14cb7621c71179162dfdc5869793e1dd92db786161b1"},
		"newInstance.onDemandPkg": {"ffaa4c2ea621c2983f83d22f4475fafc0592b1178c76bd900abab9efd9637042", "176586051afb3f240d1917af210c2303ece2f29e58fb04d92c6f9b99ba759477"},
		"newInstance.oneTime":     {"75df3ce9ed8e364d923c84fcc7cf86844ce0f4c3a5e17f84eb2a4fad044a6f3e", "42e66722979822f458f0bf559e157bf57983d7b1474f1b2811c2624ab7b1a0c3"},
		"newInstance.period":      {"71caa1342915c71c8758d8ff18d0e4c50b5dc11aa719b483b2ed7e26fde2819e", "e8c27e0bd4415b0875ebe6bcddcb86ec1896fe8f9e5c07358afd070bbeea6067"},
		"newInstance.published":   {"386b6287ce151132d00f2238939f94886f12c7f37f1e76edc20f42f7518a666b", "64511c45d61f79d97c75bf300e1c834fa2864e4ff5e538c1d45d551d59b99b1e"},
		"newInstance.trial":       {"9d8eac152bd93a28eb643df9d55f25f761da19cf75cfb05aa8d96539f1f81368", "a4bece0a481690e1603c413f47e0dbc53c5cd7d27936ae647eff4bf6cd5c980b"},
		"queryInstance":           {"3d9007437edbc91d138810b39a324182251d076382b2254b059c6070817556bf", "641c90598a89af18dca84b6a9dada19b3ac56ebd4f7d4004a36a069b84e353de"},
		"refreshInstance":         {"b8fa24f6ad9c473cb43f63c2138c07ffebb31b0e6e73c4d67c2fa77ea43495f6", "5e5516cf5d552a99b90d28bf2f6256cd37b43570eee4f030880bc45cd8a43a88"},
		"refreshLicense":          {"1dbdb8e8e2706ff6cfaa1c3baf5ecf967120a5ceb99e35abf3ddd6362c620b3d", "0d452d8098492df5b757952eb035e974dd409125a720d64385aedd5b0a44f869"},
		"releaseInstance":         {"ba0d7158bfc39d6946718bfa8e5d57bc0faf270f35f0b5f133eebc0ea906fc91", "4b96771cabdc6c205a3e9d3e9e3618d076b0f541337927abc33839f915f45091"},
		"releaseLicense":          {"44edcc77d7ae12dc62a0c49a2a02eabddb158ced218ad6e9adc9f32fd112d48a", "3ee88b85d95674824119195834c541fb6144959d96713d5550d7d5322a6f904a"},
		"upgrade":                 {"3104783b17f9dac757163463cf72b8ff1edfcb6f220247af536bb2d0730656f7", "4ee886d3938b862b6dabdfdbee070d2b9a220654cea9e886a77002ca592cddb9"},
	} {
		c := read(t, golden(t, name))
		require.Equal(t, want, [2]string{hex.EncodeToString(c.ContentHash), hex.EncodeToString(c.SpelledHash)}, name)
	}
}
