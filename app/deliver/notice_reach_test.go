package deliver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// A buyer may have given anything as his phone number. Whoever cannot be told
// must not keep the others from being told.
func TestABuyerWithoutAUsableAddressHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{"quiet_hours":"none"}`)
	ctx := context.Background()
	log := k.overheard()
	none, id1 := k.instance("c1", "", "无", 8*day)
	blank, id2 := k.instance("c2", " ", "N/A", 8*day)
	mail, id3 := k.instance("c3", "ann@example.com", "****", 8*day)
	text, id4 := k.instance("c4", "", "+86 138-0000-0000", 8*day)
	for id, told := range map[string]bool{id1: false, id2: false, id3: true, id4: true} {
		n, err := k.d.NoticesOf(ctx, id)
		require.NoError(t, err)
		require.Equal(t, told, !n.Next.At.IsZero(), "a notice is to come for whoever can be told")
	}
	k.at(k.now.Add(day))
	sealed := spoil(t, k.s, blank)
	k.run()
	require.Empty(t, k.notices(none))
	require.Empty(t, k.notices(blank))
	require.NotContains(t, log.String(), "level=ERROR", "nobody asks what such an address says")
	_, err := k.s.SQL().Exec(`UPDATE instances SET email_sealed = $2 WHERE id = $1`, blank, sealed)
	require.NoError(t, err)
	require.Equal(t, []string{"expiry_notice 7 email succeeded  "}, k.notices(mail))
	require.Equal(t, []string{"expiry_notice 7 sms succeeded  "}, k.notices(text))
	for _, pk := range []int64{none, mail} {
		require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
			i, err := tx.LockInstancePK(ctx, pk)
			if err != nil {
				return err
			}
			return tx.SaveState(ctx, i, i.Freeze(tx.Now), store.Origin{})
		}))
	}
	k.run()
	require.Empty(t, k.notices(none))
	require.Contains(t, k.notices(mail), "frozen  email succeeded  ")
	var orphans int
	require.NoError(t, k.s.SQL().QueryRow(`SELECT count(*) FROM tasks WHERE kind = 'notice' AND status <> 'succeeded'`).Scan(&orphans))
	require.Zero(t, orphans)

	// An address that is put right is used from the next notice on.
	require.NoError(t, k.s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, blank)
		if err != nil {
			return err
		}
		i.Email = "bob@example.com"
		return tx.SaveOrder(ctx, i, []byte("{}"))
	}))
	k.at(k.now.Add(4*day + time.Hour))
	k.run()
	require.Equal(t, []string{"expiry_notice 3 email succeeded  "}, k.notices(blank))
}
