package restart_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
	"koodesk/app/restart"
	"koodesk/app/seal"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// call hands a call over and gives its answer's code.
func (d *desk) call(fields map[string]string) market.ResultCode {
	d.t.Helper()
	body, err := json.Marshal(fields)
	require.NoError(d.t, err)
	c, err := saas2.Decode(body)
	require.NoError(d.t, err)
	_, code, err := d.intake.Handle(d.t.Context(), intake.Arrived{Channel: d.channel, Call: c, ReceivedAt: time.Now(), IP: "192.0.2.1",
		Request: store.Request{Method: "POST", Query: "signature=x", Body: body}})
	require.NoError(d.t, err)
	return code
}

func (d *desk) renewal(order, expires string) market.ResultCode {
	d.t.Helper()
	return d.call(map[string]string{"activity": "refreshInstance", "scene": "RENEWAL", "orderId": order, "orderLineId": order + "-1", "instanceId": "i-1", "expireTime": expires})
}

func (d *desk) instance() {
	d.t.Helper()
	keys := storetest.Keys(d.t)
	d.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, provisioned_at, front_end_url, access_version, email_sealed, email_bidx, expires_at)
VALUES ($1, 'i-1', 'CS1', 'CS1-1', 'b', 'active', now(), 'https://app.example.com', 1, $2, '\x01', now() + interval '30 days')`, d.channel.ID, keys.SealString(seal.Customer, "ann@example.com"))
}

// same requires that a preview and the act that follows it refuse the same for the
// same reasons.
func (d *desk) same(set store.RestartSet, refused map[string]int) *store.RestartPreview {
	d.t.Helper()
	p, err := d.batches.Preview(d.t.Context(), set, ann)
	require.NoError(d.t, err)
	require.Equal(d.t, refused, p.Refused)
	b, err := d.batches.Start(d.t.Context(), restart.Order{RestartSet: set}, ann)
	require.NoError(d.t, err)
	why, err := d.store.Reader().RefusedWhy(d.t.Context(), b.ID)
	require.NoError(d.t, err)
	require.Equal(d.t, refused, why)
	return p
}

// A preview and the act judge alike, and in the same order.
func TestAPreviewRefusesWhatTheActRefuses(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	d.exec(`INSERT INTO tasks (kind, purpose, message_id, instance_pk, delivery_id, unique_key, status, leased_until) VALUES ('deliver', 'usage_info', 1, 1, 1, 'deliver/1', 'running', now() + interval '1 hour')`)
	d.exec(`INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at) VALUES ($1, 'v2', 'newInstance', 'rejected/1', 'rejected', now(), now())`, d.channel.ID)
	d.same(store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{1, 2, 4}}, map[string]int{"delivery.running": 1, "restart.nothing_told": 1})
	d.same(store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, IDs: []int64{4}}, map[string]int{"restart.rejected": 1})
}

// An event whose place a later one has taken is refused in its own words by both.
func TestAPreviewNamesAnOvertakenEventAsTheActDoes(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.instance()
	d.exec(`INSERT INTO tasks (kind, purpose, instance_pk, unique_key, status, finished_at) VALUES ('event', 'notify', 1, 'a', 'failed', now()), ('event', 'notify', 1, 'b', 'succeeded', now())`)
	d.exec(`
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, task_id, instance_pk, payload_sealed, status)
SELECT 1, CASE id WHEN 1 THEN 'instance.frozen' ELSE 'instance.unfrozen' END, 'w' || id, 'e' || id, TRUE, '', id, 1, '', status FROM tasks ORDER BY id`)
	d.same(store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{1}}, map[string]int{"restart.event_overtaken": 1})
}

func TestAnOldCallThatIsNotKeptSaysSoFirst(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, market.NoSuchInstance, d.renewal("R1", "20280101000000"))
	d.instance()
	require.Equal(t, market.Success, d.renewal("R2", "20300101000000"))
	set := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: store.MessageFailed}}
	d.same(set, map[string]int{"restart.overtaken": 1})
	d.exec(`UPDATE attempts SET request_sealed = NULL`)
	d.same(set, map[string]int{"restart.nothing_stored": 1})
}

// No preview promises fewer messages to customers than are sent: what follows from a
// call that is done anew counts.
func TestAPreviewCountsWhomACallThatIsDoneAnewTells(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, market.NoSuchInstance, d.renewal("R1", "20280101000000"))
	d.instance()
	set := store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: store.MessageFailed}}
	p := d.same(set, map[string]int{})
	require.Equal(t, store.SideEffects{Customers: 1, Reruns: 1}, p.SideEffects)
	require.NoError(t, d.deliver.Schedule(t.Context()))
	require.Equal(t, "1", d.text(`SELECT count(*) FROM deliveries`), "of the new period")

	again, err := d.batches.Preview(t.Context(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: store.MessageSucceeded}}, ann)
	require.NoError(t, err)
	require.Zero(t, again.Customers, "it is only answered again")
	require.Equal(t, 1, again.Reruns)

	require.Equal(t, market.Success, d.call(map[string]string{"activity": "updateInstanceStatus", "status": "FREEZE", "instanceId": "i-1"}))
	frozen, err := d.batches.Preview(t.Context(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Activity: "updateInstanceStatus"}}, ann)
	require.NoError(t, err)
	require.Equal(t, store.SideEffects{}, frozen.SideEffects, "a freeze that was done long ago is not done anew")
}
