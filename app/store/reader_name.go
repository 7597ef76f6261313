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
// one after few rows. The newest instances tell which it is: those of one customer,
// which often stand beside each other, make nothing common.
const (
	nameSample = 1000           // newest instances that are looked at
	nameCommon = 20             // so many of them, of several customers, and the part is common
	nameMore   = 5 * nameSample // that are looked at if only some of them have it
	nameSome   = 3              // so many customers are several
	maxNamed   = 20000          // how many of the rare ones are put in order; the newest
	nameSpan   = 1000           // rows of each status within which what is common is counted: they are fetched for it
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

// sample is what a search by a name begins with. Of what some of the newest have,
// more are looked at: it is common too if of all instances more than maxFound must
// be expected to have it.
func (w nameWay) sample() string {
	holding := func(most int) string {
		return `
              FROM (SELECT customer_id, customer_name, user_name
                      FROM instances
                     ORDER BY id DESC
                     LIMIT ` + strconv.Itoa(most) + `) AS newest
             WHERE ` + w.holds("", "$1")
	}
	several := `count(DISTINCT customer_id) >= ` + strconv.Itoa(nameSome)
	return `
WITH sample AS MATERIALIZED (
    SELECT CASE WHEN n = 0 THEN FALSE
                WHEN n >= ` + strconv.Itoa(nameCommon) + ` AND several THEN TRUE
                ELSE (SELECT ` + several + ` AND count(*) * (SELECT max(id) FROM instances) > ` + strconv.Itoa(maxFound*nameMore) + holding(nameMore) + `)
            END AS common
      FROM (SELECT count(*) AS n, ` + several + ` AS several` + holding(nameSample) + `) AS held
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
                 WHERE NOT (SELECT common FROM sample)
                   AND ` + w.indexed + `
                   AND ` + w.holds("", "$1") + `
                OFFSET 0) AS holding
         ORDER BY id DESC
         LIMIT ` + strconv.Itoa(maxNamed) + `)
        UNION ALL
       (SELECT 0
          FROM sample
         WHERE common)`
}

// holding narrows a list of instances to those that hold a part of a name that is
// too common to find them all beforehand, or that were found by something else.
// They are counted among those that the other filters leave.
func (c *clause) holding(q string, found []int64, f InstanceFilter) {
	if len(c.sides) == 0 {
		// A product's have no order within a status.
		c.sides = []side{{given: c.conds, order: f.source().order(false), whole: f.ProductID != ""}}
	}
	holds := `(i.id = ANY(` + c.arg(pq.Array(found)) + `) OR ` + wayOf(q).holds("i.", c.arg(q)+"::text") + `)`
	c.conds = append(c.conds[:len(c.conds):len(c.conds)], holds)
	for i, s := range c.sides {
		c.sides[i].tested, c.sides[i].most = append(s.tested[:len(s.tested):len(s.tested)], holds), nameSpan
	}
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
