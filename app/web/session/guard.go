package session

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/staff"
)

// Bearer is the middleware for the API: it proves the token of the Authorization
// header. Cookies count for nothing there, so nothing can be forged through a
// browser. Faults: unauthenticated "token.invalid", "token.scheme".
func (m *Manager) Bearer(c *fiber.Ctx) error {
	s := &state{manager: m, bearer: true}
	c.Locals(localsKey{}, s)
	header := c.Get(fiber.HeaderAuthorization)
	if header == "" {
		return c.Next()
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return fault.New(fault.Unauthenticated, "token.scheme")
	}
	t, err := m.signin.Token(c.UserContext(), strings.Clone(strings.TrimSpace(token)))
	if err != nil {
		return err
	}
	s.identity = Identity{Token: t.Name, Actor: staff.Actor{Name: "token:" + t.Name, Role: t.Role, Source: "api", IP: strings.Clone(c.IP())}}
	return c.Next()
}

// Require is the middleware that lets only those pass who have the permission.
// Faults: unauthenticated "session.needed" or "token.missing"; forbidden
// "http.forbidden"; forbidden "password.must_change"
// while the operator still has a password that somebody else gave out, except
// for what is Public or SignedIn.
func (m *Manager) Require(p staff.Permission) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if p == staff.Public {
			return c.Next()
		}
		who := Of(c)
		if !who.SignedIn() {
			if s := stateOf(c); s != nil && s.bearer {
				return fault.New(fault.Unauthenticated, "token.missing")
			}
			return fault.New(fault.Unauthenticated, "session.needed")
		}
		if who.Person.MustChange && p != staff.SignedIn {
			return fault.New(fault.Forbidden, "password.must_change")
		}
		if !who.May(p) {
			return fault.New(fault.Forbidden, "http.forbidden")
		}
		return c.Next()
	}
}

// Locale is the language of the answer: what was chosen in this browser, else
// what is set for the operator, else what the browser asks for, else Chinese.
func (m *Manager) Locale(c *fiber.Ctx) i18n.Locale {
	return i18n.Choose(c.Cookies(m.locale), Of(c).Person.Locale, c.Get(fiber.HeaderAcceptLanguage))
}

// SetLocale keeps the language that was chosen in this browser, for a year.
func (m *Manager) SetLocale(c *fiber.Ctx, l i18n.Locale) {
	m.setCookie(c, m.locale, string(l), time.Now().AddDate(1, 0, 0))
}
