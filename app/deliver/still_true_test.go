package deliver

import (
	"context"
	"database/sql"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// everyNotice is a failed message of every kind about an instance of every status
// and every age, with the expiry that the instance has, another, and none.
const everyNotice = `
WITH i AS (
    INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, status, expires_at)
    SELECT 1, concat(status, ' ', hours), concat(status, ' ', hours), '1', concat(status, ' ', hours), status, now() + make_interval(hours => hours)
      FROM unnest(ARRAY['provisioning', 'active', 'frozen', 'released']) AS status, unnest(ARRAY[90, -20, -30, NULL]) AS hours
    RETURNING id, expires_at
)
INSERT INTO deliveries (channel_id, instance_pk, kind, medium, language, to_sealed, to_mask, status, message_ref, unique_key, about_expiry)
SELECT 1, i.id, kind, 'email', 'en', '\x00', '', 'failed', key, key,
       CASE about WHEN 'same' THEN i.expires_at WHEN 'other' THEN now() - interval '400 days' END
  FROM i,
       unnest(ARRAY['usage_info', 'expiry_notice', 'frozen', 'unfrozen', 'renewed', 'released', 'password']) AS kind,
       unnest(ARRAY['same', 'other', 'none']) AS about,
       LATERAL (SELECT i.id || kind || about AS key) AS named`

// What people are asked to look at is what could still be sent: the database and
// the sending say the same of each message.
func TestWhatIsStillTrueIsTheSameForTheDatabase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := storetest.Open(t)
	storetest.Channel(t, s, "default", "")
	_, err := s.SQL().Exec(everyNotice)
	require.NoError(t, err)
	asked := map[int64]bool{}
	for {
		n, err := s.Reader().NeedDeliveries(ctx)
		require.NoError(t, err)
		if n.Count.N == 0 {
			break
		}
		id, err := strconv.ParseInt(n.Key, 10, 64)
		require.NoError(t, err)
		require.False(t, asked[id])
		asked[id] = true
		_, err = s.SQL().Exec(`UPDATE deliveries SET status = 'cancelled' WHERE id = $1`, id)
		require.NoError(t, err)
	}
	rows, err := s.SQL().Query(`
SELECT d.id, d.kind, d.about_expiry, i.status, i.expires_at
  FROM deliveries d
  JOIN instances i ON i.id = d.instance_pk`)
	require.NoError(t, err)
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var (
			id             int64
			v              store.Delivery
			i              store.Instance
			about, expires sql.NullTime
		)
		require.NoError(t, rows.Scan(&id, &v.Kind, &about, &i.Status, &expires))
		v.AboutExpiry, i.ExpiresAt = about.Time, expires.Time
		require.Equal(t, stillTrue(&v, &i, time.Now()), asked[id], "%s about %s of an instance that is %s until %s", v.Kind, v.AboutExpiry, i.Status, i.ExpiresAt)
	}
	require.NoError(t, rows.Err())
	require.Equal(t, 4*4*7*3, n)
}
