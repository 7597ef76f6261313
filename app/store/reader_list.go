package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"koodesk/app/fault"
)

// source is what a list is read from: its order, what is selected, and from
// which table.
type source struct {
	list
	columns string
	table   string
	alias   string
	lean    bool // ids first: what is filtered by stands in the indexes, and rows are fetched for what is shown only
}

// from writes the FROM. Rows that a search has found already are fetched first
// and by themselves (OFFSET 0 keeps the planner from walking through the whole
// list in the hope to meet them).
func (s source) from(c *clause) string {
	if c.found == "" {
		return s.table + " " + s.alias
	}
	return "(SELECT * FROM " + s.table + " WHERE id = ANY(" + c.found + ") OFFSET 0) " + s.alias
}

// fetch runs one page's query: up to limit+1 rows on the far side of p, in the
// direction of reading. R is the shape of a row.
func fetch[R any](ctx context.Context, r *Reader, s source, c *clause, p *position, limit int) ([]R, error) {
	c = c.clone()
	back := p != nil && p.back
	if p != nil {
		s.beyond(c, *p)
	}
	from, order, most := s.from(c)+c.where(), s.order(back), strconv.Itoa(limit+1)
	query := `
SELECT ` + s.columns + `
  FROM ` + from + `
 ORDER BY ` + order + `
 LIMIT ` + most
	if s.lean {
		query = `
SELECT ` + s.columns + `
  FROM (SELECT ` + s.id + ` AS shown
          FROM ` + strings.ReplaceAll(from, "\n", "\n        ") + `
         ORDER BY ` + order + `
         LIMIT ` + most + `) AS ids
  JOIN ` + s.table + ` ` + s.alias + ` ON ` + s.id + ` = ids.shown
 ORDER BY ` + order
	}
	var rows []R
	err := sqlx.SelectContext(ctx, r.q, &rows, query, c.args...)
	return rows, toFault(err)
}

// page reads a page and turns its rows into what is shown. A step back that
// comes to the beginning gives the whole first page, not its last few rows.
func page[R, T any](ctx context.Context, r *Reader, s source, c *clause, p Paging, key func(*R) position, show func(*R) (T, error)) (Page[T], error) {
	var out Page[T]
	limit := p.limit()
	var from *position
	if p.Cursor != "" {
		at, err := s.decode(p.Cursor)
		if err != nil {
			return out, err
		}
		from = &at
	}
	rows, err := fetch[R](ctx, r, s, c, from, limit)
	if err == nil && from != nil && from.back && len(rows) <= limit {
		from = nil
		rows, err = fetch[R](ctx, r, s, c, nil, limit)
	}
	if err != nil {
		return out, err
	}
	more := len(rows) > limit
	rows = rows[:min(len(rows), limit)]
	back := from != nil && from.back
	if back {
		slices.Reverse(rows)
	}
	out.Items = make([]T, 0, len(rows))
	for i := range rows {
		item, err := show(&rows[i])
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, item)
	}
	if len(rows) == 0 {
		return out, nil
	}
	if back || from != nil {
		first := key(&rows[0])
		first.back = true
		out.Newer = s.encode(first)
	}
	if back || more {
		out.Older = s.encode(key(&rows[len(rows)-1]))
	}
	return out, nil
}

// neighbours finds what stands before and after a row in a filtered list: the
// texts of column, "" at the ends.
func (r *Reader) neighbours(ctx context.Context, s source, c *clause, at time.Time, id int64, column string) (newer, older string, err error) {
	side := func(back bool) (string, error) {
		c := c.clone()
		s.beyond(c, position{back: back, at: at, id: id})
		var out string
		err := sqlx.GetContext(ctx, r.q, &out, `
SELECT `+column+`::text
  FROM `+s.from(c)+c.where()+`
 ORDER BY `+s.order(back)+`
 LIMIT 1`, c.args...)
		if fault.Is(toFault(err), fault.NotFound) {
			return "", nil
		}
		return out, toFault(err)
	}
	if newer, err = side(true); err != nil {
		return "", "", err
	}
	older, err = side(false)
	return newer, older, err
}

