package view

import (
	"net/url"
	"slices"
)

// URL is the address of a list as it is filtered now. Its methods give new
// addresses and leave it as it is.
type URL struct {
	Path  string
	Query url.Values
	Rows  int // how many rows the reader wants on a page; 0 for a list's own number
}

// cursorParams say where in a list the reader is. Changing a filter goes back to
// the top.
var cursorParams = []string{"before", "after"}

// With sets parameters (name, value, name, value) and keeps the other filters.
// An empty value removes the parameter.
func (u URL) With(pairs ...string) URL {
	c := u.copy()
	for i := 0; i+1 < len(pairs); i += 2 {
		if !slices.Contains(cursorParams, pairs[i]) {
			c.Query.Del("before")
			c.Query.Del("after")
		}
		if pairs[i+1] == "" {
			c.Query.Del(pairs[i])
			continue
		}
		c.Query.Set(pairs[i], pairs[i+1])
	}
	return c
}

// Without removes parameters and goes back to the top of the list.
func (u URL) Without(names ...string) URL {
	c := u.copy()
	for _, name := range append(slices.Clone(cursorParams), names...) {
		c.Query.Del(name)
	}
	return c
}

// Bare is the address without any parameter.
func (u URL) Bare() URL { return URL{Path: u.Path, Rows: u.Rows} }

// Get is the value of a parameter.
func (u URL) Get(name string) string { return u.Query.Get(name) }

// Filtered tells whether any filter is set, besides those named.
func (u URL) Filtered(except ...string) bool {
	for name, values := range u.Query {
		if len(values) > 0 && values[0] != "" && !slices.Contains(cursorParams, name) && !slices.Contains(except, name) {
			return true
		}
	}
	return false
}

// String is the address with its parameters in order of name, which makes equal
// filters equal addresses.
func (u URL) String() string {
	if q := u.Query.Encode(); q != "" {
		return u.Path + "?" + q
	}
	return u.Path
}

func (u URL) copy() URL {
	c := URL{Path: u.Path, Rows: u.Rows, Query: make(url.Values, len(u.Query))}
	for name, values := range u.Query {
		c.Query[name] = slices.Clone(values)
	}
	return c
}
