package restart_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/restart"
	"koodesk/app/seal"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// told writes what two messages made their customers be told: usage information
// and a notice by SMS, a notice by mail, all of it sent; of a third, an SMS that a
// person has sent again and that was given up.
func (d *desk) told() {
	d.t.Helper()
	to := storetest.Keys(d.t).SealString(seal.Customer, "13800000000")
	mail := storetest.Keys(d.t).SealString(seal.Customer, "ann@example.com")
	d.failing(3)
	d.exec(`UPDATE messages SET last_error = '{"code":"internal","key":"internal"}', status = 'failed'`)
	d.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at)
SELECT $1, 'i-' || n, 'CS' || n, 'CS' || n || '-000001', 'b', 'active', now() FROM generate_series(1, 3) AS n`, d.channel.ID)
	d.exec(`
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, outcome, message_ref, unique_key, resends, counted_at)
SELECT $1, n, n, kind, medium, 'en', CASE medium WHEN 'sms' THEN $2::bytea ELSE $3::bytea END, '', status, 'handed_over', kind || n, kind || n, resends, now()
  FROM (VALUES (1, 'usage_info', 'sms', 'succeeded', 0), (1, 'unfrozen', 'sms', 'succeeded', 0), (2, 'unfrozen', 'email', 'succeeded', 0),
               (3, 'unfrozen', 'sms', 'failed', 1)) AS v (n, kind, medium, status, resends)`, d.channel.ID, to, mail)
	d.exec(`INSERT INTO tasks (kind, purpose, message_id, instance_pk, delivery_id, unique_key, status, attempts) VALUES ('deliver', 'notice', 3, 3, 4, 'deliver/resend/4/1', 'failed', 10)`)
	hours := time.Now().UTC().Add(-2*time.Hour).Format("15:04") + "-" + time.Now().UTC().Add(2*time.Hour).Format("15:04")
	d.exec(`INSERT INTO products (channel_id, product_id, driver, settings) VALUES ($1, '*', 'manual', jsonb_build_object('quiet_hours', $2::text))`, d.channel.ID, hours)
}

// send does the tasks that send messages.
func (d *desk) send() {
	d.t.Helper()
	var ids []int64
	_, err := d.store.Relay(d.t.Context(), []string{"deliver", "notice"}, 10, func(due []store.Due) (taken []int64, err error) {
		for _, t := range due {
			ids = append(ids, t.ID)
		}
		return ids, nil
	})
	require.NoError(d.t, err)
	for _, id := range ids {
		task, ok, err := d.store.Claim(d.t.Context(), id, time.Minute)
		require.NoError(d.t, err)
		require.True(d.t, ok)
		require.NoError(d.t, d.deliver.Deliver(d.t.Context(), task))
	}
}

const howTheyStand = `SELECT string_agg(concat_ws(' ', id, kind, medium, status, CASE WHEN status = 'pending' THEN held_why END), ', ' ORDER BY id) FROM deliveries`

// Before anything runs again it is known what each of them would send and call, and
// which cannot run.
func TestAPreviewCountsWhatGoesOut(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	d.exec(`UPDATE messages SET instance_id = 'i-' || id`)
	d.exec(`UPDATE instances SET driver = 'webhook' WHERE id = 1`)
	d.exec(`UPDATE tasks SET kind = 'provision', instance_pk = 1 WHERE id = 1`)
	d.exec(`INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, supplier) VALUES ($1, 2, 'v2', 'r', 'webhook'), ($1, 2, 'v2', 's', 'manual')`, d.channel.ID)
	d.exec(`
