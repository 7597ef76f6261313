package store

import (
	"context"
	"database/sql"
	"time"

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

// ChannelKeys lists every key that a channel ever had, by class, the newest
// first.
func (r *Reader) ChannelKeys(ctx context.Context, channel int64) ([]KeyRow, error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT id, class, created_at, retires_at, last_used_at
  FROM channel_keys
 WHERE channel_id = $1
 ORDER BY class, id DESC`, channel)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	var out []KeyRow
	for rows.Next() {
		var k KeyRow
		var retires, used sql.NullTime
		if err := rows.Scan(&k.ID, &k.Class, &k.CreatedAt, &retires, &used); err != nil {
			return nil, toFault(err)
		}
		k.CreatedAt, k.RetiresAt, k.LastUsedAt = k.CreatedAt.UTC(), utc(retires), utc(used)
		out = append(out, k)
	}
	return out, toFault(rows.Err())
}

// KeyClassesOf lists the classes in which a channel has this secret as its
// present key: each class must have a key of its own (page CN 0070649476).
func (t *Tx) KeyClassesOf(ctx context.Context, channel int64, secret string) ([]market.KeyClass, error) {
	var out []market.KeyClass
	err := t.tx.SelectContext(ctx, &out, `
SELECT class
  FROM channel_keys
 WHERE channel_id = $1
   AND retires_at IS NULL
   AND key_bidx = $2
 ORDER BY class`, channel, t.keys.Index(secret))
	return out, toFault(err)
}
