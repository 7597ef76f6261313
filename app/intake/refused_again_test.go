package intake_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/staff"
)

// A call that is refused now is not done because its tasks were, whoever has it run again.
func TestACallThatIsRefusedAgainHasFailedAlthoughItsTasksAreDone(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	release := func() any { return d.send("activity", "releaseInstance", "instanceId", "i1")["resultCode"] }
	require.Equal(t, "000000", release())
	d.work("", "event", "released", "succeeded")
	stands := func() string {
		t.Helper()
		return d.text(`SELECT status || ' ' || result_code || ' ' || COALESCE(last_error ->> 'key', '') FROM messages WHERE activity = 'releaseInstance'`)
	}
	d.refusing("i1", func() {
		r, err := d.restartMessage(d.id(`SELECT id FROM messages WHERE activity = 'releaseInstance'`), staff.Actor{Name: "operator:ann", Source: "operator"})
		require.NoError(t, err)
		require.Equal(t, "failed", r.Status)
		require.Equal(t, "failed 000003 call.instance_unknown", stands())
		require.Equal(t, "000003", release())
		require.Equal(t, "failed 000003 call.instance_unknown", stands())

		id := d.id(`SELECT id FROM messages WHERE activity = 'releaseInstance'`)
		task := d.id(fmt.Sprintf(`INSERT INTO tasks (kind, purpose, message_id, unique_key, status) VALUES ('deliver', 'usage_info', %d, 'told', 'failed') RETURNING id`, id))
		for _, restarted := range []func() error{
			func() error { _, err := d.restartMessage(id, staff.CLI()); return err },
			func() error { _, err := d.restartTask(task, staff.CLI()); return err },
		} {
			require.NoError(t, restarted())
			require.Equal(t, "failed 000003 call.instance_unknown", stands(), "whose customer is told again")
			d.exec(`UPDATE tasks SET status = 'failed' WHERE kind = 'deliver'`)
		}
	})
	require.Equal(t, "000000", release())
	require.Equal(t, "succeeded 000000 ", stands())
}
