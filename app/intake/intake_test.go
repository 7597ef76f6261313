package intake_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// dialect is V2.0, as the callback package hands it over.
type dialect struct{}

func (dialect) Protocols() []market.Protocol {
	return []market.Protocol{market.V2, market.License, market.LicenseCode, market.OrderNotice}
}
func (dialect) Encode(activity string, a market.Answer) []byte { return saas2.Encode(activity, a) }
func (dialect) Decode(body []byte) (market.Call, error)        { return saas2.Decode(body) }
func (dialect) Message(err error) string                       { return saas2.Message(err) }

// life is a driver's side that can be told to refuse.
type life struct {
	refuse   error
	released []string
}

func (l *life) CheckChange(context.Context, *store.Reader, *store.Channel, *store.Instance, []market.ProductInfo) error {
	return l.refuse
}

func (l *life) Release(_ context.Context, _ *store.Tx, i *store.Instance, _ int64) error {
	l.released = append(l.released, i.InstanceID)
	return nil
}

type desk struct {
	t       *testing.T
	store   *store.Store
	channel *store.Channel
	intake  *intake.Intake
	life    *life
	woken   int
}

func open(t *testing.T) *desk {
	t.Helper()
	return openOn(t, storetest.Open(t))
}

func openOn(t *testing.T, s *store.Store) *desk {
	t.Helper()
	d := &desk{t: t, store: s, life: &life{}}
	d.channel = storetest.Channel(t, d.store, "default", "")
	d.intake = intake.New(intake.Options{Store: d.store, Lifecycle: d.life, Dialects: []intake.Dialect{dialect{}},
		PublicURL: "https://koodesk.example.com", Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Wake: func() { d.woken++ }})
	return d
}

// restartMessage restarts a message in a transaction of its own.
func (d *desk) restartMessage(id int64, by staff.Actor) (r intake.Restarted, err error) {
	ctx := context.Background()
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if err = tx.LockForMessages(ctx, id); err == nil {
			r, err = d.intake.RestartMessage(ctx, tx, id, by, 0)
		}
		return err
	})
	return r, err
}

// restartTask restarts a task in a transaction of its own.
func (d *desk) restartTask(id int64, by staff.Actor) (r intake.Restarted, err error) {
	ctx := context.Background()
	err = d.store.Write(ctx, func(tx *store.Tx) error {
		if err = tx.LockForTasks(ctx, id); err == nil {
			r, err = d.intake.RestartTask(ctx, tx, id, by, 0)
		}
		return err
	})
	return r, err
}

func (d *desk) arrived(fields map[string]string) intake.Arrived {
	d.t.Helper()
	body, err := json.Marshal(fields)
	require.NoError(d.t, err)
	call, err := saas2.Decode(body)
	require.NoError(d.t, err)
	return intake.Arrived{Channel: d.channel, Call: call, ReceivedAt: time.Now(), IP: "192.0.2.1",
		Request: store.Request{Method: "POST", Query: "signature=x", Body: body}}
}

// send hands a call over and gives the answer's fields.
func (d *desk) send(kv ...string) map[string]any {
	d.t.Helper()
	fields := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		fields[kv[i]] = kv[i+1]
	}
	body, code, err := d.intake.Handle(context.Background(), d.arrived(fields))
	require.NoError(d.t, err)
	var out map[string]any
	require.NoError(d.t, json.Unmarshal(body, &out))
	require.Equal(d.t, string(code), out["resultCode"])
	return out
}

func (d *desk) buy(id string) {
	d.t.Helper()
	got := d.send("activity", "newInstance", "orderId", "CS-"+id, "orderLineId", "CS-"+id+"-000001", "businessId", id)
	require.Equal(d.t, id, got["instanceId"])
}

// ready makes the instance look provisioned.
func (d *desk) ready(id string) {
	d.t.Helper()
	d.exec(`UPDATE instances SET provisioned_at = now(), status = 'active', front_end_url = 'https://app.example.com' WHERE instance_id = $1`, id)
}

