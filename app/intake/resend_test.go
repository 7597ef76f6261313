package intake_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/fault"
	restarts "koodesk/app/restart"
	"koodesk/app/seal"
	"koodesk/app/staff"
)

// events sends events again, and restarts what asks by them.
func (d *desk) events() *event.Client {
	again := restarts.New(restarts.Options{Store: d.store, Restart: d.intake})
	return event.NewClient(event.Options{Store: d.store, Restart: again.RestartTaskIn})
}

// A question that is asked again is its task's restart, and is kept as one.
func TestAskingAgainIsKeptAsARestart(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	require.Equal(t, "000000", d.send("activity", "upgradeInstance", "instanceId", "i1", "orderId", "U1", "orderLineId", "U1-1")["resultCode"])
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	asked := d.work("U1", "provision", "upgrade", "failed")
	d.heard(asked, "instance.upgraded", "failed", true)
	d.exec(`INSERT INTO products (channel_id, product_id, driver, settings, secret_sealed) VALUES ($1, '*', 'webhook', '{"webhook_url":"https://crm.example.com/hook"}', $2)`,
		d.channel.ID, d.store.Keys().SealString(seal.ProductSecret, "whsec_x"))
	d.exec(`UPDATE events SET unique_key = channel_id || '/' || type || '/task/' || task_id, product_pk = (SELECT max(id) FROM products), payload_sealed = $1 WHERE type = 'instance.upgraded'`,
		d.store.Keys().Seal(seal.Payload, []byte(`{}`)))
	d.exec(`UPDATE messages SET status = 'failed' WHERE order_id = 'U1'`)
	by := staff.Actor{Name: "operator:ann@seller.example", Source: "operator", Reason: "the shop is back"}
	question := d.id(`SELECT id FROM events WHERE type = 'instance.upgraded'`)
	require.NoError(t, d.events().Resend(t.Context(), question, by))
	require.Equal(t, "processing restart 1", d.text(`
SELECT concat_ws(' ', m.status, a.disposition, a.restart_id)
  FROM messages m
  JOIN attempts a ON a.message_id = m.id
 WHERE m.order_id = 'U1'
 ORDER BY a.id DESC
 LIMIT 1`))
	require.Equal(t, "tasks done 1 the shop is back", d.text(`SELECT concat_ws(' ', thing, status, restarted, reason) FROM restart_batches`))
	require.Equal(t, "pending 1 1", d.text(`SELECT concat_ws(' ', e.status, e.resends, k.round) FROM events e JOIN tasks k ON k.id = e.task_id WHERE e.id = $1`, question))
	for status, key := range map[string]string{"running": "event.running", "succeeded": "event.answered"} {
		d.exec(`UPDATE tasks SET status = $1 WHERE id = $2`, status, asked)
		require.ErrorIs(t, d.events().Resend(t.Context(), question, by), fault.New(fault.Conflict, key))
	}
	require.Equal(t, "1 1", d.text(`SELECT concat_ws(' ', (SELECT count(*) FROM restart_batches), resends) FROM events WHERE id = $1`, question))
}

// Sending a question or a notice again is no other way to do what a restart of its
// task may not: the product must not go back to what is over.
func TestAnEventSentAgainDoesNotUndoALaterCall(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	for _, order := range []string{"U1", "U2"} {
		require.Equal(t, "000000", d.send("activity", "upgradeInstance", "instanceId", "i1", "orderId", order, "orderLineId", order+"-1")["resultCode"])
	}
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	asked, frozen := d.work("U1", "provision", "upgrade", "failed"), d.work("U1", "event", "notify", "failed")
	d.heard(asked, "instance.upgraded", "failed", true)
	d.heard(frozen, "instance.frozen", "failed", true)
	d.exec(`INSERT INTO products (channel_id, product_id, driver, settings, secret_sealed) VALUES ($1, '*', 'webhook', '{"webhook_url":"https://crm.example.com/hook"}', $2)`,
		d.channel.ID, d.store.Keys().SealString(seal.ProductSecret, "whsec_x"))
	d.exec(`UPDATE events SET unique_key = channel_id || '/' || type || '/task/' || task_id WHERE type = 'instance.upgraded'`)
	d.exec(`UPDATE events SET product_pk = (SELECT max(id) FROM products), payload_sealed = $1`, d.store.Keys().Seal(seal.Payload, []byte(`{}`)))
	of := func(task int64) int64 { return d.id(fmt.Sprintf(`SELECT id FROM events WHERE task_id = %d`, task)) }
	resend := func(task int64) error {
		return d.events().Resend(t.Context(), of(task), staff.CLI())
	}
	overtaken := func(task int64) bool {
		row, err := d.store.Reader().EventDetail(t.Context(), of(task))
		require.NoError(t, err)
		return row.Overtaken
	}
	require.False(t, overtaken(asked))
	d.work("U2", "provision", "upgrade", "succeeded")
	thawed := d.work("U2", "event", "notify", "succeeded")
	d.heard(thawed, "instance.unfrozen", "succeeded", true)
	d.exec(`UPDATE events SET product_pk = (SELECT max(id) FROM products)`)
	keys := map[string]string{"upgradeInstance": "restart.overtaken", "instance.unfrozen": "restart.event_overtaken"}
	for task, by := range map[int64]string{asked: "upgradeInstance", frozen: "instance.unfrozen"} {
		require.True(t, overtaken(task), by)
		err := resend(task)
		require.ErrorIs(t, err, fault.New(fault.Conflict, keys[by]), by)
		require.Equal(t, by, fault.From(err).Args["activity"])
		require.Equal(t, d.text(`SELECT id::text FROM messages WHERE order_id = 'U2'`), fault.From(err).Args["message"])
		require.Equal(t, "failed 0", d.text(`SELECT status || ' ' || round FROM tasks WHERE id = $1`, task))
	}
	d.exec(`DELETE FROM events WHERE task_id = $1`, thawed)
	require.NoError(t, resend(frozen), "nothing newer was told")
	require.Equal(t, "pending 1", d.text(`SELECT status || ' ' || round FROM tasks WHERE id = $1`, frozen))
	require.False(t, overtaken(frozen))
}

// That a trial became formal is said by the one renewal alone: what the product is
// told of a later one does not take its place.
func TestAProductHearsThatATrialBecameFormal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scene string
		stays bool
	}{"a trial": {"TRIAL_TO_FORMAL", true}, "a period": {"RENEWAL", false}} {
		d := open(t)
		d.subscribe()
		d.buy("i1")
		d.ready("i1")
		require.Equal(t, "000000", d.refresh("i1", c.scene, "R1", "20280101000000")["resultCode"], name)
		require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"], name)
		require.Equal(t, c.scene+" RENEWAL", d.text(`SELECT string_agg(scene, ' ' ORDER BY id) FROM events WHERE type = 'instance.renewed'`))
		d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
		d.exec(`UPDATE events SET to_product = TRUE`)
		old := d.id(`SELECT min(task_id) FROM events WHERE type = 'instance.renewed'`)
		d.exec(`UPDATE tasks SET status = 'failed', last_error = '{"code":"unavailable","key":"webhook.unreachable"}' WHERE id = $1`, old)
		d.exec(`UPDATE events SET status = CASE WHEN task_id = $1 THEN 'failed' ELSE 'succeeded' END`, old)
		require.Equal(t, map[bool]string{true: "event", false: ""}[c.stays], d.settled(), name)
		_, err := d.restartTask(old, staff.CLI())
		require.Equal(t, c.stays, err == nil, "%s: %v", name, err)
	}
}
