package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

func purchase(channel int64, order, business string, at time.Time) store.Purchase {
	c := market.Call{Protocol: market.V2, Activity: market.NewInstance, OrderID: order, OrderLineID: order + "-000001",
		BusinessID: business, ContentHash: []byte("content of " + order)}
	return store.Purchase{
		Arrival: store.Arrival{Channel: channel, Call: c, Key: c.IdempotencyKey(), ReceivedAt: at, IP: "127.0.0.1",
			Request: []byte(`{"activity":"newInstance"}`), RetryUntil: at.Add(3 * time.Hour)},
		WantedID:   business,
		SpareID:    uuid.NewString(),
		Done:       []byte(`{"resultCode":"000000","instanceId":"` + store.Placeholder + `"}`),
		Processing: []byte(`{"resultCode":"000004","instanceId":"` + store.Placeholder + `"}`),
		Twin:       5 * time.Second,
	}
}

func TestPurchaseOnceUnderFiftyAtOnce(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	c := storetest.Channel(t, s, "default", "")
	now := time.Now()
	answers := make([]string, 50)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			got, err := s.TakePurchase(context.Background(), purchase(c.ID, "CS1", fmt.Sprintf("business-%d", i), now))
			if err != nil {
				t.Error(err)
				return
			}
			answers[i] = string(got.Response)
		})
	}
	wg.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0], a)
	}
	require.Equal(t, [3]int{1, 1, 50}, counts(t, s))
}

func counts(t *testing.T, s *store.Store) (n [3]int) {
	t.Helper()
	for i, table := range []string{"messages", "instances", "attempts"} {
		require.NoError(t, s.SQL().QueryRow(`SELECT count(*) FROM `+table).Scan(&n[i]))
	}
	return n
}

func TestPurchaseTakesASpareIDWhenTheBusinessIDIsTaken(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	c := storetest.Channel(t, s, "default", "")
	first, err := s.TakePurchase(context.Background(), purchase(c.ID, "CS1", "same", time.Now()))
	require.NoError(t, err)
	require.Equal(t, "same", first.InstanceID)
	p := purchase(c.ID, "CS2", "same", time.Now())
	second, err := s.TakePurchase(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, p.SpareID, second.InstanceID)
	require.NotEqual(t, first.MessageID, second.MessageID)
	require.JSONEq(t, `{"resultCode":"000004","instanceId":"`+p.SpareID+`"}`, string(second.Response))
}

func TestPurchaseForTestStaysInItsSandbox(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	c := storetest.Channel(t, s, "default", "")
	p := purchase(c.ID, "CS1", "b1", time.Now())
	p.Call.Test = true
	got, err := s.TakePurchase(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, market.Success, got.Code)
	require.Zero(t, got.TaskID)
	require.Equal(t, [3]int{1, 0, 1}, counts(t, s))
	real, err := s.TakePurchase(context.Background(), purchase(c.ID, "CS1", "b1", time.Now()))
	require.NoError(t, err)
	require.Equal(t, store.New, real.Disposition)
	require.Equal(t, [3]int{2, 1, 2}, counts(t, s))
}

func TestPurchaseRepeatTellsWhenTheInstanceIsReady(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	c := storetest.Channel(t, s, "default", "")
	ctx, start := context.Background(), time.Now()
	_, err := s.TakePurchase(ctx, purchase(c.ID, "CS1", "b1", start))
	require.NoError(t, err)
	later, err := s.TakePurchase(ctx, purchase(c.ID, "CS1", "b2", start.Add(6*time.Second)))
	require.NoError(t, err)
	require.Equal(t, market.Processing, later.Code)
	_, err = s.SQL().Exec(`UPDATE instances SET provisioned_at = now(), status = 'active'`)
	require.NoError(t, err)
	twin, err := s.TakePurchase(ctx, purchase(c.ID, "CS1", "b3", start.Add(4*time.Second)))
	require.NoError(t, err)
	require.Equal(t, market.Processing, twin.Code, "a twin gets the first answer's bytes")
	ready, err := s.TakePurchase(ctx, purchase(c.ID, "CS1", "b4", start.Add(7*time.Second)))
	require.NoError(t, err)
	require.Equal(t, market.Success, ready.Code)
	require.Equal(t, "b1", ready.InstanceID)
	require.Equal(t, store.Repeat, ready.Disposition)
}

// Everything that a purchase asks is in its key: that it is written in another way, a
// number for a text or with a field more, is no other content, and no reason not to try
// again what was given up.
func TestAPurchaseThatIsWrittenOtherwiseIsTheSame(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	c := storetest.Channel(t, s, "default", "")
	ctx, start := context.Background(), time.Now()
	_, err := s.TakePurchase(ctx, purchase(c.ID, "CS1", "b1", start))
	require.NoError(t, err)
	other := purchase(c.ID, "CS1", "b2", start.Add(6*time.Second))
	other.Call.ContentHash = []byte("the same, written otherwise")
	again, err := s.TakePurchase(ctx, other)
	require.NoError(t, err)
	require.Equal(t, store.Repeat, again.Disposition)
	exec(t, s.SQL(), `UPDATE tasks SET status = 'failed'; UPDATE messages SET status = 'failed'`)
	again, err = s.TakePurchase(ctx, other)
	require.NoError(t, err)
	require.Equal(t, store.Applied, again.Disposition)
	require.Equal(t, "pending 0", text(t, s.SQL(), `SELECT concat_ws(' ', (SELECT status FROM tasks), (SELECT conflicts FROM messages))`))
}
