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
		desk := license.New(license.Options{Store: s, Log: telemetry.Logger(io.Discard, c.config.LogFormat, c.config.LogLevel)})
		done, err := desk.Refill(ctx, *pool, list, low, staff.CLI())
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
