// Package session says who is behind a request: it keeps operators' sessions
// behind a cookie, guards them against forged requests, proves API tokens, and
// holds routes to their permissions. It knows no page and decides nothing about
// passwords: that is the sign-in use case's business.
package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
)

// Options of New.
type Options struct {
	SignIn    *signin.SignIn
	Sessions  *store.Sessions
	PublicURL string        // where browsers find the console; https makes cookies secure
	Idle      time.Duration // a session ends after this long without a request; 0: 2 h
	Absolute  time.Duration // a session ends after this long in any case; 0: 12 h
	Log       *slog.Logger  // nil: the default
}

// Manager manages sessions. It is safe for concurrent use.
type Manager struct {
	signin *signin.SignIn
	scs    *scs.SessionManager
	log    *slog.Logger
	host   string // of PublicURL
	secure bool
	cookie string // names
	pre    string
	locale string
}

// New makes a manager. Fault: invalid "session.public_url".
func New(o Options) (*Manager, error) {
	u, err := url.Parse(o.PublicURL)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "session.public_url")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	m := &Manager{signin: o.SignIn, scs: scs.New(), log: o.Log, host: u.Host, secure: u.Scheme == "https",
		cookie: "koodesk", pre: "koodesk-pre", locale: "koodesk-locale"}
	if m.secure {
		m.cookie, m.pre, m.locale = "__Host-"+m.cookie, "__Host-"+m.pre, "__Host-"+m.locale
	}
	m.scs.Store = o.Sessions
	m.scs.IdleTimeout, m.scs.Lifetime = o.Idle, o.Absolute
	if o.Idle == 0 {
		m.scs.IdleTimeout = 2 * time.Hour
	}
	if o.Absolute == 0 {
		m.scs.Lifetime = 12 * time.Hour
	}
	return m, nil
}

// Identity is who is behind a request. The zero Identity is nobody.
type Identity struct {
	Actor  staff.Actor  // for the audit; its Role is what counts
	Person staff.Person // zero for an API token
	Token  string       // name of the API token, "" for a person
}

// SignedIn tells whether there is anybody.
func (i Identity) SignedIn() bool { return i.Actor.Name != "" }

// May tells whether the permission is given.
func (i Identity) May(p staff.Permission) bool {
	return p == staff.Public || i.SignedIn() && i.Actor.Role.May(p)
}

// state is what a request knows of its session.
type state struct {
	manager  *Manager
	ctx      context.Context // carries the session's data
	identity Identity
	bearer   bool   // proved by token: there is no session
	save     bool   // the data changed
	over     bool   // the session has ended
	expired  bool   // a cookie came whose session was over
	pre      string // secret of an anonymous visitor's forms
}

type localsKey struct{}

func stateOf(c *fiber.Ctx) *state {
	s, _ := c.Locals(localsKey{}).(*state)
	return s
}

// Of gives who is behind the request; nobody if no middleware has looked.
func Of(c *fiber.Ctx) Identity {
	if s := stateOf(c); s != nil {
		return s.identity
	}
	return Identity{}
}

// Expired tells whether the request came with a session that is over.
func Expired(c *fiber.Ctx) bool {
	s := stateOf(c)
	return s != nil && s.expired
}

// keys of the session's data.
const (
	keyOperator = "operator"
	keyEpoch    = "epoch"
	keyRole     = "role"
	keySeen     = "seen"
	keyCSRF     = "csrf"
)

// touchEvery is how often a session's idle time is written back.
const touchEvery = time.Minute

// Load is the middleware for pages: it finds the operator behind the cookie, and
// saves the session after the handler.
func (m *Manager) Load(c *fiber.Ctx) error {
	if s := stateOf(c); s != nil { // the API's: it has no session
		return c.Next()
	}
	token := strings.Clone(c.Cookies(m.cookie))
	if len(token) > 100 {
		token = ""
	}
	ctx, err := m.scs.Load(c.UserContext(), token)
	if err != nil {
		return fault.From(err)
	}
	s := &state{manager: m, ctx: ctx}
	if err := m.identify(c, s, token != ""); err != nil {
		return err
	}
	c.Locals(localsKey{}, s)
	err = c.Next()
	if saved := m.finish(c, s); saved != nil {
		return errors.Join(err, saved)
	}
	return err
}

func (m *Manager) identify(c *fiber.Ctx, s *state, came bool) error {
	id := m.scs.GetInt64(s.ctx, keyOperator)
	if id == 0 {
		s.expired = came
		return nil
	}
	person, ok, err := m.signin.Find(s.ctx, id, m.scs.GetInt(s.ctx, keyEpoch))
	if err != nil {
		return err
	}
	if !ok {
		s.expired, s.over = true, true
		return m.destroy(s)
	}
	s.identity = identityOf(person, strings.Clone(c.IP()))
	if m.scs.GetString(s.ctx, keyRole) != string(person.Role) {
		return m.renew(s)
	}
	if time.Since(time.Unix(m.scs.GetInt64(s.ctx, keySeen), 0)) >= touchEvery {
		m.put(s, keySeen, time.Now().Unix())
	}
	return nil
}

