package main

import (
	"cmp"
	"context"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/accesspage"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/market"
	"koodesk/app/redisconn"
	"koodesk/app/simulator"
	"koodesk/app/staff"
	"koodesk/app/store/storetest"
	"koodesk/jobs"
)

// After a purchase, a failed call, a refused one and a restart, no secret and no
// address stands anywhere in clear but in the mail to the customer: not in the
// database, not in Redis, not in the log, not in what the API tells.
func TestSecretsAreNowhereButWhereTheyBelong(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok(product, "", "set", "--channel", "default", "--product", "*", "--driver", "static", "--generate-password",
		"--front-end-url", "https://app.seller.example/?user={email}", "--user-name", "{email}", "--memo", "for {email}")
	release := r.mail.Hold(smtptest.Data, 1)
	id := r.buy("CS2611220005EEEEE")
	app := r.access(id)
	require.Equal(t, buyerEmail, app.UserName, "the customer's own address, as the seller's template wants it")
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM tasks WHERE kind = 'deliver' AND status = 'running'`) == 1
	},
		time.Minute, 20*time.Millisecond)
	inFlight := r.redisDump()
	release()
	require.Contains(t, r.mails(1)[0].Text, app.Password)
	wrong := *r.caller
	wrong.Key = "not-the-key"
	f, err := simulator.NewCall("newInstance", nil, nil, false, r.ids)
	require.NoError(t, err)
	require.EqualValues(t, "000001", wrong.Call(context.Background(), f).Code)
	told := r.toldBy("/messages", "/instances", "/instances/"+id, "/deliveries", "/tasks")
	r.stop()
	secrets := []string{app.Password, storetest.BasicKey, storetest.SK, storetest.AK, buyerEmail, buyerPhone, r.token}
	places := r.nowhere(told, secrets...)
	for _, s := range secrets {
		require.NotContains(t, inFlight, s, "Redis while a mail is on its way")
	}
	require.Contains(t, places["the database"], id, "the dump holds what it should")
	require.Contains(t, places["the log"], "CS2611220005EEEEE", "the log tells of the order")
}

// toldBy is what these pages of the API say, and every message in full.
func (r *rig) toldBy(paths ...string) string {
	r.t.Helper()
	var told strings.Builder
	for _, path := range paths {
		fmt.Fprintln(&told, r.api(http.MethodGet, path, nil, 200))
	}
	for _, m := range r.items("/messages") {
		fmt.Fprintln(&told, r.api(http.MethodGet, "/messages/"+m["id"].(string), nil, 200))
	}
	return told.String()
}

// nowhere requires that none of the secrets stands in the database (the tasks'
// and the audit's rows among it), in Redis, in the log or in what the API told.
func (r *rig) nowhere(told string, secrets ...string) map[string]string {
	r.t.Helper()
	places := map[string]string{"the database": r.dump(), "Redis": r.redisDump(), "the log": r.log.String(), "the API": told}
	for place, text := range places {
		require.NotEmpty(r.t, text)
		for _, s := range secrets {
			require.NotEmpty(r.t, s)
			require.NotContains(r.t, text, s, place)
		}
	}
	return places
}

// The secrets of webhooks, Licenses, authorization codes, the devices they are
// bound to and the buyers' links are kept as well as passwords are.
func TestLaterSecretsAreNowhereButWhereTheyBelong(t *testing.T) {
	t.Parallel()
	const (
		targetSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
		oldSecret     = "whsec_Vm9yaGVyaWdlcyBHZWhlaW1uaXMgZnVlciBhbGxl"
		productSecret = "whsec_UHJvZHVrdGdlaGVpbW5pcyBmdWVyIFdlYmhvb2tz"
		pooled, typed = "POOLED-LICENSE-4711", "TYPED-LICENSE-0815"
		device        = "00:1A:2B:3C:4D:5E|SECRET-DEVICE"
	)
	r := newRigAs(t, true, loopback)
	r.withKeys()
	seller := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(seller.Close)
	for _, secret := range []string{oldSecret, targetSecret} { // the first is replaced
		r.ok(eventTarget, secret+"\n", "set", "--channel", "default", "--name", "crm", "--url", seller.URL+"/hook?token=in-the-address", "--secret", "-")
	}
	r.ok(product, productSecret+"\n", "set", "--channel", "default", "--product", "HOOKED", "--driver", "webhook", "--webhook-url", seller.URL, "--webhook-secret", "-")

	id := r.buy("CS2611220301SECRT")
	r.access(id)
	pages := accesspage.New(accesspage.Options{Store: r.store, PublicURL: r.base, Log: slog.New(slog.NewTextHandler(r.log, nil))})
	link := pages.URL(id, 0)
	require.Contains(t, r.page(http.MethodPost, link), "/i/"+id, "the buyer reveals the access data")
	require.NoError(t, pages.Renew(t.Context(), id, staff.Actor{Name: "operator:ann@example.com", Source: "operator", Role: staff.Operator}))
	renewed := pages.URL(id, 1)
	require.Contains(t, r.page(http.MethodGet, renewed), "/i/"+id)
	token := func(link string) string { return link[strings.LastIndex(link, "/")+1:] }

	r.licenses("pool", "--license-pool", "keys")
	r.fillLicenses(pooled)
	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", r.sold("CS2611220302SECRT"), "eventId", "E-1", "deviceFingerprint", device)
	require.Equal(t, pooled, r.uploads(1)[0].Characters)
	r.licenses("manual")
	r.callLicense(market.License, market.GetLicenseAsync, "instanceId", r.sold("CS2611220303SECRT"), "eventId", "E-2", "deviceFingerprint", device)
	var number string
	require.Eventually(t, func() bool {
		number, _, _ = strings.Cut(r.ok(licenses, "", "list", "--status", "requested"), "\t")
		return number != "" && r.count(`SELECT count(*) FROM tasks WHERE kind = 'license' AND run_at > '9000-01-01'`) == 1
	}, time.Minute, 30*time.Millisecond)
	r.ok(licenses, typed+"\n", "hand-in", "--id", number)
	r.uploads(2)

	r.market.SetCode(aCode, simulator.CodeState{Expires: time.Now().AddDate(0, 6, 0)})
	require.Equal(t, market.Success, r.generation(market.LicenseCode, codeKey, market.RefreshLicenseCode, simulator.Fields{"license": aCode, "orderId": "R1"}).Code)
	require.Equal(t, market.AuthFailed, r.generation(market.LicenseCode, "wrong", market.ReleaseLicenseCode, simulator.Fields{"license": aCode}).Code)
	r.api(http.MethodPost, "/license-codes/activate", map[string]any{"license": aCode}, 200)
	r.api(http.MethodPost, "/license-codes/usage", map[string]any{"records": []any{map[string]any{"license": aCode, "id": "anna-1a2b@example.com"}}}, 200)

	told := r.toldBy("/messages", "/instances", "/instances/"+id, "/tasks", "/license-codes", "/license-codes?q="+aCode, "/products")
	r.stop()
	places := r.nowhere(told, targetSecret, strings.TrimPrefix(targetSecret, "whsec_"), oldSecret, productSecret, codeKey, noticeKey,
		pooled, typed, device, aCode, token(link), token(renewed), "anna-1a2b@example.com")
	for place, text := range map[string]string{"the log": places["the log"], "Redis": places["Redis"], "the API": places["the API"]} {
		require.NotContains(t, text, "in-the-address", "a receiver's query may be a secret: %s", place)
	}
	require.Contains(t, places["the database"], string(staff.ActRenewLink), "the audit was looked at")
}

// A password that is told by a link stands nowhere in clear, nor does the link;
// once it is wiped, not even the keys of this installation find it.
func TestAPasswordBehindALinkIsNowhereAndThenGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ok(product, "", "set", "--channel", "default", "--product", "*", "--driver", "static", "--generate-password", "--front-end-url", "https://app.seller.example/",
		"--user-name", "admin", "--password-by", "link", "--wipe-password-days", "2")
	id := r.buy("CS2611220007LLINK")
	app := r.access(id)
	pages := accesspage.New(accesspage.Options{Store: r.store, PublicURL: r.base, Log: slog.New(slog.NewTextHandler(r.log, nil))})
	link := pages.URL(id, 0)
	mail := r.mails(1)[0]
	require.Contains(t, mail.Text, link[strings.Index(link, "/access/"):])
	require.NotContains(t, mail.Text+mail.HTML, app.Password)
	shown := func(method string) string { return html.UnescapeString(r.page(method, link)) }
	require.Contains(t, shown(http.MethodPost), app.Password, "the page shows it")
	require.NotContains(t, shown(http.MethodGet), app.Password)
	told := r.toldBy("/messages", "/instances", "/instances/"+id, "/deliveries", "/deliveries/1", "/tasks")
	token := link[strings.LastIndex(link, "/")+1:]

	r.dueWithinAMinute()
	_, err := r.store.SQL().Exec(`UPDATE instances SET password_given_at = now() - interval '2 days', wipe_password_at = now()`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM instances WHERE password_sealed IS NULL AND password_wiped_at IS NOT NULL`) == 1
	}, 2*time.Minute, 50*time.Millisecond, "the scheduler wipes it")
	require.Empty(t, r.access(id).Password, "queryInstance follows")
	require.Contains(t, r.page(http.MethodGet, link), time.Now().In(time.FixedZone("", 8*3600)).Format("2006"), "the buyer's page says since when")
	told += r.toldBy("/instances/"+id, "/deliveries/1")
	r.stop()
	r.nowhere(told, app.Password, token)
}