func (d *desk) exec(query string, args ...any) {
	d.t.Helper()
	_, err := d.store.SQL().Exec(query, args...)
	require.NoError(d.t, err)
}

func (d *desk) text(query string, args ...any) string {
	d.t.Helper()
	var s string
	require.NoError(d.t, d.store.SQL().QueryRow(query, args...).Scan(&s))
	return s
}

func (d *desk) expiry(id string) string {
	return d.text(`SELECT COALESCE(to_char(expires_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS'), '') FROM instances WHERE instance_id = $1`, id)
}

func (d *desk) refresh(id, scene, order, expires string) map[string]any {
	d.t.Helper()
	return d.send("activity", "refreshInstance", "scene", scene, "orderId", order, "orderLineId", order+"-000001", "instanceId", id, "expireTime", expires)
}

func TestRenewalSetsAndMayMoveBackwards(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20281124023618256")["resultCode"])
	require.Equal(t, "20281124023618", d.expiry("i1"))
	require.Equal(t, "000000", d.refresh("i1", "UNSUBSCRIBE_RENEWAL_PERIOD", "R1", "20271124023618")["resultCode"])
	require.Equal(t, "20271124023618", d.expiry("i1"), "a cancelled renewal moves it backwards")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20281124023618256")["resultCode"])
	require.Equal(t, "20271124023618", d.expiry("i1"), "the old renewal, repeated late, does not come back")
}

func TestSameKeyWithOtherContentIsAnsweredAndNotApplied(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.refresh("i1", "RENEWAL", "R1", "20280101000000")
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R1", "20290101000000")["resultCode"])
	require.Equal(t, "20280101000000", d.expiry("i1"))
	require.Equal(t, "1", d.text(`SELECT conflicts::text FROM messages WHERE activity = 'refreshInstance'`))
	require.Equal(t, "new,conflict", d.text(`
SELECT string_agg(disposition, ',' ORDER BY a.id)
  FROM attempts a JOIN messages m ON m.id = a.message_id WHERE m.activity = 'refreshInstance'`))
}

func TestFreezeAppliesByTheInstancesState(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	state := func() string { return d.text(`SELECT status FROM instances WHERE instance_id = 'i1'`) }
	for _, step := range []struct{ target, want string }{
		{"FREEZE", "frozen"}, {"FREEZE", "frozen"}, {"UNFREEZE", "active"}, {"FREEZE", "frozen"}, {"UNFREEZE", "active"},
	} {
		got := d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", step.target)
		require.Equal(t, "000000", got["resultCode"])
		require.Equal(t, step.want, state())
	}
	require.Equal(t, "2", d.text(`SELECT count(*)::text FROM messages WHERE activity = 'updateInstanceStatus'`), "one message per target state")
	require.Equal(t, "4", d.text(`SELECT count(*)::text FROM instance_events WHERE kind = 'status'`), "one entry per real change")
}

