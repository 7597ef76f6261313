package callback_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/protocol/saas1"
)

// A saved case belongs to the product that its call names: it makes no instance from
// which another one could be told. What a stranger names makes no row of the grid.
func TestAProbeBelongsToTheProductThatItNames(t *testing.T) {
	t.Parallel()
	s := shop(t)
	const refresh = `{"activity":"refreshInstance","scene":"TRIAL_TO_FORMAL","orderId":"MOCK","orderLineId":"MOCK-1","instanceId":"i","productId":"OFFI7","expireTime":"20270727153156","testFlag":"1"}`
	answered := func(code market.ResultCode, r reply) {
		t.Helper()
		require.Equal(t, string(code), r.fields["resultCode"])
	}
	answered(market.Success, s.send(shot{body: refresh}))
	_, err := s.store.SQL().Exec(`UPDATE messages SET product_id = ''`) // as one of an earlier version is kept
	require.NoError(t, err)
	answered(market.Success, s.send(shot{body: refresh}))
	answered(market.Success, s.send(shot{body: `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"productId":"OFFI8"},"testFlag":"1"}`}))
	answered(market.Success, s.get(signedV1("newInstance", "orderId", "o", "businessId", "b", "customerId", "c", "productId", "OFFI9", "testFlag", "1")))
	answered(market.InvalidParameter, s.send(shot{body: `{"activity":"refreshInstance","orderId":"MOCK","orderLineId":"MOCK-1","instanceId":"i","productId":"OFFI6","testFlag":"1"}`}))
	answered(market.AuthFailed, s.get(saas1.Sign(otherKey, fieldsV1("newInstance", "orderId", "o2", "businessId", "b", "customerId", "c", "productId", "OFFI5", "testFlag", "1"))))
	answered(market.AuthFailed, s.get(saas1.Sign("nobody's", fieldsV1("newInstance", "orderId", "o3", "businessId", "b", "customerId", "c", "productId", "OFFI4", "testFlag", "1"))))
	s.handler.Settle()
	products, err := s.store.Reader().Probes(t.Context(), time.Now())
	require.NoError(t, err)
	got := map[string]string{}
	for _, p := range products {
		require.Len(t, p.Rows, 1)
		state := market.ProbePassed
		if p.Failing > 0 {
			state = market.ProbeFailed
		}
		got[p.Product] = p.Rows[0].Activity + " " + state
	}
	require.Equal(t, map[string]string{
		"OFFI7": "refreshInstance passed", "OFFI8": "changeInstanceCheck passed", "OFFI9": "newInstance passed",
		"OFFI6": "refreshInstance failed", "OFFI5": "newInstance failed", "": "newInstance passed"}, got)
}
