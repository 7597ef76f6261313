package store_test

import (
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/market"
	"koodesk/app/store"
)

// alertPlans: alerts are looked for every few seconds; however many messages,
// deliveries, tasks and events there are, what is new is found without reading them
// through. It adds rows, and so comes last.
func alertPlans(t *testing.T, s *store.Store) {
	for _, statement := range []string{`
UPDATE messages SET retry_until = last_received_at + interval '3 hours' WHERE status IN ('failed', 'processing')`, `
INSERT INTO events (channel_id, type, webhook_id, unique_key, to_product, target, payload_sealed, status, target_id)
SELECT 1, 'instance.frozen', 'w-' || n, 'u-' || n, FALSE, 'https://t', '\x00', 'succeeded', NULL
  FROM generate_series(1, 40000) AS n`, `
INSERT INTO alerts (kind, subject, severity, cleared_at, outcome, settled)
SELECT 'delivery_failed', 'old-' || n, 1, now(), 'resolved', TRUE
  FROM generate_series(1, 20000) AS n`, `
INSERT INTO alert_changes (alert_id, what, severity, addressed)
SELECT id, 'opened', 1, TRUE FROM alerts`, `ANALYZE`} {
		_, err := s.SQL().Exec(statement)
		require.NoError(t, err)
	}
	big := []string{"messages", "deliveries", "tasks", "events", "instances", "attempts", "alerts", "alert_changes"}
	for name, statement := range store.AlertStatements() {
		var args []any
		switch {
		case name == "running out":
			args = []any{pq.Array([]string{"v2"}), pq.Array([]string{market.NewInstance}), pq.Array([]float64{10800}), 5400.0, 900.0}
		case name == "refused out": // takes none
		case name == "move":
			args = []any{market.AlertRetry, 900.0}
		case name == "settle":
			args = []any{600.0}
		case strings.Contains(name, " ") && name != "running out":
			args = []any{name[strings.LastIndexByte(name, ' ')+1:]}
		}
		rows, err := s.SQL().Query("EXPLAIN "+statement, args...)
		require.NoError(t, err, name)
		defer rows.Close()
		var plan strings.Builder
		for rows.Next() {
			var line string
			require.NoError(t, rows.Scan(&line))
			plan.WriteString(line + "\n")
		}
		require.NoError(t, rows.Err())
		for _, table := range big {
			require.NotContains(t, plan.String(), "Seq Scan on "+table+" ", "%s\n%s", name, &plan)
		}
	}
}
