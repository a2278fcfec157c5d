package tests

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/runtime"
)

// Why a part of a test file is left out: the words of help/lua.txt that say it.
const (
	argTable     = "gets no table arg"
	codeDump     = "string.dump raises"
	collector    = "the collector is Go's"
	debugHooks   = "no debug.sethook"
	handlerError = "the result is what its handler raises"
	loopNumbers  = "must be numbers, not numerals in strings"
	luckySyntax  = "The compiler accepts more than Lua's"
	parserLimits = "other limits"
	registryGone = "no debug.getregistry"
	syntaxErrors = "Most syntax errors say less"
	tracePlaces  = "tracebacks look different"
	vmErrors     = "says in its own words what went wrong"
	weakTables   = "no __gc and no weak tables"
)

// Other reasons, which are not of poelua's making.
const (
	likeLua51 = "Lua 5.1 has it otherwise, and so has poelua"
	wrongTest = "lua5.1 fails here as well"
	tooLarge  = "the test itself needs gigabytes"
	leftOut   = "gopher-lua has made a comment of it, which is undone"
)

var pucReasons = []string{
	argTable, codeDump, collector, debugHooks, handlerError, loopNumbers, luckySyntax, parserLimits, registryGone, syntaxErrors, tracePlaces,
	vmErrors, weakTables,
}

// pucEdit changes a part of a test file.
type pucEdit struct {
	from, to string // the part begins with from, which is found once, and ends with the next to; "" it is from alone
	with     string // stands in its place; lines are kept
	reason   string // leftOut: the part's lines are comments that become code
}

// pucFile is a test file that gopher-lua's module has.
type pucFile struct {
	name  string
	chunk string // runs the file; "" it just runs
	skip  string // why it is not run
	edits []pucEdit
}

