package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// Claim says who is at an instance that waits for a person; By "" is nobody.
type Claim struct {
	By string    `db:"claimed_by"` // as the audit trail names people
	At time.Time `db:"claimed_at"` // UTC
}

// ClaimOf reads the claim on an instance, which the caller has locked.
func (t *Tx) ClaimOf(ctx context.Context, instancePK int64) (Claim, error) {
	var c Claim
	err := t.tx.GetContext(ctx, &c, `
SELECT claimed_by, claimed_at
  FROM provision_claims
 WHERE instance_pk = $1`, instancePK)
	if fault.Is(toFault(err), fault.NotFound) {
		return Claim{}, nil
	}
	c.At = c.At.UTC()
	return c, toFault(err)
}

// SetClaim writes who is at an instance, whoever was before.
func (t *Tx) SetClaim(ctx context.Context, instancePK int64, by string) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO provision_claims (instance_pk, claimed_by)
VALUES ($1, $2)
ON CONFLICT (instance_pk) DO UPDATE
   SET claimed_by = EXCLUDED.claimed_by,
       claimed_at = now()`, instancePK, by)
	return toFault(err)
}

// DropClaim ends whatever claim an instance has; claimed tells whether it had one.
func (t *Tx) DropClaim(ctx context.Context, instancePK int64) (claimed bool, err error) {
	r, err := t.tx.ExecContext(ctx, `
