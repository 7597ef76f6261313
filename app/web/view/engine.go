// Package view is how the console looks: a small engine over html/template, the
// typed structs that pages are filled from, and the functions that templates may
// call. It knows no web framework, no database and no use case: handlers fill a
// struct, the engine writes HTML. Everything that a person reads goes through
// app/i18n.
package view

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"koodesk/app/i18n"
)

// Engine holds one parsed template set per page and locale. It is safe for
// concurrent use: after New nothing is parsed or cloned any more.
type Engine struct {
	fsys   fs.FS
	reload bool
	sets   map[i18n.Locale]map[string]*template.Template
}

// New parses every page of fsys (layouts/*.html, partials/*.html,
// pages/<area>/<page>.html) for every locale, and fails on the first template
// that does not parse. With reload, pages are parsed again at each rendering, for
// work on the templates; fsys is then a folder on disk.
func New(fsys fs.FS, reload bool) (*Engine, error) {
	e := &Engine{fsys: fsys, reload: reload, sets: map[i18n.Locale]map[string]*template.Template{}}
	pages, err := fs.Glob(fsys, "pages/*/*.html")
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	for _, l := range i18n.Locales() {
		base, err := e.base(l)
		if err != nil {
			return nil, err
		}
		e.sets[l] = make(map[string]*template.Template, len(pages))
		for _, file := range pages {
			name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html")
			if e.sets[l][name], err = e.page(base, name); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

// base is what all pages of a locale share.
func (e *Engine) base(l i18n.Locale) (*template.Template, error) {
	t := template.New("").Funcs(funcs(i18n.For(l))).Option("missingkey=error")
	for _, pattern := range []string{"layouts/*.html", "partials/*.html"} {
		if _, err := t.ParseFS(e.fsys, pattern); err != nil {
			return nil, fmt.Errorf("view: %w", err)
		}
	}
	return t, nil
}

// page adds one page's file to a copy of the base: two pages may define blocks
// of the same name without meeting.
func (e *Engine) page(base *template.Template, name string) (*template.Template, error) {
	b, err := fs.ReadFile(e.fsys, path.Join("pages", name+".html"))
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	t, err := base.Clone()
	if err != nil {
		return nil, fmt.Errorf("view: %s: %w", name, err)
	}
	if _, err := t.New(name).Parse(string(b)); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	return t, nil
}

// Pages lists the names of all pages, e.g. "messages/list".
func (e *Engine) Pages() []string {
	names := make([]string, 0, len(e.sets[i18n.Default]))
	for name := range e.sets[i18n.Default] {
		names = append(names, name)
	}
	return names
}

// Page writes a whole page. Nothing is written when rendering fails, so that the
// caller can still answer with an error page.
func (e *Engine) Page(w io.Writer, l i18n.Locale, name string, data any) error {
	return e.Block(w, l, name, name, data)
}

// Block writes one named block of a page: what an htmx request for the same
// address is answered with.
func (e *Engine) Block(w io.Writer, l i18n.Locale, name, block string, data any) error {
	t, err := e.set(l, name)
	if err != nil {
		return err
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	buf.Reset()
	if err := t.ExecuteTemplate(buf, block, data); err != nil {
		return fmt.Errorf("view: %s: %w", name, err)
	}
	_, err = buf.WriteTo(w)
	return err
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (e *Engine) set(l i18n.Locale, name string) (*template.Template, error) {
	if !l.Valid() {
		l = i18n.Default
	}
	t := e.sets[l][name]
	if t == nil {
		return nil, fmt.Errorf("view: no page %q", name)
	}
	if !e.reload {
		return t, nil
	}
	base, err := e.base(l)
	if err != nil {
		return nil, err
	}
	return e.page(base, name)
}
