package signin

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

const right = "a sentence of my own"

var cheap = Cost{MemoryKiB: 64, Iterations: 1, Parallelism: 1}

type door struct {
	t      *testing.T
	store  *store.Store
	signin *SignIn
	log    *bytes.Buffer
	id     int64
}

func open(t *testing.T, client redis.UniversalClient) *door {
	t.Helper()
	d := &door{t: t, store: storetest.Open(t), log: &bytes.Buffer{}}
	var err error
	d.signin = New(Options{Store: d.store, Redis: client, Log: slog.New(slog.NewTextHandler(d.log, nil)), Cost: cheap})
	added, err := d.signin.AddOperator(context.Background(), NewOperator{Email: "ann@example.com", Role: staff.Operator, Password: right}, staff.CLI())
	require.NoError(t, err)
	require.Empty(t, added.OneTime)
	d.id = added.ID
	return d
}

func (d *door) try(email, password, ip string) string {
	d.t.Helper()
	_, err := d.signin.SignIn(context.Background(), email, password, ip)
	if err == nil {
		return "in"
	}
	return fault.From(err).Key
}

func (d *door) audit() []string {
	d.t.Helper()
	p, err := d.store.Reader().AuditList(context.Background(), store.AuditFilter{}, store.Paging{})
	require.NoError(d.t, err)
	var out []string
	for _, a := range p.Items {
		out = append(out, a.Action+" "+a.Actor+" "+a.Detail["reason"]+a.Detail["email"])
	}
	return out
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	e, err := d.signin.SignIn(context.Background(), "  ANN@example.com ", right, "192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "ann@example.com", e.Person.Email)
	require.Equal(t, staff.Operator, e.Person.Role)
	for _, c := range [][2]string{{"ann@example.com", "wrong"}, {"ann@example.com", ""}, {"ann@example.com", right + " "},
		{"bob@example.com", right}, {"", ""}, {"ann@example.com\x00", right}, {"\xff", right}, {strings.Repeat("a", 5000), right}} {
		require.Equal(t, "signin.wrong", d.try(c[0], c[1], "192.0.2.2"))
	}
	require.NoError(t, d.store.Write(context.Background(), func(tx *store.Tx) error { return tx.DisableOperator(context.Background(), d.id) }))
	require.Equal(t, "signin.wrong", d.try("ann@example.com", right, "192.0.2.3"))
	log := d.audit()
	require.Equal(t, "signin.failed operator:ann@example.com disabled", log[0])
	require.Contains(t, log, "signin.failed operator:ann@example.com wrong password")
	require.Contains(t, log, "signin.failed unknown unknown addressb•••@example.com")
	require.Contains(t, log, "signin.succeeded operator:ann@example.com ")
	require.NotContains(t, strings.Join(log, "\n"), right)
	require.NotContains(t, d.log.String(), right)
	require.NotContains(t, d.log.String(), "bob@example.com")
}

// TestUnknownAddressCostsTheSame: the hash that an unknown address is checked
// against costs what a real one costs.
func TestUnknownAddressCostsTheSame(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	dummy, _, _, err := argon2id.DecodeHash(d.signin.hasher.dummy)
	require.NoError(t, err)
	o, err := d.store.Reader().OperatorByID(context.Background(), d.id)
	require.NoError(t, err)
	real, _, _, err := argon2id.DecodeHash(o.PasswordHash)
	require.NoError(t, err)
	require.Equal(t, real, dummy)
}

// TestCostIsRenewed: a password hashed at another cost is hashed anew when it is
// proved, and the sessions go on.
func TestCostIsRenewed(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	dearer := New(Options{Store: d.store, Cost: Cost{MemoryKiB: 128, Iterations: 2, Parallelism: 1}})
	_, err := dearer.SignIn(context.Background(), "ann@example.com", right, "192.0.2.1")
	require.NoError(t, err)
	o, err := d.store.Reader().OperatorByID(context.Background(), d.id)
	require.NoError(t, err)
	require.Contains(t, o.PasswordHash, "m=128,t=2")
	require.Zero(t, o.Epoch)
	require.Equal(t, "in", d.try("ann@example.com", right, "192.0.2.1"))
}

func TestGuessingIsLimited(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(*testing.T) redis.UniversalClient{
		"with Redis":    func(t *testing.T) redis.UniversalClient { return redistest.Open(t) },
		"without Redis": func(*testing.T) redis.UniversalClient { return nil },
		"Redis is down": func(t *testing.T) redis.UniversalClient {
			c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, client(t))
			for i := range perEmail.Tries {
				require.Equal(t, "signin.wrong", d.try("ann@example.com", "wrong", fmt.Sprintf("192.0.2.%d", i)))
			}
			_, err := d.signin.SignIn(context.Background(), "Ann@Example.com", right, "192.0.2.99")
			f := fault.From(err)
			require.Equal(t, "signin.too_many", f.Key)
			require.Equal(t, fault.RateLimited, f.Code)
			require.Positive(t, f.Retry.After)
			require.LessOrEqual(t, f.Retry.After, time.Minute+time.Second)
			require.Equal(t, "signin.wrong", d.try("bob@example.com", "wrong", "192.0.2.99"), "others are not locked out")

			// Many addresses from one network.
			for i := range perIP.Tries - 1 {
				require.Equal(t, "signin.wrong", d.try(fmt.Sprintf("p%d@example.com", i), "wrong", fmt.Sprintf("2001:db8::%x", i+1)), i)
			}
			d.try("last@example.com", "wrong", "2001:db8::ffff")
			require.Equal(t, "signin.too_many", d.try("next@example.com", "wrong", "2001:db8::1:2"))
			require.Equal(t, "signin.wrong", d.try("next@example.com", "wrong", "2001:db8:0:1::1"))
		})
	}
}

