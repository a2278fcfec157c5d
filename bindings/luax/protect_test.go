package luax_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/bindings/luax"
)

// After each caught error, a local variable and the functions that share it must still be one.
func TestCaughtErrorsLeaveUpvaluesShared(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"error in Go", `
			local n = 0
			local function inc() n = n + 1 end
			pcall(error, "x")
			inc() n = n + 1 inc()
			return n`, "3"},
		{"error in Lua", `
			local n = 0
			local function inc() n = n + 1 end
			pcall(function() n = n + 1 error("x") end)
			inc()
			return n`, "2"},
		{"a fault of the machine", `
			local n = 0
			local function inc() n = n + 1 end
			pcall(function() local x = nil; x.y = 1 end)
			inc()
			return n`, "1"},
		{"a deep error", `
			local n = 0
			local function inc() n = n + 1 end
			local function deep(i) local j = i; local f = function() return j end; if i == 0 then error(f) end deep(i - 1) return f end
			local _, f = pcall(deep, 50)
			inc()
			return n, f()`, "1 0"},
		{"xpcall", `
			local n = 0
			local function inc() n = n + 1 end
			xpcall(function() error("x") end, function() n = n + 10 inc() end)
			inc()
			return n`, "12"},
		{"nested", `
			local n = 0
			local function inc() n = n + 1 end
			pcall(function()
			  local m = 0
			  local function both() m = m + 1 inc() end
			  pcall(function() both() error("x") end)
			  both() m = m + 1
			  n = n + m * 100
			  error("y")
			end)
			inc()
			return n`, "303"},
		{"in a coroutine", `
			local n = 0
			local function inc() n = n + 1 end
			local co = coroutine.create(function()
			  local m = 0
			  local function both() m = m + 1 inc() end
			  pcall(error, "x")
			  both()
			  coroutine.yield()
			  pcall(function() both() error("x") end)
			  both()
			  n = n + m * 100
			end)
			coroutine.resume(co) inc() coroutine.resume(co) inc()
			return n`, "305"},
		{"of a coroutine that fails", `
			local n = 0
			local function inc() n = n + 1 end
			local co = coroutine.create(function() local m = 5; local get = function() return m end; inc() error(get) end)
			local ok, get = coroutine.resume(co)
			inc()
			return n, ok, get()`, "2 false 5"},
		{"of a wrapped coroutine that fails", `
			local n = 0
			local function inc() n = n + 1 end
			local ok, e = pcall(coroutine.wrap(function() inc() error("x", 0) end))
			inc()
			return n, ok, e`, "2 false x"},
		{"a wrapped coroutine that fails in a called function", `
			local n = 0
			local function inc() n = n + 1 end
			local ok, e = pcall(function() local m = 1; local f = function() m = m + 1 inc() end; f(); coroutine.wrap(function() f() error("x", 0) end)() end)
			inc() n = n + 1
			return n, ok, e`, "4 false x"},
		{"in a metamethod", `
			local n = 0
			local t = setmetatable({}, { __index = function(_, k) n = n + 1 error(k, 0) end, __add = function() n = n + 1 pcall(error) n = n + 1 return n end })
			local ok, e = pcall(function() return t.key end)
			n = n + 1
			return t + 1, n, ok, e`, "4 4 false key"},
		{"in a sort", `
			local n = 0
			local function inc() n = n + 1 end
			local ok, e = pcall(table.sort, { 3, 1, 2 }, function(a, b) inc() error("x", 0) end)
			inc()
			return n, ok, e`, "2 false x"},
		{"in an iterator", `
			local n = 0
			local function inc() n = n + 1 end
			local function all() local i = 0 return function() i = i + 1 inc() if i == 3 then error("x", 0) end return i end end
			local sum = 0
			local ok, e = pcall(function() for i in all() do sum = sum + i end end)
			inc()
			return n, sum, ok, e`, "4 3 false x"},
		{"loop variables", `
			local fs = {}
			for i = 1, 3 do
			  local j = i
			  fs[i] = function() j = j + 1 return i + j end
			  pcall(error)
			  j = j + 10
			end
			return fs[1](), fs[1](), fs[2](), fs[3]()`, "13 14 15 17"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { newWorld(t).want(test.want, test.source) })
	}
}

// The same when the error function fails: in Lua, in Go, or because there is no room to call it.
func TestErrorsInErrorHandlersLeaveUpvaluesShared(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"an error in the handler", `
			local n = 0
			local function inc() n = n + 1 end
			xpcall(function() error("x") end, function() inc() error("y") end)
			inc()
			return n`, "2"},
		{"an error in the handler, in Go", `
			local n = 0
			local function inc() n = n + 1 end
			xpcall(function() error("x") end, error)
			inc()
			return n`, "1"},
		{"stack overflow", `
			local n = 0
			local function inc() n = n + 1 end
			local function deep(n) return 1 + deep(n + 1) end
			pcall(deep, 1)
			inc()
			return n`, "1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { newWorld(t).want(test.want, test.source) })
	}
}

