package simulator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Run is one `simulate ACTIVITY`: what to send, how often, and what a bad
// network or an attacker does to it.
type Run struct {
	Caller   *Caller
	IDs      *IDs
	Activity string
	Set      Fields   // fields given by hand
	Drop     []string // fields left out
	Test     bool

	Repeat      int // 0: once
	Concurrency int // shots at a time; 0: one
	Duplicate   bool
	Replay      bool
	Tamper      string // "", body, query or signature

	Expect []string // result codes that count as good; nil: 000000 and 000004
}

// Accept tells whether an answer is as it should be.
func (r Run) Accept(a Answer) bool {
	if len(r.Expect) == 0 {
		return a.OK()
	}
	return a.Conformant() && slices.Contains(r.Expect, string(a.Code))
}

// Shot is one send: a single answer, or two for a duplicate or a replay.
type Shot struct {
	Answers  []Answer
	Findings []string // what is wrong between the answers
}

// Do runs until everything is sent or ctx ends. see is called with every shot,
// one at a time. An error means that a call could not be made up at all.
func (r Run) Do(ctx context.Context, see func(Shot)) (Summary, error) {
	if _, err := r.fields(); err != nil { // once for all, before anything is sent
		return Summary{}, err
	}
	if r.Tamper != "" && tampers[r.Tamper] == nil {
		_, err := Signed{}.Tamper(r.Tamper)
		return Summary{}, err
	}
	var (
		mu    sync.Mutex
		tally = newTally(r.Accept)
		jobs  = make(chan struct{})
		wg    sync.WaitGroup
	)
	for range max(1, r.Concurrency) {
		wg.Go(func() {
			for range jobs {
				shot := r.shoot(ctx)
				mu.Lock()
				tally.add(shot)
				see(shot)
				mu.Unlock()
			}
		})
	}
	started := time.Now()
feed:
	for range max(1, r.Repeat) {
		select {
		case jobs <- struct{}{}:
		case <-ctx.Done():
			break feed
		}
	}
	close(jobs)
	wg.Wait()
	return tally.summary(time.Since(started)), nil
}

func (r Run) fields() (Fields, error) {
	return newCall(r.Caller.Protocol, r.Activity, r.Set, r.Drop, r.Test, r.IDs)
}

// shoot sends one call, or the pair that belongs together.
func (r Run) shoot(ctx context.Context) Shot {
	f, err := r.fields()
	if err != nil {
		return broken(r.Activity, err)
	}
	first, err := r.sign(f)
	if err != nil {
		return broken(r.Activity, err)
	}
	switch {
	case r.Duplicate:
		again, err := r.again(f)
		if err != nil {
			return broken(r.Activity, err)
		}
		return r.together(ctx, first, again)
	case r.Replay:
		return Shot{Answers: []Answer{r.Caller.Send(ctx, first), r.Caller.Send(ctx, first)}}
	}
	return Shot{Answers: []Answer{r.Caller.Send(ctx, first)}}
}

func broken(activity string, err error) Shot {
	return Shot{Answers: []Answer{{Activity: activity, Fault: err.Error()}}}
}

func (r Run) sign(f Fields) (Signed, error) {
	s, err := r.Caller.Sign(f)
	if err != nil || r.Tamper == "" {
		return s, err
	}
	return s.Tamper(r.Tamper)
}

// again is the same logical call as the marketplace repeats it: a new
// businessId, nonce and timestamp.
func (r Run) again(f Fields) (Signed, error) {
	second := maps.Clone(f)
	if _, given := r.Set["businessId"]; f.Text("businessId") != "" && !given {
		second["businessId"] = r.IDs.UUID()
	}
	return r.sign(second)
}

// together sends both at once and compares what they got.
func (r Run) together(ctx context.Context, a, b Signed) Shot {
	answers := make([]Answer, 2)
	var wg sync.WaitGroup
	for i, s := range []Signed{a, b} {
		wg.Go(func() { answers[i] = r.Caller.Send(ctx, s) })
	}
	wg.Wait()
	shot := Shot{Answers: answers}
	one, two := answers[0].InstanceID, answers[1].InstanceID
	if answers[0].OK() && answers[1].OK() && one != two {
		shot.Findings = append(shot.Findings, fmt.Sprintf("one order line got two instances: %s and %s", one, two))
	}
	return shot
}
