package alert_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
	"koodesk/app/deliver/sms/huawei"
	"koodesk/app/i18n"
	"koodesk/app/market"
	"koodesk/app/simulator"
	"koodesk/app/store"
)

func (h *house) outcomes() string {
	return h.text(`SELECT COALESCE(string_agg(severity || COALESCE(NULLIF(' ' || outcome, ' '), ''), ',' ORDER BY id), '') FROM alerts`)
}

func TestACustomerWhoWasToldOtherwiseIsNoAlert(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status) VALUES (1, 'i', 'o', 'l', 'b', 'frozen')`)
	delivery := func(kind, key, status, of string) {
		h.exec(`
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
VALUES (1, 1, $1, 'email', 'en', '\x00', '', $2, $3, $3, NULLIF($4, '')::bigint)`, kind, status, key, of)
	}
	delivery("usage_info", "refused", "failed", "")
	delivery("usage_info", "instead", "succeeded", "1")
	delivery("unfrozen", "untrue", "failed", "")
	h.watch()
	require.Empty(t, h.outcomes(), "told by the other medium, or not true")
	delivery("usage_info", "lost", "failed", "")
	delivery("frozen", "cold", "failed", "")
	h.watch()
	require.Equal(t, "2,1", h.outcomes())
	delivery("usage_info", "again", "pending", "4")
	h.watch()
	require.Equal(t, "2 resolved,1", h.outcomes(), "told by the other medium")
	h.exec(`UPDATE instances SET status = 'released'`)
	h.watch()
	require.Equal(t, "2 resolved,1 resolved", h.outcomes(), "not true any more")
}

func TestATimeThatBeginsAnewIsNeitherOverNorForgotten(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.message("CS1", 10*time.Minute)
	h.watch()
	require.Equal(t, "2", h.outcomes())
	h.exec(`UPDATE messages SET retry_until = now() + interval '2 hours'`)
	h.watch()
	require.Equal(t, "1", h.outcomes(), "it goes on, with time again")
	require.Equal(t, "true", h.text(`SELECT (a.until_at = m.retry_until)::text FROM alerts a, messages m`))
	h.exec(`UPDATE messages SET retry_until = now() + interval '10 minutes'`)
	h.watch()
	require.Equal(t, "2", h.outcomes(), "the last call is made again")
	h.exec(`UPDATE messages SET retry_until = NULL, status = 'processing'`)
	h.watch()
	require.Equal(t, "2 resolved", h.outcomes(), "it was served")
}

// A purchase that was answered "processing" runs out also if nothing has failed:
// the seller's system has promised, or nobody works on it. What waits for a person
// has its own kind.
func TestWhatIsNotDoneInTimeIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	for _, order := range []string{"CS1", "CS2", "CS3", "CS4"} {
		h.message(order, 100*time.Minute)
	}
	h.exec(`UPDATE messages SET status = 'processing', last_error = NULL, instance_id = 'i' || id`)
	h.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status)
SELECT channel_id, instance_id, order_id, order_line_id, 'b' || id, 'provisioning' FROM messages`)
	h.exec(`INSERT INTO tasks (kind, purpose, message_id, instance_pk, unique_key, status, parked_at, run_at)
VALUES ('provision', 'purchase', 1, 1, 'a', 'pending', now(), now() + interval '21 hours'),
       ('order_query', 'purchase', 2, 2, 'b', 'pending', NULL, now() - interval '80 minutes'),
       ('provision', 'purchase', 3, 3, 'c', 'pending', now() - interval '95 minutes', '9999-12-31'),
       ('order_query', 'purchase', 4, 4, 'd', 'succeeded', NULL, now()),
       ('deliver', 'usage_info', 4, 4, 'e', 'pending', NULL, now())`)
	h.watch()
	require.Empty(t, h.outcomes(), "not half yet")
	h.exec(`UPDATE messages SET retry_until = now() + interval '89 minutes'`)
	h.watch()
	waits := `SELECT string_agg(kind || ' ' || severity || ' ' || subject || ' ' || COALESCE(facts ->> 'waits', ''), ',' ORDER BY kind DESC, subject) FROM alerts`
	require.Equal(t, "retry_window 1 1 system,retry_window 1 2 order_query,retry_window 1 4 nothing,manual_due 1 i3 ", h.text(waits))
	h.exec(`UPDATE messages SET retry_until = now() + interval '10 minutes'`)
	h.later()
	h.watch()
	require.Equal(t, "retry_window 2 1 system,retry_window 2 2 order_query,retry_window 2 4 nothing,manual_due 2 i3 ", h.text(waits))
	require.Equal(t, 2, h.all())
	first := h.calls()[1].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
	require.Contains(t, first["title"], "your system has not handed in the access data")
	require.Contains(t, first["do"], "what it waits for")
	h.exec(`UPDATE messages SET status = 'succeeded' WHERE id = 1`)
	h.exec(`UPDATE messages SET retry_until = now() - interval '1 second' WHERE id = 2`)
	h.watch()
	require.Equal(t, "resolved,lapsed", h.text(`SELECT string_agg(outcome, ',' ORDER BY subject) FROM alerts WHERE cleared_at IS NOT NULL`))
}

