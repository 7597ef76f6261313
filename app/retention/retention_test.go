package retention_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/retention"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

type bench struct {
	t *testing.T
	s *store.Store
}

func open(t *testing.T) bench {
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	storetest.Channel(t, s, "other", "")
	return bench{t, s}
}

func (b bench) exec(query string, args ...any) {
	b.t.Helper()
	_, err := b.s.SQL().Exec(query, args...)
	require.NoError(b.t, err)
}

func (b bench) ids(query string, args ...any) []int64 {
	b.t.Helper()
	rows, err := b.s.SQL().Query(query, args...)
	require.NoError(b.t, err)
	defer rows.Close()
	out := []int64{}
	for rows.Next() {
		var id int64
		require.NoError(b.t, rows.Scan(&id))
		out = append(out, id)
	}
	require.NoError(b.t, rows.Err())
	return out
}

func (b bench) run(d retention.Days) {
	b.t.Helper()
	require.NoError(b.t, retention.New(retention.Options{Store: b.s, Days: d}).Run(context.Background()))
}

// messages: 1 done, 2 processing, 3 failed, 4 a failed debugging call, 5 done but
// with a content in quarantine, 6 and 7 rejected, the latter lately.
func (b bench) messages() {
	b.t.Helper()
	b.exec(`
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, content_hash, status, attempts, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', n = 4, 'key-' || n, '\x01', (ARRAY['succeeded','processing','failed','failed','succeeded','rejected','rejected'])[n], 3,
       now() - interval '100 days', now() - CASE WHEN n = 7 THEN 1 ELSE 100 END * interval '1 day'
  FROM generate_series(1, 7) AS n`)
	b.exec(`
INSERT INTO attempts (message_id, at, source, disposition, request_sealed, response, part)
SELECT m, now() - CASE WHEN n = 3 THEN 1 ELSE 100 END * interval '1 day', 'marketplace', 'repeat', $1, '{}', 'before'
  FROM generate_series(1, 3) AS n, generate_series(1, 7) AS m
 ORDER BY n, m`, b.s.Keys().Seal(seal.Payload, []byte("POST")))
	b.exec(`
INSERT INTO quarantine (message_id, content_hash, attempt_id, first_at, last_at)
VALUES (5, '\x02', 12, now(), now())`)
}

func TestPayloadsGoOnceTheirMessageIsClosed(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.messages()
	const full = `SELECT id FROM attempts WHERE request_sealed IS NOT NULL AND response IS NOT NULL AND emptied_at IS NULL ORDER BY id`
	b.run(retention.Days{})
	require.Len(t, b.ids(full), 21, "0 keeps for ever")
	for range 2 {
		b.run(retention.Days{Payloads: 90})
		require.Equal(t, []int64{2, 3, 5, 9, 10, 12, 15, 16, 17, 18, 19, 20, 21}, b.ids(full), "open ones and young ones stay")
		require.Equal(t, []int64{2, 3, 5, 9, 10, 12}, b.ids(`SELECT id FROM retention_held WHERE kind = 'payloads' ORDER BY id`))
	}
	require.Equal(t, []int64{8}, b.ids(`SELECT done FROM retention WHERE kind = 'payloads'`))
	page, err := b.s.Reader().AttemptList(context.Background(), 1, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, []int{0, 100, 100}, []int{page.Items[0].KeptDays, page.Items[1].KeptDays, page.Items[2].KeptDays})

	b.exec(`UPDATE messages SET failure_group = 0 WHERE id IN (2, 3) AND status = 'failed'`) // a person closed its group
	b.exec(`UPDATE messages SET status = 'succeeded' WHERE id IN (2, 3) AND status = 'processing'`)
	b.exec(`UPDATE quarantine SET status = 'refused'`)
	b.run(retention.Days{Payloads: 90})
	require.Equal(t, []int64{15, 16, 17, 18, 19, 20, 21}, b.ids(full), "what was passed over goes when it is closed")
	require.Empty(t, b.ids(`SELECT id FROM retention_held WHERE kind = 'payloads'`))
	require.Len(t, b.ids(`SELECT id FROM messages WHERE content_hash IS NOT NULL`), 7, "what makes a call known again stays")
}

