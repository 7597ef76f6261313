package callback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
	"koodesk/app/store"
)

// A purchase that a key of ours has signed is an order of the marketplace's, whatever
// we refused it for; what anybody could have sent is none.
func TestRefusedPurchasesOfOursAreFailedOrders(t *testing.T) {
	t.Parallel()
	s := shop(t)
	refused := func(code market.ResultCode, r reply) {
		t.Helper()
		require.Equal(t, string(code), r.fields["resultCode"])
	}
	refused(market.InvalidParameter, s.send(shot{body: purchaseOf("clock", "b"), skew: -75 * time.Second}))
	refused(market.AuthFailed, s.send(shot{body: purchaseOf("replaced", "b"), key: oldKey}))
	refused(market.AuthFailed, s.get(saas1.Sign(otherKey, fieldsV1("newInstance", "orderId", "channel", "businessId", "b", "customerId", "c", "productId", "p"))))
	for _, business := range []string{"b1", "b2"} {
		refused(market.InvalidParameter, s.send(shot{body: `{"activity":"newInstance","orderId":"form","businessId":"` + business + `"}`}))
	}
	refused(market.AuthFailed, s.send(shot{body: purchaseOf("stranger", "b"), key: "nobody's"}))
	refused(market.InvalidParameter, s.send(shot{body: purchaseOf("repeated", "b"), skew: -25 * time.Minute}))
	refused(market.AuthFailed, s.send(shot{body: purchaseOf("Koodesk", "b"), key: oldKey, agent: market.OwnAgent}))
	refused(market.InvalidParameter, s.send(shot{body: purchaseOf("passed", "b"), skew: 75 * time.Second}))
	refused(market.Processing, s.send(shot{body: purchaseOf("passed", "b2")}))
	s.handler.Settle()
	_, err := s.store.SQL().Exec(`UPDATE tasks SET status = 'succeeded', finished_at = now(); UPDATE messages SET status = 'succeeded' WHERE status = 'processing'`)
	require.NoError(t, err)
	now := time.Now()
	for later, want := range map[time.Duration][]store.FailedOrders{
		time.Minute:   {{Channel: "default", AtRisk: 3}, {Channel: "default", ProductID: "p", AtRisk: 1}}, // the call of V1.0 names it
		4 * time.Hour: {{Channel: "default", Lost: 3}, {Channel: "default", ProductID: "p", Lost: 1}},
	} {
		got, err := s.store.Reader().FailedOrders(t.Context(), now.Add(-time.Hour), now.Add(later))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}
