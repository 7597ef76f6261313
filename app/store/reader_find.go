package store

import (
	"context"
	"strings"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// hits is what a search finds.
type hits struct {
	ids    []int64
	common bool // and all that hold a part of a name, which are too many to find
}

// FindInstances searches once for a filter that is used more than once.
func (r *Reader) FindInstances(ctx context.Context, f InstanceFilter) (InstanceFilter, error) {
	q := strings.TrimSpace(f.Q)
	if q == "" || f.hits != nil {
		return f, nil
	}
	ids, common, err := r.searchInstances(ctx, q, maxFound)
	f.hits = &hits{ids, common}
	return f, err
}

// followersOf narrows a list of tasks or deliveries to what a search finds: the
// row with this id, and the newest that follow from the instances (for tasks
// also from the messages) that the search finds, most of each. An empty q
// narrows nothing.
func (r *Reader) followersOf(ctx context.Context, c *clause, q, table string, most int) error {
	q = strings.TrimSpace(q)
	if q == "" {
		return nil
	}
	instances, common, err := r.searchInstances(ctx, q, most)
	if err != nil {
		return err
	}
	if common {
		newest, err := r.newestHolding(ctx, q, max(most, countSpan))
		if err != nil {
			return err
		}
		instances = append(instances, newest...)
	}
	about, args := "instance_pk = ANY($1)", []any{pq.Array(instances)}
	if table == "tasks" {
		messages, err := r.searchMessages(ctx, q, most)
		if err != nil {
			return err
		}
		about, args = about+" OR message_id = ANY($3)", append(args, most, pq.Array(messages))
	} else {
		args = append(args, most)
	}
	ids := []int64{idOf(strings.TrimPrefix(q, "#"))}
	var found []int64
	err = sqlx.SelectContext(ctx, r.q, &found, `
SELECT id
  FROM (SELECT id FROM `+table+` WHERE `+about+` OFFSET 0) AS followers
 ORDER BY id DESC
 LIMIT $2`, args...)
	c.only(append(ids, found...))
	return toFault(err)
}

// maxFound bounds how many rows each way of searching finds for a page, so that
// a search costs the same however big the tables are; it is more than a count
// goes. What acts on everything that matches has no such bound.
const (
	maxFound  = 2 * maxCount
	unlimited = 1 << 30
)

// searchMessages finds the ids of messages by any of their ids.
func (r *Reader) searchMessages(ctx context.Context, q string, most int) ([]int64, error) {
	return r.search(ctx, q, most, []int64{idOf(q)}, anyMessage)
}

// anyMessage searches messages by any of their ids but their number.
var anyMessage = `
SELECT id FROM (` + searchOrder("messages") + `
        UNION ALL
       (SELECT id
          FROM messages
         WHERE instance_id LIKE $2
           AND instance_id <> ''
         ORDER BY instance_id USING ~>~
         LIMIT $4)
        UNION ALL
       (SELECT message_id
          FROM message_instances
         WHERE instance_id LIKE $2
         ORDER BY instance_id USING ~>~
         LIMIT $4)
        UNION ALL
       (SELECT message_id
          FROM attempts
         WHERE business_id = $1
           AND business_id <> ''
         LIMIT $4)
        UNION ALL
       (SELECT message_id
          FROM attempts
         WHERE order_id = $1
         LIMIT $4)) AS found`

// search runs a search: $1 is what is searched for, $2 the same as a pattern for
// texts that begin with it, $3 its own beginnings, $4 how many each way may find.
func (r *Reader) search(ctx context.Context, q string, most int, ids []int64, query string, more ...any) ([]int64, error) {
	if !storable(q) || len(q) > 200 {
		return ids, nil
	}
	var found []int64
	err := sqlx.SelectContext(ctx, r.q, &found, query, append([]any{q, prefix(q), pq.Array(heads(q)), most}, more...)...)
	return append(ids, found...), toFault(err)
}

// searchOrder finds orders by the beginning of their id and order lines by their
// whole id. The published ids of lines begin with their order's, so that the
// order's index finds them; the others have an index for themselves.
func searchOrder(table string) string {
	return `
       (SELECT id
          FROM ` + table + `
         WHERE order_id LIKE $2
           AND order_id <> ''
         ORDER BY order_id USING ~>~
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM ` + table + `
         WHERE order_id = ANY($3)
           AND order_id <> ''
           AND order_line_id = $1
         LIMIT $4)
        UNION ALL
       (SELECT id
          FROM ` + table + `
         WHERE order_line_id = $1
           AND NOT starts_with(order_line_id, order_id)
         LIMIT $4)`
}

// channelIs keeps the rows of one channel. Its id is looked up first: the planner
// must know whether the channel has much or little.
func (r *Reader) channelIs(ctx context.Context, c *clause, column, slug string) error {
	if slug == "" {
		return nil
	}
	var id int64
	err := sqlx.GetContext(ctx, r.q, &id, `
SELECT COALESCE((SELECT id FROM channels WHERE slug = $1), 0)`, strings.ToValidUTF8(strings.ReplaceAll(slug, "\x00", ""), ""))
	c.and(column+" = ?", id)
	return toFault(err)
}
