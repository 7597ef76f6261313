package web

import (
	"errors"
	"strings"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/web/callback"
)

// onError is where every error of a handler becomes an answer, in the form that
// the caller of that path reads: result code, problem, or page.
func (s *Server) onError(c *fiber.Ctx, err error) error {
	if errors.Is(err, fiber.ErrRequestTimeout) {
		return c.Context().Conn().Close() // nothing was asked; an answer would be taken for that of the next request
	}
	err = asFault(err)
	f := fault.From(err)
	if f.Code == fault.Internal {
		s.o.Log.ErrorContext(c.UserContext(), "a request failed", "method", c.Method(), "path", path(c), "error", err)
	}
	switch {
	case strings.HasPrefix(c.Path(), "/koogallery/"):
		s.o.Log.WarnContext(c.UserContext(), "a call was refused unread", "method", c.Method(), "path", c.Path(), "ip", c.IP(), "error", err)
		return callback.Refuse(c, f)
	case forBuyer(c):
		return s.o.Buyer.Error(c, f)
	case strings.HasPrefix(c.Path(), "/api/"):
		return s.o.API.Problem(c, f)
	default:
		return s.o.Console.Error(c, f)
	}
}

// asFault gives Fiber's own errors their class.
func asFault(err error) error {
	var fe *fiber.Error
	if !errors.As(err, &fe) {
		return err
	}
	switch fe.Code {
	case fiber.StatusNotFound:
		return fault.New(fault.NotFound, "http.not_found")
	case fiber.StatusMethodNotAllowed:
		return fault.New(fault.NotFound, "http.method_not_allowed")
	case fiber.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "http.too_large")
	case fiber.StatusRequestHeaderFieldsTooLarge, fiber.StatusBadRequest, fiber.StatusUnprocessableEntity:
		return fault.Wrap(err, fault.Invalid, "http.bad_request")
	}
	return err
}
