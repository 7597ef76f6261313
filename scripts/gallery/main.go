// Command gallery shows every page of the console in every state, with made-up
// data: as a web site to click through, as files, or as pictures.
//
//	go run ./scripts/gallery                        serve it, templates read anew at each request
//	go run ./scripts/gallery -out DIR               write one HTML file per sample and language
//	go run ./scripts/gallery -out DIR -pictures     take pictures with Chromium
//	     -only 'message-.*' -widths 1440,375 -lang zh-CN,en -dark=both
package main

import (
	"context"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"koodesk/app/i18n"
	"koodesk/app/web/view"
	"koodesk/app/web/view/gallery"
	"koodesk/static"
)

type options struct {
	listen, out, only, widths, lang, dark, axe string
	pictures                                   bool
}

func main() {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:0", "address to serve on")
	flag.StringVar(&o.out, "out", "", "folder to write to; empty: serve only")
	flag.StringVar(&o.only, "only", "", "regular expression on the samples' names")
	flag.StringVar(&o.widths, "widths", "1440,375", "widths of the pictures in pixels")
	flag.StringVar(&o.lang, "lang", "zh-CN,en", "languages")
	flag.StringVar(&o.dark, "dark", "both", "pictures: light, dark or both")
	flag.StringVar(&o.axe, "axe", "", "pictures: also check accessibility with this axe.min.js")
	flag.BoolVar(&o.pictures, "pictures", false, "write pictures instead of HTML")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	wanted, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	engine, err := view.New(os.DirFS("views"), true)
	if err != nil {
		return fmt.Errorf("%w (run it from the top of the project)", err)
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: site(engine), ReadHeaderTimeout: 5 * time.Second}
	base := "http://" + l.Addr().String()
	if o.out == "" {
		log.Printf("%s/", base)
		return server.Serve(l)
	}
	go func() { _ = server.Serve(l) }()
	defer func() { _ = server.Shutdown(context.Background()) }()
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	if o.pictures {
		return pictures(base, o, wanted)
	}
	for _, locale := range strings.Split(o.lang, ",") {
		for _, s := range gallery.All(i18n.Locale(locale)) {
			if !wanted.MatchString(s.Name) {
				continue
			}
			f, err := os.Create(filepath.Join(o.out, s.Name+"."+locale+".html"))
			if err != nil {
				return err
			}
			if err := engine.Page(f, i18n.Locale(locale), s.Page, s.Data); err != nil {
				return err
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	return nil
}

var index = template.Must(template.New("").Parse(`<!doctype html><title>Gallery</title><ul>{{range .}}<li>{{.}} <a href="/g/zh-CN/{{.}}">zh-CN</a> <a href="/g/en/{{.}}">en</a></li>{{end}}</ul>`))

// policy is the product's own, so that what it refuses is seen here too.
const policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func site(engine *view.Engine) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/", func(w http.ResponseWriter, r *http.Request) {
		f, ok := static.Lookup(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", f.ContentType)
		_, _ = w.Write(f.Bytes)
	})
	mux.HandleFunc("GET /g/{locale}/{name}", func(w http.ResponseWriter, r *http.Request) {
		locale := i18n.Locale(r.PathValue("locale"))
		for _, s := range gallery.All(locale) {
			if s.Name != r.PathValue("name") {
				continue
			}
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if err := engine.Page(w, locale, s.Page, s.Data); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
			return
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		var names []string
		for _, s := range gallery.All(i18n.Default) {
			names = append(names, s.Name)
		}
		_ = index.Execute(w, names)
	})
	return mux
}
