package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// Polls that are known when the instances behind the first begin to be noted: what
// lacked access data does still, and of those of several the answers that nobody
// could tell the owners of are emptied, and nothing else.
func TestPollsFromBeforeTheirInstancesWereNoted(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	for v := int64(0); v != 89; {
		var err error
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	const digest = `encode(sha256('i1,i2'), 'hex')`
	exec(t, db, `
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, result_code, instance_id, first_received_at, last_received_at)
VALUES (1, 'v2', 'queryInstance', FALSE, 'queryInstance/i1', 'succeeded', '000004', 'i1', now(), now()),
       (1, 'v2', 'queryInstance', FALSE, 'queryInstance/' || `+digest+`, 'succeeded', '000000', 'i1', now(), now()),
       (1, 'v1', 'queryInstance', FALSE, 'v1/queryInstance/' || `+digest+`, 'succeeded', '000000', 'i1', now(), now()),
       (1, 'v2', 'queryInstance', FALSE, 'queryInstance/' || repeat('a1', 32), 'succeeded', '000000', repeat('a1', 32), now(), now()),
       (1, 'v2', 'queryInstance', TRUE, 'queryInstance/' || `+digest+`, 'succeeded', '000004', 'i1', now(), now())`)
	exec(t, db, `
INSERT INTO attempts (message_id, at, source, disposition, request_sealed, response, response_sealed)
SELECT id, now(), 'marketplace', 'new', '\x01', CASE WHEN k = 1 THEN '{}' END, CASE WHEN k = 2 THEN '\x02'::bytea END FROM messages, generate_series(1, 2) AS k`)
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "1", text(t, db, `SELECT string_agg(id::text, ' ') FROM messages WHERE lacked_at IS NOT NULL`))
	require.Equal(t, "2 3", text(t, db, `SELECT string_agg(message_id::text, ' ' ORDER BY message_id) FROM attempts WHERE emptied_at IS NOT NULL AND response_sealed IS NULL AND request_sealed IS NOT NULL`))
	require.Equal(t, "1 4 5", text(t, db, `SELECT string_agg(message_id::text, ' ' ORDER BY message_id) FROM attempts WHERE response_sealed IS NOT NULL AND emptied_at IS NULL`))
	require.Equal(t, "5", text(t, db, `SELECT count(*) FROM attempts WHERE response IS NOT NULL`))
}