func identityOf(p staff.Person, ip string) Identity {
	return Identity{Person: p, Actor: staff.Actor{Name: "operator:" + p.Email, Role: p.Role, Source: "operator", IP: ip}}
}

func (m *Manager) put(s *state, key string, value any) {
	m.scs.Put(s.ctx, key, value)
	s.save = true
}

func (m *Manager) destroy(s *state) error {
	s.identity, s.save = Identity{}, false
	if err := m.scs.Destroy(s.ctx); err != nil {
		return fault.From(err)
	}
	return nil
}

// renew gives the session another token: whoever knew the old one must not have
// what the new one may.
func (m *Manager) renew(s *state) error {
	deadline := m.scs.Deadline(s.ctx)
	if err := m.scs.RenewToken(s.ctx); err != nil {
		return fault.From(err)
	}
	if m.scs.GetInt64(s.ctx, keySeen) != 0 { // the absolute limit does not begin anew
		m.scs.SetDeadline(s.ctx, deadline)
	}
	csrf, err := random()
	if err != nil {
		return err
	}
	m.put(s, keyCSRF, csrf)
	m.put(s, keyRole, string(s.identity.Person.Role))
	m.put(s, keySeen, time.Now().Unix())
	return nil
}

// finish writes what the request changed and sets the cookies.
func (m *Manager) finish(c *fiber.Ctx, s *state) error {
	switch {
	case s.save:
		token, expiry, err := m.scs.Commit(s.ctx)
		if err != nil {
			return fault.From(err)
		}
		m.setCookie(c, m.cookie, token, expiry)
	case s.over, s.expired:
		m.setCookie(c, m.cookie, "", time.Unix(1, 0))
	}
	return nil
}

func (m *Manager) setCookie(c *fiber.Ctx, name, value string, expires time.Time) {
	c.Cookie(&fiber.Cookie{Name: name, Value: value, Path: "/", Expires: expires, Secure: m.secure, HTTPOnly: true,
		SameSite: fiber.CookieSameSiteLaxMode})
}

// SignIn begins the operator's session under a new token.
func (m *Manager) SignIn(c *fiber.Ctx, e signin.Entry) error {
	s, err := own(c)
	if err != nil {
		return err
	}
	if err := m.scs.Clear(s.ctx); err != nil {
		return fault.From(err)
	}
	s.identity = identityOf(e.Person, strings.Clone(c.IP()))
	if err := m.renew(s); err != nil {
		return err
	}
	m.put(s, keyOperator, e.Person.ID)
	m.put(s, keyEpoch, e.Epoch)
	s.over, s.expired = false, false
	return nil
}

// PasswordChanged lets the session go on, under a new token, after the
// operator's new password has ended the others.
func (m *Manager) PasswordChanged(c *fiber.Ctx, epoch int) error {
	s, err := own(c)
	if err != nil {
		return err
	}
	s.identity.Person.MustChange = false
	m.put(s, keyEpoch, epoch)
	return m.renew(s)
}

// SignOut ends the session.
func (m *Manager) SignOut(c *fiber.Ctx) error {
	s, err := own(c)
	if err != nil {
		return err
	}
	who := s.identity
	s.over = true
	if err := m.destroy(s); err != nil {
		return err
	}
	if !who.SignedIn() {
		return nil
	}
	return m.signin.SignedOut(s.ctx, who.Actor, who.Person.ID)
}

// own is the request's session, which Load must have found.
func own(c *fiber.Ctx) (*state, error) {
	s := stateOf(c)
	if s == nil || s.bearer {
		return nil, fault.Wrap(errors.New("session: the route is not behind Load"), fault.Internal, "internal")
	}
	return s, nil
}

// Put keeps a text for a later request of the session, e.g. what the next page
// says once. Without a session it does nothing.
func Put(c *fiber.Ctx, key, value string) {
	if s, err := own(c); err == nil && s.identity.SignedIn() {
		s.manager.put(s, "put:"+key, value)
	}
}

// Take gives what Put kept, and forgets it.
func Take(c *fiber.Ctx, key string) string {
	s, err := own(c)
	if err != nil || !s.identity.SignedIn() {
		return ""
	}
	v := s.manager.scs.PopString(s.ctx, "put:"+key)
	if v != "" {
		s.save = true
	}
	return v
}

// random makes 32 random bytes as text.
func random() (string, error) {
	var b [32]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal")
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// Cookie is the name of the cookie that a session hangs on.
func (m *Manager) Cookie() string { return m.cookie }
