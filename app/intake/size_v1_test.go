package intake_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What was bought before sizes were kept has one number, of the attribute that its
// purchase named; an upgrade that names another size leaves it.
func TestAnUpgradeOfV1LeavesTheSizeOfOldInstances(t *testing.T) {
	t.Parallel()
	d := openV1(t, briefly)
	d.buy1("b1", "amount", "5")
	d.ready("b1")
	for _, id := range []string{"disk", "more", "erased"} {
		d.buy1(id, "diskSize", "50")
		d.ready(id)
	}
	d.exec(`UPDATE instances SET amount = 0, disk_size = 0;
		UPDATE instances SET order_sealed = NULL WHERE instance_id = 'erased'; UPDATE instances SET linear_value = 60 WHERE instance_id = 'more'`)
	upgrade := func(id, order string, kv ...string) string {
		t.Helper()
		require.Equal(t, "000000", d.call("upgrade", append([]string{"instanceId", id, "orderId", order, "skuCode", "S2", "productId", "P1"}, kv...)...)["resultCode"])
		return d.text(`SELECT concat_ws(' ', linear_value, amount, disk_size, band_width) FROM instances WHERE instance_id = $1`, id)
	}
	require.Equal(t, "5 0 0 0", upgrade("b1", "U1"))
	require.Equal(t, "5 5 200 0", upgrade("b1", "U2", "diskSize", "200"))
	require.Equal(t, "7 7 200 0", upgrade("b1", "U3", "amount", "7"))
	require.Equal(t, "200 0 200 0", upgrade("disk", "U4", "diskSize", "200"))
	require.Equal(t, "60 0 60 9", upgrade("more", "U5", "bandWidth", "9"), "an earlier upgrade changed the number")
	require.Equal(t, "200 0 200 0", upgrade("erased", "U6", "diskSize", "200"), "nobody knows what the number was of")
}
