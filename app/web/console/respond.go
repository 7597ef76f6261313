package console

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/web/view"
)

// fragment tells whether the browser asked for one element of a page only.
func fragment(c *fiber.Ctx, target string) bool {
	return c.Get("HX-Request") == "true" && c.Get("HX-History-Restore-Request") != "true" && c.Get("HX-Target") == target
}

// byScript tells whether a script asked, and not the browser for a new page.
func byScript(c *fiber.Ctx) bool { return c.Get("HX-Request") == "true" }

// private keeps every answer out of caches: it is one person's, of this moment.
func private(c *fiber.Ctx) {
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Vary("HX-Request", "HX-Target")
}

// page sends a whole page. Nothing has been sent when it fails.
func (k *Console) page(c *fiber.Ctx, status int, s view.Shell, name string, data any) error {
	private(c)
	c.Status(status).Type("html", "utf-8")
	return k.o.Views.Page(c.Response().BodyWriter(), s.Locale, name, data)
}

// block sends one named block of a page.
func (k *Console) block(c *fiber.Ctx, status int, s view.Shell, name, block string, data any) error {
	private(c)
	c.Status(status).Type("html", "utf-8")
	return k.o.Views.Block(c.Response().BodyWriter(), s.Locale, name, block, data)
}

// goTo sends the browser to a page of the console.
func (k *Console) goTo(c *fiber.Ctx, path string) error {
	private(c)
	if byScript(c) {
		c.Set("HX-Redirect", path)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(path, fiber.StatusSeeOther)
}

// loginURL is where to sign in; afterwards the way leads on to next.
func loginURL(next, notice string) string {
	q := url.Values{}
	if next = local(next); next != "" && next != "/" {
		q.Set("next", next)
	}
	if notice != "" {
		q.Set("notice", notice)
	}
	if len(q) == 0 {
		return "/login"
	}
	return "/login?" + q.Encode()
}
