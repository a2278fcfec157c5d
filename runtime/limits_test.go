package runtime_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
)

// spinning is a session whose handler never returns by itself, and which tells of the error that ended it.
const spinning = `
local poe = require "poe"
poe.Session.create {
  inline_states = {
    _start = function(ctx) ctx.kernel:sig("DIE", "died"); ctx.kernel:yield("spin") end,
    spin = function(ctx)
      ctx.kernel:call("watching", "begun")
      while true do pcall(function() while true do end end) end
    end,
    died = function(ctx, _, info)
      print(info.event .. ": " .. info.error_str)
      ctx.kernel:sig_handled()
      ctx.kernel:post("watching", "over")
      ctx.kernel:yield("later")
    end,
    later = function() print("later") end,
  },
}`

// newSpinning makes a runtime with such a session. begun is closed when its handler runs.
func newSpinning(t *testing.T, o runtime.Options) (f *fixture, begun chan bool) {
	f = newRuntime(t, o)
	begun = make(chan bool)
	_, err := f.Kernel().Spawn(kernel.Session{
		Alias: "watching",
		Start: func(c *kernel.Context) any { return nil },
		States: map[string]kernel.Handler{
			"begun": func(c *kernel.Context, args ...any) any { close(begun); return nil },
			"over":  func(c *kernel.Context, args ...any) any { return c.Kernel.RemoveAlias("watching") },
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.do(spinning)
	return f, begun
}

func TestInterruptEndsAnEndlessHandlerAndTheProgramGoesOn(t *testing.T) {
	f, begun := newSpinning(t, runtime.Options{})
	f.Interrupt("too early: nothing runs")
	go func() {
		<-begun
		f.Interrupt("enough")
	}()
	if err := f.run(); err != nil {
		t.Fatal(err)
	}
	got := f.out.String()
	if !strings.HasPrefix(got, "spin: test:8: enough in event 'spin' of session ") || !strings.HasSuffix(got, "\nlater\n") {
		t.Errorf("got %q", got)
	}
}

func TestTheEndOfTheContextInterruptsAnEndlessHandler(t *testing.T) {
	f, begun := newSpinning(t, runtime.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-begun
		cancel()
	}()
	if err := f.Run(ctx); err != context.Canceled {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestLimitsEndAHandlerWithAnErrorThatNamesThem(t *testing.T) {
	for want, limits := range map[string]runtime.Limits{
		"the limit of 100000 instructions is passed in event 'spin'": {Instructions: 100_000},
		"the limit of 5ms for a dispatch is passed in event 'spin'":  {DispatchTime: 5 * time.Millisecond},
	} {
		f, _ := newSpinning(t, runtime.Options{Limits: limits, NoInterrupt: true})
		if err := f.run(); err != nil {
			t.Fatal(err)
		}
		if got := f.out.String(); !strings.Contains(got, want) || !strings.HasSuffix(got, "\nlater\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestCallDepth(t *testing.T) {
	const source = "local function down(n) if n == 0 then return 0 end return 1 + down(n - 1) end assert(down(%d) == %d)"
	for _, c := range []struct{ limit, bears, not int }{{0, 2_000, 3_000}, {200, 200, 1_000}, {50_000, 50_000, 100_000}} {
		f := newRuntime(t, runtime.Options{Limits: runtime.Limits{CallDepth: c.limit}})
		f.do(fmt.Sprintf(source, c.bears, c.bears))
		err := f.DoString("test", fmt.Sprintf(source, c.not, c.not))
		if err == nil || !strings.Contains(err.Error(), "stack overflow") {
			t.Errorf("a limit of %d and %d calls: got %v", c.limit, c.not, err)
		}
	}
}

func TestAChunkIsADispatchAndSoIsEachEventItWaitsFor(t *testing.T) {
	f := newRuntime(t, runtime.Options{Limits: runtime.Limits{Instructions: 20_000}})
	f.do(`
local poe = require "poe"
local left = 10
poe.Session.create { inline_states = { _start = function(ctx)
  ctx.kernel:yield("next")
end, next = function(ctx)
  for i = 1, 10000 do end
  left = left - 1
  if left > 0 then ctx.kernel:yield("next") end
end } }
for i = 1, 10000 do end
poe.kernel:run()
for i = 1, 5000 do end
print(left)`)
	f.want("0\n")
	err := f.DoString("test", "while true do end")
	if err == nil || !strings.Contains(err.Error(), "test:1: the limit of 20000 instructions is passed") {
		t.Errorf("got %v", err)
	}
}