var pucFiles = []pucFile{
	{name: "_lua5.1-tests/attrib.lua", chunk: `assert(dofile("attrib.lua") == 27)`, edits: []pucEdit{
		{from: "-- local fname =", to: "-- end\n", reason: leftOut},
		{from: "-- do\n--   local a,i,j,b", to: "-- end\n", reason: leftOut},
		{from: "-- f, err, when =", to: "\"absent\"))\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/calls.lua", chunk: `assert(dofile("calls.lua") == deep and deep)`, edits: []pucEdit{
		{from: "-- a, b = load(function ()", to: "\"hhi\"))\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/closure.lua"},
	{name: "_lua5.1-tests/constructs.lua"},
	{name: "_lua5.1-tests/db.lua", edits: []pucEdit{
		{from: `debug.sethook(f,"l"); loadstring(s)(); debug.sethook()`, to: "table.getn(l) == 0)", with: "loadstring(s)()", reason: debugHooks},
		{from: "a = {}; L = nil\n", to: "and not a[print])\n", reason: debugHooks},
		{from: "debug.sethook(nil);\nassert(debug.gethook() == nil)", reason: debugHooks},
		{from: "debug.sethook(function (e)\n  assert(e == \"call\")", to: "assert(debug.gethook() == nil)", reason: debugHooks},
		{from: "-- testing count hooks\n", to: "debug.sethook()\n", reason: debugHooks},
		{from: "local b = {}\ndebug.sethook(", to: "table.remove(b, 1)) end", reason: debugHooks},
		{from: `"db.lua", "tail", "tail", "tail"}`, with: `"db.lua", "tail"}`, reason: tracePlaces},
		{from: "debug.sethook(co, foo, \"l\")", reason: debugHooks},
		{from: "assert(debug.gethook(co) == foo)\nassert(table.getn(tr) == 2", to: "l.currentline)", reason: debugHooks},
		{from: "assert(table.getn(tr) == 4", to: "assert(debug.gethook() == nil)", reason: debugHooks},
		{from: `debug.sethook(function () end, "l")`, reason: debugHooks},
		{from: "assert(type(debug.getregistry()) == \"table\")", reason: registryGone},
	}},
	{name: "_lua5.1-tests/errors.lua", edits: []pucEdit{
		{from: "assert(doit\";\")\nassert(doit\"a=1;;\")\nassert(doit\"return;;\")", reason: luckySyntax},
		{from: "assert(doit\"a=math.sin\\n(3)\")", reason: luckySyntax},
		{from: "checkmessage([[x = print .. \"a\"]], \"concatenate\")", reason: vmErrors},
		{from: "checkmessage(\"getmetatable(io.stdin).__gc()\", \"no value\")", reason: weakTables},
		{from: `assert(lineerror"\n\n for k,v in \n 3`, to: "== 4)", reason: vmErrors},
		{from: "local i=1\nwhile stack[i] ~= l1 do", to: "assert(i > 15)", reason: tracePlaces},
		{from: "assert(not res and type(msg) == 'string')", reason: handlerError},
		{from: "local function testrep (init, rep)", to: "testrep(\"a=\", \"a^\")", reason: parserLimits},
		{from: "assert(string.find(b, \"line 3\"))", reason: parserLimits},
		{from: "assert(string.find(b, \"line 2\"))", reason: parserLimits},
		{from: "checksyntax(\"[[a]]\"", to: "[[a]]\", 1)", reason: syntaxErrors},
		{from: "checksyntax(\"'aa'\"", to: "1)", reason: syntaxErrors},
		{from: "checksyntax(\"\\255a = 1\"", to: "1)", reason: syntaxErrors},
		{from: "checkmessage(\"a=1; bbbb=2;", to: "\"global 'insert'\")", reason: vmErrors},
	}},
	{name: "_lua5.1-tests/events.lua", chunk: `assert(dofile("events.lua") == 12)`, edits: []pucEdit{
		{from: "--[[\n-- testing proxies", to: "--]]\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/files.lua", edits: []pucEdit{
		{from: "-- assert(os.setlocale('C', 'all'))", reason: leftOut},
		{from: "  fr:close()\n  -- f = assert(", with: "  f = assert(", reason: leftOut},
		{from: "  -- assert(f:setvbuf(\"line\"))", to: "fr:close()\n", reason: leftOut},
		{from: "-- T = os.date(\"*t\", t)", to: "-- \n", reason: leftOut},
		{from: "-- assert(os.time(T) == t)", reason: leftOut},
		{from: "-- loadstring(os.date([[!assert", to: "t))()\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/literals.lua"},
	{name: "_lua5.1-tests/locals.lua", chunk: `assert(dofile("locals.lua") == 5)`},
	{name: "_lua5.1-tests/math.lua", edits: []pucEdit{
		{from: `assert(tonumber('\n  -10  \n', 36) == -36)`, reason: wrongTest},
		{from: "assert(tonumber('-fFfa', 16) == -(10", reason: wrongTest, to: "\n"},
		{from: "assert(tonumber('-fffffFFFFF', 16)-1 == -2^40)", reason: wrongTest},
	}},
	{name: "_lua5.1-tests/nextvar.lua", edits: []pucEdit{
		{from: `for i="10","1","-2" do a=a+1 end; assert(a==5)`, reason: loopNumbers},
	}},
	{name: "_lua5.1-tests/pm.lua", edits: []pucEdit{
		{from: "-- assert(strset('[a-]')", to: "\n", reason: leftOut},
		{from: "-- assert(strset('[]%%]')", to: "\n", reason: leftOut},
		{from: "-- assert(string.gsub(\"aaa aa a aaa a\", \"%f", to: "-- assert(table.getn(a) == 0)\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/sort.lua", edits: []pucEdit{
		{from: "          -- loadstring(string.format(\"a[%q]", to: "collectgarbage()\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/strings.lua", edits: []pucEdit{
		{from: "-- assert(string.format('%q%s'", to: "\\0\")\n", reason: leftOut},
		{from: "-- assert(loadstring(\"return 1\\n--", to: "\n", reason: leftOut},
		{from: "-- os.setlocale(\"C\")", to: "== 'C')\n\n", reason: leftOut},
	}},
	{name: "_lua5.1-tests/vararg.lua", edits: []pucEdit{
		{from: "function f(a, ...)\n", with: "function f(a, ...) local arg = {n = select('#', ...), ...}\n", reason: argTable},
		{from: "(...) return arg end", with: "(...) return {n = select('#', ...), ...} end", reason: argTable},
		{from: "--[[\nlocal a = vararg(", to: "--]]\n", reason: leftOut},
		{from: "t:f (...) ", with: "t:f (...) local arg = {n = select('#', ...), ...}; ", reason: argTable},
	}},
	{name: "_lua5.1-tests/big.lua", chunk: `
		local f = coroutine.wrap(assert(loadfile("big.lua")))
		assert(f() == "b")
		assert(f() == "a")`, edits: []pucEdit{
		{from: "local longs =", to: "\"overflow\"))\n", reason: tooLarge},
	}},
	{name: "_lua5.1-tests/verybig.lua", chunk: `assert(dofile("verybig.lua") == 10)`},
	{name: "_lua5.1-tests/gc.lua", edits: []pucEdit{
		{from: "local function dosteps (siz)", to: "until gcinfo() < 1000\nend\n", reason: collector},
		{from: "print('weak tables')", to: "assert(not pcall(collectgarbage))", reason: weakTables},
	}},
	{name: "_glua-tests/base.lua"},
	{name: "_glua-tests/coroutine.lua", edits: []pucEdit{
		{from: "can not resume a running thread", with: "cannot resume running coroutine", reason: likeLua51},
		{from: "can not resume a dead thread", with: "cannot resume dead coroutine", reason: likeLua51},
	}},
	{name: "_glua-tests/db.lua", edits: []pucEdit{
		{from: `assert(debug.getinfo(1, "a") == nil)`, with: `assert(not pcall(debug.getinfo, 1, "a"))`, reason: likeLua51},
	}},
	{name: "_glua-tests/goto.lua"},
	{name: "_glua-tests/issues.lua", edits: []pucEdit{
		{from: "local ok, result = xpcall(level1, function(err)\n  return debug.traceback(\"msg\", 10)", to: "-- issue 81\n", reason: tracePlaces},
		{from: "ecode == 1", with: "ecode == 21", reason: likeLua51},
		{from: "bad argument #1 to pcall", with: "bad argument #1 to 'pcall'", reason: likeLua51},
	}},
	{name: "_glua-tests/math.lua", edits: []pucEdit{
		{from: "math.max()\nend)\nassert(not ok and string.find(msg, \"wrong number of arguments\"))",
			with: "math.max()\nend)\nassert(not ok and string.find(msg, \"got no value\"))", reason: likeLua51},
		{from: "math.min()\nend)\nassert(not ok and string.find(msg, \"wrong number of arguments\"))",
			with: "math.min()\nend)\nassert(not ok and string.find(msg, \"got no value\"))", reason: likeLua51},
	}},
	{name: "_glua-tests/os.lua", edits: []pucEdit{
		{from: `os.execute("date -a") == 1`, with: `os.execute("exit 1") == 256`, reason: likeLua51},
		{from: `assert(os.setenv(`, to: `== "1")`, reason: likeLua51},
	}},
	{name: "_glua-tests/strings.lua", edits: []pucEdit{
		{from: "hello hello %c world world %c", with: "hello hello c world world c", reason: likeLua51},
		{from: "GopherLua does not support the string.dump", with: "dump", reason: codeDump},
	}},
	{name: "_glua-tests/table.lua"},
	{name: "_glua-tests/vm.lua"},
	{name: "_lua5.1-tests/all.lua", skip: "it runs the others, as this test does"},
	{name: "_lua5.1-tests/main.lua", skip: "it tests the command lua"},
	{name: "_lua5.1-tests/api.lua", skip: "needs the C API"},
	{name: "_lua5.1-tests/code.lua", skip: "needs the C API"},
	{name: "_lua5.1-tests/checktable.lua", skip: "others require it"},
}

// TestPUC runs the test files of Lua 5.1 and of gopher-lua that come with gopher-lua's module, each in a runtime of its own.
func TestPUC(t *testing.T) {
	module := moduleDir(t)
	listed := map[string]bool{}
	for _, f := range pucFiles {
		listed[f.name] = true
		t.Run(f.name, func(t *testing.T) {
			if f.skip != "" {
				t.Skip(f.skip)
			}
			f.run(t, module)
		})
	}
	for _, dir := range []string{"_lua5.1-tests", "_glua-tests"} {
		paths, err := filepath.Glob(filepath.Join(module, dir, "*.lua"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if name := dir + "/" + filepath.Base(path); !listed[name] {
				t.Errorf("%s is not run", name)
			}
		}
	}
}

// TestPUCHelpTellsWhatIsLeftOut holds the reasons of the edits to what users are told.
func TestPUCHelpTellsWhatIsLeftOut(t *testing.T) {
	help, err := os.ReadFile("../cmd/poelua/help/lua.txt")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(help)), " ")
	for _, reason := range pucReasons {
		if !strings.Contains(text, reason) {
			t.Errorf("help/lua.txt does not say %q", reason)
		}
	}
}

// moduleDir is the directory of gopher-lua's module.
func moduleDir(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yuin/gopher-lua").Output()
	if err != nil {
		t.Skipf("go list: %v", err)
	}
	dir := strings.TrimSpace(string(out))
	if _, err := os.Stat(filepath.Join(dir, "_lua5.1-tests")); err != nil {
		t.Skip(err)
	}
	return dir
}

func (f pucFile) run(t *testing.T, module string) {
	source, err := os.ReadFile(filepath.Join(module, f.name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(source)
	for _, e := range f.edits {
		if text, err = e.apply(text); err != nil {
			t.Fatal(err)
		}
	}
	checktable, err := os.ReadFile(filepath.Join(module, "_lua5.1-tests/checktable.lua"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("libs/P1", 0o777); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(f.name)
	for name, content := range map[string]string{name: text, "checktable.lua": string(checktable)} {
		if err := os.WriteFile(name, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}

	var out output
	done := make(chan error, 1)
	go func() { done <- runPUC(name, f.chunk, &out) }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("%v%s", err, out.report()) // the report has a traceback
		}
	case <-time.After(2 * watchdog): // its goroutine is lost
		t.Fatalf("not finished after %v%s", 2*watchdog, out.report())
	}
}

// runPUC runs a file, by a chunk if there is one, in a new runtime. A panic comes back as an error.
func runPUC(name, chunk string, out *output) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	rt, err := runtime.New(runtime.Options{
		Stdin: strings.NewReader(""), Stdout: out, Stderr: out, NoInterrupt: true, Clock: "real",
	})
	if err != nil {
		return err
	}
	defer rt.Close()
	if chunk == "" {
		err = rt.DoFile(name)
	} else {
		err = rt.DoString("puc", chunk)
	}
	if err != nil {
		rt.Report(err)
	}
	return err
}

// apply makes the edit. What is not found exactly once is an error.
func (e pucEdit) apply(text string) (string, error) {
	if n := strings.Count(text, e.from); n != 1 {
		return "", fmt.Errorf("%q is there %d times, want 1", e.from, n)
	}
	before, rest, _ := strings.Cut(text, e.from)
	inner, after, found := strings.Cut(rest, e.to)
	if !found {
		return "", fmt.Errorf("after %q there is no %q", e.from, e.to)
	}
	part := e.from + inner + e.to
	with := e.with
	if e.reason == leftOut && with == "" {
		with = uncomment(part)
	}
	return before + with + strings.Repeat("\n", max(0, strings.Count(part, "\n")-strings.Count(with, "\n"))) + after, nil
}

// uncomment makes code of a comment, whether it is one comment in brackets or one on each line.
func uncomment(text string) string {
	if body, ok := strings.CutPrefix(text, "--[["); ok {
		return strings.Replace(body, "--]]", "", 1)
	}
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		lines[i] = strings.Replace(line, "--", "  ", 1)
	}
	return strings.Join(lines, "")
}