DELETE FROM provision_claims
 WHERE instance_pk = $1`, instancePK)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, toFault(err)
}

// Whom access data is waited for from.
const (
	ForPerson = "person"
	ForSystem = "system" // the seller's own, which answered that it would hand it in
)

// WaitsFor lists them.
func WaitsFor() []string { return []string{ForPerson, ForSystem} }

// parked says of tasks t that they wait for access data, from whomever;
// parkedFor from whom.
const parked = `t.status = 'pending'
   AND t.kind = 'provision'
   AND t.parked_at IS NOT NULL
   AND EXISTS (SELECT 1 FROM instances i WHERE i.id = t.instance_pk AND i.released_at IS NULL`

// A person is waited for without an end; a system has promised.
var parkedFor = map[string]string{"": parked + ")", ForPerson: parked + ") AND t.run_at >= " + untilPerson, ForSystem: parked + ") AND t.run_at < " + untilPerson}

// HandedIn tells whether what a running task is going to wait for has been handed
// in since its try began.
func (t *Tx) HandedIn(ctx context.Context, task int64) (yes bool, err error) {
	err = t.tx.GetContext(ctx, &yes, `
SELECT handed_in IS NOT NULL
  FROM tasks
 WHERE id = $1`, task)
	return yes, toFault(err)
}

// WaitsForAccess tells whether somebody may hand in what an instance waits for.
func (t *Tx) WaitsForAccess(ctx context.Context, instancePK int64) (waits bool, err error) {
	err = t.tx.GetContext(ctx, &waits, `
SELECT EXISTS (
       SELECT 1
         FROM tasks t
        WHERE t.instance_pk = $1
          AND `+parkedFor[""]+`)`, instancePK)
	return waits, toFault(err)
}

// Work is what an instance waits for.
type Work struct {
	For   string    // ForPerson, ForSystem; "" when it waits for nothing
	Since time.Time // UTC
	Due   time.Time // until when the marketplace goes on calling; zero: nothing is published
	Claim Claim
}

// WorkRow is an instance that waits for access data.
type WorkRow struct {
	InstanceRow
	Work
	TaskID  int64
	Purpose outbox.Purpose
}

type workRow struct {
	ID         int64     `db:"id"`
	InstancePK int64     `db:"instance_pk"`
	Purpose    string    `db:"purpose"`
	Since      time.Time `db:"since"`
	RunAt      time.Time `db:"run_at"`
	Due        time.Time `db:"due"`
}

// dueAt is a moment of workDue; what has none sorts last.
func dueAt(t time.Time) time.Time {
	if t.Year() > parkedYear {
		return time.Time{}
	}
	return t.UTC()
}

// waitsFor tells from whom, by the time at which a parked task goes on by itself.
func waitsFor(runAt time.Time) string {
	if runAt.Year() < parkedYear {
		return ForSystem
	}
	return ForPerson
}

// noDeadline sorts what has no published deadline behind everything else.
const noDeadline = `timestamptz '9999-12-31 00:00:00+00'`

// A message that was answered with 000000 is done for the marketplace: nothing
// is called again, and nothing runs out.
const workDue = `COALESCE((SELECT m.retry_until
                   FROM messages m
                  WHERE m.id = t.message_id
                    AND m.result_code <> '000000'), ` + noDeadline + `)`

var workList = source{
	list:    list{letter: 'w', at: workDue, id: "t.id", asc: true},
	columns: `t.id, t.instance_pk, t.purpose, t.parked_at AS since, t.run_at, ` + workDue + ` AS due`,
	table:   "tasks",
	alias:   "t",
}

// WorkList reads a page of what waits for access data (from: WaitsFor, "" is
// both), the first due first. Fault: invalid "cursor.invalid".
func (r *Reader) WorkList(ctx context.Context, from string, p Paging) (Page[WorkRow], error) {
	c := &clause{}
	c.and(parkedFor[from])
	key := func(w *workRow) position { return position{at: w.Due, id: w.ID} }
	show := func(w *workRow) (WorkRow, error) {
		return WorkRow{InstanceRow: InstanceRow{PK: w.InstancePK}, TaskID: w.ID, Purpose: outbox.Purpose(w.Purpose),
			Work: Work{For: waitsFor(w.RunAt), Since: w.Since.UTC(), Due: dueAt(w.Due)}}, nil
	}
	found, err := page(ctx, r, workList, c, p, key, show)
	if err != nil || len(found.Items) == 0 {
		return found, err
	}
	return found, r.fillWork(ctx, found.Items)
}

// WorkCounts counts what waits for access data by from whom.
func (r *Reader) WorkCounts(ctx context.Context) (Counts, error) {
	var n [2]int
	err := r.q.QueryRowxContext(ctx, `
SELECT `+countParked(ForPerson)+`,
       `+countParked(ForSystem)).Scan(&n[0], &n[1])
	return Counts{ForPerson: countOf(n[0]), ForSystem: countOf(n[1])}, toFault(err)
}

// countParked counts what waits, as a column.
func countParked(from string) string {
	return `(SELECT count(*) FROM (SELECT 1 FROM tasks t WHERE ` + parkedFor[from] + ` LIMIT 1001) AS b)`
}

// fillWork adds the instances and who is at them.
func (r *Reader) fillWork(ctx context.Context, work []WorkRow) error {
	pks := make([]int64, 0, len(work))
	for _, w := range work {
		pks = append(pks, w.PK)
	}
	var rows []instanceRow
	if err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+instanceList.columns+`
  FROM instances i
 WHERE i.id = ANY($1)`, pq.Array(pks)); err != nil {
		return toFault(err)
	}
	var claims []struct {
		PK int64 `db:"instance_pk"`
		Claim
	}
	if err := sqlx.SelectContext(ctx, r.q, &claims, `
SELECT instance_pk, claimed_by, claimed_at
  FROM provision_claims
 WHERE instance_pk = ANY($1)`, pq.Array(pks)); err != nil {
		return toFault(err)
	}
	for n := range work {
		for i := range rows {
			if rows[i].ID != work[n].PK {
				continue
			}
			shown, err := r.showInstance(&rows[i])
			if err != nil {
				return err
			}
			work[n].InstanceRow = shown
		}
		for _, c := range claims {
			if c.PK == work[n].PK {
				work[n].Claim = Claim{By: c.By, At: c.At.UTC()}
			}
		}
	}
	return nil
}
