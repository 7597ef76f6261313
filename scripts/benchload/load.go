package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"
)

// sample is what one measurement saw.
type sample struct {
	calls     int // answered rightly
	failed    int
	why       error // of the first failure
	took      time.Duration
	p50, p99  time.Duration
	loadCPU   time.Duration // used by whoever sent the calls
	serverCPU time.Duration // used by the program; 0: not known
}

func (s sample) perSecond() float64 {
	if s.took <= 0 {
		return 0
	}
	return float64(s.calls) / s.took.Seconds()
}

// fire lets one client per caller send until the time is over. A call that has
// been sent is always waited for, so that what was acknowledged can be counted.
func fire(ctx context.Context, addr string, callers []caller, d time.Duration) sample {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return volley(addr, callers, func() bool { return ctx.Err() == nil })
}

// volley lets every client send while more says so.
func volley(addr string, callers []caller, more func() bool) sample {
	var wg sync.WaitGroup
	shots := make([]shooter, len(callers))
	cpu, start := ownCPU(), time.Now()
	for i, c := range callers {
		s := &shots[i]
		s.client, s.caller = &client{addr: addr}, c
		wg.Go(func() { s.shoot(more) })
	}
	wg.Wait()
	out := sample{took: time.Since(start), loadCPU: ownCPU() - cpu}
	var all []time.Duration
	for i := range shots {
		s := &shots[i]
		out.calls += len(s.latencies)
		out.failed += s.failed
		if out.why == nil {
			out.why = s.why
		}
		all = append(all, s.latencies...)
	}
	out.p50, out.p99 = percentiles(all)
	return out
}

// shooter is one client at work.
type shooter struct {
	client    *client
	caller    caller
	latencies []time.Duration
	failed    int
	why       error
}

// maxFailures ends a client that only fails.
const maxFailures = 20

func (s *shooter) shoot(more func() bool) {
	defer s.client.close()
	for s.failed < maxFailures && more() {
		request := s.caller.next()
		start := time.Now()
		a, err := s.client.call(request)
		took := time.Since(start)
		if err == nil {
			err = s.caller.judge(a)
		} else {
			err = fmt.Errorf("no answer: %w", err)
		}
		if err == nil {
			s.latencies = append(s.latencies, took)
			continue
		}
		s.failed++
		if s.why == nil {
			s.why = err
		}
	}
}

// percentiles are the smallest values that 50 and 99 of 100 do not exceed.
func percentiles(all []time.Duration) (p50, p99 time.Duration) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	at := func(p int) time.Duration { return all[max(0, (len(all)*p+99)/100-1)] }
	return at(50), at(99)
}

// ownCPU is the processor time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