INSERT INTO tasks (kind, purpose, message_id, license_id, unique_key, status, finished_at, run_at)
VALUES ('event', 'notify', 2, NULL, 'a', 'failed', now(), now()), ('license', '', 2, 1, 'b', 'pending', NULL, now() + interval '1 hour'), ('license', '', 2, 2, 'c', 'failed', now(), now()),
       ('alert', '', NULL, NULL, 'd', 'failed', now(), now()), ('order_query', 'purchase', 2, NULL, 'e', 'succeeded', now(), now())`)
	messages := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{1, 2, 3}}
	one, err := d.store.Reader().RestartEffects(t.Context(), messages)
	require.NoError(t, err)
	of := func(e store.SideEffects) store.ItemPreview { return store.ItemPreview{SideEffects: e} }
	require.Equal(t, map[int64]store.ItemPreview{1: of(store.SideEffects{Customers: 1, Calls: 1}), 2: of(store.SideEffects{Customers: 1, Asks: 1, Calls: 2, Hurried: 1}),
		3: of(store.SideEffects{Customers: 1, Asks: 1, SMS: 1})}, one)
	p, err := d.batches.Preview(t.Context(), messages, ann)
	require.NoError(t, err)
	require.Equal(t, store.SideEffects{Customers: 3, Calls: 3, Asks: 2, Hurried: 1, SMS: 1}, p.SideEffects)
	messages.Mode = store.RestartDelivery
	p, err = d.batches.Preview(t.Context(), messages, ann)
	require.NoError(t, err)
	require.Equal(t, store.SideEffects{Mails: 1, SMS: 3}, p.SideEffects, "nothing but the customers is called")

	tasks, err := d.store.Reader().RestartEffects(t.Context(), store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{1, 4, 5, 6, 7, 8}})
	require.NoError(t, err)
	require.Equal(t, map[int64]store.ItemPreview{1: of(store.SideEffects{Customers: 1, Calls: 1}), 4: of(store.SideEffects{SMS: 1}), 5: of(store.SideEffects{Calls: 1}),
		6: of(store.SideEffects{Customers: 1, Calls: 1, Hurried: 1}), 7: of(store.SideEffects{Customers: 1}), 8: of(store.SideEffects{Alerts: 1})}, tasks)

	d.exec(`DELETE FROM tasks WHERE message_id = 2`)
	d.exec(`UPDATE messages SET status = 'succeeded' WHERE id = 3`)
	d.exec(`UPDATE messages SET idem_key = 'invalid/x' WHERE id = 1`)
	p, err = d.batches.Preview(t.Context(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{1, 2, 3, 9}}, ann)
	require.NoError(t, err)
	require.Equal(t, 4, p.Total)
	require.Equal(t, map[string][]int64{"restart.call_again": {1}, "restart.nothing_stored": {2}, "restart.done": {3}, "message.unknown": {9}}, p.Which)
}

// Many who are told again at once are not woken by it, nor does it stand in the
// way of anybody's usage information, which itself goes at any hour. Each message
// has an attempt that says who did it.
func TestManyAreToldAgainInTheirDay(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	again := failed
	again.Mode = store.RestartDelivery
	b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: again}, ann)
	require.NoError(t, err)
	require.Equal(t, []int{3, 0}, []int{b.Restarted, b.Refused})
	require.Equal(t, "0", d.text(`SELECT count(counted_at) FROM deliveries`), "each counts for the day on which it goes")
	require.Equal(t, "1 deliver, 2 notice, 3 notice, 4 notice", d.text(`SELECT string_agg(concat_ws(' ', delivery_id, kind), ', ' ORDER BY delivery_id) FROM tasks WHERE status = 'pending' AND delivery_id IS NOT NULL`))
	require.Equal(t, "1 000004, 2 000004, 3 000004", d.text(`SELECT string_agg(concat_ws(' ', message_id, result_code), ', ' ORDER BY message_id) FROM attempts WHERE disposition = 'restart' AND source = 'operator' AND actor = '`+ann.Name+`'`))
	require.Equal(t, "3", d.text(`SELECT count(*) FROM messages WHERE attempts = 2 AND status = 'failed' AND result_code = '000004'`))
	d.send()
	const held = "1 usage_info sms succeeded, 2 unfrozen sms pending quiet_hours, 3 unfrozen email succeeded, 4 unfrozen sms pending quiet_hours"
	require.Equal(t, held, d.text(howTheyStand))

	// One customer's, which a person sends, goes at once.
	require.NoError(t, d.deliver.Resend(t.Context(), 2, "", ann))
	d.send()
	require.Equal(t, "succeeded", d.text(`SELECT status FROM deliveries WHERE id = 2`))
}

// A restart of many tasks or messages does not take over what a person once asked
// for one of their customers.
func TestManyTasksAreSentAgainInTheirDay(t *testing.T) {
	t.Parallel()
	for _, set := range []store.RestartSet{{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{4}}, {Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{3}}} {
		d := open(t)
		d.told()
		b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: set}, ann)
		require.NoError(t, err)
		require.Equal(t, 1, b.Restarted)
		d.send()
		require.Equal(t, "4 unfrozen sms pending quiet_hours", d.text(`SELECT concat_ws(' ', id, kind, medium, status, held_why) FROM deliveries WHERE id = 4`))
	}
}

// A message without tasks keeps what is known of why it failed.
func TestBeingToldAgainDoesNotHideWhyAMessageFailed(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	d.exec(`DELETE FROM tasks`)
	_, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{2}}}, ann)
	require.NoError(t, err)
	require.Equal(t, "failed internal", d.text(`SELECT concat_ws(' ', status, last_error ->> 'key') FROM messages WHERE id = 2`))
}

// What the customer was told by the other medium, or may have got, is not sent again
// by a restart of many, whatever they are chosen by, and its preview says so. What
// whoever gets it would know as a repeat is.
func TestNobodyIsToldTwice(t *testing.T) {
	t.Parallel()
	d := open(t)
	mail := storetest.Keys(t).SealString(seal.Customer, "ann@example.com")
	d.failing(4)
	d.exec(`UPDATE tasks SET status = 'succeeded'`)
	d.exec(`DELETE FROM tasks WHERE message_id = 4`)
	d.exec(`UPDATE messages SET status = 'succeeded', result_code = '000000'`)
	d.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at, front_end_url, access_version)
SELECT $1, 'i-' || n, 'CS' || n, 'CS' || n || '-000001', 'b', 'active', now(), 'https://app.example.com', 1 FROM generate_series(1, 4) AS n`, d.channel.ID)
	d.exec(`
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, message_ref, unique_key, fallback_of)
SELECT $1, n, n, kind, medium, 'en', $2, '', kind || n || medium, kind || n || medium, fallback_of
  FROM (VALUES (1, 'usage_info', 'email', NULL), (1, 'usage_info', 'sms', 1), (2, 'usage_info', 'email', NULL), (3, 'usage_info', 'email', NULL),
               (4, 'unfrozen', 'email', NULL)) AS v (n, kind, medium, fallback_of)`, d.channel.ID, mail)
	d.exec(`
INSERT INTO tasks (kind, purpose, message_id, instance_pk, delivery_id, unique_key)
SELECT CASE kind WHEN 'unfrozen' THEN 'notice' ELSE 'deliver' END, kind, message_id, instance_pk, id, 'deliver/' || id FROM deliveries WHERE fallback_of IS NULL`)
	before := func() {
		d.exec(`
UPDATE deliveries d
   SET status = v.status, outcome = v.outcome, last_error = v.error::jsonb
  FROM (VALUES (1, 'failed', 'refused', '{"code":"refused","key":"email.refused"}'), (2, 'succeeded', 'delivered', NULL),
               (3, 'failed', 'unknown', '{"code":"unavailable","key":"delivery.outcome_unknown"}'),
               (4, 'failed', 'unknown', '{"code":"unavailable","key":"delivery.outcome_unknown","args":{"repeat":"known"}}'),
               (5, 'failed', 'refused', '{"code":"refused","key":"email.refused"}')) AS v (id, status, outcome, error)
 WHERE d.id = v.id`)
		d.exec(`UPDATE tasks t SET status = 'failed', attempts = 1, finished_at = now(), last_error = d.last_error FROM deliveries d WHERE d.id = t.delivery_id AND d.status = 'failed'`)
	}
	before()
	require.NoError(t, d.store.SettleFailures(t.Context()))
	need, err := d.store.Reader().NeedGroups(t.Context())
	require.NoError(t, err)
	require.Zero(t, need.Count.N, "what customers were not told is counted by deliveries")
	need, err = d.store.Reader().NeedDeliveries(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, need.Count.N, "the unknown ones and the notice, not what was told by SMS")
	all := store.MessageFilter{Channel: d.channel.Slug}
	for _, c := range []struct {
		set                  store.RestartSet
		mails, sms, told, of int
	}{
		{store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: store.TaskFilter{Status: "failed"}}, 2, 0, 2, 4},
		{store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: all}, 2, 0, 2, 4},
		{store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, Messages: all}, 2, 1, 1, 4},
	} {
		before()
		p, err := d.batches.Preview(t.Context(), c.set, ann)
		require.NoError(t, err)
		require.Equal(t, []int{c.of, c.mails, c.sms}, []int{p.Total, p.Mails, p.SMS}, c.set)
		require.Equal(t, map[string]int{"restart.told_already": c.told}, p.Refused, c.set)
		b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: c.set}, ann)
		require.NoError(t, err)
		require.Equal(t, []int{c.of - c.told, c.told}, []int{b.Restarted, b.Refused}, c.set)
		why, err := d.store.Reader().RefusedWhy(t.Context(), b.ID)
		require.NoError(t, err)
		require.Equal(t, p.Refused, why, c.set)
		d.send()
		require.Equal(t, "1 usage_info email failed, 2 usage_info sms succeeded, 3 usage_info email failed, 4 usage_info email succeeded, 5 unfrozen email succeeded",
			d.text(howTheyStand), c.set)
		require.Equal(t, "4", d.text(`SELECT count(*) FROM messages WHERE status = 'succeeded'`), c.set)
	}
	require.Equal(t, "0", d.text(`SELECT resends FROM deliveries WHERE id = 3`))
}

