package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// entries writes entries of a channel, each telling its own name.
func entries(t *testing.T, s *store.Store, channel int64, keys ...store.Product) {
	t.Helper()
	ctx := context.Background()
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		for _, p := range keys {
			p.ChannelID, p.Driver, p.MailLanguage = channel, "manual", "en"
			p.Settings.Memo = p.Name()
			created, err := tx.SetProduct(ctx, p)
			require.True(t, created, p.Name())
			require.NoError(t, err)
		}
		return nil
	}))
}

// The entry of a productId counts most, then that of its skuCode, then the
// channel's default, among however many others.
func TestWhichEntryOfAProductCounts(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	here, there := storetest.Channel(t, s, "default", ""), storetest.Channel(t, s, "other", "")
	_, err := s.SQL().Exec(`
INSERT INTO products (channel_id, product_id, sku_code, driver)
SELECT $1, CASE WHEN n % 2 = 0 THEN 'P' || n ELSE '' END, CASE WHEN n % 2 = 1 THEN 'S' || n ELSE '' END, 'manual'
  FROM generate_series(1, 20000) AS n`, here.ID)
	require.NoError(t, err)
	_, err = s.SQL().Exec(`ANALYZE products`)
	require.NoError(t, err)
	found := func(productID, sku string) string {
		t.Helper()
		p, err := planner(t, s, "a product "+productID+"/"+sku, 3).ProductFor(ctx, here.ID, productID, sku)
		if fault.Is(err, fault.NotFound) {
			return fault.From(err).Args["product"]
		}
		require.NoError(t, err)
		return p.Name() + " found"
	}
	require.Equal(t, "nobody", found("nobody", "no-sku"), "none, and it is called by its productId")
	require.Equal(t, "no-sku", found("", "no-sku"))
	require.Equal(t, "", found("", ""))
	entries(t, s, there.ID, store.Product{ProductID: "*"}, store.Product{SkuCode: "S"}, store.Product{ProductID: "P"})
	require.Equal(t, "P", found("P", "S"), "another channel's entries count for nothing")
	entries(t, s, here.ID, store.Product{ProductID: "*"})
	require.Equal(t, "* found", found("P", "S"))
	require.Equal(t, "* found", found("", ""), "before the order is known")
	entries(t, s, here.ID, store.Product{SkuCode: "S"})
	require.Equal(t, "S found", found("P", "S"))
	require.Equal(t, "S found", found("P-OF-A-YEAR", "S"))
	require.Equal(t, "* found", found("P", ""))
	require.Equal(t, "* found", found("S", "P"), "a productId is no skuCode")
	entries(t, s, here.ID, store.Product{ProductID: "P"})
	require.Equal(t, "P found", found("P", "S"))
	require.Equal(t, "S found", found("P-OF-A-YEAR", "S"))
	settings, err := s.Reader().SettingsFor(ctx, here.ID, "P-OF-A-YEAR", "S")
	require.NoError(t, err)
	require.Equal(t, "S", settings.Memo)
}

// What the clock and the webhooks look up goes by the same order, and a changed
// entry of a skuCode has its instances looked at again.
func TestAnEntryOfASkuCodeCountsForTheClockAndTheWebhooks(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := shelf(t, 3)
	_, err := s.SQL().Exec(`
UPDATE instances
   SET product_id = 'P' || id, sku_code = CASE WHEN id < 3 THEN 'S' ELSE 'OTHER' END, status = 'active', released_at = NULL, password_sealed = '\x00', password_given_at = now(),
       expires_at = now() + interval '100 days', notice_at = NULL, wipe_password_at = NULL`)
	require.NoError(t, err)
	hook := store.ProductSettings{WebhookURL: "https://sku.example.com", WipePasswordDays: 7}
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		if _, err := tx.SetProduct(ctx, store.Product{ChannelID: 1, SkuCode: "S", Driver: "webhook", Settings: hook, Secret: "s", MailLanguage: "en"}); err != nil {
			return err
		}
		hook.WebhookURL, hook.WipePasswordDays = "https://rest.example.com", 0
		_, err := tx.SetProduct(ctx, store.Product{ChannelID: 1, ProductID: "*", Driver: "webhook", Settings: hook, Secret: "s", MailLanguage: "en"})
		return err
	}))
	for more := true; more; {
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) (err error) { more, err = tx.ReplanNotices(ctx, 1); return err }))
	}
	var planned string
	require.NoError(t, s.SQL().QueryRow(`
SELECT string_agg(product_id || ' ' || COALESCE(round(extract(epoch FROM wipe_password_at - password_given_at) / 86400)::text, 'never'), ', ' ORDER BY id)
  FROM instances
 WHERE notice_at <= now()`).Scan(&planned))
	require.Equal(t, "P1 7, P2 7, P3 never", planned)
	for sku, want := range map[string]string{"S": "https://sku.example.com", "OTHER": "https://rest.example.com", "": "https://rest.example.com"} {
		to, err := s.Reader().Receivers(ctx, 1, "instance.renewed", "P1", sku, 0, true)
		require.NoError(t, err)
		require.Len(t, to, 1)
		require.Equal(t, want, to[0].URL, sku)
		require.Equal(t, []string{"s"}, to[0].Secrets)
	}
}

// productPlans explains what is sold of products, beside many others.
func productPlans(t *testing.T, s *store.Store) {
	ctx := context.Background()
	entries(t, s, 1, store.Product{ProductID: "*"}, store.Product{ProductID: "OFFI1"}, store.Product{SkuCode: "SKU3"}, store.Product{SkuCode: "unsold"})
	_, err := s.SQL().Exec(`VACUUM (ANALYZE) instances`) // as the database does by itself: what is counted stands in the index
	require.NoError(t, err)
	uses, err := planner(t, s, "what is sold of products", 2010).ProductUses(ctx, 1, 2, 3, 4)
	require.NoError(t, err)
	require.Len(t, uses, 3, "the default has none")
	require.Equal(t, "Product 1", uses[2].Name)
	require.Equal(t, store.Count{N: 1000}, uses[2].Instances)
	require.Equal(t, store.Count{N: 1000, More: true}, uses[3].Instances)
	require.Zero(t, uses[4])
}
