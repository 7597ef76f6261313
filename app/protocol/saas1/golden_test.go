package saas1

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/crypt"
)

const vectorKey = "xxxxxxx"

var vectorKeys = []Key{{ID: 7, Secret: vectorKey}}

// golden reads the raw query of testdata/requests/<name>.http.
func golden(t testing.TB, name string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "requests", name+".http"))
	require.NoError(t, err)
	_, query, ok := strings.Cut(strings.TrimSpace(string(file)), "?")
	require.True(t, ok)
	return query
}

func goldenNames(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "requests", "*.http"))
	require.NoError(t, err)
	for i, f := range files {
		files[i] = strings.TrimSuffix(filepath.Base(f), ".http")
	}
	return files
}

func read(t testing.TB, raw string) market.Call {
	t.Helper()
	q, err := ParseQuery(raw)
	require.NoError(t, err)
	c, err := Decode(q)
	require.NoError(t, err)
	return c
}

func TestGoldenRequests(t *testing.T) {
	t.Parallel()
	const instance, license = "03pf80c2bae96vc49b80b917bea776d7", "4ef28f-312d3d-gad335f-3132hkf"
	platform := `{"tenantName": "isv测试企业", "tennantId": "4CA08CF8F3E34566A07584D4C74D41ED", "userId": "admin@isvtest"}`
	day := func(y, m, d int) time.Time { return time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC) }
	want := map[string]market.Call{
		"newInstance.published": {Activity: market.NewInstance, Test: true, OrderID: "CS1906666666ABCDE", BusinessID: "61e834ba-7b97-4418-b8f7-e5345137278c",
			ProductID: "00301-666666-0--0", ExpireTime: time.Date(2020, 7, 27, 15, 31, 56, 0, time.UTC),
			Terms: &market.Terms{Buyer: market.Buyer{CustomerID: "68cbc86abc2018ab880d92f36422fa0e"}}},
		"newInstance.period": {Activity: market.NewInstance, OrderID: "CS2611221819B4LVS", BusinessID: instance,
			ProductID: "00301-666666-0--0", SkuCode: "d0abcd12-9a3f-4c7e-8a51-3a6f2b1c0d9e", ExpireTime: day(2027, 7, 25),
			Terms: &market.Terms{ChargingMode: market.Period, PeriodType: "year", PeriodNumber: 1, Size: market.Size{Amount: 20}, OrderAmount: "99.9", ProvisionType: "1",
				Buyer: market.Buyer{CustomerID: "68cbc86abc2018ab880d92f36422fa0e", CustomerName: "isv测试", UserID: "u1", UserName: "zhang san",
					MobilePhone: "15905222222", Email: "user@example.com"},
				Params:   []market.ExtendParam{{Name: "emailDomainName", Value: "test.example.com"}, {Name: "platformParams", Value: platform}},
				Platform: &market.Platform{TenantName: "isv测试企业", TenantID: "4CA08CF8F3E34566A07584D4C74D41ED", UserID: "admin@isvtest"}}},
		"newInstance.onDemand": {Activity: market.NewInstance, OrderID: "CS2611221820B4LVS", BusinessID: "b-od-1", ProductID: "OFFI-SMS", SkuCode: "sku-1",
			Terms: &market.Terms{ChargingMode: market.OnDemand, Buyer: market.Buyer{CustomerID: "c1", CustomerName: "buyer"}}},
		"newInstance.onDemandPkg": {Activity: market.NewInstance, OrderID: "CS2611221821B4LVS", BusinessID: "b-pkg-1", ProductID: "OFFI-PKG", SkuCode: "sku-1",
			ExpireTime: day(2027, 7, 25), Terms: &market.Terms{ChargingMode: market.OnDemandPkg, Buyer: market.Buyer{CustomerID: "c1", CustomerName: "buyer"}}},
		"newInstance.oneTime": {Activity: market.NewInstance, OrderID: "CS2611221822B4LVS", BusinessID: "b-one-1", ProductID: "OFFI-ONE", SkuCode: "sku-1",
			Terms: &market.Terms{ChargingMode: market.OneTime, Size: market.Size{DiskSize: 100}, Buyer: market.Buyer{CustomerID: "c1", CustomerName: "buyer"}}},
		"newInstance.trial": {Activity: market.NewInstance, OrderID: "CS2611221823B4LVS", BusinessID: "b-try-1", ProductID: "OFFI-TRY", SkuCode: "sku-1",
			ExpireTime: day(2026, 12, 22), Terms: &market.Terms{Trial: true, ChargingMode: market.Period, PeriodType: "day", PeriodNumber: 30,
				Buyer: market.Buyer{CustomerID: "c1", CustomerName: "buyer"}}},
		"refreshInstance": {Activity: market.RefreshInstance, Test: true, OrderID: "HWS001014ED483AA1E8", InstanceIDs: []string{instance},
			Scene: market.Renewal, ExpireTime: day(2018, 7, 25), Terms: &market.Terms{}},
		"expireInstance":  {Activity: market.ExpireInstance, Test: true, InstanceIDs: []string{instance}, Terms: &market.Terms{}},
		"releaseInstance": {Activity: market.ReleaseInstance, Test: true, InstanceIDs: []string{instance}, Terms: &market.Terms{}},
		"upgrade": {Activity: market.Upgrade, OrderID: "CS1906666688ABCDE", InstanceIDs: []string{"huaweitest123456"}, ProductID: "00301-666688-0-0", SkuCode: "d0abcd12",
			Terms: &market.Terms{Size: market.Size{Amount: 6456}, Params: []market.ExtendParam{{Name: "idNum", Value: "352255555555656"}, {Name: "userName", Value: "huawei123"},
				{Name: "custEmail", Value: "123@huawei.com"}}}},
		"instanceStatus.freeze": {Activity: market.ChangeInstanceStatus, Test: true, InstanceIDs: []string{"huaweitest123456"}, Target: market.Freeze, Terms: &market.Terms{}},
		"instanceStatus.normal": {Activity: market.ChangeInstanceStatus, Test: true, InstanceIDs: []string{"huaweitest123456"}, Target: market.Unfreeze, Terms: &market.Terms{}},
		"queryInstance": {Activity: market.QueryInstance, Test: true, Terms: &market.Terms{}, InstanceIDs: []string{"ebc28eb6-4606-4098-b4bd-c201c99a0654",
			"fe28e27e-1157-4105-8592-24cc9488db10", "92df74e4-163e-4e0b-a206-d9800d33881b"}},
		"getLicense": {Protocol: market.LicenseV1, Activity: market.GetLicense, Test: true, OrderID: "CS2611221830B4LVS", BusinessID: license,
			ProductID: "OFFI-LIC", SkuCode: "d0abcd12", ExpireTime: day(2027, 7, 25), Terms: &market.Terms{ChargingMode: market.Period, PeriodType: "year",
				PeriodNumber: 1, Size: market.Size{Amount: 5}, Buyer: market.Buyer{CustomerID: "68cbc86abc2018ab880d92f36422fa0e", CustomerName: "isv测试"},
				Params: []market.ExtendParam{{Name: "identificationCode", Value: "A1B2"}}}},
		"refreshLicense": {Protocol: market.LicenseV1, Activity: market.RefreshLicense, Test: true, OrderID: "CS2611221831B4LVS", InstanceIDs: []string{license},
			ProductID: "OFFI-LIC", Scene: market.Renewal, ExpireTime: day(2028, 7, 25), Terms: &market.Terms{PeriodType: "year", PeriodNumber: 1}},
		"expireLicense":  {Protocol: market.LicenseV1, Activity: market.ExpireLicense, OrderID: "CS2611221830B4LVS", InstanceIDs: []string{license}, Terms: &market.Terms{}},
		"releaseLicense": {Protocol: market.LicenseV1, Activity: market.ReleaseLicense, OrderID: "CS2611221830B4LVS", InstanceIDs: []string{license}, Terms: &market.Terms{}},
	}
	require.Len(t, goldenNames(t), len(want))
	covered := map[string]bool{}
	for name, w := range want {
		q, err := ParseQuery(golden(t, name))
		require.NoError(t, err, name)
		proof, err := Verify([]Key{{ID: 1, Secret: "another"}, {ID: 7, Secret: vectorKey}, {ID: 8}}, q)
		require.NoError(t, err, name)
		require.Equal(t, Proof{KeyID: 7, Secret: vectorKey}, proof, name)
		c, err := Decode(q)
		require.NoError(t, err, name)
		require.Empty(t, Reveal(&c, proof.Secret, crypt.AES128), name)
		require.Len(t, c.ContentHash, 32)
		if w.Protocol == "" {
			w.Protocol = market.V1
		}
		w.Content, w.ContentHash, w.SpelledHash = c.Content, c.ContentHash, c.SpelledHash
		require.Equal(t, w, c, name)
		covered[c.Activity] = true
	}
	require.Len(t, covered, len(requests))
}

