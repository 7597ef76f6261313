package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
	"koodesk/app/seal"
)

// NewInstance is an instance as a V1.0 purchase makes it, which says what was
// ordered, or a person who takes an order over.
type NewInstance struct {
	Instance
	BillingItem string // see market.Call.BillingItem
	WantedID    string // the instanceId to use if it is free
	SpareID     string // the instanceId to use if it is not
	Facts       []byte // what the call said of the order, for people; nil: still to be asked for
}

// AddInstance writes the instance of a purchase and fills in its PK and
// instanceId. A purchase that has an instance already, although its message is
// gone, gets that one; added is then false. So does one of V1.0, or of License 1.0,
// that says of the same order and product more or less than the first did of the
// charging.
func (t *Tx) AddInstance(ctx context.Context, n *NewInstance) (added bool, err error) {
	if n.Protocol.ByQuery() {
		if known, err := t.sameProduct(ctx, n); err != nil || known {
			return false, err
		}
	}
	for _, id := range []string{n.WantedID, n.SpareID} {
		err := t.tx.GetContext(ctx, &n.PK, `
INSERT INTO instances (channel_id, instance_id, order_id, order_line_id, business_id, protocol, billing_item)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
RETURNING id`, n.ChannelID, id, n.OrderID, n.OrderLineID, n.BusinessID, string(n.Protocol), n.BillingItem)
		if err == nil {
			n.InstanceID = id
			if n.Facts == nil {
				return true, nil
			}
			if err := t.SaveOrder(ctx, &n.Instance, n.Facts); err != nil {
				return true, err
			}
			given := n.Params
			n.Params = nil
			return true, t.AddParams(ctx, &n.Instance, given, false)
		}
		if !fault.Is(toFault(err), fault.NotFound) {
			return false, toFault(err)
		}
		err = t.tx.QueryRowxContext(ctx, `
SELECT id, instance_id
  FROM instances
 WHERE channel_id = $1
   AND order_id = $2
   AND order_line_id = $3
   AND billing_item = $4`, n.ChannelID, n.OrderID, n.OrderLineID, n.BillingItem).Scan(&n.PK, &n.InstanceID)
		if err == nil || !fault.Is(toFault(err), fault.NotFound) {
			return false, toFault(err)
		}
	}
	return false, fault.New(fault.Internal, "internal") // a fresh UUID is nobody's
}

// sameProduct finds the instance of an order's product. Whoever buys of the same
// order at the same time waits until this one is written.
func (t *Tx) sameProduct(ctx context.Context, n *NewInstance) (known bool, err error) {
	var there []struct {
		PK         int64  `db:"id"`
		InstanceID string `db:"instance_id"`
		purchased
	}
	if _, err := t.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('order/' || $1::text || '/' || $2, 0))`, n.ChannelID, n.OrderID); err != nil {
		return false, toFault(err)
	}
	err = t.tx.SelectContext(ctx, &there, `
SELECT id, instance_id, billing_item, product_id, order_sealed
  FROM instances
 WHERE channel_id = $1
   AND order_id = $2
   AND order_line_id = $3
   AND billing_item IN ('', $4)
 ORDER BY id`, n.ChannelID, n.OrderID, n.OrderLineID, n.ProductID)
	if err != nil {
		return false, toFault(err)
	}
	for _, i := range there {
		product, err := i.product(t.keys)
		if err != nil {
			return false, err
		}
		if product == n.ProductID {
			n.PK, n.InstanceID = i.PK, i.InstanceID
			return true, nil
		}
	}
	return false, nil
}

// purchased is what an instance knows of the product that a purchase ordered.
type purchased struct {
	BillingItem string `db:"billing_item"`
	ProductID   string `db:"product_id"`
	Facts       []byte `db:"order_sealed"`
}

// product is what was ordered, whatever upgrades and renewals have made of the
// instance since. Where its facts were erased only the present product is known.
func (p purchased) product(keys *seal.Keyring) (string, error) {
	if p.BillingItem != "" {
		return p.BillingItem, nil
	}
	plain, err := keys.Open(seal.Customer, p.Facts)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "secret.cannot_open")
	}
	var facts struct {
		ProductID string `json:"productId"`
	}
	if json.Unmarshal(plain, &facts) == nil && facts.ProductID != "" {
		return facts.ProductID, nil
	}
	return p.ProductID, nil
}

// PurchaseKey is the key by which the message of a V1.0 purchase is known, or the
// one of the call itself. A message that is known by the order alone is the call's
// if it bought the same product.
func (s *Store) PurchaseKey(ctx context.Context, channel int64, c market.Call) (string, error) {
	ofOrder, ofProduct := c.PurchaseKeys()
	var there []struct {
		Key  string `db:"idem_key"`
		Same bool   `db:"same"`
		purchased
	}
	err := s.db.SelectContext(ctx, &there, `
