package intake_test

import (
	"testing"

	"github.com/lib/pq"
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

// outdone makes of each instance a renewal R… that failed and a later one L… that was done,
// some minutes ago.
func (d *desk) outdone(instances ...string) {
	d.t.Helper()
	for _, i := range instances {
		d.buy(i)
		d.ready(i)
		d.refusing(i, func() {
			require.Equal(d.t, "000003", d.refresh(i, "RENEWAL", "R"+i, "20290101000000")["resultCode"])
		})
		require.Equal(d.t, "000000", d.refresh(i, "RENEWAL", "L"+i, "20300101000000")["resultCode"])
	}
	d.exec(`UPDATE tasks SET status = 'succeeded', finished_at = now()`)
	d.exec(`UPDATE messages SET status = 'succeeded' WHERE status = 'processing'`)
	require.NoError(d.t, d.store.SettleFailures(d.t.Context()))
	d.exec(`UPDATE messages SET updated_at = now() - interval '10 minutes'`)
	d.exec(`UPDATE instances SET updated_at = now() - interval '10 minutes'`)
}

// One that could not be judged keeps its place for later, behind all others: its trouble
// may pass, and takes nobody's turn until then.
func TestAFailedCallThatCouldNotBeJudgedIsJudgedLater(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.outdone("i1", "i2")
	d.exec(`CREATE TABLE kept AS SELECT id, request_sealed FROM attempts`)
	d.exec(`UPDATE attempts SET request_sealed = '\x0102' WHERE message_id = (SELECT id FROM messages WHERE order_id = 'Ri1')`)
	d.exec(`UPDATE messages SET judged_at = NULL`)
	require.Error(t, d.intake.SettleOvertaken(t.Context()))
	d.exec(`UPDATE messages SET judged_at = NULL, failure_group = (SELECT min(id) FROM failure_groups) WHERE order_id = 'Ri2'`)
	waiting := func(limit int) string {
		t.Helper()
		ids, _, err := d.store.Reader().MaybeOvertaken(t.Context(), limit)
		require.NoError(t, err)
		return d.text(`SELECT COALESCE(string_agg(m.order_id, ' ' ORDER BY w.n), '') FROM unnest($1::bigint[]) WITH ORDINALITY AS w (id, n) JOIN messages m USING (id)`, pq.Array(ids))
	}
	require.Equal(t, "Ri2 Ri1", waiting(100))
	require.Equal(t, "Ri2", waiting(1), "what fails takes nobody's turn")
	d.exec(`UPDATE attempts a SET request_sealed = kept.request_sealed FROM kept WHERE kept.id = a.id`)
	require.NoError(t, d.intake.SettleOvertaken(t.Context()))
	require.Empty(t, waiting(100))
	require.Equal(t, "0 0", d.text(`SELECT string_agg(failure_group::text, ' ') FROM messages WHERE order_id LIKE 'R%'`))
}

// However many can never be judged, one among them whose trouble has passed gets its turn.
func TestFailedCallsThatCanNeverBeJudgedTakeTurns(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.outdone("i1")
	d.exec(`
INSERT INTO messages (channel_id, protocol, activity, idem_key, status, result_code, order_id, instance_id, attempts, first_received_at, last_received_at, updated_at, last_error, failure_group)
SELECT channel_id, protocol, activity, 'like/' || n, status, result_code, order_id, instance_id, 1, first_received_at, last_received_at, updated_at, last_error, failure_group
  FROM messages, generate_series(1, 301) AS n
 WHERE order_id = 'Ri1'`)
	d.exec(`
INSERT INTO attempts (message_id, at, source, disposition, request_sealed)
SELECT id, last_received_at, 'marketplace', 'new', '\x0102' FROM messages WHERE idem_key LIKE 'like/%'`)
	d.outdone("i2") // after all those
	d.exec(`CREATE TABLE kept AS SELECT a.id, a.request_sealed FROM attempts a JOIN messages m ON m.id = a.message_id WHERE m.order_id = 'Ri2'`)
	d.exec(`UPDATE attempts SET request_sealed = '\x0102' WHERE id IN (SELECT id FROM kept)`)
	for range 2 { // which looks at all of them
		require.Error(t, d.intake.SettleOvertaken(t.Context()))
	}
	d.exec(`UPDATE attempts a SET request_sealed = kept.request_sealed FROM kept WHERE kept.id = a.id`)
	for range 2 {
		require.Error(t, d.intake.SettleOvertaken(t.Context()))
	}
	require.Equal(t, "0", d.text(`SELECT failure_group::text FROM messages WHERE order_id = 'Ri2'`))
	require.Equal(t, "301", d.text(`SELECT count(*)::text FROM messages WHERE failure_group > 0 AND idem_key LIKE 'like/%'`))
}
