package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
)

// failure is what goes into a group: why something failed, at which step, of
// which channel and product.
type failure struct {
	error   *fault.Record
	step    string // kind of the task, activity of the message
	ofTasks bool
	channel int64
	product string
}

// telling are the arguments of a fault that make another cause of it. The
// others name what it happened to, or are somebody's words. A change makes other
// fingerprints: a migration brings the groups that are there in line (00098 and 00116 did).
var telling = []string{"code", "status", "driver", "host", "server", "pool", "field", "supplier",
	"result_code", "why", "kind", "language", "param", "placeholder", "service", "transport"}

// productless are the steps that have the same trouble whatever was bought: one
// mail server that is down is one group, not one per product.
var productless = map[string]bool{string(outbox.Deliver): true, string(outbox.Notice): true, string(outbox.Event): true, string(outbox.Reconcile): true}

var particulars = regexp.MustCompile(`[0-9a-fA-F]{8,}(-[0-9a-fA-F]{4,})*|[0-9]+|"[^"]*"`)

// cause is the error without its particulars and the words of others, who could make
// a cause of each call: its key, the arguments that tell causes apart and, of a defect
// that has no key of its own, what it said without numbers, ids and quoted texts.
func cause(r *fault.Record) string {
	parts, args := []string{string(r.Code), r.Key}, r.Wordless().Args
	for _, name := range telling {
		if v, ok := args[name]; ok {
			parts = append(parts, name+"="+v)
		}
	}
	if r.Key == "internal" {
		parts = append(parts, particulars.ReplaceAllString(r.Detail, "#"))
	}
	return strings.Join(parts, "\x1f")
}

// addressed are e-mail addresses.
var addressed = regexp.MustCompile(`\S+@\S+`)

// sample is the error as it stays with the group, which outlives the customers of its
// members: without the words of others. Of a defect what it said is what it is known
// by, so that stays, without addresses and its particulars.
func sample(r *fault.Record) *fault.Record {
	out := r.Wordless()
	if r.Key == "internal" {
		out.Detail = particulars.ReplaceAllString(addressed.ReplaceAllString(r.Detail, "#"), "#")
	}
	return out
}

func (f failure) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{cause(f.error), f.step, strconv.FormatInt(f.channel, 10), f.product}, "\x1e")))
	return hex.EncodeToString(sum[:])
}

// failureGroup finds or makes the group of a failure and notes that it was seen.
// It waits for nobody: a group that is being written at this moment, or was a
// second ago, is left alone, and SettleFailures opens it again should that have
// been its end.
func (t *Tx) failureGroup(ctx context.Context, f failure) (id int64, err error) {
	if f.error == nil {
		f.error = fault.ToRecord(fault.New(fault.Internal, "internal"))
	}
	if productless[f.step] {
		f.product = ""
	}
	print, rec := f.fingerprint(), sample(f.error).JSON()
	if id, err = t.seeGroup(ctx, print, rec); err != nil || id != 0 {
		return id, err
	}
	err = t.tx.GetContext(ctx, &id, `
INSERT INTO failure_groups (fingerprint, channel_id, product_id, step, of_tasks, error)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (fingerprint) DO NOTHING
RETURNING id`, print, f.channel, f.product, f.step, f.ofTasks, rec)
	if fault.Is(toFault(err), fault.NotFound) { // somebody else made it just now
		return t.seeGroup(ctx, print, rec)
	}
	return id, toFault(err)
}

// seeGroup is the group with this fingerprint, 0 if there is none.
func (t *Tx) seeGroup(ctx context.Context, print string, rec []byte) (id int64, err error) {
	err = t.tx.GetContext(ctx, &id, `
WITH known AS (
    SELECT id, resolved_at IS NOT NULL OR last_seen_at < now() - interval '1 second' AS stale
      FROM failure_groups
     WHERE fingerprint = $1
), seen AS (
    UPDATE failure_groups
       SET last_seen_at = GREATEST(last_seen_at, now()),
           error = $2,
           opened_at = CASE WHEN resolved_at IS NULL THEN opened_at ELSE now() END,
           reopened = reopened + (resolved_at IS NOT NULL)::int,
           snoozed_until = CASE WHEN resolved_at IS NULL THEN snoozed_until END,
           closed_by = '',
           close_reason = '',
           overtaken = CASE WHEN resolved_at IS NULL THEN overtaken ELSE 0 END,
           resolved_at = NULL
     WHERE id = (SELECT g.id
                   FROM failure_groups g
                   JOIN known k ON k.id = g.id AND k.stale
                    FOR UPDATE OF g SKIP LOCKED)
)
SELECT id
  FROM known`, print, rec)
	if fault.Is(toFault(err), fault.NotFound) {
		return 0, nil
	}
	return id, toFault(err)
}

