package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// TestManyRefusedCallsOfOneOrderAreReadOnce: strangers can have thousands of calls refused
// that name the same. What was proved of it since is looked up once, by its index, and
// not for each of them among all of them.
func TestManyRefusedCallsOfOneOrderAreReadOnce(t *testing.T) {
	t.Parallel()
	s := storetest.OpenAt(t, storetest.Fresh(t))
	storetest.Channel(t, s, "default", "")
	storetest.Fill(t, s, []string{`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, first_received_at, last_received_at)
SELECT 1, 'v2', (ARRAY['newInstance','releaseInstance'])[1 + n % 2], 'old-' || n, 'succeeded', 'CS' || n, 'i-' || n, now(), now() - n * interval '1 minute'
  FROM generate_series(1, 20000 + 0 * $1::int) AS n`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
SELECT 1, 'license-code', (ARRAY['updateLicenseCodeStatus','releaseLicenseCode'])[1 + n % 2], 'code-' || n, 'succeeded', now(), now() - n * interval '1 minute'
  FROM generate_series(121, 20000 + 0 * $1::int) AS n`, `
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, instance_id, first_received_at, last_received_at, retry_until, last_error)
SELECT 1, k.protocol, k.activity, 'refused-' || k.activity || n, 'rejected', k.order_id, k.instance_id, now(), now() - n * interval '1 second', now() + interval '10 minutes' + n * interval '1 second', '{}'
  FROM generate_series(0, $1::int - 1) AS n,
       (VALUES ('v2', 'newInstance', 'CS9000', ''), ('v2', 'releaseInstance', '', 'i-9001'), ('license-code', 'updateLicenseCodeStatus', '', ''), ('license-code', 'releaseLicenseCode', '', '')) AS k (protocol, activity, order_id, instance_id)`, `
INSERT INTO alerts (kind, subject, severity, facts)
SELECT '` + market.AlertRefused + `', 'default/' || name, 1, '{}' FROM unnest(ARRAY['` + market.AlarmHalf + `', '` + market.AlarmLast + `']) AS name WHERE $1::int > 0`},
		flooded)
	twice := 2.0 * 4 * flooded // each as itself, and for the last proved of its like
	for name, budget := range map[string]float64{"refused out": twice, "stands " + market.AlertRefused: 2 * twice} {
		var args []any
		if name != "refused out" {
			args = []any{market.AlertRefused}
		}
		c := explained(t, s, store.AlertStatements()[name], args)
		require.Empty(t, c.whole, "%s\n%s", name, c.shape)
		require.LessOrEqual(t, c.read, budget, "%s\n%s", name, c.shape)
		for _, index := range []string{"messages_order", "messages_instance", "messages_proved_codes"} {
			require.Contains(t, c.shape, index, "%s\n%s", name, c.shape)
		}
	}
}

// flooded is how many refused calls there are of one order, of one instance, and of either
// interface of authorization codes.
const flooded = 1500
