package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// AlertTarget is where an operator hears of alerts; those of disabled operators are
// as if they were not there. Address and Secret are there
// only where somebody is about to send or to change it.
type AlertTarget struct {
	ID         int64
	OperatorID int64
	Operator   string // the operator's own e-mail address
	Name       string // unique among the operator's
	Medium     string
	Address    string // an e-mail address, a phone number, or the URL of a robot
	Mask       string // the same for people
	Secret     string
	HasSecret  bool
	Kinds      []string // none: all
	Severity   int      // from which on
	Language   string
	QuietHours string // as market.QuietHours reads it
	Endings    bool   // hears also when something is over
	PerHour    int
	Enabled    bool
	CreatedAt  time.Time
}

type alertTargetRow struct {
	ID         int64          `db:"id"`
	OperatorID int64          `db:"operator_id"`
	Operator   string         `db:"email"`
	Name       string         `db:"name"`
	Medium     string         `db:"medium"`
	Address    []byte         `db:"address_sealed"`
	Mask       string         `db:"address_mask"`
	Secret     []byte         `db:"secret_sealed"`
	Kinds      pq.StringArray `db:"kinds"`
	Severity   int            `db:"severity"`
	Language   string         `db:"language"`
	QuietHours string         `db:"quiet_hours"`
	Endings    bool           `db:"endings"`
	PerHour    int            `db:"per_hour"`
	Enabled    bool           `db:"enabled"`
	Created    time.Time      `db:"created_at"`
}

const alertTargetColumns = `t.id, t.operator_id, o.email, t.name, t.medium, t.address_sealed, t.address_mask, t.secret_sealed, t.kinds, t.severity,
       t.language, t.quiet_hours, t.endings, t.per_hour, t.enabled, t.created_at`

func (r *Reader) alertTarget(row alertTargetRow) (AlertTarget, error) {
	t := AlertTarget{ID: row.ID, OperatorID: row.OperatorID, Operator: row.Operator, Name: row.Name, Medium: row.Medium, Mask: row.Mask,
		HasSecret: len(row.Secret) > 0, Kinds: row.Kinds, Severity: row.Severity, Language: row.Language, QuietHours: row.QuietHours,
		Endings: row.Endings, PerHour: row.PerHour, Enabled: row.Enabled, CreatedAt: row.Created.UTC()}
	var err error
	if t.Address, err = r.open(seal.AlertTarget, row.Address); err != nil {
		return t, err
	}
	t.Secret, err = r.open(seal.AlertTarget, row.Secret)
	return t, err
}

// AlertTargets lists where an operator hears of alerts, by name; of all operators
// if operator is 0.
func (r *Reader) AlertTargets(ctx context.Context, operator int64) ([]AlertTarget, error) {
	var rows []alertTargetRow
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT `+alertTargetColumns+`
  FROM alert_targets t
  JOIN operators o
    ON o.id = t.operator_id
 WHERE t.removed_at IS NULL
   AND o.disabled_at IS NULL
   AND ($1 = 0 OR t.operator_id = $1)
 ORDER BY lower(o.email), t.name`, operator)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]AlertTarget, 0, len(rows))
	for _, row := range rows {
		t, err := r.alertTarget(row)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// AlertTarget finds a target. Fault: not_found "alert_target.unknown".
func (r *Reader) AlertTarget(ctx context.Context, id int64) (AlertTarget, error) {
	return r.alertTargetBy(ctx, id, "")
}

// LockAlertTarget finds a target and locks it. Fault: not_found
// "alert_target.unknown".
func (t *Tx) LockAlertTarget(ctx context.Context, id int64) (AlertTarget, error) {
	return t.Reader().alertTargetBy(ctx, id, `
   FOR NO KEY UPDATE OF t`)
}

func (r *Reader) alertTargetBy(ctx context.Context, id int64, lock string) (AlertTarget, error) {
	var row alertTargetRow
	err := toFault(sqlx.GetContext(ctx, r.q, &row, `
SELECT `+alertTargetColumns+`
  FROM alert_targets t
  JOIN operators o
    ON o.id = t.operator_id
 WHERE t.id = $1
   AND t.removed_at IS NULL
   AND o.disabled_at IS NULL`+lock, id))
	if fault.Is(err, fault.NotFound) {
		return AlertTarget{}, fault.New(fault.NotFound, "alert_target.unknown")
	}
	if err != nil {
		return AlertTarget{}, err
	}
	return r.alertTarget(row)
}

// AddAlertTarget writes a target. Fault: conflict "alert_target.name_taken".
func (t *Tx) AddAlertTarget(ctx context.Context, a AlertTarget) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO alert_targets (operator_id, name, medium, address_sealed, address_mask, secret_sealed, kinds, severity, language, quiet_hours,
                           endings, per_hour, enabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
RETURNING id`, a.OperatorID, a.Name, a.Medium, t.keys.SealString(seal.AlertTarget, a.Address), a.Mask,
		nullBytes(t.keys.SealString(seal.AlertTarget, a.Secret)), pq.Array(kindsOf(a)), a.Severity, a.Language, a.QuietHours, a.Endings, a.PerHour, a.Enabled)
	return id, targetFault(err, a.Name)
}

// ChangeAlertTarget writes a target that the caller has locked. What waits for one
// that is switched off is dropped. Fault: conflict "alert_target.name_taken".
func (t *Tx) ChangeAlertTarget(ctx context.Context, a AlertTarget) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_targets
   SET name = $2,
       address_sealed = $3,
       address_mask = $4,
       secret_sealed = $5,
       kinds = $6,
       severity = $7,
       language = $8,
       quiet_hours = $9,
       endings = $10,
       per_hour = $11,
       enabled = $12
 WHERE id = $1`, a.ID, a.Name, t.keys.SealString(seal.AlertTarget, a.Address), a.Mask, nullBytes(t.keys.SealString(seal.AlertTarget, a.Secret)),
		pq.Array(kindsOf(a)), a.Severity, a.Language, a.QuietHours, a.Endings, a.PerHour, a.Enabled)
	if err != nil || a.Enabled {
		return targetFault(err, a.Name)
	}
	return t.dropSayings(ctx, a.ID)
}

// RemoveAlertTarget empties a target that the caller has locked: what was said to
// it stays, where that went does not.
func (t *Tx) RemoveAlertTarget(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_targets
   SET removed_at = now(),
       enabled = FALSE,
       address_sealed = NULL,
       secret_sealed = NULL
 WHERE id = $1`, id)
	if err != nil {
		return toFault(err)
	}
	return t.dropSayings(ctx, id)
}

func (t *Tx) dropSayings(ctx context.Context, target int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_sayings
   SET state = 'moot'
 WHERE target_id = $1
   AND state = 'waiting'`, target)
	return toFault(err)
}

func (t *Tx) dropSayingsOf(ctx context.Context, operator int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_sayings
   SET state = 'moot'
 WHERE target_id IN (SELECT id FROM alert_targets WHERE operator_id = $1)
   AND state = 'waiting'`, operator)
	return toFault(err)
}

func kindsOf(a AlertTarget) []string {
	if a.Kinds == nil {
		return []string{}
	}
	return a.Kinds
}

func targetFault(err error, name string) error {
	if unique(err, "alert_targets_name") {
		return fault.New(fault.Conflict, "alert_target.name_taken", "name", name)
	}
	return toFault(err)
}
