package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/store/storetest"
)

// variable is how pgbench names one; two colons are a cast.
var variable = regexp.MustCompile(`(^|[^:]):([a-z_]+)`)

// statements are the SQL statements of a script as pgbench prepares them: each
// variable is a parameter of a type that the server finds out.
func statements(text string) []string {
	var sqlText strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, `\`) && !strings.HasPrefix(line, "--") {
			sqlText.WriteString(strings.Replace(line, `\gset`, ";", 1))
		}
	}
	var out []string
	for s := range strings.SplitSeq(sqlText.String(), ";") {
		s = strings.TrimSpace(s)
		if s == "" || s == "BEGIN" || s == "COMMIT" {
			continue
		}
		n := 0
		out = append(out, variable.ReplaceAllStringFunc(s, func(m string) string {
			n++
			before, _, _ := strings.Cut(m, ":")
			return before + "$" + strconv.Itoa(n)
		}))
	}
	return out
}

func TestScriptsFitTheSchema(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("postgres", storetest.URL(t))
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1) // that the statements are prepared on
	for name, count := range map[string]int{"purchase_separate": 4, "purchase_single": 1, "repeat_separate": 5, "repeat_single": 1, "seed": 1} {
		list := statements(script(name))
		require.Len(t, list, count, name)
		for _, s := range list {
			_, err := db.Exec("PREPARE script AS " + s)
			require.NoError(t, err, "%s: %s", name, s)
			_, err = db.Exec("DEALLOCATE script")
			require.NoError(t, err)
		}
	}
}

const report = `pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: purchase_single.sql
scaling factor: 1
query mode: prepared
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 1 s
number of transactions actually processed: 2903
number of failed transactions: 0 (0.000%)
latency average = 2.733 ms
initial connection time = 24.508 ms
tps = 2926.854821 (without initial connection time)
`

func TestReportIsRead(t *testing.T) {
	t.Parallel()
	s, err := readReport(report)
	require.NoError(t, err)
	require.Equal(t, 2903, s.calls)
	require.Zero(t, s.failed)
	require.InDelta(t, 2926.85, s.perSecond(), 0.01)
	s, err = readReport(strings.Replace(report, "failed transactions: 0", "failed transactions: 3", 1))
	require.NoError(t, err)
	require.Equal(t, 3, s.failed)
	require.Error(t, s.why)
	_, err = readReport("pgbench: error: connection to server failed")
	require.Error(t, err)
}

func TestLogsAreReadAndDeleted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{"l.1": "0 1 1500 0 1690000000 100\n1 1 2500 0 1690000000 200\n", "l.1.1": "2 1 500 0 1690000000 300\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	all, err := readLogs(filepath.Join(folder, "l.*"))
	require.NoError(t, err)
	require.ElementsMatch(t, []time.Duration{1500 * time.Microsecond, 2500 * time.Microsecond, 500 * time.Microsecond}, all)
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, left)
}
