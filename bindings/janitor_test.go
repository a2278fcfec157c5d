package bindings_test

import (
	"context"
	"fmt"
	gort "runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
)

func bytesInUse() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// memoryProgram runs a program and gives by how much the heap had grown at most.
func memoryProgram(t *testing.T, clock, program string) (most int64) {
	t.Helper()
	rt, err := runtime.New(runtime.Options{Idle: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Close() })
	if err := rt.DoString("memory", "poe = require 'poe'\n"+program); err != nil {
		t.Fatal(err)
	}
	gort.GC()
	start := bytesInUse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = rt.Kernel().RunWhile(ctx, func() bool {
		most = max(most, bytesInUse()-start)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return most
}

// A server keeps its clients in a table, by names that are never used again.
func TestKeysThatComeAndGoTakeNoMemory(t *testing.T) {
	keys := 3_000_000
	if testing.Short() || raceEnabled {
		keys = 1_200_000
	}
	for clock, bound := range map[string]int64{"real": 100 << 20, "simulated": 200 << 20} { // the latter begins later
		for _, alive := range []int{0, 20_000} {
			keys := keys
			if clock == "simulated" {
				keys /= 3
			}
			t.Run(fmt.Sprintf("%s clock, %d alive", clock, alive), func(t *testing.T) {
				most := memoryProgram(t, clock, fmt.Sprintf(`local keys, alive, n = %d, %d, 0
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.heap.clients = {}; ctx.kernel:yield("work") end,
  work = function(ctx)
    local clients = ctx.heap.clients
    for i = n + 1, n + 1000 do
      clients["client " .. i] = true
      if alive == 0 or i > alive then clients["client " .. i - alive] = nil end
    end
    n = n + 1000
    if n < keys then ctx.kernel:yield("work") else
      local left = 0
      for _ in pairs(clients) do left = left + 1 end
      assert(left == alive)
    end
  end,
} }`, keys, alive))
				if most > bound {
					t.Errorf("the heap grew by %d MiB, want at most %d", most>>20, bound>>20)
				}
			})
		}
	}
}

func TestMemoryComesBackWhenNothingHappens(t *testing.T) {
	keys := 3_000_000
	if testing.Short() || raceEnabled {
		keys = 300_000
	}
	rt, err := runtime.New(runtime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Close()
	if err := rt.DoString("memory", fmt.Sprintf(`poe = require 'poe'
poe.Session.create{ inline_states = {
  _start = function(ctx)
    ctx.kernel:alias_set("holder")
    local t, a = {}, {}
    for i = 1, %d do t["key " .. i] = i; a[i] = i end
    ctx.heap.t, ctx.heap.a = t, a
    ctx.kernel:yield("empty")
  end,
  empty = function(ctx)
    for k in pairs(ctx.heap.t) do ctx.heap.t[k] = nil end
    for i = #ctx.heap.a, 1, -1 do ctx.heap.a[i] = nil end
  end,
} }`, keys)); err != nil {
		t.Fatal(err)
	}
	full := bytesInUse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err = rt.Kernel().Spawn(kernel.Session{ // the run has no other end than this
		Start: func(c *kernel.Context) any { c.Yield("look"); return nil },
		States: map[string]kernel.Handler{"look": func(c *kernel.Context, _ ...any) any {
			if bytesInUse() < full/4 {
				cancel()
			} else {
				c.Delay("look", 50*time.Millisecond)
			}
			return nil
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.Run(ctx); err != context.Canceled {
		t.Errorf("of %d MiB %d are in use after a minute: %v", full>>20, bytesInUse()>>20, err)
	}
}

func TestOneLargeIndexTakesNoMemory(t *testing.T) {
	most := memoryProgram(t, "real", `poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:yield("set") end,
  set = function(ctx) ctx.heap.t = {}; ctx.heap.t[60000000] = true; ctx.kernel:yield("check") end,
  check = function(ctx) assert(ctx.heap.t[60000000]) end,
} }`)
	if most > 1<<20 {
		t.Errorf("the heap grew by %d KiB", most>>10)
	}
}
