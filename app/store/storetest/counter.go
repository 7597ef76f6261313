package storetest

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// Counter stands between the program and PostgreSQL and counts the statements
// that pass: every simple query and every execution.
type Counter struct {
	URL string // to be used instead of the database's own
	n   atomic.Int64
}

// Statements is how many have passed.
func (c *Counter) Statements() int64 { return c.n.Load() }

// Counted gives a counter before a database, until the test ends.
func Counted(t testing.TB, database string) *Counter {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	network, target := "tcp", u.Host
	if dir := u.Query().Get("host"); strings.HasPrefix(dir, "/") {
		port := u.Query().Get("port")
		if port == "" {
			port = "5432"
		}
		network, target = "unix", dir+string(os.PathSeparator)+".s.PGSQL."+port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	q := u.Query()
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = l.Addr().String(), q.Encode()
	c := &Counter{URL: u.String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial(network, target)
			if err != nil {
				_ = in.Close()
				continue
			}
			wg.Go(func() { c.pass(in, out) })
			wg.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		wg.Wait()
	})
	return c
}

// pass hands on what the program says, message by message (PostgreSQL's
// protocol 3.0: the first without a letter, then a letter and a length each).
func (c *Counter) pass(in, out net.Conn) {
	defer func() { _ = out.Close() }()
	r := bufio.NewReader(in)
	for first := true; ; first = false {
		var head [5]byte
		from := 0
		if first {
			from = 1
		}
		if _, err := io.ReadFull(r, head[from:]); err != nil {
			return
		}
		if head[0] == 'Q' || head[0] == 'E' {
			c.n.Add(1)
		}
		if _, err := out.Write(head[from:]); err != nil {
			return
		}
		if _, err := io.CopyN(out, r, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return
		}
	}
}
