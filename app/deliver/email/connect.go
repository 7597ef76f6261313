package email

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// connection is one conversation with the server. net is the socket below any
// TLS: its deadline bounds every step, and closing it ends everything.
type connection struct {
	smtp  *smtp.Client
	net   net.Conn
	mails int
	since time.Time // when it was last used
}

// step bounds the next step of the conversation by the timeout and by ctx.
func (c *connection) step(ctx context.Context, timeout time.Duration) error {
	end := time.Now().Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		end = d
	}
	if err := c.net.SetDeadline(end); err != nil {
		return err
	}
	// Only now: an interrupt that came before has just lost its deadline to this one.
	return ctx.Err()
}

// interrupt ends the running step as soon as ctx is cancelled; stop takes that
// back.
func (c *connection) interrupt(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
}

func (c *connection) close() { _ = c.net.Close() }

// quit says goodbye and does not care for the answer.
func (c *connection) quit() {
	_ = c.net.SetDeadline(time.Now().Add(time.Second))
	_ = c.smtp.Quit()
	c.close()
}

func (s *Sender) address() string { return net.JoinHostPort(s.o.Host, strconv.Itoa(s.o.Port)) }

// dial connects, greets, protects the connection and logs in.
func (s *Sender) dial(ctx context.Context) (*connection, error) {
	d := net.Dialer{Timeout: s.o.Timeout}
	sock, err := d.DialContext(ctx, "tcp", s.address())
	if err != nil {
		return nil, at(stageConnect, err)
	}
	c := &connection{net: sock}
	stop := c.interrupt(ctx)
	defer stop()
	if err := s.open(ctx, c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (s *Sender) open(ctx context.Context, c *connection) error {
	if err := c.step(ctx, s.o.Timeout); err != nil {
		return at(stageConnect, err)
	}
	conf := &tls.Config{ServerName: s.o.Host, MinVersion: tls.VersionTLS12, RootCAs: s.o.RootCAs}
	conn := c.net
	if s.o.TLS == Implicit {
		protected := tls.Client(c.net, conf)
		if err := protected.HandshakeContext(ctx); err != nil {
			return at(stageTLS, err)
		}
		conn = protected
	}
	client, err := smtp.NewClient(conn, s.o.Host)
	if err != nil {
		return at(stageGreeting, err)
	}
	c.smtp = client
	if err := client.Hello(s.hello()); err != nil {
		return at(stageGreeting, err)
	}
	if err := s.startTLS(ctx, c, conf); err != nil {
		return err
	}
	return s.login(ctx, c)
}

var errNoSTARTTLS = errors.New("the server does not offer STARTTLS")

func (s *Sender) startTLS(ctx context.Context, c *connection, conf *tls.Config) error {
	offered, _ := c.smtp.Extension("STARTTLS")
	switch {
	case s.o.TLS == Implicit, s.o.TLS == Never, s.o.TLS == Opportunistic && !offered:
		return nil
	case !offered:
		return at(stageTLS, errNoSTARTTLS)
	}
	if err := c.step(ctx, s.o.Timeout); err != nil {
		return at(stageTLS, err)
	}
	return at(stageTLS, c.smtp.StartTLS(conf))
}

var errNoAuth = errors.New("the server offers no way to log in that is safe here")

// login takes the strongest mechanism that the server offers. Those that show
// the password are for protected connections (or this very machine), which the
// library sees to.
func (s *Sender) login(ctx context.Context, c *connection) error {
	if s.o.User == "" {
		return nil
	}
	_, offered := c.smtp.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	has := func(name string) bool {
		for _, m := range mechanisms {
			if m == name {
				return true
			}
		}
		return false
	}
	var auth smtp.Auth
	switch {
	case has("SCRAM-SHA-256"):
		auth = smtp.ScramSHA256Auth(s.o.User, s.o.Password)
	case has("SCRAM-SHA-1"):
		auth = smtp.ScramSHA1Auth(s.o.User, s.o.Password)
	case has("PLAIN"):
		auth = smtp.PlainAuth("", s.o.User, s.o.Password, s.o.Host, false)
	case has("LOGIN"):
		auth = smtp.LoginAuth(s.o.User, s.o.Password, s.o.Host, false)
	case has("CRAM-MD5"):
		auth = smtp.CRAMMD5Auth(s.o.User, s.o.Password)
	default:
		return at(stageAuth, errNoAuth)
	}
	if err := c.step(ctx, s.o.Timeout); err != nil {
		return at(stageAuth, err)
	}
	return at(stageAuth, c.smtp.Auth(auth))
}

// hello is the name that we introduce ourselves by.
func (s *Sender) hello() string {
	if s.o.Hello != "" {
		return s.o.Hello
	}
	name, err := os.Hostname()
	if err != nil || name == "" || strings.ContainsAny(name, " \r\n") {
		return "localhost"
	}
	return name
}
