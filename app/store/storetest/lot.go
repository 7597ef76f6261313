package storetest

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/lib/pq"
)

// A backend of PostgreSQL that is new costs a fork, and learns each table anew
// when it is first asked about it: more than what most tests ask of it. So the
// connections of a store that was closed wait here for the next store on the
// same database, which is the next test's.
var lot = parking{}

// spaces is how many connections wait in one process at most: four processes at
// once stay below what the private PostgreSQL has connections for.
const spaces = 20

type parking struct {
	sync.Mutex
	waiting []*parked // the longest first
}

// Connect makes connections as store.Options wants them.
func Connect(url string) (driver.Connector, error) {
	c, err := pq.NewConnector(url)
	if err != nil {
		return nil, err
	}
	return &connector{Connector: c, url: url}, nil
}

type connector struct {
	*pq.Connector
	url string
}

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	for {
		p := lot.take(c.url)
		if p == nil {
			return c.open(ctx)
		}
		// It must be as a new one is, and may have been ended while it waited.
		if _, err := p.ExecContext(ctx, `DISCARD ALL`, nil); err == nil {
			return p, nil
		}
		_ = p.conn.Close()
	}
}

func (c *connector) open(ctx context.Context) (driver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	p := &parked{conn: made.(conn), url: c.url}
	if p.pid, err = backend(ctx, p); err != nil {
		return nil, errors.Join(err, made.Close())
	}
	return p, nil
}

func backend(ctx context.Context, c driver.QueryerContext) (int64, error) {
	rows, err := c.QueryContext(ctx, `SELECT pg_backend_pid()`, nil)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	err = errors.Join(rows.Next(row), rows.Close())
	pid, _ := row[0].(int64)
	return pid, err
}

// conn is what lib/pq's connection can do.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

type parked struct {
	conn
	url string
	pid int64
}

// Close parks it.
func (p *parked) Close() error {
	if !p.IsValid() {
		return p.conn.Close()
	}
	if longest := lot.park(p); longest != nil {
		_ = longest.conn.Close() // its database may be gone, and its backend with it
	}
	return nil
}

// park gives back the connection that must go for it, if one must.
func (l *parking) park(p *parked) (longest *parked) {
	l.Lock()
	defer l.Unlock()
	if l.waiting = append(l.waiting, p); len(l.waiting) > spaces {
		longest, l.waiting = l.waiting[0], slices.Delete(l.waiting, 0, 1)
	}
	return longest
}

// take gives the one that was parked last: it knows most.
func (l *parking) take(url string) *parked {
	l.Lock()
	defer l.Unlock()
	for i, p := range slices.Backward(l.waiting) {
		if p.url == url {
			l.waiting = slices.Delete(l.waiting, i, i+1)
			return p
		}
	}
	return nil
}

// of tells the backends that wait for stores on a database, however they are set.
func (l *parking) of(url string) []int64 {
	database, _, _ := strings.Cut(url, "?")
	l.Lock()
	defer l.Unlock()
	pids := []int64{}
	for _, p := range l.waiting {
		if at, _, _ := strings.Cut(p.url, "?"); at == database {
			pids = append(pids, p.pid)
		}
	}
	return pids
}
