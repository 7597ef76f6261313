package stuck_test

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email"
	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/provision"
	"koodesk/app/redisconn/redistest"
	"koodesk/app/restart"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
	"koodesk/app/stuck"
	"koodesk/app/telemetry"
	"koodesk/app/web/callback"
	"koodesk/jobs"
)

var ann = staff.Actor{Name: "operator:ann@seller.example", Role: staff.Operator, Source: "operator", Reason: "the host is back"}

// yard is stuck work on a database and a Redis of its own. No worker runs.
type yard struct {
	t       *testing.T
	store   *store.Store
	redis   redis.UniversalClient
	desk    *stuck.Desk
	intake  *intake.Intake
	channel *store.Channel
}

func open(t *testing.T) *yard {
	t.Helper()
	return openWith(t, redistest.Open(t))
}

func openWith(t *testing.T, r redis.UniversalClient) *yard {
	t.Helper()
	y := &yard{t: t, store: storetest.Open(t), redis: r}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	d, err := deliver.New(deliver.Options{Store: y.store, Email: email.None{}, Domain: "koodesk.example", Log: quiet})
	require.NoError(t, err)
	life := provision.New(provision.Options{Store: y.store, Deliverer: d, Log: quiet})
	y.intake = intake.New(intake.Options{Store: y.store, Lifecycle: life, Dialects: []intake.Dialect{callback.Dialect{}}, Log: quiet, Wake: func() {}})
	kinds := jobs.Table(jobs.Handlers{})
	for i := range kinds {
		kinds[i].Run = func(context.Context, outbox.Task) error { return nil }
	}
	queue, err := jobs.New(jobs.Options{Store: y.store, Redis: y.redis, Kinds: kinds, Metrics: telemetry.New(), Log: quiet})
	require.NoError(t, err)
	y.channel = storetest.Channel(t, y.store, "default", "")
	y.desk = stuck.New(stuck.Options{Store: y.store, Queue: queue, Restart: restart.New(restart.Options{Store: y.store, Restart: y.intake, Resend: d, Log: quiet})})
	return y
}

func (y *yard) exec(query string, args ...any) {
	y.t.Helper()
	_, err := y.store.SQL().Exec(query, args...)
	require.NoError(y.t, err)
}

func (y *yard) text(query string, args ...any) string {
	y.t.Helper()
	var s string
	require.NoError(y.t, y.store.SQL().QueryRow(`SELECT COALESCE((`+query+`)::text, '')`, args...).Scan(&s))
	return s
}

// keys names what a list holds, by the column that the tests name rows by.
func (y *yard) keys(kind, column string) []string {
	y.t.Helper()
	p, err := y.desk.List(y.t.Context(), kind, store.Paging{})
	require.NoError(y.t, err)
	out := []string{}
	for _, r := range p.Items {
		require.Equal(y.t, kind, r.StuckRow.Kind)
		out = append(out, y.text(column, r.ID))
	}
	n, err := y.desk.Counts(y.t.Context())
	require.NoError(y.t, err)
	require.Equal(y.t, len(out), n[kind].N, "what is counted is what is listed")
	return out
}

const (
	byTask     = `SELECT unique_key FROM tasks WHERE id = $1`
	byInstance = `SELECT instance_id FROM instances WHERE id = $1`
	byMessage  = `SELECT instance_id FROM messages WHERE id = $1`
)

func (y *yard) task(key string) int64 {
	y.t.Helper()
	id, err := strconv.ParseInt(y.text(`SELECT id FROM tasks WHERE unique_key = $1`, key), 10, 64)
	require.NoError(y.t, err)
	return id
}

// repaired repairs and says what was done; a second time must find nothing to
// do, write nothing and leave the row as it is.
func (y *yard) repaired(kind string, id int64) string {
	y.t.Helper()
	did, err := y.desk.Repair(y.t.Context(), kind, id, ann)
	require.NoError(y.t, err)
	const all = `SELECT string_agg(t::text, '|' ORDER BY t.id) FROM tasks t`
	before, audits, tries := y.text(all), y.text(`SELECT count(*) FROM audit`), y.text(`SELECT count(*) FROM task_attempts`)
	again, err := y.desk.Repair(y.t.Context(), kind, id, ann)
	require.NoError(y.t, err)
	require.Equal(y.t, map[bool]string{true: stuck.Already, false: stuck.Nothing}[kind == store.StuckPoll], again)
	require.Equal(y.t, []string{before, audits, tries}, []string{y.text(all), y.text(`SELECT count(*) FROM audit`), y.text(`SELECT count(*) FROM task_attempts`)})
	return did
}

