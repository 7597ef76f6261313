package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/lib/pq"

	"koodesk/app/market"
	"koodesk/app/seal"
)

// NoticeRules are what the selection of due notices needs to know.
type NoticeRules struct {
	Days   []int  // before the expiry, where a product has none of its own
	Zone   string // of customers without one of their own
	Domain string // of Message-IDs
	Limit  int    // how many instances are looked at in one statement
	// Reach settles how a customer who is reachable is told, with the masked address.
	Reach func(email, phone string) (medium, to, mask string)
	// PassOver are the instances that are not looked at, see UnopenedError.
	PassOver []int64
}

// UnopenedError says of which instances a selection could not open the address: by
// their rows, their names. Nothing was written; it goes on without them.
type UnopenedError map[int64]string

func (e UnopenedError) Error() string {
	return fmt.Sprintf("the addresses of %d instances cannot be opened", len(e))
}

// queued is a delivery that a selection has made; its address is still to be settled.
type queued struct {
	Picked     int            `db:"picked"`
	ID         int64          `db:"id"`
	InstancePK sql.NullInt64  `db:"instance_pk"`
	InstanceID sql.NullString `db:"instance_id"`
	Email      []byte         `db:"email_sealed"`
	Phone      []byte         `db:"phone_sealed"`
}

// noticeFacts is what both selections add to a row of "due": the product's and the
// customer's settings. It ends where conditions may follow.
var noticeFacts = productOf + `
  LEFT JOIN customer_wishes w
         ON w.channel_id = i.channel_id
        AND w.customer = ` + customerKey + `
`

// productOf is the entry p that counts for an instance i.
var productOf = `
  LEFT JOIN LATERAL (
SELECT settings, mail_language
  FROM products` + entryOf("i.channel_id", "i.product_id", "i.sku_code") + `) p ON true`

// customerKey is how a customer is known: see customer_wishes.
const customerKey = `COALESCE(NULLIF(i.customer_id, ''), '#' || i.instance_id)`

// queueNotices ends a selection: it writes the tasks of the deliveries in "made"
// and gives them back, with the number of rows that were looked at.
const queueNotices = `
, tasked AS (
    INSERT INTO tasks (kind, purpose, instance_pk, delivery_id, order_id, order_line_id, unique_key, run_at, created_at)
    SELECT 'notice', 'notice', i.id, m.id, i.order_id, i.order_line_id, 'notice/' || m.message_ref, now(), now()
      FROM made m
      JOIN instances i ON i.id = m.instance_pk
)
SELECT (SELECT count(*) FROM due) AS picked, COALESCE(m.id, 0) AS id,
       i.id AS instance_pk, i.instance_id, i.email_sealed, i.phone_sealed
  FROM (SELECT 1) one
  LEFT JOIN made m ON true
  LEFT JOIN instances i ON i.id = m.instance_pk`

// insertNotices writes the deliveries; one that was called off is made anew.
const insertNotices = `
    INSERT INTO deliveries AS d (channel_id, instance_pk, message_id, kind, medium, language, to_sealed, to_mask, message_ref, unique_key,
                            days, about_expiry, customer, created_at)
    SELECT channel_id, instance_pk, message_id, kind, CASE WHEN email_sealed IS NULL THEN 'sms' ELSE 'email' END, language,
           COALESCE(email_sealed, phone_sealed), '', '<' || replace(gen_random_uuid()::text, '-', '') || '@' || $2, unique_key,
           days, about_expiry, customer, now()
      FROM wanted
     ORDER BY instance_pk
    ON CONFLICT (unique_key) DO UPDATE
       SET status = 'pending',
           language = EXCLUDED.language,
           message_ref = EXCLUDED.message_ref,
           customer = EXCLUDED.customer,
           content_sealed = NULL,
           last_error = NULL,
           counted_at = NULL,
           held_until = NULL,
           held_why = '',
           was_held = '',
           created_at = now()
     WHERE ` + calledOff + `
    RETURNING id, instance_pk, message_ref`

