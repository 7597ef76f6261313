package intake_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
	"koodesk/app/staff"
)

func TestRejectedCallsStayFew(t *testing.T) {
	t.Parallel()
	d := open(t)
	a := d.arrived(map[string]string{"activity": "newInstance", "orderId": "CS1", "orderLineId": "CS1-1", "businessId": "b"})
	for range 30 {
		_, err := d.intake.Reject(context.Background(), a, market.AuthFailed, []byte(`{}`), saas2.ErrSignatureWrong)
		require.NoError(t, err)
	}
	require.Equal(t, "rejected 30", d.text(`SELECT status || ' ' || attempts FROM messages`))
	require.Equal(t, "20", d.text(`SELECT count(*)::text FROM attempts`))
	require.Equal(t, "0", d.text(`SELECT count(*)::text FROM instances`))
	_, err := d.restartMessage(1, staff.CLI())
	require.Equal(t, "restart.rejected", fault.From(err).Key)
	d.exec(`UPDATE attempts SET at = at - interval '1 hour'`)
	for range 5 {
		_, err := d.intake.Reject(context.Background(), a, market.AuthFailed, []byte(`{}`), saas2.ErrSignatureWrong)
		require.NoError(t, err)
	}
	require.Equal(t, "35 23", d.text(`SELECT (SELECT attempts FROM messages) || ' ' || count(*) FROM attempts`), "what goes on, or begins anew, is seen")
	d.exec(`UPDATE attempts SET at = at - interval '1 hour'`)
	for i := range 10 {
		a.Own = i < 5
		_, err := d.intake.Reject(context.Background(), a, market.AuthFailed, []byte(`{}`), saas2.ErrSignatureWrong)
		require.NoError(t, err)
	}
	require.Equal(t, "26 3", d.text(`SELECT count(*) FILTER (WHERE actor = '') || ' ' || count(*) FILTER (WHERE actor <> '') FROM attempts`),
		"our own agents use up nothing of the marketplace's, nor fill the disk")
	for i := range 5 {
		a.Call.OrderID = fmt.Sprint("CS", i+2)
		_, err := d.intake.Reject(context.Background(), a, market.AuthFailed, []byte(`{}`), saas2.ErrSignatureWrong)
		require.NoError(t, err)
	}
	n, err := d.store.PruneRejected(context.Background(), 4)
	require.NoError(t, err)
	require.EqualValues(t, 2, n)
	d.exec(`UPDATE attempts SET diagnosis = '{"findings": [{"code": "clock"}]}' WHERE message_id = (SELECT min(id) FROM messages)`)
	n, err = d.store.PruneRejected(context.Background(), 1)
	require.NoError(t, err)
	require.EqualValues(t, 2, n, "nor is what is signed with a key of ours deleted")
	d.exec(`UPDATE attempts SET at = now() - interval '31 days'`)
	n, err = d.store.PruneRejected(context.Background(), 1)
	require.NoError(t, err)
	require.Zero(t, n, "nor in its month, in which the order that it named counts as failed")
	d.exec(`UPDATE messages SET activity = 'refreshInstance'`)
	n, err = d.store.PruneRejected(context.Background(), 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, n, "what names no purchase goes after its day")
}
