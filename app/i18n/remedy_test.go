package i18n

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/feature/plural"

	"koodesk/app/fault"
	"koodesk/app/marketapi"
)

// working are the packages, below app, that do what tasks and calls ask.
var working = []string{"alert", "deliver", "deliver/email", "deliver/sms/huawei", "deliver/sms/webhook", "event", "intake", "license", "license/manual", "license/pool", "license/webhook",
	"licensecode", "market", "marketapi", "orderbook", "provision", "provision/manual", "provision/nothing", "provision/pool", "provision/static", "provision/webhook",
	"protocol/crypt", "protocol/saas1", "protocol/saas2", "reconcile", "restart", "store", "web/callback", "webhook"}

// endsNothing are the faults of those packages by which no task or call is given up, by
// why they are not: families whole, or single keys.
var endsNothing = map[string][]string{
	"answers people, at a form, a command or the API": {"access.instance_released", "access.no_password", "access.password_wiped", "access.reason_missing", "access_page", "alert_target", "channel",
		"claim", "cursor", "delivery.address_erased", "delivery.bad_phone", "delivery.instance_released", "delivery.no_access", "delivery.no_address", "delivery.not_handed_over",
		"delivery.outdated", "delivery.running", "event.answered", "event.not_kept", "event.running", "event_target", "failure_group", "finding", "leftover", "license.answered", "license.bad_base64",
		"license.bad_csv", "license.import_empty", "license.import_too_many", "license.import_wrong", "license.instance_released", "license.not_there", "license.not_uploadable",
		"license.pool_missing", "license.pool_name", "license.pool_not_free", "license.pool_unknown", "license_code.active_now", "license_code.bad_code", "license_code.released_now",
		"license_code.unknown_at_market", "license_code.which_channel", "license_usage.bad_record", "license_usage.how_many", "license_usage.unknown_code", "message_template", "notice", "operator", "password", "product.bad_id", "product.bad_password_by",
		"product.bad_password_class", "product.bad_password_length", "product.bad_sku", "product.bad_wipe_days", "product.changed", "product.nothing_to_give", "product.one_password_class",
		"product.pool_missing", "product.pool_on_release", "quarantine", "reconciliation", "restart", "self_check", "stuck", "token", "usage", "erasure", "seen", "http",
		"pool.account_known", "pool.account_not_free", "pool.account_unknown", "pool.bad_name", "pool.csv_column", "pool.csv_fields", "pool.csv_no_header", "pool.csv_not_utf8", "pool.csv_quote",
		"pool.low_water", "pool.no_account", "pool.note_too_long", "pool.nothing_to_add", "pool.reason_missing", "pool.row_twice", "pool.rows_refused", "pool.too_many", "pool.two_sources", "pool.unknown"},
	"refuses a call, which is in no group": {"aksk", "bodysign", "crypt", "call.flood", "call.flood_keyed", "call.kit_unsupported", "call.method", "call.no_key", "call.nonce_missing",
		"call.query_ambiguous", "call.query_duplicate", "call.query_format", "call.replayed", "call.signature_missing", "call.signature_wrong", "call.timestamp_format", "call.timestamp_missing",
		"call.timestamp_skewed", "call.token_missing", "call.token_wrong", "receipt"},
	"writes nothing: the call is answered 503 or 500, and comes again": {"call.activity_unhandled"},
	"a task goes with what it is about":                                {"alert.message_unknown", "alert.unknown", "delivery.unknown", "event.unknown", "instance.unknown", "license.unknown", "license_code.unknown", "message.unknown", "order.unknown", "product.unknown", "task.unknown"},
	"says that a task waits, or was called off":                        {"delivery.held_daily_cap", "delivery.held_quiet_hours", "event.address_gone", "event.target_gone", "event.waits_turn", "order_query.released", "webhook.busy", "task.lease_lost", "queue"},
}

