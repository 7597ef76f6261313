package alert_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/alert"
)

// Who closes the failure of what was to tell a customer has decided: nobody is alerted
// of it any more, until it is sent again and fails again.
func TestAFailedDeliveryThatWasClosedIsNoAlert(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.hook(alert.Setting{})
	h.exec(`INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status) VALUES (1, 'i', 'CS1', 'CS1-1', 'b', 'active')`)
	h.exec(`INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
VALUES (1, 1, 'usage_info', 'email', 'en', '\x00', 'a', 'failed', 'r', 'u')`)
	h.exec(`INSERT INTO tasks (kind, status, unique_key, delivery_id, instance_pk, failure_group, last_error) VALUES ('deliver', 'failed', 'd', 1, 1, 7, '{}')`)
	h.watch()
	require.Equal(t, "1 ", h.text(`SELECT count(*) || ' ' || string_agg(outcome, ',') FROM alerts`))
	h.exec(`UPDATE tasks SET failure_group = 0`)
	h.watch()
	require.Equal(t, "1 resolved", h.text(`SELECT count(*) || ' ' || string_agg(outcome, ',') FROM alerts`))
	h.later()
	h.watch()
	h.exec(`INSERT INTO tasks (kind, status, unique_key, delivery_id, instance_pk, failure_group, last_error) VALUES ('deliver', 'failed', 'again', 1, 1, 7, '{}')`)
	h.watch()
	require.Equal(t, "2 ,resolved", h.text(`SELECT count(*) || ' ' || string_agg(outcome, ',' ORDER BY outcome) FROM alerts`))
}