// toldOf is where the notices of an instance's expiry are, d, that count as told. It
// ends where conditions may follow. They are looked up by the instance alone (OFFSET
// 0): while thousands of notices are made, PostgreSQL does not know yet that there are
// so many of their kind.
func toldOf(instance, expiry string) string {
	return `EXISTS (
           SELECT 1
             FROM (SELECT kind, about_expiry, days, status, outcome, handing_since, resends
                     FROM deliveries
                    WHERE instance_pk = ` + instance + `
                   OFFSET 0) d
            WHERE d.kind = 'expiry_notice'
              AND d.about_expiry = ` + expiry + `
              AND NOT (` + calledOff + `)`
}

// dueExpiries is the whole of it: the instances that the clock must look at, the
// days that their products tell, of those the nearest that is due, its delivery
// and task, and when to look next. What waits of the same expiry gives way to it
// (overtaken). A moment before the expiry was known is never
// told, nor one that is further from the expiry than what was told already, nor
// anything once the expiry is a day past: whoever was away for long, or a clock
// that jumped, brings one message and no flood. What was called off was not told.
// An expiry that became known while the clock was ahead is known since now.
// A frozen or unfinished instance is looked at again when its status changes; so is one that
// changed between the statement's beginning and its lock on the row, for which
// the moments were reckoned from what is no more.
var dueExpiries = `
WITH due AS (
    SELECT id
      FROM instances
     WHERE notice_at <= now()
       AND id <> ALL($5)
     ORDER BY notice_at, id
     LIMIT $1
       FOR NO KEY UPDATE SKIP LOCKED
), known AS MATERIALIZED (
    SELECT i.id, i.channel_id, i.status, i.expires_at, i.expiry_since,
           i.email_sealed, i.phone_sealed, ` + customerKey + ` AS customer,
           COALESCE(NULLIF(w.zone, ''), $4) AS zone,
           COALESCE(NULLIF(w.language, ''), p.mail_language, 'zh-CN') AS language,
           ` + reachable + `
           AND NOT COALESCE(p.settings->'notices_off' ? 'expiry_notice', false)
           AND NOT COALESCE('expiry_notice' = ANY(w.off), false) AS wanted,
           COALESCE((SELECT array_agg(d::int) FROM jsonb_array_elements_text(p.settings->'expiry_days') d), $3::int[]) AS days
      FROM due
      JOIN instances i ON i.id = due.id` + noticeFacts + `
), plan AS MATERIALIZED (
    SELECT k.*, n.days AS nearest, next.at AS next
      FROM known k
      LEFT JOIN LATERAL (
           SELECT d.days
             FROM unnest(k.days) d(days)
            CROSS JOIN LATERAL (SELECT ` + noticeMoment("k", "k.zone") + ` AS at) m
            WHERE m.at <= now()
              AND m.at > k.expiry_since
            ORDER BY m.at DESC, d.days
            LIMIT 1) n ON true
     CROSS JOIN LATERAL (
           SELECT min(m.at) AS at
             FROM unnest(k.days) d(days)
            CROSS JOIN LATERAL (SELECT ` + noticeMoment("k", "k.zone") + ` AS at) m
            WHERE m.at > now()) next
), wanted AS MATERIALIZED (
    SELECT k.channel_id, k.id AS instance_pk, NULL::bigint AS message_id, 'expiry_notice' AS kind, k.language, k.email_sealed, k.phone_sealed,
           'expiry_notice/' || k.id || '/' || k.nearest || '/' || extract(epoch FROM k.expires_at)::bigint AS unique_key,
           k.nearest AS days, k.expires_at AS about_expiry, k.customer
      FROM plan k
     WHERE k.nearest IS NOT NULL
       AND k.wanted
       AND k.status = 'active'
       AND now() < k.expires_at + interval '24 hours'
       AND NOT ` + toldOf("k.id", "k.expires_at") + `
              AND d.days <= k.nearest)
), looked AS (
    UPDATE instances i
       SET notice_at = plan.next,
           expiry_since = LEAST(i.expiry_since, now())
      FROM plan
     WHERE i.id = plan.id
       AND i.status = plan.status
       AND i.expires_at IS NOT DISTINCT FROM plan.expires_at
), made AS (` + insertNotices + `
)` + queueNotices

