package session

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
)

// Where a form or a script puts the token.
const (
	CSRFHeader = "X-CSRF-Token"
	CSRFField  = "_csrf"
)

const secretSize = 32

// CSRFToken is the token that the page's forms must carry: the session's secret,
// or a visitor's who is not signed in, under a pad of its own each time, so that
// compressed pages do not give it away.
func CSRFToken(c *fiber.Ctx) (string, error) {
	s, err := own(c)
	if err != nil {
		return "", err
	}
	secret, err := s.manager.secret(c, s, true)
	if err != nil {
		return "", err
	}
	var out [2 * secretSize]byte
	if _, err := rand.Read(out[:secretSize]); err != nil {
		return "", fault.Wrap(err, fault.Internal, "internal")
	}
	subtle.XORBytes(out[secretSize:], out[:secretSize], secret)
	return base64.RawURLEncoding.EncodeToString(out[:]), nil
}

// secret is what the tokens of this visitor are made of; nil when there is none
// and none is to be made. Visitors who are not signed in have theirs in a cookie
// only: nobody can fill the database by looking at the login page.
func (m *Manager) secret(c *fiber.Ctx, s *state, create bool) ([]byte, error) {
	if s.identity.SignedIn() {
		return base64.RawURLEncoding.DecodeString(m.scs.GetString(s.ctx, keyCSRF))
	}
	if s.pre == "" {
		s.pre = strings.Clone(c.Cookies(m.pre))
	}
	if secret, err := base64.RawURLEncoding.DecodeString(s.pre); err == nil && len(secret) == secretSize {
		return secret, nil
	}
	if !create {
		return nil, nil
	}
	text, err := random()
	if err != nil {
		return nil, err
	}
	s.pre = text
	m.setCookie(c, m.pre, text, time.Now().Add(12*time.Hour))
	return base64.RawURLEncoding.DecodeString(text)
}

// CSRF is the middleware that refuses what another site makes a browser send. It
// stands behind Load. Faults: forbidden "session.foreign_origin", "session.csrf_expired".
func (m *Manager) CSRF(c *fiber.Ctx) error {
	switch c.Method() {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodOptions:
		return c.Next()
	}
	if s := stateOf(c); s != nil && s.bearer { // no browser sends a token by itself
		return c.Next()
	}
	s, err := own(c)
	if err != nil {
		return err
	}
	if !m.sameOrigin(c) {
		return fault.New(fault.Forbidden, "session.foreign_origin")
	}
	given := c.Get(CSRFHeader)
	if given == "" {
		given = c.FormValue(CSRFField)
	}
	secret, err := m.secret(c, s, false)
	if err != nil || !fits(given, secret) {
		return fault.New(fault.Forbidden, "session.csrf_expired")
	}
	return c.Next()
}

func fits(given string, secret []byte) bool {
	b, err := base64.RawURLEncoding.DecodeString(given)
	if err != nil || len(b) != 2*secretSize || len(secret) != secretSize {
		return false
	}
	var got [secretSize]byte
	subtle.XORBytes(got[:], b[:secretSize], b[secretSize:])
	return subtle.ConstantTimeCompare(got[:], secret) == 1
}

// sameOrigin believes what browsers say of themselves and scripts cannot change.
// Without any of it (an old browser, a command line) the token alone decides.
func (m *Manager) sameOrigin(c *fiber.Ctx) bool {
	if site := c.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := c.Get(fiber.HeaderOrigin)
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && (strings.EqualFold(u.Host, m.host) || strings.EqualFold(u.Host, string(c.Request().Host())))
}
