package store

import (
	"cmp"
	"context"
	"database/sql"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
	"koodesk/app/staff"
)

// Dispositions: what an attempt did.
const (
	New      = "new"      // the first arrival, applied
	Repeat   = "repeat"   // known, nothing done again
	Applied  = "applied"  // known, but had something to do this time
	Conflict = "conflict" // same key, different content: not applied
	Invalid  = "invalid"  // authentic, but not understood
	Rejected = "rejected" // not authentic
	Restart  = "restart"  // an operator's or the API's doing
	Accepted = "accepted" // a person had a different content applied
)

// Message statuses.
const (
	MessageProcessing = "processing"
	MessageSucceeded  = "succeeded"
	MessageFailed     = "failed"
	MessageRejected   = "rejected"
)

// OpenMessage is the locked message that an arrival belongs to.
type OpenMessage struct {
	ID         int64
	Fresh      bool // this arrival made it
	Conflict   bool // known, with different content
	Status     string
	ResultCode market.ResultCode
	InstanceID string
	Accepted   int64     // the attempt whose different content a person has applied; 0 for a call
	AnsweredAt time.Time // when a purchase that waited was answered last
}

// OpenMessage finds or makes the message of an arrival and locks it. Nothing is
// said of its outcome yet: CloseMessage does that.
func (t *Tx) OpenMessage(ctx context.Context, a Arrival) (OpenMessage, error) {
	c := a.Call
	m := OpenMessage{Fresh: true, Status: MessageProcessing, InstanceID: c.InstanceID()}
	err := t.tx.GetContext(ctx, &m.ID, `
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, content_hash, status,
                      order_id, order_line_id, business_id, instance_id,
                      first_received_at, last_received_at, retry_until, online_license)
SELECT $1::bigint, $2, $3, $4::boolean, $5, $6::bytea, 'processing', $7, $8, $9, $10::text, $11::timestamptz, $11,
       CASE WHEN online THEN $14::timestamptz ELSE $12::timestamptz END, online
  FROM (SELECT $13::boolean AND `+licensed("$1", "$10")+` AS online) l
ON CONFLICT (channel_id, test, idem_key) DO NOTHING
RETURNING id`,
		a.Channel, string(c.Protocol), c.Activity, c.Test, a.Key, nullBytes(c.ContentHash),
		c.OrderID, c.OrderLineID, c.BusinessID, c.InstanceID(), a.ReceivedAt, nullTime(a.RetryUntil),
		a.LicenseRule, nullTime(a.LicenseUntil))
	if err == nil || !fault.Is(toFault(err), fault.NotFound) {
		return m, toFault(err)
	}
	m.Fresh = false
	var answered sql.NullTime
	err = t.tx.QueryRowxContext(ctx, `
SELECT id, status, result_code, instance_id, (content_hash = ANY ($4)) IS NOT TRUE, answered_at[cardinality(answered_at)]
  FROM messages
 WHERE channel_id = $1
   AND test = $2
   AND idem_key = $3
   FOR NO KEY UPDATE`, a.Channel, c.Test, a.Key, pq.Array(c.Hashes())).
		Scan(&m.ID, &m.Status, &m.ResultCode, &m.InstanceID, &m.Conflict, &answered)
	m.AnsweredAt = answered.Time
	return m, toFault(err)
}

// KnownKey is the one of these idempotency keys of one call by which its message
// is known, the first if by none.
func (s *Store) KnownKey(ctx context.Context, channel int64, test bool, keys []string) (string, error) {
	if len(keys) == 1 {
		return keys[0], nil
	}
	var known string
	err := s.db.GetContext(ctx, &known, `
SELECT COALESCE((
       SELECT idem_key
         FROM messages
        WHERE channel_id = $1
          AND test = $2
          AND idem_key = ANY($3)
        ORDER BY id
        LIMIT 1), $4)`, channel, test, pq.Array(keys), keys[0])
	return known, toFault(err)
}

