package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// LicenseCode is an authorization code whole, the code itself opened. It stays
// inside the process; screens and the API get its mask.
type LicenseCode struct {
	ID        int64
	ChannelID int64
	market.LicenseCodeState
	Code           string
	OrderID        string
	OrderLineID    string
	ProductID      string
	CustomerID     string
	Amount         int64
	RealEffectTime time.Time // when the seller says that the use began; zero: with the activation
	CheckedAt      time.Time // when the marketplace last answered
	UsedAt         time.Time // by the seller's software, to the hour
	Answer         []byte    // of the marketplace, whole
	CreatedAt      time.Time
}

const licenseCodeColumns = `id, channel_id, code_sealed, status, said, order_id, order_line_id, product_id, customer_id, amount,
       expires_at, expiry_set_at, real_effect_time, activated_at, frozen_at, released_at, checked_at, used_at, created_at`

func (r *Reader) scanLicenseCode(row scanner) (*LicenseCode, error) {
	var c LicenseCode
	var sealed []byte
	var expires, expirySet, effect, activated, frozen, released, checked, used sql.NullTime
	err := row.Scan(&c.ID, &c.ChannelID, &sealed, &c.Status, &c.Said, &c.OrderID, &c.OrderLineID, &c.ProductID, &c.CustomerID, &c.Amount,
		&expires, &expirySet, &effect, &activated, &frozen, &released, &checked, &used, &c.CreatedAt)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "license_code.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	c.ExpiresAt, c.ExpirySetAt, c.RealEffectTime, c.ActivatedAt = utc(expires), utc(expirySet), utc(effect), utc(activated)
	c.FrozenAt, c.ReleasedAt, c.CheckedAt, c.UsedAt = utc(frozen), utc(released), utc(checked), utc(used)
	c.Code, err = r.open(seal.LicenseCode, sealed)
	return &c, err
}

// CodeToken stands for a code where the code itself must not be read, such as
// in an idempotency key: its keyed hash in hexadecimal digits.
func (s *Store) CodeToken(code string) string { return hex.EncodeToString(s.keys.Index(code)) }

// CodeTokens gives CodeToken under every key, newest first, for a look-up while a
// rotation is under way.
func (s *Store) CodeTokens(code string) []string {
	var out []string
	for _, index := range s.keys.Indexes(code) {
		out = append(out, hex.EncodeToString(index))
	}
	return out
}

// LicenseCode finds a code of a channel. Fault: not_found "license_code.unknown".
func (r *Reader) LicenseCode(ctx context.Context, channel int64, code string) (*LicenseCode, error) {
	return r.scanLicenseCode(r.q.QueryRowxContext(ctx, `
SELECT `+licenseCodeColumns+`
  FROM license_codes
 WHERE channel_id = $1
   AND code_bidx = ANY($2)
 ORDER BY id
 LIMIT 1`, channel, pq.ByteaArray(r.keys.Indexes(code))))
}

// ChannelsOfCode lists the slugs of the channels that know a code.
func (r *Reader) ChannelsOfCode(ctx context.Context, code string) ([]string, error) {
	var slugs []string
	err := sqlx.SelectContext(ctx, r.q, &slugs, `
SELECT c.slug
  FROM license_codes l
  JOIN channels c ON c.id = l.channel_id
 WHERE l.code_bidx = ANY($1)
 ORDER BY c.slug
 LIMIT 2`, pq.ByteaArray(r.keys.Indexes(code)))
	return slugs, toFault(err)
}

// LicenseCodeByID loads a code by its row id. Fault: not_found "license_code.unknown".
func (r *Reader) LicenseCodeByID(ctx context.Context, id int64) (*LicenseCode, error) {
	return r.scanLicenseCode(r.q.QueryRowxContext(ctx, `
SELECT `+licenseCodeColumns+`
  FROM license_codes
 WHERE id = $1`, id))
}

// LockLicenseCode locks a code by its row id. Fault: not_found "license_code.unknown".
func (t *Tx) LockLicenseCode(ctx context.Context, id int64) (*LicenseCode, error) {
	return t.Reader().scanLicenseCode(t.tx.QueryRowxContext(ctx, `
SELECT `+licenseCodeColumns+`
  FROM license_codes
 WHERE id = $1
   FOR NO KEY UPDATE`, id))
}

