package channel_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/channel"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

var ann = staff.Actor{Name: "operator:ann@example.com", Role: staff.Admin, IP: "192.0.2.7", Reason: "rotation"}

func keyChange(class market.KeyClass, key string, overlap time.Duration) channel.Change {
	return channel.Change{Keys: map[market.KeyClass]string{class: key}, Overlap: overlap}
}

// keysOf names the warnings of an error.
func keysOf(t *testing.T, err error) (out []string) {
	t.Helper()
	var u *channel.Unconfirmed
	require.ErrorAs(t, err, &u)
	require.Equal(t, "channel.unconfirmed", fault.From(err).Key)
	for _, w := range u.Warnings {
		out = append(out, w.Key)
	}
	return out
}

func open(t *testing.T) (*store.Store, *channel.Desk) {
	t.Helper()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	return s, channel.New(s)
}

func exec(t *testing.T, s *store.Store, query string, args ...any) {
	t.Helper()
	_, err := s.SQL().Exec(query, args...)
	require.NoError(t, err)
}

func count(t *testing.T, s *store.Store, query string) (n int) {
	t.Helper()
	require.NoError(t, s.SQL().QueryRow(query).Scan(&n))
	return n
}

func TestAKeyInUseIsReplacedOnlyWhenThatIsConfirmed(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	ctx := context.Background()
	_, err := d.Set(ctx, "default", keyChange(market.BasicKey, "key-two", channel.Overlap), false, ann)
	require.NoError(t, err, "nothing has used the first one")
	require.NoError(t, s.TouchKey(ctx, 2, time.Now()))
	saved(t, s, `(1, 'v2', 1), (2, 'v1', 2), (2, 'license', 60), (3, 'order-notice', 0), (NULL, 'v2', 0)`)

	_, err = d.Set(ctx, "default", keyChange(market.BasicKey, "key-three", channel.Overlap), false, ann)
	require.Equal(t, []string{"channel.key_in_use"}, keysOf(t, err))
	var u *channel.Unconfirmed
	require.ErrorAs(t, err, &u)
	require.Equal(t, "3", u.Warnings[0].Args["cases"], "v2, v1 and License, however long ago: our own and other classes' calls do not count")
	require.NotContains(t, err.Error(), "key-t", "no secret in an error")
	require.Equal(t, 2, count(t, s, `SELECT count(*) FROM channel_keys`), "nothing was changed")
	require.Equal(t, 1, count(t, s, `SELECT count(*) FROM audit`))

	_, err = d.Set(ctx, "default", keyChange(market.BasicKey, "key-three", 0), false, ann)
	require.Equal(t, []string{"channel.key_ends_now"}, keysOf(t, err))
	same, err := d.Set(ctx, "default", keyChange(market.BasicKey, "key-two", 0), false, ann)
	require.NoError(t, err, "the present key again changes nothing")
	require.Equal(t, map[market.KeyClass]bool{market.BasicKey: false}, same.Changed)

	done, err := d.Set(ctx, "default", keyChange(market.BasicKey, "key-three", channel.Overlap), true, ann)
	require.NoError(t, err)
	require.Equal(t, map[market.KeyClass]bool{market.BasicKey: true}, done.Changed)
	require.Len(t, done.Warnings, 1)
	ch, err := s.Reader().ChannelBySlug(ctx, "default")
	require.NoError(t, err)
	valid := ch.KeysOf(market.BasicKey, time.Now().Add(23*time.Hour))
	require.Equal(t, []string{"key-three", "key-two"}, []string{valid[0].Secret, valid[1].Secret})
	require.Len(t, ch.KeysOf(market.BasicKey, time.Now().Add(25*time.Hour)), 1)
}

// saved makes debugging calls: (key, protocol, days ago); without a key they are
// our own.
func saved(t *testing.T, s *store.Store, cases string) {
	t.Helper()
	exec(t, s, `
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, result_code, case_key, first_received_at, last_received_at)
SELECT 1, p, 'newInstance', true, 'case-' || row_number() OVER (), 'succeeded', '000000', k::bigint, now(), now() - d * interval '1 day'
  FROM (VALUES `+cases+`) AS x(k, p, d)`)
}

