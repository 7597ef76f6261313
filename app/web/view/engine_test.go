package view_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
	"koodesk/app/web/view"
	"koodesk/app/web/view/gallery"
	"koodesk/views"
)

var engine = sync.OnceValue(func() *view.Engine {
	e, err := view.New(views.Console, false)
	if err != nil {
		panic(err)
	}
	return e
})

func TestPagesAndBlocks(t *testing.T) {
	t.Parallel()
	e := engine()
	page := gallery.All(i18n.En)[0]
	require.Error(t, e.Page(io.Discard, i18n.En, "no/such", page.Data))
	require.Error(t, e.Block(io.Discard, i18n.En, view.PageLogin, "no-such-block", page.Data))

	for _, s := range gallery.All(i18n.En) {
		if s.Page != view.PageMessages {
			continue
		}
		var whole, part bytes.Buffer
		require.NoError(t, e.Page(&whole, i18n.En, s.Page, s.Data))
		require.NoError(t, e.Block(&part, i18n.En, s.Page, view.BlockResults, s.Data))
		require.Contains(t, whole.String(), part.String(), "%s: the fragment is the page's own", s.Name)
		require.True(t, strings.HasPrefix(part.String(), "<section id=\"results\""), "%s", s.Name)
		require.NotContains(t, part.String(), "<html")
	}
}

func TestNothingIsWrittenWhenRenderingFails(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.Error(t, engine().Page(&out, i18n.En, view.PageMessages, struct{ Shell string }{}))
	require.Empty(t, out.String())
}

func TestRenderingIsSafeForManyAtOnce(t *testing.T) {
	t.Parallel()
	e, err := view.New(views.Console, false) // fresh, so that the first use of each set is concurrent too
	require.NoError(t, err)
	samples := map[i18n.Locale][]gallery.Sample{i18n.ZhCN: onePerPage(gallery.All(i18n.ZhCN)), i18n.En: onePerPage(gallery.All(i18n.En))}
	want := map[string]string{}
	for l, list := range samples {
		for _, s := range list {
			var b bytes.Buffer
			require.NoError(t, engine().Page(&b, l, s.Page, s.Data))
			want[string(l)+s.Name] = b.String()
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for l, list := range samples {
				for _, s := range list {
					var b bytes.Buffer
					if err := e.Page(&b, l, s.Page, s.Data); err != nil || b.String() != want[string(l)+s.Name] {
						t.Errorf("%s %s: differs when rendered beside others: %v", l, s.Name, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// onePerPage leaves of each page its first sample.
func onePerPage(list []gallery.Sample) (out []gallery.Sample) {
	seen := map[string]bool{}
	for _, s := range list {
		if !seen[s.Page] {
			out = append(out, s)
		}
		seen[s.Page] = true
	}
	return out
}

func TestReloadShowsAChangeAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"layouts/l.html": `{{define "l"}}<p>{{template "content" .}}</p>{{end}}`, "partials/p.html": `{{define "p"}}{{end}}`,
		"pages/a/b.html": `{{template "l" .}}{{define "content"}}one{{end}}`,
	} {
		require.NoError(t, os.MkdirAll(dir+"/"+name[:strings.LastIndex(name, "/")], 0o755))
		require.NoError(t, os.WriteFile(dir+"/"+name, []byte(content), 0o600))
	}
	for _, reload := range []bool{true, false} {
		require.NoError(t, os.WriteFile(dir+"/pages/a/b.html", []byte(`{{template "l" .}}{{define "content"}}one{{end}}`), 0o600))
		e, err := view.New(os.DirFS(dir), reload)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(dir+"/pages/a/b.html", []byte(`{{template "l" .}}{{define "content"}}two{{end}}`), 0o600))
		var b bytes.Buffer
		require.NoError(t, e.Page(&b, i18n.En, "a/b", nil))
		require.Equal(t, map[bool]string{true: "<p>two</p>", false: "<p>one</p>"}[reload], b.String())
	}
}

func TestABrokenTemplateStopsTheBoot(t *testing.T) {
	t.Parallel()
	_, err := view.New(fstest.MapFS{
		"layouts/l.html": {Data: []byte(`{{define "l"}}{{end}}`)}, "partials/p.html": {Data: []byte(`{{define "p"}}{{end}}`)},
		"pages/a/b.html": {Data: []byte(`{{if}}`)}}, false)
	require.ErrorContains(t, err, "a/b")
	_, err = view.New(fstest.MapFS{}, false)
	require.Error(t, err)
}
