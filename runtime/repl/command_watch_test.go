package repl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/runtime/repl"
)

// ticking is a session that ticks every second and one that it calls.
const ticking = `
	poe.Session.create { inline_states = {
		_start = function(ctx) ctx.kernel:alias_set("adder") end,
		add = function(ctx, a, b) return a + b end,
		fail = function(ctx) error("no way") end,
	} }
	poe.Session.create { inline_states = {
		_start = function(ctx) ctx.kernel:alias_set("bot") ctx.kernel:delay("tick", 1, 1) end,
		tick = function(ctx, n)
			if n < 3 then ctx.kernel:delay("tick", 1, n + 1) end
			ctx.kernel:call("adder", "add", n, 40)
			ctx.kernel:post("adder", "unknown", { n = n })
		end,
		other = function(ctx) ctx.kernel:yield("more") end,
		more = function() end,
	} }`

// after lets the program go on and returns what is printed meanwhile.
func (x *looker) after(d time.Duration) string {
	x.t.Helper()
	x.out.Reset()
	x.run(d)
	return x.out.String()
}

func TestWatchShowsEachEventInALine(t *testing.T) {
	x := newLooker(t, ticking)
	x.wants(".watch adder", `^watching session 1 \(adder\)\n$`)
	wantInOrder(t, "after a second", x.after(1500*time.Millisecond),
		`^1 adder add\(1, 40\), called by 2 bot at script:\d+ -> 41 \[[^]]+\]$`,
		`^1 adder unknown\(\{ ?n = 1 ?\}\) from 2 bot at script:\d+, no handler$`)
	x.wants(`poe.kernel:post("bot", "other")`, `true`)
	if got := x.after(time.Millisecond); got != "" {
		t.Errorf("got %q of a session that is not watched", got)
	}
}

func TestWatchShowsFailures(t *testing.T) {
	x := newLooker(t, ticking)
	x.types(".watch adder")
	x.types(`poe.kernel:option("isolate", true)`)
	x.wants(`poe.kernel:call("adder", "fail")`, `1 adder fail\(\), called by 3 repl at .* failed: script:\d+: no way \[`)
}

func TestWatchedEventsWithinOneAnotherAreNested(t *testing.T) {
	x := newLooker(t, ticking)
	x.wants(".watch *", `^watching all sessions\n$`)
	got := x.after(1500 * time.Millisecond)
	if !strings.HasPrefix(got, "2 bot  tick(1), a timer set at script:") ||
		!strings.Contains(got, " {\n  1 adder  add(1, 40)") || !strings.Contains(got, "\n} 2 bot  tick [") {
		t.Errorf("got\n%s", got)
	}
	if strings.Contains(got, "repl") {
		t.Errorf("the prompt's own session is shown:\n%s", got)
	}
}

func TestWatchOfOneEventShowsNoOther(t *testing.T) {
	x := newLooker(t, ticking)
	x.wants(".watch bot more", `^watching 'more' of session 2 \(bot\)\n$`)
	x.types(`poe.kernel:post("bot", "other")`)
	wantInOrder(t, "after a while", x.after(10*time.Second), `^2 bot more\(\) from itself at script:\d+ \[[^]]+\]\n$`)
}

func TestAnEventIsShownOnceHoweverManyWatchIt(t *testing.T) {
	x := newLooker(t, ticking)
	x.types(".watch adder")
	x.types(".watch adder add")
	x.types(".watch *")
	if got := x.after(1500 * time.Millisecond); strings.Count(got, "add(") != 1 || strings.Count(got, "unknown(") != 1 {
		t.Errorf("got\n%s", got)
	}
}