// A case that is saved in the Seller Center is signed with the old key until it
// comes under the new one, whether it runs or not.
func TestEndingAnOverlapWarnsOfCasesThatAreSavedWithTheOldKey(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	ctx := context.Background()
	require.NoError(t, s.TouchKey(ctx, 1, time.Now().Add(-time.Hour)))
	saved(t, s, `(1, 'v2', 40), (1, 'v1', 3), (NULL, 'v2', 0)`)
	_, err := d.Set(ctx, "default", keyChange(market.BasicKey, "key-two", channel.Overlap), true, ann)
	require.NoError(t, err)
	end := channel.Change{RetireOld: []market.KeyClass{market.BasicKey}}
	_, err = d.Set(ctx, "default", end, false, ann)
	require.Equal(t, []string{"channel.overlap_cases"}, keysOf(t, err))
	var u *channel.Unconfirmed
	require.ErrorAs(t, err, &u)
	require.Equal(t, "2", u.Warnings[0].Args["cases"])
	require.Equal(t, 0, count(t, s, `SELECT count(*) FROM channel_keys WHERE retires_at <= now()`))

	for n, id := range []int64{1, 2} { // the marketplace calls them under the new key
		require.Equal(t, 2-n, count(t, s, `SELECT count(*) FROM messages WHERE case_key = 1`))
		require.NoError(t, s.NoteCase(ctx, id, 2))
	}
	breaks, err := d.Warnings(ctx, "default", end)
	require.NoError(t, err)
	require.Empty(t, breaks)
}

func TestEndingAnOverlapWarnsWhileTheOldKeyIsUsed(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	ctx := context.Background()
	_, err := d.Set(ctx, "default", keyChange(market.BasicKey, "key-two", channel.Overlap), true, ann)
	require.NoError(t, err)
	end := channel.Change{RetireOld: []market.KeyClass{market.BasicKey}}
	breaks, err := d.Warnings(ctx, "default", end)
	require.NoError(t, err)
	require.Empty(t, breaks)
	require.NoError(t, s.TouchKey(ctx, 1, time.Now().Add(time.Minute)))
	_, err = d.Set(ctx, "default", end, false, ann)
	require.Equal(t, []string{"channel.overlap_in_use"}, keysOf(t, err))
	exec(t, s, `INSERT INTO channel_keys (channel_id, class, key_sealed, key_bidx, retires_at) SELECT 1, 'kit', key_sealed, key_bidx, now() + interval '1 hour' FROM channel_keys WHERE id = 1`)
	_, err = d.Set(ctx, "default", end, true, ann)
	require.NoError(t, err)
	require.Equal(t, 1, count(t, s, `SELECT count(*) FROM channel_keys WHERE class = 'basic' AND retires_at <= now()`))
	require.Equal(t, 1, count(t, s, `SELECT count(*) FROM channel_keys WHERE class = 'kit' AND retires_at > now()`), "another class goes on")
}

func TestWhatSettingsBreakIsSaid(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	ctx := context.Background()
	site, encrypt, off := market.SiteIntl, 2, false
	c := channel.Change{Settings: store.ChannelChange{Site: &site, EncryptType: &encrypt, BodySign: &off}, Keys: map[market.KeyClass]string{market.KitKey: storetest.BasicKey}}
	breaks, err := d.Warnings(ctx, "default", c)
	require.NoError(t, err)
	require.Len(t, breaks, 1, "only the key that two classes share: nothing calls yet")
	require.Equal(t, "channel.key_twin", breaks[0].Key)
	require.NoError(t, s.TouchKey(ctx, 1, time.Now()))
	_, err = d.Set(ctx, "default", c, false, ann)
	require.Equal(t, []string{"channel.key_twin", "channel.site_changes", "channel.encrypt_type_changes", "channel.body_sign_ends"}, keysOf(t, err))
	same, one, on := market.SiteCN, 1, true
	_, err = d.Set(ctx, "default", channel.Change{Settings: store.ChannelChange{Site: &same, EncryptType: &one, BodySign: &on}}, false, ann)
	require.NoError(t, err, "what stays breaks nothing")
}

