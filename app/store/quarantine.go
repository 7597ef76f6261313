package store

import (
	"context"
	"strconv"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// Statuses of a quarantined content.
const (
	QuarantineOpen     = "open"
	QuarantineAccepted = "accepted" // applied, and the message's content since
	QuarantineRefused  = "refused"  // comes to nothing, also when it comes again
)

// quarantine keeps a content that came under a message's key and is not the
// message's: once, however often it comes, and under the hash by which it is known. A
// person's decision stays.
func (t *Tx) quarantine(ctx context.Context, message, attempt int64, a Arrival) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO quarantine (message_id, content_hash, attempt_id, first_at, last_at)
SELECT $1, COALESCE((
       SELECT known.content_hash
         FROM unnest($2::bytea[]) WITH ORDINALITY h (hash, place)
         JOIN quarantine known
           ON known.message_id = $1
          AND known.content_hash = h.hash
        ORDER BY h.place
        LIMIT 1), ($2::bytea[])[1]), $3, $4, $4
ON CONFLICT (message_id, content_hash) DO UPDATE
   SET arrivals = quarantine.arrivals + 1,
       last_at = GREATEST(quarantine.last_at, EXCLUDED.last_at)`, message, pq.Array(a.Call.Hashes()), attempt, a.ReceivedAt)
	return toFault(err)
}

// Quarantined is a content that waits for a person, locked.
type Quarantined struct {
	ID      int64
	Attempt int64
	LastAt  time.Time // when it came last
	Request []byte    // of its first arrival
}

// LockQuarantined locks a content of a message that nobody has decided about.
// Faults: not_found "quarantine.unknown"; conflict "quarantine.decided".
func (t *Tx) LockQuarantined(ctx context.Context, message, id int64) (Quarantined, error) {
	q := Quarantined{ID: id}
	var status, by string
	var sealed []byte
	err := t.tx.QueryRowxContext(ctx, `
SELECT q.status, q.decided_by, q.last_at, COALESCE(a.id, 0), a.request_sealed
  FROM quarantine q
  LEFT JOIN attempts a
         ON a.id = q.attempt_id
 WHERE q.id = $1
   AND q.message_id = $2
   FOR NO KEY UPDATE OF q`, id, message).Scan(&status, &by, &q.LastAt, &q.Attempt, &sealed)
	switch {
	case fault.Is(toFault(err), fault.NotFound):
		return q, fault.New(fault.NotFound, "quarantine.unknown")
	case err != nil:
		return q, toFault(err)
	case status != QuarantineOpen:
		return q, fault.New(fault.Conflict, "quarantine.decided", "by", by)
	}
	if q.Request, err = t.keys.Open(seal.Payload, sealed); err != nil {
		return q, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	return q, nil
}

// DecideQuarantined writes what a person decided.
func (t *Tx) DecideQuarantined(ctx context.Context, id int64, status, by, reason string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE quarantine
   SET status = $2,
       decided_at = now(),
       decided_by = $3,
       reason = $4
 WHERE id = $1`, id, status, by, reason)
	return toFault(err)
}

// RefuseOwnContent refuses, from now on, what is a message's own content, since
// another takes its place.
func (t *Tx) RefuseOwnContent(ctx context.Context, message int64, by string) error {
	_, err := t.tx.ExecContext(ctx, `
INSERT INTO quarantine (message_id, content_hash, arrivals, first_at, last_at, status, decided_at, decided_by)
SELECT id, content_hash, 0, first_received_at, first_received_at, 'refused', now(), $2
  FROM messages
 WHERE id = $1
   AND content_hash IS NOT NULL
ON CONFLICT (message_id, content_hash) DO UPDATE
   SET status = 'refused',
       decided_at = EXCLUDED.decided_at,
       decided_by = EXCLUDED.decided_by,
       reason = ''`, message, by)
	return toFault(err)
}

// ownRequest is the call whose content is a message's (m) own: what a person
// accepted last, else the first that was applied, else the last that was not.
const ownRequest = `(SELECT o.request_sealed
          FROM attempts o
         CROSS JOIN LATERAL (
               SELECT CASE WHEN o.disposition = 'accepted' THEN 0
                           WHEN o.result_code IN ('000000', '000004') THEN 1
                           ELSE 2 END AS rank) r
         WHERE o.message_id = m.id
           AND o.request_sealed IS NOT NULL
           AND o.disposition <> 'conflict'
         ORDER BY r.rank, CASE WHEN r.rank = 1 THEN o.id ELSE -o.id END
         LIMIT 1)`

// Once makes a task's unique key this arrival's: an accepted content has
// follow-up work of its own beside that of the message's first one.
func (m OpenMessage) Once(key string) string {
	if m.Accepted == 0 {
		return key
	}
	return key + "/accepted/" + strconv.FormatInt(m.Accepted, 10)
}
