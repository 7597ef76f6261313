package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// fillPool adds n accounts.
func fillPool(t *testing.T, s *store.Store, pool string, n int) {
	t.Helper()
	ctx := context.Background()
	var accounts []market.AppInfo
	for i := range n {
		accounts = append(accounts, market.AppInfo{FrontEndURL: "https://crm.example.com", UserName: fmt.Sprintf("user-%03d", i), Password: fmt.Sprintf("pass-%03d", i)})
	}
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPool(ctx, pool); err != nil {
			return err
		}
		_, err := tx.AddAccounts(ctx, pool, accounts, "cli")
		return err
	}))
}

// poolInstances makes n instances and gives their row ids.
func poolInstances(t *testing.T, s *store.Store, n int) []int64 {
	t.Helper()
	channel := storetest.Channel(t, s, "default", "")
	ids := make([]int64, n)
	for i := range ids {
		require.NoError(t, s.SQL().QueryRow(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id)
VALUES ($1, $2, $2, '', '') RETURNING id`, channel.ID, uuid.NewString()).Scan(&ids[i]))
	}
	return ids
}

func takeAccount(s *store.Store, pool string, pk int64) (market.AppInfo, error) {
	var got market.AppInfo
	ctx := context.Background()
	err := s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, pk)
		if err != nil {
			return err
		}
		got, err = tx.TakeAccount(ctx, pool, i)
		return err
	})
	return got, err
}

// 200 instances ask at the same moment, each twice, and 150 accounts are there.
func TestAnAccountIsHandedOutOnceEach(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	fillPool(t, s, "crm", 150)
	ids := poolInstances(t, s, 200)
	var mu sync.Mutex
	holder, empty := map[string]int64{}, map[int64]bool{}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, pk := range append(ids, ids...) {
		wg.Go(func() {
			<-start
			a, err := takeAccount(s, "crm", pk)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				if fault.From(err).Key != "pool.no_account" {
					t.Errorf("%v", err)
				}
				empty[pk] = true
				return
			}
			if other, taken := holder[a.UserName]; taken && other != pk {
				t.Errorf("%s was handed to %d and %d", a.UserName, other, pk)
			}
			if a.Password != "pass-"+a.UserName[len("user-"):] {
				t.Errorf("%s has the password of another", a.UserName)
			}
			holder[a.UserName] = pk
		})
	}
	close(start)
	wg.Wait()
	require.Len(t, holder, 150)
	p, err := s.Reader().Pool(context.Background(), "crm")
	require.NoError(t, err)
	require.Equal(t, 0, p.Free)
	require.Equal(t, 150, p.Used)
	for pk := range empty { // who was turned away in the crowd is so still
		_, err := takeAccount(s, "crm", pk)
		if err == nil {
			continue // its twin had got one
		}
		require.Equal(t, "pool.no_account", fault.From(err).Key)
	}
}

// A worker that dies before its transaction ends leaves nothing behind; one that
// dies after it finds its account again.
func TestAnAbortedTakeLosesNothing(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	fillPool(t, s, "crm", 1)
	ids := poolInstances(t, s, 2)
	err := s.Write(ctx, func(tx *store.Tx) error {
		i, err := tx.LockInstancePK(ctx, ids[0])
		require.NoError(t, err)
		_, err = tx.TakeAccount(ctx, "crm", i)
		require.NoError(t, err)
		_, err = takeAccount(s, "crm", ids[1]) // nobody waits for it
		require.Equal(t, "pool.no_account", fault.From(err).Key)
		return fault.New(fault.Internal, "internal")
	})
	require.Error(t, err)
	first, err := takeAccount(s, "crm", ids[1])
	require.NoError(t, err)
	again, err := takeAccount(s, "crm", ids[1])
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestAccountsThatAreTooLongForV1AreForV2(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	ids := poolInstances(t, s, 2)
	long := market.AppInfo{FrontEndURL: "https://crm.example.com", UserName: "long", Password: strings.Repeat("p", 90)}
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		require.NoError(t, tx.LockPool(ctx, "crm"))
		_, err := tx.AddAccounts(ctx, "crm", []market.AppInfo{long}, "cli")
		return err
	}))
	_, err := s.SQL().Exec(`UPDATE instances SET protocol = 'v1' WHERE id = $1`, ids[0])
	require.NoError(t, err)
	_, err = takeAccount(s, "crm", ids[0])
	require.Equal(t, "pool.no_account", fault.From(err).Key)
	got, err := takeAccount(s, "crm", ids[1])
	require.NoError(t, err)
	require.Equal(t, long, got)
}

func TestAccountsGoBackAndAreRetired(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	fillPool(t, s, "crm", 2)
	ids := poolInstances(t, s, 2)
	letGo := func(pk int64, retire bool) (pool string) {
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) (err error) { pool, err = tx.LetAccountGo(ctx, pk, retire); return err }))
		return pool
	}
	_, err := takeAccount(s, "crm", ids[0])
	require.NoError(t, err)
	require.Equal(t, "crm", letGo(ids[0], false))
	require.Empty(t, letGo(ids[0], false), "once")
	_, err = takeAccount(s, "crm", ids[1])
	require.NoError(t, err)
	require.Equal(t, "crm", letGo(ids[1], true))
	page, err := s.Reader().Accounts(ctx, store.AccountFilter{Pool: "crm"}, store.Paging{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	require.Equal(t, store.AccountRetired, page.Items[1].Status)
	require.NotEmpty(t, page.Items[1].InstanceID, "who had it last")
	require.True(t, page.Items[1].HasPassword)
	counts, err := s.Reader().AccountCounts(ctx, store.AccountFilter{Pool: "crm", Q: "ser-00"})
	require.NoError(t, err)
	require.Equal(t, 1, counts[store.AccountFree].N)
	free := page.Items[0].ID
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error { return tx.NoteAccount(ctx, "crm", free, "shared with sales") }))
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error { return tx.RetireAccount(ctx, "crm", free) }))
	err = s.Write(ctx, func(tx *store.Tx) error { return tx.RetireAccount(ctx, "crm", free) })
	require.Equal(t, "pool.account_not_free", fault.From(err).Key)
	err = s.Write(ctx, func(tx *store.Tx) error { return tx.RetireAccount(ctx, "other", free) })
	require.Equal(t, "pool.account_unknown", fault.From(err).Key)
	fillPool(t, s, "crm", 2) // a retired account may come anew
	err = s.Write(ctx, func(tx *store.Tx) error {
		known, err := tx.KnownAccounts(ctx, "crm", []market.AppInfo{{FrontEndURL: "https://crm.example.com", UserName: "new"},
			{FrontEndURL: "https://crm.example.com", UserName: "user-001"}})
		require.Equal(t, []int{1}, known)
		return err
	})
	require.NoError(t, err)
	var sealed []byte
	require.NoError(t, s.SQL().QueryRow(`SELECT password_sealed FROM pool_accounts ORDER BY id LIMIT 1`).Scan(&sealed))
	require.NotContains(t, string(sealed), "pass-")
}

func TestAPoolTurnsOnce(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	fillPool(t, s, "crm", 3)
	pool := func() store.PoolRow {
		p, err := s.Reader().Pool(ctx, "crm")
		require.NoError(t, err)
		return p
	}
	require.False(t, pool().Low, "nobody wants to know")
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error { return tx.SetLowWater(ctx, "crm", 3) }))
	require.True(t, pool().Low)
	require.WithinDuration(t, time.Now(), pool().AddedAt, time.Minute)
	turn := func(low bool) (turned bool) {
		require.NoError(t, s.Write(ctx, func(tx *store.Tx) (err error) { turned, err = tx.TurnPool(ctx, "crm", low); return err }))
		return turned
	}
	require.Equal(t, []bool{true, false, true, false}, []bool{turn(true), turn(true), turn(false), turn(false)})
	_, err := s.Reader().Pool(ctx, "nowhere")
	require.Equal(t, "pool.unknown", fault.From(err).Key)
	err = s.Write(ctx, func(tx *store.Tx) error { return tx.SetLowWater(ctx, "nowhere", 1) })
	require.Equal(t, "pool.unknown", fault.From(err).Key)
}

// What has no password any more is nothing for the next buyer, whatever the
// product says by now; what never had one is as good as it was.
func TestAnAccountWhosePasswordWasWipedIsRetired(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	ctx := context.Background()
	ids := poolInstances(t, s, 2)
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		if err := tx.LockPool(ctx, "crm"); err != nil {
			return err
		}
		_, err := tx.AddAccounts(ctx, "crm", []market.AppInfo{{FrontEndURL: "https://crm.example.com", UserName: "a", Password: "pass"},
			{FrontEndURL: "https://crm.example.com", UserName: "b"}}, "cli")
		return err
	}))
	for _, pk := range ids {
		_, err := takeAccount(s, "crm", pk)
		require.NoError(t, err)
	}
	require.NoError(t, s.Write(ctx, func(tx *store.Tx) error {
		if err := tx.WipePassword(ctx, ids[0], false); err != nil {
			return err
		}
		for _, pk := range ids {
			if _, err := tx.LetAccountGo(ctx, pk, false); err != nil {
				return err
			}
		}
		return nil
	}))
	var status []string
	rows, err := s.SQL().Query(`SELECT user_name || ' ' || status || ' ' || (instance_pk IS NOT NULL) || ' ' || (retired_at IS NOT NULL) FROM pool_accounts ORDER BY id`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		status = append(status, line)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, []string{"a retired true true", "b free false false"}, status)
}