func TestAttemptsAndRejectedCallsGo(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.messages()
	b.exec(`DELETE FROM attempts WHERE message_id = 4 AND id > 7`)
	b.exec(`INSERT INTO tasks (kind, status, unique_key) VALUES ('order_query', 'succeeded', 'a'), ('order_query', 'failed', 'b')`)
	b.exec(`INSERT INTO task_attempts (task_id, round, number, at, outcome, part) SELECT k, 0, n, now() - interval '100 days', 'failed', 'before' FROM generate_series(1, 2) AS k, generate_series(1, 2) AS n`)
	b.run(retention.Days{Attempts: 90, Rejected: 90})
	require.Equal(t, []int64{2, 3, 4, 5, 9, 10, 12, 15, 16, 17, 19, 21}, b.ids(`SELECT id FROM attempts ORDER BY id`),
		"the last thing that KooGallery was told stays, however old; so do open ones")
	require.Equal(t, []int64{1, 2, 3, 4, 5, 7}, b.ids(`SELECT id FROM messages ORDER BY id`))
	require.Equal(t, []int64{2, 2}, b.ids(`SELECT task_id FROM task_attempts`))
}

func (b bench) instances() {
	b.t.Helper()
	k := b.s.Keys()
	person := k.SealString(seal.Customer, "Ann")
	b.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, customer_id, customer_name, real_name_sealed, email_sealed, email_bidx,
                       phone_sealed, phone_bidx, order_sealed, params_sealed, access_sealed, password_sealed, usage_sealed, front_end_url, user_name, memo, released_at)
SELECT CASE WHEN n = 4 THEN 2 ELSE 1 END, 'i-' || n, 'CS' || n, 'CS' || n || '-1', 'b', CASE WHEN n = 3 THEN 'active' ELSE 'released' END,
       CASE WHEN n = 5 THEN 'bob' ELSE 'ann' END, 'Ann', $1, $1, '\x01', $1, '\x02', $1, $1, $1, $1, $1, 'https://a.example.com', 'ann', 'memo',
       CASE WHEN n <> 3 THEN now() - n * interval '10 days' END
  FROM generate_series(1, 5) AS n`, person)
	b.exec(`
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, customer_id, customer_name, real_name_sealed, email_bidx, answer_sealed, facts_sealed)
SELECT channel_id, order_id, order_line_id, 'instance', 'known', customer_id, 'Ann', $1, '\x01', $1, $1 FROM instances ORDER BY id`, person)
	b.exec(`INSERT INTO instance_orders (instance_pk, order_pk, purpose) SELECT id, id, 'purchase' FROM instances`)
	b.exec(`
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, content_sealed, status, last_error, message_ref, unique_key)
SELECT channel_id, id, 'usage_info', 'email', 'en', $1, 'a•••@b', $2, 'succeeded', '{"code":"internal","key":"internal","detail":"ann@b"}', 'ref-' || id, 'key-' || id
  FROM instances ORDER BY id`, person, k.Seal(seal.Content, []byte(`{"subject":"Hello Ann","text":"Hello Ann"}`)))
	b.exec(`
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, instance_pk, payload_sealed, status)
SELECT channel_id, 'instance.activated', 'msg-' || id, 'key-' || id, false, '', id, $1, 'succeeded' FROM instances ORDER BY id`, k.Seal(seal.Payload, []byte(`{"name":"Ann"}`)))
	b.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, instance_id, first_received_at, last_received_at)
SELECT channel_id, 'v2', 'newInstance', 'key-' || id, 'succeeded', instance_id, now(), now() FROM instances ORDER BY id`)
	b.exec(`INSERT INTO attempts (message_id, at, source, disposition, request_sealed) SELECT id, now(), 'marketplace', 'new', $1 FROM messages ORDER BY id`, k.Seal(seal.Payload, []byte("Ann")))
}

