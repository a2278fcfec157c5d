package luax_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// world is a Lua state with the protected calls of a Guard in it.
type world struct {
	testing.TB
	l     *lua.LState
	guard *luax.Guard
}

// newWorld makes one whose stacks are small: an overflow is soon there.
func newWorld(t testing.TB) *world {
	l := lua.NewState(lua.Options{CallStackSize: 1200, RegistrySize: 1 << 10, RegistryMaxSize: 1 << 16, RegistryGrowStep: 1 << 10})
	t.Cleanup(l.Close)
	w := &world{t, l, luax.NewGuard(l)}
	w.function("pcall", w.guard.PCall)
	w.function("xpcall", w.guard.XPCall)
	return w
}

func (w *world) function(name string, f lua.LGFunction) { w.l.SetGlobal(name, w.l.NewFunction(f)) }

// run runs a chunk, protected with a traceback, and returns the text of its results.
func (w *world) run(source string) (string, *luax.Error) {
	w.Helper()
	fn, err := w.l.LoadString(source)
	if err != nil {
		w.Fatal(err)
	}
	top := w.l.GetTop()
	w.l.Push(fn)
	if err := w.guard.Call(w.l, 0, lua.MultRet, true); err != nil {
		if got := w.l.GetTop(); got != top {
			w.Errorf("after an error the stack's top is %d, want %d", got, top)
		}
		return "", err
	}
	var texts []string
	for i := top + 1; i <= w.l.GetTop(); i++ {
		texts = append(texts, luax.Text(w.l.Get(i)))
	}
	w.l.SetTop(top)
	return strings.Join(texts, " "), nil
}

// want checks a chunk's results.
func (w *world) want(want, source string) {
	w.Helper()
	got, err := w.run(source)
	if err != nil {
		w.Errorf("%s:\ngot the error %v\n%s", source, err, err.Traceback)
	} else if got != want {
		w.Errorf("%s:\ngot  %s\nwant %s", source, got, want)
	}
}

// fail checks the message of a chunk's error and returns the error.
func (w *world) fail(want, source string) *luax.Error {
	w.Helper()
	got, err := w.run(source)
	if err == nil {
		w.Fatalf("%s:\ngot %s, want the error %q", source, got, want)
	}
	if err.Error() != want {
		w.Errorf("%s:\ngot  %q\nwant %q", source, err, want)
	}
	return err
}

// upper finds the innermost Lua function in the library's own way.
func upper(l *lua.LState) (where string) {
	for level := 1; ; level++ {
		dbg, ok := l.GetStack(level)
		if !ok {
			return ""
		}
		if _, err := l.GetInfo("Sl", dbg, lua.LNil); err != nil {
			return err.Error()
		}
		if dbg.What != "G" {
			return fmt.Sprintf("%s:%d", dbg.Source, dbg.CurrentLine)
		}
	}
}