// dueEvents is the same for what has happened to instances. Of several events
// of a kind the newest counts, and only what is still true is told.
var dueEvents = `
WITH due AS (
    SELECT id, instance_pk, notice, new_value, message_id
      FROM instance_events
     WHERE notice IS NOT NULL
       AND instance_pk <> ALL($3)
     ORDER BY id
     LIMIT $1
       FOR NO KEY UPDATE SKIP LOCKED
), looked AS (
    UPDATE instance_events e
       SET notice = NULL
      FROM due
     WHERE e.id = due.id
), wanted AS MATERIALIZED (
    SELECT DISTINCT ON (i.id, due.notice)
           i.channel_id, i.id AS instance_pk, due.message_id, due.notice AS kind,
           COALESCE(NULLIF(w.language, ''), p.mail_language, 'zh-CN') AS language, i.email_sealed, i.phone_sealed,
           due.notice || '/' || i.id || '/' || due.id AS unique_key,
           NULL::smallint AS days, CASE WHEN due.notice = 'renewed' THEN i.expires_at END AS about_expiry,
           ` + customerKey + ` AS customer
      FROM due
      JOIN instances i ON i.id = due.instance_pk` + noticeFacts + `
     WHERE ` + reachable + `
       AND NOT COALESCE(p.settings->'notices_off' ? due.notice, false)
       AND NOT COALESCE(due.notice = ANY(w.off), false)
       AND CASE due.notice
                WHEN 'frozen' THEN i.status = 'frozen'
                WHEN 'unfrozen' THEN i.status = 'active'
                WHEN 'released' THEN i.status = 'released'
                WHEN 'renewed' THEN i.status <> 'released' AND i.expires_at = due.new_value::timestamptz
                ELSE i.status <> 'released' END
     ORDER BY i.id, due.notice, due.id DESC
), made AS (` + insertNotices + `
)` + queueNotices

// QueueExpiryNotices looks at the instances whose notice may be due and writes
// the deliveries and tasks; picked is how many it looked at. An UnopenedError
// names those that are to be passed over.
func (t *Tx) QueueExpiryNotices(ctx context.Context, r NoticeRules) (picked, made int, err error) {
	picked, ids, err := t.queueNotices(ctx, r, dueExpiries, r.Limit, r.Domain, pq.Array(r.Days), r.Zone, passOver(r))
	if err == nil && len(ids) > 0 {
		err = t.endDeliveries(ctx, overtaken, "system", pq.Array(ids))
	}
	return picked, len(ids), err
}

// QueueEventNotices does so for what has happened to instances.
func (t *Tx) QueueEventNotices(ctx context.Context, r NoticeRules) (picked, made int, err error) {
	picked, ids, err := t.queueNotices(ctx, r, dueEvents, r.Limit, r.Domain, passOver(r))
	return picked, len(ids), err
}

// passOver is never NULL: that would pass over all.
func passOver(r NoticeRules) any { return pq.Array(append([]int64{}, r.PassOver...)) }

func (t *Tx) queueNotices(ctx context.Context, r NoticeRules, statement string, args ...any) (picked int, made []int64, err error) {
	var rows []queued
	if err := t.tx.SelectContext(ctx, &rows, statement, args...); err != nil {
		return 0, nil, toFault(err)
	}
	picked = rows[0].Picked
	if rows[0].ID == 0 {
		return picked, nil, nil
	}
	made, err = t.address(ctx, rows, r.Reach)
	return picked, made, err
}

