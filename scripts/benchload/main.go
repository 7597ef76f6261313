// Package main is `make bench`: it sends signed callbacks to a real process of
// the program and has pgbench do the same work on the same database in the same
// run, so that the program can be judged beside the limits of the machine it
// runs on. It plays the marketplace and an operator; what the program does with
// a call it knows only from the rows that are there afterwards.
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
	"slices"
	"strconv"
	"syscall"
	"time"
)

func main() {
	// The load shares the processors with what it measures. On one of them it
	// costs the least, and it can still send more than is ever answered.
	runtime.GOMAXPROCS(max(1, runtime.NumCPU()/4))
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

// settings are what the command line and the environment say.
type settings struct {
	koodesk, pgbench      string // programs
	databaseURL, redisURL string
	seconds               int // all measurements together
	only                  *regexp.Regexp
}

// defaultSeconds keeps the whole run, with what surrounds the measurements,
// under four minutes.
const defaultSeconds = 180

func options(args []string) (settings, error) {
	s := settings{databaseURL: os.Getenv("DATABASE_URL"), redisURL: os.Getenv("REDIS_URL"), seconds: defaultSeconds}
	f := flag.NewFlagSet("benchload", flag.ContinueOnError)
	f.StringVar(&s.koodesk, "koodesk", "bin/koodesk", "the program to measure")
	f.StringVar(&s.pgbench, "pgbench", "pgbench", "PostgreSQL's own benchmark program")
	only := f.String("only", "", "measure only what this regular expression finds, of lines such as \"new purchase, 16 clients, koodesk\"")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	var err error
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, err
	}
	if s.databaseURL == "" || s.redisURL == "" {
		return s, errors.New("DATABASE_URL and REDIS_URL must be set; scripts/with-services sets them")
	}
	if v := os.Getenv("BENCH_SECONDS"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 3600 {
			return s, fmt.Errorf("BENCH_SECONDS is %q; it must be a number of seconds from 1 to 3600", v)
		}
		s.seconds = n
	}
	return s, nil
}

// schedule divides the time among measurements: three rounds if there is time
// for them, and whole seconds, since pgbench knows no others.
func schedule(seconds, perRound int) (rounds int, each time.Duration) {
	n := max(1, seconds/(3*perRound))
	rounds = min(3, max(1, seconds/(n*perRound)))
	return rounds, time.Duration(n) * time.Second
}

// run ends with an error if a call failed or the rows do not add up, never
// because the program is slow.
func run(ctx context.Context, o settings) (err error) {
	b := &bench{settings: o}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx); err != nil {
		return err
	}
	plan := slices.DeleteFunc(plan(), func(m measurement) bool { return !o.only.MatchString(m.String()) })
	if len(plan) == 0 {
		return fmt.Errorf("-only %q finds nothing to measure", o.only)
	}
	rounds, each := schedule(o.seconds, len(plan))
	results := newResults(plan, rounds)
	for round := range rounds {
		if err := b.round(ctx, plan, round, each, results); err != nil {
			return err
		}
	}
	head, err := b.machine(ctx, rounds, each)
	if err != nil {
		return err
	}
	fmt.Print(head, results.table(), "\n", results.verdict(), "\n")
	if o.only.String() == "" && b.redis.own() {
		line, s, err := b.busy(ctx, 16, 2*each)
		if err != nil {
			return err
		}
		fmt.Println(line)
		results.add(measurement{newPurchases + ", workers at work", 16, koodesk}, 0, s)
	}
	faults, err := b.ledger(ctx)
	if err != nil {
		return err
	}
	return errors.Join(results.failures(), faults)
}