func TestWhereIsWhatTheLibrarySays(t *testing.T) {
	tests := []struct {
		name   string
		source string
		lines  string // of the calls of here
	}{
		{"the main chunk", "\nhere()\n\nhere(\n)", "2 4"},
		{"nested calls", "local function f()\nhere() end\nlocal function g()\nf() here()\nend\ng()", "2 4"},
		{"a tail call of Lua", "local function f()\nhere()\nreturn 1 end\nlocal function g()\nreturn f() end\ng()\nhere()", "2 7"},
		{"a tail call of Go", "local function f()\nreturn here() end\nlocal function g()\nreturn f()\nend\ng()", "2"},
		{"many tail calls", "local function f(n)\nif n == 0 then here() return end\nreturn f(n - 1) end\nf(100)", "2"},
		{"pcall of Lua", "pcall(function()\nhere() end)", "2"},
		{"pcall of Go", "\npcall(here)", "2"},
		{"pcall of pcall", "\n\npcall(pcall, pcall, here)", "3"},
		{"a call after a caught error", "pcall(error)\nhere()", "2"},
		{"an error handler in Lua", "xpcall(error, function()\nhere() end)", "2"},
		{"an error handler in Go", "xpcall(function()\nlocal x = nil + 1 end, here)", "2"},
		{"a coroutine", "coroutine.wrap(function()\nhere() coroutine.yield()\nhere() end)()", "2"},
		{"a coroutine that is nothing but Go", "\ncoroutine.wrap(here)()", "-"},
		{"a coroutine in a coroutine", "coroutine.wrap(function()\nlocal c = coroutine.wrap(function()\nhere() end)\nc() here() end)()", "3 4"},
		{"a resumed coroutine", "local c = coroutine.create(function()\nhere()\ncoroutine.yield()\nhere() end)\ncoroutine.resume(c)\nhere()\ncoroutine.resume(c)", "2 6 4"},
		{"__index", "local t = setmetatable({}, { __index = here })\nlocal x = t.x\nx = t[1]", "2 3"},
		{"__newindex", "local t = setmetatable({}, { __newindex = function()\nhere() end })\nt.x = 1", "2"},
		{"__add", "local t = setmetatable({}, { __add = here })\nlocal x = t + 1\nx = 1 + t", "2 3"},
		{"__lt", "local m = { __lt = here }\nlocal x = setmetatable({}, m) < setmetatable({}, m)", "2"},
		{"__eq", "local m = { __eq = here }\nlocal x = setmetatable({}, m) == setmetatable({}, m)", "2"},
		{"__concat", "local t = setmetatable({}, { __concat = here })\nlocal x = 'a' ..\nt", ""},
		{"__call", "local t = setmetatable({}, { __call = here })\nt()\nt(1, 2)", "2 3"},
		{"__tostring", "local t = setmetatable({}, { __tostring = function() here()\nreturn '' end })\ntostring(t)", "1"},
		{"an iterator", "for x in here do\nend", "1"},
		{"a vararg function", "local function f(...)\nlocal a, b = ...\nhere(...)\nreturn select('#', ...) end\nf() f(1) f(1, 2, 3, nil)", "3 3 3"},
		{"a vararg tail call", "local function f(...)\nreturn here(...) end\nf(1, nil, 3)", "2"},
		{"table.sort", "table.sort({ 3, 1, 2 }, function(a, b)\nhere() return a < b end)", ""},
		{"string.gsub", "string.gsub('ab', '.',\nhere)", ""},
		{"loadstring", "loadstring('\\n\\nhere()', 'chunk')()", "3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			var lines []string
			w.function("here", func(l *lua.LState) int {
				proto, pc := luax.Where(l)
				want := upper(l)
				if proto == nil {
					if want != "" || pc != 0 {
						t.Errorf("got nothing and %d, want %q", pc, want)
					}
					lines = append(lines, "-")
					return 0
				}
				line := luax.Line(proto, pc)
				if got := fmt.Sprintf("%s:%d", proto.SourceName, line); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				lines = append(lines, fmt.Sprint(line))
				return 0
			})
			if _, err := w.run(test.source); err != nil {
				t.Fatal(err)
			}
			if len(lines) == 0 {
				t.Error("never there")
			}
			if got := strings.Join(lines, " "); test.lines != "" && got != test.lines {
				t.Errorf("got the lines %s, want %s", got, test.lines)
			}
		})
	}
}

func TestWhereOutsideOfLuaIsNowhere(t *testing.T) {
	w := newWorld(t)
	if proto, pc := luax.Where(w.l); proto != nil || pc != 0 {
		t.Errorf("got %v %d, want nowhere", proto, pc)
	}
	w.l.Push(w.l.NewFunction(func(l *lua.LState) int {
		if proto, _ := luax.Where(l); proto != nil {
			t.Errorf("got %v, want nowhere", proto)
		}
		return 0
	}))
	if err := w.guard.Call(w.l, 0, 0, false); err != nil {
		t.Error(err)
	}
	proto := &lua.FunctionProto{DbgSourcePositions: []int{4, 5}}
	for pc, want := range map[int]int{-1: 0, 0: 0, 1: 4, 2: 5, 3: 0} {
		if got := luax.Line(proto, pc); got != want {
			t.Errorf("line of %d: got %d, want %d", pc, got, want)
		}
	}
}

func TestWhereAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	w.function("here", func(l *lua.LState) int {
		if n := testing.AllocsPerRun(100, func() { luax.Where(l) }); n != 0 {
			t.Errorf("got %v allocations, want none", n)
		}
		return 0
	})
	w.want("", "here()")
}

