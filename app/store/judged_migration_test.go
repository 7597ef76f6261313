package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// Failed messages that were noted as judged, whether they could be or not, are judged
// once more as long as their group is open; all others keep their note.
func TestMessagesFromBeforeItWasNotedThatTheyCouldNotBeJudged(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	for v := int64(0); v != 116; {
		var err error
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	exec(t, db, `
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error, resolved_at)
VALUES ('open', 1, 'refreshInstance', FALSE, '{}', NULL), ('resolved', 1, 'refreshInstance', FALSE, '{}', now())`)
	exec(t, db, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, instance_id, first_received_at, last_received_at, failure_group, judged_at)
SELECT 1, 'v2', 'refreshInstance', k::text, 'failed', '000005', 'i' || k, now(), now(), k, now()
  FROM generate_series(0, 2) AS k`)
	noted := `SELECT string_agg(failure_group::text, ' ' ORDER BY failure_group) FROM messages WHERE judged_at IS NOT NULL`
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "0 2", text(t, db, noted))
	exec(t, db, `UPDATE messages SET judged_at = '-infinity' WHERE failure_group = 1`)
	for v := int64(0); v != 116; {
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	require.Equal(t, "0 2", text(t, db, noted), "what could not be judged was never noted")
}

// Failed messages that could not be judged take their turn, from the first on.
func TestMessagesFromBeforeThoseThatCouldNotBeJudgedTookTurns(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	back(t, db, 126)
	exec(t, db, `
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error, resolved_at)
VALUES ('open', 1, 'refreshInstance', FALSE, '{}', NULL), ('resolved', 1, 'refreshInstance', FALSE, '{}', now())`)
	exec(t, db, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, instance_id, first_received_at, last_received_at, failure_group, judged_at)
SELECT 1, 'v2', 'refreshInstance', k::text || at, 'failed', '000005', 'i' || k, now(), now(), k, at::timestamptz
  FROM generate_series(0, 2) AS k, unnest(ARRAY['-infinity', '2026-01-01 00:00Z']) AS at`)
	could := `SELECT string_agg(failure_group::text, ' ' ORDER BY failure_group) FROM messages WHERE judged_at = '-infinity'`
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "0 2", text(t, db, could))
	require.Equal(t, "1", text(t, db, `SELECT string_agg(failure_group::text, ' ') FROM messages WHERE unjudged_at = '-infinity' AND judged_at IS NULL`))
	back(t, db, 126)
	require.Equal(t, "0 1 2", text(t, db, could))
}
