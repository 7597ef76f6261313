package intake_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What later calls can never cover is not looked at, and what they do not cover not
// again before something has changed.
func TestAFailedCallIsJudgedAgainOnlyWhenSomethingHasChanged(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.buy("i1")
	d.ready("i1")
	d.refusing("i1", func() {
		require.Equal(t, "000003", d.refresh("i1", "RENEWAL", "R1", "20310101000000")["resultCode"])
		require.Equal(t, "000003", d.send("activity", "releaseInstance", "instanceId", "i1")["resultCode"])
	})
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R2", "20300101000000")["resultCode"])
	d.settled() // which puts them into their groups
	d.exec(`UPDATE messages SET judged_at = NULL`)
	looked := func() (orders []string) {
		t.Helper()
		ids, _, err := d.store.Reader().MaybeOvertaken(t.Context(), 100)
		require.NoError(t, err)
		for _, id := range ids {
			orders = append(orders, d.text(`SELECT activity || ' ' || order_id FROM messages WHERE id = $1`, id))
		}
		return orders
	}
	later := func(what string) { // some minutes pass, but for what changes now
		t.Helper()
		d.exec(`UPDATE messages SET updated_at = now() - interval '10 minutes'`)
		d.exec(`UPDATE instances SET updated_at = now() - interval '10 minutes'`)
		if what != "" {
			d.exec(what)
		}
	}
	require.Equal(t, []string{"refreshInstance R1"}, looked(), "nobody but a person decides about a release")
	for _, change := range []string{
		`UPDATE messages SET updated_at = now() WHERE order_id = 'R1'`, `UPDATE messages SET updated_at = now() WHERE order_id = 'R2'`, `UPDATE instances SET updated_at = now()`,
	} {
		require.Equal(t, "refreshInstance releaseInstance", d.settled())
		later("")
		require.Empty(t, looked())
		later(change)
		require.Equal(t, []string{"refreshInstance R1"}, looked(), change)
	}
	later("")
	d.settled()
	require.Equal(t, "000000", d.refresh("i1", "RENEWAL", "R3", "20320101000000")["resultCode"])
	require.Equal(t, "releaseInstance", d.settled())
}
