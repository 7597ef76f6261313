package deliver_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/deliver/sms"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/telemetry/logtest"
)

// spoil makes an instance's address one that no key opens, and gives what it was.
func spoil(t *testing.T, s *store.Store, pk int64) (sealed []byte) {
	t.Helper()
	require.NoError(t, s.SQL().QueryRow(`SELECT email_sealed FROM instances WHERE id = $1`, pk).Scan(&sealed))
	bad := bytes.Clone(sealed)
	bad[len(bad)-1] ^= 1
	_, err := s.SQL().Exec(`UPDATE instances SET email_sealed = $2 WHERE id = $1`, pk, bad)
	require.NoError(t, err)
	return sealed
}

// overheard gives the desk a deliverer whose log can be read.
func (k *desk) overheard() *logtest.Buffer {
	k.t.Helper()
	log := &logtest.Buffer{}
	d, err := deliver.New(deliver.Options{Store: k.s, Email: email.None{}, SMS: sms.Log{Log: slog.New(slog.DiscardHandler)}, Domain: "seller.test",
		Log: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(k.t, err)
	k.d = d
	return log
}

func TestAnAddressThatCannotBeOpenedStopsNoOther(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"daily_cap":-1}`)
	log := k.overheard()
	bad, id := k.instance("c1", "ann@example.com", "", 8*day)
	good, _ := k.instance("c2", "bob@example.com", "", 8*day)
	sealed := spoil(t, k.s, bad)
	k.at(k.now.Add(day))
	for _, pk := range []int64{bad, good} {
		_, err := k.s.SQL().Exec(`INSERT INTO instance_events (instance_pk, kind, new_value, notice) VALUES ($1, 'status', 'active', 'unfrozen')`, pk)
		require.NoError(t, err)
	}
	k.run()
	require.Empty(t, k.notices(bad))
	require.Equal(t, []string{"expiry_notice 7 email succeeded  ", "unfrozen  email succeeded  "}, k.notices(good))
	told := func() int { return strings.Count(log.String(), "level=ERROR") }
	require.Contains(t, log.String(), id)
	require.NotContains(t, log.String(), "ann@")
	require.Equal(t, 1, told(), "one line for one instance: %s", log)
	k.run()
	require.Equal(t, 1, told(), "not at every turn of the clock")
	k.at(k.now.Add(61 * time.Minute))
	k.run()
	require.Equal(t, 2, told(), "but looked at again")

	// What was passed over is not lost.
	_, err := k.s.SQL().Exec(`UPDATE instances SET email_sealed = $2 WHERE id = $1`, bad, sealed)
	require.NoError(t, err)
	k.at(k.now.Add(61 * time.Minute))
	k.run()
	require.Equal(t, []string{"expiry_notice 7 email succeeded  ", "unfrozen  email succeeded  "}, k.notices(bad))
	require.Len(t, k.notices(good), 2)
}

func TestAPasswordThatCannotBeOpenedStopsNoOtherWiping(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"wipe_password_days":3}`)
	ctx := context.Background()
	log := k.overheard()
	bad, id := k.instance("c1", "ann@example.com", "", 90*day)
	good, _ := k.instance("c2", "bob@example.com", "", 90*day)
	_, err := k.s.SQL().Exec(`
UPDATE instances
   SET password_sealed = $1, password_given_at = $2::timestamptz, wipe_password_at = $3::timestamptz + id * interval '1 second'`,
		storetest.Keys(t).SealString(seal.Access, "Pa55"), k.now.Add(-4*day), k.now.Add(-day))
	require.NoError(t, err)
	spoil(t, k.s, bad)
	require.NoError(t, k.d.WipePasswords(ctx))
	due := func(pk int64) (at *time.Time) {
		require.NoError(t, k.s.SQL().QueryRow(`SELECT wipe_password_at FROM instances WHERE id = $1`, pk).Scan(&at))
		return at
	}
	require.Nil(t, due(good), "the other one is seen to")
	require.True(t, due(bad).Equal(k.now.Add(time.Hour)), due(bad))
	require.Equal(t, 1, strings.Count(log.String(), "level=ERROR"))
	require.Contains(t, log.String(), id)
}