// refuse keeps a call that could not be proved, and why, so many minutes ago.
func (h *house) refuse(finding, class string, minutes int) {
	h.t.Helper()
	h.exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
    SELECT 1, 'v2', 'newInstance', 'refused/' || (SELECT count(*) FROM messages), 'rejected', now() - make_interval(mins => $2), now() - make_interval(mins => $2)
    RETURNING id, last_received_at
)
INSERT INTO attempts (message_id, at, source, disposition, diagnosis)
SELECT id, last_received_at, 'marketplace', 'rejected', jsonb_build_object('checks', '[]'::jsonb, 'findings', jsonb_build_array(jsonb_build_object('code', $1::text, 'args', jsonb_build_object('class', $3::text))))
  FROM m`, finding, minutes, class)
}

// Calls that are refused for their key are told when they begin, once, and when
// one is proved again. Strangers who call beside KooGallery change nothing.
func TestCallsThatAreRefusedForTheirKeyAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	step := func(want string, what string) {
		t.Helper()
		h.watch()
		require.Equal(t, want, h.outcomes(), what)
	}
	h.exec(`UPDATE channel_keys SET last_used_at = now() - interval '20 minutes' WHERE class = 'basic'`)
	for range 4 {
		h.refuse("nothing_signed", "basic", 0)
		h.refuse("clock", "basic", 19)
		h.refuse("key_unknown", "basic", 19)
	}
	step("", "about other things, or beside calls that were proved")
	h.refuse("key_unknown", "basic", 3)
	h.refuse("key_unknown", "basic", 2)
	step("", "it may be anybody")
	h.refuse("key_unknown", "basic", 1)
	step("1", "nothing was proved since")
	h.refuse("key_unknown", "basic", 0)
	step("1", "once")
	h.refuse("key_blank", "basic", 0)
	step("2", "nobody else has that key")
	h.exec(`UPDATE channel_keys SET last_used_at = now() WHERE class <> 'basic'`)
	step("2", "another key")
	h.exec(`UPDATE channel_keys SET last_used_at = now() WHERE class = 'basic'`)
	step("2 resolved", "it is right again")
	step("2 resolved", "and stays so")
	require.Contains(t, h.text(`SELECT facts::text FROM alerts`), `"calls": "5"`)
}

// What a key of ours has signed and is refused for another reason is KooGallery's
// as well: the clock of one of the two is wrong, or something on the way rewrites.
func TestCallsThatAreRefusedThoughOurKeySignedThemAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	title := func(n int) string {
		return h.calls()[n].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)["title"].(string)
	}
	signed := func(finding string) {
		h.refuse(finding, "basic", 0)
		h.exec(`UPDATE attempts SET diagnosis = jsonb_build_object('checks', '[{"name": "query"}, {"name": "key", "args": {"class": "basic"}}]'::jsonb,
                                 'findings', jsonb_build_array(jsonb_build_object('code', $1::text, 'args', '{"seconds": "-400.0", "how": "raw"}'::jsonb)))`, finding)
	}
	signed("clock")
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, "Calls signed with the right key (Basic interfaces) are refused, the clocks are 400.0 s apart: channel default, 1 within an hour", title(0))
	h.exec(`UPDATE channel_keys SET last_used_at = now() WHERE class = 'basic'`)
	h.watch()
	require.Equal(t, "2 resolved", h.outcomes())
	h.exec(`UPDATE channel_keys SET last_used_at = now() - interval '1 hour' WHERE class = 'basic'`)
	h.later()
	signed("body")
	h.watch()
	require.Equal(t, "2 resolved,2", h.outcomes())
	require.Equal(t, 1, h.all())
	require.Contains(t, title(1), "the body was rewritten on the way")
}

// past puts refused calls, and what was told of them, back by so many hours.
func (h *house) past(hours int) {
	h.t.Helper()
	h.exec(`UPDATE messages SET first_received_at = first_received_at - make_interval(hours => $1), last_received_at = last_received_at - make_interval(hours => $1)`, hours)
	h.exec(`UPDATE attempts SET at = at - make_interval(hours => $1)`, hours)
	h.exec(`UPDATE alerts SET since = since - make_interval(hours => $1)`, hours)
}

// Products are bound to keys one by one: those that are left on a replaced key are
// refused, whatever others prove with the new one.
func TestProductsThatAreLeftOnAReplacedKeyAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	used := func() { h.exec(`UPDATE channel_keys SET last_used_at = now() WHERE class = 'basic'`) }
	used()
	h.refuse("key_class", "basic", 3)
	h.watch()
	require.Empty(t, h.outcomes(), "proved since")
	h.refuse("key_retired", "basic", 3)
	h.watch()
	require.Equal(t, "2", h.outcomes())
	used()
	h.watch()
	require.Equal(t, "2", h.outcomes(), "another product's call")
	h.past(1)
	h.watch()
	require.Equal(t, "2 resolved", h.outcomes(), "none was refused for an hour")
}

// However many other calls are refused after those that tell of a key, and whatever
// our own agents sign with.
func TestACrowdOfRefusedCallsHidesNone(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 4 {
		h.refuse("key_retired", "basic", 0)
	}
	h.exec(`UPDATE attempts SET actor = 'Koodesk'`)
	h.watch()
	require.Empty(t, h.outcomes(), "our own")
	for range 3 {
		h.refuse("key_unknown", "basic", 2)
	}
	h.exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, idem_key, status, first_received_at, last_received_at)
    SELECT 1, 'v2', 'newInstance', 'crowd/' || n, 'rejected', now(), now() FROM generate_series(1, 2000) AS n
    RETURNING id, last_received_at
)
INSERT INTO attempts (message_id, at, source, disposition, diagnosis)
SELECT id, last_received_at, 'marketplace', 'rejected', '{"checks": [], "findings": [{"code": "nothing_signed"}]}' FROM m`)
	h.watch()
	require.Equal(t, "1", h.outcomes())
}