// holding are the instances of which something personal is still held, in whatever
// table.
func (b bench) holding() map[string][]int64 {
	b.t.Helper()
	return map[string][]int64{
		"instances": b.ids(`
SELECT id FROM instances
 WHERE erased_at IS NULL OR customer_name <> '' OR COALESCE(real_name_sealed, email_sealed, email_bidx, phone_sealed, phone_bidx, order_sealed, params_sealed, access_sealed, password_sealed, usage_sealed) IS NOT NULL
    OR front_end_url || user_name || memo <> '' ORDER BY id`),
		"orders":     b.ids(`SELECT id FROM orders WHERE erased_at IS NULL OR customer_name <> '' OR COALESCE(real_name_sealed, email_bidx, answer_sealed, facts_sealed) IS NOT NULL ORDER BY id`),
		"deliveries": b.ids(`SELECT id FROM deliveries WHERE to_sealed <> '' OR to_mask <> '' OR content_sealed IS NOT NULL OR last_error IS NOT NULL ORDER BY id`),
		"events":     b.ids(`SELECT id FROM events WHERE payload_sealed IS NOT NULL ORDER BY id`),
		"attempts":   b.ids(`SELECT id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY id`),
	}
}

func all(ids ...int64) map[string][]int64 {
	return map[string][]int64{"instances": ids, "orders": ids, "deliveries": ids, "events": ids, "attempts": ids}
}

func TestPersonalDataGoesSoLongAfterTheRelease(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.instances()
	b.run(retention.Days{Personal: 35})
	require.Equal(t, all(1, 2, 3), b.holding(), "released 10 and 20 days ago, and in use")
	require.Equal(t, []int64{1}, b.ids(`SELECT count(*) FROM audit WHERE action = 'personal_data.erased' AND detail ->> 'instances' = '2' AND detail ->> 'days' = '35'`))
	b.run(retention.Days{Personal: 35})
	require.Equal(t, []int64{1}, b.ids(`SELECT count(*) FROM audit`), "nothing to do leaves no trace")
	require.Len(t, b.ids(`SELECT id FROM instances WHERE order_id <> '' AND customer_id <> '' AND status <> ''`), 5)
	i, err := b.s.Reader().InstanceDetail(context.Background(), "i-5")
	require.NoError(t, err)
	require.False(t, i.ErasedAt.IsZero())
	_, err = b.s.Reader().OrderDetail(context.Background(), 5)
	require.NoError(t, err)
	_, err = b.s.Reader().DeliveryDetail(context.Background(), 5)
	require.NoError(t, err)
	e, err := b.s.Reader().EventDetail(context.Background(), 5)
	require.NoError(t, err)
	require.Equal(t, "", e.Payload)
	require.False(t, e.EmptiedAt.IsZero())
}

func TestDeliveriesEventsAndAlertsGo(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.instances()
	b.exec(`UPDATE deliveries SET created_at = now() - interval '100 days', status = CASE WHEN id = 2 THEN 'failed' ELSE status END WHERE id < 4`)
	b.exec(`UPDATE events SET created_at = now() - interval '100 days', status = CASE WHEN id = 2 THEN 'failed' ELSE status END WHERE id < 4`)
	b.exec(`INSERT INTO alerts (kind, subject, severity, opened_at, cleared_at) SELECT 'k', n::text, 1, now() - interval '100 days', CASE WHEN n > 1 THEN now() - n * interval '45 days' END FROM generate_series(1, 3) AS n`)
	b.run(retention.Days{Deliveries: 90, Events: 90, Alerts: 91})
	require.Equal(t, []int64{2, 4, 5}, b.ids(`SELECT id FROM deliveries WHERE content_sealed IS NOT NULL AND emptied_at IS NULL ORDER BY id`))
	require.Equal(t, []int64{2, 4, 5}, b.ids(`SELECT id FROM events WHERE payload_sealed IS NOT NULL AND emptied_at IS NULL ORDER BY id`))
	require.Equal(t, []int64{1, 2}, b.ids(`SELECT id FROM alerts ORDER BY id`), "since when it is over counts")
	require.Len(t, b.ids(`SELECT id FROM deliveries WHERE to_sealed <> ''`), 5, "to whom it went is known until that is erased")
}

