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

// fetch reads one page: up to limit+1 rows on the far side of p, in the direction
// of reading. R is the shape of a row. What a search has found is gone through in
// the list's order as far as the page needs, if that is the order of ids.
func fetch[R any](ctx context.Context, r *Reader, s source, c *clause, p *position, limit int) ([]R, error) {
	if c.found == "" || s.at != "" {
		return fetchOnce[R](ctx, r, s, c, p, limit)
	}
	back := p != nil && p.back
	ids := inOrder(c.ids, s.asc != back, p)
	var rows []R
	for step := 4 * (limit + 1); len(ids) > 0 && len(rows) <= limit; step *= 4 {
		some := ids[:min(step, len(ids))]
		more, err := fetchOnce[R](ctx, r, s, c.among(some), p, limit)
		if err != nil {
			return nil, err
		}
		rows, ids = append(rows, more...), ids[len(some):]
	}
	return rows[:min(len(rows), limit+1)], nil
}

// inOrder gives the different ones of some ids in their order, from behind p.
func inOrder(ids []int64, up bool, p *position) []int64 {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	if ids = slices.Compact(ids); !up {
		slices.Reverse(ids)
	}
	if p == nil {
		return ids
	}
	begin := slices.IndexFunc(ids, func(id int64) bool { return id != p.id && id > p.id == up })
	if begin < 0 {
		return nil
	}
	return ids[begin:]
}

// fetchOnce runs one page's query.
func fetchOnce[R any](ctx context.Context, r *Reader, s source, c *clause, p *position, limit int) ([]R, error) {
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