// inRedis lists the tasks that Redis has waiting.
func (y *yard) inRedis() []string {
	y.t.Helper()
	out := []string{}
	for _, q := range []string{jobs.Urgent, jobs.Soon, jobs.Texts, jobs.Mail, jobs.Notices} {
		found, err := asynq.NewInspectorFromRedisClient(y.redis).ListPendingTasks(q)
		if err != nil { // there is no such queue yet
			continue
		}
		for _, f := range found {
			out = append(out, y.text(byTask, f.ID))
		}
	}
	return out
}

const tasksOfEveryAge = `
INSERT INTO tasks (kind, unique_key, status, run_at, enqueued_at, taken_back_at, started_at, leased_until, attempts)
VALUES ('order_query', 'due',         'pending',   now() - interval '5 min', NULL, NULL, NULL, NULL, 0),
       ('notice',      'due notice',  'pending',   now() - interval '4 min', NULL, now() - interval '3 min', NULL, NULL, 0),
       ('order_query', 'just due',    'pending',   now() - interval '1 min', NULL, NULL, NULL, NULL, 0),
       ('order_query', 'taken back',  'pending',   now() - interval '1 hour', NULL, now() - interval '10 s', NULL, NULL, 0),
       ('order_query', 'later',       'pending',   now() + interval '1 hour', NULL, NULL, NULL, NULL, 0),
       ('order_query', 'given up',    'failed',    now() - interval '1 hour', NULL, NULL, NULL, NULL, 10),
       ('time_travel', 'from future', 'pending',   now() - interval '3 min', NULL, NULL, NULL, NULL, 0),
       ('deliver',     'lost',        'pending',   now() - interval '1 hour', now() - interval '9 min', NULL, NULL, NULL, 0),
       ('deliver',     'backlog',     'pending',   now() - interval '1 hour', now() - interval '8 min', NULL, NULL, NULL, 0),
       ('deliver',     'fresh',       'pending',   now() - interval '1 hour', now() - interval '1 min', NULL, NULL, NULL, 0),
       ('deliver',     'dead',        'running',   now() - interval '1 hour', NULL, NULL, now() - interval '9 min', now() - interval '8 min', 1),
       ('deliver',     'killer',      'running',   now() - interval '1 hour', NULL, NULL, now() - interval '9 min', now() - interval '7 min', 1),
       ('deliver',     'at work',     'running',   now() - interval '1 hour', NULL, NULL, now() - interval '1 min', now() + interval '5 s', 1),
       ('deliver',     'just over',   'running',   now() - interval '1 hour', NULL, NULL, now() - interval '1 min', now() - interval '5 s', 1)`