// The signer is held against the same vectors.
func TestSignGolden(t *testing.T) {
	t.Parallel()
	for _, name := range goldenNames(t) {
		q, err := ParseQuery(golden(t, name))
		require.NoError(t, err)
		fields := map[string]string{}
		for _, p := range q.Params {
			fields[p.Name] = p.Value
		}
		again, err := ParseQuery(Sign(vectorKey, fields))
		require.NoError(t, err)
		require.Equal(t, q, again, name)
	}
	require.Equal(t, "p1=1&p2=2&p3=3&timeStamp=201706211855321&authToken=pFDO0i85uykoqyb%2FeXdNNUGaIGSknt%2FNNx%2FB557NZS4%3D",
		Sign(vectorKey, map[string]string{"p1": "1", "p2": "2", "p3": "3", "timeStamp": "201706211855321"}))
	require.Equal(t, "20261122071315042", Stamp(time.Date(2026, 11, 22, 15, 13, 15, 42_999_999, time.FixedZone("", 8*3600))))
}

// TestDocumented: docs/protocol.md names every refusal.
func TestDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "protocol.md"))
	require.NoError(t, err)
	for _, key := range append(FaultKeys(), crypt.ErrFieldForm.Key) {
		require.Contains(t, string(doc), "`"+key+"`")
	}
}
