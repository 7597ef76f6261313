package intake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func restart(t *testing.T, d *desk, where string) (intake.Restarted, error) {
	t.Helper()
	var id int64
	require.NoError(t, d.store.SQL().QueryRow(`SELECT id FROM messages WHERE `+where).Scan(&id))
	return d.restartMessage(id, staff.CLI())
}

func TestACallThatWasNeverTakenOverIsNotRestarted(t *testing.T) {
	t.Parallel()
	d := open(t)
	a := d.arrived(map[string]string{"activity": "newInstance", "orderId": "CS1", "orderLineId": "CS1-1", "businessId": "b"})
	_, code, err := d.intake.Invalid(context.Background(), a, fault.New(fault.Invalid, "call.field_format", "field", "Content-Type"))
	require.NoError(t, err)
	require.Equal(t, market.InvalidParameter, code)
	_, err = restart(t, d, `TRUE`)
	require.Equal(t, "restart.call_again", fault.From(err).Key)
	require.Equal(t, "failed call.field_format", d.text(`SELECT status || ' ' || (last_error->>'key') FROM messages`), "why it failed still stands")
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM instances`))
}

func TestRestartOfALongFinishedFreezeDoesNotFreezeAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", "FREEZE")
	d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", "UNFREEZE")
	r, err := restart(t, d, `idem_key LIKE '%/FREEZE'`)
	require.NoError(t, err)
	require.True(t, r.Ran)
	require.Equal(t, "active", d.text(`SELECT status FROM instances`))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM attempts WHERE disposition = 'restart'`), "and yet it is recorded")
}

// What was refused must not undo what KooGallery called later: of two renewals,
// changes of status or upgrades, the later one stands, in whatever order a person
// restarts them. KooGallery's own repeat is its word.
func TestARestartDoesNotUndoALaterCall(t *testing.T) {
	t.Parallel()
	d := open(t)
	call := func(want string, kv ...string) {
		t.Helper()
		require.Equal(t, want, d.send(kv...)["resultCode"])
	}
	upgrade := func(order string) []string {
		return []string{"activity", "upgradeInstance", "instanceId", "i1", "orderId", order, "orderLineId", order + "-1"}
	}
	status := func(to string) []string {
		return []string{"activity", "updateInstanceStatus", "instanceId", "i1", "status", to}
	}
	require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	call("000003", status("FREEZE")...)
	call("000003", upgrade("U1")...)
	call("000003", "activity", "releaseInstance", "instanceId", "i1")
	d.buy("i1")
	d.ready("i1")
	call("000000", status("UNFREEZE")...) // which found it so
	call("000000", upgrade("U2")...)

	_, err := restart(t, d, `order_id = 'R2'`)
	require.NoError(t, err, "nothing later was applied")
	for where, later := range map[string]string{
		`order_id = 'R1'`: `order_id = 'R2'`, `idem_key LIKE '%/FREEZE'`: `idem_key LIKE '%/UNFREEZE'`,
		`order_id = 'U1'`: `order_id = 'U2'`, `activity = 'releaseInstance'`: `order_id = 'U2'`,
	} {
		_, err := restart(t, d, where)
		require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.overtaken"), where)
		require.Equal(t, d.text(`SELECT id::text FROM messages WHERE `+later), fault.From(err).Args["message"], where)
	}
	require.Equal(t, "20300101000000 active", d.expiry("i1")+" "+d.text(`SELECT status FROM instances`))
	p, err := d.store.Reader().RestartPreview(context.Background(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll,
		Messages: store.MessageFilter{Status: store.MessageFailed}})
	require.NoError(t, err)
	require.Equal(t, []any{4, map[string]int{"restart.overtaken": 4}}, []any{p.Total, p.Refused}, "the preview says so before")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	require.Equal(t, "20280101000000", d.expiry("i1"))
}