// TakeLicenseCode finds a code of a channel and locks it, or makes it.
func (t *Tx) TakeLicenseCode(ctx context.Context, channel int64, code string) (c *LicenseCode, created bool, err error) {
	find := func() (*LicenseCode, error) {
		return t.Reader().scanLicenseCode(t.tx.QueryRowxContext(ctx, `
SELECT `+licenseCodeColumns+`
  FROM license_codes
 WHERE channel_id = $1
   AND code_bidx = ANY($2)
 ORDER BY id
 LIMIT 1
   FOR NO KEY UPDATE`, channel, pq.ByteaArray(t.keys.Indexes(code))))
	}
	if c, err = find(); !fault.Is(err, fault.NotFound) {
		return c, false, err
	}
	r, err := t.tx.ExecContext(ctx, `
INSERT INTO license_codes (channel_id, code_sealed, code_bidx, code_mask)
VALUES ($1, $2, $3, $4)
ON CONFLICT (channel_id, code_bidx) DO NOTHING`,
		channel, t.keys.SealString(seal.LicenseCode, code), t.keys.Index(code), market.MaskCode(code))
	if err != nil {
		return nil, false, toFault(err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return nil, false, toFault(err)
	}
	c, err = find()
	return c, n > 0, err
}

// SaveLicenseCode writes a code's state with its history entries.
func (t *Tx) SaveLicenseCode(ctx context.Context, c *LicenseCode, changes []market.Change, o Origin) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE license_codes
   SET status = $2,
       said = $3,
       order_id = $4,
       order_line_id = $5,
       product_id = $6,
       customer_id = $7,
       amount = $8,
       expires_at = $9,
       expiry_set_at = $10,
       real_effect_time = $11,
       activated_at = $12,
       frozen_at = $13,
       released_at = $14,
       updated_at = now()
 WHERE id = $1`, c.ID, string(c.Status), string(c.Said), c.OrderID, c.OrderLineID, c.ProductID, c.CustomerID, c.Amount,
		nullTime(c.ExpiresAt), nullTime(c.ExpirySetAt), nullTime(c.RealEffectTime), nullTime(c.ActivatedAt),
		nullTime(c.FrozenAt), nullTime(c.ReleasedAt))
	if err != nil {
		return toFault(err)
	}
	for _, ch := range changes {
		_, err := t.tx.ExecContext(ctx, `
INSERT INTO license_code_events (code_id, kind, old_value, new_value, message_id, task_id, actor)
VALUES ($1, $2, $3, $4, $5, $6, $7)`, c.ID, string(ch.Kind), ch.Old, ch.New, nullID(o.MessageID), nullID(o.TaskID), o.Actor)
		if err != nil {
			return toFault(err)
		}
	}
	return nil
}

// LicenseCodeAnswered notes that the marketplace answered about a code, having
// been asked at askedAt.
func (t *Tx) LicenseCodeAnswered(ctx context.Context, id int64, askedAt time.Time, raw []byte) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE license_codes
   SET checked_at = GREATEST(checked_at, $2),
       answer_sealed = $3,
       last_error = NULL,
       erased_at = NULL,
       updated_at = now()
 WHERE id = $1`, id, askedAt, nullBytes(t.keys.Seal(seal.LicenseCode, raw)))
	return toFault(err)
}

// LicenseCodeFailed notes why the marketplace could not be asked about a code.
func (t *Tx) LicenseCodeFailed(ctx context.Context, id int64, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE license_codes
   SET last_error = $2,
       updated_at = now()
 WHERE id = $1`, id, nullBytes(fault.ToRecord(cause).JSON()))
	return toFault(err)
}

// UseLicenseCode notes that the seller's software uses a code. It writes at most
// once an hour.
func (s *Store) UseLicenseCode(ctx context.Context, id int64) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE license_codes
   SET used_at = now()
 WHERE id = $1
   AND (used_at IS NULL OR used_at < now() - interval '1 hour')`, id)
	return toFault(err)
}

// LicenseCodeTasks lists the tasks of a kind about a code that are not done,
// oldest first.
func (t *Tx) LicenseCodeTasks(ctx context.Context, id int64, kind string) ([]int64, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
SELECT id
  FROM tasks
 WHERE license_code_id = $1
   AND kind = $2
   AND status IN ('pending', 'running', 'failed')
 ORDER BY id`, id, kind)
	return ids, toFault(err)
}

// CancelLicenseCodeTasks ends the waiting tasks of a code that was released.
func (t *Tx) CancelLicenseCodeTasks(ctx context.Context, id int64, actor string) error {
	var messages []int64
	err := t.tx.SelectContext(ctx, &messages, `
WITH c AS (
    UPDATE tasks
       SET status = 'cancelled',
           finished_at = now(),
           enqueued_at = NULL
     WHERE license_code_id = $1
       AND status = 'pending'
    RETURNING id, round, attempts, message_id
), a AS (
    INSERT INTO task_attempts (task_id, round, number, at, outcome, actor)
    SELECT id, round, attempts, now(), 'cancelled', $2
      FROM c
)
SELECT DISTINCT COALESCE(message_id, 0)
  FROM c
 ORDER BY 1`, id, actor)
	if err != nil {
		return toFault(err)
	}
	for _, m := range messages {
		if err := t.SettleMessage(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