func TestACustomerIsErasedOnRequest(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.instances()
	b.exec(`UPDATE attempts SET part = CASE id WHEN 1 THEN 'kept' WHEN 2 THEN 'before' ELSE part END`)
	ctx := context.Background()
	k := retention.New(retention.Options{Store: b.s})
	by := staff.CLI()
	q := retention.Request{Channel: "default", Whose: store.Whose{Customer: "ann"}}
	_, err := k.EraseCustomer(ctx, q, by)
	require.Equal(t, "erasure.reason_missing", fault.From(err).Key)
	by.Reason = "asked by letter"
	_, err = k.EraseCustomer(ctx, q, by)
	require.Equal(t, "erasure.in_use", fault.From(err).Key)
	_, err = k.EraseCustomer(ctx, retention.Request{Channel: "default", Whose: store.Whose{Customer: "carl"}}, by)
	require.Equal(t, "erasure.customer_unknown", fault.From(err).Key)
	_, err = k.EraseCustomer(ctx, retention.Request{Channel: "default"}, by)
	require.Equal(t, "erasure.customer_missing", fault.From(err).Key)
	_, err = k.EraseCustomer(ctx, retention.Request{Channel: "nowhere", Whose: store.Whose{Customer: "ann"}}, by)
	require.Equal(t, "channel.unknown", fault.From(err).Key)

	q.DryRun = true
	dry, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	want := store.ErasedCounts{Instances: 2, Orders: 2, Deliveries: 2, Attempts: 2, Events: 2}
	require.Equal(t, retention.Result{Counts: want, InUse: 1}, dry)
	require.Equal(t, all(1, 2, 3, 4, 5), b.holding(), "a dry run leaves everything")

	q.DryRun, q.Force = false, true
	done, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, want, done.Counts)
	require.NotZero(t, done.Record)
	require.Equal(t, all(3, 4, 5), b.holding(), "in use, in another channel, somebody else's")
	again, err := k.EraseCustomer(ctx, q, by)
	require.NoError(t, err)
	require.Equal(t, retention.Result{Record: done.Record, At: done.At, InUse: 1, Before: true}, again)
	require.Equal(t, []int64{1}, b.ids(`SELECT count(*) FROM erasures WHERE actor = 'cli' AND reason = 'asked by letter' AND forced AND counts ->> 'instances' = '2'`))
	require.Equal(t, []int64{1}, b.ids(`SELECT count(*) FROM audit WHERE action = 'customer.erased' AND reason = 'asked by letter' AND target = 'erasure/1'`))
	require.Empty(t, b.ids(`SELECT e.id FROM erasures e, audit a WHERE to_jsonb(e)::text || to_jsonb(a)::text ILIKE '%"ann"%'`), "the record names nobody")

	b.exec(`UPDATE instances SET status = 'released', released_at = now() WHERE id = 3`)
	done, err = k.EraseCustomer(ctx, retention.Request{Channel: "default", Whose: store.Whose{Customer: " ann "}}, by)
	require.NoError(t, err)
	require.Equal(t, store.ErasedCounts{Instances: 1, Orders: 1, Deliveries: 1, Attempts: 1, Events: 1}, done.Counts)
	require.Equal(t, all(4, 5), b.holding())
}

func TestWhatWasRefusedOfAnOrderIsErasedWithIt(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, customer_id, customer_name, released_at)
VALUES (1, 'i1', 'CS1', 'CS1-1', 'b', 'released', 'ann', 'Ann', now()), (1, 'i2', 'CS2', 'CS2-1', 'c', 'released', 'ann', 'Ann', now()),
       (1, 'i3', 'CS2', 'CS2-2', 'd', 'active', 'bob', 'Bob', NULL)`)
	b.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, first_received_at, last_received_at)
SELECT 1, 'v1', 'newInstance', k, s, o, i, now(), now()
  FROM (VALUES ('1', 'succeeded', 'CS1', 'i1'), ('2', 'failed', 'CS1', ''), ('3', 'rejected', 'CS1', ''), ('4', 'failed', 'CS2', ''), ('5', 'failed', 'CS3', ''), ('6', 'failed', '', '')) v (k, s, o, i)`)
	b.exec(`INSERT INTO attempts (message_id, at, source, disposition, request_sealed) SELECT id, now(), 'marketplace', 'new', $1 FROM messages`,
		b.s.Keys().Seal(seal.Payload, []byte("GET customerName=Ann")))
	by := staff.CLI()
	by.Reason = "asked"
	_, err := retention.New(retention.Options{Store: b.s}).EraseCustomer(context.Background(), retention.Request{Channel: "default", Whose: store.Whose{Customer: "ann"}}, by)
	require.NoError(t, err)
	require.Equal(t, []int64{4, 5, 6}, b.ids(`SELECT message_id FROM attempts WHERE request_sealed IS NOT NULL ORDER BY 1`),
		"somebody else's of the same order, of another, of none")
}