// maxCount is up to where rows are counted: a count over the whole table would
// slow the database down as the table grows.
const maxCount = 1000

// Count is a number; with More there are more, beyond 1000 or where counting ended
// earlier.
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

// statusCounts counts a list by status. The statuses are ours, not a caller's, and
// all that there are, so that together they are all. What a search has found is
// counted in one go: it is bounded already.
func (r *Reader) statusCounts(ctx context.Context, s source, column string, c *clause, statuses []string) (Counts, error) {
	if c.sift != "" {
		return r.siftedCounts(ctx, s, column, c, statuses)
	}
	if c.found != "" {
		return r.countsBy(ctx, c, `
SELECT `+column+` AS status, count(*) AS n
  FROM `+s.from(c)+c.where()+`
 GROUP BY 1`)
	}
	return r.countsBy(ctx, c, boundedCounts(s, c, statuses, func(status string) string { return column + " = '" + status + "'" }))
}

// countsBy reads the counts of statuses that together are all.
func (r *Reader) countsBy(ctx context.Context, c *clause, query string) (Counts, error) {
	var rows []struct {
		Status string `db:"status"`
		N      int    `db:"n"`
	}
	if err := sqlx.SelectContext(ctx, r.q, &rows, query, c.args...); err != nil {
		return nil, toFault(err)
	}
	out, all := make(Counts, len(rows)+1), 0
	for _, row := range rows {
		out[row.Status] = countOf(row.N)
		all += row.N
	}
	out[""] = countOf(all)
	return out, nil
}

// span is how many of the newest rows of a status are looked at where filters come
// together that no index knows: a count would go through the whole table for a
// number that nobody needs to the last one.
const span = 5000

// spanCounts counts each status within its span; exact where that is all.
func (r *Reader) spanCounts(ctx context.Context, s source, column string, c *clause, statuses []string) (Counts, error) {
	parts := make([]string, 0, len(statuses))
	for _, status := range statuses {
		parts = append(parts, `
SELECT '`+status+`' AS status, count(*) FILTER (WHERE held) AS n, count(*) AS seen
  FROM (SELECT `+strings.Join(c.conds, " AND ")+` AS held
          FROM `+s.from(c)+`
         WHERE `+column+` = '`+status+`'
         ORDER BY `+s.order(false)+`
         LIMIT `+strconv.Itoa(span)+`) AS newest`)
	}
	var rows []struct {
		Status string `db:"status"`
		N      int    `db:"n"`
		Seen   int    `db:"seen"`
	}
	if err := sqlx.SelectContext(ctx, r.q, &rows, strings.Join(parts, "\n UNION ALL"), c.args...); err != nil {
		return nil, toFault(err)
	}
	out, all, more := make(Counts, len(statuses)+1), 0, false
	for _, row := range rows {
		n := countOf(row.N)
		n.More = n.More || row.Seen == span
		out[row.Status] = n
		all, more = all+row.N, more || row.Seen == span
	}
	total := countOf(all)
	total.More = total.More || more
	out[""] = total
	return out, nil
}

// boundedCounts counts each status by itself, and no further than it is shown; is
// tells what each means.
func boundedCounts(s source, c *clause, statuses []string, is func(status string) string) string {
	parts := make([]string, 0, len(statuses))
	for _, status := range statuses {
		c := c.clone()
		c.conds = append(c.conds, is(status))
		parts = append(parts, `
SELECT '`+status+`' AS status, count(*) AS n
  FROM (SELECT 1
          FROM `+s.from(c)+strings.ReplaceAll(c.where(), "\n", "\n        ")+`
         LIMIT `+strconv.Itoa(maxCount+1)+`) AS bounded`)
	}
	return strings.Join(parts, "\n UNION ALL")
}
