package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// What the program shall reach of the raw limits.
const (
	targetSeparate = 0.9
	targetSingle   = 0.5
)

// results hold each measurement's samples, by round.
type results struct {
	rounds  int
	order   []measurement
	samples map[measurement][]sample
}

func newResults(plan []measurement, rounds int) *results {
	return &results{rounds: rounds, order: plan, samples: map[measurement][]sample{}}
}

func (r *results) add(m measurement, round int, s sample) {
	if r.samples[m] == nil {
		r.samples[m] = make([]sample, r.rounds)
	}
	r.samples[m][round] = s
}

// median of one value of each round; with an even number the mean of the middle
// two.
func (r *results) median(m measurement, value func(sample) float64) float64 {
	var v []float64
	for _, s := range r.samples[m] {
		v = append(v, value(s))
	}
	return median(v)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// ratio is how much of another contender's rate m reaches: the median of the
// rounds' own ratios, since what was measured within one round is nearest in
// time. false if there is no such contender.
func (r *results) ratio(m measurement, by string) (float64, bool) {
	other := r.samples[measurement{m.work, m.clients, by}]
	var v []float64
	for i, s := range r.samples[m] {
		if i < len(other) && other[i].perSecond() > 0 {
			v = append(v, s.perSecond()/other[i].perSecond())
		}
	}
	return median(v), len(v) > 0
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// table has one line per measurement.
func (r *results) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-26s %7s %8s %7s %7s %6s  %5s %5s  %7s %10s\n",
		"", "clients", "calls/s", "p50 ms", "p99 ms", "failed", "of A", "of B", "load µs", "koodesk µs")
	work := ""
	for _, m := range r.order {
		if m.work != work {
			work = m.work
			fmt.Fprintf(&b, "%s\n", work)
		}
		failed := 0
		for _, s := range r.samples[m] {
			failed += s.failed
		}
		line := fmt.Sprintf("  %-24s %7d %8.0f %7.1f %7.1f %6d  %5s %5s  %7s %10s", m.by, m.clients,
			r.median(m, sample.perSecond),
			r.median(m, func(s sample) float64 { return milliseconds(s.p50) }),
			r.median(m, func(s sample) float64 { return milliseconds(s.p99) }),
			failed, r.ratioText(m, separate), r.ratioText(m, single),
			perCall(r.median(m, func(s sample) float64 { return each(s, s.loadCPU) })),
			perCall(r.median(m, func(s sample) float64 { return each(s, s.serverCPU) })))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func (r *results) ratioText(m measurement, by string) string {
	if m.by != koodesk {
		return ""
	}
	v, ok := r.ratio(m, by)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.2f", v)
}

// each is microseconds of processor time per call.
func each(s sample, cpu time.Duration) float64 {
	if s.calls == 0 {
		return 0
	}
	return float64(cpu.Microseconds()) / float64(s.calls)
}

func perCall(us float64) string {
	if us == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", us)
}

// verdict says for each line of the program whether the targets were met.
func (r *results) verdict() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Targets: at least %.2f of A and %.2f of B. They are printed, not enforced.\n", targetSeparate, targetSingle)
	for _, m := range r.order {
		a, okA := r.ratio(m, separate)
		one, okB := r.ratio(m, single)
		if m.by != koodesk || !okA || !okB {
			continue
		}
		fmt.Fprintf(&b, "%-27s %2d clients: %.2f of A %-7s %.2f of B %s\n", m.work, m.clients, a, met(a, targetSeparate)+",", one, met(one, targetSingle))
	}
	return b.String()
}

func met(got, want float64) string {
	if got >= want {
		return "met"
	}
	return "missed"
}

// failures is an error if any call of any round failed.
func (r *results) failures() error {
	var errs []error
	for m, samples := range r.samples {
		for round, s := range samples {
			if s.failed > 0 {
				errs = append(errs, fmt.Errorf("round %d, %s: %d calls failed, the first: %w",
					round+1, m, s.failed, s.why))
			}
		}
	}
	return errors.Join(errs...)
}

// machine says where and how the figures came about.
func (b *bench) machine(ctx context.Context, rounds int, each time.Duration) (string, error) {
	var v [4]string
	for i, name := range []string{"server_version", "fsync", "synchronous_commit", "shared_buffers"} {
		var err error
		if v[i], err = b.db.setting(ctx, name); err != nil {
			return "", err
		}
	}
	version, _, _ := strings.Cut(v[0], " ")
	return fmt.Sprintf(`Machine: %d cores, %s/%s, shared by load, koodesk, PostgreSQL and Redis
PostgreSQL %s: fsync %s, synchronous_commit %s, shared_buffers %s
Rounds: %d, with %s per line; the table shows medians. "load µs" and "koodesk µs" are processor time per call
`, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, version, v[1], v[2], v[3], rounds, each), nil
}
