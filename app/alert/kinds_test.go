package alert_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/store"
)

func TestEveryKindIsFoundAndEnds(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, driver, product_name) VALUES (1, 'i/1', 'CS1', 'CS1-1', 'b', 'manual', 'CRM')`)
	m := h.message("CS1", 10*time.Minute)
	h.exec(`INSERT INTO tasks (kind, purpose, message_id, instance_pk, unique_key, parked_at, run_at) VALUES ('provision', 'purchase', $1::bigint, 1, 'p', now() - interval '2 hours', '9999-12-31')`, m)
	h.exec(`INSERT INTO quarantine (message_id, content_hash, first_at, last_at) VALUES ($1::bigint, '\x01', now(), now())`, m)
	license := h.license("CS2", 0)
	h.group(1)
	h.write(func(tx *store.Tx) error { return tx.EnsurePool(context.Background(), "crm") })
	h.exec(`UPDATE pools SET low_water = 1`)
	h.exec(`INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
VALUES (1, 1, 'usage_info', 'email', 'en', '\x00', 'a', 'failed', 'r', 'u')`)
	h.exec(`INSERT INTO event_targets (channel_id, name, url, secret_sealed) VALUES (1, 'crm', 'https://crm.example.com', '\x00')`)
	h.exec(`INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target_id, target, payload_sealed, status, last_error)
