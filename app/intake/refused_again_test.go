package intake_test

import (
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
	})
	require.Equal(t, "000000", release())
	require.Equal(t, "succeeded 000000 ", stands())
}
