package webhook

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"koodesk/app/fault"
)

// maxGates bounds how many targets are remembered; those that nobody is at and
// that nothing is wrong with are forgotten first.
const maxGates = 1000

// gates keep one slow or dead target from holding up everything else: each
// target has a few places and a breaker.
type gates struct {
	o     Options
	mu    sync.Mutex
	known map[string]*gate
}

type gate struct {
	places  chan struct{}
	breaker *gobreaker.TwoStepCircuitBreaker[struct{}]
	mu      sync.Mutex
	opened  time.Time
}

func newGates(o Options) *gates { return &gates{o: o, known: map[string]*gate{}} }

// of finds a target's gate. What comes after the path tells no targets apart.
func (g *gates) of(target string) *gate {
	name := target
	if u, err := url.Parse(target); err == nil {
		name = u.Scheme + "://" + u.Host + u.Path
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if one := g.known[name]; one != nil {
		return one
	}
	if len(g.known) >= maxGates {
		for n, one := range g.known {
			if len(one.places) == 0 && one.breaker.State() == gobreaker.StateClosed {
				delete(g.known, n)
			}
		}
	}
	one := &gate{places: make(chan struct{}, g.o.AtOnce)}
	one.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     g.o.Cooldown,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= g.o.Trip },
		IsExcluded:  func(err error) bool { return errors.Is(err, errNoVerdict) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				one.mu.Lock()
				one.opened = time.Now()
				one.mu.Unlock()
				g.o.Log.Warn("a webhook target fails again and again; calls to it pause", "target", Shown(target), "for", g.o.Cooldown)
			}
		},
	})
	g.known[name] = one
	return one
}

// errNoVerdict ends a call that says nothing about the target's health.
var errNoVerdict = errors.New("webhook: no verdict")

// enter waits for a place at a target. leave must be called with the call's
// error.
func (g *gates) enter(ctx context.Context, target string) (leave func(error), err error) {
	one, host := g.of(target), hostOf(target)
	if one.breaker.State() == gobreaker.StateOpen {
		return nil, g.open(one, host)
	}
	timer := time.NewTimer(g.o.Patience)
	defer timer.Stop()
	select {
	case one.places <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "webhook.interrupted", "host", host)
	case <-timer.C:
		return nil, fault.New(fault.RateLimited, "webhook.busy", "host", host).Free(2 * time.Second)
	}
	done, err := one.breaker.Allow()
	if err != nil {
		<-one.places
		return nil, g.open(one, host)
	}
	return func(err error) {
		done(verdict(err))
		<-one.places
	}, nil
}

// open is the fault of a call that an open breaker, or one that is just being
// tried out by another call, holds back.
func (g *gates) open(one *gate, host string) error {
	one.mu.Lock()
	left := g.o.Cooldown - time.Since(one.opened)
	one.mu.Unlock()
	left = max(left, 2*time.Second).Round(time.Second)
	return fault.New(fault.Unavailable, "webhook.breaker_open", "host", host, "seconds", strconv.Itoa(int(left/time.Second))).RetryAfter(left)
}

// verdict is what a call says about its target: whoever understands a message
// and says no to it (4xx) is alive.
func verdict(err error) error {
	f := fault.From(err)
	switch {
	case errors.Is(err, errNoVerdict):
		return err
	case f == nil:
		return nil
	case f.Key == "webhook.interrupted", f.Key == "webhook.address_refused", f.Key == "webhook.bad_url":
		return errNoVerdict
	case f.Key == "webhook.gone", f.Key == "webhook.redirect":
		return nil
	case f.Key == "webhook.status" && f.Args["status"] < "500" && f.Args["status"] != "429":
		return nil
	}
	return err
}