// workKeys are the faults by which a task or a call may be given up.
func workKeys(t *testing.T) []string {
	t.Helper()
	spared := map[string]bool{}
	for _, names := range endsNothing {
		for _, name := range names {
			require.False(t, spared[name], "%s stands there twice", name)
			spared[name] = true
		}
	}
	var keys []string
	made := map[string]bool{}
	for _, k := range faultKeys(t, "../..") {
		dir, err := filepath.Rel("../../app", filepath.Dir(strings.Split(k.at, ":")[0]))
		require.NoError(t, err)
		family, _, _ := strings.Cut(k.key, ".")
		made[k.key], made[family] = true, true
		if slices.Contains(working, filepath.ToSlash(dir)) && !spared[k.key] && !spared[family] {
			keys = append(keys, k.key)
		}
	}
	keys = append(keys, marketapi.FaultKeys()...) // those that are put together
	for name := range spared {
		require.True(t, made[name] || families()[name], "nothing makes %s any more", name)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// steps are those at which a family's faults end something.
func steps(key string) []string {
	family, reason, _ := strings.Cut(key, ".")
	sent := []string{"deliver", "notice", "alert"}
	switch {
	case slices.Contains([]string{"garbage", "refused", "never_handed_in", "bad_wait", "bad_secret"}, reason) && family == "webhook":
		return []string{"provision", "license", "changeInstanceCheck"}
	case family == "webhook":
		return append(sent, "provision", "license", "event", "changeInstanceCheck")
	case key == "delivery.outcome_unknown", family == "mail", family == "sms":
		return sent
	}
	return []string{"provision"}
}

// byFamily are the faults to which the remedy of their family applies; any other has
// one of its own.
var byFamily = map[string]string{
	"access":        "field_control field_missing field_too_long field_url",
	"alert_webhook": "breaker_open certificate connection_lost interrupted status timeout unreachable",
	"call":          "duplicate_key field_control field_format field_missing field_too_long field_too_many field_type field_value not_json not_object not_utf8 too_deep too_many_values",
	"database":      "timeout unreachable",
	"license":       "bad_file_name bad_text empty text_and_file too_large v1_needs_text",
	"mail":          "auth_impossible certificate connection_lost no_starttls server_refused timeout tls_failed unreachable",
	"open_api":      "answer_too_large instance_not_found invalid_parameter invalid_usage refused too_old",
	"receiver":      "breaker_open certificate connection_lost interrupted status timeout unreachable",
	"sms_gateway":   "breaker_open certificate connection_lost interrupted status timeout unreachable",
	"template":      "bad_url control missing place too_long unclosed unknown_placeholder",
	"webhook":       "breaker_open connection_lost interrupted status timeout unreachable",
}

// TestEveryFaultThatEndsWorkHasARemedy: whoever adds a fault says how it is put right,
// or why it ends nothing.
func TestEveryFaultThatEndsWorkHasARemedy(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	for _, key := range append(workKeys(t), "internal", "not_found") {
		family, reason, _ := strings.Cut(key, ".")
		for _, step := range steps(key) {
			for _, l := range Locales() {
				text := For(l).Remedy(step, &fault.Record{Key: key})
				if text == "" {
					t.Errorf("%s has no remedy at %s in %s", key, step, l)
					continue
				}
				for _, room := range []string{elsewhere[step][family], family, alike[family]} {
					name := reason
					if !has(l, room, name) {
						name = likewise[reason]
					}
					if has(l, room, name) {
						met["remedy."+room+"."+name] = true
						break
					}
					if !has(l, room, "any") {
						continue
					}
					met["remedy."+room+".any"] = true
					if reason != "" && !slices.Contains(strings.Fields(byFamily[room]), reason) {
						t.Errorf("%s: nobody has said that what helps any %s helps it", key, room)
					}
					break
				}
			}
		}
	}
	for key := range catalogues()[Default] {
		if strings.HasPrefix(key, "remedy.") && !met[key] {
			t.Errorf("%s helps nothing", key)
		}
	}
}

func has(l Locale, room, name string) bool {
	_, ok := catalogues()[l]["remedy."+room+"."+name]
	return ok
}

// TestNoRemedyNamesASitesPath: where the marketplace is made to call again differs by
// site, and the page of each message tells it.
func TestNoRemedyNamesASitesPath(t *testing.T) {
	t.Parallel()
	for _, l := range Locales() {
		for key, text := range catalogues()[l] {
			if strings.HasPrefix(key, "remedy.") {
				require.NotRegexp(t, "Service Interface Messages|Restart Debugging|生产接口消息", text[plural.Other], key)
			}
		}
	}
}

// TestARemedySpeaksOfWhoeverItIsAbout: by its key alone it would send people to the
// wrong place.
func TestARemedySpeaksOfWhoeverItIsAbout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ step, key, says, not string }{
		{"deliver", "webhook.timeout", "SMS_URL", "Products"},
		{"notice", "webhook.unreachable", "SMS_URL", "Products"},
		{"deliver", "webhook.address_refused", "WEBHOOK_ALLOW_PRIVATE", "Products"},
		{"event", "webhook.status", "Event targets", "SMS_URL"},
		{"alert", "webhook.timeout", "My alerts", "Products"},
		{"provision", "webhook.refused", "Products", "10 seconds"},
		{"provision", "webhook.address_refused", "WEBHOOK_ALLOW_PRIVATE", "10 seconds"},
		{"provision", "webhook.gone", "Address of your system", "10 seconds"},
		{"provision", "webhook.never_handed_in", "Fill in access data", "10 seconds"},
		{"deliver", "mail.recipient_refused", "Resend", "SMTP_URL"},
		{"deliver", "mail.content_refused", "DKIM", "SMTP_URL"},
		{"alert", "mail.recipient_refused", "My alerts", "customer"},
		{"alert", "sms.recipient_refused", "My alerts", "customer"},
		{"order_query", "order_query.no_order", "Seller Center", "clock"},
		{"license_activate", "license_api.not_received", "Codes", "clock"},
		{"license_query", "license_code.no_credentials", "Set AK/SK", ""},
		{"license_upload", "license_upload.timeout", "DNS", ""},
	} {
		text := For(En).Remedy(c.step, &fault.Record{Key: c.key})
		require.Contains(t, text, c.says, "%s at %s", c.key, c.step)
		if c.not != "" {
			require.NotContains(t, text, c.not, "%s at %s", c.key, c.step)
		}
	}
}