func TestARightPasswordForgetsTheWrongOnes(t *testing.T) {
	t.Parallel()
	d := open(t, redistest.Open(t))
	for range 3 {
		for range perEmail.Tries - 1 {
			require.Equal(t, "signin.wrong", d.try("ann@example.com", "wrong", "192.0.2.1"))
		}
		require.Equal(t, "in", d.try("ann@example.com", right, "192.0.2.1"))
	}
}

// TestRedisHoldsNoAddress looks through everything that Redis keeps.
func TestRedisHoldsNoAddress(t *testing.T) {
	t.Parallel()
	c := redistest.Open(t)
	d := open(t, c)
	require.Equal(t, "signin.wrong", d.try("ann@example.com", "wrong", "192.0.2.1"))
	keys, err := c.Keys(context.Background(), "*").Result()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.NotContains(t, strings.Join(keys, " "), "ann")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	ctx := context.Background()
	change := func(current, next string) (int, string) {
		epoch, err := d.signin.ChangePassword(ctx, d.id, current, next, "192.0.2.1")
		if err == nil {
			return epoch, ""
		}
		return epoch, fault.From(err).Key
	}
	for _, c := range []struct{ current, next, want string }{
		{"wrong", "a new sentence", "password.wrong_current"},
		{right, right, "password.same"},
		{right, "too short", "password.too_short"},
		{right, "零一二三四五六七八九十", "password.too_short"},
		{right, strings.Repeat("long", 51), "password.too_long"},
		{right, "ANN@example.com", "password.is_email"},
		{right, "a sentence \x00 with", "password.unreadable"},
	} {
		_, got := change(c.current, c.next)
		require.Equal(t, c.want, got, "%q", c.next)
	}
	before, ok, err := d.signin.Find(ctx, d.id, 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "ann@example.com", before.Email)
	epoch, got := change(right, "零一二三四五六七八九十零一")
	require.Empty(t, got)
	_, ok, err = d.signin.Find(ctx, d.id, 0)
	require.NoError(t, err)
	require.False(t, ok, "other sessions are over")
	_, ok, err = d.signin.Find(ctx, d.id, epoch)
	require.NoError(t, err)
	require.True(t, ok, "the one with the new epoch goes on")
	require.Equal(t, "signin.wrong", d.try("ann@example.com", right, "192.0.2.1"))
	require.Equal(t, "in", d.try("ann@example.com", "零一二三四五六七八九十零一", "192.0.2.1"))
	_, ok, err = d.signin.Find(ctx, d.id+1, epoch)
	require.NoError(t, err)
	require.False(t, ok)
	log := strings.Join(d.audit(), "\n")
	require.Contains(t, log, "password.changed operator:ann@example.com")
	require.Contains(t, log, "password.refused operator:ann@example.com")

	for range perEmail.Tries {
		change("wrong", "a new sentence")
	}
	_, got = change("wrong", "a new sentence")
	require.Equal(t, "signin.too_many", got, "an open session is no way to guess the password")
}

