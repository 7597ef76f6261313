package restart_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/restart"
	"koodesk/app/store"
)

// A customer who is told again is told once what was sent to him, or the fall-back
// that took its place, has arrived. What the restart left alone says nothing of it.
func TestTellingAgainIsJudgedByWhatItSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, after, outcome string }{
		"what is not so any more failed long ago": {`UPDATE deliveries SET kind = 'frozen', status = 'failed' WHERE id = 2`, ``, store.ItemPassed},
		"one of what was sent fails again":        {``, `UPDATE deliveries SET status = 'failed' WHERE id = 2`, store.ItemFailed},
		"the fall-back arrives": {``, `
WITH f AS (
    INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
    SELECT channel_id, instance_pk, message_id, kind, 'email', language, to_sealed, to_mask, 'succeeded', 'f', 'f', id FROM deliveries WHERE id = 2
)
UPDATE deliveries SET status = 'failed' WHERE id = 2`, store.ItemPassed},
		"the fall-back fails too": {``, `
WITH f AS (
    INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, fallback_of)
    SELECT channel_id, instance_pk, kind, 'email', language, to_sealed, to_mask, 'failed', 'f', 'f', id FROM deliveries WHERE id = 2
)
UPDATE deliveries SET status = 'failed' WHERE id = 2`, store.ItemFailed},
		"what else the message told is given up": {``, `
WITH other AS (
    INSERT INTO deliveries (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key)
    SELECT channel_id, instance_pk, message_id, 'renewed', 'email', language, to_sealed, to_mask, 'failed', 'f', 'f' FROM deliveries WHERE id = 2
)
UPDATE deliveries SET status = 'succeeded' WHERE id = 2`, store.ItemPassed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t)
			d.told()
			d.exec(c.before)
			b, err := d.batches.Start(t.Context(), restart.Order{RestartSet: store.RestartSet{Thing: store.RestartMessages, Mode: store.RestartDelivery, IDs: []int64{1}}}, ann)
			require.NoError(t, err)
			require.NoError(t, d.batches.Settle(t.Context()))
			require.Equal(t, "", d.text(`SELECT outcome FROM restart_items`), "it is not sent yet")
			d.send()
			d.exec(c.after)
			require.NoError(t, d.batches.Settle(t.Context()))
			require.Equal(t, c.outcome, d.text(`SELECT outcome FROM restart_items`))
			b, err = d.store.Reader().Batch(t.Context(), b.ID)
			require.NoError(t, err)
			require.Equal(t, 1, b.Passed+b.Failed)
		})
	}
}
