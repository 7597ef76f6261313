package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A statement that PostgreSQL takes for costly is not compiled first, unless the URL
// asks for it.
func TestStatementsAreNotCompiled(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	for suffix, want := range map[string]string{"": "off", "&jit=on": "on"} {
		s, err := store.Open(context.Background(), url+suffix, storetest.Keys(t), store.Options{})
		require.NoError(t, err)
		require.Equal(t, want, text(t, s.SQL(), `SHOW jit`))
		require.NoError(t, s.Close())
	}
}
