package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/market"
)

// KeyRow is a key of a channel as it may be shown: without its secret.
type KeyRow struct {
	ID         int64
	Class      market.KeyClass
	CreatedAt  time.Time // UTC, like the others
	RetiresAt  time.Time // zero: the present key
	LastUsedAt time.Time // when it last proved a call, to the minute; zero: never
}

// Present tells whether the key is the one that is bound now.
func (k KeyRow) Present() bool { return k.RetiresAt.IsZero() }

// Retired tells whether the key proves nothing any more.
func (k KeyRow) Retired(now time.Time) bool { return !k.Present() && !now.Before(k.RetiresAt) }

// The states of a key.
const (
	KeyCurrent  = "current"
	KeyRetiring = "retiring" // replaced, and valid until RetiresAt
	KeyRetired  = "retired"
)

// State is how the key stands.
func (k KeyRow) State(now time.Time) string {
	switch {
	case k.Present():
		return KeyCurrent
	case k.Retired(now):
		return KeyRetired
	}
	return KeyRetiring
}

// ChannelKeys lists every key that a channel ever had, by class, the newest
// first.
func (r *Reader) ChannelKeys(ctx context.Context, channel int64) ([]KeyRow, error) {
	keys, err := r.keyRows(ctx, `channel_id = $1`, channel)
	return keys[channel], err
}

// ValidKeys lists the keys that prove calls now, by channel: the present ones and
// those in their overlap, in the order of ChannelKeys.
func (r *Reader) ValidKeys(ctx context.Context) (map[int64][]KeyRow, error) {
	return r.keyRows(ctx, `retires_at IS NULL OR retires_at > now()`)
}

func (r *Reader) keyRows(ctx context.Context, where string, args ...any) (map[int64][]KeyRow, error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT channel_id, id, class, created_at, retires_at, last_used_at
  FROM channel_keys
 WHERE `+where+`
 ORDER BY channel_id, class, id DESC`, args...)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	out := map[int64][]KeyRow{}
	for rows.Next() {
		var channel int64
		var k KeyRow
		var retires, used sql.NullTime
		if err := rows.Scan(&channel, &k.ID, &k.Class, &k.CreatedAt, &retires, &used); err != nil {
			return nil, toFault(err)
		}
		k.CreatedAt, k.RetiresAt, k.LastUsedAt = k.CreatedAt.UTC(), utc(retires), utc(used)
		out[channel] = append(out[channel], k)
	}
	return out, toFault(rows.Err())
}

// DebuggingCases counts the debugging calls that a channel was sent since a
// moment, by generation: each is a case saved in the Seller Center (its repeats
// are one message). It counts up to 1000.
func (r *Reader) DebuggingCases(ctx context.Context, channel int64, since time.Time) (map[market.Protocol]int, error) {
	var rows []struct {
		Protocol market.Protocol `db:"protocol"`
		N        int             `db:"n"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT protocol, count(*) AS n
  FROM (SELECT protocol
          FROM messages
         WHERE test
           AND channel_id = $1
           AND status <> 'rejected'
           AND last_received_at >= $2
         ORDER BY last_received_at DESC
         LIMIT 1000) AS recent
 GROUP BY protocol`, channel, since)
	out := map[market.Protocol]int{}
	for _, row := range rows {
		out[row.Protocol] = row.N
	}
	return out, toFault(err)
}
