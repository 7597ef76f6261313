package console

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/web/session"
	"koodesk/app/web/view"
)

// statusOf is the HTTP status of a fault's code.
func statusOf(code fault.Code) int {
	switch code {
	case fault.Invalid, fault.Refused:
		return fiber.StatusUnprocessableEntity
	case fault.NotFound:
		return fiber.StatusNotFound
	case fault.Conflict:
		return fiber.StatusConflict
	case fault.Unauthenticated:
		return fiber.StatusUnauthorized
	case fault.Forbidden:
		return fiber.StatusForbidden
	case fault.RateLimited:
		return fiber.StatusTooManyRequests
	case fault.TooLarge:
		return fiber.StatusRequestEntityTooLarge
	case fault.Unavailable:
		return fiber.StatusServiceUnavailable
	}
	return fiber.StatusInternalServerError
}

// Error answers a request of the console that could not be done: with the
// sign-in page for somebody who has not come in, a page of its own for
// everybody else, and a toast for a script. It works without a database.
func (k *Console) Error(c *fiber.Ctx, f *fault.Error) error {
	switch {
	case f.Code == fault.Unauthenticated, f.Key == csrfExpired && session.Expired(c):
		return k.toLogin(c)
	case f.Key == "password.must_change":
		return k.redirect(c, fiber.StatusForbidden, "/account")
	}
	status := statusOf(f.Code)
	if f.Retry.After > 0 {
		c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int((f.Retry.After+time.Second-1)/time.Second)))
	}
	s := k.frame(c)
	if c.Method() != fiber.MethodGet {
		s.Here = orElse(fromPage(c, c.Get(fiber.HeaderReferer)), "/")
	}
	if csrf, err := session.CSRFToken(c); err == nil {
		s.CSRF = csrf
	}
	if byScript(c) {
		return k.toast(c, status, s, f)
	}
	if status < fiber.StatusInternalServerError && s.Operator.SignedIn() {
		if n, err := k.read.NavCounts(c.UserContext()); err == nil {
			s.Counts = navCounts(n)
		}
	}
	r := fault.ToRecord(f)
	r.Detail = "" // the cause is for the log
	return k.page(c, status, s, view.PageError, view.ErrorPage{Shell: s, Status: status, Fault: r,
		RequestID: c.GetRespHeader(fiber.HeaderXRequestID), Retry: again(c, f), Home: "/"})
}

// csrfExpired is how a form fails whose session is over: signing in again is
// what helps then.
const csrfExpired = "session.csrf_expired"

// again is where trying again makes sense, "" where it does not.
func again(c *fiber.Ctx, f *fault.Error) string {
	if c.Method() != fiber.MethodGet {
		return fromPage(c, c.Get(fiber.HeaderReferer))
	}
	switch f.Code {
	case fault.Unavailable, fault.Internal, fault.RateLimited:
		return here(c)
	}
	return ""
}

// toLogin asks somebody to sign in, and remembers where they wanted to go.
func (k *Console) toLogin(c *fiber.Ctx) error {
	next, notice := here(c), ""
	switch {
	case byScript(c):
		next = fromPage(c, c.Get("HX-Current-URL"))
	case c.Method() != fiber.MethodGet:
		next = fromPage(c, c.Get(fiber.HeaderReferer))
	}
	if session.Expired(c) {
		notice = "expired"
	}
	return k.redirect(c, fiber.StatusUnauthorized, loginURL(next, notice))
}

// redirect sends the browser elsewhere; a script gets the true status and is
// told where the whole page has to go.
func (k *Console) redirect(c *fiber.Ctx, status int, path string) error {
	if !byScript(c) {
		return k.goTo(c, path)
	}
	private(c)
	c.Set("HX-Redirect", path)
	return c.SendStatus(status)
}

// toast tells a script's reader what went wrong without touching the page.
func (k *Console) toast(c *fiber.Ctx, status int, s view.Shell, f *fault.Error) error {
	s.Flash = &view.Flash{Tone: "bad", Text: trouble(k.localizer(c), f)}
	c.Set("HX-Retarget", "#toasts")
	c.Set("HX-Reswap", "outerHTML")
	c.Set("HX-Push-Url", "false")
	return k.block(c, status, s, view.PageError, "toasts", s)
}