// Functions that got out of a failed call keep the values they saw, though their registers are used again.
func TestUpvaluesOfFailedCallsAreClosed(t *testing.T) {
	const reuse = `
		local function reuse(n) local a, b, c, d, e, f = "a", "b", "c", "d", "e", "f" if n > 0 then reuse(n - 1) end return a, b, c, d, e, f end
		reuse(100)
	`
	tests := []struct{ name, source, want string }{
		{"one call", `local get, set
			pcall(function() local x, y = 1, 2; get = function() return x, y end; set = function(v) x = v end; error() end)` + reuse + `
			set(7)
			return get()`, "7 2"},
		{"many calls", `local gets = {}
			local function deep(n) local x = n * 10; gets[n] = function() x = x + 1 return x end; if n == 20 then error() end; deep(n + 1) return x end
			pcall(deep, 1)` + reuse + `
			gets[1]()
			return gets[1](), gets[10](), gets[20]()`, "12 101 201"},
		{"arguments", `local get
			pcall(function(a, ...) local b = select(2, ...); get = function() return a, b end; error() end, "A", "B", "C")` + reuse + `
			return get()`, "A C"},
		{"shared by two", `local inc, get
			pcall(function() local x = 0; inc = function() x = x + 1 end; get = function() return x end; error() end)` + reuse + `
			inc() inc()
			return get()`, "2"},
		{"of a call that an error handler sees", `local get
			xpcall(function() local x = 1; get = function() return x end; error() end, function() local y = "handler's" get() return y end)` + reuse + `
			return get()`, "1"},
		{"when the handler fails", `local get, late
			xpcall(function() local x = 1; get = function() return x end; error() end, function() local y = 2; late = function() return y end; error() end)` + reuse + `
			return get(), late()`, "1 2"},
		{"when the handler fails in Go", `local get
			xpcall(function() local x = 1; get = function() return x end; error() end, error)` + reuse + `
			return get()`, "1"},
		{"nested, both fail", `local a, b
			pcall(function() local x = 1; a = function() x = x + 1 return x end
			  pcall(function() local y = 10; b = function() y = y + x return y end; error() end)
			  a()
			  error()
			end)` + reuse + `
			return a(), b()`, "3 13"},
		{"stack overflow", `local gets = {}
			local function deep(n) local x = n; if n <= 100 then gets[n] = function() x = x + 1 return x end end; return 1 + deep(n + 1) end
			local ok = pcall(deep, 1)` + reuse + `
			return ok, gets[1](), gets[50](), gets[100]()`, "false 2 51 101"},
		{"in a coroutine that fails", `local get
			local co = coroutine.create(function() local x = 1; get = function() return x end; error() end)
			coroutine.resume(co)` + reuse + `
			return get()`, "1"},
		{"in a pcall in a coroutine", `local get
			local co = coroutine.wrap(function()
			  pcall(function() local x = 1; get = function() return x end; error() end)` + reuse + `
			  coroutine.yield(get())
			  return get()
			end)
			return co(), co()`, "1 1"},
		{"a coroutine wrapped in a failed call", `local get, inner
			pcall(function() local x = 1; get = function() return x end
			  coroutine.wrap(function() local y = 2; inner = function() return x + y end; error() end)() end)` + reuse + `
			return get(), inner()`, "1 3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { newWorld(t).want(test.want, test.source) })
	}
}

func TestPcallAndXpcallReturnWhatLuaSays(t *testing.T) {
	tests := []struct{ name, source, want string }{
		{"results", "return pcall(function(...) return ... end, 1, nil, 'x', nil)", "true 1 nil x nil"},
		{"no results", "return select('#', pcall(function() end))", "1"},
		{"a string", "return pcall(error, 'x', 0)", "false x"},
		{"a string with its place", "return pcall(function() error('x') end)", "false <string>:1: x"},
		{"nil", "return pcall(error, nil)", "false nil"},
		{"false", "return pcall(error, false)", "false false"},
		{"a number", "return pcall(error, 42, 0)", "false 42"},
		{"a table", "local t = {} local ok, e = pcall(error, t) return ok, e == t", "false true"},
		{"a function", "local ok, e = pcall(error, print) return ok, e == print", "false true"},
		{"of nothing callable", "return pcall(42)", "false attempt to call a number value"},
		{"of nil", "return pcall(nil)", "false attempt to call a nil value"},
		{"of a callable table", "return pcall(setmetatable({}, { __call = function(self, a, b) return b, a end }), 1, 2)", "true 2 1"},
		{"nested", "return pcall(pcall, error, 'x', 0)", "true false x"},
		{"xpcall's results", "return xpcall(function(...) return select('#', ...), ... end, print, 1, nil)", "true 2 1 nil"},
		{"xpcall's handler", "return xpcall(function() error('x', 0) end, function(e) return e .. '!', 'second' end)", "false x!"},
		{"the handler gets the value", "local t = {} local ok, e = xpcall(function() error(t) end, function(e) return e == t end) return ok, e", "false true"},
		{"a handler that returns nothing", "return xpcall(error, function() end)", "false nil"},
		{"a handler that catches", "return xpcall(error, function() return select(2, pcall(error, 'inner', 0)) end)", "false inner"},
		{"a handler of a handler", "return xpcall(function() return xpcall(error, function() error('again', 0) end) end, print)", "true false again"},
		{"a handler sees the calls", "local function f() error('x') end\nlocal ok, e = xpcall(f, function() return debug.traceback() end)\nreturn (e:find('function') ~= nil)", "true"},
		{"the next call is not affected", "pcall(error) return pcall(function() return 'fine' end)", "true fine"},
		{"an error rethrown", "return pcall(function() local ok, e = pcall(error, 'x', 0) error(e .. 'y', 0) end)", "false xy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { newWorld(t).want(test.want, test.source) })
	}
}

func TestErrorsHaveTheirValueMessageAndCause(t *testing.T) {
	w := newWorld(t)
	w.function("fail", func(l *lua.LState) int {
		ud := l.NewUserData()
		ud.Value = fmt.Errorf("wrapped: %w", fs.ErrNotExist)
		mt := l.NewTable()
		mt.RawSetString("__tostring", l.NewFunction(func(l *lua.LState) int {
			l.Push(lua.LString("text of " + l.CheckUserData(1).Value.(error).Error()))
			return 1
		}))
		ud.Metatable = mt
		l.Error(ud, 1)
		return 0
	})
	w.function("panics", func(l *lua.LState) int { panic("a fault in Go") })
	w.function("panics_error", func(l *lua.LState) int { panic(fs.ErrClosed) })

	if err := w.fail("nil", "error(nil)"); err.Value != lua.LNil || err.Cause != nil {
		t.Errorf("got %#v", err)
	}
	if err := w.fail("{code = 1}", "error({ code = 1 })"); err.Value.Type() != lua.LTTable {
		t.Errorf("got %#v", err)
	}
	w.fail("said", "error(setmetatable({}, { __tostring = function() return 'said' end }))")
	if _, err := w.run("error(setmetatable({}, { __tostring = function() error('no') end }))"); err == nil || err.Error() == "" {
		t.Errorf("got %v", err)
	}
	err := w.fail("text of wrapped: file does not exist", "fail()")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got the cause %v", err.Cause)
	}
	if _, ok := err.Value.(*lua.LUserData); !ok {
		t.Errorf("got the value %v", err.Value)
	}
	w.fail("a fault in Go", "panics()")
	w.fail("file already closed", "panics_error()")
	w.want("false a fault in Go", "return pcall(panics)")
	w.want("false file already closed", "return pcall(panics_error)")
	w.want("false a fault in Go!", "return xpcall(panics, function(e) return e .. '!' end)")

	// What is raised again is the same value.
	var first *luax.Error
	w.function("again", func(l *lua.LState) int { luax.Raise(l, first); return 0 })
	_, first = w.run("error({ code = 7 })")
	if _, err := w.run("again()"); err.Value != first.Value {
		t.Errorf("got %v, want %v", err.Value, first.Value)
	}
}

func TestTracebacksShowTheFailedCalls(t *testing.T) {
	w := newWorld(t)
	_, err := w.run("local function inner() error('x') end\nlocal function outer()\n  inner()\nend\nouter()\n")
	lines := strings.Split(err.Traceback, "\n")
	if lines[0] != "stack traceback:" || len(lines) < 4 {
		t.Fatalf("got %q", err.Traceback)
	}
	for _, part := range []string{"<string>:1: in function", "<string>:3: in function", "<string>:5: in main chunk"} {
		if !strings.Contains(err.Traceback, part) {
			t.Errorf("got %q, want %q in it", err.Traceback, part)
		}
	}

	_, err = w.run("local function deep(n) if n == 0 then error('x') end deep(n - 1) return end deep(1000)")
	if lines := strings.Count(err.Traceback, "\n"); lines > 25 || !strings.Contains(err.Traceback, "more)") || !strings.Contains(err.Traceback, "main chunk") {
		t.Errorf("got %d lines: %s", lines, err.Traceback)
	}

	// What lies below the protected call is not a part of it.
	w.function("protect", func(l *lua.LState) int {
		if err := w.guard.Call(l, 0, 0, true); err == nil || strings.Contains(err.Traceback, "<string>:9") || !strings.Contains(err.Traceback, "<string>:1:") {
			t.Errorf("got %v", err)
		}
		return 0
	})
	w.want("", "local function f() error('x') end\n\n\n\n\n\n\n\nprotect(f)")

	fn, _ := w.l.LoadString("error('x')")
	w.l.Push(fn)
	if err := w.guard.Call(w.l, 0, 0, false); err.Traceback != "" {
		t.Errorf("got a traceback that was not asked for: %q", err.Traceback)
	}
}

func TestStackOverflowIsAnError(t *testing.T) {
	tests := []struct{ name, define string }{
		{"calls", "local function deep(n) return 1 + deep(n + 1) end"},
		{"many locals", "local function deep(n) local " + manyLocals(180) + " = n return 1 + deep(n + 1) end"},
		{"arguments", "local function deep(n) return 1 + deep(n, unpack({}, 1, 200)) end"},
		{"metamethods", "local t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k + 1] end local function deep(n) return t[n] end"},
		{"pcall in pcall", "local function deep(n) local ok, e = pcall(deep, n + 1) if not ok then error(e, 0) end return 1 end local d = deep deep = function() d(1) error('overflow caught', 0) end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			for range 3 {
				got, err := w.run(test.define + "\nlocal ok, e = pcall(deep, 1)\nreturn ok, tostring(e)")
				if err != nil {
					t.Fatalf("it was not caught: %.200s", err)
				}
				if !strings.HasPrefix(got, "false ") || !strings.Contains(got, "overflow") {
					t.Errorf("got %.200q", got)
				}
				if _, err := w.run(test.define + "\ndeep(1)"); err == nil || !strings.Contains(err.Error(), "overflow") {
					t.Errorf("got %.200v", err)
				}
				w.want("true 500500", "local function sum(n) if n == 0 then return 0 end return n + sum(n - 1) end return pcall(sum, 1000)")
				w.want("false x", "return pcall(error, 'x', 0)")
			}
		})
	}
}

