package web

import (
	"github.com/gofiber/fiber/v2"

	"koodesk/app/accesspage"
	"koodesk/app/web/api"
	"koodesk/app/web/receipts"
	"koodesk/app/web/session"
)

// mount puts every route into the app. The marketplace's address, the buyer's
// page, services' reports and the probes need no session; the API wants a token; the rest is the console. Who may do
// what stands in the tables of api.Routes and console.Routes, and is checked
// here, before any handler.
func (s *Server) mount() {
	s.app.Get("/healthz", s.healthz)
	s.app.Get("/readyz", s.readyz)
	s.app.Get("/static/*", file)
	s.app.All("/koogallery/:channel", s.o.Callback.Serve)
	s.app.All("/koogallery/:channel/produceAPI/*", s.o.Callback.Serve)
	s.app.All("/koogallery/*", func(*fiber.Ctx) error { return fiber.ErrNotFound })
	s.add(s.app, s.o.Buyer.Routes())
	s.app.All(accesspage.Path+"*", func(*fiber.Ctx) error { return fiber.ErrNotFound })
	if s.o.Receipts != nil {
		s.add(s.app, s.o.Receipts.Routes())
	}
	s.app.All(receipts.Path+"*", func(*fiber.Ctx) error { return fiber.ErrNotFound })
	s.add(s.app.Group(api.Prefix, s.o.Sessions.Bearer), s.o.API.Routes())
	s.add(s.app.Group("/", s.o.Sessions.Load, s.o.Sessions.CSRF), s.o.Console.Routes())
}

func (s *Server) add(group fiber.Router, routes []session.Route) {
	for _, r := range routes {
		group.Add(r.Method, r.Path, s.o.Sessions.Require(r.Permission), r.Handler)
	}
}

// Routes lists the console's and the API's routes, with whole paths.
func (s *Server) Routes() []session.Route {
	all := s.o.Console.Routes()
	for _, r := range s.o.API.Routes() {
		r.Path = api.Prefix + r.Path
		all = append(all, r)
	}
	return all
}
