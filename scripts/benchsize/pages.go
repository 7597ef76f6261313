package main

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"koodesk/app/store"
)

// page is something that the console reads at once.
type page struct {
	name string
	// prepare, if there is one, runs once for each database and gives what read is
	// told: the cursor of a page far down in the list.
	prepare func(ctx context.Context, r *store.Reader) (cursor string, err error)
	read    func(ctx context.Context, r *store.Reader, cursor string) (rows int, err error)
}

func matching(pages []page, only *regexp.Regexp) []page {
	return slices.DeleteFunc(pages, func(p page) bool { return !only.MatchString(p.name) })
}

// deep is how many pages of a list are walked to come to a page far down; the
// small database may end before.
const deep = 1000

// walk goes from page to page as a reader would, and gives the cursor that the
// last of them began with.
func walk[T any](ctx context.Context, list func(context.Context, store.Paging) (store.Page[T], error)) (string, error) {
	cursor := ""
	for range deep - 1 {
		p, err := list(ctx, store.Paging{Cursor: cursor})
		if err != nil {
			return "", err
		}
		if p.Older == "" {
			break
		}
		cursor = p.Older
	}
	return cursor, nil
}

// sample is what one page took, from the small and the big database.
type sample struct {
	took [2][]time.Duration
	rows [2]int
}

// compare reads every page from both databases by turns, and prints the medians.
func compare(ctx context.Context, o settings, k kind, few, many *place, pages []page) error {
	if len(pages) == 0 {
		return nil
	}
	fmt.Printf("\n%-58s %10s %10s %7s\n", k.table, count(few.rows), count(many.rows), "ratio")
	for _, p := range pages {
		s, err := p.measure(ctx, o.rounds, [2]*place{few, many})
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		a, b := median(s.took[0]), median(s.took[1])
		fmt.Printf("  %-56s %7.2f ms %7.2f ms %7.2f   %d and %d rows\n", p.name, ms(a), ms(b), ms(b)/ms(a), s.rows[0], s.rows[1])
	}
	return nil
}

// warm is how often a page is read before it is measured: what is measured is a
// database that is in use.
const warm = 2

func (p page) measure(ctx context.Context, rounds int, both [2]*place) (sample, error) {
	var s sample
	var cursors [2]string
	for i, db := range both {
		if p.prepare == nil {
			continue
		}
		var err error
		if cursors[i], err = p.prepare(ctx, db.Reader()); err != nil {
			return s, err
		}
	}
	for round := range warm + rounds {
		for i, db := range both {
			began := time.Now()
			rows, err := p.read(ctx, db.Reader(), cursors[i])
			took := time.Since(began)
			if err != nil {
				return s, err
			}
			if s.rows[i] = rows; round >= warm {
				s.took[i] = append(s.took[i], took)
			}
		}
	}
	if s.rows[0] == 0 && s.rows[1] == 0 {
		fmt.Fprintf(os.Stderr, "%s: nothing was found\n", p.name)
	}
	return s, nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// count writes 1000000 as 1,000,000.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
