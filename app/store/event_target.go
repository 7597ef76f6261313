package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/seal"
)

// EventTarget is a subscription: an address that hears of a channel's events.
type EventTarget struct {
	ID             int64
	ChannelID      int64
	Channel        string // slug
	Name           string // unique within the channel
	URL            string
	Secret         string
	OldSecret      string // signs too, until OldSecretUntil
	OldSecretUntil time.Time
	Types          []string // none: all
	Enabled        bool
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// secrets are those that sign at a time, the present one first.
func secrets(present, old string, until, now time.Time) []string {
	if old == "" || !until.After(now) {
		return []string{present}
	}
	return []string{present, old}
}

type receiverRow struct {
	ProductPK int64        `db:"product_pk"`
	TargetID  int64        `db:"target_id"`
	URL       string       `db:"url"`
	Secret    []byte       `db:"secret_sealed"`
	Old       []byte       `db:"old_secret_sealed"`
	Until     sql.NullTime `db:"old_secret_until"`

	Former sql.NullString `db:"former"`
}

func (r *Reader) receiver(row receiverRow, now time.Time) (Receiver, error) {
	out := Receiver{ProductPK: row.ProductPK, TargetID: row.TargetID, URL: row.URL, Former: row.Former.String}
	purpose := seal.ProductSecret
	if row.TargetID != 0 {
		purpose = seal.TargetSecret
	}
	present, err := r.open(purpose, row.Secret)
	if err != nil {
		return out, err
	}
	old, err := r.open(purpose, row.Old)
	out.Secrets = secrets(present, old, row.Until.Time, now)
	return out, err
}

// hooked tells of a product's entry whether it has a webhook, and wasAsked whether
// that was asked to make or change an instance: it goes on hearing of this one when
// the entry has another driver.
const hooked = `(c.driver = 'webhook' OR c.settings->>'license' = 'webhook')`

func wasAsked(instance string) string {
	return `EXISTS (SELECT 1 FROM events e WHERE e.instance_pk = ` + instance + ` AND e.product_pk = c.id AND e.type IN ` + asking + `)`
}

// productReceivers picks the entry whose webhook an instance's product is told
// by: the present one of its product, else the one that was told last. Of the end
// each hears that was ever asked to make or change the instance, too. Only a
// product that was asked to make the instance, or a License of it, hears of it. For
// one whose address is not known any more, where it was told last is given.
var productReceivers = `
SELECT *
  FROM (SELECT c.id AS product_pk, 0::bigint AS target_id, COALESCE(c.settings->>'webhook_url', '') AS url,
               c.secret_sealed, c.old_secret_sealed, c.old_secret_until,
               CASE WHEN c.settings->>'webhook_url' IS NULL
                    THEN (SELECT e.target FROM events e WHERE e.instance_pk = $4 AND e.product_pk = c.id ORDER BY e.id DESC LIMIT 1)
               END AS former
          FROM products c
         WHERE c.channel_id = $1
           AND (c.id = ` + presentEntry + `
               AND ` + hooked + `
                OR $4::bigint IS NOT NULL
               AND c.id = ` + toldLast + `
               AND (` + hooked + ` OR ` + wasAsked("$4") + `)
                OR $2 = 'instance.released'
               AND ` + wasAsked("$4") + `)
           AND ($4::bigint IS NULL
                OR EXISTS (SELECT 1 FROM events e WHERE e.instance_pk = $4 AND e.to_product)
                OR EXISTS (SELECT 1 FROM instances i WHERE i.id = $4 AND i.driver = 'webhook'))
         ORDER BY COALESCE(c.id = ` + presentEntry + `, FALSE) DESC, COALESCE(c.id = ` + toldLast + `, FALSE) DESC, c.id DESC
         LIMIT CASE WHEN $2 = 'instance.released' THEN NULL ELSE 1 END) p`

const toldLast = `(SELECT e.product_pk
                         FROM events e
                        WHERE e.instance_pk = $4
                          AND e.product_pk IS NOT NULL
                        ORDER BY e.id DESC
                        LIMIT 1)`

var presentEntry = `(SELECT id FROM products` + entryOf("$1", "$3", "$5") + `)`

const subscribers = `
SELECT 0::bigint AS product_pk, t.id AS target_id, t.url, t.secret_sealed, t.old_secret_sealed, t.old_secret_until, NULL AS former
  FROM event_targets t
 WHERE t.channel_id = $1
   AND t.enabled
   AND (t.types = '{}' OR $2 = ANY(t.types))`

// Receivers finds who hears of an event: the subscribers of the channel and, with
// toProduct, the webhook of the product, at each address once. Without an instance the entry of
// productID, or skuCode, decides alone.
func (r *Reader) Receivers(ctx context.Context, channel int64, eventType, productID, skuCode string, instancePK int64, toProduct bool) ([]Receiver, error) {
	query, args := subscribers, []any{channel, eventType}
	if toProduct {
		query, args = productReceivers+"\n UNION ALL"+subscribers, append(args, productID, nullID(instancePK), skuCode)
	}
	var rows []receiverRow
	if err := sqlx.SelectContext(ctx, r.q, &rows, query, args...); err != nil {
		return nil, toFault(err)
	}
	out := make([]Receiver, 0, len(rows))
	for _, row := range rows {
		if row.ProductPK != 0 && row.URL != "" && slices.ContainsFunc(out, func(r Receiver) bool { return r.URL == row.URL }) {
			continue
		}
		one, err := r.receiver(row, time.Now())
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// ReceiverOf is where an event goes now: addresses and secrets may have changed
// since it was written. What a product was asked goes to the webhook of its entry
// alone. Fault: not_found "event.target_gone" when nobody wants it any more,
// "event.address_gone" when it is for a product whose address or secret is not known
// any more.
func (r *Reader) ReceiverOf(ctx context.Context, e *Event) (Receiver, error) {
	told := e.InstancePK
	if e.Question {
		told = 0
	}
	var row receiverRow
	err := sqlx.GetContext(ctx, r.q, &row, `
SELECT c.id AS product_pk, 0::bigint AS target_id, c.settings->>'webhook_url' AS url, c.secret_sealed, c.old_secret_sealed, c.old_secret_until
  FROM products c
 WHERE c.id = $1
   AND (`+hooked+`
        OR c.settings->>'webhook_url' <> ''
       AND c.secret_sealed IS NOT NULL
       AND `+wasAsked("$3")+`)
 UNION ALL
SELECT 0::bigint, t.id, t.url, t.secret_sealed, t.old_secret_sealed, t.old_secret_until
  FROM event_targets t
 WHERE t.id = $2
   AND t.enabled`, nullID(e.ProductPK), nullID(e.TargetID), nullID(told))
	if fault.Is(toFault(err), fault.NotFound) {
		key := "event.target_gone"
		if e.ToProduct {
			key = "event.address_gone"
		}
		return Receiver{}, fault.New(fault.NotFound, key).Final()
	}
	if err != nil {
		return Receiver{}, toFault(err)
	}
	return r.receiver(row, time.Now())
}

type targetRow struct {
	ID        int64          `db:"id"`
	ChannelID int64          `db:"channel_id"`
	Channel   string         `db:"channel"`
	Name      string         `db:"name"`
	URL       string         `db:"url"`
	Secret    []byte         `db:"secret_sealed"`
	Old       []byte         `db:"old_secret_sealed"`
	Until     sql.NullTime   `db:"old_secret_until"`
	Types     pq.StringArray `db:"types"`
	Enabled   bool           `db:"enabled"`
	Created   time.Time      `db:"created_at"`
	Updated   time.Time      `db:"updated_at"`
}

const selectTargets = `
SELECT t.id, t.channel_id, c.slug AS channel, t.name, t.url, t.secret_sealed, t.old_secret_sealed, t.old_secret_until, t.types, t.enabled,
       t.created_at, t.updated_at
  FROM event_targets t
  JOIN channels c ON c.id = t.channel_id`

func (r *Reader) target(row targetRow) (EventTarget, error) {
	t := EventTarget{ID: row.ID, ChannelID: row.ChannelID, Channel: row.Channel, Name: row.Name, URL: row.URL, OldSecretUntil: utc(row.Until),
		Types: row.Types, Enabled: row.Enabled, CreatedAt: row.Created.UTC(), UpdatedAt: row.Updated.UTC()}
	var err error
	if t.Secret, err = r.open(seal.TargetSecret, row.Secret); err != nil {
		return t, err
	}
	t.OldSecret, err = r.open(seal.TargetSecret, row.Old)
	return t, err
}

// EventTargets lists the subscriptions, by channel and name; channel "" means of
// every channel. There are few.
func (r *Reader) EventTargets(ctx context.Context, channel string) ([]EventTarget, error) {
	var rows []targetRow
	err := sqlx.SelectContext(ctx, r.q, &rows, selectTargets+`
 WHERE $1 = '' OR c.slug = $1
 ORDER BY c.slug, t.name`, channel)
	if err != nil {
		return nil, toFault(err)
	}
	out := make([]EventTarget, len(rows))
	for i, row := range rows {
		if out[i], err = r.target(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// EventTarget finds a subscription by its name in a channel. Fault: not_found
// "event_target.unknown".
func (r *Reader) EventTarget(ctx context.Context, channel int64, name string) (*EventTarget, error) {
	return r.oneTarget(ctx, selectTargets+`
 WHERE t.channel_id = $1
   AND t.name = $2`, channel, name)
}

// EventTargetByID loads a subscription. Fault: not_found "event_target.unknown".
func (r *Reader) EventTargetByID(ctx context.Context, id int64) (*EventTarget, error) {
	return r.oneTarget(ctx, selectTargets+`
 WHERE t.id = $1`, id)
}

func (r *Reader) oneTarget(ctx context.Context, query string, args ...any) (*EventTarget, error) {
	var row targetRow
	err := sqlx.GetContext(ctx, r.q, &row, query, args...)
	if fault.Is(toFault(err), fault.NotFound) {
		return nil, fault.New(fault.NotFound, "event_target.unknown")
	}
	if err != nil {
		return nil, toFault(err)
	}
	t, err := r.target(row)
	return &t, err
}

// LockEventTarget locks a subscription. Fault: not_found "event_target.unknown".
func (t *Tx) LockEventTarget(ctx context.Context, id int64) (*EventTarget, error) {
	return t.Reader().oneTarget(ctx, selectTargets+`
 WHERE t.id = $1
   FOR NO KEY UPDATE OF t`, id)
}

// LockEventTargetNamed locks the subscription with a name in a channel. Fault:
// not_found "event_target.unknown".
func (t *Tx) LockEventTargetNamed(ctx context.Context, channel int64, name string) (*EventTarget, error) {
	return t.Reader().oneTarget(ctx, selectTargets+`
 WHERE t.channel_id = $1
   AND t.name = $2
   FOR NO KEY UPDATE OF t`, channel, name)
}

// AddEventTarget writes a new subscription. Fault: conflict "event_target.exists"
// (name), after which the transaction can go on.
func (t *Tx) AddEventTarget(ctx context.Context, e EventTarget) (id int64, err error) {
	err = toFault(t.tx.GetContext(ctx, &id, `
INSERT INTO event_targets (channel_id, name, url, secret_sealed, old_secret_sealed, old_secret_until, types, enabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (channel_id, name) DO NOTHING
RETURNING id`,
		e.ChannelID, e.Name, e.URL, t.keys.SealString(seal.TargetSecret, e.Secret), nullBytes(t.keys.SealString(seal.TargetSecret, e.OldSecret)),
		nullTime(e.OldSecretUntil), pq.Array(append([]string{}, e.Types...)), e.Enabled))
	if fault.Is(err, fault.NotFound) {
		return 0, fault.New(fault.Conflict, "event_target.exists", "name", e.Name)
	}
	return id, err
}

// ChangeEventTarget writes a subscription that the caller has locked.
func (t *Tx) ChangeEventTarget(ctx context.Context, e EventTarget) error {
	_, err := t.tx.ExecContext(ctx, `
UPDATE event_targets
   SET url = $2,
       secret_sealed = $3,
       old_secret_sealed = $4,
       old_secret_until = $5,
       types = $6,
       enabled = $7,
       updated_at = now()
 WHERE id = $1`,
		e.ID, e.URL, t.keys.SealString(seal.TargetSecret, e.Secret), nullBytes(t.keys.SealString(seal.TargetSecret, e.OldSecret)),
		nullTime(e.OldSecretUntil), pq.Array(append([]string{}, e.Types...)), e.Enabled)
	return toFault(err)
}

// RemoveEventTarget deletes a subscription; its events stay, and what is still
// to be sent to it is cancelled when its turn comes.
func (t *Tx) RemoveEventTarget(ctx context.Context, id int64) error {
	_, err := t.tx.ExecContext(ctx, `
DELETE FROM event_targets
 WHERE id = $1`, id)
	return toFault(err)
}