func TestOperatorsAndTokens(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	ctx := context.Background()
	for _, c := range []struct {
		n    NewOperator
		want string
	}{
		{NewOperator{Email: "Ann@example.com", Role: staff.Viewer}, "operator.exists"},
		{NewOperator{Email: "nobody", Role: staff.Viewer}, "operator.bad_email"},
		{NewOperator{Email: "B <b@example.com>", Role: staff.Viewer}, "operator.bad_email"},
		{NewOperator{Email: "b@example.com", Role: "root"}, "operator.bad_role"},
		{NewOperator{Email: "b@example.com", Role: staff.Viewer, Locale: "fr"}, "operator.bad_locale"},
		{NewOperator{Email: "b@example.com", Role: staff.Viewer, Password: "short"}, "password.too_short"},
	} {
		_, err := d.signin.AddOperator(ctx, c.n, staff.CLI())
		require.Equal(t, c.want, fault.From(err).Key)
	}
	added, err := d.signin.AddOperator(ctx, NewOperator{Email: "b@example.com", Role: staff.Viewer}, staff.CLI())
	require.NoError(t, err)
	require.Regexp(t, `^([a-z2-7]{4}-){5}[a-z2-7]{4}$`, added.OneTime)
	e, err := d.signin.SignIn(ctx, "b@example.com", added.OneTime, "192.0.2.1")
	require.NoError(t, err)
	require.True(t, e.Person.MustChange)
	_, err = d.signin.ChangePassword(ctx, added.ID, added.OneTime, "a sentence of mine", "192.0.2.1")
	require.NoError(t, err)
	e, err = d.signin.SignIn(ctx, "b@example.com", "a sentence of mine", "192.0.2.1")
	require.NoError(t, err)
	require.False(t, e.Person.MustChange)

	oneTime, err := d.signin.ResetPassword(ctx, "B@example.com", staff.CLI())
	require.NoError(t, err)
	e, err = d.signin.SignIn(ctx, "b@example.com", oneTime, "192.0.2.1")
	require.NoError(t, err)
	require.True(t, e.Person.MustChange)
	require.NoError(t, d.signin.GivePassword(ctx, "b@example.com", "a given sentence", staff.CLI()))
	require.Equal(t, "in", d.try("b@example.com", "a given sentence", "192.0.2.1"))
	_, err = d.signin.ResetPassword(ctx, "x@example.com", staff.CLI())
	require.Equal(t, "operator.unknown", fault.From(err).Key)
	require.NoError(t, d.signin.SetLocale(ctx, added.ID, "en"))
	require.Error(t, d.signin.SetLocale(ctx, added.ID, "fr"))

	plain, err := d.signin.CreateToken(ctx, "ci", staff.Operator, staff.CLI())
	require.NoError(t, err)
	token, err := d.signin.Token(ctx, plain)
	require.NoError(t, err)
	require.Equal(t, "ci", token.Name)
	require.NoError(t, d.signin.RevokeToken(ctx, token.ID, staff.CLI()))
	_, err = d.signin.Token(ctx, plain)
	require.Equal(t, "token.invalid", fault.From(err).Key)
	for _, bad := range []string{"", " ", "a\nb", strings.Repeat("n", 81)} {
		_, err := d.signin.CreateToken(ctx, bad, staff.Viewer, staff.CLI())
		require.Equal(t, "token.bad_name", fault.From(err).Key)
	}
	_, err = d.signin.CreateToken(ctx, "x", "root", staff.CLI())
	require.Equal(t, "operator.bad_role", fault.From(err).Key)
	log := strings.Join(d.audit(), "\n")
	for _, s := range []string{added.OneTime, oneTime, plain} {
		require.NotContains(t, log, s)
	}
}
