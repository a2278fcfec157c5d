package tests

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module    = "github.com/poelua/poelua"
	gopherLua = "github.com/yuin/gopher-lua"
	xsys      = "golang.org/x/sys"
	readline  = "github.com/chzyer/readline"
	pprof     = "github.com/google/pprof"
)

// layer is what one package may import.
type layer struct {
	pkg    string
	own    []string // packages of this module
	others []string // modules
}

// layers says what each package of the module may import of the others and of other modules; the standard library is
// free. The highest come first and imports point down: a package may name only those on later lines. A new package adds
// its line. Files of all systems count; tests do not, they may look from anywhere.
var layers = []layer{
	{"cmd/poelua", []string{"runtime", "runtime/check", "runtime/console", "runtime/repl", "kernel", "kernel/host"}, []string{readline}},
	{"tests", nil, nil},
	{"runtime/console", []string{"runtime", "runtime/repl", "kernel", "kernel/host"}, nil},
	{"runtime", []string{"runtime/profile", "runtime/repl", "bindings", "bindings/interp", "bindings/luax", "filters", "kernel", "kernel/host", "kernel/poll", "scripts"}, []string{gopherLua}},
	{"runtime/profile", []string{"bindings/luax", "kernel"}, []string{gopherLua, pprof}},
	{"runtime/repl", []string{"bindings", "bindings/interp", "bindings/luax", "kernel"}, []string{gopherLua}},
	{"runtime/check", nil, []string{gopherLua}},
	{"bindings", []string{"bindings/luax", "wheels", "wheels/handle", "filters", "kernel", "kernel/host"}, []string{gopherLua, xsys}},
	{"bindings/interp", []string{"bindings/interp/pattern", "bindings/luax", "kernel/host"}, []string{gopherLua}},
	{"bindings/interp/pattern", nil, nil},
	{"bindings/luax", nil, []string{gopherLua}},
	{"scripts", nil, nil},
	{"wheels", []string{"wheels/handle", "filters", "kernel", "kernel/host"}, nil},
	{"wheels/handle", []string{"kernel", "kernel/host"}, nil},
	{"filters/filtertest", []string{"filters"}, nil},
	{"filters", nil, nil},
	{"kernel/kerneltest", []string{"kernel", "kernel/poll"}, nil},
	{"kernel", []string{"kernel/poll"}, nil},
	{"kernel/poll/polltest", []string{"kernel/poll"}, []string{xsys}},
	{"kernel/poll", nil, []string{xsys}},
	{"kernel/host", nil, []string{xsys}},
}

func TestImportsPointDown(t *testing.T) {
	imports := moduleImports(t)
	for i, l := range layers {
		for _, own := range l.own {
			if !slices.ContainsFunc(layers[i+1:], func(l layer) bool { return l.pkg == own }) {
				t.Errorf("the table lets %s import %s, which has no line below it", l.pkg, own)
			}
		}
		for imported, file := range imports[l.pkg] {
			if own, ok := strings.CutPrefix(imported, module+"/"); ok {
				if !slices.Contains(l.own, own) {
					t.Errorf("%s imports %s, which %s may not", file, own, l.pkg)
				}
			} else if !slices.ContainsFunc(l.others, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") }) {
				t.Errorf("%s imports %s, which %s may not", file, imported, l.pkg)
			}
		}
	}
	for pkg := range imports {
		if !slices.ContainsFunc(layers, func(l layer) bool { return l.pkg == pkg }) {
			t.Errorf("the package %s has no line in the table", pkg)
		}
	}
}

// The kernel carries values and does not look into them: Lua is known to its bindings and to the runtime alone.
func TestOnlyBindingsAndRuntimeKnowLua(t *testing.T) {
	for _, l := range layers {
		top, _, _ := strings.Cut(l.pkg, "/")
		if slices.Contains(l.others, gopherLua) && top != "bindings" && top != "runtime" {
			t.Errorf("the table lets %s import %s", l.pkg, gopherLua)
		}
	}
}

// moduleImports gives, for each package of the module, what it imports from outside the standard library and a file that
// does.
func moduleImports(t *testing.T) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		pkg := path.Dir(name)
		if all[pkg] == nil {
			all[pkg] = map[string]string{}
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
				all[pkg][imported] = name
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