// Tasks that are not handed over, not begun, or whose worker is gone: each kind
// holds what is stuck and nothing that is on its way, its repair does what relay
// and sweeper would do, once, and says so.
func TestStuckTasksGoOn(t *testing.T) {
	t.Parallel()
	y := open(t)
	y.exec(tasksOfEveryAge)
	y.exec(`INSERT INTO task_attempts (task_id, round, number, at, outcome) SELECT $1, n, 1, now(), 'lost' FROM generate_series(1, 4) AS n`, y.task("killer"))
	require.Equal(t, []string{"due", "due notice", "from future"}, y.keys(store.StuckUnhanded, byTask))
	require.Equal(t, []string{"lost", "backlog"}, y.keys(store.StuckLost, byTask))
	require.Equal(t, []string{"dead", "killer"}, y.keys(store.StuckLease, byTask))
	nav, err := y.store.Reader().NavCounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, 7, nav.Stuck.N)
	need, err := y.store.Reader().NeedStuck(t.Context())
	require.NoError(t, err)
	require.Equal(t, []any{7, store.StuckLost}, []any{need.Count.N, need.Key}, "the longest stuck leads")

	require.Equal(t, stuck.Handed, y.repaired(store.StuckUnhanded, y.task("due")))
	require.Equal(t, stuck.Handed, y.repaired(store.StuckUnhanded, y.task("due notice")))
	require.Equal(t, []string{"due", "due notice"}, y.inRedis())
	_, err = y.desk.Repair(t.Context(), store.StuckUnhanded, y.task("from future"), ann)
	require.Equal(t, "queue.kind_unknown", fault.From(err).Key)

	y.exec(`UPDATE tasks SET enqueued_at = NULL WHERE unique_key = 'backlog'`)
	require.Equal(t, stuck.Handed, y.repaired(store.StuckUnhanded, y.task("backlog")))
	y.exec(`UPDATE tasks SET enqueued_at = now() - interval '8 min' WHERE unique_key = 'backlog'`)
	p, err := y.desk.List(t.Context(), store.StuckLost, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, []string{stuck.RedisLost, stuck.RedisHas}, []string{p.Items[0].Redis, p.Items[1].Redis})
	_, err = y.desk.Repair(t.Context(), store.StuckLost, y.task("backlog"), ann)
	require.Equal(t, "stuck.in_redis", fault.From(err).Key)
	require.Equal(t, stuck.Handed, y.repaired(store.StuckLost, y.task("lost")))
	require.ElementsMatch(t, []string{"due", "due notice", "backlog", "lost"}, y.inRedis(), "each once")

	require.Equal(t, stuck.PutBack, y.repaired(store.StuckLease, y.task("dead")))
	require.Equal(t, "pending 1 lost", y.text(`SELECT t.status || ' ' || t.round || ' ' || a.outcome FROM tasks t JOIN task_attempts a ON a.task_id = t.id WHERE unique_key = 'dead'`))
	require.Equal(t, "running", y.text(`SELECT status FROM tasks WHERE unique_key = 'just over'`), "the others are left alone")
	require.Equal(t, stuck.PutBack, y.repaired(store.StuckLease, y.task("killer")))
	require.Equal(t, "failed task.kills_workers", y.text(`SELECT status || ' ' || (last_error ->> 'key') FROM tasks WHERE unique_key = 'killer'`))
	require.Equal(t, "stuck.repair operator:ann@seller.example the host is back lease task/"+strconv.FormatInt(y.task("dead"), 10),
		y.text(`SELECT action || ' ' || actor || ' ' || reason || ' ' || (detail ->> 'kind') || ' ' || target FROM audit WHERE detail ->> 'kind' = 'lease' ORDER BY id LIMIT 1`))
	require.Equal(t, []string{"from future"}, y.keys(store.StuckUnhanded, byTask))

	_, err = y.desk.Repair(t.Context(), store.StuckLease, 999999, ann)
	require.True(t, fault.Is(err, fault.NotFound))
	_, err = y.desk.Repair(t.Context(), "bad mood", 1, ann)
	require.True(t, fault.Is(err, fault.NotFound))
}

// Without Redis what is stuck is still seen, and a repair that needs it changes
// nothing.
func TestStuckWorkWithoutRedis(t *testing.T) {
	t.Parallel()
	nobody := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { require.NoError(t, nobody.Close()) })
	y := openWith(t, nobody)
	y.exec(tasksOfEveryAge)
	p, err := y.desk.List(t.Context(), store.StuckLost, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, stuck.RedisUnknown, p.Items[0].Redis)
	for kind, key := range map[string]string{store.StuckLost: "lost", store.StuckUnhanded: "due"} {
		_, err = y.desk.Repair(t.Context(), kind, y.task(key), ann)
		require.Equal(t, "queue.unreachable", fault.From(err).Key)
	}
	require.Equal(t, "0", y.text(`SELECT count(*) FROM audit`))
	require.Equal(t, stuck.PutBack, y.repaired(store.StuckLease, y.task("dead")), "this one needs no Redis")
}

