package retention_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/retention"
	"koodesk/app/seal"
	"koodesk/migrations"
)

// back goes the way back to a migration and undoes it too.
func (b bench) back(migration int64) {
	b.t.Helper()
	for v := int64(0); v != migration; {
		var err error
		v, err = migrations.Down(context.Background(), b.s.SQL())
		require.NoError(b.t, err)
	}
}

// Those who were erased before erasures were finished by the hourly run, and were
// stored again, are erased by its next run: it asks for no rule.
func TestWhoWasStoredAgainIsErasedAfterTheMigration(t *testing.T) {
	t.Parallel()
	b := open(t)
	b.back(99)
	person := b.s.Keys().SealString(seal.Customer, marker)
	b.exec(`
INSERT INTO orders (channel_id, order_id, order_line_id, source, state, customer_id, customer_name, real_name_sealed, known_at, erased_at)
VALUES (1, 'CS9', 'CS9-1', 'notice', 'known', 'ann', $1, $2, now(), now() - interval '1 day')`, marker, person)
	b.exec(`
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, customer_id, front_end_url, email_sealed, released_at, erased_at)
VALUES (1, 'i1', 'CS1', 'CS1-1', 'b', 'released', 'ann', $1, $2, now() - interval '2 days', now() - interval '1 day')`, "https://"+marker, person)
	_, err := migrations.Up(context.Background(), b.s.SQL())
	require.NoError(t, err)
	require.NotEmpty(t, b.marked())
	b.run(retention.Days{})
	require.Empty(t, b.marked())
	require.Empty(t, b.ids(`SELECT id FROM retention_held`))
}
