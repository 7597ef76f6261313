package intake_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// refusing hands calls over while the channel has no such instance.
func (d *desk) refusing(id string, calls func()) {
	d.t.Helper()
	d.exec(`UPDATE instances SET instance_id = 'elsewhere' WHERE instance_id = $1`, id)
	calls()
	d.exec(`UPDATE instances SET instance_id = $1 WHERE instance_id = 'elsewhere'`, id)
}

// status hands a change of status over that came so long ago.
func (d *desk) status(id, to string, ago time.Duration) market.ResultCode {
	d.t.Helper()
	a := d.arrived(map[string]string{"activity": "updateInstanceStatus", "instanceId": id, "status": to})
	a.ReceivedAt = time.Now().Add(-ago)
	_, code, err := d.intake.Handle(d.t.Context(), a)
	require.NoError(d.t, err)
	return code
}

// A call that was applied long ago and comes again is no later word of the
// marketplace: it counts by when it was applied first.
func TestALateRepeatIsNoLaterCall(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	d.refusing("i1", func() {
		require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	})
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	_, err := restart(t, d, `order_id = 'R2'`)
	require.NoError(t, err)
	require.Equal(t, "20300101000000", d.expiry("i1"))
}

// One that was refused at first counts from the arrival that was applied.
func TestACallCountsFromTheArrivalThatWasApplied(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.refusing("i1", func() {
		require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
		require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	})
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	_, err := restart(t, d, `order_id = 'R2'`)
	require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.overtaken"))
}

// A change of status has one key for ever. What changes nothing within the time in
// which the marketplace repeats is a repeat; after it, or where it changes something,
// it is a new word.
func TestARepeatedChangeOfStatusIsNoLaterCall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		repeat time.Duration // how long ago
		later  bool
	}{"a repeat": {3*time.Hour + 30*time.Minute, false}, "a new word": {time.Minute, true}} {
		d := open(t)
		d.buy("i1")
		d.ready("i1")
		require.Equal(t, market.Success, d.status("i1", "FREEZE", 4*time.Hour), name)
		d.refusing("i1", func() {
			require.Equal(t, market.NoSuchInstance, d.status("i1", "UNFREEZE", 3*time.Hour+45*time.Minute), name)
		})
		require.Equal(t, market.Success, d.status("i1", "FREEZE", c.repeat), name)
		_, err := restart(t, d, `idem_key LIKE '%/UNFREEZE'`)
		if c.later {
			require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.overtaken"), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, "active", d.text(`SELECT status FROM instances`), name)
	}
}

// settled has failed calls join their groups and tells which groups are open.
func (d *desk) settled() string {
	d.t.Helper()
	require.NoError(d.t, d.intake.SettleOvertaken(d.t.Context()))
	require.NoError(d.t, d.store.SettleFailures(d.t.Context()))
	return d.text(`SELECT COALESCE(string_agg(step, ' ' ORDER BY step), '') FROM failure_groups WHERE resolved_at IS NULL`)
}

// What a later call has taken the place of cannot be restarted and needs nobody: its
// group ends by itself, and both say why.
func TestAGroupOfOvertakenCallsEndsByItself(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.refusing("i1", func() {
		require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
		require.Equal(t, market.NoSuchInstance, d.status("i1", "FREEZE", time.Minute))
	})
	require.Equal(t, "refreshInstance updateInstanceStatus", d.settled(), "nothing later was applied")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	require.Equal(t, "updateInstanceStatus", d.settled())
	require.Equal(t, market.Success, d.status("i1", "UNFREEZE", 0))
	require.Empty(t, d.settled())
	require.Empty(t, d.settled(), "again changes nothing")

	var id int64
	require.NoError(t, d.store.SQL().QueryRow(`SELECT id FROM messages WHERE order_id = 'R1'`).Scan(&id))
	m, err := d.store.Reader().MessageDetail(t.Context(), id, 10)
	require.NoError(t, err)
	require.Equal(t, d.text(`SELECT id::text FROM messages WHERE order_id = 'R2'`), strconv.FormatInt(m.OvertakenBy.MessageID, 10))
	require.Equal(t, "refreshInstance", m.OvertakenBy.Activity)
	require.Equal(t, "failed", m.Status, "it was not done")
	groups, err := d.store.Reader().GroupList(t.Context(), store.GroupFilter{Status: store.GroupResolved}, store.Paging{})
	require.NoError(t, err)
	require.Len(t, groups.Items, 2)
	for _, g := range groups.Items {
		require.Equal(t, 1, g.Overtaken, g.Step)
	}

	d.refusing("i1", func() {
		require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	})
	require.Equal(t, "refreshInstance", d.settled(), "the marketplace's own repeat is its newer word")
	m, err = d.store.Reader().MessageDetail(t.Context(), id, 10)
	require.NoError(t, err)
	require.Zero(t, m.OvertakenBy)
}

