package store

import (
	"context"
	"database/sql"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// Statuses of a prepared account.
const (
	AccountFree    = "free"
	AccountUsed    = "used"
	AccountRetired = "retired" // never handed out (again)
)

// AccountStatuses lists them.
func AccountStatuses() []string { return []string{AccountFree, AccountUsed, AccountRetired} }

// accountKey is what makes two accounts the same.
func accountKey(a market.AppInfo) string { return a.FrontEndURL + "\x00" + a.UserName }

// EnsurePool makes a pool unless it is there.
func (t *Tx) EnsurePool(ctx context.Context, name string) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO pools (name)
VALUES ($1)
ON CONFLICT (name) DO NOTHING`, name)
	return toFault(err)
}

// LockPool makes a pool unless it is there and locks it against other imports.
// Handing accounts out goes on.
func (t *Tx) LockPool(ctx context.Context, name string) error {
	if err := t.EnsurePool(ctx, name); err != nil {
		return err
	}
	var got string
	return toFault(t.tx.GetContext(ctx, &got, `
SELECT name
  FROM pools
 WHERE name = $1
   FOR NO KEY UPDATE`, name))
}

// KnownAccounts tells which of the accounts, by their index, the pool has
// already, free or used.
func (t *Tx) KnownAccounts(ctx context.Context, pool string, accounts []market.AppInfo) ([]int, error) {
	var at []int64
	var keys [][]byte
	for i, a := range accounts {
		for _, k := range t.keys.Indexes(accountKey(a)) {
			at, keys = append(at, int64(i)), append(keys, k)
		}
	}
	var known []int
	err := t.tx.SelectContext(ctx, &known, `
SELECT DISTINCT given.at
  FROM unnest($2::bigint[], $3::bytea[]) AS given (at, bidx)
  JOIN pool_accounts a
    ON a.pool = $1
   AND a.account_bidx = given.bidx
   AND a.status <> 'retired'
 ORDER BY given.at`, pool, pq.Array(at), pq.ByteaArray(keys))
	return known, toFault(err)
}

// AddAccounts puts accounts into a pool, in their order, and gives the number of
// the batch. Fault: conflict "database.conflict" when the pool has one already.
func (t *Tx) AddAccounts(ctx context.Context, pool string, accounts []market.AppInfo, actor string) (batch int64, err error) {
	if err := t.tx.GetContext(ctx, &batch, `SELECT nextval('pool_batches')`); err != nil {
		return 0, toFault(err)
	}
	n := len(accounts)
	keys, passwords := make([][]byte, n), make([][]byte, n)
	fronts, admins, users, memos, fits := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]bool, n)
	for i, a := range accounts {
		keys[i], passwords[i] = t.keys.Index(accountKey(a)), t.keys.SealString(seal.Access, a.Password)
		fronts[i], admins[i], users[i], memos[i] = a.FrontEndURL, a.AdminURL, a.UserName, a.Memo
		fits[i] = a.CheckFor(market.V1) == nil
	}
	_, err = t.tx.ExecContext(ctx, `
INSERT INTO pool_accounts (pool, batch, added_by, account_bidx, front_end_url, admin_url, user_name, password_sealed, memo, fits_v1)
SELECT $1, $2, $3, bidx, front_end_url, admin_url, user_name, NULLIF(password, ''), memo, fits
  FROM unnest($4::bytea[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::boolean[]) WITH ORDINALITY
       AS given (bidx, front_end_url, admin_url, user_name, password, memo, fits, at)
 ORDER BY at`, pool, batch, actor, pq.ByteaArray(keys), pq.Array(fronts), pq.Array(admins), pq.Array(users),
		pq.ByteaArray(passwords), pq.Array(memos), pq.Array(fits))
	return batch, toFault(err)
}

// TakeAccount hands an account of the pool to an instance, which the caller has
// locked: the one that it has, from whatever pool, or else the oldest free one
// that fits its protocol. Accounts that another transaction is handing out are
// passed over. Fault: not_found "pool.no_account".
func (t *Tx) TakeAccount(ctx context.Context, pool string, i *Instance) (market.AppInfo, error) {
	a, err := t.scanAccount(ctx, `
SELECT front_end_url, admin_url, user_name, password_sealed, memo
  FROM pool_accounts
 WHERE instance_pk = $1
   AND status = 'used'`, i.PK)
	if !fault.Is(err, fault.NotFound) {
		return a, err
	}
	a, err = t.scanAccount(ctx, `
UPDATE pool_accounts
   SET status = 'used',
       instance_pk = $2,
       taken_at = now()
 WHERE id = (
       SELECT id
         FROM pool_accounts
        WHERE pool = $1
          AND status = 'free'
          AND (fits_v1 OR NOT $3)
        ORDER BY id
        LIMIT 1
          FOR NO KEY UPDATE SKIP LOCKED)
RETURNING front_end_url, admin_url, user_name, password_sealed, memo`, pool, i.PK, i.Protocol == market.V1)
	if fault.Is(err, fault.NotFound) {
		return a, fault.New(fault.NotFound, "pool.no_account")
	}
	return a, err
}

func (t *Tx) scanAccount(ctx context.Context, query string, args ...any) (market.AppInfo, error) {
	var a market.AppInfo
	var password []byte
	err := t.tx.QueryRowxContext(ctx, query, args...).Scan(&a.FrontEndURL, &a.AdminURL, &a.UserName, &password, &a.Memo)
	if err != nil {
		return a, toFault(err)
	}
	a.Password, err = t.Reader().open(seal.Access, password)
	return a, err
}

// holdsAccount says of an instance that it has an account of a pool.
func holdsAccount(instancePK string) string {
	return `EXISTS (SELECT 1 FROM pool_accounts a WHERE a.instance_pk = ` + instancePK + ` AND a.status = 'used')`
}

// HoldsAccount tells whether an instance has an account of a pool.
func (r *Reader) HoldsAccount(ctx context.Context, instancePK int64) (holds bool, err error) {
	err = r.q.QueryRowxContext(ctx, `SELECT `+holdsAccount("$1"), instancePK).Scan(&holds)
	return holds, toFault(err)
}

// LetAccountGo takes the account of an instance back: it becomes free again, or
// is retired. One whose password was wiped while the instance had it is always
// retired: the next buyer would get none. pool is "" when the instance has none.
func (t *Tx) LetAccountGo(ctx context.Context, instancePK int64, retire bool) (pool string, err error) {
	err = t.tx.GetContext(ctx, &pool, `
WITH mine AS (
    SELECT a.id, $2 OR a.password_sealed IS NULL
           AND (i.password_wiped_at IS NOT NULL
                OR EXISTS (
                   SELECT 1
                     FROM instance_events e
                    WHERE e.instance_pk = i.id
                      AND e.kind = 'password'
                      AND e.new_value = 'wiped'
                      AND e.at >= a.taken_at)) AS retire
      FROM pool_accounts a
      JOIN instances i ON i.id = a.instance_pk
     WHERE a.instance_pk = $1
       AND a.status = 'used'
)
UPDATE pool_accounts a
   SET status = CASE WHEN mine.retire THEN 'retired' ELSE 'free' END,
       instance_pk = CASE WHEN mine.retire THEN a.instance_pk END,
       taken_at = CASE WHEN mine.retire THEN a.taken_at END,
       retired_at = CASE WHEN mine.retire THEN now() END
  FROM mine
 WHERE a.id = mine.id
   AND a.status = 'used'
RETURNING a.pool`, instancePK, retire)
	if fault.Is(toFault(err), fault.NotFound) {
		return "", nil
	}
	return pool, toFault(err)
}

// lockAccount locks an account of a pool. Fault: not_found "pool.account_unknown".
func (t *Tx) lockAccount(ctx context.Context, pool string, id int64) (status string, err error) {
	if !storable(pool) {
		return "", fault.New(fault.NotFound, "pool.account_unknown")
	}
	err = t.tx.GetContext(ctx, &status, `
SELECT status
  FROM pool_accounts
 WHERE id = $1
   AND pool = $2
   FOR NO KEY UPDATE`, id, pool)
	if fault.Is(toFault(err), fault.NotFound) {
		return "", fault.New(fault.NotFound, "pool.account_unknown")
	}
	return status, toFault(err)
}

// RetireAccount takes a free account out of its pool for good. Faults: not_found
// "pool.account_unknown"; conflict "pool.account_not_free".
func (t *Tx) RetireAccount(ctx context.Context, pool string, id int64) error {
	status, err := t.lockAccount(ctx, pool, id)
	if err != nil {
		return err
	}
	if status != AccountFree {
		return fault.New(fault.Conflict, "pool.account_not_free")
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE pool_accounts
   SET status = 'retired',
       retired_at = now()
 WHERE id = $1`, id)
	return toFault(err)
}

