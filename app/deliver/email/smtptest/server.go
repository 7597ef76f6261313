// Package smtptest is an SMTP server for tests: a real conversation over TCP
// with STARTTLS, TLS and AUTH under a certificate authority of its own. It keeps
// every message whole, and can be told to refuse, defer, hang, drop the line or
// be away. It knows nothing of the program that it tests.
package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"testing"
)

// User and Password are what the server accepts.
const (
	User     = "sender@mail.test"
	Password = "smtp-p@ss/w#rd%1"
)

// Server is a running server.
type Server struct {
	t         testing.TB
	addr      string
	conf      *tls.Config
	pool      *x509.CertPool
	caPEM     []byte
	implicit  bool
	noTLS     bool
	noAuth    bool
	mechanism string

	mu       sync.Mutex
	cond     chan struct{} // closed and replaced with each message
	listener net.Listener
	conns    map[net.Conn]bool
	sessions int
	messages []Message
	rules    []*rule
	reserved int // a socket that keeps the port while the server is down; -1: none
	wg       sync.WaitGroup
}

// Option shapes a server.
type Option func(*Server)

// ImplicitTLS makes it speak TLS from the first byte, as port 465 does.
func ImplicitTLS() Option { return func(s *Server) { s.implicit = true } }

// WithoutSTARTTLS makes it offer no protection, and AUTH in the open.
func WithoutSTARTTLS() Option { return func(s *Server) { s.noTLS = true } }

// WithoutAuth makes it take mails from anybody.
func WithoutAuth() Option { return func(s *Server) { s.noAuth = true } }

// Mechanisms are the words behind AUTH; "PLAIN LOGIN" unless said otherwise.
func Mechanisms(words string) Option { return func(s *Server) { s.mechanism = words } }

// Start runs a server on a free port of 127.0.0.1 until the test ends.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{t: t, mechanism: "PLAIN LOGIN", cond: make(chan struct{}), conns: map[net.Conn]bool{}, reserved: -1}
	for _, o := range options {
		o(s)
	}
	s.certificates()
	s.listen("127.0.0.1:0")
	t.Cleanup(func() {
		s.Down()
		s.unreserve()
		s.Accept() // whoever is held goes on, and finds the line dead
		s.wg.Wait()
	})
	return s
}

// URL is what belongs into SMTP_URL.
func (s *Server) URL() string {
	u := url.URL{Scheme: "smtp", Host: s.addr, RawQuery: "starttls=required"}
	if s.implicit {
		u.Scheme, u.RawQuery = "smtps", ""
	}
	if s.noTLS {
		u.RawQuery = "starttls=never"
	}
	if !s.noAuth {
		u.User = url.UserPassword(User, Password)
	}
	return u.String()
}

// Addr is host and port.
func (s *Server) Addr() string { return s.addr }

// CAs has the server's certificate authority.
func (s *Server) CAs() *x509.CertPool { return s.pool }

// Down closes the port and every connection: whoever connects is refused.
func (s *Server) Down() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		_ = s.listener.Close()
		s.listener = nil
		s.reserve()
	}
	for c := range s.conns {
		_ = c.Close()
	}
}

// Up opens the port again after Down.
func (s *Server) Up() {
	s.unreserve()
	s.listen(s.addr)
}

// reserve binds the port without listening: whoever connects is refused, and no
// other program of the machine gets it meanwhile.
func (s *Server) reserve() {
	at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s.addr))
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return
	}
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: at.Port, Addr: [4]byte(at.IP.To4())}); err != nil {
		_ = syscall.Close(fd)
		return
	}
	s.reserved = fd
}

func (s *Server) unreserve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reserved >= 0 {
		_ = syscall.Close(s.reserved)
		s.reserved = -1
	}
}

// Disconnect closes every connection and goes on listening.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// Sessions is how many connections have been accepted so far.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Messages are those taken so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.messages...)
}

// Wait gives the messages as soon as there are n of them, or ctx's error with
// those that are there.
func (s *Server) Wait(ctx context.Context, n int) ([]Message, error) {
	for {
		s.mu.Lock()
		got, more := append([]Message(nil), s.messages...), s.cond
		s.mu.Unlock()
		if len(got) >= n {
			return got, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return got, ctx.Err()
		}
	}
}

func (s *Server) keep(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, m)
	close(s.cond)
	s.cond = make(chan struct{})
}

func (s *Server) listen(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatalf("smtptest: %v", err)
	}
	s.mu.Lock()
	s.listener, s.addr = l, l.Addr().String()
	s.mu.Unlock()
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			gone := s.listener != l
			s.conns[c] = true
			s.sessions++
			s.mu.Unlock()
			if gone {
				_ = c.Close()
			}
			s.wg.Go(func() { s.serve(c) })
		}
	})
}

func (s *Server) forget(c net.Conn) {
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}
