package view_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"koodesk/app/i18n"
)

// Handlers say things by key. A key that no catalogue knows would be seen by a
// person; here it is seen before.
func TestEveryTextThatHandlersSayIsThere(t *testing.T) {
	t.Parallel()
	found := 0
	for file, f := range sources(t, "..") {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !says(call.Fun) || len(call.Args) == 0 {
				return true
			}
			lit, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			key, err := strconv.Unquote(lit.Value)
			require.NoError(t, err)
			found++
			for _, l := range i18n.Locales() {
				if !i18n.For(l).Has(key) {
					t.Errorf("%s says %q, which is not in %s", file, key, l)
				}
			}
			return true
		})
	}
	require.Greater(t, found, 20)
}

// says tells whether a call is Say("…") or view.Say("…").
func says(fun ast.Expr) bool {
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name == "Say"
	case *ast.Ident:
		return f.Name == "Say"
	}
	return false
}

func sources(t *testing.T, root string) map[string]*ast.File {
	t.Helper()
	out := map[string]*ast.File{}
	err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err == nil { // the compiler complains better
			out[file] = f
		}
		return nil
	})
	require.NoError(t, err)
	return out
}

// The sprite holds the icons that are shown, and no others.
func TestIcons(t *testing.T) {
	t.Parallel()
	const top = "../../../"
	sprite, err := os.ReadFile(top + "static/icons.svg")
	require.NoError(t, err)
	var there, used []string
	for _, m := range regexp.MustCompile(`<symbol id="([^"]+)"`).FindAllStringSubmatch(string(sprite), -1) {
		there = append(there, m[1])
	}
	gather := func(folder, ext string, patterns ...string) {
		err := filepath.WalkDir(top+folder, func(file string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(file, ext) || strings.HasSuffix(file, "_test.go") {
				return err
			}
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for _, p := range patterns {
				for _, m := range regexp.MustCompile(p).FindAllStringSubmatch(string(b), -1) {
					used = append(used, m[1])
				}
			}
			return nil
		})
		require.NoError(t, err)
	}
	gather("views", ".html", `icon "([a-z-]+)"`, `"Icon" "([a-z-]+)"`)
	gather("app/web/view", ".go", `Icon: +"([a-z-]+)"`, `\{Room[A-Za-z]+, "[^"]+", "([a-z-]+)"`)
	gather("static/js", ".js", `icon\("([a-z-]+)"\)`, `(?:ok|bad|info): "([a-z-]+)"`)
	for _, name := range used {
		require.Contains(t, there, name, "an icon that is shown is not in the sprite")
	}
	for _, name := range there {
		assert.True(t, slices.Contains(used, name), "nothing shows the icon %s", name)
	}
}
