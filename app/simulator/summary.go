package simulator

import (
	"slices"
	"time"
)

// Summary counts what came back.
type Summary struct {
	Shots       int            // sends; a duplicate or a replay is one
	Calls       int            // answers, and calls that got none
	OK          int            // accepted: conformant, and with the right code
	Conformant  int            // conformant, whatever the code
	Codes       map[string]int // per result code; "none" where there was no code to read
	Instances   int            // distinct instanceIds
	Pairs       int            // duplicates sent
	PairsEqual  int            // of them, those whose two answers name the same instance
	PairFaults  int            // shots whose answers contradict each other
	P50, P99    time.Duration  // of the calls that were answered
	Slowest     time.Duration
	Took        time.Duration
	CallsPerSec float64
}

// tally collects shots.
type tally struct {
	accept    func(Answer) bool
	s         Summary
	instances map[string]bool
	latencies []time.Duration
}

func newTally(accept func(Answer) bool) *tally {
	return &tally{accept: accept, s: Summary{Codes: map[string]int{}}, instances: map[string]bool{}}
}

func (t *tally) add(shot Shot) {
	t.s.Shots++
	if len(shot.Findings) > 0 {
		t.s.PairFaults++
	}
	if len(shot.Answers) == 2 {
		t.s.Pairs++
		if id := shot.Answers[0].InstanceID; id != "" && id == shot.Answers[1].InstanceID {
			t.s.PairsEqual++
		}
	}
	for _, a := range shot.Answers {
		t.answer(a)
	}
}

func (t *tally) answer(a Answer) {
	t.s.Calls++
	if a.Conformant() {
		t.s.Conformant++
	}
	if t.accept(a) {
		t.s.OK++
	}
	if a.InstanceID != "" {
		t.instances[a.InstanceID] = true
	}
	if a.Fault == "" {
		t.latencies = append(t.latencies, a.Latency)
	}
	code := string(a.Code)
	if code == "" {
		code = "none"
	}
	t.s.Codes[code]++
}

func (t *tally) summary(took time.Duration) Summary {
	s := t.s
	s.Instances, s.Took = len(t.instances), took
	if took > 0 {
		s.CallsPerSec = float64(s.Calls) / took.Seconds()
	}
	slices.Sort(t.latencies)
	s.P50, s.P99 = percentile(t.latencies, 50), percentile(t.latencies, 99)
	if n := len(t.latencies); n > 0 {
		s.Slowest = t.latencies[n-1]
	}
	return s
}

// percentile is the smallest value that p per cent of the sorted values do not
// exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// Good tells whether every call was answered well and taken over.
func (s Summary) Good() bool { return s.Calls > 0 && s.OK == s.Calls && s.PairFaults == 0 }
