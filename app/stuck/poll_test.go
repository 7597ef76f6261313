package stuck_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/stuck"
)

// polledBefore has the polls have come three hours ago.
const polledBefore = `UPDATE messages SET last_received_at = now() - interval '3 h', lacked_at = lacked_at - interval '3 h' WHERE activity = 'queryInstance'`

// A ready instance whose access data KooGallery has not seen: the poll is answered
// again, once, and stays until KooGallery itself has asked, whoever answered it.
func TestAPollWithoutInfoIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	y := open(t)
	for _, order := range []string{"CSUNSEEN", "CSSEEN", "CSNEW", "CSMAKING"} {
		y.buy(order)
		y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-" + order}})
		y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-" + order}})
	}
	y.exec(`UPDATE instances SET status = 'active', provisioned_at = now() - interval '2 h', access_version = 1, front_end_url = 'https://app.example/' || order_id
 WHERE order_id <> 'CSMAKING'`)
	y.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now() WHERE order_id <> 'CSMAKING'`)
	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSSEEN"}})
	y.exec(polledBefore + ` AND instance_id <> 'inst-CSNEW'`)

	require.Equal(t, []string{"inst-CSUNSEEN"}, y.keys(store.StuckPoll, byMessage))
	p, err := y.desk.List(t.Context(), store.StuckPoll, store.Paging{})
	require.NoError(t, err)
	row := p.Items[0]
	require.Equal(t, []any{2, "inst-CSUNSEEN", "CSUNSEEN", row.ID}, []any{row.Polls, row.InstanceID, row.OrderID, row.MessageID})
	require.Equal(t, stuck.Answered, y.repaired(store.StuckPoll, row.ID))
	require.Equal(t, "000000 restart", y.text(`SELECT m.result_code || ' ' || a.disposition FROM messages m JOIN attempts a ON a.message_id = m.id WHERE m.id = $1 ORDER BY a.id DESC LIMIT 1`, row.ID))
	require.Equal(t, []string{"inst-CSUNSEEN"}, y.keys(store.StuckPoll, byMessage), "nobody has told KooGallery")
	p, err = y.desk.List(t.Context(), store.StuckPoll, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, y.text(`SELECT max(at) FROM attempts WHERE message_id = $1`, row.ID), y.text(`SELECT $1::timestamptz`, p.Items[0].RepairedAt))
	require.Equal(t, []any{2, row.PolledAt, row.Since}, []any{p.Items[0].Polls, p.Items[0].PolledAt, p.Items[0].Since}, "what KooGallery did stays as it is")
	require.Equal(t, "2", y.text(`SELECT count(*) FROM attempts WHERE source = 'marketplace' AND message_id = $1`, row.ID))
	y.exec(`DELETE FROM attempts`) // their time is over
	p, err = y.desk.List(t.Context(), store.StuckPoll, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, 2, p.Items[0].Polls)

	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSUNSEEN"}})
	require.NotEmpty(t, y.text(`SELECT url_seen_at FROM instances WHERE order_id = 'CSUNSEEN'`))
	require.Empty(t, y.keys(store.StuckPoll, byMessage))
	require.Equal(t, "true", y.text(`SELECT answered_again_at IS NULL FROM messages WHERE id = $1`, row.ID))
}

// What a person restarted elsewhere is no answer to KooGallery either, and a repair
// counts only for what its answer had.
func TestAPollThatLacksMoreIsRepairedAgain(t *testing.T) {
	t.Parallel()
	y := open(t)
	y.buy("CSONE")
	y.buy("CSTWO")
	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSONE", "inst-CSTWO"}})
	y.exec(polledBefore)
	ready := func(order string) {
		y.exec(`UPDATE instances SET status = 'active', provisioned_at = now() - interval '2 h', access_version = 1, front_end_url = 'https://app.example/' WHERE order_id = $1`, order)
		y.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now() WHERE order_id = $1`, order)
	}
	ready("CSONE")
	id, err := strconv.ParseInt(y.text(`SELECT id FROM messages WHERE activity = 'queryInstance'`), 10, 64)
	require.NoError(t, err)
	require.NoError(t, y.store.Write(t.Context(), func(tx *store.Tx) error {
		if err := tx.LockForMessages(t.Context(), id); err != nil {
			return err
		}
		_, err := y.intake.RestartMessage(t.Context(), tx, id, ann, 0)
		return err
	}))
	row := func() store.StuckRow {
		p, err := y.desk.List(t.Context(), store.StuckPoll, store.Paging{})
		require.NoError(t, err)
		require.Len(t, p.Items, 1)
		return p.Items[0].StuckRow
	}
	require.False(t, row().RepairedAt.IsZero(), "restarted on the message's page")
	did, err := y.desk.Repair(t.Context(), store.StuckPoll, id, ann)
	require.NoError(t, err)
	require.Equal(t, stuck.Already, did)

	y.exec(`UPDATE messages SET answered_again_at = now() - interval '150 min'`)
	ready("CSTWO")
	require.Equal(t, []any{1, true}, []any{row().Others, row().RepairedAt.IsZero()}, "the answer had only one of them")
	require.Equal(t, stuck.Answered, y.repaired(store.StuckPoll, id))
	require.False(t, row().RepairedAt.IsZero())
}

