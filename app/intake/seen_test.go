package intake_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/store"
)

// shown are the fields of what is seen, by name.
func shown(t *testing.T, in *intake.Intake, id string) (intake.Seen, map[string]intake.SeenField) {
	t.Helper()
	got, err := in.Seen(context.Background(), id)
	require.NoError(t, err)
	out := map[string]intake.SeenField{}
	for _, f := range got.Fields {
		out[f.Name] = f
	}
	return got, out
}

func TestWhatTheMarketplaceSeesIsWhatItIsAnswered(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	before := d.text(`SELECT count(*)::text FROM attempts`)
	same := func() map[string]intake.SeenField {
		t.Helper()
		got, fields := shown(t, d.intake, "i1")
		real, err := json.Marshal(d.send("activity", "queryInstance", "instanceId", "i1"))
		require.NoError(t, err)
		require.JSONEq(t, store.MaskBody(real), got.Body)
		return fields
	}
	fields := same()
	require.Equal(t, "000004", fields["resultCode"].Value)
	require.NotContains(t, fields, "info[0].appInfo.frontEndUrl")
	d.ready("i1")
	d.exec(`UPDATE instances SET memo = '𠮷' || repeat('m', 1023), user_name = 'admin'`)
	fields = same()
	require.Equal(t, "000000", fields["resultCode"].Value)
	require.Equal(t, intake.SeenField{Name: "info[0].instanceId", Value: "i1", Length: 2, Limit: 64}, fields["info[0].instanceId"])
	require.Equal(t, 1025, fields["info[0].appInfo.memo"].Length, "in UTF-16 units")
	require.True(t, fields["info[0].appInfo.memo"].TooLong())
	require.False(t, fields["info[0].appInfo.frontEndUrl"].TooLong())
	require.Zero(t, fields["resultCode"].Limit)
	d.send("activity", "releaseInstance", "instanceId", "i1")
	same()
	require.NotEqual(t, before, d.text(`SELECT count(*)::text FROM attempts`))
	n := d.text(`SELECT count(*)::text FROM attempts`)
	_, _ = shown(t, d.intake, "i1")
	require.Equal(t, n, d.text(`SELECT count(*)::text FROM attempts`), "looking leaves no trace")
	_, err := d.intake.Seen(context.Background(), "nobody")
	require.True(t, fault.Is(err, fault.NotFound))
	d.exec(`UPDATE instances SET protocol = 'license-v1'`)
	_, err = d.intake.Seen(context.Background(), "i1")
	require.Equal(t, "seen.never_asked", fault.From(err).Key)
}

// An address that stands behind an escaped character is masked without harm to
// the form: the page is still there.
func TestWhatTheMarketplaceSeesMayHoldAnAddressBehindAnyCharacter(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.exec(`UPDATE instances SET user_name = '名anna.secret@corp.example.com', memo = E'用户\nanna.secret@corp.example.com'`)
	got, fields := shown(t, d.intake, "i1")
	require.NotContains(t, got.Body, "anna.secret")
	require.Equal(t, "名a•••@corp.example.com", fields["info[0].appInfo.userName"].Value)
	require.Equal(t, "用户\na•••@corp.example.com", fields["info[0].appInfo.memo"].Value)
}

func TestWhatTheMarketplaceSeesOfUse(t *testing.T) {
	t.Parallel()
	d := openV1(t, time.Millisecond)
	d.buy("v2")
	d.buy1("v1")
	for id, ask := range map[string]func() map[string]any{
		"v2": func() map[string]any { return d.send("activity", "queryInstance", "instanceId", "v2") },
		"v1": func() map[string]any { return d.call("queryInstance", "instanceId", "v1") },
	} {
		d.ready(id)
		d.exec(`UPDATE instances SET charging_mode = 'ON_DEMAND'`)
		_, fields := shown(t, d.intake, id)
		require.NotContains(t, fields, "info[0].usageInfo[0].usageValue")
		require.NoError(t, d.store.Write(t.Context(), func(tx *store.Tx) error {
			i, err := tx.LockInstanceID(t.Context(), id)
			if err != nil {
				return err
			}
			return tx.SaveUsage(t.Context(), i.PK, market.UsageReport{Entries: []market.Usage{{Value: "99999999.9999", At: time.Date(2026, 1, 31, 8, 0, 0, 7e6, time.UTC),
				Dashboard: "https://app.example.com/use?token=geheim"}}})
		}))
		got, fields := shown(t, d.intake, id)
		for name, want := range map[string]intake.SeenField{
			"usageValue":      {Value: "99999999.9999", Length: 13, Limit: 20},
			"statisticalTime": {Value: "20260131080000007", Length: 17, Limit: 20},
			"dashboardUrl":    {Value: "https://app.example.com/use?token=••••••", Length: 40, Limit: 512},
		} {
			want.Name = "info[0].usageInfo[0]." + name
			require.Equal(t, want, fields[want.Name])
		}
		require.NotContains(t, fields, "info[0].usageInfo[0].relatedInstanceId")
		require.NotContains(t, got.Body, "geheim")
		real, err := json.Marshal(ask())
		require.NoError(t, err)
		require.JSONEq(t, store.MaskBody(real), got.Body)
		d.exec(`UPDATE instances SET charging_mode = 'PERIOD'`)
		_, fields = shown(t, d.intake, id)
		require.NotContains(t, fields, "info[0].usageInfo[0].usageValue", "of what is paid by use only")
	}
}

// In V1.0 the user name and password go out encrypted: that is what is measured.
func TestWhatTheMarketplaceSeesInV1(t *testing.T) {
	t.Parallel()
	d := openV1(t, time.Millisecond)
	d.buy1("i1")
	d.ready("i1")
	d.exec(`UPDATE instances SET user_name = 'admin'`)
	got, fields := shown(t, d.intake, "i1")
	real := d.call("queryInstance", "instanceId", "i1")
	require.EqualValues(t, "v1", got.Protocol)
	info := real["info"].([]any)[0].(map[string]any)
	require.NotEmpty(t, info["appInfo"], got.Body)
	sent := info["appInfo"].(map[string]any)["userName"].(string)
	require.Equal(t, len(sent), fields["info[0].appInfo.userName"].Length)
	require.Greater(t, len(sent), len("admin"))
	require.Equal(t, 128, fields["info[0].appInfo.userName"].Limit)
	require.Equal(t, real["encryptType"], fields["encryptType"].Value)
	require.False(t, strings.Contains(got.Body, "admin"))
}
