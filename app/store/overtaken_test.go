package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// When a call was applied is filled in for what is there already.
func TestWhenACallWasAppliedIsFilledIn(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	back(t, s.SQL(), 91)
	exec(t, s.SQL(), `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, attempts, first_received_at, last_received_at)
SELECT 1, 'v2', activity, n::text, 'succeeded', code, attempts, '2026-01-01 00:00Z', '2026-01-01 09:00Z'
  FROM (VALUES (1, 'refreshInstance', '000000', 3), (2, 'updateInstanceStatus', '000000', 4), (3, 'refreshInstance', '000000', 1), (4, 'refreshInstance', '000003', 2),
               (5, 'refreshInstance', '000000', 2), (6, 'updateInstanceStatus', '000000', 2), (7, 'newInstance', '000000', 2)) v (n, activity, code, attempts)
 ORDER BY n`)
	exec(t, s.SQL(), `
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT m, '2026-01-01 00:00Z'::timestamptz + hour * interval '1 hour', source, disposition, code
  FROM (VALUES (1, 0, 'marketplace', 'new', '000003'), (1, 3, 'marketplace', 'applied', '000000'), (1, 9, 'marketplace', 'repeat', '000000'),
               (2, 0, 'marketplace', 'new', '000000'), (2, 4, 'marketplace', 'applied', '000000'), (2, 5, 'operator', 'restart', '000000'), (2, 9, 'marketplace', 'repeat', '000000'),
               (7, 0, 'marketplace', 'new', '000000')) v (m, hour, source, disposition, code)`)
	_, err := migrations.Up(context.Background(), s.SQL())
	require.NoError(t, err)
	require.Equal(t, "3 4 - - - 9 -", text(t, s.SQL(), `SELECT string_agg(COALESCE(extract(hour FROM applied_at AT TIME ZONE 'UTC')::text, '-'), ' ' ORDER BY id) FROM messages`))
}
