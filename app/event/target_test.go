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
	"koodesk/app/webhook"
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

func TestATargetThatIsRemovedOrOffGetsNothingMore(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	h.subscribe("crm")
	h.emit(h.instance("CS1"), event.InstanceFrozen, "message/1")
	require.NoError(t, h.c.RemoveTarget(ctx, 1, staff.CLI()))
	cause, ok := h.work(3)
	require.NoError(t, cause)
	require.True(t, ok)
	require.Empty(t, h.calls())
	require.Equal(t, "cancelled event.target_gone", h.text(`SELECT concat_ws(' ', status, last_error->>'key') FROM events`))
	require.Equal(t, "event_target.unknown", fault.From(h.c.RemoveTarget(ctx, 1, staff.CLI())).Key)
}

func TestAReplacedSecretSignsOnForADay(t *testing.T) {
	t.Parallel()
	h := open(t)
	ctx := context.Background()
	h.subscribe("crm")
	set := func(s event.Subscription) (string, error) {
		s.Channel, s.Name, s.Enabled = "default", "crm", true
		_, made, _, err := h.c.SetTarget(ctx, s, staff.CLI())
		return made, err
	}
	made, err := set(event.Subscription{URL: h.url})
	require.NoError(t, err)
	require.Empty(t, made, "the stored secret stays")
	_, err = set(event.Subscription{URL: h.url, Secret: webhook.NewSecret()})
	require.NoError(t, err)
	id, err := h.c.TestTarget(ctx, 1, staff.CLI())
	require.NoError(t, err)
	cause, _ := h.work(3)
	require.NoError(t, cause, "a receiver that knows the old secret understands")
	require.Len(t, h.calls(), 1)
	require.Equal(t, event.Test, h.calls()[0].Type)
	require.NotZero(t, id)
	_, err = h.store.SQL().Exec(`UPDATE event_targets SET old_secret_until = now() - interval '1 second'`)
	require.NoError(t, err)
	_, err = h.c.TestTarget(ctx, 1, staff.CLI())
	require.NoError(t, err)
	cause, _ = h.work(3)
	require.Equal(t, "webhook.status", fault.From(cause).Key, "after a day only the new one")

	_, made, created, err := h.c.SetTarget(ctx, event.Subscription{Channel: "default", Name: "new", URL: h.url}, staff.CLI())
	require.NoError(t, err)
	require.True(t, created)
	require.NoError(t, webhook.CheckSecret(made), "one is made")
	require.Equal(t, "0", h.text(`SELECT count(*)::text FROM audit a WHERE a::text LIKE '%'||$1||'%'`, made))
}

func TestTargetsAreCheckedBeforeTheyAreKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	for key, s := range map[string]event.Subscription{
		"event_target.bad_name":     {Channel: "default", Name: "a/b", URL: h.url},
		"event_target.unknown_type": {Channel: "default", Name: "a", URL: h.url, Types: []string{"instance.eaten"}},
		"webhook.bad_url":           {Channel: "default", Name: "a", URL: "here"},
		"webhook.address_refused":   {Channel: "default", Name: "a", URL: "https://169.254.169.254/latest"},
		"webhook.bad_secret":        {Channel: "default", Name: "a", URL: h.url, Secret: "short"},
		"channel.unknown":           {Channel: "nobody", Name: "a", URL: h.url},
	} {
		_, _, _, err := h.c.SetTarget(context.Background(), s, staff.CLI())
		require.Equal(t, key, fault.From(err).Key)
	}
}
