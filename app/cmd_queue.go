package main

import (
	"context"
	"errors"
	"fmt"
)

func queue(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "queue", args, map[string]command{"rebuild": queueRebuild})
}

func queueRebuild(ctx context.Context, c *cli, args []string) (err error) {
	f := c.flags("queue rebuild", "hand every task over to Redis that should be there and is not, as after Redis has lost its data. "+
		"It may run beside the workers, and again: what is there stays as it is.")
	if err := f.parse(args); err != nil {
		return err
	}
	p, err := c.build(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := migrated(ctx, p.store); err != nil {
		return err
	}
	r, err := p.jobs.Rebuild(ctx)
	if err != nil {
		return err
	}
	if r.Lost > 0 {
		fmt.Fprintf(c.stdout, "%d tasks of lost workers were put back\n", r.Lost)
	}
	fmt.Fprintf(c.stdout, "%d tasks are due: %d were in Redis, %d were missing and are handed over\n", r.Had+r.Put, r.Had, r.Put)
	return nil
}
