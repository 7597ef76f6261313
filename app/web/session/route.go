package session

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/staff"
)

// Route is one line of a table of routes: who may come in, and where it leads.
type Route struct {
	Method     string
	Path       string
	Permission staff.Permission
	Handler    fiber.Handler
}

// To makes a line of the table.
func To(method, path string, p staff.Permission, h fiber.Handler) Route {
	return Route{Method: method, Path: path, Permission: p, Handler: h}
}
