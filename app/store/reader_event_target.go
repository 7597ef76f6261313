package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// The states of a subscription's connection, as far as the events tell it.
const (
	TargetOff     = "off"
	TargetUnused  = "unused"  // nothing was sent to it yet
	TargetOK      = "ok"      // the last try went well
	TargetFailing = "failing" // the last try did not
	TargetPaused  = "paused"  // it failed again and again, so calls pause
)

// TargetHealth is how the sending to a subscription stands. It is read from the
// events, so it is the same in every process. Times are UTC; zero means never.
type TargetHealth struct {
	LastOK    time.Time
	LastFail  time.Time     // of what is not taken yet
	LastError *fault.Record // of that try
	Waiting   Count         // events that are still to be sent
	Failed    Count         // given up
}

// State sums it up. enabled is the subscription's own switch.
func (h TargetHealth) State(enabled bool, now time.Time) string {
	switch {
	case !enabled:
		return TargetOff
	case h.LastFail.IsZero() && h.LastOK.IsZero():
		return TargetUnused
	case !h.LastFail.After(h.LastOK):
		return TargetOK
	case h.LastError != nil && h.LastError.Key == "webhook.breaker_open" && now.Sub(h.LastFail) < breakerPause:
		return TargetPaused
	}
	return TargetFailing
}

// breakerPause is how long an open breaker holds calls back.
const breakerPause = 30 * time.Second

// looked bounds how many of a subscription's open events are looked at for their
// last try.
const looked = "200"

// targetHealth is how the subscription $id stands.
const targetHealth = `
SELECT $id::bigint AS id,
       (SELECT max(done.sent_at)
          FROM (SELECT sent_at FROM events WHERE receiver = $id AND status = 'succeeded' ORDER BY id DESC LIMIT ` + looked + `) done) AS ok,
       bad.at AS fail, bad.error,
       (SELECT count(*) FROM (SELECT 1 FROM events WHERE receiver = $id AND status IN ('pending', 'running') LIMIT 1001) w) AS waiting,
       (SELECT count(*) FROM (SELECT 1 FROM events WHERE receiver = $id AND status = 'failed' LIMIT 1001) g) AS failed
  FROM (SELECT) AS one
  LEFT JOIN LATERAL (
       SELECT a.at, a.error
         FROM ((SELECT id FROM events WHERE receiver = $id AND status = 'pending' ORDER BY id DESC LIMIT ` + looked + `)
               UNION ALL
               (SELECT id FROM events WHERE receiver = $id AND status = 'running' ORDER BY id DESC LIMIT ` + looked + `)
               UNION ALL
               (SELECT id FROM events WHERE receiver = $id AND status = 'failed' ORDER BY id DESC LIMIT ` + looked + `)) e
        CROSS JOIN LATERAL (
              SELECT at, error
                FROM (SELECT id, at, error FROM event_attempts WHERE event_id = e.id AND error IS NOT NULL OFFSET 0) tries
               ORDER BY id DESC
               LIMIT 1) a
        ORDER BY a.at DESC
        LIMIT 1) bad ON true`

// TargetHealths reads how each of some subscriptions stands, in one statement.
// Each has its own part with its id written out: only so does PostgreSQL know that
// the newest of a quiet one are not found by going back through all.
func (r *Reader) TargetHealths(ctx context.Context, targets []EventTarget) (map[int64]TargetHealth, error) {
	if len(targets) == 0 {
		return map[int64]TargetHealth{}, nil
	}
	parts := make([]string, len(targets))
	for i, t := range targets {
		parts[i] = strings.ReplaceAll(targetHealth, "$id", strconv.FormatInt(t.ID, 10))
	}
	var rows []struct {
		ID      int64          `db:"id"`
		OK      sql.NullTime   `db:"ok"`
		Fail    sql.NullTime   `db:"fail"`
		Error   sql.NullString `db:"error"`
		Waiting int            `db:"waiting"`
		Failed  int            `db:"failed"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, strings.Join(parts, "\n UNION ALL"))
	if err != nil {
		return nil, toFault(err)
	}
	out := make(map[int64]TargetHealth, len(rows))
	for _, row := range rows {
		rec, err := recordOf(row.Error)
		if err != nil {
			return nil, err
		}
		out[row.ID] = TargetHealth{LastOK: utc(row.OK), LastFail: utc(row.Fail), LastError: rec, Waiting: countOf(row.Waiting), Failed: countOf(row.Failed)}
	}
	return out, nil
}
