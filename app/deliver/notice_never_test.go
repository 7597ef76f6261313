package deliver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// An instance may be frozen before there is access data, and released then: its
// customer never had anything that could end. Whoever had is told.
func TestWhoeverWasGivenNothingIsToldOfNoEnd(t *testing.T) {
	t.Parallel()
	k := openDesk(t, `{}`)
	never, _ := k.instance("c1", "ann@example.com", "", 60*day)
	given, _ := k.instance("c2", "bob@example.com", "", 60*day)
	_, err := k.s.SQL().Exec(`UPDATE instances SET status = 'provisioning', provisioned_at = NULL WHERE id = $1`, never)
	require.NoError(t, err)
	for _, e := range []market.Event{market.FreezeCame, market.ReleaseCame} {
		for _, pk := range []int64{never, given} {
			k.on(pk, e)
		}
		k.run()
	}
	require.Empty(t, k.notices(never))
	require.Equal(t, []string{"frozen  email succeeded  ", "released  email succeeded  "}, k.notices(given))
}
