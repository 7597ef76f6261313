package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a person must decide is asked for as the console's start page counts it.
func TestWhatWaitsForAPersonIsAskedFor(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.products()
	h.buy("CS1")
	for _, statement := range []string{`
INSERT INTO failure_groups (fingerprint, channel_id, step, of_tasks, error)
SELECT step, 1, step, step <> 'newInstance', '{"code":"internal","key":"internal"}' FROM unnest(ARRAY['newInstance', 'deliver', 'event']) AS step`, `
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
SELECT 1, 1, 'usage_info', 'email', 'en', '\x00', '', 'failed', n, n FROM unnest(ARRAY['open', 'closed']) AS n`, `
INSERT INTO tasks (kind, status, unique_key, delivery_id, failure_group)
SELECT 'deliver', 'failed', 'deliver ' || unique_key, id, CASE unique_key WHEN 'open' THEN 2 ELSE 0 END FROM deliveries`, `
INSERT INTO tasks (kind, status, unique_key, failure_group)
SELECT 'event', 'failed', 'event ' || n, CASE n WHEN 'open' THEN 3 ELSE 0 END FROM unnest(ARRAY['open', 'closed']) AS n`, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, payload_sealed, status, instance_pk, task_id)
SELECT 1, 'instance.frozen', unique_key, unique_key, TRUE, 'https://crm.example.com', '\x00', 'failed', 1, id FROM tasks WHERE kind = 'event' ORDER BY id`, `
INSERT INTO licenses (channel_id, instance_pk, protocol, request_key, supplier)
SELECT 1, 1, 'license', key, 'manual' FROM unnest(ARRAY['by hand', 'by its system']) AS key`, `
INSERT INTO tasks (kind, status, unique_key, license_id, instance_pk, run_at, parked_at)
SELECT 'license', 'pending', 'license/' || id, id, 1, CASE WHEN request_key = 'by hand' THEN '9999-12-31' ELSE now() + interval '1 hour' END, now() FROM licenses`} {
		_, err := h.store.SQL().Exec(statement)
		require.NoError(t, err)
	}
	for _, list := range []string{"/failure-groups", "/deliveries", "/events", "/licenses"} {
		require.Equal(t, []string{"1"}, h.ok(list+"?waiting_for_person=true").ids("id"), list)
		require.Greater(t, len(h.ok(list).ids("id")), 1, list)
	}
}
