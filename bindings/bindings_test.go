package bindings_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
)

// watchdog ends a run that should have ended by itself.
const watchdog = time.Minute

// start loads a program in a runtime of its own.
func start(t testing.TB, o runtime.Options, program string) *runtime.Runtime {
	t.Helper()
	rt, err := runtime.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rt.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	rt.Kernel().SetAssert(kernel.AssertData)
	if err := rt.DoString("test", "local poe = require 'poe'\n"+program); err != nil {
		t.Fatal(err)
	}
	return rt
}

// run runs a program to its end and returns what it printed, line by line.
func run(t testing.TB, program string) []string {
	t.Helper()
	var out bytes.Buffer
	rt := start(t, runtime.Options{Idle: true, Clock: "simulated", Stdout: &out}, program)
	finish(t, rt)
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func finish(t testing.TB, rt *runtime.Runtime) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	if err := rt.Run(ctx); err != nil {
		if e, ok := err.(*runtime.ScriptError); ok {
			t.Error(e.Detail())
		} else {
			var dump bytes.Buffer
			rt.Kernel().Dump(&dump)
			t.Errorf("run: %v\n%s", err, &dump)
		}
	}
}

func want(t testing.TB, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got\n%s\nwant\n%s", g, w)
	}
}

func TestYieldAllocatesNothing(t *testing.T) {
	rt := start(t, runtime.Options{}, `poe.Session.create{ inline_states = {
		_start = function(ctx) ctx.kernel:yield("tick") end,
		tick = function(ctx) ctx.kernel:yield("tick") end,
	} }`)
	k := rt.Kernel()
	k.SetAssert(0)
	const events = 10_000
	turn := func() {
		n := 0
		if err := k.RunWhile(context.Background(), func() bool { n++; return n <= events }); err != nil {
			t.Fatal(err)
		}
	}
	turn()
	before := k.Stats().Dispatched
	allocations := testing.AllocsPerRun(5, turn)
	if n := k.Stats().Dispatched - before; n != 6*events {
		t.Errorf("got %d events, want %d", n, 6*events)
	}
	if allocations > events/100 { // entering and leaving the loop costs a few
		t.Errorf("got %v allocations for %d events", allocations, events)
	}
}

// After many events the fields of a ctx lie in it. Nothing that a script can see changes by that.
func TestCtxIsTheSameAfterManyEvents(t *testing.T) {
	const program = `
local seen = {}
local function look(ctx, n)
  local fields = {}
  for _, name in ipairs{ "kernel", "session", "heap", "state", "sender", "object", "caller_state", "caller_file", "caller_line", "nothing" } do
    fields[#fields + 1] = name .. "=" .. tostring(ctx[name])
  end
  if seen.ctx then
    assert(rawequal(seen.ctx, ctx), "another ctx")
    assert(seen.kernel == ctx.kernel and seen.session == ctx.session and seen.heap == ctx.heap, "another field")
  end
  seen.ctx, seen.kernel, seen.session, seen.heap = ctx, ctx.kernel, ctx.session, ctx.heap
  assert(tostring(ctx) == "poe.Context(1)", tostring(ctx))
  assert(ctx.session:get_heap() == ctx.heap)
  return table.concat(fields, " ")
end
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.heap.count = 0 ctx.kernel:yield("tick", 1) end,
  tick = function(ctx, n)
    local fields = look(ctx, n)
    if n > 2 then assert(fields == seen.fields, fields .. "\n" .. tostring(seen.fields)) end
    if n > 1 then seen.fields = fields end
    ctx.heap.count = ctx.heap.count + 1
    assert(ctx.heap.count == n)
    for _, name in ipairs{ "kernel", "session", "state", "sender", "nothing" } do
      local ok = pcall(function() ctx[name] = 1 end)
      if ok and (name ~= "kernel" and name ~= "session") then error(name .. " was set") end
      if ok then ctx[name] = seen[name] end -- a busy session's own to spoil
    end
    if n < 600 then ctx.kernel:yield("tick", n + 1) else print(n, fields) end
  end,
} }`
	got := run(t, program)
	address := regexp.MustCompile(`0x[0-9a-f]+|poelua-[0-9a-f]+`)
	want(t, []string{address.ReplaceAllString(got[0], "@")}, "600\tkernel=poe.Kernel(@) session=poe.Session(1) heap=table: @ state=tick "+
		"sender=poe.Session(1) object=nil caller_state=tick caller_file=test caller_line=31 nothing=nil")
}

func TestTheHeapCanBeSetAtAnyTime(t *testing.T) {
	got := run(t, `
poe.Session.create{ heap = "given", inline_states = {
  _start = function(ctx) print(ctx.heap) ctx.kernel:yield("tick", 1) end,
  tick = function(ctx, n)
    if n % 100 == 0 then print(ctx.heap) ctx.heap = { n = n } assert(ctx.session:get_heap().n == n and ctx.heap.n == n) ctx.heap = n end
    if n % 100 == 50 then ctx.heap = nil ctx.heap.fresh = true assert(ctx.heap.fresh and ctx.session:get_heap() == ctx.heap) ctx.heap = n end
    if n < 500 then ctx.kernel:yield("tick", n + 1) end
  end,
} }`)
	want(t, got, "given", "50", "150", "250", "350", "450")
}