func TestSameStringComparesMemory(t *testing.T) {
	a := strings.Repeat("x", 3)
	b := strings.Repeat("x", 3)
	tests := []struct {
		a, b string
		want bool
	}{{a, a, true}, {a, b, false}, {a, a[:2], false}, {"", "", false}, {a[1:], a[1:], true}, {a[:2], a[1:], false}}
	for _, test := range tests {
		if got := luax.SameString(test.a, test.b); got != test.want {
			t.Errorf("%q %q: got %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestTypeName(t *testing.T) {
	w := newWorld(t)
	named := w.l.NewTable()
	named.RawSetString("__name", lua.LString("poe.Thing"))
	ud := w.l.NewUserData()
	ud.Metatable = named
	table := w.l.NewTable()
	table.Metatable = named
	odd := w.l.NewTable()
	odd.Metatable = w.l.NewTable()
	tests := []struct {
		v    lua.LValue
		want string
	}{
		{nil, "no value"}, {lua.LNil, "nil"}, {lua.LTrue, "boolean"}, {lua.LNumber(1), "number"}, {lua.LString(""), "string"},
		{w.l.NewTable(), "table"}, {w.l.NewUserData(), "userdata"}, {ud, "poe.Thing"}, {table, "poe.Thing"}, {odd, "table"},
		{w.l.NewFunction(func(*lua.LState) int { return 0 }), "function"}, {w.l, "thread"},
	}
	for _, test := range tests {
		if got := luax.TypeName(test.v); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestArguments(t *testing.T) {
	w := newWorld(t)
	kinds := map[string]func(a luax.Args) any{
		"string":   func(a luax.Args) any { return a.String(1) },
		"number":   func(a luax.Args) any { return a.Number(1) },
		"int":      func(a luax.Args) any { return a.Int(1) },
		"function": func(a luax.Args) any { return a.Function(1) != nil },
		"count":    func(a luax.Args) any { return fmt.Sprint(a.Count(), " ", a.Missing(1), " ", a.Missing(2)) },
		"rest":     func(a luax.Args) any { return fmt.Sprint(len(a.Rest(1)), " ", a.Rest(1) == nil, " ", a.Rest(1)) },
	}
	thing := w.l.NewTable()
	w.l.SetGlobal("thing", thing)
	for kind, f := range kinds {
		give := func(base int) lua.LGFunction {
			return func(l *lua.LState) int {
				l.Push(lua.LString(fmt.Sprint(f(luax.Args{L: l, Name: "take", Base: base}))))
				return 1
			}
		}
		thing.RawSetString(kind, w.l.NewFunction(give(1))) // after a colon
		w.function(kind, give(0))
	}
	tests := []struct{ call, want, fails string }{
		{"string('x')", "x", ""},
		{"string('')", "", ""},
		{"string('a\\0b')", "a\x00b", ""},
		{"string(1)", "", "string expected, got number"},
		{"string(nil)", "", "string expected, got nil"},
		{"string()", "", "string expected, got no value"},
		{"number(1.5)", "1.5", ""},
		{"number(1/0)", "+Inf", ""},
		{"number('1')", "", "number expected, got string"},
		{"number(0/0)", "", "number expected, got nan"},
		{"number({})", "", "number expected, got table"},
		{"int(3)", "3", ""},
		{"int(-9007199254740992)", "-9007199254740992", ""},
		{"int(1.5)", "", "whole number expected, got 1.5"},
		{"int(1/0)", "", "whole number expected, got +Inf"},
		{"int(1e300)", "", "whole number expected, got 1e+300"},
		{"int(0/0)", "", "number expected, got nan"},
		{"int(true)", "", "number expected, got boolean"},
		{"function_(print)", "true", ""},
		{"function_('print')", "", "function expected, got string"},
		{"count()", "0 true true", ""},
		{"count(nil)", "1 true true", ""},
		{"count(1, nil, nil)", "3 false true", ""},
		{"rest()", "0 true []", ""},
		{"rest(1)", "0 true []", ""},
		{"rest(1, nil, 'x', nil)", "3 false [nil x nil]", ""},
	}
	for _, test := range tests {
		call := strings.Replace(test.call, "function_(", "['function'](", 1)
		method := "thing" + call
		if !strings.HasPrefix(call, "[") {
			method = "thing:" + call
		} else {
			method = strings.Replace(method, "(", "(thing, ", 1)
			call = "_G" + call
		}
		for _, source := range []string{"return " + call, "return " + method} {
			if test.fails == "" {
				w.want(test.want, source)
			} else {
				w.fail("<string>:1: bad argument #1 to 'take' ("+test.fails+")", source)
			}
		}
	}
}

func TestFailureIsNilMessageAndErrno(t *testing.T) {
	w := newWorld(t)
	w.function("fail", func(l *lua.LState) int { return luax.Failure(l, errors.New("no luck")) })
	w.want("nil no luck 5", "return fail()")
	w.function("yes", func(l *lua.LState) int { return luax.True(l) })
	w.want("true", "return yes()")
}

// Container is the way from a table back to what it lies in.
func TestContainer(t *testing.T) {
	type holder struct {
		name  string
		table lua.LTable
	}
	h := &holder{name: "holder"}
	const offset = 16 // of table: behind a string
	if got := luax.Container[holder](&h.table, offset); got != h {
		t.Errorf("got %p, want %p", got, h)
	}
}
