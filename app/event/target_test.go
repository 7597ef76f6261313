package event_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/event"
	"koodesk/app/fault"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// while runs act beside a transaction that has written already, and lets that end
// when act waits for it.
func (h *house) while(first func(tx *store.Tx) error, act func()) {
	h.t.Helper()
	done := make(chan struct{})
	h.write(func(tx *store.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		go func() { defer close(done); act() }()
		require.Eventually(h.t, func() bool {
			return h.text(`SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) != "0"
		}, time.Minute, 5*time.Millisecond)
		return nil
	})
	<-done
}

func TestOfTwoWhoAddASubscriptionAtOnceOneIsToldThatItIsThere(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	var err error
	h.while(func(tx *store.Tx) error {
		_, err := tx.AddEventTarget(ctx, store.EventTarget{ChannelID: h.channel.ID, Name: "crm", URL: "https://crm.example.com/hook", Secret: secret})
		return err
	}, func() {
		_, _, err = h.c.AddTarget(ctx, event.Subscription{Channel: "default", Name: "crm", URL: h.url}, staff.CLI())
	})
	require.Equal(t, "event_target.exists", fault.From(err).Key)
	require.Equal(t, "https://crm.example.com/hook", h.text(`SELECT url FROM event_targets`))
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM audit WHERE action = 'event_target.set'`))
}

func TestASubscriptionThatAppearsMeanwhileIsChanged(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	h.while(func(tx *store.Tx) error {
		_, err := tx.AddEventTarget(ctx, store.EventTarget{ChannelID: h.channel.ID, Name: "crm", URL: "https://crm.example.com/hook", Secret: secret})
		return err
	}, func() {
		_, made, created, err := h.c.SetTarget(ctx, event.Subscription{Channel: "default", Name: "crm", URL: h.url}, staff.CLI())
		if err != nil || created || made != "" {
			t.Errorf("created %t, made %q: %v", created, made, err)
		}
	})
	got, err := h.store.Reader().EventTarget(ctx, h.channel.ID, "crm")
	require.NoError(t, err)
	require.Equal(t, h.url, got.URL)
	require.Equal(t, secret, got.Secret, "the stored secret stays")
}

func TestASecretThatIsReplacedMeanwhileIsNotPutBack(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	h.subscribe("crm")
	const next = "another-secret-of-the-receiver-32"
	h.while(func(tx *store.Tx) error {
		e, err := tx.LockEventTarget(ctx, 1)
		if err != nil {
			return err
		}
		e.Secret = next
		return tx.ChangeEventTarget(ctx, *e)
	}, func() {
		_, _, _, err := h.c.SetTarget(ctx, event.Subscription{Channel: "default", Name: "crm", URL: h.url + "/new"}, staff.CLI())
		if err != nil {
			t.Error(err)
		}
	})
	got, err := h.store.Reader().EventTarget(ctx, h.channel.ID, "crm")
	require.NoError(t, err)
	require.Equal(t, next, got.Secret)
	require.Equal(t, h.url+"/new", got.URL)
}
