package simulator

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxHead bounds what is kept of an answer's head, in bytes.
const maxHead = 16 << 10

// recordedConn keeps the head of the last answer as it came over the wire, since
// net/http hides how a header is spelled, and can send slowly: a V1.0 call has no
// body to dribble.
type recordedConn struct {
	net.Conn
	pause time.Duration // between pieces; 0: at once

	mu    sync.Mutex
	read  []byte
	wrote time.Time
}

func (c *recordedConn) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = c.read[:0]
}

// head is what has been read so far; nil without a connection.
func (c *recordedConn) head() []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.read)
}

func (c *recordedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := maxHead - len(c.read); room > 0 {
		c.read = append(c.read, p[:min(n, room)]...)
	}
	return n, err
}

// sent is when the last piece was written: net/http says that a request is
// written when it still stands in a buffer. Zero without a connection.
func (c *recordedConn) sent() time.Time {
	if c == nil {
		return time.Time{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrote
}

func (c *recordedConn) Write(p []byte) (int, error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.wrote = time.Now()
	}()
	if c.pause == 0 {
		return c.Conn.Write(p)
	}
	piece, sent := len(p)/slowPieces+1, 0
	for sent < len(p) {
		n, err := c.Conn.Write(p[sent:min(sent+piece, len(p))])
		sent += n
		if err != nil {
			return sent, err
		}
		time.Sleep(c.pause)
	}
	return sent, nil
}

// newRecordingClient is NewHTTPClient over recorded connections, in HTTP/1.1.
func newRecordingClient(timeout time.Duration, n int, slow bool, pause time.Duration) *http.Client {
	if !slow {
		pause = 0
	}
	return record(NewHTTPClient(timeout, n), (&net.Dialer{Timeout: timeout}).DialContext, pause)
}

// NewWireClient makes a client for one call at a time whose answers show their
// head as it came over the wire (Answer.Header). Roots are the authorities that
// it trusts, nil for the system's; dial makes its connections.
func NewWireClient(timeout time.Duration, roots *x509.CertPool, dial dialFunc) *http.Client {
	client := NewHTTPClient(timeout, 1)
	client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots // NewHTTPClient makes no other
	return record(client, dial, 0)
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// record puts recorded connections under a client of NewHTTPClient.
func record(client *http.Client, dial dialFunc, pause time.Duration) *http.Client {
	transport := client.Transport.(*http.Transport) // NewHTTPClient makes no other
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &recordedConn{Conn: conn, pause: pause}, nil
	}
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := transport.TLSClientConfig.Clone()
		config.ServerName, _, _ = net.SplitHostPort(address)
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return &recordedConn{Conn: secure, pause: pause}, nil
	}
	return client
}
