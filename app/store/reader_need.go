package store

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// Need is what waits for a person's decision, of one kind: how much, and the
// most urgent of it. Times are UTC; a zero time means "none".
type Need struct {
	Count Count
	Key   string        // names the most urgent one: an id, an instanceId, a pool
	Label string        // says more of it: a step, a product, a kind
	Error *fault.Record // of it
	Since time.Time     // since when it waits
	Until time.Time     // until when there is time
}

// need reads one kind in one statement, which gives n, key, label, error, since
// and until of the most urgent row, or no row.
func (r *Reader) need(ctx context.Context, query string) (Need, error) {
	var row struct {
		N     int            `db:"n"`
		Key   string         `db:"key"`
		Label string         `db:"label"`
		Error sql.NullString `db:"error"`
		Since sql.NullTime   `db:"since"`
		Until sql.NullTime   `db:"until"`
	}
	err := toFault(sqlx.GetContext(ctx, r.q, &row, query))
	if fault.Is(err, fault.NotFound) {
		return Need{}, nil
	}
	if err != nil {
		return Need{}, err
	}
	rec, err := recordOf(row.Error)
	return Need{Count: countOf(row.N), Key: row.Key, Label: row.Label, Error: rec, Since: utc(row.Since), Until: utc(row.Until)}, err
}

// deciding says of a failure group g that somebody must decide about it: it is open,
// not put off, and has something in it that nobody tries again by itself. A customer or
// a system of the seller's that could not be told is decided about by itself (see
// undecided), and counted there.
const deciding = `g.resolved_at IS NULL
   AND (g.snoozed_until IS NULL OR g.snoozed_until <= now())
   AND g.step NOT IN ('deliver', 'notice', 'event')
   AND (NOT g.of_tasks OR EXISTS (SELECT 1 FROM tasks t WHERE t.failure_group = g.id AND t.status = 'failed'))`

// NeedGroups is the failure groups that somebody must decide about. The first is the
// one whose marketplace gives up first.
func (r *Reader) NeedGroups(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.*
  FROM (SELECT g.id::text AS key, g.step AS label, g.error, g.opened_at AS since,
               (SELECT m.retry_until FROM messages m WHERE m.failure_group = g.id AND m.retry_until > now() ORDER BY m.retry_until LIMIT 1) AS until
          FROM failure_groups g
         WHERE `+deciding+`
         LIMIT 1001) due
 ORDER BY due.until NULLS LAST, due.since
 LIMIT 1`)
}

// NeedAccess is the instances that wait for a person to hand the access data in.
func (r *Reader) NeedAccess(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.key, due.label, NULL AS error, due.since, NULLIF(due.until, `+noDeadline+`) AS until
  FROM (SELECT i.instance_id AS key, i.product_name AS label, t.parked_at AS since, `+workDue+` AS until
          FROM tasks t
          JOIN instances i ON i.id = t.instance_pk
         WHERE `+parkedFor[ForPerson]+`
         LIMIT 1001) due
 ORDER BY due.until, due.since
 LIMIT 1`)
}

// NeedKeys is the channels and classes of keys whose calls are refused although our own
// key signed them, as the alert of it stands. The key is the alert's subject, the label
// the class.
func (r *Reader) NeedKeys(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, a.subject AS key, split_part(a.subject, '/', 2) AS label, NULL AS error, COALESCE(a.since, a.opened_at) AS since, NULL::timestamptz AS until
  FROM alerts a
 WHERE a.kind = '`+market.AlertKey+`'
   AND a.severity = `+strconv.Itoa(market.Critical)+`
   AND a.cleared_at IS NULL
   AND NOT a.settled
 ORDER BY a.opened_at
 LIMIT 1`)
}

// waitingLicenses are the tasks t of Licenses l of instances i in use that wait for a
// person to hand the License in.
const waitingLicenses = `tasks t
          JOIN licenses l ON l.id = t.license_id
          JOIN instances i ON i.id = l.instance_pk
         WHERE t.status = 'pending'
           AND t.kind = 'license'
           AND t.parked_at IS NOT NULL
           AND t.run_at >= ` + untilPerson + `
           AND i.released_at IS NULL`

// licenseDue is until when the marketplace calls for the License of such a task t: a
// License 1.0 is called for until it gives up, any other was answered with success.
const licenseDue = `(SELECT m.retry_until FROM messages m WHERE m.id = t.message_id AND m.result_code <> '000000')`

// NeedLicenses is the Licenses that wait for a person to hand them in.
func (r *Reader) NeedLicenses(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.*
  FROM (SELECT l.id::text AS key, i.product_name AS label, NULL AS error, t.parked_at AS since, `+licenseDue+` AS until
          FROM `+waitingLicenses+`
         LIMIT 1001) due
 ORDER BY due.until NULLS LAST, due.since
 LIMIT 1`)
}

