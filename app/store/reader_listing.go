package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/market"
)

// marketplaces says of an attempt a that the marketplace made it, and no agent of
// our own.
const marketplaces = `a.source = 'marketplace' AND a.actor = ''`

// signedHere says of a refused attempt a that a key of ours has signed it: its first
// finding is one of the parameter's.
func signedHere(findings string) string {
	return `COALESCE(a.diagnosis #>> '{findings,0,code}' = ANY (` + findings + `), FALSE)`
}

// ProbeDays is how many days of probes are looked at.
const ProbeDays = 10

// ProbedProduct is what the debugging calls of a product came to, or those to a
// channel's address of which the product is not known.
type ProbedProduct struct {
	Slug    string // of the channel
	Product string // that the calls name, or that of an instance or the order that they name; "": unknown
	Rows    []ProbeRow
	Failing int       // on how many days on end one of its interfaces has failed
	Last    time.Time // the end of the last half day with a call that was proved; zero: there was none
}

// ProbeRow is the days of one interface, the oldest first, the last one today.
type ProbeRow struct {
	Protocol string
	Activity string
	Days     [ProbeDays]market.ProbeDay
}

// alsoBought is the products of the instances that a message m names behind the first.
const alsoBought = `SELECT i.product_id
                           FROM message_instances n
                           JOIN instances i ON i.instance_id = n.instance_id
                          WHERE n.message_id = m.id
                            AND i.channel_id = m.channel_id
                            AND i.product_id <> ''`

// probes counts half days by message first: that is a saved case, except that each
// arrival of one that we did not take may be a message of its own, which passes with
// whatever passes of the same ids. The few debugging calls are found first, and their
// attempts looked up (OFFSET 0), instead of reading those of all calls. A poll of several
// instances counts for the product of each of them, once.
var probes = `
WITH m AS MATERIALIZED (
    SELECT id, channel_id, protocol, activity, product_id, order_id, order_line_id, instance_id, ` + takenOver + ` AS taken
      FROM messages m
     WHERE test
       AND last_received_at >= $1
       AND activity <> ''
), one AS (
    SELECT m.channel_id, m.protocol, m.activity, COALESCE(p.product, '') AS product, m.order_id, m.order_line_id, m.instance_id, m.taken,
           date_trunc('day', a.at AT TIME ZONE interval '8 hours') AS day,
           extract(hour FROM a.at AT TIME ZONE interval '8 hours') >= 12 AS afternoon,
           count(*) FILTER (WHERE is_ours AND a.result_code = $2) AS passed,
           count(*) FILTER (WHERE is_ours AND a.result_code <> $2) AS failed,
           count(*) FILTER (WHERE NOT is_ours) AS refused,
           max(a.at) FILTER (WHERE is_ours AND a.result_code = $2) AS passed_at,
           max(a.at) FILTER (WHERE is_ours AND a.result_code <> $2) AS failed_at
      FROM m
     CROSS JOIN LATERAL (
           SELECT a.at, a.disposition, a.result_code, a.diagnosis
             FROM attempts a
            WHERE a.message_id = m.id
              AND ` + marketplaces + `
              AND a.at >= $1
              AND a.part >= month_of($1::timestamptz - interval '2 days')
           OFFSET 0) a
     CROSS JOIN LATERAL (SELECT a.disposition <> 'rejected' OR ` + signedHere("$3") + ` AS is_ours) o
      LEFT JOIN LATERAL (SELECT COALESCE(CASE WHEN is_ours THEN NULLIF(m.product_id, '') END, ` + boughtProduct + `) AS product
                         UNION
                        ` + alsoBought + `) p
        ON p.product IS NOT NULL
     GROUP BY m.id, m.channel_id, m.protocol, m.activity, m.order_id, m.order_line_id, m.instance_id, m.taken, p.product, day, afternoon
), last AS (
    SELECT *, CASE WHEN taken THEN passed_at
                   ELSE max(passed_at) OVER (PARTITION BY channel_id, protocol, activity, order_id, order_line_id, instance_id, day, afternoon) END AS mended_at
      FROM one
)
SELECT (SELECT c.slug FROM channels c WHERE c.id = channel_id) AS channel, protocol, activity, product, day, afternoon,
       sum(passed) AS passed, sum(failed) AS failed, sum(refused) AS refused,
       count(*) FILTER (WHERE failed_at >= COALESCE(mended_at, failed_at)) AS failing
  FROM last
 GROUP BY channel_id, protocol, activity, product, day, afternoon
 ORDER BY channel, product, protocol, activity`

