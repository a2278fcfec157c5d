package repl_test

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

// looker types at a program in virtual time.
type looker struct {
	t    testing.TB
	rt   *runtime.Runtime
	p    *repl.Prompt
	out  strings.Builder
	full bool // the reader takes nothing
	done bool
}

// newLooker runs a script, without its events, and opens a prompt on it.
func newLooker(t testing.TB, script string, set ...func(*repl.Config)) *looker {
	t.Helper()
	return lookerOn(t, runtime.Options{Clock: "simulated"}, script, set...)
}

// newRealLooker is newLooker for programs that watch handles: virtual time has none.
func newRealLooker(t testing.TB, script string, set ...func(*repl.Config)) *looker {
	t.Helper()
	return lookerOn(t, runtime.Options{}, script, set...)
}

func lookerOn(t testing.TB, o runtime.Options, script string, set ...func(*repl.Config)) *looker {
	t.Helper()
	o.Stderr = io.Discard
	rt, err := runtime.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rt.Close() })
	if err := rt.DoString("script", `local poe = require "poe" `+script); err != nil {
		t.Fatal(err)
	}
	x := &looker{t: t, rt: rt}
	c := repl.Config{
		Out:  func(text string) { x.out.WriteString(text) },
		Full: func() bool { return x.full },
		Done: func(repl.State) { x.done = true },
		Keep: true,
	}
	for _, f := range set {
		f(&c)
	}
	if x.p, err = rt.Prompt(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.p.Close)
	return x
}

// while runs the program.
func (x *looker) while(more func() bool) {
	x.t.Helper()
	if err := x.rt.Kernel().RunWhile(x.t.Context(), more); err != nil {
		x.t.Fatal(err)
	}
}

// run lets the program go on for so long.
func (x *looker) run(d time.Duration) {
	x.t.Helper()
	k := x.rt.Kernel()
	end := k.Clock().Now() + d
	x.while(func() bool {
		at, ok := k.NextEvent()
		return ok && at.Sub(k.Clock().Wall()) < end-k.Clock().Now()
	})
}

// settle lets what is to stop at once do so.
func (x *looker) settle() {
	x.t.Helper()
	for range 3 {
		x.rt.Kernel().Submit(func() {}) // so that it does not wait for anything
		passes := 0
		x.while(func() bool { passes++; return passes == 1 })
	}
}

// types types a line and returns what is printed until the next may come.
func (x *looker) types(line string) string {
	x.t.Helper()
	x.out.Reset()
	x.done = false
	x.p.Line(line)
	if !x.done {
		x.while(func() bool { return !x.done })
	}
	return x.out.String()
}

// wants types a line and looks for patterns in what is printed, in this order. Several spaces count as one; ^ and $ are
// the ends of a line.
func (x *looker) wants(line string, patterns ...string) {
	x.t.Helper()
	wantInOrder(x.t, line, x.types(line), patterns...)
}

func wantInOrder(t testing.TB, what, text string, patterns ...string) {
	t.Helper()
	text = regexp.MustCompile(` +`).ReplaceAllString(text, " ")
	rest := text
	for _, p := range patterns {
		at := regexp.MustCompile("(?m)" + p).FindStringIndex(rest)
		if at == nil {
			t.Errorf("%s: no %q in order in\n%s", what, p, text)
			return
		}
		rest = rest[at[1]:]
	}
}

// house is a program with a little of everything but handles.
const house = `
	poe.Session.create { inline_states = {
		_start = function(ctx)
			ctx.kernel:alias_set("main")
			ctx.heap.color = "blue"
			ctx.kernel:sig("TERM", "term", 7)
			poe.Session.create { inline_states = { _start = function(ctx)
				ctx.kernel:alias_set("worker")
				ctx.kernel:alias_set("slave")
				ctx.kernel:delay("tick", 3.2, "x", 2)
				ctx.session:option("debug", true)
				ctx.heap.cb = ctx.session:postback("called", 5)
			end, tick = function(ctx, a, b) ctx.kernel:post("main", "done", a) return 1 end, called = function() end } }
			ctx.kernel:post("worker", "hello", { 1, 2 })
		end,
		done = function() end,
		term = function() end,
	} }`

