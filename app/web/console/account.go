package console

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/i18n"
	"koodesk/app/signin"
	"koodesk/app/staff"
	"koodesk/app/store"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// Account is the operator's own page.
func (k *Console) Account(c *fiber.Ctx) error {
	p, err := k.account(c)
	if err != nil {
		return err
	}
	return k.sendAccount(c, fiber.StatusOK, p)
}

func (k *Console) account(c *fiber.Ctx) (view.AccountPage, error) {
	s, err := k.shell(c, view.RoomAccount)
	if err != nil {
		return view.AccountPage{}, err
	}
	s.Here = "/account"
	return accountPage(s, session.Of(c).Person, rows(c)), nil
}

func (k *Console) sendAccount(c *fiber.Ctx, status int, p view.AccountPage) error {
	if err := k.whole(c, &p.Shell); err != nil {
		return err
	}
	return k.page(c, status, p.Shell, view.PageAccount, p)
}

func accountPage(s view.Shell, person staff.Person, rows int) view.AccountPage {
	return view.AccountPage{
		Shell: s, MustChange: person.MustChange, MinLength: signin.MinPassword,
		Facts: []view.Fact{
			{Label: view.Say("fact.email"), Value: person.Email},
			{Label: view.Say("fact.role"), Text: view.Say("role." + string(person.Role))},
			{Label: view.Say("fact.created"), Time: s.Clock.Time(person.CreatedAt)},
			{Label: view.Say("fact.last_login"), Time: s.Clock.Time(person.LastLoginAt)},
		},
		Rows: rows, RowChoices: view.RowChoices,
		Current: view.Field{Name: "current"}, New: view.Field{Name: "new"}, Repeat: view.Field{Name: "repeat"},
	}
}

// ChangePassword gives the operator a new password, or shows the form again.
func (k *Console) ChangePassword(c *fiber.Ctx) error {
	who := session.Of(c)
	current, next := field(c, "current"), field(c, "new")
	if next != field(c, "repeat") {
		p, err := k.account(c)
		if err != nil {
			return err
		}
		p.Repeat.Wrong = view.Say("account.mismatch")
		return k.sendAccount(c, fiber.StatusUnprocessableEntity, p)
	}
	epoch, err := k.o.SignIn.ChangePassword(c.UserContext(), who.Person.ID, current, next, who.Actor.IP)
	if err != nil {
		return k.accountAgain(c, fault.From(err))
	}
	if err := k.o.Sessions.PasswordChanged(c, epoch); err != nil {
		return err
	}
	flash(c, "ok", view.Say("flash.password_changed"))
	if who.Person.MustChange {
		return k.goTo(c, "/messages")
	}
	return k.goTo(c, "/account")
}

// accountAgain shows the form again with what is wrong with it.
func (k *Console) accountAgain(c *fiber.Ctx, f *fault.Error) error {
	if f.Code != fault.Invalid && f.Code != fault.RateLimited {
		return f
	}
	p, err := k.account(c)
	if err != nil {
		return err
	}
	status := statusOf(f.Code)
	if f.Retry.After > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(max(1, int(f.Retry.After.Seconds()))))
	}
	passwordWrong(k.localizer(c), &p, f)
	return k.sendAccount(c, status, p)
}

// passwordWrong puts a fault beside the field that it is about.
func passwordWrong(z *i18n.Localizer, p *view.AccountPage, f *fault.Error) {
	limit := func(name string) int { n, _ := strconv.Atoi(f.Args[name]); return n }
	switch f.Key {
	case "password.wrong_current":
		p.Current.Wrong = view.Say("account.wrong_current")
	case "password.too_short":
		p.New.Wrong = view.Say("account.too_short", "n", limit("min"))
	case "password.too_long":
		p.New.Wrong = view.Say("account.too_long", "n", limit("max"))
	case "password.same":
		p.New.Wrong = view.Say("account.same")
	case "password.is_email", "password.unreadable":
		p.New.Wrong = what(z, f)
	default:
		p.Fault = record(f)
	}
}

// Preferences keeps the language, the look and the length of lists that somebody chose,
// also before they come in, and goes back to the page they are on.
func (k *Console) Preferences(c *fiber.Ctx) error {
	who := session.Of(c)
	if l := i18n.Locale(field(c, "locale")); l.Valid() {
		k.o.Sessions.SetLocale(c, l)
		if who.SignedIn() {
			if err := k.o.SignIn.SetLocale(c.UserContext(), who.Person.ID, l); err != nil {
				return err
			}
		}
	}
	if t := field(c, "theme"); slices.Contains(view.Themes, t) {
		k.keep(c, themeCookie, t)
	}
	if n, err := strconv.Atoi(field(c, "rows")); err == nil && slices.Contains(view.RowChoices, n) {
		k.keep(c, rowsCookie, strconv.Itoa(n))
	}
	return k.goTo(c, orElse(inside(field(c, "return_to")), "/"))
}

// The look and the length of lists are kept in the browser. They are no secret and
// nobody's identity.
const (
	themeCookie = "koodesk-theme"
	rowsCookie  = "koodesk-rows"
)

func theme(c *fiber.Ctx) string {
	if i := slices.Index(view.Themes, c.Cookies(themeCookie)); i >= 0 {
		return view.Themes[i]
	}
	return view.Themes[0]
}

// rows is how many rows the reader wants on a page of a list.
func rows(c *fiber.Ctx) int {
	if n, err := strconv.Atoi(c.Cookies(rowsCookie)); err == nil && slices.Contains(view.RowChoices, n) {
		return n
	}
	return store.DefaultLimit
}

func (k *Console) keep(c *fiber.Ctx, name, value string) {
	c.Cookie(&fiber.Cookie{Name: name, Value: value, Path: "/", Expires: k.o.Now().AddDate(1, 0, 0).In(time.UTC),
		Secure: strings.HasPrefix(k.o.PublicURL, "https:"), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
}