// The classes of interfaces have keys of their own, those of a new channel too.
func TestKeysThatTwoClassesShareAreSaid(t *testing.T) {
	t.Parallel()
	_, d := open(t)
	cn := market.SiteCN
	for _, slug := range []string{"new", "default"} {
		for _, c := range []struct {
			keys map[market.KeyClass]string
			want []string
		}{
			{map[market.KeyClass]string{market.BasicKey: "k", market.LicenseKey: "k", market.GeneralKey: "g"}, []string{"license basic"}},
			{map[market.KeyClass]string{market.BasicKey: "k", market.KitKey: "k", market.LicenseKey: "k"}, []string{"kit basic", "license basic", "license kit"}},
			{map[market.KeyClass]string{market.BasicKey: "k", market.LicenseKey: "l"}, nil},
		} {
			_, err := d.Set(context.Background(), slug, channel.Change{Settings: store.ChannelChange{Site: &cn}, Keys: c.keys}, false, ann)
			var said []string
			var u *channel.Unconfirmed
			if errors.As(err, &u) {
				for _, w := range u.Warnings {
					require.Equal(t, "channel.key_twin", w.Key)
					said = append(said, w.Args["class"]+" "+w.Args["other"])
				}
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.want, said, slug)
		}
	}
}

func TestAChangeIsAuditedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	ctx := context.Background()
	site, ak, sk, url := market.SiteEU, "ak-secret-1", "sk-secret-2", "https://mkt.example.com"
	c := channel.Change{Settings: store.ChannelChange{Site: &site, AK: &ak, SK: &sk, OpenAPIURL: &url}, Overlap: channel.Overlap,
		Keys: map[market.KeyClass]string{market.BasicKey: "key-secret-3", market.GeneralKey: "key-secret-4"}}
	done, err := d.Set(ctx, "new", c, false, ann)
	require.NoError(t, err)
	require.True(t, done.Created)
	var actor, target, reason, ip string
	var raw []byte
	require.NoError(t, s.SQL().QueryRow(`SELECT actor, target, reason, remote_ip, detail FROM audit`).Scan(&actor, &target, &reason, &ip, &raw))
	require.Equal(t, []string{ann.Name, "channel/new", "rotation", ann.IP}, []string{actor, target, reason, ip})
	require.NotContains(t, string(raw), "secret")
	var detail map[string]string
	require.NoError(t, json.Unmarshal(raw, &detail))
	require.Equal(t, map[string]string{"site": "eu", "ak": "set", "sk": "set", "open_api_url": url, "basic_key": "changed", "general_key": "changed", "overlap": "24h0m0s"}, detail)
}

func TestWhatCannotBe(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	ctx := context.Background()
	text := func(s string) *string { return &s }
	mars, three := market.Site("mars"), 3
	for key, c := range map[string]channel.Change{
		"channel.bad_site":         {Settings: store.ChannelChange{Site: &mars}},
		"channel.bad_encrypt_type": {Settings: store.ChannelChange{EncryptType: &three}},
		"channel.bad_v1_pending":   {Settings: store.ChannelChange{V1Pending: text("000000")}},
		"channel.bad_key":          keyChange(market.BasicKey, "two words", 0),
		"channel.no_class":         keyChange("usage", "a-key", 0),
		"channel.aksk_pair":        {Settings: store.ChannelChange{AK: text("ak"), SK: text("")}},
		"order_query.bad_address":  {Settings: store.ChannelChange{OpenAPIURL: text("http://mkt.example.com")}},
	} {
		_, err := d.Set(ctx, "default", c, true, ann)
		require.Error(t, err, key)
		require.Equal(t, key, fault.From(err).Key)
	}
	_, err := d.Set(ctx, "Not A Slug", channel.Change{}, true, ann)
	require.Equal(t, "channel.bad_slug", fault.From(err).Key)
	_, err = d.Set(ctx, "new", channel.Change{}, true, ann)
	require.Equal(t, "channel.site_missing", fault.From(err).Key)
	cn := market.SiteCN
	_, err = d.Set(ctx, "new", channel.Change{Settings: store.ChannelChange{Site: &cn, AK: text("ak")}}, true, ann)
	require.Equal(t, "channel.aksk_pair", fault.From(err).Key, "AK alone signs nothing")
	_, err = d.Warnings(ctx, "nowhere", channel.Change{})
	require.Equal(t, "channel.unknown", fault.From(err).Key)
	require.Equal(t, 0, count(t, s, `SELECT count(*) FROM audit`))
}
