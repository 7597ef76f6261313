package store

import "context"

// settles says of a task that its message's status goes by it, as
// outbox.Task.Settles has it.
const settles = `kind NOT IN ('deliver', 'notice')`

// SettleMessage brings a message's status in line with its tasks: failed if one
// was given up (with the error of one that still asks for somebody, if there is any),
// processing while one is under way (with the error of its last try, if that failed),
// else succeeded. What customers are told has its own ledger
// and does not fail the interface message. A message without tasks keeps its status.
func (t *Tx) SettleMessage(ctx context.Context, id int64) error {
	return t.SettleCall(ctx, id, false)
}

// SettleCall is SettleMessage for one whose call has run just now: if it was refused, the
// message has not succeeded because the tasks of an earlier run have.
func (t *Tx) SettleCall(ctx context.Context, id int64, refused bool) error {
	if id == 0 {
		return nil
	}
	_, err := t.tx.ExecContext(ctx, `
WITH s AS (
    SELECT count(*) AS n,
           bool_or(status = 'failed') AS failed,
           bool_or(status IN ('pending', 'running')) AS busy,
           (array_agg(last_error ORDER BY failure_group IS NOT DISTINCT FROM 0, finished_at DESC) FILTER (WHERE status = 'failed'))[1] AS why,
           (array_agg(last_error ORDER BY run_at) FILTER (WHERE status = 'pending' AND last_error IS NOT NULL))[1] AS trouble,
           (array_agg(failure_group ORDER BY failure_group IS NOT DISTINCT FROM 0, finished_at DESC) FILTER (WHERE status = 'failed'))[1] AS why_group,
           (array_agg(failure_group ORDER BY run_at) FILTER (WHERE failure_group IS NOT NULL))[1] AS trouble_group
      FROM tasks
     WHERE message_id = $1
       AND `+settles+`
)
UPDATE messages
   SET status = CASE WHEN s.failed THEN 'failed' WHEN s.busy THEN 'processing' ELSE 'succeeded' END,
       last_error = CASE WHEN s.failed THEN s.why WHEN s.busy THEN s.trouble END,
       failure_group = CASE WHEN s.failed THEN s.why_group WHEN s.busy THEN s.trouble_group END,
       updated_at = now()
  FROM s
 WHERE id = $1
   AND s.n > 0
   AND (NOT $2 OR s.failed OR s.busy)
   AND status <> 'rejected'`, id, refused)
	return toFault(err)
}

// MessageStatus is how a message stands.
func (t *Tx) MessageStatus(ctx context.Context, id int64) (status string, err error) {
	err = t.tx.GetContext(ctx, &status, `
SELECT status
  FROM messages
 WHERE id = $1`, id)
	return status, toFault(err)
}
