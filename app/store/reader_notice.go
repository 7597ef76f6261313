package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/lib/pq"

	"koodesk/app/fault"
	"koodesk/app/market"
)

// NextNotice is the notice of an instance's expiry that comes next, if nothing
// changes until then.
type NextNotice struct {
	Days int
	At   time.Time // zero: none is to come
}

// NoticesOf tells what an instance's customer wants to hear, and which notice of
// its expiry comes next; days and zone are what counts where its product and its
// customer say nothing else. Fault: not_found "instance.unknown".
func (r *Reader) NoticesOf(ctx context.Context, instanceID string, days []int, zone string) (Wishes, NextNotice, error) {
	var w Wishes
	var n NextNotice
	var at sql.NullTime
	err := r.q.QueryRowxContext(ctx, `
SELECT COALESCE(w.off, '{}'), COALESCE(w.language, ''), COALESCE(w.zone, ''), COALESCE(next.days, 0), next.at
  FROM instances i`+noticeFacts+`
  LEFT JOIN LATERAL (
       SELECT d.days, m.at
         FROM unnest(COALESCE((SELECT array_agg(v::int) FROM jsonb_array_elements_text(p.settings->'expiry_days') v), $2::int[])) d(days)
        CROSS JOIN LATERAL (SELECT `+noticeMoment("i", "COALESCE(NULLIF(w.zone, ''), $3)")+` AS at) m
        WHERE i.status = 'active'
          AND `+reachable+`
          AND i.expires_at IS NOT NULL
          AND m.at > now()
          AND NOT COALESCE(p.settings->'notices_off' ? $4, false)
          AND NOT COALESCE($4 = ANY(w.off), false)
        ORDER BY m.at
        LIMIT 1) next ON true
 WHERE i.instance_id = $1`, instanceID, pq.Array(days), zone, market.ExpiryNotice).
		Scan(pq.Array(&w.Off), &w.Language, &w.Zone, &n.Days, &at)
	if fault.Is(toFault(err), fault.NotFound) {
		return w, n, fault.New(fault.NotFound, "instance.unknown")
	}
	n.At = utc(at)
	return w, n, toFault(err)
}

// NearerNotice tells whether an instance has a notice of the same expiry as this one
// that is nearer to it.
func (r *Reader) NearerNotice(ctx context.Context, d *Delivery) (nearer bool, err error) {
	err = r.q.QueryRowxContext(ctx, `SELECT `+toldOf("$1", "$2")+`
              AND d.days < $3)`, d.InstancePK, d.AboutExpiry, d.Days).Scan(&nearer)
	return nearer, toFault(err)
}

// reachable tells whether an instance's customer can be told anything. What was
// given as an address and is none ("n/a" as a phone number) is sealed, but there is
// nothing to find it by.
const reachable = "(i.email_bidx IS NOT NULL OR i.phone_bidx IS NOT NULL)"

// noticeMoment is when a notice of d.days before the expiry of a row is due: so
// many times 24 hours before it, and the day itself from its beginning. An expiry
// in the last minute of a day, as KooGallery's are, is the end of that day for
// whoever reads of it: then it is the beginning of the day so many days earlier.
func noticeMoment(row, zone string) string {
	local := row + `.expires_at AT TIME ZONE ` + zone
	return `CASE WHEN d.days = 0 OR (` + local + `)::time >= '23:59'
                     THEN (date_trunc('day', ` + local + `) - d.days * interval '1 day') AT TIME ZONE ` + zone + `
                ELSE ` + row + `.expires_at - d.days * interval '24 hours' END`
}
