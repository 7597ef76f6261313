package market_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// FuzzStamp: what is read as a time is written as the digits that were read.
func FuzzStamp(f *testing.F) {
	for _, s := range []string{"20221124023618", "20221124023618256", " 20240229235959 ", "20230229000000", "00000101000000", "2022112402361x", "２０２２1124023618", ""} {
		f.Add(s)
	}
	shanghai := time.FixedZone("CST", 8*60*60)
	f.Fuzz(func(t *testing.T, s string) {
		at, err := market.ParseStamp(s, shanghai)
		if err != nil {
			require.Zero(t, at)
			return
		}
		require.Equal(t, time.UTC, at.Location())
		require.Contains(t, s, market.FormatStamp(at, shanghai))
	})
}
