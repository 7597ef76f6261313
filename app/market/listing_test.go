package market_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"koodesk/app/market"
)

func TestTheStatesOfHalfADay(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]market.Probes{
		market.ProbeNone:    {},
		market.ProbePassed:  {Passed: 3, Refused: 1},
		market.ProbeFailed:  {Passed: 3, Failed: 2, Failing: 1},
		market.ProbeMended:  {Passed: 3, Failed: 2, Refused: 1},
		market.ProbeRefused: {Refused: 1},
	} {
		require.Equal(t, want, p.State())
	}
}

func TestOnlyProvedProbesAreProbes(t *testing.T) {
	t.Parallel()
	require.False(t, market.Probed([]market.ProbeDay{{}, {Morning: market.Probes{Refused: 2}}}), "a stranger's")
	require.True(t, market.Probed([]market.ProbeDay{{Morning: market.Probes{Passed: 1}}, {}}))
}

func TestDaysOfFailingProbesAreCountedOnEnd(t *testing.T) {
	t.Parallel()
	day := func(morning, afternoon byte) market.ProbeDay {
		half := func(c byte) market.Probes {
			return map[byte]market.Probes{'p': {Passed: 2}, 'f': {Passed: 1, Failed: 1, Failing: 1}, 'a': {Passed: 1, Failed: 1}, 'r': {Refused: 1}, 'm': {Passed: 1, Refused: 3}, '-': {}}[c]
		}
		return market.ProbeDay{Morning: half(morning), Afternoon: half(afternoon)}
	}
	for days, want := range map[string]int{
		"":            0,
		"--":          0,
		"ff":          1,
		"pf":          1,
		"fp":          0, // repaired by the afternoon
		"f-":          1,
		"pp ff ff":    2,
		"ff pp ff":    1,
		"ff -- f-":    2, // a day without probes neither counts nor ends it
		"ff pp":       0,
		"rr rr":       0, // nobody knows whose they were
		"ff rr ff":    2,
		"pp rr":       0,
		"mm":          0, // strangers' calls do not make a probe that passed fail
		"pr":          0, // nor do they make a morning that passed fail
		"fr pr":       0,
		"rf":          1,
		"rp":          0,
		"ff ff ff ff": 4,
		"aa":          1, // what passed in the same half day was debugged by hand, and is no probe
		"a-":          1,
		"pa":          1,
		"fa":          1,
		"ap":          0,
	} {
		var all []market.ProbeDay
		for i := 0; i+1 < len(days); i += 3 {
			all = append(all, day(days[i], days[i+1]))
		}
		require.Equal(t, want, market.ProbeStreak(all), days)
	}
}
