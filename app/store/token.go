package store

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/staff"
)

// tokenPrefix makes an API token recognisable, for people and for scanners that
// look for leaked secrets.
const tokenPrefix = "kd_"

// Token is an API token as it may be shown. Times are UTC; a zero time means
// "none".
type Token struct {
	ID         int64
	Name       string
	Role       staff.Role
	CreatedAt  time.Time
	LastUsedAt time.Time
	RevokedAt  time.Time
}

type tokenRow struct {
	ID       int64        `db:"id"`
	Name     string       `db:"name"`
	Role     string       `db:"role"`
	Hash     []byte       `db:"token_hash"`
	Created  time.Time    `db:"created_at"`
	LastUsed sql.NullTime `db:"last_used_at"`
	Revoked  sql.NullTime `db:"revoked_at"`
	Idle     bool         `db:"idle"`
}

const tokenColumns = `id, name, role, token_hash, created_at, last_used_at, revoked_at,
       last_used_at IS NULL OR last_used_at < now() - interval '1 minute' AS idle`

func (t *tokenRow) token() Token {
	return Token{ID: t.ID, Name: t.Name, Role: staff.Role(t.Role), CreatedAt: t.Created.UTC(), LastUsedAt: utc(t.LastUsed),
		RevokedAt: utc(t.Revoked)}
}

// CreateToken makes an API token: "kd_" and 32 random bytes in base64url. It is
// told this once; only its hash is kept.
func (t *Tx) CreateToken(ctx context.Context, name string, role staff.Role) (plain string, id int64, err error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", 0, fault.Wrap(err, fault.Internal, "internal")
	}
	plain = tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO api_tokens (name, role, token_hash)
VALUES ($1, $2, $3)
RETURNING id`, name, string(role), tokenHash(plain))
	if err != nil {
		return "", 0, toFault(err)
	}
	return plain, id, nil
}

// UseToken proves a token and records its use, at most once a minute. Whatever
// is given is hashed and looked up, so that wrong tokens cost as much as right
// ones. Fault: unauthenticated "token.invalid", for revoked ones too.
func (s *Store) UseToken(ctx context.Context, plain string) (Token, error) {
	hash := tokenHash(plain)
	var row tokenRow
	err := sqlx.GetContext(ctx, s.db, &row, `
SELECT `+tokenColumns+`
  FROM api_tokens
 WHERE token_hash = $1`, hash)
	if err != nil && !fault.Is(toFault(err), fault.NotFound) {
		return Token{}, toFault(err)
	}
	if err != nil || subtle.ConstantTimeCompare(row.Hash, hash) != 1 || row.Revoked.Valid {
		return Token{}, fault.New(fault.Unauthenticated, "token.invalid")
	}
	if !row.Idle {
		return row.token(), nil
	}
	_, err = s.db.ExecContext(ctx, `
UPDATE api_tokens
   SET last_used_at = now()
 WHERE id = $1
   AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`, row.ID)
	return row.token(), toFault(err)
}

// Tokens lists every API token, newest first.
func (r *Reader) Tokens(ctx context.Context) ([]Token, error) {
	var rows []tokenRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+tokenColumns+`
  FROM api_tokens
 ORDER BY id DESC`)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]Token, 0, len(rows))
	for i := range rows {
		out = append(out, rows[i].token())
	}
	return out, nil
}

// RevokeToken ends a token for good. Fault: not_found "token.unknown".
func (t *Tx) RevokeToken(ctx context.Context, id int64) error {
	r, err := t.tx.ExecContext(ctx, `
UPDATE api_tokens
   SET revoked_at = COALESCE(revoked_at, now())
 WHERE id = $1`, id)
	if err != nil {
		return toFault(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.NotFound, "token.unknown")
	}
	return nil
}