SELECT m.idem_key,
       m.idem_key = $4 OR COALESCE(m.content_hash = ANY ($5), FALSE) AS same,
       COALESCE(i.billing_item, '') AS billing_item,
       COALESCE(i.product_id, '') AS product_id,
       i.order_sealed
  FROM messages m
  LEFT JOIN instances i
         ON i.instance_id = m.instance_id
        AND i.channel_id = m.channel_id
        AND NOT m.test
 WHERE m.channel_id = $1
   AND m.test = $2
   AND m.idem_key IN ($3, $4)
 ORDER BY m.id`, channel, c.Test, ofOrder, ofProduct, pq.Array(c.Hashes()))
	if err != nil {
		return "", toFault(err)
	}
	for _, m := range there {
		if m.Same {
			return m.Key, nil
		}
		product, err := m.product(s.keys)
		if err != nil {
			return "", err
		}
		if product == c.ProductID {
			return m.Key, nil
		}
	}
	return c.IdempotencyKey(), nil
}

// NameInstance notes which instance a message made.
func (t *Tx) NameInstance(ctx context.Context, message int64, instanceID string) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE messages
   SET instance_id = $2
 WHERE id = $1`, message, instanceID)
	return toFault(err)
}

// SaveBought writes what a V1.0 renewal or upgrade says was bought.
func (t *Tx) SaveBought(ctx context.Context, i *Instance) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE instances
   SET product_id = $2,
       sku_code = $3,
       linear_value = $4,
       order_type = $5,
       period_type = $6,
       period_number = $7,
       amount = $8,
       disk_size = $9,
       band_width = $10,
       updated_at = now()
 WHERE id = $1`, i.PK, i.ProductID, i.SkuCode, i.LinearValue, i.OrderType, i.PeriodType, i.PeriodNumber, i.Amount, i.DiskSize, i.BandWidth)
	return toFault(err)
}

// Readiness is how far a purchase has come.
type Readiness struct {
	Ready bool              // the access data is there, or will never be
	Given bool              // its work was given up
	Code  market.ResultCode // with Given: the code that the fault asks for, "" if it does not
	Later bool              // its work goes on after the given time at the earliest, or waits for a person
	Said  bool              // the answer stands that whoever came at the given time gets
}

// Readiness looks at a purchase by its message, in one short statement.
func (r *Reader) Readiness(ctx context.Context, message int64, came, until time.Time) (Readiness, error) {
	var out Readiness
	err := r.q.QueryRowxContext(ctx, `
