package saas2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// vectorKey is made up: no page publishes the key of its sample.
const vectorKey = "11111111-2222-3333-4444-555555555555"

var vectorKeys = []Key{{ID: 7, Secret: vectorKey}}

// golden reads testdata/requests/<activity>.http: the raw query and the body.
func golden(t testing.TB, activity string) (query string, body []byte) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "requests", activity+".http"))
	require.NoError(t, err)
	head, text, ok := strings.Cut(string(file), "\n\n")
	require.True(t, ok)
	line, _, _ := strings.Cut(head, "\n")
	target := strings.Fields(line)[1]
	_, query, ok = strings.Cut(target, "?")
	require.True(t, ok)
	return query, []byte(strings.TrimSuffix(text, "\n"))
}

func goldenEnvelope(t testing.TB, activity string) Envelope {
	t.Helper()
	query, body := golden(t, activity)
	e, err := ParseQuery(query)
	require.NoError(t, err)
	e.Body = body
	return e
}

func TestGoldenRequests(t *testing.T) {
	t.Parallel()
	const instance, order, line = "10e758d0-31ad-4c4b-8f1b-81d03469a10e", "CS2211181819B4LVS", "CS2211181819B4LVS-000001"
	const code = "PLA1B2C3D4E5F6A7B8C9D0"
	want := map[string]struct {
		call market.Call
		ms   int64
		form Form
	}{
		market.NewInstance: {market.Call{OrderID: order, OrderLineID: line, BusinessID: "87b94795-0603-4e24-8ae5-69420d60e3c8", Test: true},
			1680508066618, FormRaw},
		market.QueryInstance: {market.Call{InstanceIDs: []string{instance}},
			1680508237508, FormRaw},
		market.RefreshInstance: {market.Call{OrderID: order, OrderLineID: line, InstanceIDs: []string{instance}, Test: true, Scene: market.Renewal,
			ProductID: "OFFI461867333479178240", ExpireTime: time.Date(2022, 11, 24, 2, 36, 18, 0, time.UTC)},
			1680509496350, FormRaw},
		market.UpdateInstanceStatus: {market.Call{InstanceIDs: []string{instance}, Target: market.Freeze, Test: true},
			1680509558159, FormRaw},
		market.ReleaseInstance: {market.Call{OrderID: order, OrderLineID: line, InstanceIDs: []string{instance}, Test: true},
			1680509885590, FormRaw},
		market.UpgradeInstance: {market.Call{OrderID: order, OrderLineID: line, InstanceIDs: []string{instance}, Test: true},
			1680510876429, FormRaw},
		market.ChangeInstanceCheck: {market.Call{InstanceIDs: []string{instance}, Test: true, Products: []market.ProductInfo{{
			ProductID: "OFFI461867333479178240", SkuCode: "da9b4d34-ee8a-4355-a823-13e034e49986", LinearValue: 10, ProductName: "SaaS测试商品,测试规格,基础版"}}},
			1680510876430, FormSorted},
		market.GetLicenseAsync: {market.Call{Protocol: market.License, EventID: "8f03e569-41a2-4d0b-9c68-0a61b2c3d4c8", InstanceIDs: []string{"RA2211181819B4LVS"},
			EffectiveTime: time.Date(2023, 10, 27, 10, 30, 15, 0, time.UTC), ExpireTime: time.Date(2024, 10, 27, 10, 30, 15, 0, time.UTC),
			DeviceFingerprint: "8A16034E2B7C4D5E6F60E1"}, 1680508066618, FormRaw},
		market.RefreshLicenseCode: {market.Call{Protocol: market.LicenseCode, OrderID: order, OrderLineID: line, License: code, Test: true, Scene: market.Renewal,
			ProductID: "OFFI461867333479178240", ExpireTime: time.Date(2023, 5, 23, 20, 19, 32, 0, time.UTC)}, 1666677988730, FormRaw},
		market.UpdateLicenseCodeStatus: {market.Call{Protocol: market.LicenseCode, License: code, Target: market.Freeze, Test: true}, 1666677988731, FormRaw},
		market.ReleaseLicenseCode:      {market.Call{Protocol: market.LicenseCode, OrderID: order, OrderLineID: line, License: code, Test: true}, 1666677988732, FormRaw},
		market.OrderNotify:             {market.Call{Protocol: market.OrderNotice, OrderID: order, OrderLineID: line, Test: true}, 1729566664115, FormRaw},
	}
	require.Len(t, requests, len(want))
	for activity, w := range want {
		t.Run(activity, func(t *testing.T) {
			t.Parallel()
			e := goldenEnvelope(t, activity)
			at := time.UnixMilli(w.ms).UTC()
			proof, err := Verify(vectorKeys, e, at.Add(3*time.Second))
			require.NoError(t, err)
			require.Equal(t, Proof{KeyID: 7, Form: w.form, At: at, Skew: 3 * time.Second}, proof)

			call, err := Decode(e.Body)
			require.NoError(t, err)
			require.Len(t, call.ContentHash, 32)
			if w.call.Protocol == "" {
				w.call.Protocol = market.V2
			}
			w.call.Activity, w.call.Content, w.call.ContentHash, w.call.SpelledHash = activity, call.Content, call.ContentHash, call.SpelledHash
			require.Equal(t, w.call, call)
		})
	}
}

// TestSignGolden holds the signer against the same vectors.
func TestSignGolden(t *testing.T) {
	t.Parallel()
	for activity := range requests {
		query, body := golden(t, activity)
		e := goldenEnvelope(t, activity)
		at, ok := parseTimestamp(e.Timestamp)
		require.True(t, ok)
		if activity == market.ChangeInstanceCheck {
			sorted, err := Canonical(body)
			require.NoError(t, err)
			body = sorted
		}
		require.Equal(t, query, Sign(vectorKey, at, e.Nonce, body), activity)
	}
	e := goldenEnvelope(t, market.NewInstance)
	require.Contains(t, Sign(vectorKey, time.UnixMilli(1680508066618), e.Nonce, []byte(`{"activity":"newInstance","memo":"测试"}`)),
		"signature=673D7BED2032B5711607632F146C24EFE762DFDB684BDABFA1710FCE4204BB26&")
}

// TestDocumented: docs/protocol.md names every refusal.
func TestDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "protocol.md"))
	require.NoError(t, err)
	for _, key := range FaultKeys() {
		require.Contains(t, string(doc), "`"+key+"`")
	}
}
