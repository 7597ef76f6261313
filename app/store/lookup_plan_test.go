package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
)

// seedLookups adds to the seeded rows what few pages show: Licenses, what services
// said of deliveries, and one message that was restarted very often.
var seedLookups = []string{`
INSERT INTO licenses (channel_id, instance_pk, message_id, protocol, request_key, event_id, order_id, status, pool)
SELECT 1 + (n % 20 = 0)::int, n, n, 'v2', 'key-' || n, 'event-' || n, 'CS' || n,
       CASE WHEN n % 500 = 0 THEN 'requested' WHEN n % 100 = 0 THEN 'failed' WHEN n % 3 = 0 THEN 'answered' ELSE 'uploaded' END,
       CASE WHEN n % 2 = 0 THEN 'pool-' || n % 10 ELSE '' END
  FROM generate_series(1, $1::int) AS n`, `
INSERT INTO license_pools (name)
SELECT 'pool-' || n
  FROM generate_series(0, 9) AS n
 WHERE $1 > 0`, `
INSERT INTO pooled_licenses (pool, status, content_sealed, content_bidx, license_id, added_by)
SELECT 'pool-' || n % 10, CASE WHEN n % 100 < 10 THEN 'free' ELSE 'used' END, '\x00', int4send(n), CASE WHEN n % 100 >= 10 THEN n END, 'operator:7'
  FROM generate_series(1, $1::int) AS n`, `
UPDATE deliveries
   SET outcome = CASE WHEN id % 200 = 1 THEN 'bounced' WHEN id % 3 = 0 THEN 'handed_over' ELSE 'delivered' END,
       provider_ref = CASE WHEN medium = 'sms' THEN 'provider-' || id ELSE '' END
 WHERE id <= $1`, `
INSERT INTO attempts (message_id, at, source, disposition, business_id)
SELECT 4813, now(), CASE WHEN n <= 500 THEN 'marketplace' ELSE 'operator' END, 'repeat', ''
  FROM generate_series(1, 1000 + 0 * $1::int) AS n`, `
UPDATE tasks
   SET enqueued_at = now() - id * interval '1 millisecond'
 WHERE status = 'pending'
   AND parked_at IS NULL
   AND id <= $1`}

// lookupPlans explains what is looked up by one thing, beside many others.
func lookupPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	t.Run("outcomes", func(t *testing.T) {
		for _, f := range []store.DeliveryFilter{{Outcome: "bounced"}, {Outcome: "delivered"}, {Outcome: "nothing"},
			{Outcome: "bounced", Medium: "sms"}, {Outcome: "bounced", Status: "failed"}, {Outcome: "handed_over", Kind: "expiry_notice"}} {
			r := planner(t, s, "deliveries "+f.Outcome, pageBudget)
			p, err := r.DeliveryList(ctx, f, store.Paging{})
			require.NoError(t, err)
			if p.Older != "" {
				_, err = r.DeliveryList(ctx, f, store.Paging{Cursor: p.Older})
				require.NoError(t, err)
			}
			_, err = planner(t, s, "delivery counts "+f.Outcome, countBudget).DeliveryCounts(ctx, f)
			require.NoError(t, err)
		}
		id, err := planner(t, s, "an SMS by its service's id", 5).DeliveryByProvider(ctx, "provider-451")
		require.NoError(t, err)
		require.EqualValues(t, 451, id)
		_, err = planner(t, s, "no SMS by its service's id", 5).DeliveryByProvider(ctx, "nobody's")
		require.Error(t, err)
	})
	t.Run("licenses", func(t *testing.T) { licensePlans(t, s) })
	t.Run("the last answer", func(t *testing.T) {
		d, err := planner(t, s, "a message that was restarted often", 700).MessageDetail(ctx, 4813, 50)
		require.NoError(t, err)
		require.Len(t, d.AttemptLog, 50)
		_, err = planner(t, s, "a message that never came", 100).MessageDetail(ctx, 100, 50) // only an operator's attempt
		require.NoError(t, err)
	})
	t.Run("erasure", func(t *testing.T) {
		reads(t, s, "the data of an instance that hundreds of polls name", 5000, func(tx *store.Tx) error {
			_, _, err := tx.Erase(ctx, store.EraseInstances, []int64{77})
			return err
		})
	})
	t.Run("work", func(t *testing.T) {
		handed, err := s.HandedOver(ctx, []string{"provision", "deliver"}, store.Handed{}, 50)
		require.NoError(t, err)
		require.Len(t, handed, 50)
		for name, text := range store.Explained(t, s, handed[49]) {
			c := costOf(t, text)
			assert.Empty(t, c.whole, "%s scans a table:\n%s", name, c.shape)
			budget := 1000.0
			switch name {
			case "settle events": // each of 500 that were given up, and of all that wait, with its task
				budget = 3 * (500 + seeded/101)
			case "handed over", "handed over, later": // each of 500 with what it sends
				budget += 500
			}
			assert.LessOrEqual(t, c.read, budget, "%s reads too many rows:\n%s", name, c.shape)
		}
	})
}

func licensePlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	type F = store.LicenseFilter
	pairs([]named[F]{
		{"channel", func(f *F) { f.Channel = "small" }},
		{"empty channel", func(f *F) { f.Channel = "empty" }},
		{"requested", func(f *F) { f.Status = string(market.LicenseRequested) }},
		{"uploaded", func(f *F) { f.Status = string(market.LicenseUploaded) }},
		{"refused", func(f *F) { f.Status = string(market.LicenseRefused) }},
		{"instance", func(f *F) { f.InstanceID = "inst-77" }},
		{"event", func(f *F) { f.EventID = "event-77" }},
	}, func(name string, f F) {
		r := planner(t, s, "licenses "+name, pageBudget)
		p, err := r.LicenseList(ctx, f, store.Paging{})
		require.NoError(t, err)
		if p.Older != "" {
			_, err = r.LicenseList(ctx, f, store.Paging{Cursor: p.Older})
			require.NoError(t, err)
		}
		_, err = planner(t, s, "license counts "+name, countBudget).LicenseCounts(ctx, f)
		require.NoError(t, err)
	})
	_, err := planner(t, s, "a License", 100).LicenseWhole(ctx, 4711)
	require.NoError(t, err)
	for _, status := range []string{"", "free", "retired"} {
		_, err := planner(t, s, "pooled Licenses "+status, pageBudget).PooledLicenses(ctx, "pool-3", status, store.Paging{})
		require.NoError(t, err)
	}
	reads(t, s, "a License out of a pool", 20, func(tx *store.Tx) error {
		_, _ = tx.TakePooledLicense(ctx, "pool-3", 3, false) // its content is nobody's seal
		return nil
	})
	reads(t, s, "how many an instance has", 10, func(tx *store.Tx) error {
		_, err := tx.LicenseAsk(ctx, &store.Instance{PK: 4711, LinearValue: 5}, &store.License{}, &store.Product{})
		return err
	})
	reads(t, s, "messages of a License", 20, func(tx *store.Tx) error {
		return tx.LicenseTimes(ctx, &store.Instance{Instance: market.Instance{InstanceID: "inst-77"}, ChannelID: 1, Protocol: market.V2})
	})
	reads(t, s, "requests that wait for their order", 10, func(tx *store.Tx) error { return tx.JudgeLicenses(ctx, 4711) })
	reads(t, s, "requests that wait for a pool", 2000, func(tx *store.Tx) error {
		_, err := tx.WakeLicensePool(ctx, "pool-2", "operator:7")
		return err
	})
}
