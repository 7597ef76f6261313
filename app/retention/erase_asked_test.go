package retention_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/retention"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Who asked for an erasure, and why, is kept also where all of it is still under way,
// so that the hourly run does the rest.
func TestAnErasureThatIsAllUnderWayIsRecorded(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, order_line_id, first_received_at, last_received_at) VALUES (1, 'order-notice', 'orderNotify', 'notice', 'processing', 'CS7', 'CS7-1', now(), now())`)
	b.exec(`INSERT INTO attempts (message_id, at, source, disposition, request_sealed) SELECT id, now(), 'marketplace', 'new', '\x01' FROM messages`)
	by, ctx := staff.CLI(), context.Background()
	by.Reason = "a letter of Ann's"
	k := retention.New(retention.Options{Store: b.s})
	q := retention.Request{Channel: "default", Whose: store.Whose{Order: "CS7"}, DryRun: true}
	under := store.ErasureLeft{Messages: 1}
	dry, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, retention.Result{Left: under}, dry)
	q.DryRun = false
	asked, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, retention.Result{Record: 1, At: asked.At, Left: under}, asked)
	require.Equal(t, []int64{1}, b.ids(`SELECT id FROM erasures WHERE reason = 'a letter of Ann''s' AND actor = 'cli'`))
	require.Equal(t, []int64{1}, b.ids(`SELECT count(*) FROM audit WHERE action = 'customer.erased' AND target = 'erasure/1' AND reason = 'a letter of Ann''s'`))

	b.exec(`UPDATE messages SET status = 'succeeded'`)
	b.run(retention.Days{})
	require.Empty(t, b.ids(`SELECT id FROM attempts WHERE request_sealed IS NOT NULL`))
	done, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, retention.Result{Record: asked.Record, At: asked.At, Before: true}, done, "it was asked for then")
}