VALUES (1, 'instance.frozen', 'w1', 'u1', FALSE, 1, 'https://crm.example.com', '\x00', 'pending', '{"code":"unavailable","key":"webhook.breaker_open"}')`)
	h.exec(`INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, first_received_at, last_received_at) VALUES (1, 'v2', 'queryInstance', TRUE, 'probe', 'failed', now(), now())`)
	h.exec(`INSERT INTO attempts (message_id, at, source, disposition, result_code) SELECT id, now(), 'marketplace', 'new', '000005' FROM messages WHERE test`)
	h.refuse("key_channel", "basic", 0)
	h.refusedOrder("CS9", market.NewInstance, time.Hour)
	h.exec(`INSERT INTO tasks (kind, purpose, unique_key, run_at) VALUES ('notice', 'notify', 's', now() - interval '3 minutes')`)
	h.watch()
	require.NoError(t, h.d.WatchSlowly(context.Background()))
	links := map[string]string{}
	for _, kind := range market.AlertKinds() {
		require.Equal(t, "1", h.text(`SELECT count(*)::text FROM alerts WHERE kind = $1 AND cleared_at IS NULL`, kind), kind)
		links[kind] = alert.Path(kind, h.text(`SELECT subject FROM alerts WHERE kind = $1`, kind))
	}
	require.Equal(t, map[string]string{market.AlertRetry: "/messages/" + m, market.AlertConflict: "/messages/" + m, market.AlertManual: "/instances/i%2F1", market.AlertLicense: "/licenses/" + license,
		market.AlertKey: "/messages?status=rejected&channel=default", market.AlertRefused: "/messages?status=rejected&channel=default",
		market.AlertProbe: "/listing", market.AlertGroup: "/failures/1", market.AlertPool: "/pools/crm", market.AlertDelivery: "/deliveries/1",
		market.AlertReceiver: "/events?receiver=1", market.AlertStuck: "/stuck?kind=unhanded"}, links)
	require.Contains(t, h.text(`SELECT facts::text FROM alerts WHERE kind = 'stuck'`), `"n": "1"`)
	require.Equal(t, "/events?receiver=product", alert.Path(market.AlertReceiver, "product/7"))
	h.exec(`UPDATE events SET status = 'failed'`)
	require.NoError(t, h.d.WatchSlowly(context.Background()))
	require.Equal(t, "2", h.text(`SELECT severity::text FROM alerts WHERE kind = 'event_target'`), "given up is worse than held back")

	for _, statement := range []string{`UPDATE channel_keys SET last_used_at = now()`, `UPDATE messages SET status = 'succeeded'`, `UPDATE tasks SET status = 'succeeded', parked_at = NULL`, `UPDATE quarantine SET status = 'refused'`,
		`UPDATE failure_groups SET resolved_at = now()`, `UPDATE pools SET low_water = 0`, `UPDATE deliveries SET status = 'succeeded'`,
		`UPDATE attempts SET result_code = '000000'`,
		`INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target_id, target, payload_sealed, status) VALUES (1, 'instance.frozen', 'w2', 'u2', FALSE, 1, 't', '\x00', 'succeeded')`} {
		h.exec(statement)
	}
	h.watch()
	require.NoError(t, h.d.WatchSlowly(context.Background()))
	require.Equal(t, "12 resolved", h.text(`SELECT count(*) || ' ' || string_agg(DISTINCT outcome, ',') FROM alerts WHERE cleared_at IS NOT NULL`))
}

func TestEveryTurnHasItsWords(t *testing.T) {
	t.Parallel()
	once := map[string]bool{market.AlertGroup: true, market.AlertConflict: true, market.AlertStuck: true, market.AlertRefused: true}
	for _, l := range i18n.Locales() {
		z := i18n.For(l)
		for _, kind := range market.AlertKinds() {
			turns := []string{"warning", "critical", "resolved"}
			if once[kind] {
				turns = []string{"warning", "resolved"}
			}
			if kind == market.AlertRetry || kind == market.AlertManual || kind == market.AlertLicense || kind == market.AlertRefused {
				turns = append(turns, "lapsed")
			}
			if kind == market.AlertRetry {
				turns = append(turns, "warning_waits", "critical_waits")
			}
			if kind == market.AlertKey {
				turns = append(turns, "critical_clock", "critical_signed")
			}
			switch kind {
			case market.AlertPool:
				turns = append(turns, "critical_filling")
			case market.AlertRefused:
				turns = append(turns, "warning_last")
			}
			if kind == market.AlertReceiver || kind == market.AlertKey || kind == market.AlertRefused || kind == market.AlertRetry || kind == market.AlertProbe || kind == market.AlertLicense {
				turns = append(turns, market.AlertGone)
			}
			for _, turn := range turns {
				said := alert.Say(z, kind, turn, map[string]string{"activity": "newInstance", "order_id": "CS1", "product": "", "channel": "default", "days": "2",
					"interface": "queryInstance", "protocol": "v2", "class": "basic", "calls": "3", "step": "provision", "product_id": "", "again": "", "pool": "license/crm", "free": "0", "low_water": "2",
					"kind": "usage_info", "stuck": "lease", "n": "2", "waits": "", "cause": "", "off": "400.0", "medium": "sms", "instance_id": "i", "name": "crm", "target": "https://x"})
				require.False(t, strings.ContainsAny(said, "⟦{"), "%s %s %s: %s", l, kind, turn, said)
			}
			require.True(t, z.Has("alert.kind."+kind) && z.Has("alert.do."+kind), kind)
		}
		for _, cause := range market.FindingsOfOurKeys() {
			other := strings.HasPrefix(cause, "key_") && cause != market.FoundKeyNoStamp || cause == market.FoundClock || cause == market.FoundZone
			require.NotEqual(t, other, z.Has("alert.cause."+cause), cause)
		}
		for _, waits := range []string{store.WaitsForSystem, store.WaitsForNothing} {
			require.True(t, z.Has("alert.waits."+waits), "%s %s", l, waits)
		}
		for _, kind := range outbox.Kinds() { // the others that it may wait for
			require.True(t, z.Has("task_kind."+string(kind)), "%s %s", l, kind)
		}
	}
}

// Whoever reads that a window runs out is told what to put right, and what to press:
// nothing of it comes right by waiting.
func TestWhatFailsIsToldWithItsCauseAndWhatToPress(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	h.message("CS1", 10*time.Minute)
	h.group(1)
	h.watch()
	require.Equal(t, 1, h.all())
	said := h.calls()[0].json(t)["data"].(map[string]any)["alerts"].([]any)
	check := "Check that this machine reaches the open API (DNS, firewall, proxy). "
	require.Equal(t, check+"As soon as the cause is gone, press Restart on the message’s page.", said[0].(map[string]any)["do"])
	require.Equal(t, check+"Open the group for the cause and what helps.", said[1].(map[string]any)["do"])
}
