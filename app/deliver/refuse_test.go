package deliver_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/deliver"
	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/store"
)

// freeze has the customer of an instance told that it is frozen.
func (p *post) freeze(pk int64) {
	p.t.Helper()
	p.write(pk, func(tx *store.Tx, i *store.Instance) error {
		return tx.SaveState(context.Background(), i, i.Freeze(tx.Now), store.Origin{})
	})
	require.NoError(p.t, p.d.Schedule(context.Background()))
}

// notice hands the waiting notice over and gives the mail.
func (p *post) notice(n int) smtptest.Message {
	p.t.Helper()
	var id int64
	require.NoError(p.t, p.store.SQL().QueryRow(`UPDATE tasks SET run_at = now() WHERE kind = 'notice' AND status = 'pending' RETURNING id`).Scan(&id))
	require.NoError(p.t, p.run(p.claim(id), false))
	return p.arrived(n)[n-1]
}

func TestANoticeCanBeRefusedAtOneClick(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	p.product(store.ProductSettings{})
	pk, _ := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	require.Empty(t, p.arrived(1)[0].Get("List-Unsubscribe"), "usage information is what was bought")
	p.freeze(pk)
	m := p.notice(2)
	require.Equal(t, "List-Unsubscribe=One-Click", m.Get("List-Unsubscribe-Post"))
	u, err := url.Parse(strings.Trim(m.Get("List-Unsubscribe"), "<>"))
	require.NoError(t, err)
	token, ok := strings.CutPrefix(u.String(), "https://seller.test/access/notices/")
	require.True(t, ok, u.String())
	require.NotContains(t, token, p.opened(pk).InstanceID)

	r, err := p.d.Refusal(ctx, token)
	require.NoError(t, err)
	require.Equal(t, market.WasFrozen, r.Kind)
	require.Equal(t, "云协作 <Pro>", r.Product)
	require.Empty(t, r.Off)
	require.NoError(t, p.d.SetWishes(ctx, p.opened(pk).InstanceID, store.Wishes{Off: []string{market.UsageInfo}, Language: "en", Zone: "Asia/Tokyo"}, ann))
	for range 2 {
		require.NoError(t, p.d.Refuse(ctx, token, "", true, "192.0.2.9"))
	}
	w, err := p.store.Reader().Wishes(ctx, p.channel.ID, p.opened(pk).Customer())
	require.NoError(t, err)
	require.Equal(t, store.Wishes{Off: []string{market.WasFrozen, market.UsageInfo}, Language: "en", Zone: "Asia/Tokyo"}, w, "the rest stays")
	require.Equal(t, "notices.refused frozen 192.0.2.9 customer", p.text(`SELECT action || ' ' || (detail->>'kind') || ' ' || host(remote_ip) || ' ' || actor FROM audit WHERE actor = 'customer'`), "once")

	// It is not sent again, until he wants it.
	again := func(want int) {
		t.Helper()
		p.write(pk, func(tx *store.Tx, i *store.Instance) error {
			return tx.SaveState(ctx, i, i.On(market.UnfreezeCame, tx.Now), store.Origin{})
		})
		p.freeze(pk)
		require.Equal(t, want, p.count(`SELECT count(*) FROM deliveries WHERE kind = 'frozen' AND status = 'pending'`))
	}
	again(0)
	require.NoError(t, p.d.Refuse(ctx, token, market.WasReleased, true, ""))
	r, err = p.d.Refusal(ctx, token)
	require.NoError(t, err)
	require.True(t, r.Refused())
	require.Equal(t, []string{market.WasFrozen, market.WasReleased}, r.Off)
	require.NoError(t, p.d.Refuse(ctx, token, "", false, ""))
	require.NoError(t, p.d.Refuse(ctx, token, market.WasReleased, false, ""))
	again(1)

	for _, bad := range []string{market.UsageInfo, "all", "x"} {
		require.Equal(t, fault.Invalid, fault.From(p.d.Refuse(ctx, token, bad, true, "")).Code, bad)
	}
	for _, bad := range []string{"", "x", token + "A", token[:len(token)-2], p.store.Keys().Token("access page", []byte("frozen\x00en\x00"+p.opened(pk).InstanceID)),
		p.store.Keys().Token("refusal of notices", []byte("usage_info\x00en\x00"+p.opened(pk).InstanceID)), p.store.Keys().Token("refusal of notices", []byte("frozen\x00en\x00nobody"))} {
		require.Equal(t, "access_page.unknown", fault.From(p.d.Refuse(ctx, bad, "", true, "")).Key)
		_, err := p.d.Refusal(ctx, bad)
		require.Equal(t, "access_page.unknown", fault.From(err).Key)
	}
	require.NotContains(t, deliver.Refusable(), market.UsageInfo)
	require.NotContains(t, p.log.String(), token)
}

// Of two refusals at the same moment, from mails about two instances, both stay.
func TestTwoRefusalsAtOnceBothStay(t *testing.T) {
	t.Parallel()
	p := open(t, true)
	ctx := context.Background()
	p.product(store.ProductSettings{})
	pk, _ := p.told(address, "")
	require.NoError(t, p.run(p.next(), false))
	p.freeze(pk)
	token := strings.TrimSuffix(strings.TrimPrefix(p.notice(2).Get("List-Unsubscribe"), "<https://seller.test/access/notices/"), ">")
	customer := p.opened(pk).Customer()
	require.NoError(t, p.store.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.LockWishes(ctx, p.channel.ID, customer)
		return err
	}))
	other, err := p.store.SQL().Begin()
	require.NoError(t, err)
	_, err = other.Exec(`UPDATE customer_wishes SET off = ARRAY['renewed'] WHERE customer = $1`, customer)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- p.d.Refuse(ctx, token, "", true, "") }()
	require.Eventually(t, func() bool {
		return p.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, other.Commit())
	require.NoError(t, <-done)
	w, err := p.store.Reader().Wishes(ctx, p.channel.ID, customer)
	require.NoError(t, err)
	require.Equal(t, []string{market.WasFrozen, market.WasRenewed}, w.Off)
}
