package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

// A V1.0 product may have all three linear attributes at once: the seller's
// product gets each, and what an upgrade does not name stays.
func TestTheSellersProductGetsEverySize(t *testing.T) {
	t.Parallel()
	r := newRigAs(t, true, loopback)
	p := newSeller(t, func(n int, h heard) (int, string) {
		return http.StatusOK, `{"front_end_url":"https://sized.example.com/"}`
	})
	r.sells(p, "--driver", "webhook")
	id := r.callV1(market.NewInstance, "orderId", "CS2611220701AAAAA", "productId", "P1", "amount", "5", "diskSize", "100", "bandWidth", "10").InstanceID
	product := func(eventType string) map[string]any {
		require.Eventually(t, func() bool { return len(p.of(eventType)) == 1 }, time.Minute, 30*time.Millisecond, "%s", r.log)
		return p.of(eventType)[0].Data["product"].(map[string]any)
	}
	sizes := func(of map[string]any) []any {
		return []any{of["linear_value"], of["amount"], of["disk_size"], of["band_width"]}
	}
	require.Equal(t, []any{5.0, 5.0, 100.0, 10.0}, sizes(product("instance.provision")))
	r.waitItems("/messages?status=processing", 0)

	require.Equal(t, market.Success, r.callV1(market.Upgrade, "instanceId", id, "orderId", "U-DISK", "productId", "P1", "amount", "", "diskSize", "200").Code)
	require.Equal(t, []any{5.0, 5.0, 200.0, 10.0}, sizes(product("instance.upgraded")))
	one := r.api(http.MethodGet, "/instances/"+id, nil, 200)
	require.Equal(t, []any{5.0, 5.0, 200.0, 10.0}, sizes(one))
	require.Equal(t, 1, r.count(`SELECT count(*) FROM instance_events WHERE kind = 'product' AND old_value = 'P1 × 5 · 100 GB · 10 Mbps' AND new_value = 'P1 × 5 · 200 GB · 10 Mbps'`))
	for _, o := range r.items("/orders") {
		want := []any{5.0, 5.0, 100.0, 10.0}
		if o["order_id"] == "U-DISK" { // an order is kept as it was told
			want = []any{200.0, 0.0, 200.0, 0.0}
		}
		require.Equal(t, want, sizes(o))
		line := r.api(http.MethodGet, "/orders/"+o["id"].(string), nil, 200)["lines"].([]any)[0].(map[string]any)
		require.Equal(t, want, sizes(line["products"].([]any)[0].(map[string]any)))
	}
}
