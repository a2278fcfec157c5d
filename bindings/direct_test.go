package bindings_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/runtime"
)

// A metamethod is called on the registers above those in use.
func TestResultsThatThereAreNotAreNil(t *testing.T) {
	want(t, run(t, `
poe.Session.create{ inline_states = {
  _start = function(ctx)
    local k, mt = ctx.kernel, setmetatable({}, { __index = function(_, key) return key end })
    local function none() end
    none()
    local a, b, c, d, e, f = k:yield("x")
    local x = mt.foo
    print(x, a, b, c, d, e, f)
    none()
    local a, b, c, d, e, f = k:post(ctx.session, "x", 1, 2)
    local x = mt.foo
    print(x, a, b, c, d, e, f)
  end,
} }`), "foo\ttrue\tnil\tnil\tnil\tnil\tnil", "foo\ttrue\tnil\tnil\tnil\tnil\tnil")
}

// A program may put functions of its own in the place of a class's.
func TestMethodsOfClassesCanBeReplaced(t *testing.T) {
	want(t, run(t, `
poe.Session.wheel = function(_, id) return "my wheel " .. id end
poe.NFA.wheel = poe.Session.wheel
poe.NFA.goto_state = function(_, state) return "my " .. state end
poe.Session.create{ inline_states = {
  _start = function(ctx)
    print(ctx.session:wheel(1), ctx.session.wheel(ctx.session, 2))
    local m = poe.NFA.spawn{ inline_states = { on = {} } }
    print(m:wheel(3), m:goto_state("on"))
  end,
} }`), "my wheel 1\tmy wheel 2", "my wheel 3\tmy on")
}

// Whatever is done with a value that was sent, it is garbage as soon as nobody can get at it.
func TestWhatWasSentIsNotKept(t *testing.T) {
	for _, c := range []struct{ name, state, lost string }{
		{"an argument that the handler does not take", `lost = function() end`, `
			ctx.kernel:yield("lost", 1, 2, 3, 4, 5, 6, 7, 8, big())`},
		{"an argument of an event that nobody handles", ``, `ctx.kernel:yield("lost", 1, 2, 3, big())`},
		{"an argument that _default gets", `_default = function() end`, `ctx.kernel:post(ctx.session, "lost", big())`},
		{"what was put, when the function that put it goes on", ``, `
			local w = poe.wheel.ReadWrite.new{ handle = near }
			w:put(big())
			w:destroy()
			print(kept())`},
		{"what was put for its result", ``, `
			local w = poe.wheel.ReadWrite.new{ handle = near }
			tostring(w:put(big()))
			w:destroy()
			print(kept())`},
		{"what a coroutine sent that waits", `lost = function() end`, `
			waiting = coroutine.wrap(function() ctx.kernel:yield("lost", big()) coroutine.yield() end)
			waiting()`},
		{"what could not be sent", ``, `ctx.kernel:post("nobody", "lost", big())`},
		{"what a function got that does not take it", ``, `
			local function takes(a) return a end
			takes(1, 2, 3, 4, 5, 6, 7, 8, big())`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, line := range run(t, `
local near, _, far = poe.pipe.TwoWay.new("socketpair")
local before, waiting
local function memory() collectgarbage() collectgarbage() return collectgarbage("count") end
local function big() return ("x"):rep(2 ^ 23) .. tostring(poe.time()) end
local function kept() return memory() > before + 4096 and "kept" or "free" end
poe.Session.create{ inline_states = {
  _start = function(ctx) before = memory() ctx.kernel:yield("go") end,
  go = function(ctx)
    `+c.lost+`
    ctx.kernel:yield("over")
  end,
  over = function(ctx) print(kept()) end,
  `+c.state+`
} }`) {
				want(t, []string{line}, "free")
			}
		})
	}
}

// The interpreter of a host program's own states is the one of the runtimes.
func TestStatesOfTheHostRunBesideRuntimes(t *testing.T) {
	const program = `
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local function sum(...) local n = 0 for i = 1, select("#", ...) do n = n + (select(i, ...)) end return n end
local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end
local made = coroutine.wrap(function(a) for i = 1, 100 do a = coroutine.yield(a + i) end end)
local last for i = 1, 50 do last = made(i) end
return tostring(fib(16) + sum(1, 2, 3) + deep(100) + last) .. tostring(pcall(deep)) .. ("x"):rep(3)`
	const result = "1193falsexxx"
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			l := lua.NewState(lua.Options{
				MinimizeStackMemory: i%2 == 0, RegistrySize: 256, RegistryMaxSize: 1 << 16, RegistryGrowStep: 8,
			})
			defer l.Close()
			for range 10 {
				if err := l.DoString(program); err != nil {
					t.Error(err)
					return
				}
				if got := l.Get(-1).String(); got != result {
					t.Errorf("got %q, want %q", got, result)
				}
				l.SetTop(0)
			}
		})
		wg.Go(func() {
			var out bytes.Buffer
			rt, err := runtime.New(runtime.Options{Idle: true, Clock: "simulated", Stdout: &out})
			if err != nil {
				t.Error(err)
				return
			}
			defer rt.Close()
			err = rt.DoString("test", fmt.Sprintf(`
local poe = require "poe"
local function work() %s end
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("work", 1) end,
  work = function(ctx, n, ...)
    print(work())
    if n < 10 then ctx.kernel:post(ctx.session, "work", n + 1, n, n, n) end
  end,
} }`, program))
			if err == nil {
				err = rt.Run(context.Background())
			}
			if got := out.String(); err != nil || got != strings.Repeat(result+"\n", 10) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}
