package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"koodesk/app/fault"
	"koodesk/app/seal"
	"koodesk/app/store"
)

// flags is a set of flags that explains itself and prints its faults.
type flags struct {
	*flag.FlagSet
	c              *cli
	command, about string
}

func (c *cli) flags(command, about string) *flags {
	f := &flags{FlagSet: flag.NewFlagSet(command, flag.ContinueOnError), c: c, command: command, about: about}
	f.SetOutput(io.Discard)
	f.Usage = func() {} // a wrong flag gets one line, not the whole list
	return f
}

func (f *flags) explain() {
	fmt.Fprintf(f.c.stdout, "koodesk %s: %s\n\n", f.command, f.about)
	f.SetOutput(f.c.stdout)
	f.PrintDefaults()
}

// parse reads args; required names must have been given.
func (f *flags) parse(args []string, required ...string) error {
	err := f.FlagSet.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.explain()
		return errHelp
	}
	if err != nil {
		return f.bad("%v", err)
	}
	if f.NArg() > 0 {
		return f.bad("%q is not expected", f.Arg(0))
	}
	given := f.given()
	for _, name := range required {
		if !given[name] {
			return f.bad("--%s is missing", name)
		}
	}
	return nil
}

// bad prints one line about a wrong command line.
func (f *flags) bad(format string, args ...any) error {
	return f.c.bad(f.command, format, args...)
}

func (c *cli) bad(command, format string, args ...any) error {
	fmt.Fprintf(c.stderr, "koodesk %s: %s; -h explains\n", command, fmt.Sprintf(format, args...))
	return errUsage
}

// given lists the flags that stood on the command line.
func (f *flags) given() map[string]bool {
	out := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { out[fl.Name] = true })
	return out
}

// secrets reads values that may be "-": then the next line of standard input, so
// that a secret need not stand on the command line.
type secrets struct{ in *bufio.Reader }

func (c *cli) secrets() *secrets { return &secrets{in: bufio.NewReader(c.stdin)} }

func (s *secrets) read(name, value string) (string, error) {
	if value != "-" {
		return value, nil
	}
	line, err := s.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fault.Wrap(err, fault.Invalid, "cli.no_input", "flag", "--"+name)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", fault.New(fault.Invalid, "cli.no_input", "flag", "--"+name)
	}
	return line, nil
}

// open opens the database for a command that uses it.
func (c *cli) open(ctx context.Context) (*store.Store, error) {
	keys, err := seal.New(c.config.SecretKey, c.config.SecretKeyOld...)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, c.config.DatabaseURL, keys, store.Options{MaxConns: c.config.MaxConns, Connect: c.connect})
}

// with runs fn on an open database.
func (c *cli) with(ctx context.Context, fn func(*store.Store) error) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	err = fn(s)
	return errors.Join(err, s.Close())
}
