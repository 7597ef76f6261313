// Package contenttest has what the tests of both generations say of the content of
// their calls.
package contenttest

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// Alike decodes a call with each of the spellings of one field. Two of them have the
// same hash if and only if they were understood as the same, which understood tells:
// a call without what may differ between its arrivals. They differ in this field
// alone.
func Alike(t *testing.T, field string, spellings []string, decode func(text string) (market.Call, error), understood func(market.Call) market.Call) {
	t.Helper()
	var calls []market.Call
	var texts []string
	for _, text := range spellings {
		if c, err := decode(text); err == nil {
			calls, texts = append(calls, c), append(texts, text)
		} else {
			require.Nil(t, c.Content, "of what was not understood its spelling counts")
		}
	}
	require.Greater(t, len(calls), 1)
	for i, a := range calls {
		for k, b := range calls {
			same := reflect.DeepEqual(understood(a), understood(b))
			require.Equal(t, same, bytes.Equal(a.ContentHash, b.ContentHash), "%q %q", texts[i], texts[k])
			for n, f := range a.Content {
				require.Equal(t, same || f.Name != field, f == b.Content[n], "%s: %q %q", f.Name, texts[i], texts[k])
			}
		}
	}
}
