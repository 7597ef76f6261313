package store

import (
	"context"
	"strconv"
	"time"

	"github.com/lib/pq"

	"koodesk/app/market"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// UsageRecord is one report of a code's use on a day: an account of the
// software, or how many are active.
type UsageRecord struct {
	ID        int64
	CodeID    int64
	Code      string
	Account   string // "" for a count
	ActiveNum int64
}

// AddLicenseUsage notes that a code is used on a day in China. An account counts
// once a day; of several counts on a day the largest one that is not reported
// yet is kept. added is false when there was nothing to add.
func (t *Tx) AddLicenseUsage(ctx context.Context, channel int64, u UsageRecord, day string) (added bool, err error) {
	var count any
	if u.Account == "" {
		count = u.ActiveNum
	}
	bidx := t.keys.Index(u.Account)
	if bidx == nil {
		bidx = []byte{}
	}
	r, err := t.tx.ExecContext(ctx, `
INSERT INTO license_usage AS u (channel_id, code_id, day, account_sealed, account_bidx, active_num)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (code_id, day, account_bidx) DO UPDATE
   SET active_num = EXCLUDED.active_num
 WHERE u.reported_at IS NULL
   AND u.task_id IS NULL
   AND u.active_num < EXCLUDED.active_num`,
		channel, u.CodeID, day, nullBytes(t.keys.SealString(seal.LicenseCode, u.Account)), bidx, count)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, toFault(err)
}

// TakeLicenseUsage gives a task what it is to report: what it took before and
// has not reported yet, else the oldest of the channel that no task has taken.
// Reported are at most codes codes with at most each records per code.
func (t *Tx) TakeLicenseUsage(ctx context.Context, channel, task int64, codes, each int) ([]UsageRecord, error) {
	mine, err := t.licenseUsageOf(ctx, task)
	if err != nil || len(mine) > 0 {
		return mine, err
	}
	_, err = t.tx.ExecContext(ctx, `
WITH due AS (
    SELECT id, code_id
      FROM license_usage
     WHERE channel_id = $1
       AND reported_at IS NULL
       AND task_id IS NULL
     ORDER BY id
     LIMIT $3::bigint * $4::bigint
       FOR UPDATE SKIP LOCKED
), ranked AS (
    SELECT id,
           row_number() OVER (PARTITION BY code_id ORDER BY id) AS nth,
           dense_rank() OVER (ORDER BY code_id) AS code
      FROM due
)
UPDATE license_usage u
   SET task_id = $2
  FROM ranked
 WHERE u.id = ranked.id
   AND ranked.nth <= $4
   AND ranked.code <= $3`, channel, task, codes, each)
	if err != nil {
		return nil, toFault(err)
	}
	return t.licenseUsageOf(ctx, task)
}

func (t *Tx) licenseUsageOf(ctx context.Context, task int64) ([]UsageRecord, error) {
	rows, err := t.tx.QueryxContext(ctx, `
SELECT u.id, u.code_id, c.code_sealed, u.account_sealed, COALESCE(u.active_num, 0)
  FROM license_usage u
  JOIN license_codes c ON c.id = u.code_id
 WHERE u.task_id = $1
   AND u.reported_at IS NULL
 ORDER BY u.code_id, u.id`, task)
	if err != nil {
		return nil, toFault(err)
	}
	defer rows.Close()
	var out []UsageRecord
	for rows.Next() {
		var u UsageRecord
		var code, account []byte
		if err := rows.Scan(&u.ID, &u.CodeID, &code, &account, &u.ActiveNum); err != nil {
			return nil, toFault(err)
		}
		r := t.Reader()
		if u.Code, err = r.open(seal.LicenseCode, code); err != nil {
			return nil, err
		}
		if u.Account, err = r.open(seal.LicenseCode, account); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, toFault(rows.Err())
}

// LicenseUsageReported marks what a task has reported, but for what was refused,
// and tells whether the channel has more to report.
func (t *Tx) LicenseUsageReported(ctx context.Context, channel, task int64, refused []int64) (more bool, err error) {
	_, err = t.tx.ExecContext(ctx, `
UPDATE license_usage
   SET reported_at = now()
 WHERE task_id = $1
   AND id <> ALL($2)
   AND reported_at IS NULL`, task, pq.Array(refused))
	if err != nil {
		return false, toFault(err)
	}
	err = t.tx.GetContext(ctx, &more, `
SELECT EXISTS (
       SELECT 1
         FROM license_usage
        WHERE channel_id = $1
          AND reported_at IS NULL
          AND task_id IS NULL)`, channel)
	return more, toFault(err)
}

// usageGrace is after how long a record that no task has taken gets one by the
// clock: its own task may have run before the record was committed.
const usageGrace = 10 * time.Minute

// ScheduleLicenseWork writes the tasks that come round by the clock: each
// channel's daily refresh of codes in use, and the report of usage that was left
// over. The keys name the day and the quarter of an hour, so that of any number
// of processes that call it one makes each task. It gives how many were made.
func (s *Store) ScheduleLicenseWork(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.Write(ctx, func(t *Tx) error {
		r, err := t.tx.ExecContext(ctx, `
INSERT INTO tasks (kind, purpose, channel_id, unique_key, run_at)
SELECT 'license_refresh', 'daily', c.id, 'license_refresh/daily/' || c.id || '/' || $1::text, now()
  FROM channels c
 WHERE EXISTS (SELECT 1 FROM license_codes l WHERE l.channel_id = c.id AND l.released_at IS NULL AND l.used_at > now() - make_interval(days => $2))
 UNION ALL
SELECT 'license_usage', 'daily', u.channel_id, 'license_usage/left/' || u.channel_id || '/' || $3::text, now()
  FROM (SELECT DISTINCT channel_id
          FROM license_usage
         WHERE reported_at IS NULL
           AND task_id IS NULL
           AND created_at < now() - make_interval(secs => $4)) u
ON CONFLICT (unique_key) DO NOTHING`,
			market.ChinaDay(now), InUseDays, strconv.FormatInt(now.Unix()/900, 10), usageGrace.Seconds())
		if err != nil {
			return toFault(err)
		}
		n, err = r.RowsAffected()
		return toFault(err)
	})
	return n, err
}

// InUseDays is for how long after its last use a code counts as in use.
const InUseDays = 30

// RefreshLicenseCodes writes the questions about a channel's codes in use that
// the marketplace has not answered since the day began, spread over an hour.
// It takes up to limit codes behind after and gives the last one, 0 at the end.
func (t *Tx) RefreshLicenseCodes(ctx context.Context, channel, after int64, since time.Time, limit int) (last int64, err error) {
	err = t.tx.GetContext(ctx, &last, `
WITH due AS (
    SELECT id
      FROM license_codes
     WHERE channel_id = $1
       AND id > $2
       AND released_at IS NULL
       AND used_at > now() - make_interval(days => $3)
       AND (checked_at IS NULL OR checked_at < $4)
     ORDER BY id
     LIMIT $5
), made AS (
    INSERT INTO tasks (kind, purpose, license_code_id, unique_key, run_at)
    SELECT $6::text, $7::text, id, $6::text || '/' || $7::text || '/' || id || '/' || $8::text, now() + make_interval(secs => id * 7 % 3600)
      FROM due
    ON CONFLICT (unique_key) DO NOTHING
)
SELECT COALESCE(max(id), 0)
  FROM due`, channel, after, InUseDays, since, limit, string(outbox.LicenseQuery), string(outbox.Daily), market.ChinaDay(t.Now))
	return last, toFault(err)
}
