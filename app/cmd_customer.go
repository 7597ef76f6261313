package main

import (
	"context"
	"fmt"
	"io"

	"koodesk/app/retention"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func customer(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "customer", args, map[string]command{"erase": customerErase})
}

func customerErase(ctx context.Context, c *cli, args []string) error {
	f := c.flags("customer erase", "take one customer's personal data, or that of one order, out for good, of everything that is not in use any more; a record of it stays that names nobody")
	q, by := retention.Request{}, staff.CLI()
	f.StringVar(&q.Channel, "channel", "", "the channel's slug")
	f.StringVar(&q.Customer, "customer", "", "KooGallery's customerId")
	f.StringVar(&q.Order, "order", "", "instead: KooGallery's orderId, also of a purchase that was refused or not understood")
	f.StringVar(&by.Reason, "reason", "", "why; it is kept, so write no personal data into it")
	f.BoolVar(&q.Force, "force", false, "also while instances of the customer are in use; those stay as they are")
	f.BoolVar(&q.DryRun, "dry-run", false, "only say what would be erased")
	if err := f.parse(args, "channel"); err != nil {
		return err
	}
	if (q.Customer == "") == (q.Order == "") {
		return f.bad("give one of --customer and --order")
	}
	return c.with(ctx, func(s *store.Store) error {
		r, err := retention.New(retention.Options{Store: s}).EraseCustomer(ctx, q, by)
		if err != nil {
			return err
		}
		sayErased(c.stdout, r, q.DryRun)
		return nil
	})
}

// sayErased says what came of an erasure, and what did not yet.
func sayErased(w io.Writer, r retention.Result, dry bool) {
	n, left := r.Counts, r.Left
	word := "erased"
	if dry {
		word = "would be erased"
	}
	switch {
	case r.Before:
		fmt.Fprintf(w, "nothing is left to erase; record %d says what was erased on %s\n", r.Record, r.At.Format("2006-01-02 15:04 MST"))
	case n != (store.ErasedCounts{}):
		fmt.Fprintf(w, "%s: %d instances, %d orders, %d deliveries, %d attempts, %d events, %d Licenses, %d authorization codes, %d errors\n",
			word, n.Instances, n.Orders, n.Deliveries, n.Attempts, n.Events, n.Licenses, n.Codes, n.Errors)
	case left == (store.ErasureLeft{}):
		fmt.Fprintln(w, "nothing is there to erase")
	}
	if left != (store.ErasureLeft{}) {
		fmt.Fprintf(w, "under way, and erased by the hourly run when that has ended: %d deliveries, %d messages, %d events, %d other tasks\n",
			left.Deliveries, left.Messages, left.Events, left.Tasks)
	}
	if r.InUse > 0 {
		fmt.Fprintf(w, "%d instances or authorization codes are in use and stay as they are; repeat this after their release\n", r.InUse)
	}
	if r.Record != 0 && !r.Before {
		fmt.Fprintf(w, "record %d\n", r.Record)
	}
}