func TestARestartOfACallAboutACodeDoesNotUndoALaterOne(t *testing.T) {
	t.Parallel()
	d := open(t)
	seeing, blind := d.channel, *d.channel
	blind.AK, blind.SK = "", ""
	d.channel = &blind
	require.Equal(t, "000003", d.renewCode(someCode, "RENEWAL", "R1", "20280101000000"), "nobody to ask about the code")
	require.Equal(t, "000003", d.codeStatus(someCode, market.Freeze))
	d.channel = seeing
	require.Equal(t, "000000", d.renewCode(someCode, "RENEWAL", "R2", "20300101000000"))
	require.Equal(t, "000000", d.codeStatus(someCode, market.Unfreeze))
	for _, where := range []string{`order_id = 'R1'`, `idem_key LIKE '%/FREEZE'`} {
		_, err := restart(t, d, where)
		require.ErrorIs(t, err, fault.New(fault.Conflict, "restart.overtaken"), where)
	}
	p, err := d.store.Reader().RestartPreview(context.Background(), store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartAll,
		Messages: store.MessageFilter{Status: store.MessageFailed}})
	require.NoError(t, err)
	require.Equal(t, map[string]int{"restart.overtaken": 2}, p.Refused)
}

func TestRestartOfAProvisionedPurchaseAnswersWhatIsTrueNow(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.exec(`UPDATE tasks SET status = 'succeeded'`)
	r, err := restart(t, d, `activity = 'newInstance'`)
	require.NoError(t, err)
	require.Equal(t, market.Success, r.Code)
}

