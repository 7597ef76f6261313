package main

import (
	"context"
	"errors"
	"fmt"
)

// books count what was acknowledged.
type books struct {
	purchases, repeats, queries int // by the program
	rawPurchases, rawRepeats    int // by pgbench
	failed                      int
}

func (b *books) add(work string, s sample) {
	switch work {
	case newPurchases:
		b.purchases += s.calls
	case repeatOne, repeatMany:
		b.repeats += s.calls
	case queries:
		b.queries += s.calls
	}
	b.failed += s.failed
}

// count is what the database holds of one channel.
type count struct {
	messages, arrivals, attempts, instances, tasks int
}

// counted reads a channel's rows of one activity. arrivals is what the messages
// themselves say of how often they came.
func (d *database) counted(ctx context.Context, slug, activity string) (count, error) {
	var c count
	err := d.QueryRowContext(ctx, `
SELECT (SELECT count(*)
          FROM instances i
         WHERE i.channel_id = c.id),
       (SELECT count(*)
          FROM messages m
         WHERE m.channel_id = c.id
           AND m.activity = $2),
       (SELECT COALESCE(sum(m.attempts), 0)
          FROM messages m
         WHERE m.channel_id = c.id
           AND m.activity = $2),
       (SELECT count(*)
          FROM attempts a
          JOIN messages m ON m.id = a.message_id
         WHERE m.channel_id = c.id
           AND m.activity = $2),
       (SELECT count(*)
          FROM tasks t
          JOIN messages m ON m.id = t.message_id
         WHERE m.channel_id = c.id
           AND m.activity = $2
           AND t.kind = 'order_query')
  FROM channels c
 WHERE c.slug = $1`, slug, activity).
		Scan(&c.instances, &c.messages, &c.arrivals, &c.attempts, &c.tasks)
	return c, err
}

// ledger compares what was acknowledged with the rows: nothing lost, nothing
// doubled. A call that failed may or may not have left a row; then it cannot be
// exact, and the failure is reported anyway.
func (b *bench) ledger(ctx context.Context) (faults, err error) {
	if _, err := b.db.ExecContext(ctx, `ANALYZE`); err != nil {
		return nil, err
	}
	var errs []error
	check := func(what string, want, got int) {
		if want != got {
			errs = append(errs, fmt.Errorf("%s: %d acknowledged, %d in the database", what, want, got))
		}
	}
	for _, side := range []struct {
		name, slug                   string
		purchases, repeats, arrivals int
	}{
		{"koodesk", channel, b.sent.purchases, b.sent.repeats, b.sent.purchases + b.sent.repeats},
		{"pgbench", rawChannel, b.raw.sent.rawPurchases, b.raw.sent.rawRepeats, b.raw.sent.rawPurchases + b.raw.sent.rawRepeats},
	} {
		c, err := b.db.counted(ctx, side.slug, "newInstance")
		if err != nil {
			return nil, err
		}
		check(side.name+": messages of purchases", side.purchases, c.messages)
		check(side.name+": instances", side.purchases, c.instances)
		check(side.name+": tasks", side.purchases, c.tasks)
		check(side.name+": attempts of purchases", side.arrivals, c.attempts)
		check(side.name+": arrivals of purchases", side.arrivals, c.arrivals)
	}
	c, err := b.db.counted(ctx, channel, "queryInstance")
	if err != nil {
		return nil, err
	}
	check("koodesk: attempts of queries", b.sent.queries, c.attempts)
	check("koodesk: arrivals of queries", b.sent.queries, c.arrivals)
	if len(errs) == 0 {
		fmt.Printf("The rows add up: %d purchases, %d repeats and %d queries were acknowledged; nothing is lost, nothing is there twice.\n",
			b.sent.purchases, b.sent.repeats, b.sent.queries)
	}
	return errors.Join(errs...), nil
}
