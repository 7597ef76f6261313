package main

import (
	"context"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The benchmark itself, with few rows: everything is seeded, every page is read,
// most of them find something, and the program makes as many notices as the bare
// selection finds.
func TestTheBenchmarkRuns(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := settings{databaseURL: os.Getenv("DATABASE_URL"), rounds: 1, only: regexp.MustCompile("")}
	require.NotEmpty(t, o.databaseURL, "run it as `make test` does")
	for _, of := range []struct {
		kind  kind
		pages []page
		empty int
	}{{instances, instancePages(), 20}, {messages, messagePages(), 20}} {
		p, err := open(ctx, o, of.kind, 2000)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, p.close(false)) })
		empty := 0
		for _, page := range of.pages {
			s, err := page.measure(ctx, 1, [2]*place{p, p})
			require.NoError(t, err, page.name)
			require.Equal(t, s.rows[0], s.rows[1], page.name)
			if s.rows[0] == 0 {
				empty++
			}
		}
		require.Less(t, empty, of.empty, "of %d pages", len(of.pages))
		if of.kind.table == instances.table {
			require.NoError(t, measureNotices(ctx, o, p))
		}
	}
}

func TestWhatThePagesAreCalled(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1,000,000", count(1_000_000))
	require.Equal(t, "10,000", count(10_000))
	require.Equal(t, "999", count(999))
	require.Len(t, pairs(make([]named[int], 5)), 5+10)
	require.Len(t, matching(instancePages(), regexp.MustCompile("^instances: page 1$")), 1)
	require.Equal(t, 3*time.Second, median([]time.Duration{9 * time.Second, time.Second, 3 * time.Second}))
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://localhost/x")
	t.Setenv("BENCH_INSTANCES", "")
	t.Setenv("BENCH_MESSAGES", "")
	o, err := options(nil)
	require.NoError(t, err)
	require.Equal(t, []int{1_000_000, 10_000_000}, []int{o.instances, o.messages})
	t.Setenv("BENCH_MESSAGES", "2000000")
	o, err = options([]string{"-instances", "20000"})
	require.NoError(t, err)
	require.Equal(t, []int{20_000, 2_000_000}, []int{o.instances, o.messages})
	for _, bad := range [][]string{{"-instances", "10"}, {"-messages", "10"}, {"-rounds", "0"}, {"-only", "("}} {
		_, err := options(bad)
		require.Error(t, err, bad)
	}
	t.Setenv("BENCH_MESSAGES", "many")
	_, err = options(nil)
	require.ErrorContains(t, err, "BENCH_MESSAGES")
}