// piped is a program that watches two pipes.
const piped = `
	poe.Session.create { inline_states = { _start = function(ctx)
		local r, w = poe.pipe.OneWay.new()
		ctx.heap.writer = w
		ctx.kernel:select_read(r, "readable")
		poe.wheel.ReadWrite.new { handle = poe.pipe.TwoWay.new(), input_event = "line" }
	end } }`

func TestSessionsShowsTheTreeAndWhatKeepsItAlive(t *testing.T) {
	x := newLooker(t, house)
	x.wants(".sessions", `^ ID SESSION KIND STATES KEPT ALIVE BY$`,
		`^ 1 main session 3 1 sent event, alias, 1 child$`,
		`^ 2 slave, worker session 3 1 event, 1 timer, alias, reference anon_event x1$`,
		`^ 3 repl session \d+ this prompt$`, `^3 sessions$`)
	x.wants(".sessions worker", `^ 2 slave, worker`, `^1 session$`)
	x.wants(".sessions nobody", `no session 'nobody'`)

	x = newRealLooker(t, piped)
	x.wants(".sessions", `^ 1 session 1 session 1 1 handle, wheel 1 \(ReadWrite\)$`)
}

func TestSessionsSaysWhoIsAboutToStop(t *testing.T) {
	x := newLooker(t, `poe.Session.create { inline_states = { _start = function() end } }`)
	x.wants(".sessions", `^ 1 session 1 session 1 nothing: it is about to stop$`)
}

func TestSessionShowsAllAboutOne(t *testing.T) {
	x := newLooker(t, house)
	x.wants(".session main",
		`^session 1 \(main\)$`, `^ kind session$`, `^ aliases main$`, `^ parent kernel$`, `^ children 2 slave$`,
		`^ created 0 s ago; \d+ events? handled since$`, `^ alive by 1 sent event`, `^ heap \{.*color = "blue"`,
		`^ handlers _start script:\d+$`, `^ done script:\d+$`, `^ signals TERM: 'term' with 7$`)
	x.wants(".session 2", `^ aliases slave$`, `^ worker$`, `^ parent 1 main$`, `^ options debug = true$`,
		`^ queue now hello from 1 main at script:\d+$`, `^ 3.2 s tick from 2 slave at script:\d+$`,
		`^ postbacks postback of 'called' with`, `^ references anon_event x1$`)
	x.wants(".session repl", `^ kind`, `^ alive by this prompt$`)
	x.wants(".session", `an alias of a session is needed`)
	x.wants(".session nobody", `no session 'nobody'`)
	x.wants(".session "+x.rt.Kernel().ID(), `^the kernel$`, `^ kind kernel$`)

	x = newRealLooker(t, piped)
	x.wants(".session 1", `^ watches descriptor \d+ \(read\): 'readable'$`, `^ wheels 1 ReadWrite: `)
}

func TestSessionSaysWhereHandlersCameFrom(t *testing.T) {
	x := newLooker(t, `
		local object = { said = function() end }
		local Named = setmetatable({ name = "Named" }, { __index = poe.Session })
		Named:create {
			inline_states = { _start = function(ctx)
				ctx.kernel:alias_set("s")
				ctx.kernel:state("late", function() end)
				ctx.kernel:state("go", print)
			end },
			object_states = { object, { say = "said" } },
			package_states = { object, { tell = "said" } },
		}`)
	x.wants(".session s", `^ kind session of class Named$`,
		`^ handlers _start script:\d+$`, `^ go not in Lua, set by kernel:state$`, `^ late script:\d+, set by kernel:state$`,
		`^ say script:2, method 'said' of object states$`, `^ tell script:2, method 'said' of package states$`)
}