// Two people at the same moment: one of them did it.
func TestTwoRepairsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	y := open(t)
	y.exec(tasksOfEveryAge)
	late := y.buy("CSLATE")
	y.exec(`DELETE FROM tasks WHERE instance_pk = $1`, late)
	unseen := y.buy("CSUNSEEN")
	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSUNSEEN"}})
	y.exec(`UPDATE instances SET status = 'active', provisioned_at = now() - interval '2 h', access_version = 1, front_end_url = 'https://app.example/' WHERE id = $1`, unseen)
	y.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now() WHERE instance_pk = $1`, unseen)
	y.exec(`UPDATE messages SET last_received_at = now() - interval '3 h', lacked_at = now() - interval '3 h' WHERE activity = 'queryInstance'`)
	poll, err := strconv.ParseInt(y.text(`SELECT id FROM messages WHERE activity = 'queryInstance'`), 10, 64)
	require.NoError(t, err)
	for kind, id := range map[string]int64{store.StuckLost: y.task("lost"), store.StuckUnhanded: y.task("due"), store.StuckLease: y.task("dead"),
		store.StuckCreation: late, store.StuckPoll: poll} {
		did := make([]string, 8)
		var wg sync.WaitGroup
		for i := range did {
			wg.Go(func() {
				var err error
				if did[i], err = y.desk.Repair(context.Background(), kind, id, ann); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n := 0
		for _, d := range did {
			if d != stuck.Nothing && d != stuck.Already {
				n++
			}
		}
		require.Equal(t, 1, n, kind)
	}
	require.Equal(t, "5", y.text(`SELECT count(*) FROM audit WHERE action = 'stuck.repair'`))
}

// All kinds one after the other, as the API reads them: each row once, whatever
// the page's size.
func TestAllKindsAreReadOneAfterTheOther(t *testing.T) {
	t.Parallel()
	y := open(t)
	y.exec(tasksOfEveryAge)
	for limit := 1; limit <= 8; limit++ {
		var seen []string
		p := store.Paging{Limit: limit}
		for {
			page, err := y.desk.List(t.Context(), "", p)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Items), limit)
			for _, r := range page.Items {
				require.Equal(t, r.StuckRow.Kind == store.StuckLost, r.Redis != "")
				seen = append(seen, y.text(byTask, r.ID))
			}
			if p.Cursor = page.Older; p.Cursor == "" {
				break
			}
		}
		require.Equal(t, []string{"due", "due notice", "from future", "lost", "backlog", "dead", "killer"}, seen, limit)
	}
	_, err := y.desk.List(t.Context(), "", store.Paging{Cursor: "nonsense"})
	require.Equal(t, "cursor.invalid", fault.From(err).Key)
}

// call sends a call as the marketplace would.
func (y *yard) call(c market.Call) {
	y.t.Helper()
	c.Protocol, c.BusinessID, c.ContentHash = market.V2, "inst-"+c.OrderID, []byte(c.OrderID)
	body := `{"activity":"` + c.Activity + `","orderId":"` + c.OrderID + `","orderLineId":"` + c.OrderLineID + `","businessId":"` + c.BusinessID +
		`","instanceId":"` + strings.Join(c.InstanceIDs, ",") + `","testFlag":"0"}`
	_, _, err := y.intake.Handle(context.Background(), intake.Arrived{Channel: y.channel, Call: c, ReceivedAt: time.Now(),
		Request: store.Request{Method: "POST", Body: []byte(body)}})
	require.NoError(y.t, err)
}

// buy takes a purchase over, long ago.
func (y *yard) buy(order string) int64 {
	y.t.Helper()
	y.call(market.Call{Activity: market.NewInstance, OrderID: order, OrderLineID: order + "-000001"})
	y.exec(`UPDATE instances SET created_at = now() - interval '40 min' WHERE order_id = $1`, order)
	id, err := strconv.ParseInt(y.text(`SELECT id FROM instances WHERE order_id = $1`, order), 10, 64)
	require.NoError(y.t, err)
	return id
}

// set changes an instance's only task.
func (y *yard) set(pk int64, change string) {
	y.t.Helper()
	y.exec(`UPDATE tasks SET `+change+` WHERE instance_pk = $1`, pk)
}