// dueWithinAMinute has the running program send a notice that falls due now, by the
// clock that it has outside of tests, which looks for due ones several times a minute.
func (r *rig) dueWithinAMinute() {
	r.t.Helper()
	at := slices.IndexFunc(r.jobs.Timed, func(w jobs.Timed) bool { return w.Name == "notices" })
	require.GreaterOrEqual(r.t, at, 0)
	require.False(r.t, r.jobs.Timed[at].Apart)
	require.Less(r.t, r.jobs.Timed[at].Every+cmp.Or(r.jobs.Tick, jobs.DefaultTick), time.Minute/2)
	_, err := r.store.SQL().Exec(`UPDATE instances SET expires_at = now() + interval '7 days', expiry_since = now() - interval '2 days', notice_at = now()`)
	require.NoError(r.t, err)
	require.Contains(r.t, r.mails(2)[1].Get("Subject"), "7")
	require.Equal(r.t, 1, r.count(`SELECT count(*) FROM deliveries WHERE kind = 'expiry_notice' AND days = 7`))
}

// dump is every row of every table as text, bytes both in hexadecimal and as
// they are.
func (r *rig) dump() string {
	r.t.Helper()
	var b strings.Builder
	db := r.store.SQL()
	var tables []string
	rows, err := db.Query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	require.NoError(r.t, err)
	for rows.Next() {
		var name string
		require.NoError(r.t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(r.t, rows.Err())
	require.Greater(r.t, len(tables), 10)
	for _, table := range tables {
		for _, output := range []string{"hex", "escape"} {
			var text *string
			err := db.QueryRow(`SELECT string_agg(t::text, E'\n') FROM (SELECT set_config('bytea_output', $1, false)) s, `+table+` t`, output).Scan(&text)
			require.NoError(r.t, err)
			if text != nil {
				b.WriteString(*text)
			}
		}
	}
	return b.String()
}

// redisValue is a value in clear: DUMP would compress it.
func redisValue(t *testing.T, c redis.UniversalClient, key string) any {
	t.Helper()
	ctx := context.Background()
	kind, err := c.Type(ctx, key).Result()
	require.NoError(t, err)
	var v any
	switch kind {
	case "string":
		v, err = c.Get(ctx, key).Result()
	case "hash":
		v, err = c.HGetAll(ctx, key).Result()
	case "list":
		v, err = c.LRange(ctx, key, 0, -1).Result()
	case "set":
		v, err = c.SMembers(ctx, key).Result()
	case "zset":
		v, err = c.ZRange(ctx, key, 0, -1).Result()
	case "none": // it has just expired
	default:
		t.Fatalf("a %s in Redis is not looked at", kind)
	}
	require.NoError(t, err)
	return v
}

// redisDump is every value in Redis.
func (r *rig) redisDump() string {
	r.t.Helper()
	ctx := context.Background()
	c, err := redisconn.Open(r.redisURL)
	require.NoError(r.t, err)
	defer c.Close()
	keys, err := c.Keys(ctx, "*").Result()
	require.NoError(r.t, err)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintln(&b, k, redisValue(r.t, c, k))
	}
	return b.String()
}
