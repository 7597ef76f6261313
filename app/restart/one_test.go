package restart_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func (d *desk) one(thing, mode string, id int64) (intake.Restarted, error) {
	d.t.Helper()
	return d.batches.RestartOne(d.t.Context(), thing, mode, id, ann)
}

// kept is what is kept of all restarts.
func (d *desk) kept() string {
	d.t.Helper()
	return d.text(`
SELECT string_agg(concat_ws(' ', b.thing, b.mode, b.status, i.item_id, i.state, i.outcome, i.given, i.hurried, b.restarted, b.passed, b.failed), ', ' ORDER BY b.id, i.item_id)
  FROM restart_batches b
  JOIN restart_items i ON i.batch_id = b.id
 WHERE b.actor = '` + ann.Name + `' AND b.source = 'operator' AND b.reason = '` + ann.Reason + `' AND b.finished_at IS NOT NULL`)
}

// attempted is what restarts have left with the messages.
func (d *desk) attempted() string {
	d.t.Helper()
	return d.text(`
SELECT string_agg(concat_ws(' ', message_id, 'restart', restart_id, 'task', task_id, result_code), ', ' ORDER BY id)
  FROM attempts
 WHERE disposition = 'restart' AND source = 'operator' AND actor = '` + ann.Name + `'`)
}

// The restart of one message or one task is kept with who, why and what came of it, as
// that of many is, and leaves an attempt with the message that says which task.
func TestARestartOfOneIsKept(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(2)
	d.exec(`UPDATE tasks SET status = 'pending', run_at = now() + interval '1 hour' WHERE id = 2`)
	d.exec(`INSERT INTO tasks (kind, message_id, unique_key, status, finished_at) VALUES ('provision', 2, 'provision/2', 'failed', now())`)
	r, err := d.one(store.RestartMessages, store.RestartAll, 1)
	require.NoError(t, err)
	require.Equal(t, 1, r.Given)
	r, err = d.one(store.RestartTasks, store.RestartAll, 2)
	require.NoError(t, err)
	require.Equal(t, []any{1, 0, int64(2)}, []any{r.Hurried, r.Given, r.MessageID})
	require.Equal(t, "messages all done 1 restarted  1 0 1 0 0, tasks all done 2 restarted  0 1 1 0 0", d.kept())
	require.Equal(t, "0", d.text(`SELECT count(*) FROM restart_items WHERE code <> ''`), "no call was run")
	require.Equal(t, "1 restart 1 task 000004, 2 restart 2 task 2 000004", d.attempted())
	require.Equal(t, "2 2", d.text(`SELECT string_agg(attempts::text, ' ') FROM messages`))
	require.Equal(t, "failed", d.text(`SELECT status FROM messages WHERE id = 2`), "its other task has failed")
	require.Equal(t, "1 2 restarted", d.text(`SELECT string_agg(task_id::text, ' ' ORDER BY task_id) || ' ' || max(outcome) FROM task_attempts`))

	d.exec(`UPDATE tasks SET status = 'succeeded' WHERE id IN (1, 3)`)
	d.exec(`UPDATE tasks SET status = 'failed' WHERE id = 2`)
	d.exec(`UPDATE messages SET status = 'succeeded' WHERE id = 1`)
	require.NoError(t, d.batches.Settle(t.Context()))
	require.Equal(t, "messages all done 1 restarted passed 1 0 1 1 0, tasks all done 2 restarted failed 0 1 1 0 1", d.kept())
}

// A call that is run again and taken over has passed once the work that it wrote is done.
func TestACallThatIsRunAgainIsJudgedByItsWork(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]string{store.MessageSucceeded: "passed 0 0 1 1 0", store.MessageFailed: "failed 0 0 1 0 1"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			require.Equal(t, market.NoSuchInstance, d.call(map[string]string{"activity": "refreshInstance", "scene": "TRIAL_TO_FORMAL", "orderId": "R1", "orderLineId": "R1-1",
				"instanceId": "i-1", "productId": "OFFI1", "expireTime": "20300101000000"}))
			d.instance()
			r, err := d.one(store.RestartMessages, store.RestartAll, 1)
			require.NoError(t, err)
			require.Equal(t, intake.Restarted{MessageID: 1, Status: store.MessageProcessing, Code: market.Success, Ran: true}, r)
			require.NoError(t, d.batches.Settle(t.Context()))
			require.Equal(t, "messages all done 1 restarted  0 0 1 0 0", d.kept(), "its work is under way")

			d.exec(`UPDATE tasks SET status = $1, finished_at = now()`, end)
			d.exec(`UPDATE messages SET status = $1`, end)
			require.NoError(t, d.batches.Settle(t.Context()))
			require.Equal(t, "messages all done 1 restarted "+want, d.kept())
		})
	}
}