// Outcome is how an attempt ended and where its message stands after it.
type Outcome struct {
	Status      string // of the message
	Code        market.ResultCode
	Disposition string
	Response    []byte
	Secret      bool // the response holds access data
	Err         error
	Source      string // "marketplace", "operator", "api"
	Actor       string
	Restart     int64   // that the attempt belongs to; 0: none that is kept
	Task        int64   // that alone was restarted; 0: not one alone
	Seen        []int64 // row ids of instances whose front-end address the answer is the first to give
	Lacks       bool    // the answer to a poll lacks an instance that is still being made
	Content     []byte  // hash of the content that was applied, the message's own from now on; nil leaves what it has
	Waits       bool    // the call waits for a better answer, and what it is told then says whether the marketplace goes on

	// CameAt is when what is applied came, if a person has it applied although the
	// message was applied before; else zero.
	CameAt time.Time
}

// CloseMessage writes the attempt and brings the message up to date. The
// marketplace's retries count from the first call, and a call that comes again after
// they were over begins a new window of them; a V1.0 purchase that is answered with
// success has none, although its work may still be under way. A failure without an
// error of its own leaves the one that is known, and so does what goes on with its
// work. Of a call that names several instances those behind the first are noted, once.
// What a poll lacked is what the marketplace was told, whoever had it answered again since.
//
// A message is applied when an arrival succeeds for the first time, or else when a
// person has it done that came last; a change of status also by what changes
// something or comes when the marketplace's retries are over: that is a new word.
func (t *Tx) CloseMessage(ctx context.Context, id int64, a Arrival, o Outcome) error {
	_, err := t.CloseAttempt(ctx, id, a, o)
	return err
}

