package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/deliver/email/smtptest"
	"koodesk/app/redisconn"
)

// binary builds the program, once, for the tests that must kill it.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "koodesk-test-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	file := filepath.Join(dir, "koodesk")
	out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return file, nil
})

var buildDir string

func TestMain(m *testing.M) {
	code := m.Run()
	if buildDir != "" {
		_ = os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// process runs `koodesk work` as a process of its own, as it runs in production;
// settings are more of the environment.
func (r *rig) process(settings ...string) *exec.Cmd {
	r.t.Helper()
	file, err := binary()
	require.NoError(r.t, err)
	cmd := exec.Command(file, "work")
	cmd.Dir = r.t.TempDir()
	cmd.Env = append(os.Environ(),
		"DATABASE_URL="+r.config.DatabaseURL+"&application_name=worker", "REDIS_URL="+r.redisURL, "SECRET_KEY="+base64.StdEncoding.EncodeToString(r.config.SecretKey),
		"SMTP_URL="+r.config.SMTPURL, "MAIL_FROM="+r.config.MailFrom, "SSL_CERT_FILE="+r.mail.CAFile(), "METRICS_ADDR=off", "LOG_FORMAT=json")
	cmd.Env = append(cmd.Env, settings...)
	cmd.Stderr = r.log
	require.NoError(r.t, cmd.Start())
	return cmd
}

// A worker that is killed in the middle of it, and a Redis that is emptied at
// the same moment, lose nothing and double nothing: counted at the mail server.
func TestAKilledWorkerAndAnEmptiedRedisLoseNothing(t *testing.T) {
	t.Parallel()
	const n = 20
	r := newRigWith(t, false)
	release := r.mail.Hold(smtptest.Data, smtptest.Always)
	worker := r.process()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = r.buy(fmt.Sprintf("CS26112200%02dKILL", i))
	}
	held := `SELECT count(*) FROM tasks WHERE kind = 'deliver' AND status = 'running'`
	require.Eventually(t, func() bool { return r.count(held) > 0 }, 2*time.Minute, 20*time.Millisecond, "%s", r.log)
	require.NoError(t, worker.Process.Kill())
	require.Error(t, worker.Wait(), "it was killed")
	// The servers still do what it had sent them before it died.
	require.Eventually(t, func() bool {
		return r.count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'worker'`) == 0
	}, 2*time.Minute, 20*time.Millisecond)
	r.flushRedis()
	release()
	r.mail.Accept()

	// What a minute of waiting would do: the dead worker's leases are over.
	_, err := r.store.SQL().Exec(`UPDATE tasks SET leased_until = now() WHERE status = 'running'`)
	require.NoError(t, err)
	second := r.process()
	t.Cleanup(func() {
		_ = second.Process.Signal(os.Interrupt)
		_ = second.Wait()
	})
	if !assert.Eventually(t, func() bool { return len(r.mail.Messages()) >= n }, 3*time.Minute, 100*time.Millisecond) {
		t.Fatal(r.open(), r.log)
	}
	seen := map[string]bool{}
	for _, m := range r.mail.Messages() {
		require.False(t, seen[m.Get("Message-Id")], "a mail came twice")
		seen[m.Get("Message-Id")] = true
	}
	require.Eventually(t, func() bool { return r.count(`SELECT count(*) FROM tasks WHERE status <> 'succeeded'`) == 0 },
		2*time.Minute, 50*time.Millisecond, "%s", r.log)
	require.Equal(t, n, r.count(`SELECT count(*) FROM instances WHERE status = 'active' AND access_version = 1`))
	require.Len(t, r.mail.Messages(), n)
	for _, id := range ids {
		r.access(id)
	}
}

// open tells of the tasks that are not done, for the message of a test that waited
// for them in vain.
func (r *rig) open() string {
	var said string
	require.NoError(r.t, r.store.SQL().QueryRow(`
SELECT COALESCE(string_agg(concat_ws(' ', id, kind, status, 'due', run_at, 'handed over', enqueued_at, 'leased until', leased_until, last_error), E'\n'), 'all tasks are done')
  FROM tasks WHERE status <> 'succeeded'`).Scan(&said))
	return said
}

func (r *rig) flushRedis() {
	r.t.Helper()
	c, err := redisconn.Open(r.redisURL)
	require.NoError(r.t, err)
	defer c.Close()
	require.NoError(r.t, c.FlushDB(context.Background()).Err())
}