// Repaired or not, KooGallery has not seen it: operators hear of it once, and that it
// is over only when KooGallery has asked.
func TestARepairedPollIsNoNewAlert(t *testing.T) {
	t.Parallel()
	y := open(t)
	y.buy("CSUNSEEN")
	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSUNSEEN"}})
	y.exec(polledBefore)
	y.exec(`UPDATE instances SET status = 'active', provisioned_at = now() - interval '2 h', access_version = 1, front_end_url = 'https://app.example/'`)
	y.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	alerts, err := alert.New(alert.Options{Store: y.store})
	require.NoError(t, err)
	changes := func() string {
		require.NoError(t, alerts.WatchSlowly(t.Context()))
		require.NoError(t, alerts.Watch(t.Context()))
		return y.text(`SELECT string_agg(a.subject || ' ' || c.what, ', ' ORDER BY c.id) FROM alert_changes c JOIN alerts a ON a.id = c.alert_id WHERE a.kind = 'stuck'`)
	}
	require.Equal(t, "poll opened", changes())
	id, err := strconv.ParseInt(y.text(`SELECT id FROM messages WHERE activity = 'queryInstance'`), 10, 64)
	require.NoError(t, err)
	require.Equal(t, stuck.Answered, y.repaired(store.StuckPoll, id))
	y.exec(`UPDATE alerts SET opened_at = opened_at - interval '1 h', cleared_at = cleared_at - interval '1 h'`)
	require.Equal(t, "poll opened", changes())
	y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: []string{"inst-CSUNSEEN"}})
	changes()
	y.exec(`UPDATE alerts SET cleared_at = cleared_at - interval '1 h'`)
	require.Equal(t, "poll opened, poll cleared", changes())
}

// One call may poll for several instances, also when some of them are ready and some
// are not: those that it lacked are stuck once they are ready, each with the last poll
// that asked for it.
func TestAPollOfSeveralWithoutInfoIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	y := open(t)
	poll := func(ids ...string) {
		for n := range ids {
			ids[n] = "inst-" + ids[n]
		}
		y.call(market.Call{Activity: market.QueryInstance, InstanceIDs: ids})
	}
	ready := func(order, ago string) {
		y.exec(`UPDATE instances SET status = 'active', provisioned_at = now() - $2::interval, access_version = 1, front_end_url = 'https://app.example/' WHERE order_id = $1`, order, ago)
		y.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now() WHERE order_id = $1`, order)
	}
	stuckNow := func() (out []string) {
		p, err := y.desk.List(t.Context(), store.StuckPoll, store.Paging{})
		require.NoError(t, err)
		require.Len(t, y.keys(store.StuckPoll, byMessage), len(p.Items))
		for _, r := range p.Items {
			out = append(out, fmt.Sprintf("%s +%d of %d", r.InstanceID, r.Others, r.Polls))
		}
		return out
	}
	for _, order := range []string{"CSA", "CSB", "CSC", "CSD", "CSE"} {
		y.buy(order)
	}
	ready("CSD", "5 h")
	poll("CSA", "CSC")
	y.exec(polledBefore)
	poll("CSA", "CSB", "CSC")
	poll("CSA", "CSB", "CSC")
	poll("CSD", "CSE")
	require.Equal(t, "000000", y.text(`SELECT result_code FROM messages WHERE instance_id = 'inst-CSD' AND activity = 'queryInstance'`))
	y.exec(polledBefore)
	ready("CSA", "125 min")
	ready("CSC", "120 min")
	require.Equal(t, []string{"inst-CSA +1 of 2"}, stuckNow(), "the last poll of both")
	ready("CSE", "110 min")
	require.Equal(t, []string{"inst-CSA +1 of 2", "inst-CSE +0 of 1"}, stuckNow(), "also of a poll that was answered with another's access data")
	poll("CSA")
	require.Equal(t, []string{"inst-CSC +0 of 2", "inst-CSE +0 of 1"}, stuckNow(), "that one is seen")

	p, err := y.desk.List(t.Context(), store.StuckPoll, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, stuck.Answered, y.repaired(store.StuckPoll, p.Items[0].ID))
	require.Equal(t, []string{"inst-CSC +0 of 2", "inst-CSE +0 of 1"}, stuckNow(), "answered, and not asked for since")
	y.exec(`UPDATE messages SET answered_again_at = now() - interval '110 min' WHERE id = $1`, p.Items[0].ID)
	ready("CSB", "100 min")
	require.Equal(t, []string{"inst-CSC +1 of 2", "inst-CSE +0 of 1"}, stuckNow(), "another was still being made then")
	require.Equal(t, stuck.Answered, y.repaired(store.StuckPoll, p.Items[0].ID))
	require.Equal(t, stuck.Answered, y.repaired(store.StuckPoll, p.Items[1].ID))
	poll("CSA", "CSB", "CSC")
	poll("CSD", "CSE")
	require.Empty(t, stuckNow())
}
