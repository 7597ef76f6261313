package callback_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"koodesk/app/redisconn/redistest"
	"koodesk/app/store"
	"koodesk/app/store/storetest"
)

// cut is a network that lets no new connection through once it is cut: lib/pq asks for a
// statement to be cancelled by one.
type cut struct{ atomic.Bool }

func (c *cut) Dial(network, address string) (net.Conn, error) {
	return c.DialTimeout(network, address, 0)
}

func (c *cut) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	if c.Load() {
		return nil, errors.New("cut")
	}
	return net.DialTimeout(network, address, timeout)
}

// Closing waits for no statement whose cancellation was lost.
func TestClosingGivesUpAStatementThatCannotBeCancelled(t *testing.T) {
	t.Parallel()
	var network cut
	db, err := store.Open(context.Background(), storetest.URL(t), storetest.Keys(t), store.Options{MaxConns: 8, Connect: func(url string) (driver.Connector, error) {
		c, err := pq.NewConnector(url)
		if err == nil {
			c.Dialer(&network)
		}
		return c, err
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Prepare(context.Background()))
	s := openOn(t, db, redistest.Open(t))
	counted := false
	for i := 0; !counted && i < 3000; i++ { // until one is only counted, which is still to be told of
		counted = s.send(shot{body: line, key: "nobody's"}).status == 429
	}
	require.True(t, counted)
	s.handler.Settle()
	var there []*sql.Conn // what is to be said takes a connection that stands: no new one comes about
	for range 4 {
		c, err := db.SQL().Conn(context.Background())
		require.NoError(t, err)
		there = append(there, c)
	}
	for _, c := range there {
		require.NoError(t, c.Close())
	}
	tx, err := s.store.SQL().Begin()
	require.NoError(t, err)
	_, err = tx.Exec(`LOCK TABLE messages`)
	require.NoError(t, err)
	network.Store(true)
	closed := make(chan struct{})
	go func() {
		s.handler.Close(100 * time.Millisecond)
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Error("it still waits for the statement")
	}
	require.NoError(t, tx.Rollback())
	<-closed
	require.Len(t, s.lines("what was to be said of refused calls is given up: the database does not answer"), 1)
}
