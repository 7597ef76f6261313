package email

import (
	"cmp"
	"context"
	"errors"
	"net/textproto"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"koodesk/app/deliver"
)

// Sender is an SMTP server to hand mails to. It implements deliver.Sender and is
// safe for concurrent use: each mail has a connection for itself while it is
// handed over.
type Sender struct {
	o      Options
	mu     sync.Mutex
	idle   []*connection // the last used is the last
	closed bool
}

// New makes a sender; it connects when there is something to send.
func New(o Options) *Sender {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Wait <= 0 {
		o.Wait = 10 * time.Minute
	}
	if o.Idle <= 0 {
		o.Idle = 30 * time.Second
	}
	if o.MaxIdle <= 0 {
		o.MaxIdle = 4
	}
	if o.PerConn <= 0 {
		o.PerConn = 100
	}
	return &Sender{o: o}
}

// Transport is "smtp".
func (s *Sender) Transport() string { return "smtp" }

// Repeatable is true where the mail system shows mails with the same Message-ID,
// which stays the same on every try, once. SMTP itself sends what it is given.
func (s *Sender) Repeatable() bool { return s.o.Dedupes }

// Send hands a mail over; the receipt has the server's closing words.
//
// Faults, keys below "mail." with the arguments server, stage and, where the
// server answered, code. Given up: refused sender_refused, recipient_refused,
// content_refused, server_refused, and invalid "delivery.bad_email". Tried again:
// refused auth_refused (after a good while), unavailable deferred, unreachable,
// timeout, connection_lost, certificate, no_starttls, tls_failed, auth_impossible.
// Never again by itself, unless the mail system shows a repeat once:
// "delivery.outcome_unknown", when the whole mail was sent and no answer came.
func (s *Sender) Send(ctx context.Context, p deliver.Parcel) (deliver.Receipt, error) {
	raw, err := s.compose(p, time.Now())
	if err != nil {
		return deliver.Receipt{}, err
	}
	c, err := s.borrow(ctx)
	if err != nil {
		return deliver.Receipt{}, s.toFault(err)
	}
	words, err := s.hand(ctx, c, p, raw)
	if err != nil {
		s.giveBackAfter(c, err)
		return deliver.Receipt{}, s.toFault(err)
	}
	s.giveBack(c)
	return deliver.Receipt{ProviderRef: Scrub(words)}, nil
}

// Check connects, logs in, names the sender that mails have and leaves: for a
// health check.
func (s *Sender) Check(ctx context.Context) error {
	c, err := s.dial(ctx)
	if err != nil {
		return s.toFault(err)
	}
	defer c.quit()
	from := s.o.From.Address
	if local, domain, ok := cutLast(s.o.Bounce, "@"); ok {
		from = local + "+check@" + domain
	}
	if err := c.step(ctx, s.o.Timeout); err != nil {
		return s.toFault(at(stageFrom, err))
	}
	if err := c.smtp.Mail("<" + from + ">"); err != nil {
		return s.toFault(at(stageFrom, err))
	}
	return nil
}

// hand has the conversation about one mail. It comes back to its own address, or
// to the sender.
func (s *Sender) hand(ctx context.Context, c *connection, p deliver.Parcel, raw []byte) (words string, err error) {
	from, to := cmp.Or(p.ReturnTo, s.o.From.Address), p.To
	stop := c.interrupt(ctx)
	defer stop()
	c.mails++
	c.smtp.SkipSMTPUTF8(ascii(to))
	for _, step := range []struct {
		stage string
		do    func() error
	}{
		{stageFrom, func() error { return c.smtp.Mail("<" + from + ">") }},
		{stageTo, func() error { return c.smtp.Rcpt("<" + to + ">") }},
		{stageData, func() error { words, err = s.data(ctx, c, p, raw); return err }},
	} {
		if err := c.step(ctx, s.o.Timeout); err != nil {
			return "", at(step.stage, err)
		}
		if err := step.do(); err != nil {
			return "", at(step.stage, err)
		}
	}
	return words, nil
}

func (s *Sender) data(ctx context.Context, c *connection, p deliver.Parcel, raw []byte) (string, error) {
	w, err := c.smtp.Data()
	if err != nil {
		return "", err
	}
	if err := c.step(ctx, s.o.Timeout); err != nil {
		return "", err
	}
	if _, err := w.Write(raw); err != nil {
		return "", err
	}
	if err := p.Leaving(ctx); err != nil {
		return "", err
	}
	if err := c.step(ctx, s.o.Wait); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", s.unanswered(err)
	}
	if d, ok := w.(*smtp.DataCloser); ok {
		return d.ServerResponse(), nil
	}
	return "", nil
}

// unanswered is how a mail that was sent to its last line failed: an answer says
// that it was not taken; without one nobody knows.
func (s *Sender) unanswered(err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) {
		return err
	}
	return deliver.OutcomeUnknown(scrub(err.Error()), s)
}

// borrow gives a connection: one that has proved alive, or a new one.
func (s *Sender) borrow(ctx context.Context) (*connection, error) {
	for {
		c := s.takeIdle()
		if c == nil {
			return s.dial(ctx)
		}
		stop := c.interrupt(ctx)
		err := c.step(ctx, 5*time.Second)
		if err == nil {
			err = c.smtp.Reset()
		}
		stop()
		if err == nil && ctx.Err() == nil {
			return c, nil
		}
		c.close()
		if ctx.Err() != nil {
			return nil, at(stageConnect, ctx.Err())
		}
	}
}

func (s *Sender) takeIdle() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := len(s.idle); n > 0; n = len(s.idle) {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		if time.Since(c.since) < s.o.Idle {
			return c
		}
		c.close()
	}
	return nil
}

// giveBack keeps a connection for the next mail, unless there are enough.
func (s *Sender) giveBack(c *connection) {
	c.since = time.Now()
	s.mu.Lock()
	keep := !s.closed && len(s.idle) < s.o.MaxIdle && c.mails < s.o.PerConn
	if keep {
		s.idle = append(s.idle, c)
	}
	s.mu.Unlock()
	if !keep {
		c.quit()
	}
}

// giveBackAfter keeps the connection when the server merely said no.
func (s *Sender) giveBackAfter(c *connection, err error) {
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code == 421 { // 421: the server is closing
		c.close()
		return
	}
	s.giveBack(c)
}

// Close says goodbye on every unused connection. A mail on its way is handed
// over to its end.
func (s *Sender) Close() {
	s.mu.Lock()
	idle := s.idle
	s.idle, s.closed = nil, true
	s.mu.Unlock()
	for _, c := range idle {
		c.quit()
	}
}
