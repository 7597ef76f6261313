package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/redisconn"
	"koodesk/app/simulator"
	"koodesk/app/store/storetest"
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
		20*time.Second, 20*time.Millisecond)
	inFlight := r.redisDump()
	release()
	require.Contains(t, r.mails(1)[0].Text, app.Password)
	wrong := *r.caller
	wrong.Key = "not-the-key"
	f, err := simulator.NewCall("newInstance", nil, nil, false, r.ids)
	require.NoError(t, err)
	require.EqualValues(t, "000001", wrong.Call(context.Background(), f).Code)
	var told strings.Builder
	for _, path := range []string{"/messages", "/instances", "/instances/" + id, "/deliveries", "/tasks"} {
		fmt.Fprintln(&told, r.api(http.MethodGet, path, nil, 200))
	}
	for _, m := range r.items("/messages") {
		fmt.Fprintln(&told, r.api(http.MethodGet, "/messages/"+m["id"].(string), nil, 200))
	}
	r.stop()
	secrets := []string{app.Password, storetest.BasicKey, storetest.SK, storetest.AK, buyerEmail, buyerPhone, r.token}
	places := map[string]string{"the database": r.dump(), "Redis": r.redisDump(), "Redis while a mail is on its way": inFlight, "the log": r.log.String(), "the API": told.String()}
	for place, text := range places {
		require.NotEmpty(t, text)
		for _, s := range secrets {
			require.NotContains(t, text, s, place)
		}
	}
	require.Contains(t, places["the database"], id, "the dump holds what it should")
	require.Contains(t, places["the log"], "CS2611220005EEEEE", "the log tells of the order")
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
