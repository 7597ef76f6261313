package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/intake"
	"koodesk/app/market"
	"koodesk/app/store"
)

// A V2.0 purchase is taken by a function of the database, which cannot ask
// market.Lifecycle. In every stage, for every call that may have come before it,
// its answer and the stage that it leaves are those of the table.
func TestThePurchasesFunctionDecidesAsTheLifeCycleDoes(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	n := 0
	for _, stage := range market.Stages() {
		for _, before := range market.Events() {
			if !before.Speaks(market.V2) {
				continue
			}
			n++
			id := fmt.Sprintf("b%d", n)
			from := d.bring(id, stage, before)
			want, ok := market.Decide(market.V2, from, market.Purchased, false)
			require.True(t, ok)
			_, code, err := d.intake.Handle(ctx, arrivedLate(d, id))
			require.NoError(t, err)
			require.Equal(t, want.Code, code, "newInstance when %s, after %s", from, before)
			i, err := d.store.Reader().InstanceOf(ctx, d.channel.ID, id)
			require.NoError(t, err)
			require.Equal(t, want.To, i.Stage(), "newInstance when %s, after %s", from, before)
			require.Equal(t, want.Does(market.AskOrder), from == market.Absent, "only the first asks for the order")
			require.Equal(t, "1", d.text(`SELECT count(*)::text FROM tasks t JOIN instances i ON i.id = t.instance_pk
				WHERE i.instance_id = $1 AND t.kind = 'order_query' AND t.purpose = 'purchase'`, id))
		}
	}
	require.Equal(t, 8*15, n, "every stage with every event")
}

// arrivedLate is a purchase long after the first call, whose twin would get the
// first answer.
func arrivedLate(d *desk, id string) intake.Arrived {
	c := market.Call{Protocol: market.V2, Activity: market.NewInstance, BusinessID: id, OrderID: "CS-" + id, OrderLineID: "CS-" + id + "-000001",
		ContentHash: []byte("content of " + id)}
	return intake.Arrived{Channel: d.channel, Call: c, ReceivedAt: time.Now(), IP: "192.0.2.1", Request: store.Request{Method: "POST", Body: []byte("{}")}}
}

// bring makes an instance stand in a stage, and lets the life cycle do with it
// what an event does; where it stands then is given. What never was stays absent.
func (d *desk) bring(id string, stage market.Stage, before market.Event) market.Stage {
	d.t.Helper()
	if stage == market.Absent {
		return stage
	}
	ctx := context.Background()
	first := arrivedLate(d, id)
	first.ReceivedAt = first.ReceivedAt.Add(-time.Hour)
	_, _, err := d.intake.Handle(ctx, first)
	require.NoError(d.t, err)
	var at market.Stage
	require.NoError(d.t, d.store.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstance(ctx, d.channel.ID, id)
		if err != nil {
			return err
		}
		changes := i.Take(stage, tx.Now)
		changes = append(changes, i.On(before, tx.Now)...)
		at = i.Stage()
		return tx.SaveState(ctx, i, changes, store.Origin{Actor: "test"})
	}))
	return at
}

// The message log may be pruned: the instance that a purchase has answers for it.
func TestAPurchaseWithoutItsMessageIsAnsweredByItsInstance(t *testing.T) {
	t.Parallel()
	d := open(t)
	ctx := context.Background()
	for n, stage := range market.Stages()[1:] {
		id := fmt.Sprintf("b%d", n)
		d.bring(id, stage, market.Queried)
		_, err := d.store.SQL().Exec(`DELETE FROM attempts WHERE message_id IN (SELECT id FROM messages WHERE instance_id = $1)`, id)
		require.NoError(t, err)
		_, err = d.store.SQL().Exec(`UPDATE tasks SET message_id = NULL, status = 'succeeded'`)
		require.NoError(t, err)
		_, err = d.store.SQL().Exec(`DELETE FROM messages WHERE instance_id = $1`, id)
		require.NoError(t, err)
		want, ok := market.Decide(market.V2, stage, market.Purchased, false)
		require.True(t, ok)
		body, code, err := d.intake.Handle(ctx, arrivedLate(d, id))
		require.NoError(t, err)
		require.Equal(t, want.Code, code, "newInstance when %s", stage)
		require.Contains(t, string(body), `"instanceId":"`+id+`"`)
		status, asked := "processing", "2"
		if code == market.Success {
			status, asked = "succeeded", "1"
		}
		require.Equal(t, status+" "+string(code), d.text(`SELECT status || ' ' || result_code FROM messages WHERE instance_id = $1`, id))
		require.Equal(t, asked, d.text(`SELECT count(*)::text FROM tasks t JOIN instances i ON i.id = t.instance_pk WHERE i.instance_id = $1`, id))
	}
}
