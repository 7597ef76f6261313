package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// SigningKey is a key of any channel, valid or retired, with its secret opened.
type SigningKey struct {
	ChannelKey
	Channel string // slug
	Own     bool   // of the channel that was asked for
}

// maxSigningKeys bounds how many keys one diagnosis tries.
const maxSigningKeys = 64

// SigningKeys lists the keys of every class and channel that are valid, or were
// after the given time: the channel's own first, the newest first. One that
// cannot be opened is passed over: it says nothing of the call, and the others may.
func (r *Reader) SigningKeys(ctx context.Context, channel int64, retiredAfter time.Time) ([]SigningKey, error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT k.id, k.channel_id = $1, c.slug, k.class, k.key_sealed, k.created_at, k.retires_at
  FROM channel_keys k
  JOIN channels c ON c.id = k.channel_id
 WHERE k.retires_at IS NULL
    OR k.retires_at > $2
 ORDER BY k.channel_id <> $1, k.retires_at DESC NULLS FIRST, k.id DESC
 LIMIT $3`, channel, retiredAfter, maxSigningKeys)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	var out []SigningKey
	for rows.Next() {
		var k SigningKey
		var sealed []byte
		var retires sql.NullTime
		if err := rows.Scan(&k.ID, &k.Own, &k.Channel, &k.Class, &sealed, &k.CreatedAt, &retires); err != nil {
			return nil, toFault(err)
		}
		k.RetiresAt = retires.Time
		if k.Secret, err = r.open(seal.ChannelSecret, sealed); err != nil {
			continue
		}
		out = append(out, k)
	}
	return out, toFault(rows.Err())
}

// SetDiagnosis keeps with an attempt why its call could not be proved.
func (s *Store) SetDiagnosis(ctx context.Context, attempt int64, d market.Diagnosis) error {
	text, err := json.Marshal(d)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal")
	}
	_, err = s.db.ExecContext(ctx, `
UPDATE attempts
   SET diagnosis = $2
 WHERE id = $1
   AND `+writtenLately, attempt, text)
	return toFault(err)
}

func diagnosisOf(s sql.NullString) (*market.Diagnosis, error) {
	if !s.Valid {
		return nil, nil
	}
	var d market.Diagnosis
	if err := json.Unmarshal([]byte(s.String), &d); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal")
	}
	return &d, nil
}