func manyLocals(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint("v", i)
	}
	return strings.Join(names, ", ")
}

func TestCaughtErrorsLeaveTheStackAsItWas(t *testing.T) {
	w := newWorld(t)
	w.function("top", func(l *lua.LState) int { l.Push(lua.LNumber(w.l.GetTop())); return 1 })
	w.want("true", `
		local before = top()
		for i = 1, 1000 do
		  pcall(error, i)
		  pcall(function(...) local a, b, c = ... error(a) end, i, i, i)
		  xpcall(function() error() end, function() return 1, 2, 3 end)
		  xpcall(function() error() end, error)
		  coroutine.resume(coroutine.create(function() error() end))
		end
		return top() == before`)
	fail := w.l.NewFunction(func(l *lua.LState) int { l.RaiseError("x"); return 0 })
	w.l.Push(lua.LString("below"))
	for i := range 1000 {
		w.l.Push(fail)
		for range i % 5 {
			w.l.Push(lua.LTrue)
		}
		if w.guard.Call(w.l, i%5, i%3, i%2 == 0) == nil {
			t.Fatal("no error")
		}
	}
	if top := w.l.GetTop(); top != 1 || w.l.Get(1) != lua.LValue(lua.LString("below")) {
		t.Errorf("the stack's top is %d", top)
	}
}

// The state that handlers run on is the caller's again after an error.
func TestGuardRestoresTheState(t *testing.T) {
	w := newWorld(t)
	if w.guard.State != w.l {
		t.Fatal("a guard begins with the main state")
	}
	w.function("elsewhere", func(l *lua.LState) int {
		w.guard.State = l
		l.RaiseError("x")
		return 0
	})
	w.want("false", "return coroutine.wrap(function() return (pcall(elsewhere)) end)()")
	if w.guard.State != w.l {
		t.Error("the state is still the coroutine's")
	}
}

func TestProtectedCallsHardlyAllocate(t *testing.T) {
	w := newWorld(t)
	fn := w.l.NewFunction(func(l *lua.LState) int { return 0 })
	call := func() {
		w.l.Push(fn)
		if err := w.guard.Call(w.l, 0, 0, true); err != nil {
			t.Fatal(err)
		}
	}
	call()
	if n := testing.AllocsPerRun(100, call); n > 1 { // the library's PCall has a closure of its own
		t.Errorf("got %v allocations", n)
	}
}
