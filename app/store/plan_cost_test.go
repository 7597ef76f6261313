package store_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/store"
)

// explain runs a statement for its rows: clocks would cost more than the plans.
const explain = `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) `

// plan is a node of what it gives.
type plan struct {
	Node     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Filtered float64 `json:"Rows Removed by Filter"`
	Checked  float64 `json:"Rows Removed by Index Recheck"`
	Plans    []plan  `json:"Plans"`
}

var bigTables = []string{"messages", "message_instances", "attempts", "instances", "instance_events", "tasks", "task_attempts", "deliveries", "audit", "failure_groups", "restart_batches", "restart_items",
	"licenses", "pooled_licenses", "events", "event_attempts"}

// aPart is the name of a partition, after that of its log.
var aPart = regexp.MustCompile(`^((?:task_)?attempts)_(?:default|kept|before|\d{4}_\d\d(?:_lean)?)$`)

// cost is what a statement touched: rows read by scans of the big tables, rows
// that a sort took in, and which tables were scanned whole.
type cost struct {
	read, sorted float64
	whole        []string
	shape        string
}

func (p plan) cost(depth int) cost {
	c := cost{shape: fmt.Sprintf("%s%s %s %s rows %.0f removed %.0f loops %.0f\n", strings.Repeat("  ", depth), p.Node, p.Relation, p.Index,
		p.Rows, p.Filtered+p.Checked, p.Loops)}
	if slices.Contains(bigTables, aPart.ReplaceAllString(p.Relation, "$1")) {
		n := (p.Rows + p.Filtered + p.Checked) * p.Loops
		if c.read += n; p.Node == "Seq Scan" && p.Loops > 0 {
			c.whole = append(c.whole, p.Relation)
		}
	}
	for _, sub := range p.Plans {
		s := sub.cost(depth + 1)
		c.read, c.sorted, c.whole, c.shape = c.read+s.read, c.sorted+s.sorted, append(c.whole, s.whole...), c.shape+s.shape
		if strings.Contains(p.Node, "Sort") {
			c.sorted += sub.Rows * sub.Loops
		}
	}
	return c
}

// explained runs a statement and says what it touched.
func explained(t *testing.T, s *store.Store, query string, args []any) cost {
	var text string
	require.NoError(t, s.SQL().QueryRow(explain+query, args...).Scan(&text), query)
	return costOf(t, text)
}

// costOf is what a statement touched, by its plan as JSON.
func costOf(t *testing.T, text string) cost {
	var out []struct{ Plan plan }
	require.NoError(t, json.Unmarshal([]byte(text), &out))
	return out[0].Plan.cost(0)
}

// planner gives a reader that explains each of its statements before it runs
// and holds it to a budget of rows. Only a count, which stops by itself, may
// begin to read a table from its start.
func planner(t *testing.T, s *store.Store, name string, budget float64) *store.Reader {
	return store.Watch(s, func(query string, args []any) {
		c := explained(t, s, query, args)
		if !strings.Contains(query, "count(*)") {
			assert.Empty(t, c.whole, "%s scans a table:%s\n%s", name, query, c.shape)
		}
		budget, sorts := budget, 2500.0
		switch {
		case strings.Contains(query, "WITH sample"): // of names, before the search
			budget += sampled
		case strings.Contains(query, ") AS looked"): // what is little more than is looked at may as well be sorted
			sorts *= 2
		}
		assert.LessOrEqual(t, c.read, budget, "%s reads too many rows:%s\n%s", name, query, c.shape)
		assert.LessOrEqual(t, c.sorted, sorts, "%s sorts too many rows:%s\n%s", name, query, c.shape)
	})
}

// Budgets, of 40000 rows: a page shows 50. A count ends at 1000 for each of five
// statuses, for which seven activities are read where one is asked for; of messages
// and instances at most 2000 are looked at of each status, and from the other side.
const (
	pageBudget  = 3000
	countBudget = 18000
	sideBudget  = 12000
	sampled     = 6000
)