// NoteAccount writes people's remark on an account; the customer never sees it.
// Fault: not_found "pool.account_unknown".
func (t *Tx) NoteAccount(ctx context.Context, pool string, id int64, note string) error {
	if _, err := t.lockAccount(ctx, pool, id); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE pool_accounts
   SET note = $2
 WHERE id = $1`, id, note)
	return toFault(err)
}

// SetLowWater says from how many free accounts on a pool counts as low. Fault:
// not_found "pool.unknown".
func (t *Tx) SetLowWater(ctx context.Context, pool string, n int) error {
	r, err := t.tx.ExecContext(ctx, `
UPDATE pools
   SET low_water = $2
 WHERE name = $1`, pool, n)
	if err != nil {
		return toFault(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fault.New(fault.NotFound, "pool.unknown")
	}
	return nil
}

// TurnPool notes that a pool has become low, or has stopped to be; turned is
// false when that is known already.
func (t *Tx) TurnPool(ctx context.Context, pool string, low bool) (turned bool, err error) {
	var since sql.NullTime
	err = t.tx.GetContext(ctx, &since, `
UPDATE pools
   SET low_since = CASE WHEN $2 THEN now() END
 WHERE name = $1
   AND (low_since IS NOT NULL) <> $2
RETURNING low_since`, pool, low)
	if fault.Is(toFault(err), fault.NotFound) {
		return false, nil
	}
	return err == nil, toFault(err)
}

// WakePool begins the provisioning anew that found nothing in the pool, the oldest
// first and no more than it has free accounts, and gives how many that are. A
// SaaS V1.0 purchase that was refused is woken only as long as the marketplace
// goes on calling for it: afterwards its order is over. One that was answered with
// success before the pool was found empty is sold: nobody calls for it again.
// V1.0 goes on with accounts that fit it alone.
func (t *Tx) WakePool(ctx context.Context, pool, actor string) (int, error) {
	var ids []int64
	err := t.tx.SelectContext(ctx, &ids, `
WITH free AS (
    SELECT count(*) AS n, count(*) FILTER (WHERE fits_v1) AS fitting
      FROM pool_accounts
     WHERE pool = $1
       AND status = 'free'
), waiting AS (
    SELECT t.id, i.protocol, row_number() OVER (PARTITION BY i.protocol ORDER BY t.id) AS nth
      FROM tasks t
      JOIN instances i
        ON i.id = t.instance_pk
      LEFT JOIN messages m
        ON m.id = t.message_id
     WHERE `+waitsForPool+`
       AND t.last_error #>> '{args,pool}' = $1
)
SELECT id
  FROM waiting
 WHERE protocol <> 'v1'
    OR nth <= (SELECT fitting FROM free)
 ORDER BY id
 LIMIT (SELECT n FROM free)`, pool)
	if err != nil || len(ids) == 0 {
		return 0, toFault(err)
	}
	r, err := t.RestartTasks(ctx, ids, actor)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		message, err := t.messageOfTask(ctx, id)
		if err != nil {
			return 0, err
		}
		if err := t.SettleMessage(ctx, message); err != nil {
			return 0, err
		}
	}
	return r.Touched(), nil
}

// waitsForPool says of tasks t, their instances i and messages m that they wait
// for a pool to be filled.
const waitsForPool = `t.status = 'failed'
   AND t.kind = 'provision'
   AND t.last_error ->> 'key' IN ('pool.empty', 'pool.none_fits')
   AND i.released_at IS NULL
   AND (i.protocol <> 'v1' OR m.result_code = '000000' OR m.retry_until > now())`
