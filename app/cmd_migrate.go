package main

import (
	"context"
	"fmt"

	"koodesk/app/fault"
	"koodesk/app/store"
	"koodesk/migrations"
)

func migrate(ctx context.Context, c *cli, args []string) error {
	verb := ""
	if len(args) == 1 {
		verb = args[0]
	}
	do, ok := map[string]func(context.Context, *cli, *store.Store) error{
		"up": migrateUp, "down": migrateDown, "status": migrateStatus}[verb]
	if !ok {
		return c.bad("migrate", "say `migrate up`, `migrate down` or `migrate status`")
	}
	return c.with(ctx, func(s *store.Store) error {
		if err := do(ctx, c, s); err != nil {
			return fault.Wrap(err, fault.Internal, "migrations.failed")
		}
		return nil
	})
}

func migrateUp(ctx context.Context, c *cli, s *store.Store) error {
	n, err := migrations.Up(ctx, s.SQL())
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%d migrations applied; the database is up to date\n", n)
	return nil
}

func migrateDown(ctx context.Context, c *cli, s *store.Store) error {
	v, err := migrations.Down(ctx, s.SQL())
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "migration %d taken back\n", v)
	return nil
}

func migrateStatus(ctx context.Context, c *cli, s *store.Store) error {
	all, err := migrations.Status(ctx, s.SQL())
	if err != nil {
		return err
	}
	for _, m := range all {
		word := "missing"
		if m.Applied {
			word = "applied"
		}
		fmt.Fprintf(c.stdout, "%05d  %-8s %s\n", m.Version, word, m.Name)
	}
	return nil
}