// Who may restart and may not send to customers does not have them told again, nor
// sees a preview of it; all else is his.
func TestWhoMayNotSendTellsNobodyAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	by := staff.Actor{Name: "operator:new@seller.example", Role: "restarts only", Source: "operator"}
	refused := func(err error) {
		t.Helper()
		require.True(t, fault.Is(err, fault.Forbidden), "%v", err)
	}
	set := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{1, 2}}
	whole := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, Messages: store.MessageFilter{Status: store.MessageFailed}}
	_, err := d.batches.RestartOne(t.Context(), store.RestartMessages, store.RestartDelivery, 1, by)
	refused(err)
	for _, s := range []store.RestartSet{set, whole} {
		_, err = d.batches.Start(t.Context(), restart.Order{RestartSet: s}, by)
		refused(err)
		_, err = d.batches.Preview(t.Context(), s, by)
		refused(err)
	}
	require.Equal(t, "0 0", d.text(`SELECT concat_ws(' ', (SELECT count(*) FROM restart_batches), (SELECT sum(resends) FROM deliveries WHERE id < 4))`))
	set.Mode = store.RestartAll
	_, err = d.batches.Preview(t.Context(), set, by)
	require.NoError(t, err)
	_, err = d.batches.Start(t.Context(), restart.Order{RestartSet: set}, by)
	require.NoError(t, err)
}
