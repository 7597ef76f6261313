package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// replaced seeds a message whose first delivery was refused and whose second is
// the fall-back, and an instance for each way in which a failed notice may have
// become untrue.
const replaced = `
WITH i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, expires_at)
    SELECT 1, v.id, v.id, v.id, v.id, v.status, now() + interval '5 days'
      FROM (VALUES ('one', 'active'), ('gone', 'released'), ('cold', 'frozen')) AS v (id, status)
    RETURNING id, instance_id, expires_at
), m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, order_line_id, instance_id, attempts, first_received_at, last_received_at)
    VALUES (1, 'v2', 'newInstance', 'key', 'succeeded', '000000', 'one', 'one', 'one', 1, now(), now())
    RETURNING id
)
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, about_expiry)
SELECT 1, i.id, CASE WHEN v.key = 'refused' THEN m.id END, v.kind, v.medium, 'en', '\x00', '', 'failed', v.key, v.key,
       CASE v.key WHEN 'old' THEN i.expires_at - interval '1 day' WHEN 'new' THEN i.expires_at END
  FROM m, i
  JOIN (VALUES ('one', 'refused', 'usage_info', 'sms'), ('one', 'thawed', 'frozen', 'email'), ('one', 'old', 'expiry_notice', 'email'),
               ('one', 'new', 'renewed', 'email'), ('gone', 'late', 'usage_info', 'email'), ('gone', 'end', 'released', 'email'),
               ('cold', 'cold', 'frozen', 'email'), ('cold', 'warm', 'unfrozen', 'email')) AS v (instance, key, kind, medium) ON v.instance = i.instance_id`

func TestWhatAFallBackTookThePlaceOfNeedsNobody(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	exec := func(q string) {
		t.Helper()
		_, err := s.SQL().Exec(q)
		require.NoError(t, err)
	}
	exec(replaced)
	needs := func() int {
		t.Helper()
		n, err := s.Reader().NeedDeliveries(ctx)
		require.NoError(t, err)
		return n.Count.N
	}
	told := func() (keys []string) {
		t.Helper()
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
			again, err := tx.DeliveriesOfMessage(ctx, 1)
			for _, id := range again.IDs {
				var key string
				require.NoError(t, s.SQL().QueryRow(`SELECT unique_key FROM deliveries WHERE id = $1`, id).Scan(&key))
				keys = append(keys, key)
			}
			return err
		}))
		return keys
	}
	set := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{1}}
	require.Equal(t, 4, needs(), "the refused SMS, the renewal, the release and the freezing: what still holds")
	require.Equal(t, []string{"refused"}, told())

	exec(`
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
SELECT channel_id, instance_pk, message_id, kind, 'email', 'en', '\x00', '', 'succeeded', 'fall-back', 'fall-back', id
  FROM deliveries
 WHERE unique_key = 'refused'`)
	require.Equal(t, 3, needs(), "the customer has been told")
	require.Equal(t, []string{"fall-back"}, told(), "each customer once")
	p, err := s.Reader().RestartPreview(ctx, set)
	require.NoError(t, err)
	require.Equal(t, []int{1, 0}, []int{p.Mails, p.SMS})
	exec(`UPDATE deliveries SET status = 'failed' WHERE unique_key = 'fall-back'`)
	require.Equal(t, 4, needs(), "not even by the other medium")
	exec(`UPDATE deliveries SET status = 'cancelled' WHERE unique_key = 'fall-back'`)
	require.Equal(t, []string{"refused"}, told())
	for _, gone := range []string{`UPDATE instances SET status = 'released' WHERE instance_id = 'one'`,
		`UPDATE deliveries SET to_sealed = '' WHERE unique_key = 'refused'; UPDATE instances SET status = 'active' WHERE instance_id = 'one'`} {
		exec(gone)
		require.Empty(t, told(), gone)
		p, err = s.Reader().RestartPreview(ctx, set)
		require.NoError(t, err)
		require.Equal(t, map[string]int{"restart.nothing_told": 1}, p.Refused, "what is previewed is what happens")
		require.Zero(t, p.Mails+p.SMS)
	}
}

// A notice that was given up and is not so any more asks nobody: its group resolves.
func TestANoticeThatIsNotSoAnyMoreLeavesItsGroup(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	exec(t, s.SQL(), replaced+`; UPDATE deliveries SET last_error = '{"code":"refused","key":"mail.recipient_refused"}'`)
	exec(t, s.SQL(), `INSERT INTO tasks (kind, status, unique_key, delivery_id, instance_pk, last_error)
SELECT 'notice', 'failed', unique_key, id, instance_pk, last_error FROM deliveries WHERE unique_key IN ('thawed', 'cold')`)
	inGroup := func() string {
		require.NoError(t, s.SettleFailures(t.Context()))
		return text(t, s.SQL(), `SELECT COALESCE(string_agg(unique_key, ' ' ORDER BY id), '') FROM tasks WHERE failure_group > 0`)
	}
	require.Equal(t, "cold", inGroup(), "that an instance was frozen which is in use again")
	exec(t, s.SQL(), `UPDATE instances SET status = 'active'`)
	require.Empty(t, inGroup())
	require.Equal(t, "0", text(t, s.SQL(), `SELECT count(*) FROM failure_groups WHERE resolved_at IS NULL`))
}

// A bounce that comes when the customer is erased needs nobody: there is no address to
// send anything to.
func TestABounceOfWhatWasErasedNeedsNobody(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	ctx, db := context.Background(), s.SQL()
	exec(t, db, `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, released_at, erased_at)
VALUES (1, 'i', 'CS1', 'CS1-1', 'b', 'released', now(), now())`)
	exec(t, db, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
SELECT 1, 1, 'released', 'email', 'en', to_sealed, '', 'succeeded', n::text, n::text FROM (VALUES (1, '\x'::bytea), (2, '\x01')) v (n, to_sealed) ORDER BY n`)
	var needs, alerts []string
	for id := range int64(2) {
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
			err := tx.SetDeliveryOutcome(ctx, id+1, "failed", "bounced", "550", "", time.Now(), fault.New(fault.Refused, "delivery.bounced", "code", "550"))
			if err != nil {
				return err
			}
			return tx.OpenAlerts(ctx, market.AlertDelivery)
		}))
		need, err := s.Reader().NeedDeliveries(ctx)
		require.NoError(t, err)
		needs, alerts = append(needs, need.Key), append(alerts, text(t, db, `SELECT COALESCE(string_agg(subject, ','), '') FROM alerts`))
	}
	require.Equal(t, []string{"", "2"}, needs)
	require.Equal(t, []string{"", "2"}, alerts)
}