// Probes tells what the debugging calls of the last ProbeDays days came to, by
// channel, product and interface. Our own agents' do not count. A refused call that
// a key of ours has signed is the marketplace's, and failed; what any other says its
// product is counts for nothing.
func (r *Reader) Probes(ctx context.Context, now time.Time) ([]ProbedProduct, error) {
	first := market.ProbeDate(now).AddDate(0, 0, 1-ProbeDays)
	var halves []struct {
		Channel   string    `db:"channel"`
		Protocol  string    `db:"protocol"`
		Activity  string    `db:"activity"`
		Product   string    `db:"product"`
		Day       time.Time `db:"day"`
		Afternoon bool      `db:"afternoon"`
		Passed    int       `db:"passed"`
		Failed    int       `db:"failed"`
		Failing   int       `db:"failing"`
		Refused   int       `db:"refused"`
	}
	err := sqlx.SelectContext(ctx, r.q, &halves, probes, market.HalfEnds(first.AddDate(0, 0, -1), true), string(market.Success),
		pq.Array(market.FindingsOfOurKeys()))
	if err != nil {
		return nil, toFault(err)
	}
	out := []ProbedProduct{}
	for _, h := range halves {
		if n := len(out); n == 0 || out[n-1].Slug != h.Channel || out[n-1].Product != h.Product {
			out = append(out, ProbedProduct{Slug: h.Channel, Product: h.Product})
		}
		p := &out[len(out)-1]
		if n := len(p.Rows); n == 0 || p.Rows[n-1].Protocol != h.Protocol || p.Rows[n-1].Activity != h.Activity {
			p.Rows = append(p.Rows, ProbeRow{Protocol: h.Protocol, Activity: h.Activity})
		}
		n := int(h.Day.Sub(first).Hours() / 24)
		if n < 0 || n >= ProbeDays { // the clocks of the database and of this program differ
			continue
		}
		day := &p.Rows[len(p.Rows)-1].Days[n]
		if got := (market.Probes{Passed: h.Passed, Failed: h.Failed, Failing: h.Failing, Refused: h.Refused}); h.Afternoon {
			day.Afternoon = got
		} else {
			day.Morning = got
		}
		if end := market.HalfEnds(h.Day, h.Afternoon); h.Passed+h.Failed > 0 && end.After(p.Last) { // a stranger's call is none
			p.Last = end
		}
	}
	for i := range out {
		for _, row := range out[i].Rows {
			out[i].Failing = max(out[i].Failing, market.ProbeStreak(row.Days[:]))
		}
	}
	return out, nil
}

// CallRate is how the marketplace's calls to one interface went. The durations
// are those from arrival to answer.
type CallRate struct {
	Channel  string  `db:"channel"`
	Protocol string  `db:"protocol"`
	Activity string  `db:"activity"`
	Calls    int     `db:"calls"`
	Well     int     `db:"well"` // answered with success, or with "processing"
	P50      float64 `db:"p50"`  // milliseconds
	P95      float64 `db:"p95"`
	Max      float64 `db:"max"`
}

// CallRates sums up the marketplace's real, authentic calls since then, by channel
// and interface.
func (r *Reader) CallRates(ctx context.Context, since time.Time) ([]CallRate, error) {
	out := []CallRate{}
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT (SELECT c.slug FROM channels c WHERE c.id = m.channel_id) AS channel, m.protocol, m.activity,
       count(*) AS calls,
       count(*) FILTER (WHERE a.result_code IN ($2, $3)) AS well,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY a.duration_us) / 1000.0 AS p50,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY a.duration_us) / 1000.0 AS p95,
       max(a.duration_us) / 1000.0 AS max
  FROM attempts a
  JOIN messages m
    ON m.id = a.message_id
 WHERE a.at >= $1
   AND a.part >= month_of($1::timestamptz - interval '2 days')
   AND `+marketplaces+`
   AND a.disposition <> 'rejected'
   AND NOT m.test
 GROUP BY m.channel_id, m.protocol, m.activity
 ORDER BY channel, m.protocol, m.activity`, since, string(market.Success), string(market.Processing))
	return out, toFault(err)
}

// UsableTime is how long the customers of a product waited for what they bought:
// from the purchase until KooGallery first got its address. In seconds; 0 where
// nobody has anything yet.
type UsableTime struct {
	Channel   string  `db:"channel"`
	ProductID string  `db:"product_id"` // "" where the order query has not told it
	Bought    int     `db:"bought"`
	Usable    int     `db:"usable"`
	P50       float64 `db:"p50"`
	P95       float64 `db:"p95"`
}

// UsableTimes sums up what was bought in the last 30 days, the newest 5,000
// instances at most, by channel and product.
func (r *Reader) UsableTimes(ctx context.Context, now time.Time) ([]UsableTime, error) {
	out := []UsableTime{}
	err := sqlx.SelectContext(ctx, r.q, &out, `
SELECT (SELECT c.slug FROM channels c WHERE c.id = i.channel_id) AS channel, i.product_id, count(*) AS bought, count(i.took) AS usable,
       COALESCE(percentile_disc(0.5) WITHIN GROUP (ORDER BY i.took), 0) AS p50,
       COALESCE(percentile_disc(0.95) WITHIN GROUP (ORDER BY i.took), 0) AS p95
  FROM (SELECT channel_id, product_id, created_at, 
               CASE WHEN url_seen_at IS NOT NULL THEN GREATEST(extract(epoch FROM url_seen_at - created_at), 0)::float8 END AS took
          FROM instances
         ORDER BY id DESC
         LIMIT 5000) i
 WHERE i.created_at >= $1
 GROUP BY i.channel_id, i.product_id
 ORDER BY channel, i.product_id`, now.AddDate(0, 0, -30))
	return out, toFault(err)
}
