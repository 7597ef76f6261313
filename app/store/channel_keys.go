package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

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

// SavedCase is how many debugging cases a key signs, by generation.
type SavedCase struct {
	KeyID    int64           `db:"case_key"`
	Protocol market.Protocol `db:"protocol"`
	N        int             `db:"n"`
	Last     time.Time       `db:"last"` // when one of them came
}

// SavedCases are the debugging calls of the marketplace's whose last proof was
// one of these keys, and which were answered with success: each is a case saved in
// the Seller Center (its repeats are one message). It counts up to 1000, those of
// the oldest key first.
func (r *Reader) SavedCases(ctx context.Context, channel int64, keys []int64) ([]SavedCase, error) {
	var out []SavedCase
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT case_key, protocol, count(*) AS n, max(last_received_at) AS last
  FROM (SELECT case_key, protocol, last_received_at
          FROM messages
         WHERE channel_id = $1
           AND case_key = ANY($2)
           AND case_key IS NOT NULL
         ORDER BY case_key
         LIMIT 1000) AS saved
 GROUP BY case_key, protocol
 ORDER BY case_key, protocol`, channel, pq.Array(keys))
	return out, toFault(err)
}

// NoteCase notes which key proved a debugging case of the marketplace's.
func (s *Store) NoteCase(ctx context.Context, message, key int64) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE messages
   SET case_key = $2
 WHERE id = $1
   AND case_key IS DISTINCT FROM $2`, message, key)
	return toFault(err)
}
