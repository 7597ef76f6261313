package console

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"koodesk/app/fault"
	"koodesk/app/web/view"
)

// inside gives the path (with its query) of a page of the console, "" for
// anything that could lead a browser out of it.
func inside(raw string) string {
	if raw == "" || len(raw) > 2000 || raw[0] != '/' || strings.HasPrefix(raw, "//") ||
		strings.ContainsFunc(raw, func(r rune) bool { return r == '\\' || r <= ' ' || r == utf8.RuneError || unicode.IsControl(r) }) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return ""
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

// local is inside without the doors: where a browser may be sent to after
// somebody came in.
func local(raw string) string {
	path, _, _ := strings.Cut(inside(raw), "?")
	switch path {
	case "", "/login", "/logout", "/preferences":
		return ""
	}
	return inside(raw)
}

// fromPage is the page of the console that the browser says it comes from, ""
// if it says nothing or comes from elsewhere. raw is an absolute address.
func fromPage(c *fiber.Ctx, raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, string(c.Request().Host())) {
		return ""
	}
	return local(u.RequestURI())
}

// here is the address that the browser asked for, with its query.
func here(c *fiber.Ctx) string {
	path := c.Path()
	if q := string(c.Request().URI().QueryString()); q != "" {
		path += "?" + q
	}
	return inside(path)
}

// address is the address that was asked for as a list reads it: the known
// parameters only, each once, as text that can be searched for. It has as many rows
// as the reader chose for all lists.
func address(c *fiber.Ctx, path string, names ...string) view.URL {
	u := addressOf(path, string(c.Request().URI().QueryString()), names...)
	u.Rows = rows(c)
	return u
}

func addressOf(path, query string, names ...string) view.URL {
	all, _ := url.ParseQuery(query) // what cannot be read is left out
	u := view.URL{Path: path, Query: url.Values{}}
	for _, name := range append([]string{"before", "after"}, names...) {
		if v := clean(all.Get(name), maxParameter); v != "" {
			u.Query.Set(name, v)
		}
	}
	return u
}

// maxParameter bounds a parameter of an address, in characters.
const maxParameter = 200

// clean trims a text, cuts it, and takes out what no address or reason has:
// control characters and bytes that are no text.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	if r := []rune(s); len(r) > limit {
		return string(r[:limit])
	}
	return s
}

// field is what a form sent under a name: in its body, never in its address.
func field(c *fiber.Ctx, name string) string { return string(c.Request().PostArgs().Peek(name)) }

// fields are the values that a form sent under one name, in the address if it only
// asks.
func fields(c *fiber.Ctx, name string) (out []string) {
	args := c.Request().PostArgs()
	if c.Method() == fiber.MethodGet {
		args = c.Context().QueryArgs()
	}
	for _, v := range args.PeekMulti(name) {
		out = append(out, string(v))
	}
	return out
}

// number reads an id from the address; a fault with this key if it is none.
func number(c *fiber.Ctx, key string) (int64, error) {
	n, err := strconv.ParseInt(c.Params("id"), 10, 64)
	if err != nil || n <= 0 {
		return 0, fault.New(fault.NotFound, key)
	}
	return n, nil
}

// instanceParam reads an instance's id from the address. Fault: not_found
// "instance.unknown".
func instanceParam(c *fiber.Ctx) (string, error) {
	id, err := url.PathUnescape(c.Params("instance_id"))
	if err != nil || id == "" || clean(id, 1000) != strings.TrimSpace(id) {
		return "", fault.New(fault.NotFound, "instance.unknown")
	}
	return id, nil
}

// The addresses of things.
func messageURL(id int64) string   { return "/messages/" + strconv.FormatInt(id, 10) }
func deliveryURL(id int64) string  { return "/deliveries/" + strconv.FormatInt(id, 10) }
func taskURL(id int64) string      { return "/tasks/" + strconv.FormatInt(id, 10) }
func instanceURL(id string) string { return "/instances/" + url.PathEscape(id) }

// callParam names the call that an instance's page is to lead to.
const callParam = "call"

// callURL is the place of a call in the timeline of an instance: the page has it, however
// old it is.
func callURL(instance string, message int64) string {
	u := view.URL{Path: instanceURL(instance)}.With(callParam, strconv.FormatInt(message, 10))
	return u.String() + "#" + callAnchor(message)
}

func callAnchor(message int64) string { return "call-" + strconv.FormatInt(message, 10) }

// within adds the list that a thing was opened from to its address, so that its
// page knows the way back and the neighbours.
func within(path string, list view.URL) string {
	return view.URL{Path: path, Query: list.Query}.String()
}