func TestReleaseEndsWhatWasStillToDo(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	for range 2 {
		require.Equal(t, "000000", d.send("activity", "releaseInstance", "instanceId", "i1", "orderId", "U1")["resultCode"])
	}
	require.Equal(t, "released", d.text(`SELECT status FROM instances`))
	require.Equal(t, "cancelled", d.text(`SELECT status FROM tasks`))
	require.Equal(t, []string{"i1"}, d.life.released, "the driver hears of it once")
	for _, kv := range [][]string{
		{"activity", "updateInstanceStatus", "instanceId", "i1", "status", "UNFREEZE"},
		{"activity", "upgradeInstance", "instanceId", "i1", "orderId", "P1", "orderLineId", "P1-1"},
		{"activity", "queryInstance", "instanceId", "i1"},
	} {
		require.Equal(t, "000003", d.send(kv...)["resultCode"], kv[1])
	}
	require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R1", "20280101000000")["resultCode"])
	require.Equal(t, "000000", d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", "FREEZE")["resultCode"])
}

func TestQueryShowsAccessDataAsSoonAsItIsThere(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.buy("i2")
	making := d.send("activity", "queryInstance", "instanceId", "i1")
	require.Equal(t, "000004", making["resultCode"])
	require.Equal(t, []any{map[string]any{"instanceId": "i1"}}, making["info"])
	d.ready("i2")
	both := d.send("activity", "queryInstance", "instanceId", "i1,i2,nobody")
	require.Equal(t, "000000", both["resultCode"])
	require.Equal(t, []any{map[string]any{"instanceId": "i1"},
		map[string]any{"instanceId": "i2", "appInfo": map[string]any{"frontEndUrl": "https://app.example.com"}}}, both["info"])
	require.Equal(t, "000003", d.send("activity", "queryInstance", "instanceId", "nobody")["resultCode"])
}

// A field that the marketplace adds one day must not keep a freeze from working.
func TestUnknownFieldsDoNotMakeAConflictOfAStatusChange(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", "FREEZE")
	d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", "UNFREEZE")
	d.send("activity", "updateInstanceStatus", "instanceId", "i1", "status", "FREEZE", "reason", "new in 2027")
	require.Equal(t, "frozen", d.text(`SELECT status FROM instances`))
	require.Len(t, d.send("activity", "queryInstance", "instanceId", "i1", "more", "1")["info"], 1)
	require.Len(t, d.send("activity", "queryInstance", "instanceId", "i1", "more", "2")["info"], 1)
}

func TestABusinessIDThatNoQueryCouldNameIsNotUsed(t *testing.T) {
	t.Parallel()
	d := open(t)
	got := d.send("activity", "newInstance", "orderId", "CS1", "orderLineId", "CS1-1", "businessId", "a,b")
	require.NotContains(t, got["instanceId"], ",")
	require.Equal(t, "000004", d.send("activity", "queryInstance", "instanceId", got["instanceId"].(string))["resultCode"])
}

func TestDebuggingCallsTouchNothingAndAlwaysSucceed(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("real")
	d.ready("real")
	for round := range 3 {
		for _, kv := range [][]string{
			{"activity", "newInstance", "orderId", "MOCK", "orderLineId", "MOCK-1", "businessId", fmt.Sprint("b", round)},
			{"activity", "queryInstance", "instanceId", "never,existed"},
			{"activity", "refreshInstance", "scene", "RENEWAL", "orderId", "o", "orderLineId", "l", "instanceId", "real", "expireTime", "20300101000000"},
			{"activity", "updateInstanceStatus", "instanceId", "real", "status", "FREEZE"},
			{"activity", "upgradeInstance", "instanceId", "nobody", "orderId", "o", "orderLineId", "l"},
			{"activity", "releaseInstance", "instanceId", "real"},
		} {
			got := d.send(append(kv, "testFlag", "1")...)
			require.Equal(t, "000000", got["resultCode"], kv[1])
			if kv[1] == "newInstance" {
				require.Equal(t, "b0", got["instanceId"], "the same order line, the same id")
			}
			if kv[1] == "queryInstance" {
				require.Len(t, got["info"], 2)
			}
		}
	}
	require.Equal(t, "active", d.text(`SELECT status FROM instances`))
	require.Equal(t, "", d.expiry("real"))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks`), "the real purchase's task alone")
}

func TestChangeCheckAsksTheDriver(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	ask := func(product string) market.ResultCode {
		t.Helper()
		body := []byte(`{"activity":"changeInstanceCheck","instanceId":"i1","productInfo":{"productId":"` + product + `","skuCode":"S2","linearValue":5}}`)
		call, err := saas2.Decode(body)
		require.NoError(t, err)
		_, code, err := d.intake.Handle(context.Background(), intake.Arrived{Channel: d.channel, Call: call, ReceivedAt: time.Now(),
			Request: store.Request{Body: body}})
		require.NoError(t, err)
		return code
	}
	require.Equal(t, market.Success, ask("P1"))
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM events`), "nobody wants to hear of it")
	d.subscribe()
	for range 3 {
		require.Equal(t, market.Success, ask("P2"))
	}
	told := d.told()
	require.Equal(t, []string{"instance.check_change"}, told.types, "a question that comes again is told once")
	require.Equal(t, []any{map[string]any{"product_id": "P2", "sku_code": "S2", "linear_value": 5.0}}, told.last["target"])
	d.life.refuse = fault.New(fault.Refused, "change.too_small")
	for range 2 {
		require.Equal(t, market.OtherError, ask("P2"))
	}
	require.Len(t, d.told().types, 2, "another answer is news")
	require.Equal(t, "failed", d.text(`SELECT status FROM messages WHERE activity = 'changeInstanceCheck' ORDER BY id DESC LIMIT 1`))
}

