package store_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// shelf is a database with n purchases, the last received last, one minute apart.
func shelf(t *testing.T, n int) *store.Store {
	t.Helper()
	s := storetest.Open(t)
	c := storetest.Channel(t, s, "default", "")
	start := time.Now().Add(-time.Duration(n) * time.Minute)
	for i := range n {
		_, err := s.TakePurchase(context.Background(), purchase(c.ID, fmt.Sprintf("CS%03d", i), fmt.Sprintf("i-%03d", i), start.Add(time.Duration(i)*time.Minute)))
		require.NoError(t, err)
	}
	return s
}

func orders(p store.Page[store.MessageRow]) []string {
	out := []string{}
	for _, m := range p.Items {
		out = append(out, m.OrderID)
	}
	return out
}

func TestPagesGoForwardsAndBackwards(t *testing.T) {
	t.Parallel()
	s := shelf(t, 7)
	ctx := context.Background()
	list := func(cursor string) store.Page[store.MessageRow] {
		p, err := s.Reader().MessageList(ctx, store.MessageFilter{}, store.Paging{Cursor: cursor, Limit: 3})
		require.NoError(t, err)
		return p
	}
	first := list("")
	require.Equal(t, []string{"CS006", "CS005", "CS004"}, orders(first))
	require.Empty(t, first.Newer)
	second := list(first.Older)
	require.Equal(t, []string{"CS003", "CS002", "CS001"}, orders(second))
	third := list(second.Older)
	require.Equal(t, []string{"CS000"}, orders(third))
	require.Empty(t, third.Older)
	require.Equal(t, orders(second), orders(list(third.Newer)))
	back := list(second.Newer)
	require.Equal(t, orders(first), orders(back))
	require.Empty(t, back.Newer, "at the beginning again")
	require.Equal(t, orders(second), orders(list(back.Older)))

	// Something arrives: a step back from the second page that would show less
	// than a page shows the first one whole.
	c, err := s.Reader().ChannelBySlug(ctx, "default")
	require.NoError(t, err)
	_, err = s.TakePurchase(ctx, purchase(c.ID, "CS999", "i-999", time.Now()))
	require.NoError(t, err)
	require.Equal(t, []string{"CS006", "CS005", "CS004"}, orders(list(second.Newer)))
	require.NotEmpty(t, list(second.Newer).Newer, "there is more before it now")
	require.Equal(t, []string{"CS999", "CS006", "CS005"}, orders(list(list(second.Newer).Newer)))
}

func TestNeighboursAndCountsAndIDs(t *testing.T) {
	t.Parallel()
	s := shelf(t, 6)
	ctx := context.Background()
	r := s.Reader()
	_, err := s.SQL().Exec(`UPDATE messages SET status = CASE WHEN id % 2 = 0 THEN 'failed' ELSE 'succeeded' END`)
	require.NoError(t, err)
	f := store.MessageFilter{Status: "failed"}
	p, err := r.MessageList(ctx, f, store.Paging{})
	require.NoError(t, err)
	require.Len(t, p.Items, 3)
	newer, older, err := r.MessageNeighbours(ctx, f, p.Items[1])
	require.NoError(t, err)
	require.Equal(t, []int64{p.Items[0].ID, p.Items[2].ID}, []int64{newer, older})
	newer, older, err = r.MessageNeighbours(ctx, f, p.Items[2])
	require.NoError(t, err)
	require.Equal(t, []int64{p.Items[1].ID, 0}, []int64{newer, older})

	counts, err := r.MessageCounts(ctx, f)
	require.NoError(t, err)
	require.Equal(t, store.Counts{"": {N: 6}, "failed": {N: 3}, "succeeded": {N: 3}, "processing": {}, "rejected": {}}, counts)
	counts, err = r.MessageCounts(ctx, store.MessageFilter{Q: "CS003"})
	require.NoError(t, err)
	require.Equal(t, store.Count{N: 1}, counts[""])

	ids, err := r.MessageIDs(ctx, f, 0, 2)
	require.NoError(t, err)
	require.Equal(t, []int64{2, 4}, ids)
	ids, err = r.MessageIDs(ctx, f, 4, 2)
	require.NoError(t, err)
	require.Equal(t, []int64{6}, ids)

	instances, err := r.InstanceList(ctx, store.InstanceFilter{}, store.Paging{})
	require.NoError(t, err)
	before, after, err := r.InstanceNeighbours(ctx, store.InstanceFilter{}, instances.Items[1])
	require.NoError(t, err)
	require.Equal(t, []string{"i-005", "i-003"}, []string{before, after})
	tasks, err := r.TaskList(ctx, store.TaskFilter{}, store.Paging{})
	require.NoError(t, err)
	newer, older, err = r.TaskNeighbours(ctx, store.TaskFilter{Kind: "order_query"}, tasks.Items[0].ID)
	require.NoError(t, err)
	require.Equal(t, []int64{0, tasks.Items[1].ID}, []int64{newer, older})
	taskCounts, err := r.TaskCounts(ctx, store.TaskFilter{InstanceID: "i-001"})
	require.NoError(t, err)
	require.Equal(t, store.Count{N: 1}, taskCounts["pending"])
}

