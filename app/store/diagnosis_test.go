package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
)

// One key that cannot be opened, of whichever channel, leaves the others to be
// tried.
func TestAKeyThatCannotBeOpenedIsPassedOver(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	own, other := storetest.Channel(t, s, "default", ""), storetest.Channel(t, s, "other", "")
	keys := func() (channels []string) {
		t.Helper()
		got, err := s.Reader().SigningKeys(context.Background(), own.ID, time.Now())
		require.NoError(t, err)
		for _, k := range got {
			require.NotEmpty(t, k.Secret)
			channels = append(channels, k.Channel)
		}
		return channels
	}
	all := keys()
	require.Contains(t, all, "default")
	require.Contains(t, all, "other")
	_, err := s.SQL().Exec(`UPDATE channel_keys SET key_sealed = '\x00' WHERE channel_id = $1`, other.ID)
	require.NoError(t, err)
	left := keys()
	require.NotEmpty(t, left)
	require.NotContains(t, left, "other")
	_, err = s.SQL().Exec(`UPDATE channel_keys SET key_sealed = '\x00'`)
	require.NoError(t, err)
	require.Empty(t, keys())
}
