package store_test

import (
	"context"
	"database/sql/driver"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A statement that PostgreSQL takes for costly is not compiled first, unless the URL
// asks for it. The URL itself is passed on as it is: what PgBouncer does not know it refuses.
func TestStatementsAreNotCompiled(t *testing.T) {
	t.Parallel()
	url := storetest.URL(t)
	for suffix, want := range map[string]string{"": "off", "&jit=on": "on"} {
		s, err := store.Open(context.Background(), url+suffix, storetest.Keys(t), store.Options{Connect: func(given string) (driver.Connector, error) {
			require.Equal(t, url+suffix, given)
			return storetest.Connect(given)
		}})
		require.NoError(t, err)
		require.Equal(t, want, text(t, s.SQL(), `SHOW jit`))
		require.NoError(t, s.Close())
	}
}
