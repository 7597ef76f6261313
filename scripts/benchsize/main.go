// Package main is the second half of `make bench`: it asks whether a page costs
// more because the tables have grown. What the console reads for a page is read
// from a small and from a big database by turns, in the same run, and the times
// are printed beside each other with their ratio.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	o, err := options(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// The small databases. The big ones are for the caller to choose.
const (
	fewInstances = 10_000
	fewMessages  = 100_000
)

type settings struct {
	databaseURL         string
	instances, messages int
	rounds              int
	keep                bool
	only                *regexp.Regexp
}

func options(args []string) (settings, error) {
	s := settings{databaseURL: os.Getenv("DATABASE_URL")}
	f := flag.NewFlagSet("benchsize", flag.ContinueOnError)
	f.IntVar(&s.instances, "instances", 1_000_000, "rows of the big database of instances; BENCH_INSTANCES says it too")
	f.IntVar(&s.messages, "messages", 10_000_000, "rows of the big database of messages; BENCH_MESSAGES says it too")
	f.IntVar(&s.rounds, "rounds", 15, "how often each page is read from each database")
	f.BoolVar(&s.keep, "keep", false, "leave the databases, and use those that an earlier run has left")
	only := f.String("only", "", "measure only what this regular expression finds, of lines such as \"instances: part of a name\"")
	for name, to := range map[string]*int{"BENCH_INSTANCES": &s.instances, "BENCH_MESSAGES": &s.messages} {
		if v := os.Getenv(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil {
				return s, fmt.Errorf("%s is %q; it must be a number of rows", name, v)
			}
			*to = n
		}
	}
	if err := f.Parse(args); err != nil {
		return s, err
	}
	var err error
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, err
	}
	switch {
	case s.databaseURL == "":
		return s, errors.New("DATABASE_URL must be set; scripts/with-services sets it")
	case s.instances < fewInstances || s.messages < fewMessages:
		return s, fmt.Errorf("the big databases must have at least %d instances and %d messages", fewInstances, fewMessages)
	case s.rounds < 1:
		return s, errors.New("-rounds must be 1 or more")
	}
	return s, nil
}

// run ends with an error if something could not be read, never because it is
// slow.
func run(ctx context.Context, o settings) error {
	fmt.Printf("\nPages from small and big databases: %d cores, %s/%s, medians of %d readings by turns\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, o.rounds)
	for _, part := range []struct {
		kind  kind
		small int
		big   int
		pages []page
		more  func(ctx context.Context, o settings, big *place) error
	}{
		{instances, fewInstances, o.instances, instancePages(), measureNotices},
		{messages, fewMessages, o.messages, messagePages(), nil},
	} {
		pages := matching(part.pages, o.only)
		more := part.more
		if more != nil && !o.only.MatchString(dueNotices) {
			more = nil
		}
		if len(pages) == 0 && more == nil {
			continue
		}
		if err := measure(ctx, o, part.kind, part.small, part.big, pages, more); err != nil {
			return err
		}
	}
	return nil
}

// measure seeds the two databases of a kind, reads and drops them.
func measure(ctx context.Context, o settings, k kind, few, many int, pages []page, more func(context.Context, settings, *place) error) (err error) {
	var two [2]*place
	for i, rows := range []int{few, many} {
		p, e := open(ctx, o, k, rows)
		if p != nil {
			defer func() { err = errors.Join(err, p.close(o.keep)) }()
		}
		if e != nil {
			return e
		}
		two[i] = p
	}
	if err := compare(ctx, o, k, two[0], two[1], pages); err != nil || more == nil {
		return err
	}
	return more(ctx, o, two[1])
}
