package store

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// Sessions keeps sessions by the hash of their token, their data sealed: a
// stolen dump neither opens nor tells anything. It fits alexedwards/scs.
type Sessions struct{ s *Store }

// Sessions gives the store of sessions.
func (s *Store) Sessions() *Sessions { return &Sessions{s: s} }

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// FindCtx gives a session's data; found is false for an unknown or expired
// token, and for data that cannot be opened any more.
func (n *Sessions) FindCtx(ctx context.Context, token string) (data []byte, found bool, err error) {
	var sealed []byte
	err = sqlx.GetContext(ctx, n.s.db, &sealed, `
SELECT data
  FROM sessions
 WHERE token_hash = $1
   AND expires_at > now()`, tokenHash(token))
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, toFault(err)
	}
	data, err = n.s.keys.Open(seal.Session, sealed)
	if err != nil { // sealed under a key that is gone: the operator signs in again
		return nil, false, nil
	}
	return data, true, nil
}

// CommitCtx writes a session, which ends at expiry.
func (n *Sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	_, err := n.s.db.ExecContext(ctx, `
INSERT INTO sessions (token_hash, data, expires_at)
VALUES ($1, $2, $3)
ON CONFLICT (token_hash) DO UPDATE
   SET data = EXCLUDED.data,
       expires_at = EXCLUDED.expires_at`, tokenHash(token), n.s.keys.Seal(seal.Session, data), expiry)
	return toFault(err)
}

// DeleteCtx ends a session.
func (n *Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := n.s.db.ExecContext(ctx, `
DELETE FROM sessions
 WHERE token_hash = $1`, tokenHash(token))
	return toFault(err)
}

// Find is FindCtx for callers without a context.
func (n *Sessions) Find(token string) ([]byte, bool, error) {
	return n.FindCtx(context.Background(), token)
}

// Commit is CommitCtx for callers without a context.
func (n *Sessions) Commit(token string, data []byte, expiry time.Time) error {
	return n.CommitCtx(context.Background(), token, data, expiry)
}

// Delete is DeleteCtx for callers without a context.
func (n *Sessions) Delete(token string) error { return n.DeleteCtx(context.Background(), token) }

// Purge deletes the sessions that are over and says how many they were.
func (n *Sessions) Purge(ctx context.Context) (int64, error) {
	r, err := n.s.db.ExecContext(ctx, `
DELETE FROM sessions
 WHERE expires_at <= now()`)
	if err != nil {
		return 0, toFault(err)
	}
	gone, err := r.RowsAffected()
	return gone, toFault(err)
}
