package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// What a caller named a field, which may be anything, is not kept beyond its call;
// which field of ours it is about stays.
func TestGroupsFromBeforeTheCallersWordsWereLeftOut(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx, db := context.Background(), s.SQL()
	for v := int64(0); v != 111; {
		var err error
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	exec(t, db, `
INSERT INTO failure_groups (fingerprint, step, of_tasks, error)
SELECT key, 'newInstance', FALSE, jsonb_build_object('code', 'invalid', 'key', key, 'args', jsonb_build_object('field', 'Ann=1'))
  FROM unnest(ARRAY['call.query_format', 'call.duplicate_key', 'call.field_format']) AS key`)
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "call.duplicate_key … call.field_format Ann=1 call.query_format …",
		text(t, db, `SELECT string_agg(concat_ws(' ', error ->> 'key', error #>> '{args,field}'), ' ' ORDER BY error ->> 'key') FROM failure_groups`))
}