// A class without a key has none that could ever prove a call: what strangers
// begin there is over when they have been gone for a day.
func TestRefusedCallsOfAClassWithoutAKeyAreOverAfterADay(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec(`DELETE FROM channel_keys WHERE class = 'license'`)
	step := func(want, what string) {
		t.Helper()
		h.watch()
		require.Equal(t, want, h.outcomes(), what)
	}
	for range 3 {
		h.refuse("no_key", "license", 0)
		h.refuse("key_unknown", "basic", 0)
	}
	step("1,1", "both are refused")
	h.past(23)
	step("1,1", "not yet a day")
	h.refuse("no_key", "license", 0)
	h.past(23)
	step("1,1", "they called again")
	h.past(2)
	h.watch()
	require.Equal(t, "basic,license gone", h.text(`SELECT string_agg(facts->>'class' || COALESCE(NULLIF(' ' || outcome, ' '), ''), ',' ORDER BY facts->>'class') FROM alerts`))
	h.later()
	for range 3 {
		h.refuse("no_key", "license", 0)
	}
	h.watch()
	require.Equal(t, "3", h.text(`SELECT count(*)::text FROM alerts`), "they come again")
}

func TestATargetThatIsSwitchedOffTakesNothingAgain(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.exec(`INSERT INTO event_targets (channel_id, name, url, secret_sealed) VALUES (1, 'crm', 'https://crm.example.com', '\x00')`)
	h.exec(`INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target_id, target, payload_sealed, status, last_error)
VALUES (1, 'instance.frozen', 'w1', 'u1', FALSE, 1, 'https://crm.example.com', '\x00', 'failed', '{"code":"unavailable","key":"webhook.unreachable"}')`)
	slowly := func() { require.NoError(t, h.d.WatchSlowly(context.Background())) }
	slowly()
	h.exec(`UPDATE events SET created_at = created_at - interval '8 days'`)
	slowly()
	require.Equal(t, "2", h.outcomes(), "it has taken nothing since")
	h.exec(`UPDATE events SET created_at = now()`)
	h.exec(`UPDATE event_targets SET enabled = FALSE`)
	slowly()
	slowly()
	require.Equal(t, "2 gone", h.outcomes())
	h.later()
	h.watch()
	h.exec(`UPDATE event_targets SET enabled = TRUE`)
	slowly()
	h.exec(`UPDATE events SET status = 'cancelled'`)
	h.exec(`DELETE FROM event_targets`)
	slowly()
	require.Equal(t, "2 gone,2 gone", h.outcomes())
}

