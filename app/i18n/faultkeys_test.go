package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultKey is a fault as some line of the program makes it.
type faultKey struct {
	key  string
	args map[string]bool // names given at that place
	at   string
}

// TestEveryFaultHasATextInBothLanguages reads the whole program for the keys of
// faults, so that nobody can add one that people would see as a bare key.
func TestEveryFaultHasATextInBothLanguages(t *testing.T) {
	t.Parallel()
	keys := faultKeys(t, "../..")
	require.Greater(t, len(keys), 10, "the program makes faults; finding none means that this test looks in the wrong place")
	args := map[string]map[string]bool{}
	for _, k := range keys {
		for _, l := range Locales() {
			texts := catalogues()[l]
			for _, part := range []string{".what", ".do"} {
				if _, ok := texts["fault."+k.key+part]; !ok {
					t.Errorf("%s: fault %q has no text fault.%s%s in %s", k.at, k.key, k.key, part, l)
				}
			}
		}
		if args[k.key] == nil {
			args[k.key] = map[string]bool{}
		}
		for name := range k.args {
			args[k.key][name] = true
		}
	}
	for _, l := range Locales() {
		for key, text := range catalogues()[l] {
			name, ok := strings.CutPrefix(key, "fault.")
			if !ok {
				continue
			}
			name = strings.TrimSuffix(strings.TrimSuffix(name, ".what"), ".do")
			for _, form := range text {
				for _, p := range placeholders(form) {
					if known, made := args[name]; made && len(known) > 0 && !known[p] {
						t.Errorf("%s %s: {%s} is never given to this fault", l, key, p)
					}
				}
			}
		}
	}
}

// faultKeys finds the keys of the faults that the program below root makes:
// what stands as the key in fault.New and fault.Wrap (a literal, a constant of
// the package, an operation's name plus a literal), and every other literal of a
// package with faults that has the form of a key in a family that the catalogue
// knows, since keys are also chosen by a switch and passed on.
func faultKeys(t *testing.T, root string) []faultKey {
	t.Helper()
	dirs := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" || d.Name() == "vendor" || d.Name() == "gallery") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], path)
		}
		return nil
	})
	require.NoError(t, err)
	var keys []faultKey
	for _, files := range dirs {
		keys = append(keys, packageKeys(t, files)...)
	}
	return keys
}

func packageKeys(t *testing.T, files []string) []faultKey {
	t.Helper()
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range files {
		src, err := os.ReadFile(name)
		if os.IsNotExist(err) { // somebody moved it just now
			continue
		}
		require.NoError(t, err)
		f, err := parser.ParseFile(set, name, src, 0)
		if err != nil { // the compiler says it better
			continue
		}
		parsed = append(parsed, f)
	}
	p := pkg{set: set, constants: map[string]string{}, acts: map[ast.Expr]bool{}}
	for _, f := range parsed {
		collectConstants(f, p.constants)
		p.faults = p.faults || usesFault(f)
	}
	for _, f := range parsed {
		ast.Inspect(f, func(n ast.Node) bool {
			p.look(f.Name.Name, n)
			return true
		})
	}
	return p.keys
}

// pkg is one package under examination.
type pkg struct {
	set       *token.FileSet
	constants map[string]string
	faults    bool
	acts      map[ast.Expr]bool // literals that name an act for the audit, and no fault
	keys      []faultKey
}

// skipActs remembers "message.restart" and its like, which have the form of a
// key: they stand at Action: or are handed to something called audit. A parent is
// visited before its children.
func (p *pkg) skipActs(n ast.Node) {
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if field, ok := n.Key.(*ast.Ident); ok && field.Name == "Action" {
			p.acts[n.Value] = true
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && strings.EqualFold(f.Sel.Name, "audit") {
			for _, arg := range n.Args {
				p.acts[arg] = true
			}
		}
	}
}

func (p *pkg) add(key string, args map[string]bool, n ast.Node) {
	p.keys = append(p.keys, faultKey{key: key, args: args, at: p.set.Position(n.Pos()).String()})
}

func (p *pkg) look(name string, n ast.Node) {
	p.skipActs(n)
	switch n := n.(type) {
	case *ast.CallExpr:
		at := keyPosition(name, n.Fun)
		if at < 0 || at >= len(n.Args) {
			return
		}
		if key, ok := stringOf(n.Args[at], p.constants); ok {
			p.add(key, argNames(n.Args[at+1:], p.constants), n)
		}
		p.byOperation(n.Args[at])
	case *ast.KeyValueExpr: // entry{reason: "timeout"}: the last part of an operation's key
		if field, ok := n.Key.(*ast.Ident); ok && field.Name == "reason" {
			if s, ok := stringOf(n.Value, nil); ok && p.faults {
				p.everyOperation("."+s, n)
			}
		}
	case *ast.BasicLit:
		if s, ok := stringOf(n, nil); ok && p.faults && !p.acts[n] && ofKnownFamily(s) {
			p.add(s, nil, n)
		}
	}
}

// byOperation reads op + ".timeout", where op is any of the package's operations.
func (p *pkg) byOperation(e ast.Expr) {
	sum, ok := e.(*ast.BinaryExpr)
	if !ok {
		return
	}
	suffix, ok := stringOf(sum.Y, p.constants)
	if !ok {
		return
	}
	if op, ok := stringOf(sum.X, p.constants); ok {
		p.add(op+suffix, nil, sum)
		return
	}
	p.everyOperation(suffix, sum)
}

func (p *pkg) everyOperation(suffix string, n ast.Node) {
	for name, op := range p.constants {
		if strings.HasPrefix(name, "op") && !strings.Contains(op, ".") {
			p.add(op+suffix, nil, n)
		}
	}
}

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)

func ofKnownFamily(s string) bool {
	if !keyForm.MatchString(s) {
		return false
	}
	family, _, _ := strings.Cut(s, ".")
	return families()[family]
}

var families = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for key := range catalogues()[Default] {
		if rest, ok := strings.CutPrefix(key, "fault."); ok {
			if family, rest, _ := strings.Cut(rest, "."); rest != "what" && rest != "do" {
				out[family] = true
			}
		}
	}
	return out
})

// keyPosition is the index of the key among a call's arguments; -1 for a call
// that makes no fault.
func keyPosition(pkg string, fun ast.Expr) int {
	name := ""
	switch f := fun.(type) {
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); !ok || x.Name != "fault" {
			return -1
		}
		name = f.Sel.Name
	case *ast.Ident:
		if pkg != "fault" {
			return -1
		}
		name = f.Name
	}
	switch name {
	case "New":
		return 1
	case "Wrap":
		return 2
	}
	return -1
}

func collectConstants(f *ast.File, into map[string]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != len(spec.Values) {
			return true
		}
		for i, name := range spec.Names {
			if s, ok := stringOf(spec.Values[i], nil); ok {
				into[name.Name] = s
			}
		}
		return true
	})
}

func stringOf(e ast.Expr, constants map[string]string) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.Ident:
		s, ok := constants[e.Name]
		return s, ok
	}
	return "", false
}

func argNames(args []ast.Expr, constants map[string]string) map[string]bool {
	names := map[string]bool{}
	for i := 0; i < len(args); i += 2 {
		if s, ok := stringOf(args[i], constants); ok {
			names[s] = true
		}
	}
	return names
}

func usesFault(f *ast.File) bool {
	for _, i := range f.Imports {
		if strings.HasSuffix(i.Path.Value, `app/fault"`) {
			return true
		}
	}
	return false
}