// Postbacks that nobody has any more do not keep their sessions, wherever they were.
func TestGarbagePostbacksAreCollected(t *testing.T) {
	tests := []struct{ name, body string }{
		{"a local", `local p = ctx.session:postback("x")`},
		{"nothing at all", `ctx.session:postback("x")`},
		{"a callback", `local p = ctx.session:callback("x")`},
		{"in a table", `local t = { ctx.session:postback("x"), { ctx.session:postback("x") } }`},
		{"in the heap, taken out", `ctx.heap.p = ctx.session:postback("x") ctx.kernel:yield("x") ctx.heap.p = nil`},
		{"in the heap", `local t = { p = ctx.session:postback("x") } t.t = t`},
		{"in an upvalue", `local p = ctx.session:postback("x") local f = function() return p end`},
		{"in a coroutine", `local co = coroutine.create(function() local p = ctx.session:postback("x") coroutine.yield(p) end) coroutine.resume(co)`},
		{"as an argument", `ctx.kernel:yield("x", ctx.session:postback("x"))`},
		{"as an argument of a call", `ctx.kernel:call(ctx.session, "x", ctx.session:postback("x"))`},
		{"as a result", `ctx.kernel:call(ctx.session, "give")`},
		{"in a failed call", `pcall(function() local p = ctx.session:postback("x") error(p) end)`},
		{"called", `ctx.session:postback("x")()`},
		{"many", `for i = 1, 1000 do local p = ctx.session:postback("x", i) end`},
		{"deep", `local function deep(n) local p = ctx.session:postback("x") if n > 0 then deep(n - 1) end return p end deep(100)`},
		{"in a timer that is removed", `ctx.kernel:delay("x", 100, ctx.session:postback("x")) ctx.kernel:delay("x")`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { want(t, run(t, makesPostbacks(test.body)), "stop") })
	}
}

func makesPostbacks(body string) string {
	return `poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("make") end,
  make = function(ctx) ` + body + ` end,
  give = function(ctx) return ctx.session:postback("x") end,
  x = function() end,
  _stop = function() print("stop") end,
} }`
}

// Those that other postbacks have, or they themselves, are garbage as well.
func TestGarbagePostbacksInPostbacksAreCollected(t *testing.T) {
	tests := []struct{ name, body string }{
		{"an argument of another", `local p = ctx.session:postback("x", ctx.session:postback("x"))`},
		{"a chain", `local p for i = 1, 10 do p = ctx.session:postback("x", p) end`},
		{"its own argument", `local object = {} object.done = ctx.session:postback("x", object)`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { want(t, run(t, makesPostbacks(test.body)), "stop") })
	}
}

// A postback that somebody still has keeps its session.
func TestPostbacksInUseAreNotCollected(t *testing.T) {
	want(t, run(t, `
local kept
poe.Session.create{ inline_states = {
  _start = function(ctx) kept = ctx.session:postback("x", "made") end,
  x = function(ctx, made, given) print(made[1], given[1]) end,
  _stop = function() print("stop") end,
} }
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.session:postback("never") for i = 1, 3 do ctx.kernel:delay_add("tick", i) end end,
  tick = function(ctx) kept("tick") end,
  _stop = function() kept = nil end,
} }`), "made\ttick", "made\ttick", "made\ttick", "stop")
}