func TestRestartOfAGivenUpPurchase(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.exec(`UPDATE tasks SET status = 'failed', attempts = 10, finished_at = now(), last_error = '{"code":"unavailable","key":"x"}'`)
	d.exec(`UPDATE messages SET status = 'failed'`)
	by := staff.Actor{Name: "operator:ann@example.com", Source: "operator", Role: staff.Operator}
	r, err := d.restartMessage(1, by)
	require.NoError(t, err)
	require.Equal(t, 1, r.Given)
	require.Equal(t, "processing", r.Status)
	require.Equal(t, "processing", d.text(`SELECT status FROM messages`))
	require.Equal(t, "pending 0 1", d.text(`SELECT status || ' ' || attempts || ' ' || round FROM tasks`))
	require.Equal(t, "restart operator:ann@example.com", d.text(`SELECT disposition || ' ' || actor FROM attempts WHERE source = 'operator'`))
	require.Equal(t, "message.restart message/1", d.text(`SELECT action || ' ' || target FROM audit`))
	d.exec(`UPDATE tasks SET status = 'running'`)
	_, err = d.restartMessage(1, by)
	require.Equal(t, "restart.running", fault.From(err).Key)
}

func TestRestartAfterSuccessRunsIsRecordedAndMakesNothingTwice(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.exec(`UPDATE tasks SET status = 'succeeded'`)
	d.exec(`UPDATE messages SET status = 'succeeded', result_code = '000000'`)
	d.refresh("i1", "RENEWAL", "R1", "20280101000000")
	for id := int64(1); id <= 2; id++ {
		r, err := d.restartMessage(id, staff.CLI())
		require.NoError(t, err)
		require.True(t, r.Ran)
		require.Equal(t, market.Success, r.Code)
	}
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM instances`))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks`))
	require.Equal(t, "2", d.text(`SELECT count(*)::text FROM attempts WHERE disposition = 'restart'`))
}

func TestRestartOfWhatFailedForALackThatIsMended(t *testing.T) {
	t.Parallel()
	d := open(t)
	require.Equal(t, "000003", d.refresh("late", "RENEWAL", "R1", "20280101000000")["resultCode"])
	require.Equal(t, "failed", d.text(`SELECT status FROM messages WHERE id = 1`))
	d.buy("late")
	r, err := d.restartMessage(1, staff.CLI())
	require.NoError(t, err)
	require.Equal(t, market.Success, r.Code)
	require.Equal(t, "succeeded", d.text(`SELECT status FROM messages WHERE id = 1`))
	require.Equal(t, "20280101000000", d.expiry("late"))
}

func TestTheMarketplacesRepeatStartsGivenUpWorkAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	up := []string{"activity", "upgradeInstance", "instanceId", "i1", "orderId", "P1", "orderLineId", "P1-1"}
	require.Equal(t, "000000", d.send(up...)["resultCode"])
	d.exec(`UPDATE tasks SET status = 'failed', finished_at = now() WHERE purpose = 'upgrade'`)
	d.exec(`UPDATE messages SET status = 'failed' WHERE activity = 'upgradeInstance'`)
	require.Equal(t, "000000", d.send(up...)["resultCode"])
	require.Equal(t, "pending", d.text(`SELECT status FROM tasks WHERE purpose = 'upgrade'`))
	require.Equal(t, "processing", d.text(`SELECT status FROM messages WHERE activity = 'upgradeInstance'`))
	require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks WHERE purpose = 'upgrade'`), "one upgrade per order")
}
