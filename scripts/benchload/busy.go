package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// busy measures new purchases while the workers of the same process do what the
// purchases of the rounds have left to do, with a stand-in of the marketplace's
// open APIs on the same machine: what a process of all parts answers when it is
// at its limit.
func (b *bench) busy(ctx context.Context, clients int, d time.Duration) (string, sample, error) {
	if err := b.employ(ctx); err != nil {
		return "", sample{}, err
	}
	from, err := b.db.finished(ctx)
	if err != nil {
		return "", sample{}, err
	}
	s, err := b.measure(ctx, measurement{newPurchases, clients, koodesk}, d)
	if err != nil {
		return "", s, err
	}
	to, err := b.db.finished(ctx)
	if err != nil {
		return "", s, err
	}
	return fmt.Sprintf("With the workers at work in the same process (serve --jobs), %d clients, %s, once: %.0f new purchases/s, "+
		"p50 %.1f ms, p99 %.1f ms, %d failed; meanwhile %.0f tasks/s (order queries and provisionings) were done.\n",
		clients, d, s.perSecond(), milliseconds(s.p50), milliseconds(s.p99), s.failed, float64(to-from)/s.took.Seconds()), s, nil
}

// employ starts the program again, with workers and something to provision by.
func (b *bench) employ(ctx context.Context) error {
	if err := b.server.stop(); err != nil {
		return err
	}
	if _, err := b.db.ExecContext(ctx, `
UPDATE tasks
   SET status = 'cancelled'
 WHERE message_id IN (SELECT m.id FROM messages m JOIN channels c ON c.id = m.channel_id WHERE c.slug = $1)`, rawChannel); err != nil {
		return err
	}
	ak, sk := hex.EncodeToString(random(10)), hex.EncodeToString(random(20))
	var err error
	if b.market, err = newProgram(b.koodesk, b.folder, "market", map[string]string{}); err != nil {
		return err
	}
	return errors.Join(
		b.market.serve(ctx, sk+"\n", "/", "simulate", "market", "--addr", b.market.addr, "--ak", ak, "--sk", "-"),
		b.server.command(ctx, sk+"\n", "channel", "set", "--slug", channel, "--ak", ak, "--sk", "-", "--open-api", "http://"+b.market.addr),
		b.server.command(ctx, "", "product", "set", "--channel", channel, "--product", "*", "--driver", "static",
			"--front-end-url", "https://app.example.com/i/{instance_id}", "--user-name", "admin", "--generate-password"),
		b.server.serve(ctx, "", "/readyz", "serve", "--jobs"))
}

// finished counts the tasks that are done.
func (d *database) finished(ctx context.Context) (int, error) {
	var n int
	err := d.QueryRowContext(ctx, `SELECT count(*) FROM tasks WHERE status = 'succeeded'`).Scan(&n)
	return n, err
}
