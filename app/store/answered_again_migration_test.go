package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// Polls that a person had answered again before it was told apart from an answer to
// the marketplace are back, if the marketplace has not asked since.
func TestPollsThatWereAnsweredAgainBefore(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	for v := int64(107); v >= 107; {
		var err error
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	exec(t, db, `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, url_seen_at)
SELECT 1, id, id, id, id, 'active', CASE WHEN id = 'seen' THEN now() END FROM unnest(ARRAY['repaired', 'seen', 'told', 'asked', 'lacks']) AS id`)
	exec(t, db, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, instance_id, attempts, first_received_at, last_received_at, lacked_at)
SELECT 1, 'v2', 'queryInstance', instance_id, 'succeeded', '000000', instance_id, 2, now() - interval '3 h', now() - interval '2 h', CASE WHEN instance_id = 'lacks' THEN now() - interval '2 h' END
  FROM instances`)
	exec(t, db, `
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT m.id, now() - interval '2 h', 'marketplace', 'new', CASE WHEN instance_id = 'told' THEN '000000' ELSE '000004' END FROM messages m`)
	exec(t, db, `
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT m.id, now() - CASE WHEN instance_id = 'asked' THEN interval '150 min' ELSE interval '1 h' END, 'operator', 'restart', '000000' FROM messages m WHERE instance_id <> 'lacks'`)
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "lacks, repaired again", text(t, db, `
SELECT string_agg(instance_id || CASE WHEN answered_again_at > last_received_at THEN ' again' ELSE '' END, ', ' ORDER BY instance_id)
  FROM messages
 WHERE lacked_at = last_received_at`))
}
