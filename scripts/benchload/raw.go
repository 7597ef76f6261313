package main

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"koodesk/app/market"
	"koodesk/app/protocol/saas2"
	"koodesk/app/store"
)

// rawChannel holds what pgbench writes, apart from what the program writes into
// the same tables.
const rawChannel = "pgbench"

//go:embed sql
var scripts embed.FS

func script(name string) string {
	b, err := scripts.ReadFile("sql/" + name + ".sql")
	if err != nil { // part of this program
		panic(err)
	}
	return string(b)
}

// Orders of pgbench are numbers of 14 digits: the seeds', then a range for each
// measurement.
const (
	seedBase = 10_000_000_000_000
	runStep  = 1_000_000_000
)

// rawLoad runs pgbench with the scripts of sql/.
type rawLoad struct {
	pgbench, folder string
	env             []string
	variables       []string
	runs            int
	sent            books
}

func newRawLoad(ctx context.Context, pgbench, folder string, d *database) (*rawLoad, error) {
	r := &rawLoad{pgbench: pgbench, folder: folder}
	env, err := d.environment()
	if err != nil {
		return nil, err
	}
	r.env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"), "LC_ALL=C")
	for _, name := range []string{"purchase_separate", "purchase_single", "repeat_separate", "repeat_single"} {
		if err := os.WriteFile(filepath.Join(folder, name+".sql"), []byte(script(name)), 0o600); err != nil {
			return nil, err
		}
	}
	var id int64
	if err := d.QueryRowContext(ctx, `
INSERT INTO channels (slug, site)
VALUES ($1, 'cn')
RETURNING id`, rawChannel).Scan(&id); err != nil {
		return nil, err
	}
	// Random bytes are as long as what the program has sealed of the same call,
	// and compress as badly.
	var sealed int
	if err := d.QueryRowContext(ctx, `SELECT max(octet_length(request_sealed)) FROM attempts`).Scan(&sealed); err != nil {
		return nil, err
	}
	request := random(sealed)
	answer := saas2.Encode(market.NewInstance, market.Answer{Code: market.Processing, InstanceID: store.Placeholder})
	var n int
	if err := d.QueryRowContext(ctx, script("seed"), id, int64(seedBase), 1+manyLines, request, string(answer)).Scan(&n); err != nil {
		return nil, err
	}
	r.sent.rawPurchases += n
	r.variables = []string{"channel=" + strconv.FormatInt(id, 10), "i=0", `request=\x` + hex.EncodeToString(request), "answer=" + string(answer)}
	return r, nil
}

// scriptOf names the script of a measurement and the orders that it is about.
func (r *rawLoad) scriptOf(m measurement) (name string, variables []string) {
	kind := "single"
	if m.by == separate {
		kind = "separate"
	}
	base := func(n int) string { return "base=" + strconv.Itoa(n) }
	switch m.work {
	case repeatOne:
		return "repeat_" + kind, []string{base(seedBase), "lines=1"}
	case repeatMany:
		return "repeat_" + kind, []string{base(seedBase + 1), "lines=" + strconv.Itoa(manyLines)}
	default:
		return "purchase_" + kind, []string{base(seedBase + (1+r.runs)*runStep)}
	}
}

// measure lets pgbench run for d. Its connections stay open and its statements
// prepared, as the program's are.
func (r *rawLoad) measure(ctx context.Context, m measurement, d time.Duration) (sample, error) {
	r.runs++
	name, variables := r.scriptOf(m)
	logs := filepath.Join(r.folder, "pgbench-"+strconv.Itoa(r.runs))
	args := []string{"--no-vacuum", "--protocol=prepared", "--client=" + strconv.Itoa(m.clients),
		"--jobs=" + strconv.Itoa(min(m.clients, runtime.NumCPU())), "--time=" + strconv.Itoa(int(d.Seconds())),
		"--file=" + name + ".sql", "--log", "--log-prefix=" + logs}
	for _, v := range append(variables, r.variables...) {
		args = append(args, "--define="+v)
	}
	c := exec.CommandContext(ctx, r.pgbench, args...)
	var out bytes.Buffer
	c.Dir, c.Env, c.Stdout, c.Stderr = r.folder, r.env, &out, &out
	if err := c.Run(); err != nil {
		return sample{}, fmt.Errorf("pgbench, %s, %d clients: %w\n%.2000s", m.work, m.clients, err, out.String())
	}
	s, err := readReport(out.String())
	if err != nil {
		return s, err
	}
	s.loadCPU = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if m.work == newPurchases {
		r.sent.rawPurchases += s.calls
	} else {
		r.sent.rawRepeats += s.calls
	}
	all, err := readLogs(logs + ".*")
	if err == nil && len(all) != s.calls {
		err = fmt.Errorf("pgbench reports %d transactions and has logged %d", s.calls, len(all))
	}
	s.p50, s.p99 = percentiles(all)
	return s, err
}

// readReport reads what pgbench prints at the end. The time is that without the
// initial connections.
func readReport(report string) (sample, error) {
	var s sample
	var perSecond float64
	var err error
	for line := range strings.Lines(report) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " = ")
		}
		first, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		switch name {
		case "number of transactions actually processed":
			first, _, _ = strings.Cut(first, "/")
			s.calls, err = strconv.Atoi(first)
		case "number of failed transactions":
			s.failed, err = strconv.Atoi(first)
		case "tps":
			perSecond, err = strconv.ParseFloat(first, 64)
		}
		if err != nil {
			return s, fmt.Errorf("pgbench's report has %q: %w", line, err)
		}
	}
	if s.calls == 0 || perSecond <= 0 {
		return s, fmt.Errorf("pgbench did nothing:\n%.2000s", report)
	}
	if s.failed > 0 {
		s.why = errors.New("see pgbench's report: " + report)
	}
	s.took = time.Duration(float64(s.calls) / perSecond * float64(time.Second))
	return s, nil
}

// readLogs reads the duration of each transaction, one per line, in microseconds
// in the third column, and deletes the logs.
func readLogs(pattern string) ([]time.Duration, error) {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var all []time.Duration
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			column := strings.Fields(lines.Text())
			if len(column) < 3 {
				continue
			}
			us, err := strconv.ParseInt(column[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("pgbench's log has %q", lines.Text())
			}
			all = append(all, time.Duration(us)*time.Microsecond)
		}
		err = errors.Join(lines.Err(), f.Close(), os.Remove(name))
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