func TestUnwatchEndsWatches(t *testing.T) {
	x := newLooker(t, ticking)
	x.wants(".watch", `^nothing is watched\n$`)
	x.types(".watch adder")
	x.types(".watch bot tick")
	x.types(".watch *")
	x.wants(".watch adder", `session 1 \(adder\) is watched already`)
	x.wants(".watch", `^watching session 1 \(adder\)\nwatching 'tick' of session 2 \(bot\)\nwatching all sessions\n$`)
	x.types(".unwatch *")
	x.wants(".unwatch bot tock", `'tock' of session 2 \(bot\) is not watched`)
	x.types(".unwatch bot tick")
	x.wants(".watch", `^watching session 1 \(adder\)\n$`)
	x.types(".unwatch")
	x.wants(".watch", `^nothing is watched\n$`)
	if got := x.after(10 * time.Second); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestAWatchEndsWithItsSession(t *testing.T) {
	x := newLooker(t, `
		poe.Session.create { inline_states = {
			_start = function(ctx) ctx.kernel:delay("last", 1) end,
			last = function() end,
		} }`)
	x.types(".watch 1")
	got := x.after(2 * time.Second)
	wantInOrder(t, "at the end", got, `1 last\(\), a timer`, `session 1 stops; it is watched no more`)
	x.wants(".watch", `^nothing is watched\n$`)
	x.wants(".watch 1", `no session`)
}

func TestAWatchEndsWithItsPrompt(t *testing.T) {
	x := newLooker(t, ticking)
	x.types(".watch *")
	x.p.Close()
	if got := x.after(10 * time.Second); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestThereIsABoundToWatches(t *testing.T) {
	x := newLooker(t, fmt.Sprintf(many, 200))
	for i := range 100 {
		x.types(fmt.Sprintf(".watch %d", i+1))
	}
	x.wants(".watch 150", `there are 100 watches already`)
}

func TestASlowReaderIsToldHowMuchWasNotShown(t *testing.T) {
	x := newLooker(t, `
		poe.Session.create { inline_states = {
			_start = function(ctx) ctx.kernel:alias_set("fast") ctx.kernel:delay("go", 1) ctx.kernel:delay("again", 5) end,
			go = function(ctx) for i = 1, 1234 do ctx.kernel:yield("e", i) end end,
			e = function() end, again = function() end,
		} }`)
	x.types(".watch fast e")
	x.types(".watch fast again")
	x.full = true
	if got := x.after(2 * time.Second); got != "" {
		t.Errorf("got %d bytes for a reader that takes nothing", len(got))
	}
	x.full = false
	wantInOrder(t, "later", x.after(5*time.Second), `^\.\.\. 1,234 not shown\n1 fast again`)
}

func TestAReaderThatIsReadyAgainIsToldAtOnce(t *testing.T) {
	x := newLooker(t, ticking)
	x.types(".watch adder")
	x.full = true
	x.after(1500 * time.Millisecond)
	x.full = false
	x.p.Drained()
	if got, want := x.out.String(), "... 2 not shown\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestArgumentsAreShownAsTheyCame(t *testing.T) {
	x := newLooker(t, `
		poe.Session.create { inline_states = {
			_start = function(ctx)
				ctx.kernel:alias_set("s")
				ctx.kernel:delay("e", 1, { 1 }, "a\27[2J", nil, ("x"):rep(100000))
			end,
			e = function(ctx, t) t[1] = "changed" end,
		} }`, func(c *repl.Config) { c.Width = func() int { return 100 } })
	x.types(".watch s")
	got := x.after(1500 * time.Millisecond)
	wantInOrder(t, "the event", got, `^1 s e\(\{ ?1 ?\}, "a\\`, `nil, "xxxx`)
	if strings.Contains(got, "\x1b") || len(got) > 1000 {
		t.Errorf("got %d bytes: %.300q", len(got), got)
	}
}

// Watching costs what printing costs; a reader that takes nothing costs less.
func BenchmarkWatch(b *testing.B) {
	for _, full := range []bool{false, true} {
		b.Run(fmt.Sprintf("full=%v", full), func(b *testing.B) {
			x := newLooker(b, `
				poe.Session.create { inline_states = {
					_start = function(ctx) ctx.kernel:yield("e", 1) end,
					e = function(ctx, n) ctx.kernel:yield("e", n + 1) end,
				} }`)
			x.types(".watch *")
			x.p.Out = func(string) {}
			x.full = full
			n := 0
			b.ResetTimer()
			if err := x.rt.Kernel().RunWhile(b.Context(), func() bool { n++; return n <= b.N }); err != nil {
				b.Fatal(err)
			}
		})
	}
}
