package console

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// notices are what the sign-in page may say when somebody was sent to it.
var notices = map[string]string{"expired": "login.expired", "signed_out": "login.signed_out"}

// Login is the page where operators come in. Somebody who is in goes on.
func (k *Console) Login(c *fiber.Ctx) error {
	next := local(c.Query("next"))
	if session.Of(c).SignedIn() {
		return k.goTo(c, orElse(next, "/"))
	}
	p, err := k.login(c, next)
	if err != nil {
		return err
	}
	switch key, ok := notices[c.Query("notice")]; {
	case ok:
		p.Notice = view.Say(key)
	case next != "":
		p.Notice = view.Say("login.needed")
	}
	return k.page(c, fiber.StatusOK, p.Shell, view.PageLogin, p)
}

func (k *Console) login(c *fiber.Ctx, next string) (view.LoginPage, error) {
	s, err := k.shell(c, "")
	if err != nil {
		return view.LoginPage{}, err
	}
	s.Here = loginURL(next, "")
	return view.LoginPage{Shell: s, Email: view.Field{Name: "email"}, Password: view.Field{Name: "password"}, Next: next}, nil
}

// maxEmail is how long an address can be, in characters.
const maxEmail = 254

// SignIn lets an operator in, or shows the form again.
func (k *Console) SignIn(c *fiber.Ctx) error {
	next := local(field(c, "next"))
	email := clean(field(c, "email"), maxEmail)
	e, err := k.o.SignIn.SignIn(c.UserContext(), email, field(c, "password"), strings.Clone(c.IP()))
	if err != nil {
		return k.loginAgain(c, next, email, fault.From(err))
	}
	if err := k.o.Sessions.SignIn(c, e); err != nil {
		return err
	}
	if e.Person.MustChange {
		return k.goTo(c, "/account")
	}
	return k.goTo(c, orElse(next, "/"))
}

func (k *Console) loginAgain(c *fiber.Ctx, next, email string, f *fault.Error) error {
	status := fiber.StatusUnprocessableEntity
	switch f.Code {
	case fault.Unauthenticated:
	case fault.RateLimited:
		status = fiber.StatusTooManyRequests
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(f.Retry.After.Seconds()))))
	default:
		return f
	}
	p, err := k.login(c, next)
	if err != nil {
		return err
	}
	p.Email.Value, p.Fault = email, record(f)
	return k.page(c, status, p.Shell, view.PageLogin, p)
}

// SignOut ends the session.
func (k *Console) SignOut(c *fiber.Ctx) error {
	if err := k.o.Sessions.SignOut(c); err != nil {
		return err
	}
	return k.goTo(c, loginURL("", "signed_out"))
}