// Late instances: what nothing is at, and what only waits for its next try. The
// repair runs the work that there is, and makes none twice.
func TestLateInstancesAreMadeAgain(t *testing.T) {
	t.Parallel()
	y := open(t)
	retrying, cancelled, none, promised := y.buy("CSRETRY"), y.buy("CSCANCEL"), y.buy("CSNONE"), y.buy("CSHOOK")
	y.set(retrying, `attempts = 8, run_at = now() + interval '9 min'`)
	y.set(cancelled, `status = 'cancelled', finished_at = now()`)
	y.exec(`DELETE FROM tasks WHERE instance_pk = $1`, none)
	y.set(promised, `kind = 'provision', parked_at = now() - interval '3 h', run_at = now() + interval '1 day'`)
	y.exec(`UPDATE messages SET retry_until = now() - interval '1 min' WHERE order_id = 'CSHOOK'`)

	y.set(y.buy("CSDUE"), `run_at = now() - interval '1 s'`)
	y.set(y.buy("CSRUNNING"), `status = 'running', leased_until = now() + interval '1 min'`)
	y.set(y.buy("CSFAILED"), `status = 'failed', finished_at = now()`)
	y.set(y.buy("CSPERSON"), `kind = 'provision', parked_at = now(), run_at = '9999-12-31'`)
	y.exec(`UPDATE instances SET driver = 'webhook' WHERE order_id = 'CSPERSON'`) // what its system promised once is a person's now
	y.exec(`UPDATE messages SET retry_until = now() - interval '1 min' WHERE order_id = 'CSPERSON'`)
	y.set(y.buy("CSPROMISE"), `kind = 'provision', parked_at = now(), run_at = now() + interval '1 day'`)
	y.set(y.buy("CSYOUNG"), `run_at = now() + interval '1 h'`)
	y.exec(`UPDATE instances SET created_at = now() - interval '20 min' WHERE order_id = 'CSYOUNG'`)
	y.set(y.buy("CSREADY"), `status = 'succeeded', finished_at = now()`)
	y.exec(`UPDATE instances SET status = 'active', provisioned_at = now() WHERE order_id = 'CSREADY'`)
	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSRETRY"}})
	y.exec(`UPDATE messages SET attempts = 3, restarts = 2 WHERE activity = 'queryInstance'`)

	require.Equal(t, []string{"inst-CSRETRY", "inst-CSCANCEL", "inst-CSNONE", "inst-CSHOOK"}, y.keys(store.StuckCreation, byInstance))
	p, err := y.desk.List(t.Context(), store.StuckCreation, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, []any{outbox.OrderQuery, 8, false}, []any{p.Items[0].Task, p.Items[0].Attempts, p.Items[0].NextAt.IsZero()})
	require.Equal(t, 1, p.Items[0].Polls, "people are not the marketplace")
	require.Zero(t, p.Items[2].TaskID)
	require.False(t, p.Items[3].Deadline.IsZero())

	for _, pk := range []int64{retrying, cancelled, none, promised} {
		require.Equal(t, stuck.Begun, y.repaired(store.StuckCreation, pk))
	}
	require.Empty(t, y.keys(store.StuckCreation, byInstance))
	require.Equal(t, "CSCANCEL order_query 1, CSHOOK provision 0, CSNONE order_query 0, CSRETRY order_query 0",
		y.text(`SELECT string_agg(t.order_id || ' ' || t.kind || ' ' || t.round, ', ' ORDER BY t.order_id)
  FROM tasks t WHERE t.status = 'pending' AND t.run_at <= now() AND t.order_id IN ('CSRETRY', 'CSCANCEL', 'CSNONE', 'CSHOOK')`))
	require.Equal(t, "4", y.text(`SELECT count(*) FROM audit WHERE action = 'stuck.repair' AND target LIKE 'instance/inst-CS%'`))
	require.Equal(t, "CSCANCEL t, CSHOOK t, CSNONE t, CSRETRY t", y.text(`
SELECT string_agg(concat_ws(' ', m.order_id, a.task_id = t.id), ', ' ORDER BY m.order_id)
  FROM attempts a
  JOIN messages m ON m.id = a.message_id
  JOIN tasks t ON t.message_id = m.id AND t.status = 'pending'
 WHERE a.disposition = 'restart'
   AND a.source = 'operator'
   AND a.actor = $1`, ann.Name), "each is an attempt of its message")
	require.Equal(t, "11", y.text(`SELECT count(*) FROM instances`))

	var due []store.Due // what was made anew can be worked on
	_, err = y.store.Relay(t.Context(), []string{"order_query", "provision"}, 50, func(d []store.Due) ([]int64, error) { due = d; return nil, nil })
	require.NoError(t, err)
	require.Len(t, due, 5)
}