func TestAStateMachineShowsItsState(t *testing.T) {
	x := newLooker(t, `
		local m = poe.NFA.spawn { inline_states = {
			closed = {
				enter = function(ctx) ctx.kernel:alias_set("door") end,
				open = function(ctx) ctx.machine:goto_state("opened") end,
			},
			opened = { close = function(ctx) ctx.machine:goto_state("closed") end },
		} }
		m:goto_state("closed", "enter")`)
	x.settle()
	x.wants(".sessions", `^ 1 door nfa closed 2 alias$`)
	x.wants(".session door", `^ kind nfa$`, `^ state closed$`, `^ handlers enter script:4$`, `^ open script:5$`)
	x.wants(".post door open", ``)
	x.settle()
	x.wants(".session door", `^ state opened$`, `^ handlers close script:7$`)
}

func TestSessionsOfGoAreShown(t *testing.T) {
	x := newLooker(t, "")
	if _, err := x.rt.Kernel().Spawn(kernel.Session{Alias: "gopher", Start: func(c *kernel.Context) any {
		c.DelaySet("tick", time.Minute)
		return nil
	}}); err != nil {
		t.Fatal(err)
	}
	x.wants(".sessions", `^ 2 gopher go 1 timer, alias$`)
	x.wants(".session gopher", `^ kind go$`, `^ alive by 1 timer, alias$`, `^ queue 1 min tick from 2 gopher$`)
	x.wants(".why gopher", `waits for its timer 'tick', due in 1 min`)
}

func TestTablesOfAliasesHandlesSignalsWheels(t *testing.T) {
	x := newLooker(t, house)
	x.wants(".aliases", `^ALIAS SESSION$`, `^main 1 main$`, `^slave 2 slave$`, `^worker 2 slave$`)
	x.wants(".signals", `^SESSION SIGNAL EVENT ARGUMENTS$`, `^1 main TERM term 7$`)
	x.wants(".handles", `^no descriptor is watched$`)
	x.wants(".wheels", `^there is no wheel$`)

	x = newRealLooker(t, piped)
	x.wants(".handles", `^ FD MODE EVENT WATCHED BY$`, `^ \d+ read readable 1$`, `^ \d+ read wheel 1 \(ReadWrite\) of 1$`)
	x.wants(".wheels", `^ ID KIND SESSION HANDLE$`, `^ 1 ReadWrite 1 .*\d+`)
	x.wants(".queue 1", `^no event waits$`)
}

func TestQueueIsInDueOrder(t *testing.T) {
	x := newLooker(t, `
		poe.Session.create { inline_states = { _start = function(ctx)
			ctx.kernel:alias_set("q")
			ctx.kernel:delay_add("late", 7200)
			ctx.kernel:delay_add("soon", 0.015, "arg")
			ctx.kernel:yield("first", 1, nil, "two")
			ctx.kernel:signal(poe.kernel, "HUP")
		end } }`)
	x.wants(".queue", `^ DUE IN EVENT FROM TO ARGUMENTS$`,
		`^ now first 1 q 1 q 1, nil, "two"$`, `^ now signal HUP 1 q kernel$`,
		`^ 15 ms soon 1 q 1 q "arg"$`, `^ 2 h late 1 q 1 q$`)
	x.wants(".queue q", `first`, `soon`, `late`)
	if got := x.types(".queue q"); strings.Contains(got, "HUP") {
		t.Errorf("got an event of another in\n%s", got)
	}
	x.wants(".queue repl", `^no event waits$`)
}

func TestALongQueueIsNotWalkedToItsEnd(t *testing.T) {
	x := newLooker(t, `
		poe.Session.create { inline_states = { _start = function(ctx)
			for i = 1, 20000 do ctx.kernel:yield("e", i) end
		end } }`)
	text := x.types(".queue")
	if lines := strings.Count(text, "\n"); lines != 1002 || !strings.HasSuffix(text, "\n... and 19,000 more\n") {
		t.Errorf("got %d lines, the last ones %q", lines, text[max(0, len(text)-60):])
	}
}

