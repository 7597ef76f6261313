package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// open gives a store with so many connections.
func open(t *testing.T, conns int) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), storetest.URL(t), storetest.Keys(t), store.Options{MaxConns: conns})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// take writes one message in a transaction of its own.
func take(s *store.Store, channel int64, instance string) error {
	ctx := context.Background()
	c := market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{instance}, ContentHash: []byte("content")}
	a := store.Arrival{Channel: channel, Call: c, Key: c.IdempotencyKey(), ReceivedAt: time.Now(), Request: []byte("request")}
	return s.Write(ctx, func(tx *store.Tx) error {
		m, err := tx.OpenMessage(ctx, a)
		if err != nil {
			return err
		}
		return tx.CloseMessage(ctx, m.ID, a, store.Outcome{Status: store.MessageSucceeded, Code: market.Success,
			Disposition: store.New, Response: []byte("{}"), Source: "marketplace"})
	})
}

// preparedTexts counts the statements that the one connection of the pool has
// prepared: all of them, and different ones.
func preparedTexts(t *testing.T, s *store.Store) (all, different int) {
	t.Helper()
	require.NoError(t, s.SQL().QueryRow(`SELECT count(*), count(DISTINCT statement) FROM pg_prepared_statements`).Scan(&all, &different))
	return all, different
}

func TestWhatIsUsedOftenIsPreparedOncePerConnection(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	c := storetest.Channel(t, s, "default", "")
	require.NoError(t, take(s, c.ID, "i0"))
	n, _ := preparedTexts(t, s)
	require.Zero(t, n, "what is used once is not worth it")
	for i := range 20 {
		require.NoError(t, take(s, c.ID, fmt.Sprintf("i%d", i)))
	}
	n, different := preparedTexts(t, s)
	require.Positive(t, n)
	require.Equal(t, different, n)
	require.NoError(t, take(s, c.ID, "i0"))
	again, _ := preparedTexts(t, s)
	require.Equal(t, n, again)
	var messages, attempts int
	require.NoError(t, s.SQL().QueryRow(`SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM attempts)`).Scan(&messages, &attempts))
	require.Equal(t, []int{20, 22}, []int{messages, attempts})
}

// A transaction that does the same again and again does not wait for its end to have it
// prepared, and leaves nothing behind that the next would prepare once more.
func TestWhatATransactionRepeatsIsPreparedWithinIt(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	within := func(n int) (prepared, runs int) {
		require.NoError(t, s.Write(t.Context(), func(tx *store.Tx) error {
			for range n {
				if _, err := tx.TaskIDs(t.Context(), 1); err != nil {
					return err
				}
			}
			var err error
			prepared, runs, err = tx.Prepared(t.Context())
			return err
		}))
		return prepared, runs
	}
	prepared, runs := within(3)
	require.Equal(t, []int{0, 0}, []int{prepared, runs})
	s = open(t, 1) // which has not come to it yet
	prepared, runs = within(20)
	require.Equal(t, []int{1, 17}, []int{prepared, runs})
	prepared, runs = within(20)
	require.Equal(t, []int{1, 20}, []int{prepared, runs}, "for all from now on")
}

func TestPreparingNeedsNoSecondConnection(t *testing.T) {
	t.Parallel()
	s := open(t, 2)
	c := storetest.Channel(t, s, "default", "")
	var wg sync.WaitGroup
	for client := range 8 {
		wg.Go(func() {
			for i := range 10 {
				if err := take(s, c.ID, fmt.Sprintf("%d-%d", client, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestPreparedStatementsBelongToTheirTransaction(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	c := storetest.Channel(t, s, "default", "")
	for i := range 5 {
		require.NoError(t, take(s, c.ID, fmt.Sprintf("i%d", i)))
	}
	ctx, stop := context.Background(), errors.New("stop")
	require.ErrorIs(t, s.Write(ctx, func(tx *store.Tx) error {
		call := market.Call{Protocol: market.V2, Activity: market.QueryInstance, InstanceIDs: []string{"undone"}}
		_, err := tx.OpenMessage(ctx, store.Arrival{Channel: c.ID, Call: call, Key: "undone", ReceivedAt: time.Now()})
		require.NoError(t, err)
		return stop
	}), stop)
	var n int
	require.NoError(t, s.SQL().QueryRow(`SELECT count(*) FROM messages WHERE idem_key = 'undone'`).Scan(&n))
	require.Zero(t, n)
}

func TestWhatEveryPageCountsIsPrepared(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	for range 4 {
		n, err := s.Reader().NavCounts(context.Background())
		require.NoError(t, err)
		require.Zero(t, n.OpenGroups)
	}
	n, _ := preparedTexts(t, s)
	require.Equal(t, 1, n)
	_, err := s.SQL().Exec(`INSERT INTO failure_groups (fingerprint, step, of_tasks, error) VALUES ('a', 'newInstance', FALSE, '{}')`)
	require.NoError(t, err)
	counted, err := s.Reader().NavCounts(context.Background())
	require.NoError(t, err)
	require.Equal(t, 1, counted.OpenGroups.N)
}
