package repl_test

import (
	"testing"

	"github.com/poelua/poelua/runtime/repl"
)

// one is a program of one session.
func one(start string) string {
	return "poe.Session.create { inline_states = { _start = function(ctx) " + start + " end } }"
}

func TestWhySaysWhatASessionWaitsFor(t *testing.T) {
	for _, c := range []struct {
		name, script, line string
		want               []string
	}{
		{"events", one(`ctx.kernel:yield("go") ctx.kernel:yield("go")`), ".why 1",
			[]string{`^Session 1 is about to handle 'go' from 1 at script:1 \(1 of 2 events\)\.\n`,
				`It is kept alive by\n 2 events queued for it\n`}},
		{"a timer", one(`ctx.kernel:alias_set("bot") ctx.kernel:delay("tick", 7200)`), ".why bot",
			[]string{`^Session 1 \(bot\) waits for its timer 'tick', due in 2 h\.$`, `1 timer in .*: tick$`, `alias bot`}},
		{"a handle", `poe.Session.create { inline_states = { _start = function(ctx)
				ctx.heap.r, ctx.heap.w = poe.pipe.OneWay.new()
				ctx.kernel:select_read(ctx.heap.r, "readable")
			end } }`, ".why 1",
			[]string{`^Session 1 waits for descriptor \d+ \(read\)\.\n`, `handle \d+ \(read\)`}},
		{"a wheel", `poe.Session.create { inline_states = { _start = function(ctx)
				poe.wheel.ReadWrite.new { handle = poe.pipe.TwoWay.new(), input_event = "x" }
			end } }`, ".why 1",
			[]string{`^Session 1 waits for wheel 1 \(ReadWrite\)\.\n`, `wheel 1 \(ReadWrite\)`}},
		{"a child", `poe.Session.create { inline_states = { _start = function(ctx)
				poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:delay("x", 60) end } }
			end } }`, ".why 1",
			[]string{`^Session 1 waits for nothing of its own: it lives as long as its child\.\n session 2: 1 timer\n`,
				`child 2`}},
		{"a postback", one(`ctx.heap.p = ctx.session:postback("x")`), ".why 1",
			[]string{`^Session 1 waits for nothing of its own: somebody holds 1 reference to it\.\n`,
				`reference anon_event x1`}},
		{"an alias", one(`ctx.kernel:alias_set("a")`), ".why a",
			[]string{`^Session 1 \(a\) waits to be sent something`, `alias a\n`}},
		{"the prompt", "", ".why repl", []string{`^Session 1 \(repl\) is this prompt`}},
		{"one that has stopped", one(""), ".why 1", []string{`session 1 has stopped`}},
		{"nobody", "", ".why nobody", []string{`no session 'nobody'`}},
		{"nobody yet", "", ".why 77", []string{`no session '77'`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newRealLooker(t, c.script)
			if c.name == "one that has stopped" {
				x.settle()
			}
			x.wants(c.line, c.want...)
		})
	}
}

func TestWhySaysWhatTheProgramWaitsFor(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"nobody", "", []string{`^There is no session but this prompt's: the program has ended, or has not begun\.\n$`}},
		{"an event", one(`ctx.kernel:delay("t", 7200) ctx.kernel:yield("go")`),
			[]string{`^The program is at work: it is about to handle 'go' of 1, from 1 at script:1\.`,
				`The next timer is 't' of 1, due in 2 h\.$`, `1 session, 2 events in the queue`}},
		{"a timer", one(`ctx.kernel:delay("late", 9000) ctx.kernel:delay("tick", 7200)`),
			[]string{`^The program waits for the timer 'tick' of 1, due in 2 h\.\n`}},
		{"a handle", `poe.Session.create { inline_states = { _start = function(ctx)
				ctx.heap.r, ctx.heap.w = poe.pipe.OneWay.new()
				ctx.kernel:select_read(ctx.heap.r, "readable")
			end } }`,
			[]string{`^The program waits for 1 handle\. No timer is set\.\n`, ` descriptor \d+ \(read\): 1\n`}},
		{"nothing", one(`ctx.kernel:alias_set("a") ctx.heap.p = ctx.session:postback("x")`),
			[]string{`^Nothing will happen by itself: no event waits`,
				`Who is left, and why:\n session 1 \(a\): alias, reference anon_event x1\n$`}},
		{"a paused handle", `poe.Session.create { inline_states = { _start = function(ctx)
				ctx.heap.r, ctx.heap.w = poe.pipe.OneWay.new()
				ctx.kernel:select_read(ctx.heap.r, "readable")
				ctx.kernel:select_pause_read(ctx.heap.r)
			end } }`,
			[]string{`^Nothing will happen by itself: 1 handle watched, but paused`, `^ session 1: 1 handle$`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			newRealLooker(t, c.script).wants(".why", c.want...)
		})
	}
}

func TestWhyIsShortHoweverMuchThereIs(t *testing.T) {
	x := newRealLooker(t, `
		poe.Session.create { inline_states = { _start = function(ctx)
			for i = 1, 500 do
				local r, w = poe.pipe.OneWay.new()
				ctx.heap[i] = { r, w }
				ctx.kernel:select_read(r, "readable")
				poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:alias_set("s" .. i) end } }
			end
		end } }`, func(c *repl.Config) { c.Terminal = true })
	for _, line := range []string{".why", ".why 1", ".session 1"} {
		if got := x.types(line); len(got) > 8000 {
			t.Errorf("%s: got %d bytes:\n%.3000s", line, len(got), got)
		}
	}
}
