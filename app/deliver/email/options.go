// Package email hands mails over to an SMTP server: one receiver each, over
// verified TLS, with connections kept for the next one, and every way in which a
// server can say no turned into a fault that says what to do. It knows nothing
// of what a mail is about.
package email

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"koodesk/app/market"
)

// TLSMode is how the connection is protected.
type TLSMode string

// The modes. Opportunistic uses STARTTLS where the server offers it and verifies
// its certificate then.
const (
	Implicit      TLSMode = "implicit" // TLS from the first byte (smtps)
	Required      TLSMode = "required" // STARTTLS or nothing
	Opportunistic TLSMode = "opportunistic"
	Never         TLSMode = "never"
)

// Options say where mails go. Parse fills the first block from SMTP_URL; zero
// values of the second are right for production.
type Options struct {
	Host     string
	Port     int
	User     string // "" means no authentication
	Password string
	TLS      TLSMode

	From    mail.Address   // MAIL_FROM
	Bounce  string         // MAIL_BOUNCE; "": mails come back to From
	Dedupes bool           // MAIL_DEDUPES: whoever takes the mails shows those with the same Message-ID once
	RootCAs *x509.CertPool // whom to trust; nil: the system's
	Hello   string         // how we introduce ourselves; "": the host's name
	Timeout time.Duration  // of each step of the conversation but the last; 0: 30 s
	Wait    time.Duration  // for the answer to a whole mail; 0: 10 minutes (RFC 5321, 4.5.3.2.6)
	Idle    time.Duration  // how long an unused connection is kept; 0: 30 s
	MaxIdle int            // how many unused connections are kept; 0: 4
	PerConn int            // mails over one connection, after which it is closed; 0: 100
}

// Parse reads SMTP_URL: smtp://user:password@host:587?starttls=required, or
// smtps:// for TLS from the first byte. The port defaults to 587 and 465,
// starttls to required. Its errors name what is wrong and never hold the URL,
// which has a password in it.
func Parse(raw string) (Options, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return Options{}, errors.New("is empty")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Options{}, errors.New("is not a URL; write special characters of user name and password as %XX, e.g. @ as %40, # as %23, / as %2F, % as %25")
	}
	o := Options{Host: u.Hostname(), TLS: Required, Port: 587}
	switch u.Scheme {
	case "smtp":
	case "smtps":
		o.TLS, o.Port = Implicit, 465
	default:
		return Options{}, errors.New("must begin with smtp:// or smtps://")
	}
	if o.Host == "" {
		return Options{}, errors.New("has no host; the form is smtp://user:password@host:587?starttls=required")
	}
	if p := u.Port(); p != "" {
		if o.Port, err = strconv.Atoi(p); err != nil || o.Port < 1 || o.Port > 65535 {
			return Options{}, fmt.Errorf("has the port %q, which is not between 1 and 65535", p)
		}
	}
	if u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return Options{}, errors.New("has something behind the host and port; write special characters of user name and password as %XX, e.g. / as %2F, # as %23")
	}
	if err := o.credentials(u.User); err != nil {
		return Options{}, err
	}
	return o, o.query(u)
}

func (o *Options) credentials(user *url.Userinfo) error {
	if user == nil {
		return nil
	}
	o.User = user.Username()
	o.Password, _ = user.Password()
	switch {
	case o.User == "" && o.Password != "":
		return errors.New("has a password without a user name")
	case o.User != "" && o.Password == "":
		return errors.New("has a user name without a password")
	case strings.ContainsAny(o.User+o.Password, "\x00\r\n"):
		return errors.New("has a line break or NUL in the user name or password")
	}
	return nil
}

func (o *Options) query(u *url.URL) error {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("has a query that cannot be read")
	}
	for name, v := range values {
		if name != "starttls" {
			return fmt.Errorf("has the unknown parameter %q; starttls is the only one", name)
		}
		mode := TLSMode(v[0])
		switch {
		case len(v) > 1:
			return errors.New("has starttls twice")
		case o.TLS == Implicit:
			return errors.New("has starttls, which smtps:// does not use; take smtp:// for STARTTLS")
		case mode != Required && mode != Opportunistic && mode != Never:
			return fmt.Errorf("has starttls=%q; it is required, opportunistic or never", v[0])
		}
		o.TLS = mode
	}
	if o.User != "" && o.TLS == Never && !market.Loopback(o.Host) {
		return errors.New("has starttls=never with a password, which would travel readable; take starttls=required or smtps://")
	}
	return nil
}

// ParseFrom reads MAIL_FROM: an address, with or without a name:
// "Example Cloud <service@example.com>".
func ParseFrom(s string) (mail.Address, error) {
	a, err := mail.ParseAddress(strings.TrimSpace(s))
	if err != nil {
		return mail.Address{}, errors.New(`is not a mail address; the form is service@example.com or "Example Cloud <service@example.com>"`)
	}
	if !ascii(a.Address) {
		return mail.Address{}, errors.New("has characters outside ASCII in the address; write the domain in its xn-- form")
	}
	return *a, nil
}

// maxBounceLocal leaves room for "+" and the longest token: RFC 5321 allows 64
// characters before the @.
const maxBounceLocal = 64 - 1 - 40

var bounceForm = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)

// ParseBounce reads MAIL_BOUNCE: a bare address, or nothing.
func ParseBounce(s string) (string, error) {
	s = strings.TrimSpace(s)
	local, _, _ := strings.Cut(s, "@")
	switch {
	case s == "":
	case !bounceForm.MatchString(s) || len(s) > 200:
		return "", errors.New("is not a bare mail address such as bounce@notify.example.com, of letters, digits, dots, - and _")
	case len(local) > maxBounceLocal:
		return "", fmt.Errorf("has %d characters before the @; at most %d leave room for what is put in", len(local), maxBounceLocal)
	}
	return s, nil
}

// Domain is the part of an address behind the @.
func Domain(a mail.Address) string {
	_, domain, _ := cutLast(a.Address, "@")
	return domain
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
