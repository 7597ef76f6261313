package store

import (
	"context"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// A part of a name that few have is found by an index, which gives all who have
// it; they are then put in order. With a part that many have, such as "Ltd", that
// would take ever longer as the tables grow, while the list in its own order meets
// one after few rows. The newest instances tell which it is.
const (
	nameSample = 1000  // newest instances that are looked at
	nameCommon = 20    // so many of them, and the part is common
	maxNamed   = 20000 // how many of the rare ones are put in order; the newest
	countSpan  = 3000  // rows of a list within which what is common is counted
)

// nameWay is how a part of the names in the clear is looked for: the customer's
// account name and the user name, in any case.
type nameWay struct {
	test    string // of a name %n and the part %q
	indexed string // finds candidates; $1 is the part, $2 a pattern of what begins with it
}

// wayOf chooses it: one character is looked for at the beginning of the names
// only, anything longer everywhere. The tests compare what is written and know no
// wildcards; the planner expects them to be true of many rows, as they are
// wherever they are all that a list is narrowed by.
func wayOf(part string) nameWay {
	if utf8.RuneCountInString(part) == 1 {
		return nameWay{`strpos(lower(%n), lower(%q)) = 1`,
			`(lower(customer_name) LIKE lower($2) AND customer_name <> '' OR lower(user_name) LIKE lower($2) AND user_name <> '')`}
	}
	return nameWay{`strpos(lower(%n), lower(%q)) > 0`,
		`(customer_name <> '' OR user_name <> '') AND name_grams(customer_name, user_name) @> ` + grams}
}

// grams are those of a part of a name that the index is asked for: end to end, and
// the last; what overlaps them tells little more and costs as much.
const grams = `ARRAY(
                       SELECT substr(p, i, 3)
                         FROM lower($1) AS p, generate_series(1, GREATEST(length(p) - 2, 1)) AS i
                        WHERE i % 3 = 1
                           OR i = length(p) - 2)`

// holds is the condition that one of an instance's names holds the part.
func (w nameWay) holds(alias, part string) string {
	of := func(name string) string {
		return strings.NewReplacer("%n", alias+name, "%q", part).Replace(w.test)
	}
	return "(" + of("customer_name") + " OR " + of("user_name") + ")"
}

// sample is what a search by a name begins with.
func (w nameWay) sample() string {
	return `
WITH sample AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE ` + w.holds("", "$1") + `) AS n
      FROM (SELECT customer_name, user_name
              FROM instances
             ORDER BY id DESC
             LIMIT ` + strconv.Itoa(nameSample) + `) AS newest
)`
}

// found gives the rows that hold the part, unless the sample says that it is
// common, which PostgreSQL looks at before it begins; a row with the id 0 stands
// for "common".
func (w nameWay) found() string {
	return `
        UNION ALL
       (SELECT id
          FROM (SELECT id
                  FROM instances
                 WHERE (SELECT n FROM sample) < ` + strconv.Itoa(nameCommon) + `
                   AND ` + w.indexed + `
                   AND ` + w.holds("", "$1") + `
                OFFSET 0) AS holding
         ORDER BY id DESC
         LIMIT ` + strconv.Itoa(maxNamed) + `)
        UNION ALL
       (SELECT 0
          FROM sample
         WHERE n >= ` + strconv.Itoa(nameCommon) + `)`
}

// holding narrows a list of instances to those that were found, or that hold a
// part of a name that is too common to find them all beforehand.
func (c *clause) holding(q string, found []int64, common bool) {
	if !common {
		c.only(found)
		return
	}
	c.sift = `(i.id = ANY(` + c.arg(pq.Array(found)) + `) OR ` + wayOf(q).holds("i.", c.arg(q)+"::text") + `)`
}

// newestHolding lists the ids of the newest instances that hold a common part of
// a name, of those within so many of the newest rows.
func (r *Reader) newestHolding(ctx context.Context, q string, rows int) ([]int64, error) {
	var ids []int64
	err := sqlx.SelectContext(ctx, r.q, &ids, `
SELECT id
  FROM (SELECT id, customer_name, user_name
          FROM instances
         ORDER BY id DESC
         LIMIT $2) AS newest
 WHERE `+wayOf(q).holds("", "$1::text")+`
 ORDER BY id DESC`, q, rows)
	return ids, toFault(err)
}

// siftedCounts counts a list by status as far as its first rows go: exact where
// they are all, else there are more of each.
func (r *Reader) siftedCounts(ctx context.Context, s source, column string, c *clause, statuses []string) (Counts, error) {
	sift := c.sift
	c = c.clone()
	c.sift = ""
	var rows []struct {
		Status string `db:"status"`
		Held   int    `db:"held"`
		Seen   int    `db:"seen"`
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
SELECT status, count(*) FILTER (WHERE held) AS held, count(*) AS seen
  FROM (SELECT `+column+` AS status, `+sift+` AS held
          FROM `+s.from(c)+strings.ReplaceAll(c.where(), "\n", "\n        ")+`
         ORDER BY `+s.order(false)+`
         LIMIT `+strconv.Itoa(countSpan)+`) AS bounded
 GROUP BY status`, c.args...)
	if err != nil {
		return nil, toFault(err)
	}
	held, seen, of := 0, 0, map[string]int{}
	for _, row := range rows {
		of[row.Status], held, seen = row.Held, held+row.Held, seen+row.Seen
	}
	count := func(n int) Count {
		at := countOf(n)
		at.More = at.More || seen == countSpan
		return at
	}
	out := Counts{"": count(held)}
	for _, status := range statuses {
		out[status] = count(of[status])
	}
	return out, nil
}