// Runtimes in one process do not meet: each counts its own, on a goroutine of its own.
func TestRuntimesDoNotMeet(t *testing.T) {
	const runtimes, events = 8, 500
	var wg sync.WaitGroup
	for i := range runtimes {
		wg.Go(func() {
			var out bytes.Buffer
			rt, err := runtime.New(runtime.Options{Idle: true, Clock: "simulated", Stdout: &out, Args: []string{fmt.Sprint(i)}})
			if err != nil {
				t.Error(err)
				return
			}
			defer rt.Close()
			err = rt.DoString("test", fmt.Sprintf(`
local poe = require "poe"
shared = (shared or 0) + 1
string.mine = arg[1]
local other = poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("other") end,
  echo = function(ctx, v) return v end,
} }
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:sig("X", "sig") ctx.kernel:delay("tick", 0.01, 1) end,
  sig = function(ctx) ctx.kernel:sig_handled() end,
  tick = function(ctx, n)
    pcall(error, "x")
    ctx.kernel:signal(ctx.session, "X")
    local p = ctx.session:postback("done", n)
    assert(ctx.kernel:call("other", "echo", n) == n)
    if n < %d then ctx.kernel:delay("tick", 0.01, n + 1) else p() end
  end,
  done = function(ctx, made) print(arg[1], string.mine, shared, made[1], math.random(1000) ~= nil) ctx.kernel:post("other", "none") end,
} }`, events))
			if err != nil {
				t.Error(err)
				return
			}
			if err := rt.Run(context.Background()); err != nil {
				t.Error(err)
			}
			if got, want := out.String(), fmt.Sprintf("%d\t%d\t1\t%d\ttrue\n", i, i, events); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	wg.Wait()
}

// Which table is a ctx is told by its metatable: no script may give that to another table, or take it away.
func TestNoTableBecomesACtx(t *testing.T) {
	got := run(t, `
local function try(what, f, ...)
  local ok, e = pcall(f, ...)
  print(what, ok, e)
end
local Fake = {}
poe.Session.create{ inline_states = {
  _start = function(ctx) for i = 1, 300 do ctx.kernel:yield("idle") end ctx.kernel:yield("games") ctx.kernel:call(ctx.session, "games") end,
  idle = function() end,
  games = function(ctx)
    local mt = debug.getmetatable(ctx)
    print("getmetatable", getmetatable(ctx), mt)
    try("index", function() return mt.__index(Fake, "state") end)
    try("debug.setmetatable", debug.setmetatable, Fake, mt)
    try("setmetatable of ctx", setmetatable, ctx, {})
    try("debug.setmetatable of ctx", debug.setmetatable, ctx, { __index = function() return 1 end })
    try("debug.setmetatable of ctx to nil", debug.setmetatable, ctx, nil)
    try("of the session", debug.setmetatable, ctx.session, {})
    try("of the kernel", debug.setmetatable, ctx.kernel, {})
    try("of a postback", debug.setmetatable, ctx.session:postback("x"), {})
    try("newproxy", function() return newproxy(ctx.session):id() end)
    try("newproxy of the session, tostring", function() return tostring(newproxy(ctx.session)) end)
    try("setting a field of a proxy", function() newproxy(ctx.session).x = 1 end)
    try("a copy", function() local t = {} for k, v in pairs(ctx) do t[k] = v end return t.state end)
    assert(ctx.state == "games" and tostring(ctx) == "poe.Context(1)")
  end,
} }`)
	wanted := []string{ // what each line ends with; "" any error
		"poe.Context\tpoe.Context",
		"",
		"",
		"cannot change a protected metatable",
		"(the metatable of poe.Context cannot be changed)",
		"(the metatable of poe.Context cannot be changed)",
		"(the metatable of poe.Session cannot be changed)",
		"(the metatable of poe.Kernel cannot be changed)",
		"(the metatable of poe.Postback cannot be changed)",
		"",
		"",
		"",
		"a copy\ttrue\tnil",
	}
	wanted = append(wanted, wanted...)
	if len(got) != len(wanted) {
		t.Fatalf("got %d lines: %q", len(got), got)
	}
	for i := range got {
		if !strings.HasSuffix(got[i], wanted[i]) || wanted[i] == "" && !strings.Contains(got[i], "\tfalse\t") {
			t.Errorf("got %q, want %q", got[i], wanted[i])
		}
	}
}

// Sessions in Go and in Lua exchange events both ways.
func TestGoAndLuaSessionsTalk(t *testing.T) {
	var out bytes.Buffer
	rt := start(t, runtime.Options{Idle: true, Clock: "simulated", Stdout: &out}, `
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("lua") end,
  ask = function(ctx, ...)
    print("asked", select("#", ...), ...)
    print("sender", ctx.sender, ctx.sender:id(), ctx.caller_state)
    print("called", ctx.kernel:call("go", "answer", 1, nil))
    ctx.kernel:post(ctx.sender, "posted", "x", nil)
    return "a", nil, 3
  end,
} }`)
	var got []string
	_, err := rt.Kernel().Spawn(kernel.Session{
		Alias: "go",
		Start: func(c *kernel.Context) any { c.Yield("go"); return nil },
		States: map[string]kernel.Handler{
			"go": func(c *kernel.Context, args ...any) any {
				results, err := c.Call("lua", "ask", true, 1.5, 7, "s", nil, c.Task)
				got = append(got, fmt.Sprint(results, err))
				return nil
			},
			"answer":   func(c *kernel.Context, args ...any) any { return kernel.Values{len(args), nil, "end"} },
			"posted":   func(c *kernel.Context, args ...any) any { got = append(got, fmt.Sprint(args)); return nil },
			"_default": func(c *kernel.Context, args ...any) any { return nil },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, rt)
	want(t, got, "[a <nil> 3] <nil>", "[x nil]")
	want(t, strings.Split(strings.TrimSpace(out.String()), "\n"), "asked\t6\ttrue\t1.5\t7\ts\tnil\tpoe.Session(2 go)", "sender\tpoe.Session(2 go)\t2\tgo", "called\t2\tnil\tend")
}
