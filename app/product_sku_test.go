package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// A seller sets one product by its skuCode, and both prices of it are made by that
// entry, whatever else the channel sells; a renewal for the other price leaves the
// customer what he has.
func TestAProductSetByItsSkuCodeServesTwoPrices(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	said := r.ok(product, "", "set", "--channel", "default", "--sku", "SKU-CRM", "--driver", "pool", "--pool", "crm", "--mail-language", "en")
	require.Equal(t, "product SKU-CRM of channel default created: provisioned by pool\n", said)
	r.fill("crm", 0, 2)
	buy := func(order, productID, sku string) string {
		return r.callV1(market.NewInstance, "orderId", order, "productId", productID, "skuCode", sku, "email", buyerEmail).InstanceID
	}
	month, year, other := buy("CS2611220101AAAAA", "P-MONTH", "SKU-CRM"), buy("CS2611220102AAAAA", "P-YEAR", "SKU-CRM"), buy("CS2611220103AAAAA", "P-ELSE", "SKU-ELSE")
	r.waitItems("/instances?status=active", 3)
	shown := func(id string) map[string]any { return r.api(http.MethodGet, "/instances/"+id, nil, http.StatusOK) }
	for id, driver := range map[string]string{month: "pool", year: "pool", other: "static"} {
		require.Equal(t, driver, shown(id)["driver"])
	}
	require.Equal(t, 2, r.count(`SELECT count(DISTINCT instance_pk) FROM pool_accounts WHERE status = 'used'`))

	account := shown(month)["access"]
	require.Equal(t, market.Success, r.callV1(market.RefreshInstance, "instanceId", month, "orderId", "R1", "productId", "P-YEAR", "expireTime", "20301124023618").Code)
	require.Equal(t, "P-YEAR", shown(month)["product_id"])
	require.Equal(t, "SKU-CRM", shown(month)["sku_code"])
	require.Equal(t, account, shown(month)["access"])
	entry := r.api(http.MethodGet, "/products/default/sku/SKU-CRM", nil, http.StatusOK)
	require.Equal(t, "pool", entry["driver"])
	require.Equal(t, "", entry["product_id"])
}
