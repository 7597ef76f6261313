package store

import (
	"context"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"koodesk/app/market"
)

// maxPolls bounds the first, and the last, polls of one message that are looked at
// one by one; how many there were at all is counted with the message.
const maxPolls = 250

// polls are the marketplace's polls among messages as runs with the same answer;
// restarts are those of the messages, which are attempts too.
func (r *Reader) polls(ctx context.Context, messages []MessageRow, restarts []TimelineEvent) ([]TimelineEvent, error) {
	var polled []int64
	for _, m := range messages {
		if m.Activity == market.QueryInstance {
			polled = append(polled, m.ID)
		}
	}
	if len(polled) == 0 {
		return nil, nil
	}
	var runs []pollRun
	err := sqlx.SelectContext(ctx, r.q, &runs, `
SELECT message_id, result_code, min(at) AS first, max(at) AS last, count(*) AS n
  FROM (SELECT a.*, row_number() OVER (PARTITION BY message_id ORDER BY id)
                  - row_number() OVER (PARTITION BY message_id, result_code ORDER BY id) AS run
          FROM unnest($1::bigint[]) AS wanted (message)
          JOIN LATERAL (
              (SELECT id, message_id, result_code, at
                 FROM attempts
                WHERE message_id = wanted.message
                  AND source = 'marketplace'
                ORDER BY id
                LIMIT $2)
                UNION
              (SELECT id, message_id, result_code, at
                 FROM attempts
                WHERE message_id = wanted.message
                  AND source = 'marketplace'
                ORDER BY id DESC
                LIMIT $2)) a
            ON TRUE) polls
 GROUP BY message_id, result_code, run
 ORDER BY message_id, min(id)`, pq.Array(polled), maxPolls)
	if err != nil {
		return nil, toFault(err)
	}
	restarted := map[int64]int{}
	for _, e := range restarts {
		if e.Sort == EventRestart {
			restarted[e.MessageID]++
		}
	}
	var out []TimelineEvent
	for _, m := range messages {
		if m.Activity != market.QueryInstance {
			continue
		}
		for _, p := range pollsOf(m, runs, m.Attempts-restarted[m.ID]) {
			e := TimelineEvent{At: p.First.UTC(), Sort: EventPoll, Kind: m.Activity, ResultCode: p.Code, Count: p.N, Counted: p.Counted, MessageID: m.ID, InstanceID: m.InstanceID, Others: m.others()}
			if p.Last.After(p.First) {
				e.LastAt = p.Last.UTC()
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// pollRun is a run of polls with the same answer.
type pollRun struct {
	Message int64     `db:"message_id"`
	Code    string    `db:"result_code"`
	First   time.Time `db:"first"`
	Last    time.Time `db:"last"`
	N       int       `db:"n"`
	Counted int       // of N: those that nobody has looked at
}

// pollsOf are the runs of one message, of which there were as many polls in all.
// Those between the first and the last ones are taken to have been answered as the
// last of the first ones; those that are not kept any more, as the first one that is.
// The run says how many they are.
func pollsOf(m MessageRow, runs []pollRun, total int) []pollRun {
	var out []pollRun
	between, read := 0, 0
	for _, p := range runs {
		if p.Message != m.ID {
			continue
		}
		if read < maxPolls {
			between = len(out)
		}
		read += p.N
		out = append(out, p)
	}
	rest := total - read
	switch {
	case rest <= 0:
		return out
	case len(out) == 0:
		out = []pollRun{{Message: m.ID, Code: m.ResultCode, First: m.FirstReceivedAt, Last: m.LastReceivedAt}}
	case read < 2*maxPolls:
		between, out[0].First = 0, m.FirstReceivedAt
	}
	out[between].N += rest
	out[between].Counted = rest
	return out
}