// What a restart sends customers again counts as well as the message's own work, which
// does not go by it, and alone where nothing else is done again.
func TestAMessageWhoseCustomerIsSentAgainIsJudgedByThatToo(t *testing.T) {
	t.Parallel()
	const sent = `UPDATE deliveries SET status = 'succeeded' WHERE id = 4`
	for name, c := range map[string]struct{ before, status, after, want string }{
		"nothing else is done, and it is not sent":            {`DELETE FROM tasks WHERE id = 3`, store.MessageSucceeded, `UPDATE deliveries SET status = 'failed' WHERE id = 4`, "failed 1 0 1 0 1"},
		"nothing else is done, and it is sent":                {`DELETE FROM tasks WHERE id = 3`, store.MessageSucceeded, sent, "passed 1 0 1 1 0"},
		"nothing else is done, and what is left of it failed": {`UPDATE tasks SET status = 'running', kind = 'event', message_id = NULL WHERE id = 3`, store.MessageFailed, sent, "passed 1 0 1 1 0"},
		"the work is done, and it is not sent":                {``, store.MessageProcessing, `UPDATE deliveries SET status = 'failed' WHERE id = 4`, "failed 2 0 1 0 1"},
		"it is sent, and the work is done":                    {``, store.MessageProcessing, sent, "passed 2 0 1 1 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.told()
			d.exec(`UPDATE messages SET status = 'succeeded' WHERE id = 3 AND $1 = 'succeeded'`, c.status)
			d.exec(c.before)
			r, err := d.one(store.RestartMessages, store.RestartAll, 3)
			require.NoError(t, err)
			require.Equal(t, c.status, r.Status)
			restarted := "messages all done 3 restarted "
			if c.status == store.MessageProcessing {
				d.exec(`UPDATE tasks SET status = 'succeeded' WHERE id = 3`)
				d.exec(`UPDATE messages SET status = 'succeeded' WHERE id = 3`)
			}
			require.NoError(t, d.batches.Settle(t.Context()))
			require.Equal(t, "", d.text(`SELECT outcome FROM restart_items`), "it is not sent yet")
			d.exec(c.after)
			require.NoError(t, d.batches.Settle(t.Context()))
			require.Equal(t, restarted+c.want, d.kept())
		})
	}
}

// The restart of a single task that sends a customer something is judged as that of its
// message is.
func TestATaskThatTellsACustomerIsJudgedByWhatItSends(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	_, err := d.one(store.RestartTasks, store.RestartAll, 4)
	require.NoError(t, err)
	require.NoError(t, d.batches.Settle(t.Context()))
	require.Equal(t, "tasks all done 4 restarted  1 0 1 0 0", d.kept(), "it is not sent yet")
	d.exec(`UPDATE tasks SET status = 'failed' WHERE id = 4`)
	d.exec(`UPDATE deliveries SET status = 'failed' WHERE id = 4`)
	d.exec(`
INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
SELECT channel_id, instance_pk, message_id, kind, 'email', language, to_sealed, to_mask, 'succeeded', 'f', 'f', id FROM deliveries WHERE id = 4`)
	require.NoError(t, d.batches.Settle(t.Context()))
	require.Equal(t, "tasks all done 4 restarted passed 1 0 1 1 0", d.kept(), "the fall-back has arrived")
}

// What a release, or a newer mail, ends before it is sent has told nobody.
func TestWhatWasNotSentAfterAllHasNotPassed(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	_, err := d.one(store.RestartTasks, store.RestartAll, 4)
	require.NoError(t, err)
	d.exec(`UPDATE tasks SET status = 'cancelled' WHERE id = 4`)
	d.exec(`UPDATE deliveries SET status = 'cancelled' WHERE id = 4`)
	require.NoError(t, d.batches.Settle(t.Context()))
	require.Equal(t, "tasks all done 4 restarted failed 1 0 1 0 1", d.kept())
}