// address settles medium and address of new deliveries: only the open addresses
// tell which of them is used, and how it is masked.
func (t *Tx) address(ctx context.Context, rows []queued, reach func(email, phone string) (medium, to, mask string)) (ids []int64, err error) {
	var media, masks []string
	var sealed [][]byte
	unopened := UnopenedError{}
	for _, q := range rows {
		email, err := t.Reader().open(seal.Customer, q.Email)
		phone, err2 := t.Reader().open(seal.Customer, q.Phone)
		if err != nil || err2 != nil {
			unopened[q.InstancePK.Int64] = q.InstanceID.String
			continue
		}
		medium, to, mask := reach(email, phone)
		ids, media, masks = append(ids, q.ID), append(media, medium), append(masks, mask)
		sealed = append(sealed, t.keys.SealString(seal.Customer, to))
	}
	if len(unopened) > 0 {
		return nil, unopened
	}
	_, err = t.tx.ExecContext(ctx, `
UPDATE deliveries d
   SET medium = a.medium,
       to_sealed = a.to_sealed,
       to_mask = a.mask
  FROM unnest($1::bigint[], $2::text[], $3::bytea[], $4::text[]) AS a (id, medium, to_sealed, mask)
 WHERE d.id = a.id`, pq.Array(ids), pq.Array(media), pq.Array(sealed), pq.Array(masks))
	return ids, toFault(err)
}

// calledOff says of a delivery d that it was cancelled before anybody but us had it,
// and was never sent again: it is as if there were none.
const calledOff = `d.status = 'cancelled'
   AND d.outcome = 'queued'
   AND d.handing_since IS NULL
   AND d.resends = 0`

// neverLeft says of a delivery d that nobody but us has it.
const neverLeft = `d.status IN ('pending', 'running', 'failed')
   AND d.outcome = 'queued'
   AND d.handing_since IS NULL`

// overtaken are the notices of the same expiry that those of $1 say more about and
// that have not gone out, unless a person has asked for them: who is held until the
// morning, or until a worker works again, is told the nearest alone. OFFSET 0 is as
// in toldOf.
var overtaken = ending(`
SELECT d.id
  FROM deliveries n
 CROSS JOIN LATERAL (
       SELECT id, kind, about_expiry, days
         FROM deliveries
        WHERE instance_pk = n.instance_pk
       OFFSET 0) o
  JOIN deliveries d
    ON d.id = o.id
 WHERE n.id = ANY($1)
   AND o.kind = 'expiry_notice'
   AND o.about_expiry = n.about_expiry
   AND o.days > n.days
   AND ` + neverLeft + `
   AND (d.resends = 0 OR d.in_bulk)`)

// ofOtherExpiry are the notices of an instance's expiry that is not its own any more.
var ofOtherExpiry = ending(`
SELECT d.id
  FROM deliveries d
 WHERE d.instance_pk = $1
   AND d.about_expiry IS DISTINCT FROM $2
   AND d.about_expiry IS NOT NULL
   AND (d.status IN ('pending', 'failed') OR ` + neverLeft + `)`)

// ofFreezes are those of an instance's freezes and unfreezes.
var ofFreezes = ending(`
SELECT d.id
  FROM deliveries d
 WHERE d.instance_pk = $1
   AND d.kind IN ('frozen', 'unfrozen')
   AND ` + neverLeft)

// dropStaleNotices cancels what has not gone out and speaks of an expiry that is
// not the instance's any more, or of a freeze or unfreeze that was not the last one.
func (t *Tx) dropStaleNotices(ctx context.Context, i *Instance, changes []market.Change) error {
	for _, c := range changes {
		var err error
		switch {
		case c.Kind == market.ExpiryChanged && c.Old != "":
			err = t.endDeliveries(ctx, ofOtherExpiry, "system", i.PK, nullTime(i.ExpiresAt))
		case c.Kind == market.StatusChanged && (c.Old == string(market.Active) || c.Old == string(market.Frozen)):
			err = t.endDeliveries(ctx, ofFreezes, "system", i.PK)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
