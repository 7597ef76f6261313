// Package web is the program's first mouth: the HTTP server with its limits and
// headers, the table of routes, and the one place where faults become answers.
// What a route does is in callback, api and console.
package web

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"
	"github.com/valyala/fasthttp"

	"koodesk/app/accesspage"
	"koodesk/app/fault"
	"koodesk/app/web/api"
	"koodesk/app/web/buyer"
	"koodesk/app/web/callback"
	"koodesk/app/web/console"
	"koodesk/app/web/receipts"
	"koodesk/app/web/session"
	"koodesk/static"
)

// Options of New.
type Options struct {
	Callback       *callback.Handler
	API            *api.API
	Console        *console.Console
	Buyer          *buyer.Buyer
	Receipts       *receipts.Handler
	Sessions       *session.Manager
	TrustedProxies []netip.Prefix
	// Ready tells why the program should get no traffic now, nil if it should.
	Ready func(context.Context) error
	HTTPS bool // PUBLIC_URL is https
	// Wait is for how long a request is read; 0 means 15 s. The next one on its
	// connection may be five times as long in coming.
	Wait time.Duration
	Log  *slog.Logger
}

// Server answers HTTP.
type Server struct {
	app *fiber.App
	o   Options

	mu       sync.Mutex
	listener net.Listener // since Serve
	stopped  bool
}

// clientHeader carries the caller's address, as this server found it, to
// whoever asks Fiber for it. A caller's own header of this name is overwritten.
const clientHeader = "X-Koodesk-Client"

// New builds the server with every route.
func New(o Options) *Server {
	s := &Server{o: o}
	wait := cmp.Or(o.Wait, 15*time.Second)
	s.app = fiber.New(fiber.Config{
		AppName:               "koodesk",
		DisableStartupMessage: true,
		Immutable:             true, // strings outlive their request here
		BodyLimit:             callback.MaxBody,
		ReadBufferSize:        callback.MaxHead,
		ReadTimeout:           wait,
		WriteTimeout:          20 * time.Second,
		IdleTimeout:           5 * wait,
		ProxyHeader:           clientHeader,
		ErrorHandler:          s.onError,
	})
	s.app.Server().HeaderReceived = s.roomFor
	s.app.Use(recover.New(recover.Config{EnableStackTrace: true, StackTraceHandler: s.onPanic}), s.client, s.headers, plainBody)
	s.mount()
	return s
}

// maxImport is the largest body of an import of accounts, in bytes: 10,000 long
// rows. Everything else has the marketplace's limit.
const maxImport = 8 << 20

// roomFor says how much is read of a request, once its header is known. Who
// brings no token, or to the console no session's cookie, is not listened to any
// longer than others.
func (s *Server) roomFor(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := strings.Cut(string(h.RequestURI()), "?")
	byAPI := strings.HasPrefix(path, api.Prefix+"/pools/") && strings.HasSuffix(path, "/accounts") && len(h.Peek(fiber.HeaderAuthorization)) > 0
	byConsole := strings.HasPrefix(path, "/pools/") && strings.HasSuffix(path, "/import") && s.o.Sessions != nil && len(h.Cookie(s.o.Sessions.Cookie())) > 0
	if h.IsPost() && (byAPI || byConsole) {
		return fasthttp.RequestConfig{MaxRequestBodySize: maxImport}
	}
	return fasthttp.RequestConfig{}
}

// Serve answers on the listener until Shutdown.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		return l.Close()
	}
	s.listener = l
	s.mu.Unlock()
	return s.app.Listener(lingering{l})
}

// Shutdown lets calls in hand finish, and the diagnoses of refused calls after
// them, for at most the given time together (and two seconds more if the database is
// gone). Serve then returns, also when it has not begun yet.
func (s *Server) Shutdown(limit time.Duration) error {
	if s.o.Callback != nil {
		over := time.Now().Add(limit)
		defer func() { s.o.Callback.Close(time.Until(over)) }()
	}
	err := s.app.ShutdownWithTimeout(limit)
	// Fiber knows nothing of a listener that is only just being served.
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	if s.listener != nil {
		_ = s.listener.Close()
	}
	return err
}

// client finds the caller's address: the peer, or, behind proxies that are
// trusted, the last address in X-Forwarded-For that is none of them.
func (s *Server) client(c *fiber.Ctx) error {
	peer, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	addr := peer.Unmap()
	if s.trusted(addr) {
		var lines []string // a proxy may add a line of its own instead of extending the first
		for _, line := range c.Request().Header.PeekAll(fiber.HeaderXForwardedFor) {
			lines = append(lines, string(line))
		}
		hops := strings.Split(strings.Join(lines, ","), ",")
		for i := len(hops) - 1; i >= 0 && s.trusted(addr); i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop.Unmap()
		}
	}
	c.Request().Header.Set(clientHeader, addr.String())
	return c.Next()
}

// plainBody refuses compressed bodies before anything reads them: nobody who
// calls us sends any, and a few bytes could grow to more than the machine has.
func plainBody(c *fiber.Ctx) error {
	if e := c.Get(fiber.HeaderContentEncoding); e != "" && !strings.EqualFold(e, "identity") {
		return fault.New(fault.Invalid, "http.content_encoding", "encoding", e)
	}
	return c.Next()
}

func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// headers that every answer has. Pages come from here alone, and nothing in
// them is inline.
func (s *Server) headers(c *fiber.Ctx) error {
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderXFrameOptions, "DENY")
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	if s.o.HTTPS {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000")
	}
	return c.Next()
}

func (s *Server) onPanic(c *fiber.Ctx, e any) {
	s.o.Log.ErrorContext(c.UserContext(), "a request panicked", "method", c.Method(), "path", path(c), "panic", e)
}

// path is a request's path as it may be logged: the link to a buyer's access
// page opens it for whoever reads the log.
func path(c *fiber.Ctx) string {
	if forBuyer(c) {
		return accesspage.Path + "…"
	}
	if below(c, receipts.Path) {
		return receipts.Path + "…"
	}
	return c.Path()
}

// forBuyer tells whether a request is for a buyer's page. Routes are found in
// any case of letters.
func forBuyer(c *fiber.Ctx) bool { return below(c, accesspage.Path) }

func below(c *fiber.Ctx, prefix string) bool {
	p := c.Path()
	return len(p) >= len(prefix) && strings.EqualFold(p[:len(prefix)], prefix)
}

// file serves what browsers fetch besides pages.
func file(c *fiber.Ctx) error {
	f, ok := static.Lookup(c.Params("*"))
	if !ok {
		return fiber.ErrNotFound
	}
	c.Set(fiber.HeaderCacheControl, f.CacheControl())
	c.Set(fiber.HeaderETag, f.ETag)
	c.Set(fiber.HeaderContentType, f.ContentType)
	c.Vary(fiber.HeaderAcceptEncoding)
	if c.Get(fiber.HeaderIfNoneMatch) == f.ETag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	if f.Gzip != nil && strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(f.Gzip)
	}
	return c.Send(f.Bytes)
}

// healthz says that the process answers; readyz that it can do its work.
func (s *Server) healthz(c *fiber.Ctx) error { return c.SendString("ok\n") }

func (s *Server) readyz(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(c.UserContext(), 3*time.Second)
	defer cancel()
	if err := s.o.Ready(ctx); err != nil {
		s.o.Log.WarnContext(ctx, "not ready", "error", err)
		return c.Status(fiber.StatusServiceUnavailable).SendString(err.Error() + "\n")
	}
	return c.SendString("ok\n")
}