// One that is refused has done nothing, and leaves nothing but the answer.
func TestARefusedRestartOfOneIsKept(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(1)
	d.exec(`UPDATE tasks SET status = 'running', leased_until = now() + interval '1 hour'`)
	for _, c := range []struct {
		thing, mode string
		id          int64
		key         string
	}{
		{store.RestartMessages, store.RestartAll, 1, "restart.running"}, {store.RestartTasks, store.RestartAll, 1, "restart.running"},
		{store.RestartMessages, store.RestartDelivery, 1, "restart.nothing_told"},
		{store.RestartMessages, store.RestartDelivery, 9, "message.unknown"}, {store.RestartMessages, store.RestartAll, 9, "message.unknown"},
		{store.RestartTasks, store.RestartAll, 9, "task.unknown"}, {store.RestartTasks, store.RestartDelivery, 1, "restart.mode"},
	} {
		_, err := d.one(c.thing, c.mode, c.id)
		require.Equal(t, c.key, fault.From(err).Key)
	}
	require.Equal(t, "messages all done 1 refused  0 0 0 0 0, tasks all done 1 refused  0 0 0 0 0, messages delivery done 1 refused  0 0 0 0 0", d.kept(),
		"what is not there leaves nothing")
	require.Equal(t, "restart.running restart.running restart.nothing_told", d.text(`SELECT string_agg(error ->> 'key', ' ' ORDER BY batch_id) FROM restart_items`))
	require.Equal(t, "1 1 1", d.text(`SELECT string_agg(refused::text, ' ' ORDER BY id) FROM restart_batches`))
	require.Equal(t, "0 0 1", d.text(`SELECT concat_ws(' ', (SELECT count(*) FROM attempts), (SELECT count(*) FROM audit), (SELECT count(*) FROM tasks WHERE status = 'running'))`),
		"nothing else was done")
}

// A task that belongs to no message has no attempt: its try and the restart say who,
// and the restart why.
func TestATaskWithoutAMessageIsRestarted(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.exec(`INSERT INTO tasks (kind, unique_key, status, finished_at) VALUES ('reconcile', 'r', 'failed', now())`)
	_, err := d.one(store.RestartTasks, store.RestartAll, 1)
	require.NoError(t, err)
	require.Equal(t, "tasks all done 1 restarted  1 0 1 0 0", d.kept())
	require.Equal(t, "1 restarted "+ann.Name, d.text(`SELECT concat_ws(' ', task_id, outcome, actor) FROM task_attempts`))
	require.Equal(t, "0", d.text(`SELECT count(*) FROM attempts`))
	rows, err := d.store.Reader().TaskRestarts(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, []any{int64(1), ann.Name, ann.Reason, int64(1)}, []any{rows[0].Batch, rows[0].Actor, rows[0].Reason, rows[0].TaskID})
}

// Each of many tasks leaves an attempt of its own, which names it and the restart.
func TestEachOfManyTasksLeavesAnAttempt(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.failing(2)
	d.exec(`INSERT INTO tasks (kind, message_id, unique_key, status, finished_at) VALUES ('provision', 1, 'provision/1', 'failed', now())`)
	d.same(store.RestartSet{Thing: store.RestartTasks, Mode: store.RestartAll, IDs: []int64{1, 2, 3}}, map[string]int{})
	require.Equal(t, "1 restart 1 task 1 000004, 2 restart 1 task 2 000004, 1 restart 1 task 3 000004", d.attempted())
	require.Equal(t, "3 2", d.text(`SELECT string_agg(attempts::text, ' ' ORDER BY id) FROM messages`))
	m, err := d.store.Reader().MessageDetail(t.Context(), 1, 20)
	require.NoError(t, err)
	require.Len(t, m.Restarts, 2)
	require.Equal(t, []int64{3, 1}, []int64{m.AttemptLog[0].TaskID, m.AttemptLog[1].TaskID})
	require.Equal(t, ann.Reason, m.AttemptLog[0].Reason)
}

// The customer of one message is told again as the customers of many are.
func TestTheCustomerOfOneIsToldAgain(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.told()
	r, err := d.one(store.RestartMessages, store.RestartDelivery, 1)
	require.NoError(t, err)
	require.Equal(t, intake.Restarted{MessageID: 1, Status: store.MessageFailed, Code: "000004", Given: 2, Tells: []int64{1, 2}}, r)
	require.Equal(t, "messages delivery done 1 restarted  2 0 1 0 0", d.kept())
	require.Equal(t, "1 restart 1 task 000004", d.attempted())
	require.Equal(t, "message.restart the shop is back delivery", d.text(`SELECT concat_ws(' ', action, reason, detail ->> 'mode') FROM audit WHERE target = 'message/1'`))
	require.Equal(t, "failed", d.text(`SELECT status FROM tasks WHERE id = 1`), "nothing else is done")
}

func TestOneTaskIsRestartedInTheOrderOfLocks(t *testing.T) {
	t.Parallel()
	rows := []storetest.Row{{Table: "messages", ID: 1}, {Table: "tasks", ID: 1}}
	storetest.LocksInOrder(t, rows, func(t *testing.T) (*store.Store, func() error) {
		d := open(t)
		d.failing(1)
		return d.store, func() error {
			_, err := d.one(store.RestartTasks, store.RestartAll, 1)
			return err
		}
	})
}