// CloseAttempt is CloseMessage for who needs the attempt's id.
func (t *Tx) CloseAttempt(ctx context.Context, id int64, a Arrival, o Outcome) (attempt int64, err error) {
	rec := fault.ToRecord(o.Err).JSON()
	marketplace := o.Source == "marketplace"
	_, err = t.tx.ExecContext(ctx, `
WITH kept AS (
    UPDATE messages
       SET attempts = attempts + 1,
           restarts = restarts + CASE WHEN NOT $6 AND activity = 'queryInstance' THEN 1 ELSE 0 END,
           conflicts = conflicts + $2,
           status = $3,
           result_code = $4,
           last_error = CASE WHEN $3 IN ('failed', 'rejected') THEN COALESCE($5::jsonb, last_error)
                             WHEN $3 = 'processing' AND status = 'processing' THEN last_error END,
           last_received_at = CASE WHEN $6 THEN GREATEST(last_received_at, $7) ELSE last_received_at END,
           retry_until = CASE WHEN NOT $6 THEN retry_until
                              WHEN protocol = 'v1' AND activity = 'newInstance' AND $4 = '000000' THEN CASE WHEN $13 THEN retry_until END
                              ELSE retried_until(retry_until, first_received_at, $7, CASE WHEN online_license THEN $9::timestamptz ELSE $8::timestamptz END) END,
           content_hash = COALESCE($10::bytea, content_hash),
           applied_at = CASE WHEN $15::timestamptz IS NOT NULL THEN $15
                             WHEN $4 NOT IN ('000000', '000004') THEN applied_at
                             WHEN result_code NOT IN ('000000', '000004') THEN CASE WHEN $6 THEN $7 ELSE last_received_at END
                             WHEN $6 AND $16 AND ($17 OR retry_until IS NULL OR retry_until < $7) THEN GREATEST(applied_at, $7)
                             ELSE applied_at END,
           product_id = COALESCE(NULLIF($14, ''), product_id),
           lacked_at = CASE WHEN NOT $6 THEN lacked_at WHEN $11 THEN now() END,
           answered_again_at = CASE WHEN NOT $6 AND activity = 'queryInstance' THEN now() END,
           updated_at = now()
     WHERE id = $1
    RETURNING id
)
INSERT INTO message_instances (message_id, place, instance_id)
SELECT kept.id, n.place, n.instance_id
  FROM kept, unnest($12::text[]) WITH ORDINALITY n (instance_id, place)
 WHERE n.place > 1
   AND NOT EXISTS (SELECT 1 FROM message_instances known WHERE known.message_id = kept.id)`,
		id, boolInt(o.Disposition == Conflict), o.Status, string(o.Code), nullBytes(rec), marketplace, a.ReceivedAt, nullTime(a.RetryUntil),
		nullTime(a.LicenseUntil), nullBytes(o.Content), o.Lacks, pq.Array(a.Call.InstanceIDs), o.Waits, a.Call.Product(), nullTime(o.CameAt), market.SetsState(a.Call.Activity),
		o.Disposition == Applied)
	if err != nil {
		return 0, toFault(err)
	}
	var plain sql.NullString
	var sealed []byte
	if o.Secret {
		sealed = t.keys.Seal(seal.Payload, o.Response)
	} else {
		plain = nullText(string(o.Response))
	}
	seen, shown := firstSeen(o.Seen, a.ReceivedAt, 17)
	err = t.tx.GetContext(ctx, &attempt, seen+`
INSERT INTO attempts (message_id, at, source, actor, disposition, result_code, duration_us, error, business_id, remote_ip,
                      request_sealed, response, response_sealed, order_id, restart_id, task_id)
VALUES ($1, $2, $3, $4, $5, $6,
        $7 + (extract(epoch FROM clock_timestamp() - now()) * 1000000)::integer,
        $8, $9, $10::inet, $11, $12, $13,
        NULLIF($14, (SELECT m.order_id FROM messages m WHERE m.id = $1)), $15, $16)
RETURNING id`,
		append([]any{id, a.ReceivedAt, o.Source, cmp.Or(o.Actor, a.Agent), o.Disposition, string(o.Code),
			microseconds(a.Elapsed), nullBytes(rec), a.Call.BusinessID, nullText(a.IP),
			nullBytes(t.keys.Seal(seal.Payload, a.Request)), plain, nullBytes(sealed), nullText(a.Call.OrderID), nullID(o.Restart), nullID(o.Task)}, shown...)...)
	if err == nil && o.Disposition == Conflict {
		return attempt, t.quarantine(ctx, id, attempt, a)
	}
	if err == nil && o.Status == MessageFailed && o.Err != nil && !a.Call.Test {
		err = t.groupMessage(ctx, id, fault.ToRecord(o.Err))
	}
	return attempt, toFault(err)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// StoredMessage is what a restart needs to know of a message, locked.
type StoredMessage struct {
	ID         int64
	ChannelID  int64
	Site       market.Site // of the channel
	Protocol   market.Protocol
	Activity   string
	Test       bool
	Key        string
	Status     string
	ResultCode market.ResultCode
	InstanceID string
	CameAt     time.Time // when the arrival came that was applied, or the last if none was
	Request    []byte    // that is in effect, or the last that was refused
}

// RestartThere is where the seller restarts the call in the site's own console.
func (m StoredMessage) RestartThere() string { return m.Site.RestartThere(m.Protocol, m.Activity) }

// LockMessage locks a message for a restart. Fault: not_found "message.unknown".
func (t *Tx) LockMessage(ctx context.Context, id int64) (StoredMessage, error) {
	m := StoredMessage{ID: id}
	var sealed []byte
	err := t.tx.QueryRowxContext(ctx, `
SELECT m.channel_id, COALESCE((SELECT c.site FROM channels c WHERE c.id = m.channel_id), ''), m.protocol, m.activity, m.test, m.idem_key,
       m.status, m.result_code, m.instance_id, `+cameAt("m")+`,
       `+ownRequest+`
  FROM messages m
 WHERE m.id = $1
   FOR NO KEY UPDATE OF m`, id).
		Scan(&m.ChannelID, &m.Site, &m.Protocol, &m.Activity, &m.Test, &m.Key, &m.Status, &m.ResultCode, &m.InstanceID, &m.CameAt, &sealed)
	if fault.Is(toFault(err), fault.NotFound) {
		return m, fault.New(fault.NotFound, "message.unknown")
	}
	if err != nil {
		return m, toFault(err)
	}
	m.Request, err = t.keys.Open(seal.Payload, sealed)
	if err != nil {
		return m, fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	return m, nil
}

// Audit writes one entry of the audit trail.
func (t *Tx) Audit(ctx context.Context, a staff.Audit) error {
	detail, err := jsonText(a.Detail)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `
INSERT INTO audit (actor, action, target, reason, detail, remote_ip)
VALUES ($1, $2, $3, $4, $5, $6::inet)`, a.Actor, a.Action, a.Target, a.Reason, detail, nullText(a.IP))
	return toFault(err)
}

// CloseRejected is CloseAttempt for a claim that cannot be proved: it counts
// every arrival, but keeps only the first attempts, and hourly of them in an hour
// after that, those of our own agents apart; of the others the id is 0.
func (t *Tx) CloseRejected(ctx context.Context, id int64, a Arrival, o Outcome, first, hourly int) (attempt int64, err error) {
	var keep bool
	err = t.tx.GetContext(ctx, &keep, `
SELECT attempts < $2
       OR COALESCE((SELECT a.at
                      FROM attempts a
                     WHERE a.message_id = m.id
                       AND a.part >= month_of($4::timestamptz - interval '2 days')
                       AND a.actor = $5
                     ORDER BY a.id DESC
                    OFFSET $3::int - 1
                     LIMIT 1) <= $4::timestamptz - interval '1 hour', TRUE)
  FROM messages m
 WHERE id = $1`, id, first, hourly, a.ReceivedAt, a.Agent)
	if err != nil {
		return 0, toFault(err)
	}
	if keep {
		return t.CloseAttempt(ctx, id, a, o)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE messages
   SET attempts = attempts + 1,
       last_received_at = GREATEST(last_received_at, $2),
       updated_at = now()
 WHERE id = $1`, id, a.ReceivedAt)
	return 0, toFault(err)
}

// NoteFlood counts n claims that were refused without being kept in the one
// message for all such of the channel and kind, by its key; cause says of the last of them.
func (s *Store) NoteFlood(ctx context.Context, channel int64, p market.Protocol, key string, n int, from, until time.Time, cause error) error {
	_, err := s.db.ExecContext(ctx, `
INSERT INTO messages (channel_id, protocol, activity, test, idem_key, status, result_code, attempts, last_error, first_received_at, last_received_at)
VALUES ($1, $2, '', false, $3, 'rejected', $4, $5, $6, $7, $8)
ON CONFLICT (channel_id, test, idem_key) DO UPDATE
   SET attempts = messages.attempts + EXCLUDED.attempts,
       last_error = EXCLUDED.last_error,
       last_received_at = GREATEST(messages.last_received_at, EXCLUDED.last_received_at),
       updated_at = now()`, channel, string(p), key, string(market.AuthFailed), n, nullBytes(fault.ToRecord(cause).JSON()), from, until)
	return toFault(err)
}

// PruneRejected keeps the newest claims of each channel that could not be
// proved and deletes the rest: strangers must not fill the disk. Nor do they when
// what was signed with a key of ours stays for a day, in which alerts look at it and
// probes that failed count, and a purchase or upgrade for the month in which its order
// counts as failed: only who has seen such a call could repeat it.
func (s *Store) PruneRejected(ctx context.Context, keep int) (int64, error) {
	_, purchases, _ := ordersFailBy()
	r, err := s.db.ExecContext(ctx, `
DELETE FROM messages
 WHERE id IN (
       SELECT id
         FROM (SELECT id, activity, row_number() OVER (PARTITION BY channel_id ORDER BY last_received_at DESC, id DESC) AS n
                 FROM messages
                WHERE status = 'rejected') r
        WHERE n > $1
          AND NOT EXISTS (SELECT
                            FROM attempts a
                           WHERE a.message_id = r.id
                             AND a.at > now() - CASE WHEN r.activity = ANY ($3) THEN interval '32 days' ELSE interval '1 day' END
                             AND a.part >= month_of(now() - interval '34 days')
                             AND `+signedHere("$2")+`))`, keep, pq.Array(market.FindingsOfOurKeys()), pq.Array(purchases))
	if err != nil {
		return 0, toFault(err)
	}
	n, err := r.RowsAffected()
	return n, toFault(err)
}