// TestTextsThatNoDatabaseHolds match nothing instead of failing.
func TestTextsThatNoDatabaseHolds(t *testing.T) {
	t.Parallel()
	s := shelf(t, 1)
	ctx := context.Background()
	r := s.Reader()
	for _, bad := range []string{"a\x00b", "\xff"} {
		for _, f := range []store.MessageFilter{{Channel: bad}, {Protocol: bad}, {Activity: bad}, {Status: bad}, {OrderID: bad}, {InstanceID: bad}, {Q: bad}} {
			p, err := r.MessageList(ctx, f, store.Paging{})
			require.NoError(t, err)
			require.Empty(t, p.Items)
		}
		p, err := r.InstanceList(ctx, store.InstanceFilter{Q: bad}, store.Paging{})
		require.NoError(t, err)
		require.Empty(t, p.Items)
		_, err = r.InstanceDetail(ctx, bad)
		require.Equal(t, "instance.unknown", fault.From(err).Key)
		_, err = r.OperatorByEmail(ctx, bad)
		require.Equal(t, "operator.unknown", fault.From(err).Key)
		_, err = r.ProductDetail(ctx, bad, bad, bad)
		require.Equal(t, "product.unknown", fault.From(err).Key)
	}
}

// TestOddLines: an order line whose id does not begin with its order's is found
// too.
func TestOddLines(t *testing.T) {
	t.Parallel()
	s := shelf(t, 2)
	_, err := s.SQL().Exec(`UPDATE messages SET order_line_id = 'LINE-' || id; UPDATE instances SET order_line_id = 'LINE-' || id`)
	require.NoError(t, err)
	p, err := s.Reader().MessageList(context.Background(), store.MessageFilter{Q: "LINE-2"}, store.Paging{})
	require.NoError(t, err)
	require.Equal(t, []string{"CS001"}, orders(p))
	i, err := s.Reader().InstanceList(context.Background(), store.InstanceFilter{Q: "LINE-2"}, store.Paging{})
	require.NoError(t, err)
	require.Len(t, i.Items, 1)
}

func TestRevealedPassword(t *testing.T) {
	t.Parallel()
	s := shelf(t, 1)
	ctx := context.Background()
	var pk int64
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		c, err := tx.Reader().ChannelBySlug(ctx, "default")
		if err != nil {
			return err
		}
		i, err := tx.LockInstance(ctx, c.ID, "i-000")
		if err != nil {
			return err
		}
		pk = i.PK
		i.App = market.AppInfo{FrontEndURL: "https://a.example.com", Password: "s3cret"}
		return tx.SaveAccess(ctx, i)
	}))
	got, err := s.Reader().RevealPassword(ctx, pk)
	require.NoError(t, err)
	require.Equal(t, "s3cret", got)
	_, err = s.Reader().RevealPassword(ctx, pk+1)
	require.Equal(t, "instance.unknown", fault.From(err).Key)
	d, err := s.Reader().InstanceDetail(ctx, "i-000")
	require.NoError(t, err)
	require.True(t, d.Access.HasPassword)
	require.NotContains(t, fmt.Sprintf("%+v", d), "s3cret")
}

func TestChannelsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	storetest.Channel(t, s, "b", "")
	storetest.Channel(t, s, "a", "")
	all, err := s.Reader().Channels(context.Background())
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, []string{all[0].Slug, all[1].Slug})
	require.True(t, all[0].HasAK)
}

func TestCursorsBelongToTheirList(t *testing.T) {
	t.Parallel()
	s := shelf(t, 3)
	ctx := context.Background()
	p, err := s.Reader().TaskList(ctx, store.TaskFilter{}, store.Paging{Limit: 1})
	require.NoError(t, err)
	_, err = s.Reader().MessageList(ctx, store.MessageFilter{}, store.Paging{Cursor: p.Older})
	require.Equal(t, "cursor.invalid", fault.From(err).Key)
	for _, limit := range []int{-1, 0, 100000} {
		p, err := s.Reader().TaskList(ctx, store.TaskFilter{}, store.Paging{Limit: limit})
		require.NoError(t, err, strconv.Itoa(limit))
		require.Len(t, p.Items, 3)
	}
}

// TestASearchIsBoundedButARestartIsNot: a page of a search costs the same however
// much it finds; what acts on everything that matches finds everything.
func TestASearchIsBoundedButARestartIsNot(t *testing.T) {
	t.Parallel()
	s := shelf(t, 1)
	ctx := context.Background()
	_, err := s.SQL().Exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, order_id, first_received_at, last_received_at)
SELECT 1, 'v2', 'newInstance', 'k' || n, 'failed', 'MANY' || n, now(), now()
  FROM generate_series(1, 3000) AS n`)
	require.NoError(t, err)
	f := store.MessageFilter{Q: "MANY"}
	counts, err := s.Reader().MessageCounts(ctx, f)
	require.NoError(t, err)
	require.Equal(t, "1000+", counts["failed"].String())
	n, after := 0, int64(0)
	for {
		ids, err := s.Reader().MessageIDs(ctx, f, after, 500)
		require.NoError(t, err)
		if len(ids) == 0 {
			break
		}
		n, after = n+len(ids), ids[len(ids)-1]
	}
	require.Equal(t, 3000, n)
}
