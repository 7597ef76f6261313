package store

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

const (
	// maxCount is up to where rows are counted: a count over the whole table would
	// slow the database down as the table grows.
	maxCount = 1000
	// countSpan is how many rows of a side are looked at. It is more than a count
	// goes, so that a filter which most rows pass is counted to its end.
	countSpan = 2 * maxCount
)

// Count is a number; with More there may be more, beyond 1000 or where counting
// ended earlier.
type Count struct {
	N    int
	More bool
}

// String writes the count: "12", "1000+".
func (c Count) String() string {
	if c.More {
		return strconv.Itoa(c.N) + "+"
	}
	return strconv.Itoa(c.N)
}

func countOf(n int) Count {
	if n > maxCount {
		return Count{N: maxCount, More: true}
	}
	return Count{N: n}
}

// Counts is how many rows of a filtered list have each status; "" is all.
type Counts map[string]Count

// side is a way to look at what filters leave where no index knows all of them
// together, which would have a count go through the whole table for a number that
// nobody needs to the last one: the first rows by some of the conditions are
// tested for the others. Each way is exact where it comes to the end of its rows;
// what is rare under a filter is seen from its side, a rare status from its own.
type side struct {
	given  []string // what an index finds its rows by
	tested []string
	order  string // of an index that gives them so; "" for whichever come first
	whole  bool   // the rows of all statuses together, not so many of each
	most   int    // how many rows are looked at; 0 means countSpan
}

// statusCounts counts a list by status. The statuses are ours, not a caller's, and
// all that there are, so that together they are all. What a search has found is
// counted in one go, of very many the newest.
func (r *Reader) statusCounts(ctx context.Context, s source, column string, c *clause, statuses []string) (Counts, error) {
	if c.found != "" {
		all := side{whole: true, most: math.MaxInt}
		if ids := inOrder(c.ids, false, nil); len(ids) > countSpan {
			c, all.most = c.among(ids[:countSpan]), -1 // more than that anyway
		}
		return r.countsBy(ctx, c, statuses, []side{all}, `
SELECT 0 AS side, `+column+` AS status, count(*) AS n, count(*) AS seen
  FROM `+s.from(c)+c.where()+`
 GROUP BY 2`)
	}
	return r.countsWhere(ctx, s, column, c, statuses, func(status string) string { return column + " = '" + status + "'" })
}

// countsWhere counts each status by itself, from every side that the filters have;
// is tells what each means, and column what a row has.
func (r *Reader) countsWhere(ctx context.Context, s source, column string, c *clause, statuses []string, is func(status string) string) (Counts, error) {
	sides := c.sides
	if len(sides) == 0 { // an index knows what is asked for
		sides = []side{{given: c.conds, most: maxCount + 1}}
	}
	var parts []string
	for i, d := range sides {
		head := "\nSELECT " + strconv.Itoa(i) + " AS side, "
		if d.whole {
			parts = append(parts, head+`status, count(*) FILTER (WHERE held) AS n, count(*) AS seen
  FROM (SELECT `+column+` AS status, `+d.rows(s, "")+`) AS looked
 GROUP BY 2`)
			continue
		}
		for _, status := range statuses {
			parts = append(parts, head+`'`+status+`' AS status, count(*) FILTER (WHERE held) AS n, count(*) AS seen
  FROM (SELECT `+d.rows(s, is(status))+`) AS looked`)
		}
	}
	return r.countsBy(ctx, c, statuses, sides, strings.Join(parts, "\n UNION ALL"))
}

// rows writes which rows are looked at, and whether each holds.
func (d side) rows(s source, is string) string {
	held, order, given := "TRUE", "", &clause{conds: slices.Clone(d.given)}
	if len(d.tested) > 0 {
		held = strings.Join(d.tested, " AND ")
	}
	if is != "" {
		given.and(is)
	}
	if d.order != "" {
		order = "\n         ORDER BY " + d.order
	}
	return held + ` AS held
          FROM ` + s.table + ` ` + s.alias + strings.ReplaceAll(given.where(), "\n", "\n        ") + order + `
         LIMIT ` + strconv.Itoa(d.looks())
}

func (d side) looks() int {
	if d.most == 0 {
		return countSpan
	}
	return d.most
}

// countsBy reads what was seen of each status from each side.
func (r *Reader) countsBy(ctx context.Context, c *clause, statuses []string, sides []side, query string) (Counts, error) {
	var rows []struct {
		Side   int    `db:"side"`
		Status string `db:"status"`
		N      int    `db:"n"`
		Seen   int    `db:"seen"`
	}
	if err := sqlx.SelectContext(ctx, r.q, &rows, query, c.args...); err != nil {
		return nil, toFault(err)
	}
	held, seen := make([]map[string]int, len(sides)), make([]map[string]int, len(sides))
	for i := range sides {
		held[i], seen[i] = map[string]int{}, map[string]int{}
	}
	for _, row := range rows {
		held[row.Side][row.Status] = row.N
		seen[row.Side][row.Status] += row.Seen
		seen[row.Side][""] += row.Seen
	}
	out, all, more := make(Counts, len(statuses)+1), 0, false
	for _, status := range statuses {
		n, end := 0, false
		for i, d := range sides {
			of := status
			if d.whole {
				of = ""
			}
			n = max(n, held[i][status])
			end = end || seen[i][of] < d.looks()
		}
		at := countOf(n)
		at.More = at.More || !end
		out[status] = at
		all, more = all+n, more || !end
	}
	total := countOf(all)
	total.More = total.More || more
	out[""] = total
	return out, nil
}
