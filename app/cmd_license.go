package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"koodesk/app/fault"
	"koodesk/app/license"
	"koodesk/app/market"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/telemetry"
)

func licensePool(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "license-pool", args, map[string]command{"import": licensePoolImport, "list": licensePoolList})
}

// desk is the Licenses' use case at the command line: its acts are done by the
// database alone, what follows by the workers.
func (c *cli) desk(s *store.Store) *license.Desk {
	return license.New(license.Options{Store: s, Log: telemetry.Logger(io.Discard, c.config.LogFormat, c.config.LogLevel)})
}

func licenses(ctx context.Context, c *cli, args []string) error {
	return c.verb(ctx, "license", args, map[string]command{"list": licenseList, "hand-in": licenseHandIn, "upload": licenseUpload})
}

func licenseList(ctx context.Context, c *cli, args []string) error {
	f := c.flags("license list", "the newest Licenses: id, status, instance, event or order, supplier, and why the last try failed")
	var filter store.LicenseFilter
	f.StringVar(&filter.Status, "status", "", "only those: failed, requested, ready, uploaded, answered, refused, cancelled")
	f.StringVar(&filter.InstanceID, "instance", "", "only those of this instance")
	if err := f.parse(args); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		found, err := s.Reader().LicenseList(ctx, filter, store.Paging{Limit: store.MaxLimit})
		if err != nil {
			return err
		}
		for _, l := range found.Items {
			why := ""
			if l.LastError != nil {
				why = l.LastError.Key
			}
			fmt.Fprintf(c.stdout, "%d\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Status, l.InstanceID, l.EventID+l.OrderID, l.Supplier, why)
		}
		return nil
	})
}

func licenseHandIn(ctx context.Context, c *cli, args []string) error {
	f := c.flags("license hand-in", "give the License that a request waits for, or replace one; it is uploaded then")
	id := f.Int64("id", 0, "the License's number, as license list shows it")
	file := f.String("file", "-", "the file to read; - is standard input")
	as := f.String("as", "text", "what the file is: text, or file (kept with its name)")
	if err := f.parse(args, "id"); err != nil {
		return err
	}
	if *as != "text" && (*as != "file" || *file == "-") {
		return f.bad("--as %q: text, or file with --file PATH", *as)
	}
	list, err := c.readLicenses(*file, "file")
	if err != nil {
		return err
	}
	content := list[0]
	if *as == "text" {
		content = market.LicenseContent{Text: string(content.File)}
	}
	return c.with(ctx, func(s *store.Store) error {
		if err := c.desk(s).HandIn(ctx, *id, content, staff.CLI()); err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "License %d handed in\n", *id)
		return nil
	})
}

func licenseUpload(ctx context.Context, c *cli, args []string) error {
	f := c.flags("license upload", "upload a License again")
	id := f.Int64("id", 0, "the License's number, as license list shows it")
	if err := f.parse(args, "id"); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error { return c.desk(s).UploadAgain(ctx, *id, staff.CLI()) })
}

func licensePoolImport(ctx context.Context, c *cli, args []string) error {
	f := c.flags("license-pool import", "put Licenses into a pool, from which each is handed out once. What had found the pool empty goes on.")
	pool := f.String("pool", "", "the pool's name; it is made if there is none")
	file := f.String("file", "-", "the file to read; - is standard input")
	as := f.String("as", "lines", "what the file is: lines (one License each), csv (with a column license), file (it is one License itself)")
	low := f.Int("low-water", -1, "so many free Licenses or fewer count as low")
	if err := f.parse(args, "pool"); err != nil {
		return err
	}
	list, err := c.readLicenses(*file, *as)
	switch {
	case errors.Is(err, errUsage):
		return f.bad("--as %q: lines, csv or file", *as)
	case err != nil:
		return err
	case *low < 0:
		low = nil
	}
	return c.with(ctx, func(s *store.Store) error {
		done, err := c.desk(s).Refill(ctx, *pool, list, low, staff.CLI())
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%d Licenses added, %d known already, %d waiting requests go on\n", done.Added, done.Known, done.Restarted)
		return nil
	})
}

func (c *cli) readLicenses(file, as string) ([]market.LicenseContent, error) {
	in := c.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "cli.no_input", "flag", "--file")
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, 64<<20))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "cli.no_input", "flag", "--file")
	}
	switch as {
	case "lines":
		return license.ReadLines(raw), nil
	case "csv":
		return license.ReadCSV(raw)
	case "file":
		return []market.LicenseContent{{FileName: filepath.Base(file), File: raw}}, nil
	}
	return nil, errUsage
}

func licensePoolList(ctx context.Context, c *cli, args []string) error {
	if err := c.flags("license-pool list", "the pools of Licenses: name, free, used, retired, waiting requests").parse(args); err != nil {
		return err
	}
	return c.with(ctx, func(s *store.Store) error {
		pools, err := s.Reader().LicensePools(ctx)
		if err != nil {
			return err
		}
		for _, p := range pools {
			fmt.Fprintf(c.stdout, "%s\t%d free\t%d used\t%d retired\t%d waiting\n", p.Name, p.Free, p.Used, p.Retired, p.Waiting)
		}
		return nil
	})
}
