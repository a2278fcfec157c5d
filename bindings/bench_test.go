package bindings_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/poelua/poelua/runtime"
)

// bench runs a program that counts its own work: b.N is in the global N.
func bench(b *testing.B, program string) {
	rt, err := runtime.New(runtime.Options{Idle: true})
	if err != nil {
		b.Fatal(err)
	}
	defer rt.Close()
	if err := rt.DoString("bench", fmt.Sprintf("N = %d\npoe = require 'poe'\n", b.N)+program); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if err := rt.Run(context.Background()); err != nil {
		b.Fatal(err)
	}
}

// A session posts to itself. A number in a Lua variable costs gopher-lua 8 bytes each time it changes, so this
// counts in Go: the run is stopped after b.N events.
func BenchmarkYield(b *testing.B) {
	rt, err := runtime.New(runtime.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer rt.Close()
	if err := rt.DoString("bench", `local poe = require "poe"
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("tick") end,
  tick = function(ctx) ctx.kernel:yield("tick") end,
} }`); err != nil {
		b.Fatal(err)
	}
	k := rt.Kernel()
	n := 0
	b.ReportAllocs()
	b.ResetTimer()
	if err := k.RunWhile(context.Background(), func() bool { n++; return n <= b.N }); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkYieldWithArguments(b *testing.B) {
	bench(b, `poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("tick", N, "x") end,
  tick = function(ctx, n, x) if n > 0 then ctx.kernel:yield("tick", n - 1, x) end end,
} }`)
}

// The same, counting in Lua: what a script of the kind costs.
func BenchmarkYieldCounting(b *testing.B) {
	bench(b, `local i = 0
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("tick") end,
  tick = function(ctx)
    i = i + 1
    if i < N then ctx.kernel:yield("tick") end
  end,
} }`)
}

// A hundred sessions pass a token round by posting to each other's IDs.
func BenchmarkRing(b *testing.B) {
	bench(b, `local hops, ids = 0, {}
for me = 1, 100 do
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:alias_set("s" .. me); ids[me] = ctx.session:id() end,
    token = function(ctx)
      hops = hops + 1
      if hops < N then ctx.kernel:post(ids[me % 100 + 1], "token") else ctx.kernel:stop() end
    end,
  } }
end
poe.kernel:post("s1", "token")`)
}

func BenchmarkCall(b *testing.B) {
	bench(b, `local target = poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("target") end,
  get = function(ctx, v) return v end,
} }
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("go") end,
  go = function(ctx) for i = 1, N do ctx.kernel:call(target, "get", true) end end,
} }`)
}

func BenchmarkTimers(b *testing.B) {
	bench(b, `poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("go") end,
  go = function(ctx)
    for i = 1, N do
      local id = ctx.kernel:delay_set("fire", (i * 7919 % 1000) / 1e6)
      if i % 2 == 0 then ctx.kernel:alarm_remove(id) end
    end
  end,
  fire = function() end,
} }`)
}

func BenchmarkSessions(b *testing.B) {
	bench(b, `local states = { _start = function(ctx) ctx.kernel:yield("event") end, event = function() end, _stop = function() end }
local made = 0
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("make") end,
  make = function(ctx)
    poe.Session.create{ inline_states = states }
    made = made + 1
    if made < N then ctx.kernel:yield("make") end
  end,
} }`)
}

// A line that another wheel has put, a thousand of them at a time: the filters' and the system's parts are in it.
func BenchmarkWheelLine(b *testing.B) {
	bench(b, `local near, _, far = poe.pipe.TwoWay.new("socketpair")
local line = ("x"):rep(30)
poe.Session.create{ inline_states = {
  _start = function(ctx)
    ctx.heap.reader = poe.wheel.ReadWrite.new{ handle = near, input_event = "line" }
    ctx.heap.writer = poe.wheel.ReadWrite.new{ handle = far, flushed_event = "put" }
    ctx.heap.left, ctx.heap.got = N, 0
    ctx.kernel:yield("put")
  end,
  put = function(ctx)
    local w, n = ctx.heap.writer, math.min(ctx.heap.left, 1000)
    ctx.heap.left = ctx.heap.left - n
    for i = 1, n do w:put(line) end
  end,
  line = function(ctx)
    local got = ctx.heap.got + 1
    ctx.heap.got = got
    if got == N then ctx.heap.reader:destroy() ctx.heap.writer:destroy() end
  end,
} }`)
}

// A line there and its answer back, one at a time.
func BenchmarkWheelEcho(b *testing.B) {
	bench(b, `local near, _, far = poe.pipe.TwoWay.new("socketpair")
poe.Session.create{ inline_states = {
  _start = function(ctx) poe.wheel.ReadWrite.new{ handle = near, input_event = "line", error_event = "over" } end,
  line = function(ctx, line, id) ctx.session:wheel(id):put(line) end,
  over = function(ctx, _, _, _, id) ctx.session:wheel(id):destroy() end,
} }
local left = N
poe.Session.create{ inline_states = {
  _start = function(ctx)
    ctx.heap.w = poe.wheel.ReadWrite.new{ handle = far, input_event = "line" }
    ctx.heap.w:put("ping")
  end,
  line = function(ctx, line)
    left = left - 1
    if left > 0 then ctx.heap.w:put(line) else ctx.heap.w:destroy() end
  end,
} }`)
}

// A line put, and nothing else: what was put is dropped from time to time.
func BenchmarkWheelPut(b *testing.B) {
	bench(b, `local near, _, far = poe.pipe.TwoWay.new("socketpair")
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("go") end,
  go = function(ctx)
    local w = poe.wheel.ReadWrite.new{ handle = near }
    for i = 1, N do
      w:put("a line of some thirty characters")
      if i % 2048 == 0 then w:flush() while far:read() do end w:flush() end
    end
    w:destroy()
  end,
} }`)
}

// A machine posts to itself in a state of its own.
func BenchmarkMachine(b *testing.B) {
	bench(b, `local i = 0
poe.NFA.spawn{ inline_states = { on = {
  tick = function(ctx)
    i = i + 1
    if i < N then ctx.kernel:yield("tick") end
  end,
} } }:goto_state("on", "tick")`)
}

// A machine moves back and forth between two states, with an entry event and a leave each time.
func BenchmarkMachineMoves(b *testing.B) {
	bench(b, `local i = 0
local function enter(to)
  return function(ctx)
    i = i + 1
    if i < N then ctx.machine:goto_state(to, "enter") end
  end
end
local function leave() end
poe.NFA.spawn{ inline_states = {
  on = { enter = enter("off"), leave = leave }, off = { enter = enter("on"), leave = leave },
} }:goto_state("on", "enter")`)
}

// Machines of one table: made, moved once, stopped.
func BenchmarkMachines(b *testing.B) {
	bench(b, `local states = { on = { enter = function() end, tick = function() end }, off = { tick = function() end } }
local made = 0
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("make") end,
  make = function(ctx)
    poe.NFA.spawn{ inline_states = states }:goto_state("on", "enter")
    made = made + 1
    if made < N then ctx.kernel:yield("make") end
  end,
} }`)
}
