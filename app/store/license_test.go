package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// What a person has handed in is given: nothing of it is to be judged any more.
func TestALicenseThatWasHandedInIsNotJudged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(`
WITH i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status)
    VALUES (1, 'i', 'o', 'l', 'b', 'active')
    RETURNING id
)
INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, judge_later)
SELECT 1, id, 'license', key, true
  FROM i, unnest(ARRAY['first', 'second']) AS key`)
	require.NoError(t, err)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		first, err := tx.LockLicense(ctx, 1)
		require.NoError(t, err)
		second, err := tx.LockLicense(ctx, 2)
		require.NoError(t, err)
		given := func(l *store.License) int64 {
			ask, err := tx.LicenseAsk(ctx, &store.Instance{PK: first.InstancePK, LinearValue: 5}, l, &store.Product{})
			require.NoError(t, err)
			return ask.Given
		}
		require.Zero(t, given(first))
		require.EqualValues(t, 1, given(second), "the first has its place before it")
		second.Content = market.LicenseContent{Text: "BY-HAND"}
		require.NoError(t, tx.SaveLicense(ctx, second, market.LicenseReady))
		require.EqualValues(t, 1, given(first))
		return nil
	}))
}
