package alert_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
)

// probe keeps a debugging call about the product's instance, and how it was answered.
func (h *house) probe(product, activity, code string) {
	h.t.Helper()
	h.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, product_id) VALUES (1, 'i' || $1, 'o' || $1, 'l' || $1, 'b', $1) ON CONFLICT DO NOTHING`, product)
	h.exec(`
WITH m AS (
    INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, instance_id, first_received_at, last_received_at)
    VALUES (1, 'v2', $2, TRUE, 'p' || $1 || $2, 'failed', 'i' || $1, now(), now())
    ON CONFLICT (channel_id, test, idem_key) DO UPDATE SET last_received_at = now()
    RETURNING id
)
INSERT INTO attempts (message_id, at, source, disposition, result_code)
SELECT id, clock_timestamp(), 'marketplace', 'new', $3 FROM m`, product, activity, code)
}

// Each product's and interface's first failing probe is told, whatever else fails in
// the channel; what comes together is one message, and each says of what it is.
func TestASecondProductsFirstFailingProbeIsTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{Endings: true})
	look := func() int {
		t.Helper()
		require.NoError(t, h.d.WatchSlowly(context.Background()))
		h.watch()
		n := h.all()
		h.later()
		return n
	}
	titles := func() (out []string) {
		calls := h.calls()
		for _, a := range calls[len(calls)-1].json(t)["data"].(map[string]any)["alerts"].([]any) {
			out = append(out, a.(map[string]any)["title"].(string))
		}
		return out
	}
	h.probe("CRM", "queryInstance", "000005")
	require.Equal(t, 1, look())
	require.Equal(t, []string{"KooGallery’s probes of queryInstance (SaaS V2.0) fail: product CRM, channel default; days in a row: 1 of 5"}, titles())
	h.probe("ERP", "newInstance", "000005")
	h.probe("CRM", "newInstance", "000005")
	require.Equal(t, 1, look(), "two that come together are one message")
	require.ElementsMatch(t, []string{"KooGallery’s probes of newInstance (SaaS V2.0) fail: product ERP, channel default; days in a row: 1 of 5",
		"KooGallery’s probes of newInstance (SaaS V2.0) fail: product CRM, channel default; days in a row: 1 of 5"}, titles())
	require.Zero(t, look(), "once")
	h.exec(`UPDATE attempts SET at = at - interval '1 day'`)
	h.exec(`UPDATE messages SET last_received_at = last_received_at - interval '1 day'`)
	h.probe("ERP", "newInstance", "000000")
	look()
	require.Equal(t, 1, look(), "that it passes is said when it has stayed so")
	require.Equal(t, []string{"KooGallery’s probes of newInstance (SaaS V2.0) pass again: product ERP, channel default"}, titles())
	h.exec(`UPDATE messages SET last_received_at = last_received_at - interval '11 days'`)
	look()
	require.Equal(t, 1, look())
	require.Equal(t, "gone,gone,resolved", h.text(`SELECT string_agg(outcome, ',' ORDER BY outcome) FROM alerts`), "KooGallery does not send them any more")
}
