package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lib/pq"

	"koodesk/app/market"
	"koodesk/app/store"
)

const dueNotices = "instances: due notices"

// noticeTurns is how often the notices are found and written; each time is taken
// back.
const noticeTurns = 3

// measureNotices has the program look for due notices among all instances, and
// the database alone do the same selection: first with nothing due, then with one
// instance in a hundred.
func measureNotices(ctx context.Context, _ settings, p *place) error {
	fmt.Printf("\n%-58s %10s %10s %7s\n", "due notices of "+count(p.rows)+" instances", "bare SQL", "program", "ratio")
	for _, due := range []bool{false, true} {
		if _, err := p.SQL().ExecContext(ctx, `
UPDATE instances
   SET notice_at = CASE WHEN $1 THEN now() - interval '1 minute' ELSE now() + interval '1 day' END,
       expires_at = now() + interval '6 days 23 hours'
 WHERE id % 100 = 51
   AND released_at IS NULL`, due); err != nil {
			return err
		}
		if _, err := p.SQL().ExecContext(ctx, `VACUUM (ANALYZE) instances`); err != nil {
			return err
		}
		var bare, program []time.Duration
		var selected, made int
		for range noticeTurns {
			began := time.Now()
			err := p.SQL().QueryRowContext(ctx, script("due"), pq.Array(market.ExpiryDays()), "Asia/Shanghai").Scan(&selected)
			bare = append(bare, time.Since(began))
			if err != nil {
				return err
			}
			took, n, err := p.queueNotices(ctx)
			if err != nil {
				return err
			}
			program, made = append(program, took), n
		}
		if selected != made {
			return fmt.Errorf("the program made %d notices; the bare selection finds %d", made, selected)
		}
		what := "nothing is due"
		if due {
			what = count(made) + " are due: selected; and written, sealed, queued"
		}
		a, b := median(bare), median(program)
		fmt.Printf("  %-56s %7.2f ms %7.2f ms %7.2f\n", what, ms(a), ms(b), ms(b)/ms(a))
	}
	return nil
}

var errTakenBack = errors.New("taken back")

// queueNotices does what the program's clock does, and takes it back.
func (p *place) queueNotices(ctx context.Context) (took time.Duration, made int, err error) {
	rules := store.NoticeRules{Days: market.ExpiryDays(), Zone: "Asia/Shanghai", Domain: "seller.example", Limit: 500,
		Reach: func(email, _ string) (medium, to, mask string) { return "email", email, store.MaskEmail(email) }}
	err = p.Write(ctx, func(tx *store.Tx) error {
		began := time.Now()
		for {
			picked, n, err := tx.QueueExpiryNotices(ctx, rules)
			if err != nil {
				return err
			}
			if made += n; picked < rules.Limit {
				took = time.Since(began)
				return errTakenBack
			}
		}
	})
	if errors.Is(err, errTakenBack) {
		err = nil
	}
	return took, made, err
}