SELECT COALESCE(i.provisioned_at IS NOT NULL OR i.released_at IS NOT NULL, false),
       m.status = 'failed',
       COALESCE(CASE WHEN m.status = 'failed' THEN m.last_error #>> '{args,result_code}' END, ''),
       COALESCE((SELECT min(t.run_at)
                   FROM tasks t
                  WHERE t.message_id = m.id
                    AND t.`+settles+`
                    AND t.status IN ('pending', 'running')) > $2, false),
       COALESCE(m.answered_at[cardinality(m.answered_at)] > $3, false)
  FROM messages m
  LEFT JOIN instances i
         ON i.instance_id = m.instance_id
        AND i.channel_id = m.channel_id
 WHERE m.id = $1`, message, until, came).Scan(&out.Ready, &out.Given, &out.Code, &out.Later, &out.Said)
	return out, toFault(err)
}

// InstanceOf loads a channel's instance by KooGallery's id. Fault: not_found
// "instance.unknown".
func (r *Reader) InstanceOf(ctx context.Context, channel int64, instanceID string) (*Instance, error) {
	return r.scanInstance(r.q.QueryRowxContext(ctx, `
SELECT `+instanceColumns+`
  FROM instances
 WHERE instance_id = $1
   AND channel_id = $2`, instanceID, channel))
}

// StandingAnswer locks a purchase's message and gives the first answer that it was
// given after came: what all duplicates get that had come by then, whatever later
// ones were told meanwhile. false: there is none.
func (t *Tx) StandingAnswer(ctx context.Context, message int64, came time.Time) (code market.ResultCode, response []byte, stands bool, err error) {
	var attempt sql.NullInt64
	err = t.tx.QueryRowxContext(ctx, `
SELECT (SELECT given.by
          FROM unnest(m.answered_at, m.answer_attempts) AS given(at, by)
         WHERE given.at > $2
         ORDER BY given.at
         LIMIT 1)
  FROM messages m
 WHERE m.id = $1
   FOR NO KEY UPDATE`, message, came).Scan(&attempt)
	if err != nil || !attempt.Valid {
		return "", nil, false, toFault(err)
	}
	var sealed []byte
	err = t.tx.QueryRowxContext(ctx, `
SELECT result_code, response, response_sealed
  FROM attempts
 WHERE id = $1
   AND `+writtenLately, attempt.Int64).Scan(&code, &response, &sealed)
	if err != nil {
		return "", nil, false, toFault(err)
	}
	if len(sealed) > 0 {
		if response, err = t.keys.Open(seal.Payload, sealed); err != nil {
			return "", nil, false, fault.Wrap(err, fault.Internal, "secret.cannot_open")
		}
	}
	return code, response, true, nil
}

// SetAnswer notes that a purchase is given an attempt's answer now; after a success
// the marketplace has no reason to call again. No call takes a minute: answers that
// are older concern nobody any more.
func (t *Tx) SetAnswer(ctx context.Context, message, attempt int64, code market.ResultCode, now time.Time) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE messages
   SET retry_until = CASE WHEN $4 <> '000000' THEN retry_until END,
       (answered_at, answer_attempts) = (
       SELECT array_agg(given.at ORDER BY given.at), array_agg(given.by ORDER BY given.at)
         FROM (SELECT * FROM unnest(answered_at, answer_attempts) AS g(at, by) WHERE g.at > $3::timestamptz - interval '1 minute'
               UNION ALL
               SELECT $3::timestamptz, $2::bigint) AS given)
 WHERE id = $1`, message, attempt, now, string(code))
	return toFault(err)
}

// BetterAnswer replaces the answer of the attempt that a waiting purchase has
// just left behind, and its code, by the one that is really sent. It concerns no
// attempt but that one. Of the outcome only the code, the response and who is seen
// in it count. What the marketplace takes for a failure it tries again.
func (t *Tx) BetterAnswer(ctx context.Context, attempt int64, a Arrival, o Outcome) error {
	var message sql.NullInt64
	seen, shown := firstSeen(o.Seen, time.Now(), 5)
	err := t.tx.GetContext(ctx, &message, seen+`
UPDATE attempts
   SET result_code = $2,
       response = NULL,
       response_sealed = $3,
       duration_us = $4
 WHERE id = $1
   AND `+writtenLately+`
RETURNING message_id`, append([]any{attempt, string(o.Code), nullBytes(t.keys.Seal(seal.Payload, o.Response)), microseconds(a.Elapsed)}, shown...)...)
	if err != nil {
		return toFault(err)
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE messages
   SET result_code = $2,
       retry_until = CASE WHEN $2 <> '000000' THEN retried_until(retry_until, first_received_at, $3, $4) END,
       updated_at = now()
 WHERE id = $1`, message.Int64, string(o.Code), a.ReceivedAt, nullTime(a.RetryUntil))
	return toFault(err)
}