func TestAFailedPurchaseStaysFailedWhenItIsReleased(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now(), last_error = '{"code":"unavailable","key":"x"}'`)
	d.exec(`UPDATE messages SET status = 'failed', last_error = '{"code":"unavailable","key":"x"}'`)
	d.send("activity", "releaseInstance", "instanceId", "i1", "orderId", "U1")
	require.Equal(t, "failed x", d.text(`SELECT status || ' ' || (last_error->>'key') FROM messages WHERE activity = 'newInstance'`),
		"somebody must still call the customer")
}

func TestACancelledTaskIsNotRestarted(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.send("activity", "releaseInstance", "instanceId", "i1")
	_, err := d.restartTask(1, staff.CLI())
	require.Equal(t, "restart.done", fault.From(err).Key)
	require.Equal(t, "cancelled", d.text(`SELECT status FROM tasks`))
}

func TestALaterCallBeginsANewWindowOfRetries(t *testing.T) {
	t.Parallel()
	d := open(t)
	freeze := map[string]string{"activity": "updateInstanceStatus", "instanceId": "nobody", "status": "FREEZE"}
	until := func() string {
		return d.text(`SELECT to_char(retry_until AT TIME ZONE 'UTC', 'HH24:MI') FROM messages`)
	}
	at := func(clock string) {
		a := d.arrived(freeze)
		var err error
		a.ReceivedAt, err = time.Parse("2006-01-02 15:04", "2026-01-05 "+clock)
		require.NoError(t, err)
		_, _, err = d.intake.Handle(context.Background(), a)
		require.NoError(t, err)
	}
	at("08:00")
	require.Equal(t, "09:00", until())
	at("08:30")
	require.Equal(t, "09:00", until(), "a retry within the window does not stretch it")
	at("12:00")
	require.Equal(t, "13:00", until())
}

func TestTheMarketplacesRepeatOfAFailedPurchaseIsRecorded(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.exec(`UPDATE tasks SET status = 'failed', attempts = 10, finished_at = now()`)
	d.exec(`UPDATE messages SET status = 'failed', last_error = '{"code":"unavailable","key":"x"}', first_received_at = now() - interval '1 hour'`)
	again := d.send("activity", "newInstance", "orderId", "CS-i1", "orderLineId", "CS-i1-000001", "businessId", "another")
	require.Equal(t, "i1", again["instanceId"])
	require.Equal(t, "pending 0 1", d.text(`SELECT status || ' ' || attempts || ' ' || round FROM tasks`))
	require.Equal(t, "restarted marketplace", d.text(`SELECT outcome || ' ' || actor FROM task_attempts`))
	require.Equal(t, "processing -", d.text(`SELECT status || ' ' || COALESCE(last_error->>'key', '-') FROM messages`))
	require.True(t, strings.HasPrefix(d.text(`SELECT disposition FROM attempts ORDER BY id DESC LIMIT 1`), "applied"))
}

func TestARepeatLeavesTheErrorOfWorkThatGoesOn(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.buy("i2")
	d.ready("i2")
	up := []string{"activity", "upgradeInstance", "instanceId", "i2", "orderId", "P1", "orderLineId", "P1-1"}
	require.Equal(t, "000000", d.send(up...)["resultCode"])
	d.exec(`UPDATE tasks SET attempts = 1, last_error = '{"code":"unavailable","key":"x"}', run_at = now() + interval '1 minute'`)
	d.exec(`UPDATE messages SET last_error = '{"code":"unavailable","key":"x"}', first_received_at = now() - interval '1 hour' WHERE status = 'processing'`)
	d.send("activity", "newInstance", "orderId", "CS-i1", "orderLineId", "CS-i1-000001", "businessId", "another")
	d.send(up...)
	require.Equal(t, "i1 processing x,i2 processing x", d.text(`
SELECT string_agg(instance_id || ' ' || status || ' ' || COALESCE(last_error->>'key', '-'), ',' ORDER BY instance_id)
  FROM messages
 WHERE activity = 'upgradeInstance' OR instance_id = 'i1'`), "it is still at risk, and told of by its error")
}

func TestAPurchaseIsTakenOverThoughItsAgentCannotBeMarked(t *testing.T) {
	t.Parallel()
	d := open(t)
	a := d.arrived(map[string]string{"activity": "newInstance", "orderId": "CS1", "orderLineId": "CS1-1", "businessId": "b"})
	a.Own = true
	call := func() {
		_, code, err := d.intake.Handle(context.Background(), a)
		require.NoError(t, err)
		require.Equal(t, market.Processing, code)
	}
	call()
	d.exec(`ALTER TABLE attempts ADD CONSTRAINT own CHECK (actor = '') NOT VALID`)
	call()
	require.Equal(t, "Koodesk,", d.text(`SELECT string_agg(actor, ',' ORDER BY id) FROM attempts`))
}

// A repeat has what was given up begin anew, but not a mail that may have arrived: that
// is for a person, who has it sent alone.
func TestARepeatDoesNotTellTheCustomerTwice(t *testing.T) {
	t.Parallel()
	d := openV1(t, time.Millisecond)
	d.buy1("b1")
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now(), last_error = '{"code":"unavailable","key":"x"}'`)
	d.exec(`
WITH v AS (
    INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, outcome, message_ref, unique_key)
    SELECT channel_id, id, 1, 'usage_info', 'email', 'en', '\x00', '', 'failed', 'unknown', 'r', 'k' FROM instances RETURNING id, instance_pk
)
INSERT INTO tasks (kind, purpose, message_id, instance_pk, delivery_id, unique_key, status, attempts, finished_at, last_error)
SELECT 'deliver', 'usage_info', 1, instance_pk, id, 'deliver/1', 'failed', 1, now(), '{"code":"unavailable","key":"delivery.outcome_unknown"}' FROM v`)
	d.exec(`UPDATE messages SET status = 'failed', first_received_at = now() - interval '1 hour'`)
	d.buy1("b1")
	require.Equal(t, "deliver failed, provision pending", d.text(`SELECT string_agg(kind || ' ' || status, ', ' ORDER BY kind) FROM tasks`))
	_, err := d.restartTask(2, staff.CLI())
	require.Equal(t, "restart.told_already", fault.From(err).Key)
	d.exec(`UPDATE tasks SET status = 'succeeded' WHERE kind <> 'deliver'`)
	d.exec(`UPDATE messages SET status = 'succeeded'`)
	_, err = d.restartMessage(1, staff.CLI())
	require.Equal(t, "restart.told_already", fault.From(err).Key)
	require.Equal(t, "failed", d.text(`SELECT status FROM tasks WHERE kind = 'deliver'`))
}
