package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/market"
)

// OpenInstance is an instance that a run has to ask for, with the orders that
// rule over its expiry and its product; both are the purchase until a renewal or
// an upgrade was taken over. What was refused here may be an order all the same.
type OpenInstance struct {
	PK          int64  `db:"id"`
	ChannelID   int64  `db:"channel_id"`
	OrderID     string `db:"order_id"`
	OrderLineID string `db:"order_line_id"`
	Renewal     string `db:"renewal"` // order of the last renewal, "" without one
	RenewalLine string `db:"renewal_line"`
	Upgrade     string `db:"upgrade"` // order of the last upgrade or change upon renewal
	UpgradeLine string `db:"upgrade_line"`

	// The last call of each kind that was not taken, whose order no other call
	// has brought since; "" without one.
	RefusedRenewal     string `db:"refused_renewal"`
	RefusedRenewalLine string `db:"refused_renewal_line"`
	RefusedUpgrade     string `db:"refused_upgrade"`
	RefusedUpgradeLine string `db:"refused_upgrade_line"`
	RefusedRelease     string `db:"refused_release"`
	RefusedReleaseLine string `db:"refused_release_line"`
}

// The calls of messages m that set an instance's expiry, its product, and its end.
const (
	renewalCalls = `m.activity IN ('refreshInstance', 'refreshLicense')`
	upgradeCalls = `(m.activity IN ('upgradeInstance', 'upgrade') OR m.activity = 'refreshInstance' AND m.idem_key LIKE '%/RENEWAL\_CHANGE/%')`
	releaseCalls = `m.activity = 'releaseInstance'`
)

// lastCall joins, to instances i, the last of such calls that was taken, or else
// that was not.
func lastCall(name, calls string, taken bool) string {
	which := `m.result_code IN ('000000', '000004')`
	if !taken {
		which = `m.result_code NOT IN ('000000', '000004')
          AND m.order_id <> ''
          AND NOT EXISTS (
              SELECT 1
                FROM messages k
               WHERE k.instance_id = m.instance_id
                 AND k.instance_id <> ''
                 AND k.channel_id = m.channel_id
                 AND k.order_id = m.order_id
                 AND k.order_line_id = m.order_line_id
                 AND k.result_code IN ('000000', '000004'))`
	}
	return `
  LEFT JOIN LATERAL (
       SELECT m.order_id, m.order_line_id
         FROM messages m
        WHERE m.instance_id = i.instance_id
          AND m.instance_id <> ''
          AND m.channel_id = i.channel_id
          AND NOT m.test
          AND ` + calls + `
          AND ` + which + `
        ORDER BY m.first_received_at DESC, m.id DESC
        LIMIT 1) ` + name + ` ON TRUE`
}

// OpenInstances lists instances behind a row that are not released, in order.
func (r *Reader) OpenInstances(ctx context.Context, afterPK int64, limit int) ([]OpenInstance, error) {
	var out []OpenInstance
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT i.id, i.channel_id, i.order_id, i.order_line_id,
       COALESCE(renewal.order_id, '') AS renewal, COALESCE(renewal.order_line_id, '') AS renewal_line,
       COALESCE(upgrade.order_id, '') AS upgrade, COALESCE(upgrade.order_line_id, '') AS upgrade_line,
       COALESCE(no_renewal.order_id, '') AS refused_renewal, COALESCE(no_renewal.order_line_id, '') AS refused_renewal_line,
       COALESCE(no_upgrade.order_id, '') AS refused_upgrade, COALESCE(no_upgrade.order_line_id, '') AS refused_upgrade_line,
       COALESCE(no_release.order_id, '') AS refused_release, COALESCE(no_release.order_line_id, '') AS refused_release_line
  FROM (SELECT id, channel_id, instance_id, order_id, order_line_id
          FROM instances
         WHERE released_at IS NULL
           AND id > $1
         ORDER BY id
         LIMIT $2) i`+lastCall("renewal", renewalCalls, true)+lastCall("upgrade", upgradeCalls, true)+
		lastCall("no_renewal", renewalCalls, false)+lastCall("no_upgrade", upgradeCalls, false)+lastCall("no_release", releaseCalls, false)+`
 ORDER BY i.id`, afterPK, limit)
	return out, toFault(err)
}

// LostPurchase is a purchase that made no instance: one that somebody claimed, or
// that an order notice told of.
type LostPurchase struct {
	ID          int64     `db:"id"` // of the message, or of the order
	At          time.Time `db:"at"`
	ChannelID   int64     `db:"channel_id"`
	OrderID     string    `db:"order_id"`
	OrderLineID string    `db:"order_line_id"` // "" in V1.0
	Sellable    bool      `db:"sellable"`      // V2.0 can make its instance
}

// LostPurchases lists newInstance calls that could not be understood or proved and
// that no instance belongs to: those that came behind LostAt and LostID, before
// the run began, in that order; at most limit. The marketplace has to say whether
// there is such an order.
func (r *Reader) LostPurchases(ctx context.Context, run Run, limit int) ([]LostPurchase, error) {
	var out []LostPurchase
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT m.id, m.last_received_at AS at, m.channel_id, m.order_id, m.order_line_id, m.protocol = $4 AS sellable
  FROM messages m
 WHERE m.activity = 'newInstance'
   AND m.status IN ('failed', 'rejected')
   AND NOT m.test
   AND m.order_id <> ''
   AND (m.protocol = $4 AND m.order_line_id <> '' OR m.protocol = $6)
   AND (m.last_received_at, m.id) > ($1, $2)
   AND m.last_received_at <= $3
   AND NOT EXISTS (
       SELECT 1
         FROM instances i
        WHERE i.channel_id = m.channel_id
          AND i.order_id = m.order_id
          AND (i.order_line_id = m.order_line_id OR m.protocol = $6))
 ORDER BY m.last_received_at, m.id
 LIMIT $5`, run.LostAt, run.LostID, run.StartedAt, string(market.V2), limit, string(market.V1))
	return out, toFault(err)
}

