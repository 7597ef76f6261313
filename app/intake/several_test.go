package intake_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// several buys three instances and polls them in one call, before they are ready and
// after; a debugging call and another channel's name them too.
func several(t *testing.T) *desk {
	t.Helper()
	d := open(t)
	for _, id := range []string{"i1", "i2", "i3"} {
		d.buy(id)
	}
	poll := func(ids string) map[string]any {
		t.Helper()
		return d.send("activity", "queryInstance", "instanceId", ids)
	}
	require.Equal(t, "000004", poll("i1,i2,i3")["resultCode"])
	for _, id := range []string{"i1", "i2", "i3"} {
		d.ready(id)
	}
	require.Len(t, poll("i1,i2,i3")["info"], 3)
	d.send("activity", "queryInstance", "instanceId", "i1,i2,i3", "testFlag", "1")
	theirs := d.arrived(map[string]string{"activity": "queryInstance", "instanceId": "x,i2,i3"})
	theirs.Channel = storetest.Channel(t, d.store, "other", "")
	_, code, err := d.intake.Handle(context.Background(), theirs)
	require.NoError(t, err)
	require.Equal(t, market.NoSuchInstance, code)
	return d
}

func TestAPollOfSeveralIsFoundByEachOfThem(t *testing.T) {
	t.Parallel()
	d := several(t)
	ctx, r := context.Background(), d.store.Reader()
	for _, id := range []string{"i1", "i2", "i3"} {
		polls := store.MessageFilter{Channel: "default", Activity: "queryInstance", Test: new(bool), InstanceID: id}
		found, err := r.MessageList(ctx, polls, store.Paging{})
		require.NoError(t, err)
		require.Len(t, found.Items, 1, id)
		require.Equal(t, 2, found.Items[0].Attempts)
		require.Equal(t, []string{"i1", "i2", "i3"}, found.Items[0].InstanceIDs)
		n, err := r.MessageCounts(ctx, polls)
		require.NoError(t, err)
		require.Equal(t, 1, n[""].N, id)
		ids, err := r.MessageIDs(ctx, polls, 0, 10)
		require.NoError(t, err)
		require.Equal(t, []int64{found.Items[0].ID}, ids, id)
		polls.InstanceID, polls.Q = "", id
		searched, err := r.MessageList(ctx, polls, store.Paging{})
		require.NoError(t, err)
		require.Equal(t, found.Items, searched.Items, id)

		i, err := r.InstanceDetail(ctx, id)
		require.NoError(t, err)
		var of []string
		for _, m := range i.Messages {
			of = append(of, m.Channel+" "+m.Activity)
		}
		require.Equal(t, []string{"default queryInstance", "default newInstance"}, of, "neither the sandbox nor another channel: %s", id)
		polled := 0
		for _, e := range i.Timeline {
			if e.Kind == "queryInstance" {
				polled += e.Count
				require.Equal(t, 2, e.Others)
			}
		}
		require.Equal(t, 2, polled, id)
	}
}

// What a poll of several was answered is the access data of all of them: it goes with
// whichever is erased.
func TestTheAnswersToAPollOfSeveralAreErasedWithEachOfThem(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"i1", "i2", "i3"} {
		d := several(t)
		d.exec(`UPDATE instances SET released_at = now(), status = 'released' WHERE instance_id = $1`, id)
		const holding = `SELECT COALESCE(string_agg(DISTINCT c.slug || '/' || m.test || '/' || split_part(m.idem_key, '/', 1), ' '), '')
  FROM attempts a JOIN messages m ON m.id = a.message_id JOIN channels c ON c.id = m.channel_id
 WHERE m.activity = 'queryInstance' AND a.response_sealed IS NOT NULL`
		require.Equal(t, "default/false/queryInstance default/true/queryInstance", d.text(holding))
		require.NoError(t, d.store.Write(context.Background(), func(tx *store.Tx) error {
			pks, _, err := tx.Erasable(context.Background(), store.EraseInstances, tx.Now.AddDate(0, 0, 1), 10)
			require.Len(t, pks, 1)
			if err != nil {
				return err
			}
			_, _, err = tx.Erase(context.Background(), store.EraseInstances, pks)
			return err
		}))
		require.NotContains(t, d.text(holding), "default/false", id)
	}
}

// Polls from before their instances were noted are found once they come again, or are
// restarted: also those answers are erased.
func TestAPollOfSeveralFromBeforeIsNotedWhenItComesAgain(t *testing.T) {
	t.Parallel()
	d := several(t)
	const behind = `SELECT COALESCE(string_agg(n.instance_id, ' ' ORDER BY n.place), '') FROM message_instances n JOIN messages m ON m.id = n.message_id WHERE m.channel_id = 1 AND NOT m.test`
	for _, again := range []func(){
		func() { d.send("activity", "queryInstance", "instanceId", "i1,i2,i3") },
		func() {
			_, err := restart(t, d, `channel_id = 1 AND activity = 'queryInstance' AND NOT test`)
			require.NoError(t, err)
		},
	} {
		d.exec(`DELETE FROM message_instances`)
		again()
		require.Equal(t, "i2 i3", d.text(behind))
	}
}

// A callback that names many takes as many statements as one that names a single one.
func TestAPollOfSeveralTakesNoMoreStatements(t *testing.T) {
	t.Parallel()
	counter := storetest.Counted(t, storetest.URL(t))
	s, err := store.Open(t.Context(), counter.URL, storetest.Keys(t), store.Options{MaxConns: 2})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Prepare(t.Context()))
	d := openOn(t, s)
	ids := make([]string, 100)
	for n := range ids {
		ids[n] = "i" + strconv.Itoa(n)
	}
	d.buy(ids[0])
	d.ready(ids[0])
	statements := func(names []string) (n [3]int64) {
		for k := range n {
			before := counter.Statements()
			d.send("activity", "queryInstance", "instanceId", strings.Join(names, ","))
			n[k] = counter.Statements() - before
		}
		return n
	}
	statements(ids[:1]) // statements are prepared after a few uses
	statements(ids[:1])
	one := statements(ids[:1])
	d.exec(`DELETE FROM messages WHERE activity = 'queryInstance'`)
	one[0] = statements(ids[:1])[0]
	require.Equal(t, one, statements(ids), "new, and come again")
	require.Equal(t, "99", d.text(`SELECT count(*)::text FROM message_instances`))
}