// taskFailure is what a task's failure is about. An authorization code or an
// order has the product where there is no instance.
func (t *Tx) taskFailure(ctx context.Context, task int64, rec *fault.Record) (failure, error) {
	f := failure{error: rec, ofTasks: true}
	err := t.tx.QueryRowxContext(ctx, `
SELECT t.kind,
       COALESCE(t.channel_id, i.channel_id, l.channel_id, c.channel_id, o.channel_id, m.channel_id, 0),
       COALESCE(NULLIF(i.product_id, ''), NULLIF(c.product_id, ''), o.product_id, '')
  FROM tasks t
  LEFT JOIN licenses l ON l.id = t.license_id
  LEFT JOIN instances i ON i.id = COALESCE(t.instance_pk, l.instance_pk)
  LEFT JOIN license_codes c ON c.id = t.license_code_id
  LEFT JOIN orders o ON o.id = t.order_pk
  LEFT JOIN messages m ON m.id = t.message_id
 WHERE t.id = $1`, task).Scan(&f.step, &f.channel, &f.product)
	return f, toFault(err)
}

// joinGroup puts a failing task into the group of its error. The task's row is
// locked by who calls.
func (t *Tx) joinGroup(ctx context.Context, task int64, rec *fault.Record) error {
	f, err := t.taskFailure(ctx, task, rec)
	if err != nil {
		return err
	}
	group, err := t.failureGroup(ctx, f)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE tasks
   SET failure_group = $2,
       overtaken_by = NULL
 WHERE id = $1
   AND failure_group IS DISTINCT FROM $2`, task, group)
	return toFault(err)
}

// groupMessage puts a message that fails by itself, not by a task of its own,
// into the group of its error.
func (t *Tx) groupMessage(ctx context.Context, id int64, rec *fault.Record) error {
	f := failure{error: rec}
	err := t.tx.QueryRowxContext(ctx, `
SELECT m.activity, m.channel_id,
       COALESCE((SELECT i.product_id FROM instances i WHERE i.instance_id = m.instance_id AND m.instance_id <> '' AND i.channel_id = m.channel_id), '')
  FROM messages m
 WHERE m.id = $1`, id).Scan(&f.step, &f.channel, &f.product)
	if err != nil {
		return toFault(err)
	}
	group, err := t.failureGroup(ctx, f)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE messages
   SET failure_group = $2,
       overtaken_by = NULL
 WHERE id = $1`, id, group)
	return toFault(err)
}

const withoutMembers = `
       NOT EXISTS (SELECT 1 FROM tasks t WHERE t.failure_group = g.id)
   AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.failure_group = g.id)`

// resolveGroup resolves a group that its last member has left. Two that leave
// at the same moment each see the other still there: SettleFailures sees to that.
func (t *Tx) resolveGroup(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE failure_groups
   SET resolved_at = now()
 WHERE id = (SELECT g.id
               FROM failure_groups g
              WHERE g.id = $1
                AND g.resolved_at IS NULL
                AND`+withoutMembers+`
                FOR UPDATE SKIP LOCKED)`, id)
	return toFault(err)
}

// CloseGroup ends what was given up in a group because nothing more will be done
// about it: its members stay failed, in no group. What is still tried stays in it;
// else the group is resolved.
func (t *Tx) CloseGroup(ctx context.Context, id int64, by, reason string) (resolved bool, err error) {
	for _, statement := range []string{`
UPDATE messages
   SET failure_group = 0
 WHERE failure_group = $1
   AND status = 'failed'`, `
UPDATE tasks
   SET failure_group = 0
 WHERE failure_group = $1
   AND status = 'failed'`} {
		if _, err := t.tx.ExecContext(ctx, statement, id); err != nil {
			return false, toFault(err)
		}
	}
	if err := t.resolveGroup(ctx, id); err != nil {
		return false, err
	}
	r, err := t.tx.ExecContext(ctx, `
UPDATE failure_groups
   SET closed_by = $2,
       close_reason = $3
 WHERE id = $1
   AND resolved_at IS NOT NULL`, id, by, reason)
	if err != nil {
		return false, toFault(err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// GroupChange is what a person changes of a group; nil leaves it as it is.
type GroupChange struct {
	Note     *string
	Snooze   *time.Time // zero: not snoozed
	Assignee *int64     // an operator; 0: nobody
}

// LockGroup locks a group. Fault: not_found "failure_group.unknown".
func (t *Tx) LockGroup(ctx context.Context, id int64) error {
	err := t.tx.GetContext(ctx, &id, `
SELECT id
  FROM failure_groups
 WHERE id = $1
   FOR UPDATE`, id)
	if fault.Is(toFault(err), fault.NotFound) {
		return fault.New(fault.NotFound, "failure_group.unknown")
	}
	return toFault(err)
}

// ChangeGroup writes what a person changes of a group.
func (t *Tx) ChangeGroup(ctx context.Context, id int64, c GroupChange) error {
	var until any
	if c.Snooze != nil {
		until = nullTime(*c.Snooze)
	}
	var assignee any
	if c.Assignee != nil {
		assignee = nullID(*c.Assignee)
	}
	_, err := t.tx.ExecContext(ctx, `
UPDATE failure_groups
   SET note = COALESCE($2, note),
       snoozed_until = CASE WHEN $3 THEN $4 ELSE snoozed_until END,
       assignee_id = CASE WHEN $5 THEN $6 ELSE assignee_id END
 WHERE id = $1`, id, c.Note, c.Snooze != nil, until, c.Assignee != nil, assignee)
	return toFault(err)
}