// ToldPurchases lists purchases that an order notice told of behind ToldAt and
// ToldID and before that time, and that have neither an instance nor an authorization
// code, in that order; at most limit. Not everything that is sold has instances: they
// are of a product that had one before, or has an entry of its own, or by the
// channel's default, if it has not been told of for longer than a week without ever
// having one. Their instance can be made if V2.0 made the last one or, if there never
// was one, the product has an entry of its own.
func (r *Reader) ToldPurchases(ctx context.Context, run Run, before time.Time, limit int) ([]LostPurchase, error) {
	var out []LostPurchase
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT o.id, o.notified_at AS at, o.channel_id, o.order_id, o.order_line_id, COALESCE(sold.v2, own.makes, FALSE) AS sellable
  FROM orders o
  LEFT JOIN LATERAL (
       SELECT i.protocol = $4 AS v2
         FROM instances i
        WHERE i.product_id = o.product_id
          AND i.product_id <> ''
          AND i.channel_id = o.channel_id
        ORDER BY i.id DESC
        LIMIT 1) sold ON TRUE
  LEFT JOIN LATERAL (
       SELECT bool_or(p.driver <> 'none') AS makes
         FROM products p
        WHERE p.channel_id = o.channel_id
          AND (p.product_id = o.product_id AND o.product_id <> '' OR p.sku_code = o.sku_code AND o.sku_code <> '')) own ON TRUE
 WHERE o.source = 'notice'
   AND o.order_type IN ('NEW', 'TRIAL')
   AND (o.notified_at, o.id) > ($1, $2)
   AND o.notified_at <= $3
   AND (sold.v2 IS NOT NULL
        OR own.makes IS NOT NULL
        OR EXISTS (SELECT 1 FROM products p WHERE p.channel_id = o.channel_id AND p.product_id = '*')
       AND NOT EXISTS (
           SELECT 1
             FROM orders e
            WHERE e.product_id = o.product_id
              AND e.product_id <> ''
              AND e.channel_id = o.channel_id
              AND e.source = 'notice'
              AND e.order_type IN ('NEW', 'TRIAL')
              AND e.notified_at < o.notified_at - interval '7 days'))
   AND NOT EXISTS (
       SELECT 1
         FROM instances i
        WHERE i.channel_id = o.channel_id
          AND i.order_id = o.order_id
          AND i.order_line_id IN (o.order_line_id, ''))
   AND NOT EXISTS (SELECT 1 FROM license_codes l WHERE l.order_id = o.order_id AND l.order_id <> '' AND l.channel_id = o.channel_id)
 ORDER BY o.notified_at, o.id
 LIMIT $5`, run.ToldAt, run.ToldID, before, string(market.V2), limit)
	return out, toFault(err)
}
