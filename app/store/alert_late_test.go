package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// A customer who could not be told is an alert when that is known, however long ago the
// message was written: it was sent again, or came back late. What failed long ago is none.
func TestALateFailureToTellIsAnAlert(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	exec(t, db, `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status)
VALUES (1, 'i', 'CS1', 'CS1-1', 'b', 'active')`)
	exec(t, db, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, created_at, outcome_at)
SELECT 1, 1, 'usage_info', 'email', 'en', '\x01', '', 'failed', key, key, now() - interval '4 days', CASE key WHEN 'came back' THEN now() END
  FROM unnest(ARRAY['long ago', 'sent again', 'came back']) AS key
 ORDER BY key`)
	exec(t, db, `
INSERT INTO tasks (kind, purpose, status, unique_key, delivery_id, instance_pk, last_error, finished_at)
SELECT 'deliver', 'usage_info', CASE unique_key WHEN 'came back' THEN 'succeeded' ELSE 'failed' END, unique_key, id, 1, '{"code":"internal","key":"internal"}',
       CASE unique_key WHEN 'sent again' THEN now() ELSE now() - interval '4 days' END
  FROM deliveries`)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error { return tx.OpenAlerts(ctx, market.AlertDelivery) }))
	require.Equal(t, "came back, sent again", text(t, db, `SELECT string_agg(d.unique_key, ', ' ORDER BY d.unique_key) FROM alerts a JOIN deliveries d ON d.id::text = a.subject`))
}
