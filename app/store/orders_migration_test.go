package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/migrations"
)

// What was bought before orders had a row at once gets one: it says whether the order
// is still asked for, and its task names it.
func TestOrdersOfBeforeGetTheirRows(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ch := storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	for _, order := range []string{"CSASKED", "CSFAILED", "CSGONE", "CSKNOWN", "CSLOST", "CSKEPT"} {
		_, err := s.TakePurchase(ctx, purchase(ch.ID, order, "b-"+order, time.Now()))
		require.NoError(t, err)
	}
	exec(t, db, `UPDATE tasks SET status = 'failed', last_error = '{"code":"unavailable","key":"order_query.timeout"}' WHERE order_id = 'CSFAILED'`)
	exec(t, db, `UPDATE tasks SET status = 'cancelled' WHERE order_id = 'CSGONE'`)
	exec(t, db, `UPDATE tasks SET status = 'succeeded' WHERE order_id IN ('CSKNOWN', 'CSKEPT')`)
	exec(t, db, `UPDATE instances SET order_known_at = now() WHERE order_id IN ('CSKNOWN', 'CSKEPT')`)
	exec(t, db, `DELETE FROM tasks WHERE order_id = 'CSLOST'`)
	exec(t, db, `UPDATE orders SET state = 'known', product_name = 'X' WHERE order_id = 'CSKEPT'`)
	exec(t, db, `INSERT INTO tasks (kind, purpose, instance_pk, order_id, order_line_id, unique_key)
		SELECT 'order_query', 'upgrade', id, 'CSMORE', 'CSMORE-000001', 'more' FROM instances WHERE order_id = 'CSKNOWN'`)
	for v := int64(0); v != 96; {
		var err error
		v, err = migrations.Down(ctx, db)
		require.NoError(t, err)
	}
	require.Equal(t, "CSKEPT", text(t, db, `SELECT string_agg(order_id, ' ') FROM orders`), "what is known stays")
	exec(t, db, `DELETE FROM orders WHERE order_id <> 'CSKEPT'`)
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "CSASKED pending t, CSFAILED failed order_query.timeout t, CSGONE failed t, CSKEPT known, CSKNOWN known, CSLOST failed, CSMORE pending t",
		text(t, db, `SELECT string_agg(concat_ws(' ', o.order_id, o.state, o.last_error ->> 'key', (SELECT 't' FROM tasks t WHERE t.order_pk = o.id AND t.order_id = o.order_id)), ', ' ORDER BY o.order_id) FROM orders o`))
	require.Equal(t, "X", text(t, db, `SELECT product_name FROM orders WHERE order_id = 'CSKEPT'`))
}

// The way back takes away only the rows that nothing but a purchase asked for: what
// KooGallery told by a notice, and was told that it is taken, is still worked at.
func TestTheWayBackKeepsNotices(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ch := storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	for _, order := range []string{"CS1", "CS2"} {
		_, err := s.TakePurchase(ctx, purchase(ch.ID, order, "b-"+order, time.Now()))
		require.NoError(t, err)
	}
	line := text(t, db, `SELECT order_line_id FROM orders WHERE order_id = 'CS1'`)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.NoticeOrder(ctx, ch.ID, "CS1", line, time.Now())
		return err
	}))
	exec(t, db, `INSERT INTO tasks (kind, unique_key, order_pk) SELECT 'order_notice', 'n', id FROM orders WHERE order_id = 'CS1'`)
	back(t, db, 96)
	require.Equal(t, "CS1 notice pending 1 order_notice", text(t, db, `SELECT string_agg(concat_ws(' ', o.order_id, o.source, o.state, o.notices, t.kind), ',') FROM orders o LEFT JOIN tasks t ON t.order_pk = o.id`))
	_, err := migrations.Up(ctx, db)
	require.NoError(t, err)
	require.Equal(t, "CS1 notice pending 1 order_notice,CS1 notice pending 1 order_query,CS2 instance pending 0 order_query",
		text(t, db, `SELECT string_agg(concat_ws(' ', o.order_id, o.source, o.state, o.notices, t.kind), ',' ORDER BY o.order_id, t.kind) FROM orders o LEFT JOIN tasks t ON t.order_pk = o.id`))
}
