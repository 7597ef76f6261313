package intake_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Of what was bought before sizes were kept only linear_value is known, which an
// upgrade that names another size leaves.
func TestAnUpgradeOfV1LeavesTheSizeOfOldInstances(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1", "amount", "5")
	d.ready("b1")
	d.exec(`UPDATE instances SET amount = 0`)
	upgrade := func(order string, kv ...string) string {
		t.Helper()
		require.Equal(t, "000000", d.call("upgrade", append([]string{"instanceId", "b1", "orderId", order, "skuCode", "S2", "productId", "P1"}, kv...)...)["resultCode"])
		return d.text(`SELECT concat_ws(' ', linear_value, amount, disk_size, band_width) FROM instances`)
	}
	require.Equal(t, "5 0 0 0", upgrade("U1"))
	require.Equal(t, "5 5 200 0", upgrade("U2", "diskSize", "200"))
	require.Equal(t, "7 7 200 0", upgrade("U3", "amount", "7"))
}