// What a person must still decide about stays: a later call does not take the place
// of all that the failed one was for.
func TestWhatALaterCallDoesNotCoverStaysOpen(t *testing.T) {
	t.Parallel()
	renewal := func(scene, order, expires string) []string {
		return []string{"activity", "refreshInstance", "scene", scene, "orderId", order, "orderLineId", order + "-1", "instanceId", "i1", "expireTime", expires}
	}
	upgrade := func(order string) []string {
		return []string{"activity", "upgradeInstance", "instanceId", "i1", "orderId", order, "orderLineId", order + "-1"}
	}
	for name, c := range map[string]struct {
		failed, later []string
		open          string
	}{
		"a longer period":       {renewal("RENEWAL", "R1", "20310101000000"), renewal("RENEWAL", "R2", "20300101000000"), "refreshInstance"},
		"the same period":       {renewal("RENEWAL", "R1", "20300101000000"), renewal("RENEWAL", "R2", "20300101000000"), ""},
		"a formal instance":     {renewal("TRIAL_TO_FORMAL", "R1", "20280101000000"), renewal("RENEWAL", "R2", "20300101000000"), "refreshInstance"},
		"another product":       {renewal("RENEWAL_CHANGE", "R1", "20280101000000"), renewal("RENEWAL", "R2", "20300101000000"), "refreshInstance"},
		"another product, also": {renewal("RENEWAL_CHANGE", "R1", "20280101000000"), renewal("RENEWAL_CHANGE", "R2", "20300101000000"), ""},
		"a size":                {upgrade("U1"), upgrade("U2"), ""},
		"the end":               {[]string{"activity", "releaseInstance", "instanceId", "i1"}, upgrade("U2"), "releaseInstance"},
	} {
		d := open(t)
		d.buy("i1")
		d.ready("i1")
		d.refusing("i1", func() { require.Equal(t, "000003", d.send(c.failed...)["resultCode"], name) })
		require.Equal(t, "000000", d.send(c.later...)["resultCode"], name)
		before := c.failed[1]
		if c.later[1] == "upgradeInstance" || c.later[3] == "RENEWAL_CHANGE" {
			require.Equal(t, before, d.settled(), "%s: the later one is only under way", name)
			d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
			d.exec(`UPDATE messages SET status = 'succeeded' WHERE status = 'processing'`)
		}
		require.Equal(t, c.open, d.settled(), name)
	}
}

// work writes a task of the message with this order that was given up, or was done.
func (d *desk) work(order, kind, purpose, status string) int64 {
	d.t.Helper()
	var id int64
	require.NoError(d.t, d.store.SQL().QueryRow(`
INSERT INTO tasks (kind, purpose, message_id, instance_pk, order_id, unique_key, status, attempts, finished_at, last_error)
SELECT $2, $3, m.id, i.id, m.order_id, gen_random_uuid()::text, $4, 1, now(), CASE WHEN $4 = 'failed' THEN '{"code":"unavailable","key":"webhook.unreachable"}'::jsonb END
  FROM messages m
  JOIN instances i ON i.instance_id = m.instance_id
 WHERE m.order_id = $1
RETURNING id`, order, kind, purpose, status).Scan(&id))
	return id
}

// heard writes the event by which a task tells the product or a subscriber.
func (d *desk) heard(task int64, kind, status string, product bool) {
	d.t.Helper()
	d.exec(`
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, task_id, instance_pk, message_id, payload_sealed, status)
SELECT $1, $2, gen_random_uuid()::text, gen_random_uuid()::text, $4, '', t.id, t.instance_pk, t.message_id, '\x00', $5 FROM tasks t WHERE t.id = $3`,
		d.channel.ID, kind, task, product, status)
}

