package storetest

import (
	"context"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// Fill runs statements that write many rows into a database that is the test's
// alone (Fresh), and takes its statistics. Indexes, triggers and foreign keys rest
// meanwhile, and each index is built once at the end, which takes a tenth of the
// time: no statement may rely on them. Each statement gets all the arguments.
func Fill(t testing.TB, s *store.Store, statements []string, args ...any) {
	t.Helper()
	ctx := context.Background()
	conn, err := s.SQL().Conn(ctx)
	require.NoError(t, err)
	defer conn.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		_, err := conn.ExecContext(ctx, statement, args...)
		require.NoError(t, err, statement)
	}
	exec(`SET session_replication_role = replica`)
	exec(rest)
	for _, statement := range statements {
		exec(statement, args...)
	}
	var filled []string
	require.NoError(t, conn.QueryRowContext(ctx, awake).Scan(pq.Array(&filled)))
	for _, table := range filled {
		exec(`REINDEX TABLE ` + table)
	}
	exec(`RESET session_replication_role`)
	exec(`ANALYZE`)
}

// rest takes the indexes out of use: neither written nor read.
const rest = `
UPDATE pg_index SET indisready = false, indisvalid = false
 WHERE indrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)`

// awake puts the indexes of tables that stayed empty back into use, and names the
// other tables, whose indexes REINDEX puts back.
const awake = `
WITH empty AS (
    UPDATE pg_index SET indisready = true, indisvalid = true
     WHERE NOT indisready
       AND pg_relation_size(indrelid) = 0
)
SELECT COALESCE(array_agg(DISTINCT indrelid::regclass::text), '{}')
  FROM pg_index
 WHERE NOT indisready
   AND pg_relation_size(indrelid) > 0`
