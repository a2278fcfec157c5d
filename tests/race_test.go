package tests

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/kernel/poll"
	"github.com/poelua/poelua/runtime"
)

// onLoops runs a test with a runtime of each event loop, which is waiting for what others have to say.
func onLoops(t *testing.T, source string, f func(t *testing.T, rt *runtime.Runtime)) {
	for _, loop := range poll.Names() {
		t.Run(loop, func(t *testing.T) {
			var out bytes.Buffer
			rt, err := runtime.New(runtime.Options{Loop: loop, Stdout: &out, Stderr: &out})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := rt.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
				if out.Len() > 0 {
					t.Errorf("it wrote %q", &out)
				}
			}()
			if err := rt.DoString("race", "local poe = require 'poe'\n"+source); err != nil {
				t.Fatal(err)
			}
			f(t, rt)
		})
	}
}

// runToEnd runs a runtime until all its sessions have stopped.
func runToEnd(t *testing.T, rt *runtime.Runtime) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	if err := rt.Run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
}

// Many goroutines send events and signals to Lua; each one's come in its order.
func TestSubmitsFromManyGoroutines(t *testing.T) {
	const goroutines, each = 8, 300
	onLoops(t, fmt.Sprintf(`
local left, signals, next = %d, 0, {}
poe.Session.create{ inline_states = {
  _start = function(ctx)
    ctx.kernel:alias_set("counter")
    ctx.kernel:sig("USR1", "signal")
    ctx.kernel:sig("MINE", "signal")
  end,
  count = function(ctx, goroutine, n)
    assert((next[goroutine] or 0) == n, "out of order")
    next[goroutine] = n + 1
    left = left - 1
    ctx.kernel:call(ctx.session, "check")
  end,
  signal = function(ctx, name) signals = signals + 1 ctx.kernel:call(ctx.session, "check") end,
  check = function(ctx)
    if left == 0 and signals == %d then ctx.kernel:alias_remove("counter") ctx.kernel:sig("USR1") end
  end,
} }`, goroutines*each, 2*goroutines*each), func(t *testing.T, rt *runtime.Runtime) {
		k := rt.Kernel()
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range each {
					k.Submit(func() {
						if err := k.Post(k.Resolve("counter"), "count", kernel.Site{}, []any{g, i}); err != nil {
							t.Error(err)
						}
					})
					k.Submit(func() { k.SystemSignal("USR1") })
					k.Submit(func() {
						if err := k.Signal(k.Root(), "MINE", kernel.Site{}, nil); err != nil {
							t.Error(err)
						}
					})
					if !k.Known("counter") || k.Known("nobody") {
						t.Error("the names are not what they were")
					}
				}
			})
		}
		runToEnd(t, rt)
		wg.Wait()
	})
}

const waiting = `
for i = 1, 50 do
  poe.Session.create{ inline_states = {
    _start = function(ctx)
      ctx.kernel:alias_set("s" .. i)
      ctx.kernel:delay("never", 3600)
      ctx.kernel:yield("busy")
    end,
    busy = function(ctx) if ctx.kernel:post("s" .. (i % 50 + 1), "touch") then ctx.kernel:delay("busy", 0.001) end end,
    touch = function() end,
    _stop = function(ctx) ctx.kernel:call("s" .. (i % 50 + 1), "touch") end,
  } }
end`

// The end may come from many sides at once.
func TestStopsFromManyGoroutines(t *testing.T) {
	ends := []struct {
		name string
		end  func(rt *runtime.Runtime)
	}{
		{"stop", func(rt *runtime.Runtime) { rt.Kernel().Submit(rt.Kernel().Stop) }},
		{"TERM", func(rt *runtime.Runtime) { rt.Kernel().Submit(func() { rt.Kernel().SystemSignal("TERM") }) }},
		{"stop, TERM and UIDESTROY", func(rt *runtime.Runtime) {
			k := rt.Kernel()
			k.Submit(func() {
				k.SystemSignal("INT")
				if err := k.Signal(k.Root(), "UIDESTROY", kernel.Site{}, nil); err != nil {
					panic(err)
				}
				k.Stop()
			})
		}},
	}
	for _, test := range ends {
		t.Run(test.name, func(t *testing.T) {
			onLoops(t, waiting, func(t *testing.T, rt *runtime.Runtime) {
				var wg sync.WaitGroup
				for range 16 {
					wg.Go(func() { test.end(rt) })
				}
				runToEnd(t, rt)
				wg.Wait()
				if n := rt.Kernel().Sessions(); n != 0 {
					t.Errorf("%d sessions are left", n)
				}
				runToEnd(t, rt) // nothing is left to do, whatever is still submitted
			})
		})
	}
}

// Contexts of many runs end while others submit; the last run sees everything.
func TestRunsEndWhileOthersSubmit(t *testing.T) {
	const runs, goroutines, each = 50, 4, 100
	onLoops(t, `
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("counter") ctx.heap.n = 0 end,
  count = function(ctx, all) ctx.heap.n = ctx.heap.n + 1 if ctx.heap.n == all then ctx.kernel:alias_remove("counter") end end,
} }`, func(t *testing.T, rt *runtime.Runtime) {
		k := rt.Kernel()
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for range each {
					k.Submit(func() {
						if err := k.Post(k.Resolve("counter"), "count", kernel.Site{}, []any{goroutines * each}); err != nil {
							t.Error(err)
						}
					})
				}
			})
		}
		for range runs {
			ctx, cancel := context.WithCancel(context.Background())
			go cancel()
			if err := rt.Run(ctx); err != nil && err != context.Canceled {
				t.Errorf("run: %v", err)
			}
			cancel()
		}
		runToEnd(t, rt)
		wg.Wait()
		if n := k.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

// Runtimes that begin and end at the same time share nothing, not even the catching of signals.
func TestRuntimesBeginAndEndAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 5 {
				var out bytes.Buffer
				rt, err := runtime.New(runtime.Options{Idle: true, Stdout: &out})
				if err != nil {
					t.Error(err)
					return
				}
				err = rt.DoString("race", fmt.Sprintf(`local poe = require "poe"
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:sig("USR2", "x") ctx.kernel:sig("CHLD", "x") ctx.kernel:delay("x", 0.001) end,
  x = function() print(%d) end,
} }`, i))
				if err == nil {
					err = rt.Run(context.Background())
				}
				if err != nil || out.String() != fmt.Sprintf("%d\n", i) {
					t.Errorf("got %v and %q", err, &out)
				}
				if err := rt.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