func TestStatsTellsWhatHappenedSinceTheLastTime(t *testing.T) {
	x := newLooker(t, `
		poe.Session.create { inline_states = {
			_start = function(ctx) ctx.kernel:delay("tick", 1) end,
			tick = function(ctx) ctx.kernel:delay("tick", 1) end,
		} }`)
	x.wants(".stats", `TOTAL SINCE THE BEGINNING PER SECOND$`, `^events dispatched 0 0 0$`, `timers set 1 1`)
	x.run(10 * time.Second)
	x.wants(".stats", `TOTAL SINCE THE LAST .STATS PER SECOND$`,
		`^events dispatched \d+ \d+`, `^timers set 1\d (9|10) (0\.9|1)\.?\d*$`, `^time \d+ s \d+ s$`,
		`now 2 sessions, \d+ events? in the queue`)
}

func TestMemTellsWhatTakesMemory(t *testing.T) {
	x := newLooker(t, house)
	x.wants(".mem", `sessions [\d.]+ [KM]iB 3 sessions$`, `queue .* \d events$`, `together \d`, `objects \d`, `all \d`)
}

func TestLinesFitATerminal(t *testing.T) {
	x := newLooker(t, house+`
		for i = 1, 30 do poe.Session.create { inline_states = { _start = function(ctx)
			for j = 1, 20 do ctx.kernel:alias_set(("long alias %d %d"):format(i, j)) end
			for j = 1, 2 do ctx.kernel:refcount_increment(ctx.session:id(), "a long name of a reference " .. j) end
			ctx.kernel:yield(("event"):rep(100), ("x"):rep(1000))
			ctx.heap.big = ("y"):rep(1000)
		end } } end`,
		func(c *repl.Config) { c.Terminal, c.Width = true, func() int { return 72 } })
	for _, line := range []string{
		".sessions", ".session main", ".session 4", ".queue", ".aliases", ".handles", ".signals", ".wheels",
		".why", ".why main", ".why 4", ".stats", ".mem", ".help",
	} {
		for text := range strings.Lines(x.types(line)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(text, "\n")); n > 72 {
				t.Errorf("%s: a line has %d columns:\n%s", line, n, text)
			}
		}
	}
}

// many are sessions beside each other.
const many = `
	local states = { _start = function(ctx) ctx.kernel:delay("stay", 3600) end, stay = function() end }
	poe.Session.create { inline_states = { _start = function(ctx)
		for i = 1, %d do poe.Session.create { inline_states = states } end
	end } }`

func TestSessionsMayStopBetweenTwoLines(t *testing.T) {
	for _, line := range strings.Split(".sessions|.aliases|.wheels|.session 1|.queue|.why 1|.why|.signals", "|") {
		t.Run(line, func(t *testing.T) {
			x := newLooker(t, fmt.Sprintf(many, 50))
			shown := 0
			x.p.Out = func(text string) {
				x.out.WriteString(text)
				shown += strings.Count(text, "\n")
				x.full = x.full || shown == 3
			}
			x.p.Line(line)
			k := x.rt.Kernel()
			if err := k.Signal(k.ByID(1), "KILL", kernel.Site{}, nil); err != nil {
				t.Fatal(err)
			}
			x.while(func() bool { return k.Sessions() > 1 })
			x.full, shown = false, 4
			x.p.Drained()
			x.while(func() bool { return !x.done })
		})
	}
}

// What delays a timer of the program is the longest time between two passes.
func BenchmarkSessionsOf100000(b *testing.B) {
	x := newRealLooker(b, fmt.Sprintf(many, 100_000))
	x.settle()
	x.p.Out = func(string) {}
	var longest time.Duration
	for b.Loop() {
		x.done = false
		at := time.Now()
		pass := func() {
			now := time.Now()
			longest = max(longest, now.Sub(at))
			at = now
		}
		x.p.Line(".sessions")
		pass()
		x.while(func() bool { pass(); return !x.done })
		pass()
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms/longest")
}
