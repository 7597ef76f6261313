package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/provision/pool"
	"koodesk/app/staff"
	"koodesk/app/store"
)

func pools(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "pool", args, map[string]command{"add": poolAdd, "list": poolList, "set": poolSet})
}

// keeper is the pools' use case on an open database.
func keeper(s *store.Store) *pool.Keeper {
	return pool.NewKeeper(pool.Options{Store: s, Log: slog.New(slog.DiscardHandler)})
}

// maxFile bounds what is read of a file, in bytes: more than 10,000 rows need.
const maxFile = 64 << 20

func poolAdd(ctx context.Context, c *cli, args []string) error {
	f := c.flags("pool add", "prepared accounts from a CSV file, all of them or none. Its first row names the columns: "+
		strings.Join(pool.Columns(), ", ")+", in any order; front_end_url must be there.")
	name := f.String("pool", "", "the pool's name; it is made if it is new")
	file := f.String("file", "", "the CSV file (UTF-8), or - for standard input")
	if err := f.parse(args, "pool", "file"); err != nil {
		return err
	}
	text, err := c.file(*file)
	if err != nil {
		return f.bad("%v", err)
	}
	rows, err := pool.ReadCSV(text)
	if err != nil {
		return c.refusedRows(err)
	}
	return c.with(ctx, func(s *store.Store) error {
		added, err := keeper(s).Add(ctx, *name, rows, staff.CLI())
		if err != nil {
			return c.refusedRows(err)
		}
		fmt.Fprintf(c.stdout, "%d accounts added to pool %s (batch %d)\n", added.Accounts, *name, added.Batch)
		if added.Woken > 0 {
			fmt.Fprintf(c.stdout, "%d purchases that had found it empty go on now\n", added.Woken)
		}
		return nil
	})
}

// file reads a file whole, or standard input for "-".
func (c *cli) file(name string) ([]byte, error) {
	in := c.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = errors.New("the file is larger than 64 MiB")
	}
	return text, err
}

// refusedRows prints one line for each row that was refused, and hands on the
// fault that says how many there are.
func (c *cli) refusedRows(err error) error {
	var refused *pool.Refused
	if errors.As(err, &refused) {
		z := i18n.For(i18n.En)
		for _, r := range refused.Rows {
			fmt.Fprintf(c.stderr, "line %d: %s\n", r.Line, z.FaultOf(r.Fault).What)
		}
	}
	return err
}

func poolList(ctx context.Context, c *cli, args []string) error {
	f := c.flags("pool list", "the pools of prepared accounts, or one pool's accounts. Passwords are never shown.")
	name := f.String("pool", "", "list this pool's accounts, newest first")
	status := f.String("status", "", "only accounts that are free, used or retired")
	if err := f.parse(args); err != nil {
		return err
	}
	if *status != "" && *name == "" {
		return f.bad("--status needs --pool")
	}
	return c.with(ctx, func(s *store.Store) error {
		w := tabwriter.NewWriter(c.stdout, 0, 4, 2, ' ', 0)
		list := listPools
		if *name != "" {
			list = func(ctx context.Context, r *store.Reader, w io.Writer) error {
				return listAccounts(ctx, r, w, store.AccountFilter{Pool: *name, Status: *status})
			}
		}
		return errors.Join(list(ctx, s.Reader(), w), w.Flush())
	})
}

func listPools(ctx context.Context, r *store.Reader, w io.Writer) error {
	pools, err := r.Pools(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "POOL\tFREE\tUSED\tRETIRED\tLOW WATER\tWAITING\tPRODUCTS")
	for _, p := range pools {
		low := ""
		if p.Low {
			low = " (low)"
		}
		fmt.Fprintf(w, "%s\t%d%s\t%d\t%d\t%d\t%d\t%d\n", p.Name, p.Free, low, p.Used, p.Retired, p.LowWater, p.Waiting, p.Products)
	}
	return nil
}

func listAccounts(ctx context.Context, r *store.Reader, w io.Writer, f store.AccountFilter) error {
	if _, err := r.Pool(ctx, f.Pool); err != nil {
		return err
	}
	fmt.Fprintln(w, "ID\tSTATUS\tUSER NAME\tFRONT END URL\tINSTANCE\tBATCH\tADDED")
	for at := (store.Paging{Limit: store.MaxLimit}); ; {
		page, err := r.Accounts(ctx, f, at)
		if err != nil {
			return err
		}
		for _, a := range page.Items {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", a.ID, a.Status, a.UserName, a.FrontEndURL, a.InstanceID, a.Batch, a.AddedAt.Format("2006-01-02 15:04 MST"))
		}
		if at.Cursor = page.Older; at.Cursor == "" {
			return nil
		}
	}
}

func poolSet(ctx context.Context, c *cli, args []string) error {
	f := c.flags("pool set", "how a pool is watched.")
	name := f.String("pool", "", "the pool's name")
	low := f.Int("low-water", 0, "alert when so many free accounts are left, or fewer; 0: only when it is empty and a product uses it")
	if err := f.parse(args, "pool", "low-water"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		err := keeper(s).SetLowWater(ctx, *name, *low, staff.CLI())
		if fault.Is(err, fault.Invalid) {
			return f.bad("--low-water: %s", i18n.For(i18n.En).FaultOf(err).What)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "pool %s counts as low from %d free accounts on\n", *name, *low)
		return nil
	})
}
