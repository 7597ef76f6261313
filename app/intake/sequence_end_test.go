package intake_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/provision/static"
)

// check holds the end of a sequence against the model, and the history against
// the end.
func (s *sequence) check() {
	ctx := context.Background()
	found, err := s.c.store.Reader().Instances(ctx, s.c.channel.ID, []string{s.instanceID()})
	require.NoError(s.t, err)
	require.Len(s.t, found, 1)
	i := found[0]
	status, product, expires, made := s.model.end()
	require.Equal(s.t, status, string(i.Status))
	if status != "released" {
		require.Equal(s.t, product, i.ProductID)
		require.Equal(s.t, expires, market.Stamp(i.ExpiresAt))
		require.True(s.t, s.holds || i.Driver == static.Name)
		if made {
			require.Equal(s.t, "https://e.cn/"+product, i.App.FrontEndURL, "the driver made what was bought last")
		}
	}
	var many int
	var left string
	require.NoError(s.t, s.c.store.SQL().QueryRow(`SELECT count(*) FROM instances WHERE order_id = $1`, i.OrderID).Scan(&many))
	require.Equal(s.t, 1, many, "one instance per key")
	require.NoError(s.t, s.c.store.SQL().QueryRow(`SELECT COALESCE(string_agg(reason || ' ' || driver, ', '), '') FROM leftovers WHERE instance_pk = $1 AND status IN ('open', 'undoing')`, i.PK).Scan(&left))
	switch {
	case i.Driver == "town": // which lets it go itself
		require.Empty(s.t, left)
		require.Equal(s.t, status != "released", s.holds, "what was made for a released instance is still there, or a living one has nothing")
	case s.holds:
		require.Equal(s.t, "driver_changed town", left, "what no instance has is seen")
	case left != "":
		require.True(s.t, s.asked, left)
	}
	s.replay(i.PK, map[string]string{"status": string(i.Status), "expiry": market.Stamp(i.ExpiresAt), "product": i.Bought().Sized(),
		"frozen_by": i.FrozenBy, "driver": i.Driver, "customer": i.CustomerID})
}

// replay goes through the history from the instance's beginning: each entry
// begins where the one before ended, and the last ends where the instance is.
func (s *sequence) replay(pk int64, end map[string]string) {
	at := map[string]string{"status": "provisioning"}
	rows, err := s.c.store.SQL().Query(`SELECT kind, old_value, new_value FROM instance_events WHERE instance_pk = $1 ORDER BY id`, pk)
	require.NoError(s.t, err)
	defer rows.Close()
	for rows.Next() {
		var kind, old, now string
		require.NoError(s.t, rows.Scan(&kind, &old, &now))
		if _, held := end[kind]; !held {
			continue
		}
		require.Equal(s.t, at[kind], old, "history of %s", kind)
		at[kind] = now
	}
	require.NoError(s.t, rows.Err())
	for kind, now := range end {
		require.Equal(s.t, now, at[kind], "history of %s", kind)
	}
}
