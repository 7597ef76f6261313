package store

import (
	"context"
	"time"

	"koodesk/app/fault"
	"koodesk/app/outbox"
	"koodesk/app/seal"
)

// AlertMessage is a message that is about to be sent.
type AlertMessage struct {
	ID       int64
	TargetID int64
	Status   outbox.Status
	Title    string
	Content  []byte
	Ref      string
	// CreatedAt is when it was decided.
	CreatedAt time.Time
}

// LockAlertMessageOfTask locks the message that a task sends. Fault: not_found
// "alert.message_unknown".
func (t *Tx) LockAlertMessageOfTask(ctx context.Context, task int64) (*AlertMessage, error) {
	var m AlertMessage
	var content []byte
	err := t.tx.QueryRowxContext(ctx, `
SELECT id, target_id, status, title, content_sealed, message_ref, created_at
  FROM alert_messages
 WHERE task_id = $1
   FOR NO KEY UPDATE`, task).Scan(&m.ID, &m.TargetID, &m.Status, &m.Title, &content, &m.Ref, &m.CreatedAt)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "alert.message_unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	if m.Content, err = t.keys.Open(seal.Content, content); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	return &m, nil
}

// AlertByRef finds by its webhook-id, or the name in its Message-ID, what a message to
// an operator tells of: the first of its alerts, 0 for a test, and where it went.
// Fault: not_found "alert.message_unknown".
func (r *Reader) AlertByRef(ctx context.Context, ref string) (alert, target int64, err error) {
	if !storable(ref) {
		return 0, 0, fault.New(fault.NotFound, "alert.message_unknown")
	}
	err = toFault(r.q.QueryRowxContext(ctx, `
SELECT COALESCE((SELECT min(c.alert_id)
                   FROM alert_sayings s
                   JOIN alert_changes c ON c.id = s.change_id
                  WHERE s.message_id = m.id), 0),
       m.target_id
  FROM alert_messages m
 WHERE m.message_ref = $1
 LIMIT 1`, ref).Scan(&alert, &target))
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "alert.message_unknown")
	}
	return alert, target, err
}

// BeginAlertTry counts a try of a message.
func (t *Tx) BeginAlertTry(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_messages
   SET attempts = attempts + 1
 WHERE id = $1`, id)
	return toFault(err)
}

// LeaveAlert notes that a message leaves now, by a claimed task. Fault: conflict
// "task.lease_lost".
func (t *Tx) LeaveAlert(ctx context.Context, id int64, task outbox.Task) error {
	err := t.tx.GetContext(ctx, &id, `
UPDATE alert_messages
   SET status = 'running'
 WHERE id = $4
   AND `+claimHolds+`
RETURNING id`, task.ID, task.Round, task.Attempt, id)
	return lostLease(err)
}

// AlertTaken notes that a message was taken, by what and with which words.
func (t *Tx) AlertTaken(ctx context.Context, id int64, transport, words string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_messages
   SET status = 'succeeded',
       transport = $2,
       provider_ref = $3,
       last_error = NULL,
       sent_at = now()
 WHERE id = $1`, id, transport, words)
	return toFault(err)
}

// SettleAlert writes that a message waits for its next try, was given up, or is
// not wanted any more.
func (t *Tx) SettleAlert(ctx context.Context, id int64, status outbox.Status, cause error) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE alert_messages
   SET status = $2,
       last_error = $3
 WHERE id = $1
   AND status <> 'succeeded'`, id, string(status), nullBytes(fault.ToRecord(cause).JSON()))
	return toFault(err)
}
