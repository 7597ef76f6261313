package intake_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// named are the calls that name an instance, by protocol and activity, with what they
// say beside its id.
var named = []struct {
	protocol market.Protocol
	activity string
	instance string // that exists
	fields   []string
}{
	{market.V2, market.QueryInstance, "i2", nil},
	{market.V2, market.RefreshInstance, "i2", []string{"scene", "RENEWAL", "orderId", "R1", "orderLineId", "R1-1", "expireTime", "20991124023618"}},
	{market.V2, market.UpdateInstanceStatus, "i2", []string{"status", "FREEZE"}},
	{market.V2, market.UpgradeInstance, "i2", []string{"orderId", "U1", "orderLineId", "U1-1"}},
	{market.V2, market.ChangeInstanceCheck, "i2", []string{"productInfo", `{"productId":"P1","skuCode":"S2","linearValue":5}`}},
	{market.V2, market.ReleaseInstance, "i2", []string{"orderId", "CS-i2", "orderLineId", "CS-i2-000001"}},
	{market.V1, market.QueryInstance, "i1", nil},
	{market.V1, market.RefreshInstance, "i1", []string{"orderId", "R1", "expireTime", "20990101000000"}},
	{market.V1, market.ExpireInstance, "i1", nil},
	{market.V1, market.ChangeInstanceStatus, "i1", []string{"instanceStatus", "FREEZE"}},
	{market.V1, market.Upgrade, "i1", []string{"orderId", "U1", "skuCode", "S2", "productId", "P2"}},
	{market.V1, market.ReleaseInstance, "i1", nil},
	{market.License, market.GetLicenseAsync, "i2", nil},
	{market.LicenseV1, market.RefreshLicense, "il", []string{"orderId", "R1", "expireTime", "20990101000000"}},
	{market.LicenseV1, market.ExpireLicense, "il", nil},
	{market.LicenseV1, market.ReleaseLicense, "il", nil},
}

// about hands over a call about an instance by the desk's channel, and gives the answer.
func (d deskV1) about(p market.Protocol, activity, instance string, fields []string) map[string]any {
	d.t.Helper()
	var a intake.Arrived
	switch p {
	case market.V1, market.LicenseV1:
		a = d.arrived1(time.Now(), activity, append(fields, "instanceId", instance)...)
	case market.License:
		a = intake.Arrived{Channel: d.channel, ReceivedAt: time.Now(), Call: market.Call{Protocol: p, Activity: activity, InstanceIDs: []string{instance},
			EventID: "E-" + instance, DeviceFingerprint: "AA-BB", ContentHash: []byte("asked")}}
	default:
		said := map[string]any{"activity": activity, "instanceId": instance}
		for i := 0; i < len(fields); i += 2 {
			said[fields[i]] = fields[i+1]
			if fields[i] == "productInfo" {
				said[fields[i]] = json.RawMessage(fields[i+1])
			}
		}
		body, err := json.Marshal(said)
		require.NoError(d.t, err)
		call, err := saas2.Decode(body)
		require.NoError(d.t, err)
		a = intake.Arrived{Channel: d.channel, Call: call, ReceivedAt: time.Now(), Request: store.Request{Method: "POST", Body: body}}
	}
	body, _, err := d.intake.Handle(context.Background(), a)
	require.NoError(d.t, err)
	var out map[string]any
	require.NoError(d.t, json.Unmarshal(body, &out))
	return out
}

// A call of another channel about an instance, by any interface that names one, is
// answered as one about an instance that nobody has, and changes nothing of it.
func TestAnInstanceBelongsToItsChannel(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy("i2")
	d.buy1("i1", "expireTime", "20300101000000")
	require.Equal(t, "il", d.call(market.GetLicense, "orderId", "CS-il", "businessId", "il", "customerId", "c1", "productId", "P1")["instanceId"])
	d.ready("i2")
	d.ready("i1")
	d.exec(`UPDATE instances SET user_name = 'admin', expires_at = '2030-01-01'`)
	mine := func() string {
		return d.text(`
SELECT concat_ws(E'\n', (SELECT string_agg(to_jsonb(i)::text, E'\n' ORDER BY id) FROM instances i),
                      (SELECT string_agg(to_jsonb(l)::text, E'\n' ORDER BY id) FROM licenses l),
                      (SELECT string_agg(to_jsonb(e)::text, E'\n' ORDER BY id) FROM instance_events e),
                      (SELECT string_agg(to_jsonb(t)::text, E'\n' ORDER BY id) FROM tasks t),
                      (SELECT string_agg(to_jsonb(o)::text, E'\n' ORDER BY id) FROM orders o))`)
	}
	before, own := mine(), d.channel
	covered := map[string]bool{market.NewInstance: true, market.GetLicense: true, market.OrderNotify: true} // these name orders
	d.channel = storetest.Channel(t, d.store, "other", "")
	for _, c := range named {
		covered[c.activity] = true
		got := d.about(c.protocol, c.activity, c.instance, c.fields)
		require.Equal(t, d.about(c.protocol, c.activity, "nobody", c.fields), got, "%s %s", c.protocol, c.activity)
		require.Equal(t, string(market.NoSuchInstance), got["resultCode"], "%s %s", c.protocol, c.activity)
		require.Equal(t, before, mine(), "%s %s", c.protocol, c.activity)
	}
	require.Empty(t, d.life.released)
	for _, activity := range []string{market.RefreshLicenseCode, market.UpdateLicenseCodeStatus, market.ReleaseLicenseCode} {
		covered[activity] = true // these name codes: see TestACodeBelongsToItsChannel
	}
	for _, activity := range market.KitActivities() {
		covered[activity] = true // these are refused
	}
	for _, activity := range market.Activities() {
		require.True(t, covered[activity], activity)
	}
	d.channel = own
	for _, c := range named { // the same calls by its own channel find it
		if c.activity != market.ReleaseInstance && c.activity != market.ReleaseLicense {
			require.NotEqual(t, string(market.NoSuchInstance), d.about(c.protocol, c.activity, c.instance, c.fields)["resultCode"], "%s %s", c.protocol, c.activity)
		}
	}
	require.NotEqual(t, before, mine())
}
