package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestURLsAreImmutableAndFound(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"css/console.css", "css/dark.css", "js/console.js", "vendor/htmx/htmx.min.js", "icons.svg", "img/favicon.svg"} {
		url := URL(name)
		require.Regexp(t, `^/static/[0-9a-f]{12}/`+regexp.QuoteMeta(name)+`$`, url)
		for _, asked := range []string{url, strings.TrimPrefix(url, Prefix)} {
			f, ok := Lookup(asked)
			require.True(t, ok, asked)
			require.NotEmpty(t, f.Bytes)
			require.True(t, f.Immutable)
			require.Contains(t, f.CacheControl(), "immutable")
			require.Regexp(t, `^"[0-9a-f]{16}"$`, f.ETag)
		}
	}
	require.Panics(t, func() { URL("css/nothing.css") })
}

func TestAnOldPageGetsTheFileButMayNotKeepIt(t *testing.T) {
	t.Parallel()
	f, ok := Lookup("0123456789ab/css/console.css")
	require.True(t, ok)
	require.False(t, f.Immutable)
	require.Equal(t, "no-cache", f.CacheControl())
}

func TestLookupGivesNothingElse(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"", "/", "x", "x/", "x/../static.go", "x/css", "x/css/console", "x/css/console/10-tokens.css", "css/console.css/"} {
		_, ok := Lookup(asked)
		require.False(t, ok, asked)
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	f, _ := Lookup(URL("css/console.css"))
	require.Less(t, len(f.Gzip), len(f.Bytes)/3)
	r, err := gzip.NewReader(bytes.NewReader(f.Gzip))
	require.NoError(t, err)
	whole, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, f.Bytes, whole)
	font, _ := Lookup(URL("vendor/inter/inter-latin-wght-normal.woff2"))
	require.Nil(t, font.Gzip, "it is compressed already")
	require.Equal(t, "font/woff2", font.ContentType)
}

func TestContentTypes(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"a.css": "text/css; charset=utf-8", "a.js": "text/javascript; charset=utf-8",
		"a.svg": "image/svg+xml", "a.png": "image/png", "LICENSE": "text/plain; charset=utf-8", "a.zzz": "application/octet-stream"} {
		require.Equal(t, want, contentType(name))
	}
}

func TestTheHashFollowsTheContent(t *testing.T) {
	t.Parallel()
	one, err := build(fstest.MapFS{"css/console/a.css": {Data: []byte("a{}")}, "css/console/b.css": {Data: []byte("b{}")}})
	require.NoError(t, err)
	require.Equal(t, "a{}b{}", string(one.files["css/console.css"].Bytes), "parts come in order of their names")
	two, err := build(fstest.MapFS{"css/console/a.css": {Data: []byte("a{}")}, "css/console/b.css": {Data: []byte("b{ }")}})
	require.NoError(t, err)
	require.NotEqual(t, one.hash, two.hash)
}

// Relative addresses in style sheets must lead to files, and nothing may come
// from elsewhere or be written inline: the content security policy refuses it.
func TestStyleSheetsNeedNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	address := regexp.MustCompile(`url\("?([^")]+)"?\)`)
	for _, name := range []string{"css/console.css", "css/dark.css"} {
		f, _ := Lookup(URL(name))
		for _, m := range address.FindAllStringSubmatch(string(f.Bytes), -1) {
			_, ok := Lookup("x/" + path.Join(path.Dir(name), m[1]))
			require.True(t, ok, "%s: %s", name, m[1])
		}
		require.NotContains(t, string(f.Bytes), "@import")
	}
}

func TestScriptsEvaluateNothing(t *testing.T) {
	t.Parallel()
	f, _ := Lookup(URL("js/console.js"))
	require.NotRegexp(t, `\beval\(|new Function|innerHTML|outerHTML\s*=|insertAdjacentHTML|document\.write`, string(f.Bytes))
	require.NotContains(t, strings.ReplaceAll(string(f.Bytes), "http://www.w3.org/2000/svg", ""), "://", "an address elsewhere")
}

// The tokens that the dark theme leaves out are shared by both on purpose.
func TestDarkNamesOnlyKnownColours(t *testing.T) {
	t.Parallel()
	token := regexp.MustCompile(`(?m)(--[a-z0-9-]+):`)
	light, _ := Lookup(URL("css/console.css"))
	dark, _ := Lookup(URL("css/dark.css"))
	known := map[string]bool{}
	for _, m := range token.FindAllStringSubmatch(string(light.Bytes), -1) {
		known[m[1]] = true
	}
	for _, m := range token.FindAllStringSubmatch(string(dark.Bytes), -1) {
		require.True(t, known[m[1]], "%s is dark only", m[1])
	}
	for _, m := range regexp.MustCompile(`var\((--[a-z0-9-]+)`).FindAllStringSubmatch(string(light.Bytes), -1) {
		require.True(t, known[m[1]], "%s is used and never set", m[1])
	}
}

func TestVendoredFilesAreUntouched(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("vendor/VENDOR.md")
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(table), -1)
	require.Len(t, rows, 3)
	for _, row := range rows {
		b, err := os.ReadFile(path.Join("vendor", row[1]))
		require.NoError(t, err)
		require.Equal(t, row[2], sum(b), row[1])
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
