package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mayImport says which of our packages each package may import: dependencies go
// downwards only. A name ending in /... stands for everything below it. Tests
// and test packages are free.
var mayImport = map[string][]string{
	"config":                {},
	"migrations":            {},
	"views":                 {},
	"static":                {},
	"app/fault":             {},
	"app/seal":              {},
	"app/telemetry":         {},
	"app/redisconn":         {"app/fault"},
	"app/replay":            {},
	"app/market":            {"app/fault"},
	"app/staff":             {"app/fault"},
	"app/i18n":              {"app/fault"},
	"app/outbox":            {"app/market"},
	"app/conformance":       {}, // it holds app/protocol, so it must not know it
	"app/conformance/...":   {},
	"app/protocol/...":      {"app/market", "app/fault", "app/protocol/..."},
	"app/marketapi":         {"app/protocol/aksk", "app/market", "app/fault"},
	"app/webhook":           {"app/fault"},
	"app/event":             {"app/webhook", "app/store", "app/outbox", "app/market", "app/staff", "app/fault"},
	"app/store":             {"app/market", "app/staff", "app/outbox", "app/fault", "app/seal"},
	"app/intake":            {"app/event", "app/store", "app/outbox", "app/market", "app/staff", "app/fault", "app/protocol/..."},
	"app/provision":         {"app/event", "app/orderbook", "app/store", "app/outbox", "app/market", "app/staff", "app/fault"},
	"app/alert":             {"app/deliver", "app/webhook", "app/store", "app/outbox", "app/market", "app/staff", "app/fault", "app/i18n", "views"},
	"app/failures":          {"app/store", "app/staff", "app/fault"},
	"app/stuck":             {"app/intake", "app/store", "app/market", "app/staff", "app/fault"},
	"app/restart":           {"app/intake", "app/store", "app/outbox", "app/staff", "app/fault"},
	"app/retention":         {"app/store", "app/staff", "app/fault"},
	"app/reconcile":         {"app/store", "app/outbox", "app/market", "app/staff", "app/fault", "app/marketapi"},
	"app/provision/static":  {"app/provision", "app/store", "app/market", "app/fault"},
	"app/provision/manual":  {"app/provision", "app/store", "app/market", "app/fault"},
	"app/licensecode":       {"app/store", "app/outbox", "app/market", "app/staff", "app/fault", "app/marketapi"},
	"app/orderbook":         {"app/event", "app/store", "app/outbox", "app/market", "app/fault", "app/marketapi"},
	"app/provision/pool":    {"app/provision", "app/store", "app/staff", "app/market", "app/fault"},
	"app/provision/webhook": {"app/webhook", "app/event", "app/provision", "app/store", "app/market", "app/fault"},
	"app/deliver":           {"app/wording", "app/seal", "app/store", "app/outbox", "app/market", "app/staff", "app/fault", "app/i18n", "views"},
	"app/deliver/...":       {"app/deliver", "app/market", "app/fault", "app/protocol/...", "app/webhook"},
	"app/signin":            {"app/store", "app/staff", "app/fault", "app/i18n", "app/throttle"},
	"app/web/view":          {"app/i18n", "app/fault", "app/staff", "app/market", "views", "static"},
	"app/web/session":       {"app/signin", "app/store", "app/staff", "app/fault", "app/i18n"},
	"app/web/callback":      {"app/protocol/...", "app/intake", "app/market", "app/store", "app/fault", "app/replay", "app/telemetry"},
	"app/web/api":           {"app/retention", "app/event", "app/webhook", "app/alert", "app/wording", "app/channel", "app/intake", "app/failures", "app/restart", "app/stuck", "app/reconcile", "app/provision/pool", "app/licensecode", "app/license", "app/provision", "app/deliver", "app/signin", "app/store", "app/staff", "app/market", "app/outbox", "app/fault", "app/i18n", "app/web/session", "app/accesspage"},
	"app/web/console":       {"app/event", "app/webhook", "app/alert", "app/wording", "app/channel", "app/selfcheck", "app/selfcheck/desk", "app/intake", "app/failures", "app/restart", "app/stuck", "app/reconcile", "app/licensecode", "app/license", "app/provision", "app/provision/pool", "app/provision/static", "app/deliver", "app/signin", "app/store", "app/staff", "app/market", "app/outbox", "app/fault", "app/i18n", "app/web/session", "app/web/view", "app/accesspage"},
	"app/web":               {"app/web/...", "app/staff", "app/fault", "app/i18n", "static", "app/accesspage"},
	"app/simulator":         {"app/protocol/...", "app/market", "app/fault"},
	"app/selfcheck/desk":    {"app/selfcheck", "app/store", "app/market", "app/staff", "app/fault"},
	"app/selfcheck":         {"app/simulator", "app/conformance", "app/protocol/crypt", "app/market", "app/fault", "app/i18n"}, // an outside party, like the simulator
	"app/throttle":          {},
	"app/accesspage":        {"app/store", "app/market", "app/staff", "app/fault", "app/seal"},
	"app/web/buyer":         {"app/accesspage", "app/deliver", "app/throttle", "app/staff", "app/fault", "app/i18n", "app/web/session", "app/web/view"},
	"app/web/receipts":      {"app/deliver", "app/seal", "app/throttle", "app/staff", "app/fault", "app/web/session"},
	"jobs": {"app/intake", "app/provision", "app/deliver", "app/outbox", "app/store", "app/fault", "app/telemetry",
		"app/redisconn"},
	"app": {"..."},

	"app/wording":           {"app/fault"},
	"app/license":           {"app/store", "app/outbox", "app/market", "app/staff", "app/fault", "app/marketapi"},
	"app/license/...":       {"app/license", "app/event", "app/store", "app/market", "app/fault", "app/webhook"},
	"app/channel":           {"app/store", "app/market", "app/marketapi", "app/staff", "app/fault"},
	"app/provision/nothing": {"app/provision", "app/store", "app/market", "app/fault"},

	"app/deliver/email/bounce": {"app/deliver/email", "app/deliver", "app/fault"},
}

