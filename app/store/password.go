package store

import (
	"context"
	"time"

	"github.com/lib/pq"
)

// PasswordGiven notes that the customer of an instance has got its present
// password, unless that is known already. It is wiped as many days later as the
// instance's product says.
func (t *Tx) PasswordGiven(ctx context.Context, i *Instance) error {
	s, err := t.Reader().SettingsOf(ctx, i)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE instances
   SET password_given_at = now(),
       wipe_password_at = CASE WHEN $2 > 0 THEN now() + $2 * interval '1 day' END
 WHERE id = $1
   AND password_given_at IS NULL
   AND password_sealed IS NOT NULL`, i.PK, s.WipePasswordDays)
	return toFault(err)
}

// DueWipes locks up to limit instances whose password may have to be wiped.
// Those that somebody else is at are passed over.
func (t *Tx) DueWipes(ctx context.Context, limit int) (pks []int64, err error) {
	err = t.tx.SelectContext(ctx, &pks, `
SELECT id
  FROM instances
 WHERE wipe_password_at <= now()
 ORDER BY wipe_password_at, id
 LIMIT $1
   FOR NO KEY UPDATE SKIP LOCKED`, limit)
	return pks, toFault(err)
}

// WipePasswordAt says when the clock looks at an instance's password again; zero:
// not at all.
func (t *Tx) WipePasswordAt(ctx context.Context, pk int64, at time.Time) error {
	_, err := t.PutOffWipe(ctx, pk, at)
	return err
}

// PutOffWipe is WipePasswordAt for an instance that could not be opened; it gives
// its name.
func (t *Tx) PutOffWipe(ctx context.Context, pk int64, at time.Time) (instanceID string, err error) {
	err = t.tx.GetContext(ctx, &instanceID, `
UPDATE instances
   SET wipe_password_at = $2
 WHERE id = $1
RETURNING instance_id`, pk, nullTime(at))
	return instanceID, toFault(err)
}

// PasswordNotGiven takes back that the customer of an instance has got its
// password: what had it came back.
func (t *Tx) PasswordNotGiven(ctx context.Context, pk int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE instances
   SET password_given_at = NULL,
       wipe_password_at = NULL
 WHERE id = $1`, pk)
	return toFault(err)
}

// WipePassword takes the password out of an instance, and out of the account of a
// pool that it has, unless that account may be given to somebody else later.
func (t *Tx) WipePassword(ctx context.Context, pk int64, keepAccount bool) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE instances
   SET password_sealed = NULL,
       password_wiped_at = now(),
       wipe_password_at = NULL,
       updated_at = now()
 WHERE id = $1`, pk)
	if err != nil || keepAccount {
		return toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE pool_accounts
   SET password_sealed = NULL
 WHERE instance_pk = $1`, pk)
	return toFault(err)
}

// DeliveriesOfKind loads an instance's deliveries of a kind, whole, oldest first.
func (r *Reader) DeliveriesOfKind(ctx context.Context, instancePK int64, kind string) ([]*Delivery, error) {
	rows, err := r.q.QueryxContext(ctx, `
SELECT `+deliveryColumns+`
  FROM deliveries
 WHERE instance_pk = $1
   AND kind = $2
 ORDER BY id`, instancePK, kind)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	var out []*Delivery
	for rows.Next() {
		d, err := r.scanDelivery(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, toFault(rows.Err())
}

// RevealedSince tells whether the buyer's access page has shown an instance's
// access data since a moment.
func (r *Reader) RevealedSince(ctx context.Context, pk int64, since time.Time) (yes bool, err error) {
	err = r.q.QueryRowxContext(ctx, `
SELECT EXISTS (
       SELECT 1
         FROM access_links
        WHERE instance_pk = $1
          AND last_reveal_at >= $2)`, pk, since).Scan(&yes)
	return yes, toFault(err)
}

// DropContent forgets the texts of deliveries, so that they are written anew
// before they go out again.
func (t *Tx) DropContent(ctx context.Context, ids ...int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE deliveries
   SET content_sealed = NULL
 WHERE id = ANY($1)`, pq.Array(ids))
	return toFault(err)
}
