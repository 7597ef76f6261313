package reconcile_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/intake"
	"koodesk/app/market"
)

// refuse is a purchase that is refused here and that the marketplace knows.
func (d *desk) refuse(id string) {
	d.t.Helper()
	c := market.Call{Protocol: market.V2, Activity: market.NewInstance, OrderID: id, OrderLineID: id + "-000001", BusinessID: "b-" + id}
	_, err := d.intake.Reject(d.ctx, intake.Arrived{Channel: d.ch, Call: c, ReceivedAt: time.Now()}, market.AuthFailed, []byte(`{}`),
		fault.New(fault.Unauthenticated, "call.signature_wrong"))
	require.NoError(d.t, err)
	d.market.orders[id] = order(id, market.OrderNew, d.now.AddDate(1, 0, 0))
}

// However many purchases were lost, all are asked for, each once, a page at a
// time; a run that breaks off goes on behind the page that it has written.
func TestLostPurchasesAreAskedForPageByPage(t *testing.T) {
	t.Parallel()
	d := open(t)
	for n := range 7 {
		d.refuse("CS" + strconv.Itoa(n))
	}
	_, err := d.r.Start(d.ctx, ann)
	require.NoError(t, err)
	_, err = d.store.SQL().Exec(`UPDATE tasks SET enqueued_at = now()`)
	require.NoError(t, err)
	var id int64
	require.NoError(t, d.store.SQL().QueryRow(`SELECT id FROM tasks WHERE kind = 'reconcile'`).Scan(&id))
	task, ok, err := d.store.Claim(d.ctx, id, time.Minute)
	require.NoError(t, err)
	require.True(t, ok)

	d.market.until = 5
	require.Equal(t, "order_query.unreachable", fault.From(d.r.Work(d.ctx, task)).Key)
	require.Len(t, d.findings(), 4, "two pages of two; the third was not answered whole")
	require.Equal(t, d.text(`SELECT id::text FROM messages WHERE order_id = 'CS3'`), d.text(`SELECT lost_id::text FROM reconciliations`))

	d.market.until = 0
	d.refuse("CSNEW") // after the run began: the next run's
	require.NoError(t, d.r.Work(d.ctx, task))
	require.Equal(t, "done", d.text(`SELECT status FROM reconciliations`))
	require.Len(t, d.findings(), 7)
	require.Equal(t, 5+3, d.market.asked, "of the page that broke off, what was answered was asked for twice")

	d.run()
	require.Len(t, d.findings(), 8)
}

// The marketplace refuses callers that come too often: four at a time, and after
// the first that it does not answer no more.
func TestAFewOrdersAreAskedForAtOnce(t *testing.T) {
	t.Parallel()
	d := openAsking(t, 20)
	d.market.gate = make(chan struct{}) // nothing is answered before four have asked
	year := d.now.AddDate(1, 0, 0)
	for n := range 12 {
		d.sold("CS"+strconv.Itoa(n), year)
		d.market.orders["CS"+strconv.Itoa(n)] = order("CS"+strconv.Itoa(n), market.OrderNew, year)
	}
	d.run()
	require.Equal(t, 12, d.market.asked)
	require.Equal(t, 4, d.market.peak)
	require.Empty(t, d.findings())

	d.market.until = d.market.asked + 1
	_, err := d.r.Start(d.ctx, ann)
	require.NoError(t, err)
	require.Equal(t, "order_query.unreachable", fault.From(d.work()).Key)
	require.Equal(t, 13, d.market.asked)
}