// fences keep third parties in their rooms.
var fences = map[string][]string{
	"github.com/gofiber/fiber":    {"app/web", "app/web/..."},
	"github.com/valyala/fasthttp": {"app/web", "app/web/..."},
	"github.com/hibiken/asynq":    {"jobs"},
	"github.com/jmoiron/sqlx":     {"app/store", "migrations"},
	"github.com/lib/pq":           {"app/store", "migrations"},
	"github.com/pressly/goose":    {"migrations"},
	"github.com/chromedp":         {},
	"go.yaml.in/yaml":             {"app/conformance"},
	"github.com/stretchr/testify": {},
}

// readsEnvironment are the only packages that may look at the environment.
var readsEnvironment = []string{"config"}

var looksAtEnvironment = map[string]bool{"Getenv": true, "LookupEnv": true, "Environ": true, "ExpandEnv": true, "Setenv": true}

func TestImportsGoDownwardsOnly(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	require.NoError(t, filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && file != ".." && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(file), "../"))
		if testOnly(pkg) || strings.HasPrefix(pkg, "scripts") || strings.HasPrefix(pkg, "examples") {
			return nil
		}
		seen[pkg] = true
		check(t, file, pkg)
		return nil
	}))
	require.True(t, seen["app/store"] && seen["jobs"], "the walk found the packages")
}

// testOnly packages serve tests and are free to import what they need.
func testOnly(pkg string) bool {
	base := path.Base(pkg)
	return strings.HasSuffix(base, "test") && base != "test" || base == "gallery"
}

func check(t *testing.T, file, pkg string) {
	t.Helper()
	allowed, ok := rule(pkg)
	if !ok {
		t.Errorf("%s: package %s has no line in the table of what it may import", file, pkg)
		return
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	if !slices.Contains(readsEnvironment, pkg) {
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && looksAtEnvironment[sel.Sel.Name] {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "os" {
					t.Errorf("%s: %s must not look at the environment by itself", file, pkg)
				}
			}
			return true
		})
	}
	for _, im := range f.Imports {
		target, err := strconv.Unquote(im.Path.Value)
		require.NoError(t, err)
		if ours, ok := strings.CutPrefix(target, "koodesk/"); ok {
			if !matches(allowed, ours) {
				t.Errorf("%s: %s must not import %s", file, pkg, ours)
			}
			if testOnly(ours) {
				t.Errorf("%s: %s imports %s, which is for tests", file, pkg, ours)
			}
			continue
		}
		for fence, inside := range fences {
			if strings.HasPrefix(target, fence) && !matches(inside, pkg) {
				t.Errorf("%s: %s belongs in %v", file, target, inside)
			}
		}
	}
}

func rule(pkg string) ([]string, bool) {
	if r, ok := mayImport[pkg]; ok {
		return r, true
	}
	for name, r := range mayImport {
		if below, ok := strings.CutSuffix(name, "/..."); ok && strings.HasPrefix(pkg, below+"/") {
			return r, true
		}
	}
	return nil, false
}

func matches(patterns []string, pkg string) bool {
	for _, p := range patterns {
		below, wild := strings.CutSuffix(p, "...")
		if p == pkg || wild && strings.HasPrefix(pkg+"/", below) {
			return true
		}
	}
	return false
}