// A change that was given up is asked of the driver as it was when it was first
// asked: after a later one it would undo that.
func TestATaskDoesNotUndoALaterCall(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	for _, order := range []string{"U1", "U2"} {
		require.Equal(t, "000000", d.send("activity", "upgradeInstance", "instanceId", "i1", "orderId", order, "orderLineId", order+"-1")["resultCode"])
	}
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	old, subscriber := d.work("U1", "provision", "upgrade", "failed"), d.work("R1", "event", "notify", "failed")
	product := d.work("R1", "event", "notify", "failed")
	d.heard(subscriber, "instance.renewed", "failed", false)
	d.heard(product, "instance.renewed", "failed", true)
	d.exec(`UPDATE messages SET status = 'failed' WHERE order_id IN ('U1', 'R1')`)
	require.Equal(t, "event provision", d.settled())
	later := d.work("U2", "provision", "upgrade", "pending")
	told := d.work("R2", "event", "notify", "pending")
	d.heard(told, "instance.renewed", "pending", true)

	refused := func(id int64, by, key string) {
		t.Helper()
		_, err := d.restartTask(id, staff.CLI())
		require.ErrorIs(t, err, fault.New(fault.Conflict, key))
		require.Equal(t, d.text(`SELECT id::text FROM messages WHERE order_id = $1`, by), fault.From(err).Args["message"])
	}
	refused(old, "U2", "restart.overtaken")
	refused(product, "R2", "restart.event_overtaken")
	_, err := restart(t, d, `order_id = 'U1'`)
	require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.overtaken"))
	tasks := store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, Tasks: store.TaskFilter{Status: "failed"}}
	p, err := d.store.Reader().RestartPreview(t.Context(), tasks)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"restart.event_overtaken": 1, "restart.overtaken": 1}, p.Refused)
	p, err = d.store.Reader().RestartPreview(t.Context(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll, Messages: store.MessageFilter{Status: "failed"}})
	require.NoError(t, err)
	require.Equal(t, []any{2, map[string]int{"restart.overtaken": 1}}, []any{p.Total, p.Refused})

	require.Equal(t, "event provision", d.settled(), "the later ones are under way")
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now() WHERE id IN ($1, $2)`, later, told)
	d.exec(`UPDATE events SET status = 'succeeded' WHERE task_id = $1`, told)
	require.Equal(t, "event", d.settled(), "the subscriber is to hear of everything")
	r, err := restart(t, d, `order_id = 'R1'`)
	require.NoError(t, err)
	require.Equal(t, 1, r.Given, "without what would undo the later one")
	require.Equal(t, "pending failed", d.text(`SELECT (SELECT status FROM tasks WHERE id = $1) || ' ' || (SELECT status FROM tasks WHERE id = $2)`, subscriber, product))
	row, err := d.store.Reader().TaskDetail(t.Context(), old)
	require.NoError(t, err)
	require.Equal(t, later, row.OvertakenBy)
	require.Equal(t, "failed 0", d.text(`SELECT status || ' ' || failure_group FROM messages WHERE order_id = 'U1'`))
}

// An event's task has no message, and it is not the marketplace's calling again that
// would send it: nobody is sent to the Seller Center.
func TestAnEventThatIsOverSendsNobodyToTheMarketplace(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	product, told := d.work("R1", "event", "notify", "failed"), d.work("R2", "event", "notify", "pending")
	d.heard(product, "instance.renewed", "failed", true)
	d.heard(told, "instance.renewed", "pending", true)
	d.exec(`UPDATE tasks SET message_id = NULL WHERE kind = 'event'`) // event.Emit gives them none
	_, err := d.restartTask(product, staff.CLI())
	require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.event_overtaken"))
	for _, l := range i18n.Locales() {
		f := i18n.For(l).FaultOf(err)
		require.Contains(t, f.Do, i18n.For(l).T("event_type.instance.renewed"))
		require.NotContains(t, f.Do, "instance.renewed")
		require.NotRegexp(t, "Restart Debugging|卖家中心|KooGallery|云商店", f.Do)
	}
}

// Of two freezes and an unfreezing that a product did not hear of, and a last one
// that it did, none must come late; a person's own act counts like a call.
func TestAProductIsNotToldWhatIsOver(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	var ids []int64
	for _, kind := range []string{"instance.frozen", "instance.unfrozen"} {
		id := d.work("R1", "event", "notify", "failed")
		d.heard(id, kind, "failed", true)
		ids = append(ids, id)
	}
	alone := d.work("R1", "event", "notify", "failed")
	d.heard(alone, "instance.renewed", "failed", true)
	last := d.work("R1", "event", "notify", "succeeded")
	d.heard(last, "instance.frozen", "succeeded", true)
	d.exec(`UPDATE tasks SET message_id = NULL WHERE id = $1`, last)
	d.exec(`UPDATE events SET message_id = NULL WHERE task_id = $1`, last)
	for _, id := range ids {
		_, err := d.restartTask(id, staff.CLI())
		require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.event_overtaken"))
		require.Equal(t, "instance.frozen", fault.From(err).Args["activity"])
	}
	require.Equal(t, "event", d.settled())
	require.Equal(t, "2", d.text(`SELECT overtaken::text FROM failure_groups`))
	_, err := d.restartTask(alone, staff.CLI())
	require.NoError(t, err, "a freeze says nothing of the period")
}
