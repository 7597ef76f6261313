// Package static holds what browsers fetch besides pages: style sheets, scripts,
// icons, a font. Everything is embedded, compressed once at start and named by a
// hash of the whole tree, so that answers may be cached for ever. It knows no
// web framework: whoever serves it asks Lookup and writes the answer.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"sort"
	"strings"
	"sync"
)

//go:embed css js img vendor icons.svg
var embedded embed.FS

// Prefix is where the files are served.
const Prefix = "/static/"

// File is one file, ready to be sent.
type File struct {
	Bytes       []byte
	Gzip        []byte // nil where compression gains nothing
	ContentType string
	ETag        string // quoted
	Immutable   bool   // asked for by the current hash: may be cached for ever
}

// CacheControl is the header's value that fits the way the file was asked for.
// A page of an older release may still ask for its old hash: it gets today's
// file, but must not keep it.
func (f File) CacheControl() string {
	if f.Immutable {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

// tree is the files by name, and the hash over all of them.
type tree struct {
	files map[string]File
	hash  string
}

// loaded builds the tree at first use. The files are compiled in, so a fault
// here is a defect of the build and no state that a caller could handle.
var loaded = sync.OnceValue(func() *tree {
	t, err := build(embedded)
	if err != nil {
		panic(err)
	}
	return t
})

// URL is the address of a file, e.g. URL("css/console.css"). An unknown name
// panics: names are constants of the templates, and rendering any page once
// shows the mistake.
//
// The hash covers the whole tree and stands before the name, so that relative
// addresses inside style sheets keep working.
func URL(name string) string {
	t := loaded()
	if _, ok := t.files[name]; !ok {
		panic("static: no file " + name)
	}
	return Prefix + t.hash + "/" + name
}

// Lookup finds the file for a request path below Prefix ("<hash>/css/console.css"),
// or for a whole path that still has the prefix.
func Lookup(requestPath string) (File, bool) {
	t := loaded()
	hash, name, ok := strings.Cut(strings.TrimPrefix(requestPath, Prefix), "/")
	if !ok {
		return File{}, false
	}
	f, ok := t.files[name]
	f.Immutable = ok && hash == t.hash
	return f, ok
}

// bundled names the folders that browsers get as one file: css/console/*.css in
// order of name is css/console.css.
var bundled = map[string]string{
	"css/console": "css/console.css",
	"js/console":  "js/console.js",
}

func build(fsys fs.FS) (*tree, error) {
	raw := map[string][]byte{}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return fmt.Errorf("static: read %s: %w", name, err)
		}
		// WalkDir goes in order of name, which is the order within a bundle.
		if whole, ok := bundled[path.Dir(name)]; ok {
			name = whole
		}
		raw[name] = append(raw[name], b...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	t := &tree{files: make(map[string]File, len(raw)), hash: hashOf(raw)}
	for name, b := range raw {
		if t.files[name], err = file(name, b); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func hashOf(raw map[string][]byte) string {
	names := make([]string, 0, len(raw))
	for name := range raw {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		fmt.Fprintf(h, "%s %d\n", name, len(raw[name]))
		h.Write(raw[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

func file(name string, b []byte) (File, error) {
	sum := sha256.Sum256(b)
	f := File{Bytes: b, ContentType: contentType(name), ETag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		return File{}, fmt.Errorf("static: gzip: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return File{}, fmt.Errorf("static: gzip %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return File{}, fmt.Errorf("static: gzip %s: %w", name, err)
	}
	if z.Len() < len(b)*9/10 {
		f.Gzip = z.Bytes()
	}
	return f, nil
}

// contentType does not ask the operating system's tables for what it knows
// itself: they differ between machines.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".md", "":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
