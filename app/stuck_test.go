package main

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn"
	"koodesk/jobs"
)

// waiting is how many tasks Redis has in its most urgent queue.
func (r *rig) waiting() int64 {
	r.t.Helper()
	c, err := redisconn.Open(r.redisURL)
	require.NoError(r.t, err)
	defer c.Close()
	n, err := c.LLen(context.Background(), "asynq:{"+jobs.Urgent+"}:pending").Result()
	require.NoError(r.t, err)
	return n
}

// `queue rebuild` at the command line: what Redis has lost is handed over, what a
// lost worker held is put back, a second time finds nothing missing, and a worker
// then does all of it.
func TestTheQueueIsRebuiltAtTheCommandLine(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, false)
	require.Equal(t, "0 tasks are due: 0 were in Redis, 0 were missing and are handed over\n", r.ok(queue, "", "rebuild"))
	for _, order := range []string{"CS26112203REBLD1", "CS26112203REBLD2", "CS26112203REBLD3"} {
		r.buy(order)
	}
	require.Equal(t, "3 tasks are due: 0 were in Redis, 3 were missing and are handed over\n", r.ok(queue, "", "rebuild"))
	require.Equal(t, "3 tasks are due: 3 were in Redis, 0 were missing and are handed over\n", r.ok(queue, "", "rebuild"))
	require.EqualValues(t, 3, r.waiting())
	r.flushRedis()
	_, err := r.store.SQL().Exec(`UPDATE tasks SET status = 'running', attempts = 1, enqueued_at = NULL, started_at = now(), leased_until = now() - interval '1 s' WHERE id = 1`)
	require.NoError(t, err)
	require.Equal(t, "1 tasks of lost workers were put back\n3 tasks are due: 0 were in Redis, 3 were missing and are handed over\n", r.ok(queue, "", "rebuild"))
	require.Equal(t, "3 tasks are due: 3 were in Redis, 0 were missing and are handed over\n", r.ok(queue, "", "rebuild"))
	require.EqualValues(t, 3, r.waiting())
	r.second()
	require.Len(t, r.mails(3), 3)
	c := r.cli("")
	require.Equal(t, exitUsage, c.report(queue(context.Background(), c, []string{"rebuild", "everything"})))
	c = r.cli("")
	require.Equal(t, exitUsage, c.report(queue(context.Background(), c, nil)))
}

// An operator sees from the start page what is stuck while no worker runs, has it
// go on with one click, is told that a second time does nothing, and finds what
// Redis has lost.
func TestAnOperatorRepairsStuckWork(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, false)
	r.buy("CS26112204STUCK1")
	set := func(change string) {
		_, err := r.store.SQL().Exec(`UPDATE tasks SET ` + change)
		require.NoError(t, err)
	}
	set(`run_at = now() - interval '5 min'`)
	b := r.login()
	b.inEnglish()
	b.open("/")
	require.Contains(t, b.text(".needs"), "Stuck work")
	b.do(chromedp.Click(`.need-first a[href="/stuck?kind=unhanded"]`, chromedp.ByQuery), chromedp.WaitVisible(`table.stuck`, chromedp.ByQuery))
	require.Contains(t, b.text("table.stuck"), "Never tried")
	b.shot("stuck")
	repair := func() {
		t.Helper()
		b.do(chromedp.Click(`button[data-dialog=repair-confirm]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog#repair-confirm[open]`, chromedp.ByQuery),
			chromedp.SendKeys(`#repair-reason`, "the workers are away", chromedp.ByQuery),
			chromedp.Click(`dialog#repair-confirm button[type=submit]`, chromedp.ByQuery), chromedp.WaitVisible(`#toasts .toast`, chromedp.ByQuery))
	}
	b.do(chromedp.Click(`button[data-dialog=repair-confirm]`, chromedp.ByQuery), chromedp.WaitVisible(`dialog#repair-confirm[open]`, chromedp.ByQuery))
	b.shot("stuck-repair")
	b.do(chromedp.Click(`dialog#repair-confirm [data-close]`, chromedp.ByQuery), chromedp.WaitNotPresent(`dialog#repair-confirm[open]`, chromedp.ByQuery))
	require.Zero(t, r.waiting(), "closing the dialog does nothing")
	repair()
	require.Contains(t, b.text("#toasts"), "Handed to Redis")
	require.EqualValues(t, 1, r.waiting())

	b.open("/stuck")
	require.Contains(t, b.text("main"), "Nothing is stuck")
	set(`enqueued_at = now() - interval '5 min'`)
	b.open("/stuck")
	require.Contains(t, b.text("table.stuck"), "Redis has it")
	r.flushRedis()
	b.open("/stuck")
	require.Contains(t, b.text("table.stuck"), "Redis does not have it")
	set(`enqueued_at = now()`) // somebody else was quicker
	repair()
	require.Contains(t, b.text("#toasts"), "nothing was done")
	set(`enqueued_at = now() - interval '5 min'`)
	b.open("/stuck")
	repair()
	require.EqualValues(t, 1, r.waiting())
	require.Equal(t, 2, r.count(`SELECT count(*) FROM audit WHERE action = 'stuck.repair' AND reason = 'the workers are away' AND target = 'task/1'`))

	r.second()
	require.Len(t, r.mails(1), 1)
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM tasks WHERE status <> 'succeeded'`) == 0 }, time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Len(t, r.mail.Messages(), 1)
}