func TestTheEndOfSomethingWaitsForTheMorning(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{QuietHours: "10:00-14:00", Endings: true})
	h.message("CS1", 5*time.Minute)
	h.watch()
	h.later()
	h.exec(`UPDATE messages SET status = 'succeeded'`)
	h.watch()
	h.later()
	h.watch()
	require.Equal(t, 1, h.all(), "only that it began")
	h.exec(`UPDATE alert_targets SET quiet_hours = '14:00-15:00'`)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"retry_window cleared critical resolved"}, items(t, h.calls()[1]))
}

func TestWhoIsSwitchedOffHearsNothingOfItLater(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{QuietHours: "10:00-14:00"})
	h.group(1)
	h.watch()
	h.write(func(tx *store.Tx) error { return tx.DisableOperator(context.Background(), h.operator) })
	require.Equal(t, "moot", h.text(`SELECT string_agg(state, ',') FROM alert_sayings`))
}

// A service that has the texts itself takes no addresses, and at most 20
// characters in each value.
func TestAnAlertByAServiceWithTextsOfItsOwnIsShort(t *testing.T) {
	t.Parallel()
	h := open(t)
	fake := simulator.NewSMSService(simulator.SMSOptions{Key: "app", Secret: "hunter2"})
	service := httptest.NewServer(fake)
	t.Cleanup(service.Close)
	t.Cleanup(fake.Wait)
	templates, err := huawei.ParseTemplates("alert.zh-CN=tpl("+strings.Join(alert.VariableNames(), ",")+")", alert.VariableNames())
	require.NoError(t, err)
	sender := huawei.New(huawei.Options{URL: service.URL, Key: "app", Secret: "hunter2", Sender: "88", Country: "86", Templates: templates})
	t.Cleanup(sender.Close)
	h.options.SMS = sender
	h.restart()
	h.target(alert.Setting{Medium: alert.SMS, Address: "+86 186 8888 8888", Language: "zh-CN"})
	for n := range 12 {
		h.group(n)
	}
	h.message("CS2511221402QX7TP-AND-MORE-THAN-FITS", 5*time.Minute)
	h.watch()
	require.Equal(t, 1, h.all())
	require.Equal(t, []string{"紧急", "重试即将结束", "CS2511221402QX7TP-A…", "13"}, fake.Calls()[0].Variables)
	for _, l := range i18n.Locales() {
		for _, kind := range append(market.AlertKinds(), "test") {
			require.True(t, i18n.For(l).Has("alert.short."+kind), kind)
			require.LessOrEqual(t, utf8.RuneCountInString(i18n.For(l).T("alert.short."+kind)), 20, kind)
		}
		for _, label := range []string{"severity.warning", "severity.critical", "outcome.resolved", "outcome.lapsed", "outcome.gone"} {
			require.LessOrEqual(t, utf8.RuneCountInString(i18n.For(l).T("alert."+label)), 20, label)
		}
	}
}

// What is left to do when the time is over is what the message's page says: a call
// that could not be read has no Restart there, and some have an address to write to.
func TestWhatRanOutSaysWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ set, open, over string }{
		"failing": {`idem_key = 'k'`, "As soon as the cause is gone, press Restart on the message’s page.",
			"Restart it here, then also there: 卖家中心 > 生产接口消息 > 重新启动."},
		"not understood": {`idem_key = 'invalid/k'`, "It cannot be restarted here: put the cause right, and the next call passes.",
			"It cannot be restarted here: put the cause right, then have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动."},
		"by mail": {`idem_key = 'k', protocol = 'v1', activity = 'releaseInstance'`, "As soon as the cause is gone, press Restart on the message’s page.",
			"Restart it here, then also there: 卖家中心 > 生产接口消息 > 重新启动. Or write to partner@huaweicloud.com."},
		"at work": {`idem_key = 'k', status = 'processing', last_error = NULL`, "what it waits for",
			"It is still at work here; once done, have KooGallery call again: 卖家中心 > 生产接口消息 > 重新启动."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.hook(alert.Setting{Endings: true})
			h.message("CS1", 10*time.Minute)
			h.exec(`UPDATE messages SET ` + c.set)
			h.watch()
			require.Equal(t, 1, h.all())
			h.later()
			h.exec(`UPDATE messages SET retry_until = now() - interval '1 minute'`)
			h.watch()
			require.Equal(t, 1, h.all())
			for n, want := range []string{c.open, c.over} {
				said := h.calls()[n].json(t)["data"].(map[string]any)["alerts"].([]any)[0].(map[string]any)
				require.Contains(t, said["do"], want)
			}
		})
	}
}
