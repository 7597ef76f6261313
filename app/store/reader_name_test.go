package store_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// everybody walks through a list of instances to its end, and gives their ids.
func everybody(t *testing.T, s *store.Store, f store.InstanceFilter) []string {
	t.Helper()
	ids, cursor := []string{}, ""
	for {
		p, err := s.Reader().InstanceList(context.Background(), f, store.Paging{Cursor: cursor, Limit: store.MaxLimit})
		require.NoError(t, err)
		for _, i := range p.Items {
			ids = append(ids, i.InstanceID)
		}
		if cursor = p.Older; cursor == "" {
			return ids
		}
	}
}

func TestInstancesAreFoundByAPartOfAName(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ch := storetest.Channel(t, s, "default", "")
	for id, names := range map[string][2]string{
		"i-wang": {"深圳市王小明科技有限公司", "wang_01"}, "i-short": {"王五", ""}, "i-acme": {"ACME Ltd.", "Root%7"}, "i-bare": {"", `do\main`}, "i-none": {"", ""}} {
		_, err := s.SQL().Exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, customer_name, user_name) VALUES ($1, $2, $2, $2, $2, $3, $4)`,
			ch.ID, id, names[0], names[1])
		require.NoError(t, err)
	}
	for q, want := range map[string][]string{
		"王小": {"i-wang"}, "小明科技": {"i-wang"}, "司": {}, "王": {"i-short"}, "五": {}, "王五": {"i-short"}, "有限公司": {"i-wang"},
		"acme": {"i-acme"}, "cme l": {"i-acme"}, "LTD.": {"i-acme"}, "A": {"i-acme"}, "t%": {"i-acme"}, "%7": {"i-acme"}, "o%7": {},
		"g_0": {"i-wang"}, "g%0": {}, `o\m`: {"i-bare"}, "main": {"i-bare"}, "d": {"i-bare"}, "王明": {}, "小王": {}, "\x00王小": {},
	} {
		require.ElementsMatch(t, want, everybody(t, s, store.InstanceFilter{Q: q}), q)
	}
	_, err := s.SQL().Exec(`UPDATE instances SET customer_name = '' WHERE instance_id = 'i-wang'`) // as erasure does
	require.NoError(t, err)
	require.Empty(t, everybody(t, s, store.InstanceFilter{Q: "小明"}))
}

// Real names, addresses and numbers are sealed: the search by parts must not be a
// way around it, also not where a template made an account of them.
func TestWhatIsSealedIsNotFoundByAPart(t *testing.T) {
	t.Parallel()
	s := shelf(t, 1)
	ctx := context.Background()
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstanceID(ctx, "i-000")
		if err != nil {
			return err
		}
		i.CustomerName, i.RealName, i.Email, i.Phone = "hw-account", "欧阳小明", "ann.lee@example.com", "+8618688888888"
		if err := tx.SaveOrder(ctx, i, nil); err != nil {
			return err
		}
		i.App = market.AppInfo{FrontEndURL: "https://a.example.com", UserName: "ann.lee@example.com", Password: "s3cret"}
		return tx.SaveAccess(ctx, i)
	}))
	for _, q := range []string{"ann.lee@example.com", "+86 186 8888 8888", "w-acc"} {
		require.Len(t, everybody(t, s, store.InstanceFilter{Q: q}), 1, q)
	}
	for _, q := range []string{"欧阳", "小明", "ann.lee", "nn.lee@exa", "8888888", "s3cret"} {
		require.Empty(t, everybody(t, s, store.InstanceFilter{Q: q}), q)
	}
}

// However many have a name, a list shows all of them in its order and under every
// filter; only its counts may end, and then say so.
func TestRareAndFrequentPartsOfNames(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	storetest.Channel(t, s, "other", "")
	_, err := s.SQL().Exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, product_id, customer_id, customer_name, user_name, expires_at)
SELECT 1 + (n % 10 = 0)::int, 'i-' || n, 'CS' || n, 'L' || n, 'b' || n, CASE WHEN n % 9 = 0 THEN 'frozen' ELSE 'active' END, 'P' || n % 3,
       CASE WHEN n BETWEEN 2200 AND 3400 THEN 'bulk' ELSE 'c' || n / 2 END,
       CASE WHEN n BETWEEN 2200 AND 3400 THEN 'Bulk buyer' WHEN n % 2 = 0 THEN 'Alpha ' || n || ' 有限公司' ELSE 'Beta ' || n END,
       CASE WHEN n < 40 THEN 'founder' ELSE '' END, now() + n * interval '1 hour'
  FROM generate_series(1, 3500) AS n`)
	require.NoError(t, err)
	for _, q := range []string{"有限", "alpha", "BETA", "founder", "bulk", "Alpha 35", "a 1", "P1"} {
		for _, f := range []store.InstanceFilter{{}, {Channel: "other"}, {Status: "frozen"}, {ProductID: "P1", Status: "active"}, {Channel: "other", ProductID: "P2"}} {
			f.Q = q
			var want []string
			require.NoError(t, s.SQL().QueryRow(`
SELECT COALESCE(array_agg(instance_id ORDER BY id DESC), '{}')
  FROM instances
 WHERE (strpos(lower(customer_name), lower($1)) > 0 OR strpos(lower(user_name), lower($1)) > 0)
   AND ($2 = '' OR channel_id = (SELECT id FROM channels WHERE slug = $2))
   AND ($3 = '' OR status = $3)
   AND ($4 = '' OR product_id = $4)`, q, f.Channel, f.Status, f.ProductID).Scan(pq.Array(&want)))
			require.Equal(t, want, everybody(t, s, f), "%+v", f)
		}
	}
	counts := func(f store.InstanceFilter) string {
		c, err := s.Reader().InstanceCounts(context.Background(), f)
		require.NoError(t, err)
		return strings.Join([]string{c[""].String(), c["active"].String(), c["frozen"].String(), c["released"].String()}, " ")
	}
	require.Equal(t, "39 35 4 0", counts(store.InstanceFilter{Q: "founder"}))
	require.Equal(t, "1000+ 1000+ 133 0", counts(store.InstanceFilter{Q: "bulk"}), "of one customer, all are found")
	require.Equal(t, "172+ 44+ 128 0", counts(store.InstanceFilter{Q: "alpha"}), "of the newest 1000 that are active, and of all that are frozen")
	require.Equal(t, "76 51 25 0", counts(store.InstanceFilter{Q: "alpha", ProductID: "P0", Channel: "other"}), "which are all")
	page, err := s.Reader().InstanceList(context.Background(), store.InstanceFilter{Q: "beta"}, store.Paging{})
	require.NoError(t, err)
	newer, older, err := s.Reader().InstanceNeighbours(context.Background(), store.InstanceFilter{Q: "beta"}, page.Items[1])
	require.NoError(t, err)
	require.Equal(t, []string{"i-3499", "i-3495"}, []string{newer, older})
}
