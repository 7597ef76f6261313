package store_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func TestOperators(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	var id int64
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) (err error) {
		id, err = tx.AddOperator(ctx, store.NewOperator{Email: "Ann@example.com", PasswordHash: "h1", Role: staff.Operator, Locale: "en", MustChange: true})
		return err
	}))
	err := s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.AddOperator(ctx, store.NewOperator{Email: "ann@EXAMPLE.com", PasswordHash: "h", Role: staff.Viewer, Locale: "en"})
		return err
	})
	require.Equal(t, "operator.exists", fault.From(err).Key)
	o, err := s.Reader().OperatorByEmail(ctx, "ANN@example.COM")
	require.NoError(t, err)
	require.Equal(t, id, o.ID)
	require.True(t, o.MustChange)
	require.True(t, o.LastLoginAt.IsZero())

	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		epoch, err := tx.SetPassword(ctx, id, "h2", false)
		require.Equal(t, 1, epoch)
		if err != nil {
			return err
		}
		if err := tx.RenewPasswordHash(ctx, id, "h1", "not this one"); err != nil {
			return err
		}
		if err := tx.RenewPasswordHash(ctx, id, "h2", "h3"); err != nil {
			return err
		}
		if err := tx.SetLocale(ctx, id, "zh-CN"); err != nil {
			return err
		}
		return tx.TouchLogin(ctx, id)
	}))
	o, err = s.Reader().OperatorByID(ctx, id)
	require.NoError(t, err)
	require.Equal(t, []any{"h3", 1, "zh-CN", false, false}, []any{o.PasswordHash, o.Epoch, o.Locale, o.MustChange, o.Disabled})
	require.WithinDuration(t, time.Now(), o.LastLoginAt, time.Minute)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error { return tx.DisableOperator(ctx, id) }))
	all, err := s.Reader().Operators(ctx)
	require.NoError(t, err)
	require.True(t, all[0].Disabled)
	for _, err := range []error{
		s.Write(ctx, func(tx *store.Tx) error { _, err := tx.SetPassword(ctx, 99, "h", false); return err }),
		s.Write(ctx, func(tx *store.Tx) error { return tx.DisableOperator(ctx, 99) }),
	} {
		require.Equal(t, "operator.unknown", fault.From(err).Key)
	}
}

func TestSessionsAreHashedAndSealed(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	n := s.Sessions()
	const token, data = "token-of-the-session", "data of the session"
	require.NoError(t, n.Commit(token, []byte(data), time.Now().Add(time.Hour)))
	require.NoError(t, n.Commit(token, []byte(data+" again"), time.Now().Add(time.Hour)))
	got, found, err := n.Find(token)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, data+" again", string(got))
	var hash, sealed []byte
	require.NoError(t, s.SQL().QueryRow(`SELECT token_hash, data FROM sessions`).Scan(&hash, &sealed))
	require.False(t, bytes.Contains(sealed, []byte("session")))
	require.Len(t, hash, 32)
	_, found, err = n.Find("another token")
	require.NoError(t, err)
	require.False(t, found)

	require.NoError(t, n.Commit("old", []byte("x"), time.Now().Add(-time.Second)))
	_, found, err = n.Find("old")
	require.NoError(t, err)
	require.False(t, found, "it is over")
	gone, err := n.Purge(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 1, gone)

	_, err = s.SQL().Exec(`UPDATE sessions SET data = $1`, s.Keys().Seal(seal.Payload, []byte("moved from elsewhere")))
	require.NoError(t, err)
	_, found, err = n.Find(token)
	require.NoError(t, err)
	require.False(t, found, "what cannot be opened is no session")
	require.NoError(t, n.Delete(token))
	gone, err = n.Purge(context.Background())
	require.NoError(t, err)
	require.Zero(t, gone)
}

func TestAPITokens(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	var plain string
	var id int64
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) (err error) {
		plain, id, err = tx.CreateToken(ctx, "ci", staff.Operator)
		return err
	}))
	require.Regexp(t, `^kd_[A-Za-z0-9_-]{43}$`, plain)
	var found bool
	require.NoError(t, s.SQL().QueryRow(`SELECT EXISTS (SELECT FROM api_tokens t WHERE t::text LIKE '%' || $1 || '%')`, plain[3:]).Scan(&found))
	require.False(t, found, "only the hash is kept")

	used := func() (at time.Time) {
		require.NoError(t, s.SQL().QueryRow(`SELECT COALESCE(last_used_at, 'epoch') FROM api_tokens WHERE id = $1`, id).Scan(&at))
		return at
	}
	require.EqualValues(t, 0, used().Unix())
	got, err := s.UseToken(ctx, plain)
	require.NoError(t, err)
	require.Equal(t, []any{"ci", staff.Operator}, []any{got.Name, got.Role})
	first := used()
	require.WithinDuration(t, time.Now(), first, time.Minute)
	_, err = s.UseToken(ctx, plain)
	require.NoError(t, err)
	require.True(t, first.Equal(used()), "not again within the minute")
	_, err = s.SQL().Exec(`UPDATE api_tokens SET last_used_at = now() - interval '2 minutes'`)
	require.NoError(t, err)
	_, err = s.UseToken(ctx, plain)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), used(), time.Minute)

	for _, wrong := range []string{"", "kd_", plain + "x", plain[:20], strings.ToUpper(plain), "\x00", "\xff"} {
		_, err := s.UseToken(ctx, wrong)
		require.Equal(t, "token.invalid", fault.From(err).Key, "%q", wrong)
	}
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error { return tx.RevokeToken(ctx, id) }))
	_, err = s.UseToken(ctx, plain)
	require.Equal(t, "token.invalid", fault.From(err).Key)
	err = s.Write(ctx, func(tx *store.Tx) error { return tx.RevokeToken(ctx, 99) })
	require.Equal(t, "token.unknown", fault.From(err).Key)
	all, err := s.Reader().Tokens(ctx)
	require.NoError(t, err)
	require.False(t, all[0].RevokedAt.IsZero())
}
