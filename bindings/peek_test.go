package bindings_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/poelua/poelua/runtime"
)

// A trace function that does not end is ended by the limit, and is no part of the handler in whose middle it was called.
func TestTraceFunctionHasLimitsOfItsOwn(t *testing.T) {
	var out, warnings bytes.Buffer
	rt := start(t, runtime.Options{
		Stdout: &out, Stderr: &warnings, Idle: true, Limits: runtime.Limits{Instructions: 100_000},
	}, `
local n = 0
poe.Session.create{ inline_states = {
  _start = function(ctx)
    poe.peek.trace(ctx.session, function() n = n + 1 while true do pcall(function() while true do end end) end end, { "queued" })
    poe.peek.trace(ctx.session, function() for i = 1, 30000 do end end, { "queued" })
    for i = 1, 10 do ctx.kernel:yield("tick", i) end
    print("start ends")
  end,
  tick = function(ctx, i) if i == 10 then print(n) end end,
} }`)
	finish(t, rt)
	want(t, strings.Fields(out.String()), "start", "ends", "1")
	if got := warnings.String(); strings.Count(got, "a trace ends") != 1 || !strings.Contains(got, "limit of 100000 instructions") {
		t.Errorf("got the warnings %q, want one about the limit", got)
	}
}

// In the middle of a recursion that is about to overflow, a trace may fail; it fails alone.
func TestTraceFunctionWithoutRoomOnTheStack(t *testing.T) {
	for _, where := range []string{"down(ctx, unpack({}, 1, 50))", "coroutine.wrap(function() down(ctx) end)()"} {
		t.Run(where, func(t *testing.T) {
			var out bytes.Buffer
			rt := start(t, runtime.Options{Stdout: &out, Stderr: new(bytes.Buffer), Idle: true}, `
local function nothing(...) return ... end
local function down(ctx, ...)
  ctx.kernel:alias_set("a")
  ctx.kernel:alias_remove("a")
  return 1 + down(ctx, ...)
end
poe.Session.create{ inline_states = {
  _start = function(ctx)
    ctx.kernel:sig("DIE", "died")
    poe.peek.trace(ctx.session, function(record) nothing(record, unpack({}, 1, 200)) end, { "ref" })
    ctx.kernel:yield("fall")
  end,
  fall = function(ctx) `+where+` end,
  died = function(ctx) ctx.kernel:sig_handled() print("died") end,
} }`)
			finish(t, rt)
			want(t, strings.Fields(out.String()), "died")
		})
	}
}

// manySessions has so many sessions that wait for a timer, one with its name, and posts to the first.
const manySessions = `
for i = 1, %d do
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:delay("never", 1000) ctx.heap.n = i end,
    never = function() end,
  } }
end
for i = 1, 1000 do poe.kernel:post(1, "never", i) end`

func BenchmarkPeek(b *testing.B) {
	for _, call := range []string{
		"memory()", "sessions()", "session(50)", "tree()", "queue(1)", "queue(2)", "kernel()", "wheels()", "handles()", "work(1)",
	} {
		b.Run("100k sessions/"+call, func(b *testing.B) {
			rt := start(b, runtime.Options{Clock: "simulated"}, fmt.Sprintf(manySessions, 100_000)+`
peek = function() return poe.peek.`+call+` end`)
			rt.Kernel().SetAssert(0)
			for b.Loop() {
				if err := rt.DoString("bench", "peek()"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a trace costs a session that posts to itself; compare with no trace.
func BenchmarkTrace(b *testing.B) {
	for _, trace := range []string{"", `poe.peek.trace("*", function() end, { "dispatch" })`, `poe.peek.trace("*", function() end)`} {
		b.Run(trace, func(b *testing.B) {
			rt := start(b, runtime.Options{}, trace+fmt.Sprintf(`
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("tick", %d) end,
  tick = function(ctx, n) if n > 0 then ctx.kernel:yield("tick", n - 1) end end,
} }`, b.N))
			rt.Kernel().SetAssert(0)
			b.ResetTimer()
			finish(b, rt)
		})
	}
}
