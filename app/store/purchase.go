package store

import (
	"context"
	"database/sql"
	"time"

	"koodesk/app/market"
	"koodesk/app/seal"
)

// Arrival is one call as it came in, for the message log.
type Arrival struct {
	Channel    int64
	Call       market.Call
	Key        string        // idempotency key
	ReceivedAt time.Time     // when the first byte was handled
	Elapsed    time.Duration // spent before the transaction
	IP         string        // "" when unknown
	Agent      string        // which agent of our own called; "": the marketplace's
	Request    []byte        // query and body, as the protocol stores them
	RetryUntil time.Time     // until when the marketplace retries by itself; zero: unknown
	// If the instance is an online License's, whose calls are V2.0's, it has times of
	// its own (LicenseRule), and the marketplace retries until then.
	LicenseRule  bool
	LicenseUntil time.Time
}

// Purchase is an arrival of newInstance with the answers that it may get.
type Purchase struct {
	Arrival
	WantedID   string        // the instanceId to use if it is free
	SpareID    string        // the instanceId to use if it is not
	Done       []byte        // answer 000000, with Placeholder where the instanceId belongs
	Processing []byte        // answer 000004, likewise
	Twin       time.Duration // a repeat this soon after the first call gets its very bytes
}

// Placeholder stands for the instanceId in Purchase.Done and Processing.
const Placeholder = "@@INSTANCE@@"

// Taken is what became of a purchase.
type Taken struct {
	MessageID   int64
	Disposition string
	InstanceID  string
	Code        market.ResultCode
	Response    []byte
	TaskID      int64 // the task that was written, 0 for a repeat
}

// microseconds is a duration as an attempt keeps it.
func microseconds(d time.Duration) int32 { return int32(min(d.Microseconds(), 1<<30)) }

const takePurchase = `
SELECT o_message, o_disposition, o_instance, o_code, o_response, o_task
  FROM take_purchase($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, make_interval(secs => $19), $20)`

// Prepare makes the hot path's statement ready; database/sql keeps it prepared
// on every connection of the pool.
func (s *Store) Prepare(ctx context.Context) error {
	stmt, err := s.db.PreparexContext(ctx, takePurchase)
	if err != nil {
		return toFault(err)
	}
	s.purchase = stmt
	return nil
}

// TakePurchase writes message, instance, first task and attempt of a purchase,
// or finds what the first arrival of it made: one round trip, one transaction.
func (s *Store) TakePurchase(ctx context.Context, p Purchase) (Taken, error) {
	var out Taken
	var err error
	for range 3 { // as Write does: a worker may lock the same rows in another order
		if out, err = s.takePurchase(ctx, p); !retryable(err) {
			break
		}
	}
	return out, err
}

func (s *Store) takePurchase(ctx context.Context, p Purchase) (Taken, error) {
	c := p.Call
	var out Taken
	var response string
	var task sql.NullInt64
	err := s.purchase.QueryRowxContext(ctx,
		p.Channel, string(c.Protocol), c.Activity, c.Test, p.Key, c.ContentHash, c.OrderID, c.OrderLineID, c.BusinessID, p.WantedID, p.SpareID,
		p.ReceivedAt, microseconds(p.Elapsed), nullText(p.IP), nullBytes(s.keys.Seal(seal.Payload, p.Request)),
		string(p.Done), string(p.Processing), nullTime(p.RetryUntil), p.Twin.Seconds(), nullTime(p.LicenseUntil)).
		Scan(&out.MessageID, &out.Disposition, &out.InstanceID, &out.Code, &response, &task)
	if err != nil {
		return Taken{}, toFault(err)
	}
	out.Response = []byte(response)
	out.TaskID = task.Int64
	return out, nil
}

// MarkAgent notes which agent of our own has made a message's newest attempt, which
// TakePurchase does not know.
func (s *Store) MarkAgent(ctx context.Context, message int64, agent string) error {
	_, err := s.db.ExecContext(ctx, `
UPDATE attempts
   SET actor = $2
 WHERE message_id = $1
   AND part >= month_of(now() - interval '2 days')
   AND id = (SELECT max(a.id) FROM attempts a WHERE a.message_id = $1 AND a.part >= month_of(now() - interval '2 days'))`, message, agent)
	return toFault(err)
}
