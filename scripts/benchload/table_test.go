package main

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScheduleKeepsToTheTime(t *testing.T) {
	t.Parallel()
	n := len(plan())
	for seconds, want := range map[int]struct {
		rounds int
		each   time.Duration
	}{
		1:              {1, time.Second},
		defaultSeconds: {3, 2 * time.Second},
		2 * n:          {2, time.Second},
		30 * n:         {3, 10 * time.Second},
	} {
		rounds, each := schedule(seconds, n)
		require.Equal(t, want.rounds, rounds, seconds)
		require.Equal(t, want.each, each, seconds)
	}
}

func TestEveryRoundMeasuresAllAndBeginsWithAnother(t *testing.T) {
	t.Parallel()
	p := plan()
	first := map[string]bool{}
	for round := range 3 {
		got := turn(p, round)
		require.ElementsMatch(t, p, got)
		first[got[0].by] = true
		for i := range got {
			require.Equal(t, p[i].work, got[i].work)
			require.Equal(t, p[i].clients, got[i].clients)
		}
	}
	require.Len(t, first, 3)
}

func at(perSecond int) sample { return sample{calls: perSecond, took: time.Second} }

func TestRatiosAreThoseOfTheRounds(t *testing.T) {
	t.Parallel()
	mine, a := measurement{newPurchases, 8, koodesk}, measurement{newPurchases, 8, separate}
	r := newResults([]measurement{a, mine}, 3)
	// The machine is slower in the second round, and the third has an outlier.
	for round, v := range [][2]int{{1000, 900}, {500, 450}, {1000, 2000}} {
		r.add(a, round, at(v[0]))
		r.add(mine, round, at(v[1]))
	}
	got, ok := r.ratio(mine, separate)
	require.True(t, ok)
	require.InDelta(t, 0.9, got, 1e-9)
	_, ok = r.ratio(mine, single)
	require.False(t, ok)
	require.InDelta(t, 900, r.median(mine, sample.perSecond), 1e-9)
	require.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 1e-9)
}

func TestFailedCallsFailTheRun(t *testing.T) {
	t.Parallel()
	m := measurement{newPurchases, 8, koodesk}
	r := newResults([]measurement{m}, 1)
	r.add(m, 0, at(10))
	require.NoError(t, r.failures())
	r.add(m, 0, sample{calls: 9, failed: 1, why: errors.New("no answer")})
	require.ErrorContains(t, r.failures(), "1 calls failed, the first: no answer")
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for i := 200; i > 0; i-- {
		all = append(all, time.Duration(i))
	}
	p50, p99 := percentiles(all)
	require.Equal(t, time.Duration(100), p50)
	require.Equal(t, time.Duration(198), p99)
	p50, p99 = percentiles(nil)
	require.Zero(t, p50+p99)
}