// lowPools is the pools that run low: of accounts and, with "license/" before their
// names, of Licenses. Of those without a mark only what a product
// uses and is empty counts.
const lowPools = `
        SELECT *
          FROM (SELECT p.name, p.low_since AS since, (SELECT count(*) FROM pool_accounts a WHERE a.pool = p.name AND a.status = 'free') AS free, p.low_water,
                       EXISTS (SELECT 1 FROM products d WHERE d.driver = 'pool' AND d.settings ->> 'pool' = p.name) AS used
                  FROM pools p
                UNION ALL
                SELECT 'license/' || p.name, p.low_since, (SELECT count(*) FROM pooled_licenses l WHERE l.pool = p.name AND l.status = 'free'), p.low_water,
                       EXISTS (SELECT 1 FROM products d WHERE d.settings ->> 'license' = 'pool' AND d.settings ->> 'license_pool' = p.name)
                  FROM license_pools p) levels
         WHERE levels.free <= levels.low_water
           AND (levels.low_water > 0 OR levels.used)`

// NeedPools is the pools of accounts that run low.
func (r *Reader) NeedPools(ctx context.Context) (Need, error) {
	return r.needPools(ctx, "NOT LIKE")
}

// NeedLicensePools is the pools of Licenses that run low.
func (r *Reader) NeedLicensePools(ctx context.Context) (Need, error) {
	return r.needPools(ctx, "LIKE")
}

func (r *Reader) needPools(ctx context.Context, named string) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, low.name AS key, low.free::text AS label, NULL AS error, low.since, NULL::timestamptz AS until
  FROM (`+lowPools+`) low
 WHERE low.name `+named+` 'license/%'
 ORDER BY low.free, low.name
 LIMIT 1`)
}

// NeedLeftovers is what may still be there at a driver although no order stands
// behind it.
func (r *Reader) NeedLeftovers(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.*, NULL::timestamptz AS until
  FROM (SELECT i.instance_id AS key, i.product_name AS label, l.error, l.found_at AS since
          FROM leftovers l
          JOIN instances i ON i.id = l.instance_pk
         WHERE l.status = 'open'
         ORDER BY l.id
         LIMIT 1001) due
 ORDER BY due.since
 LIMIT 1`)
}

// NeedFindings is the differences between the marketplace and here that nobody
// has decided. What costs somebody an order comes first.
func (r *Reader) NeedFindings(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.key, due.label, due.error, due.since, NULL::timestamptz AS until
  FROM (SELECT f.id::text AS key, f.kind AS label, f.error, f.found_at AS since
          FROM reconcile_findings f
         WHERE f.status = 'open'
         LIMIT 1001) due
 ORDER BY array_position(ARRAY['missing', 'expiry', 'locked', 'product', 'cancelled', 'overdue', 'unanswered'], due.label), due.since
 LIMIT 1`)
}

// holds says of a delivery d that what it says is still so, as deliver.stillTrue has
// it.
const holds = `(SELECT CASE WHEN d.kind = 'released' OR i.status = 'released' THEN d.kind = i.status
                            WHEN d.kind = 'frozen' THEN i.status = 'frozen'
                            WHEN d.kind = 'unfrozen' THEN i.status = 'active'
                            WHEN d.kind = 'renewed' THEN d.about_expiry IS NOT DISTINCT FROM i.expires_at
                            WHEN d.kind = 'expiry_notice' THEN i.status = 'active' AND d.about_expiry = i.expires_at AND now() < i.expires_at + interval '24 hours'
                            ELSE true END
                  FROM instances i
                 WHERE i.id = d.instance_pk)`

// untold says of a delivery d that somebody can still do something about it once
// it was given up: it has an address and what it says holds, and no fall-back took its
// place, which is counted itself if it failed too.
const untold = `NOT ` + replaced + `
           AND ` + sayable

// undecided says of a delivery d that somebody must decide about it: it was given up,
// can still be told, and its failure was not closed.
const undecided = openFailure + `
           AND ` + untold + `
           AND ` + notClosed

// notClosed says of a failed delivery d that nobody has closed the failure group of
// what was to hand it over.
const notClosed = `COALESCE((SELECT bool_or(t.failure_group IS DISTINCT FROM 0) FROM tasks t WHERE t.delivery_id = d.id AND t.status = 'failed'), TRUE)`

// NeedDeliveries is the messages to customers that were given up and that
// somebody can still do something about.
func (r *Reader) NeedDeliveries(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.*, NULL::timestamptz AS until
  FROM (SELECT d.id::text AS key, d.kind AS label, d.last_error AS error, d.created_at AS since
          FROM deliveries d
         WHERE `+undecided+`
         ORDER BY d.id DESC
         LIMIT 1001) due
 ORDER BY due.since
 LIMIT 1`)
}

// NeedConflicts is the messages under whose key other contents came that nobody has
// accepted or refused.
func (r *Reader) NeedConflicts(ctx context.Context) (Need, error) {
	return r.need(ctx, `
SELECT count(*) OVER () AS n, due.*, NULL AS error, NULL::timestamptz AS until
  FROM (SELECT m.id::text AS key, m.activity AS label, q.first_at AS since
          FROM (SELECT message_id, min(first_at) AS first_at FROM quarantine WHERE status = 'open' GROUP BY message_id) q
          JOIN messages m ON m.id = q.message_id
         LIMIT 1001) due
 ORDER BY due.since
 LIMIT 1`)
}
