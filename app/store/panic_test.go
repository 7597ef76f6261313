package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// A transaction whose work panics is undone, and gives its connection back: whoever
// catches the panic goes on with the same store.
func TestAPanicEndsItsTransaction(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	require.PanicsWithValue(t, "in the middle", func() {
		_ = s.Write(context.Background(), func(*store.Tx) error { panic("in the middle") })
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, s.Write(ctx, func(*store.Tx) error { return nil }))
}
