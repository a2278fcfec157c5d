package repl_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
	"github.com/poelua/poelua/runtime/repl"
)

func TestWhatIsTyped(t *testing.T) {
	tests := []struct {
		name  string
		typed []exchange
	}{
		{"an expression shows its values", []exchange{{"1 + 1", "2\n"}, {"= 1, nil, 'x'", "1  nil  \"x\"\n"}, {"nil", "nil\n"}}},
		{"a call shows its values, if it has some", []exchange{{"select('#')", "0\n"}, {"(function() end)()", ""}, {"math.max(1, 2)", "2\n"}}},
		{"a statement shows nothing", []exchange{{"x = 5", ""}, {"for i = 1, 3 do end", ""}}},
		{"an empty line does nothing", []exchange{{"", ""}, {"  ", ""}, {"-- nothing", ""}}},
		{"return shows values, too", []exchange{{"return 1, 2", "1  2\n"}, {"x = 1 return x, _", "1  1\n"}, {"return", ""}}},
		{"a global stays, the program's as well", []exchange{{"x = 5", ""}, {"x", "5\n"}, {"_G.x", "5\n"}, {"getfenv(1) == _G", "true\n"}}},
		{"a local stays", []exchange{
			{"local x, y = 1", ""}, {"x, y", "1  nil\n"}, {"y = 7", ""}, {"y, _G.y", "7  nil\n"},
			{"local x", ""}, {"x", "nil\n"}, {"local a, b, c = (function() return 1, 2, 3 end)()", ""}, {"a, b, c", "1  2  3\n"},
			{"a, b = b, a", ""}, {"a, b", "2  1\n"},
		}},
		{"a local function stays and knows itself", []exchange{
			{"local function f(n) if n == 0 then return 1 end return n * f(n - 1) end", ""}, {"f(5)", "120\n"}, {"_G.f", "nil\n"},
			{"local f = function() return f end", ""}, {"f() == f", "true\n"},
		}},
		{"a function shares the locals that are typed later", []exchange{
			{"local n = 1", ""}, {"function up() n = n + 1 return n end", ""}, {"up()", "2\n"}, {"n", "2\n"}, {"n = 10", ""}, {"up()", "11\n"},
		}},
		{"a function sees what was a global when it was typed", []exchange{
			{"function get() return later end", ""}, {"local later = 1", ""}, {"get()", "nil\n"}, {"later", "1\n"},
		}},
		{"variables of blocks end with them", []exchange{
			{"local x = 1", ""}, {"do local x = 2 x = 3 end", ""}, {"x", "1\n"},
			{"for x = 5, 6 do x = 7 end for x in pairs{} do end repeat local x = true until x", ""}, {"x", "1\n"},
			{"(function(x) x = 9 return x end)(8)", "9\n"}, {"x", "1\n"},
			{"local t = { x = x, [x] = 'one' }", ""}, {"t.x, t[x], #t", "1  \"one\"  1\n"},
			{"function t:m(x) return self == t, x end", ""}, {"t:m(4)", "true  4\n"},
			{"if x == 1 then local x = 2 y = x else y = x end", ""}, {"y", "2\n"},
			{"while x < 3 do x = x + 1 end", ""}, {"x, -x, not x, x .. x, x and 1", "3  -3  false  \"33\"  1\n"},
		}},
		{"locals on both sides of goto", []exchange{{"goto done local x = 1 ::done:: y = x", ""}, {"y", "nil\n"}}},
		{"_ is the last value", []exchange{
			{"6 * 7", "42\n"}, {"_ + 1", "43\n"}, {"x = 1", ""}, {"_", "43\n"}, {"1, 2", "1  2\n"}, {"_", "1\n"},
			{"for _, v in ipairs{ 5 } do end", ""}, {"_", "1\n"},
		}},
		{"what is at hand", []exchange{
			{"ctx.session == kernel:get_active_session(), ctx.kernel == kernel, kernel == poe.kernel, ctx.heap == heap", "true  true  true  true\n"},
			{"ctx.session", "poe.Session(1 repl)\n"}, {"ctx.state", "\"eval\"\n"}, {"_G.ctx, _G.heap, _ENV", "nil  nil  nil\n"},
		}},
		{"an unfinished input asks for more", []exchange{
			{"for i = 1, 2 do\nx = i\nend", ""}, {"x", "2\n"}, {"1 +\n1", "2\n"}, {"f = function()\nreturn [[\na]]\nend", ""}, {"f()", "\"a\"\n"},
			{"x = {\n1,\n2 --[[ and\nthat is ]] }", ""}, {"#x", "2\n"}, {"'a\\\nb'", "\"a\\nb\"\n"}, {"(\n1\n)", "1\n"},
		}},
		{"a line within an input is no command", []exchange{{"x = { a = 1 }\nx\n.a\n", "{a = 1}\nunknown command '.a'; .help lists all\n"}, {"= (x\n.a)", "1\n"}}},
		{"a number may begin with a dot", []exchange{{".5 + 1", "1.5\n"}}},
		{"a blank line ends an input", []exchange{{"for\n", "repl:2: syntax error near '<eof>'\n"}, {"1 +\n", "repl:2: syntax error near '<eof>'\n"}, {"1", "1\n"}}},
		{"a syntax error is one line", []exchange{
			{"x y", "repl:1: syntax error near 'y'\n"}, {"'abc", "repl:1: unfinished string near '<eof>'\n"}, {"x = = 1", "repl:1: syntax error near '='\n"},
			{"break", "repl:1: no loop to break\n"}, {"@", "repl:1: unexpected symbol near '@'\n"}, {"\x1b[2J", "repl:1: unexpected symbol near 'char(27)'\n"},
			{"do\nx =\nend", "repl:3: syntax error near 'end'\n"},
		}},
		{"an error is told and does no harm", []exchange{
			{"error('no luck', 0)", "no luck\nstack traceback:\n\t[Go]: in function 'error'\n\trepl:1: in main chunk\n"},
			{"function f()\nerror('no luck')\nend", ""},
			{"f()\n", "repl:2: no luck\nstack traceback:\n\t[Go]: in function 'error'\n\trepl:2: in function <repl:1>\n\t(...tail calls...)\n"},
			{"local t = nil t.x = 1", "repl:1: attempt to index a non-table object(nil) with key 'x'\n"},
			{"error{ code = 7 }", "{code = 7}\nstack traceback:\n\t[Go]: in function 'error'\n\trepl:1: in main chunk\n"},
			{"error('\\27[2J', 0)", "\\027[2J\nstack traceback:\n\t[Go]: in function 'error'\n\trepl:1: in main chunk\n"},
			{"coroutine.yield()", "repl:1: attempt to yield from outside a coroutine\nstack traceback:\n\t[Go]: in function 'yield'\n\trepl:1: in main chunk\n"},
			{"1", "1\n"},
		}},
		{"print and io.write are shown", []exchange{
			{"print(1, 'x')", "1\tx\n"}, {"local _ = io.write('a', 1)", "a1"}, {"local _ = io.stdout:write('b')", "b"},
			{"io.stdout:setvbuf('full')", "true\n"}, {"local _ = io.write('c')", "c"},
		}},
		{"standard input is not read", []exchange{
			{"io.read()", "nil  \"standard input is not to be read at a prompt\"  5\n"},
			{"(pcall(io.lines()))", "false\n"}, {"(pcall(dofile))", "false\n"}, {"io.stdin:read('*a')", "nil  \"standard input is not to be read at a prompt\"  5\n"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, runtime.Options{Stdin: strings.NewReader("a line\nanother\n")}, repl.Config{})
			b.exchange(test.typed)
			if got := b.stdout.String(); got != "" {
				t.Errorf("the program wrote %q", got)
			}
		})
	}
}

func TestStatesSayWhatIsAwaited(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.types("1", "for i = 1, 2 do", "x = i", "end", "x", "(", "", ".help", ".quit")
	want := []repl.State{repl.Ready, repl.More, repl.More, repl.Ready, repl.Ready, repl.More, repl.Ready, repl.Ready, repl.Quit}
	for i, s := range want {
		if b.states[i] != s {
			t.Errorf("line %d: got %d, want %d", i+1, b.states[i], s)
		}
	}
	b.types("(")
	b.p.Drop()
	if got := b.types("1"); got != "1\n" {
		t.Errorf("after Drop: got %q", got)
	}
}

func TestLongInput(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	lines := []string{"t = {"}
	for range 10_000 {
		lines = append(lines, "1,")
	}
	lines = append(lines, "}", "#t")
	if got := b.types(lines...); got != "10000\n" {
		t.Errorf("got %q", got)
	}
	lines = slices.Repeat([]string{"function f(x) -- {", "if x == [[ ( ]] then while x do x = false end elseif x then repeat until true", "else for i = 1, 2 do x = { i } end end end"}, 200)
	if got := b.types(append(append([]string{"do"}, lines...), "end", "f")...); got != "function repl:599\n" {
		t.Errorf("got %q", got)
	}
	if got := b.types(append(slices.Repeat([]string{"'" + strings.Repeat("x", 20) + "' .. [[ (", "]] .."}, 90), "'x'", "1")...); !strings.HasSuffix(got, "x (\\nx\"\n1\n") {
		t.Errorf("got %q", got)
	}
	if got := b.types(append(slices.Repeat([]string{"'x\\"}, 2000), "", "1")...); !strings.HasSuffix(got, "\n1\n") {
		t.Errorf("got %q", got)
	}
	if got := b.types(strings.Repeat("x", 2<<20), "1"); got != "the input is longer than 1048576 bytes: .load can run a file\n1\n" {
		t.Errorf("got %q", got)
	}
	if got := b.types(strings.Repeat("(", 500_000), ""); !strings.HasPrefix(got, "repl:") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %.100q", got)
	}
}

func TestAnErrorIsNoDIE(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.do(`require("poe").Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:sig("DIE", "died") ctx.kernel:alias_set("x") end, died = function() print("DIE") end } }`)
	b.types("error('x')", "local t = t.x", "kernel:yield('done')")
	b.untilShown("event done\n")
	if got := b.stdout.String(); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestEventsOfThePrompt(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.types("kernel:delay('tick', 1, 'x', { 1 })")
	b.untilShown("event tick \"x\", {1}\n")
	b.types("kernel:state('tick', function(ctx, what) print(what) heap.n = what kernel:yield('done') end)", "kernel:yield('tick', 7)")
	b.untilShown("event done\n")
	if got := b.types("heap.n"); got != "7\n" {
		t.Errorf("got %q", got)
	}
	if got := b.stdout.String(); got != "7\n" { // outside of evaluations print is the program's
		t.Errorf("the program wrote %q", got)
	}
	b.types("poe.Session.create{ inline_states = { _start = function() end } }", "kernel:yield('over')")
	b.untilShown("over")
	if got := b.shown.String(); strings.Contains(got, "_child") {
		t.Errorf("got %q", got)
	}
}

func TestHandlersOfTheProgramPrintWhereTheyAlwaysDo(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	b.do(`require("poe").Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("bot") end, say = function(ctx, text) print(text) return io.read(), "said" end } }`)
	if got := b.types("kernel:call('bot', 'say', 'hi')"); got != "nil  \"said\"\n" {
		t.Errorf("got %q", got)
	}
	if got := b.stdout.String(); got != "hi\n" {
		t.Errorf("the program wrote %q", got)
	}
}

func TestErrorsOfWhatThePromptMadeEndNothing(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.types("kernel:state('tick', function() error('no luck', 0) end)", "kernel:yield('tick')")
	b.untilShown("error in event 'tick' of poe.Session(1 repl): no luck\nstack traceback:")
	b.types("poe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:yield('go') end, go = function() local t = nil ; t() end } }")
	b.untilShown("error in event 'go' of poe.Session(2): repl:1: attempt to call")
	b.types("kernel:signal('repl', 'DIE')", "kernel:post('repl', '_start')", "kernel:post('repl', '_die', 1, 2)")
	b.untilShown("signal DIE\nsignal DIE\n")
	if got := b.types("kernel:alias_list()"); got != "{\"repl\"}\n" || b.stdout.Len() > 0 {
		t.Errorf("got %q; the program wrote %q", got, b.stdout.String())
	}
}

// interrupting calls Interrupt as soon as what was typed calls the function begun.
func interrupting(b *bench) {
	begun := make(chan bool)
	if _, err := b.Kernel().Spawn(kernel.Session{Alias: "watching", States: map[string]kernel.Handler{
		"begun": func(c *kernel.Context, args ...any) any { begun <- true; return nil },
	}}); err != nil {
		b.t.Fatal(err)
	}
	go func() {
		for range begun {
			b.p.Interrupt()
		}
	}()
	b.t.Cleanup(func() { close(begun) })
}

func TestInterruptEndsAnEvaluation(t *testing.T) {
	for name, typed := range map[string]string{
		"a loop":                          "kernel:call('watching', 'begun') while true do end",
		"a loop around pcall":             "kernel:call('watching', 'begun') while true do pcall(function() while true do end end) end",
		"a coroutine":                     "kernel:call('watching', 'begun') coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()",
		"a handler of the prompt's own":   "kernel:state('x', function() kernel:call('watching', 'begun') while true do end end) kernel:call(ctx.session, 'x')",
		"a __tostring that never returns": "setmetatable({}, { __tostring = function() kernel:call('watching', 'begun') while true do end end })",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, runtime.Options{}, repl.Config{})
			interrupting(b)
			got := b.types(typed)
			if name == "a __tostring that never returns" {
				if got != "{}\n" {
					t.Errorf("got %q", got)
				}
			} else if !strings.Contains(got, "interrupted\n") {
				t.Errorf("got %q", got)
			}
			if got := b.types("1"); got != "1\n" {
				t.Errorf("afterwards: got %q", got)
			}
		})
	}
}

// A handler that the evaluation calls goes on to its end, and so does what runs later.
func TestInterruptSparesHandlersOfTheProgram(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	interrupting(b)
	b.do(`require("poe").Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("bot") end,
  work = function(ctx) ctx.kernel:call("watching", "begun") for i = 1, 1e6 do end return "done" end } }`)
	b.p.Interrupt()
	if got := b.types("x = kernel:call('bot', 'work') while true do end"); !strings.HasPrefix(got, "repl:1: interrupted") {
		t.Errorf("got %q", got)
	}
	b.p.Interrupt()
	if got := b.types("x", ".call bot work"); got != "\"done\"\n\"done\"\n" {
		t.Errorf("got %q", got)
	}
	b.p.Interrupt()
	b.do("for i = 1, 1e6 do end")
}

func TestWithoutAMeterNothingIsInterrupted(t *testing.T) {
	b := newBench(t, runtime.Options{NoInterrupt: true}, repl.Config{})
	interrupting(b)
	if got := b.types("kernel:call('watching', 'begun')", "for i = 1, 1e5 do end", "1 + 1"); got != "2\n" {
		t.Errorf("got %q", got)
	}
}

func TestLimitsHoldForWhatIsTyped(t *testing.T) {
	b := newBench(t, runtime.Options{Limits: runtime.Limits{Instructions: 100_000}}, repl.Config{})
	if got := b.types("while true do end", "1"); !strings.Contains(got, "the limit of 100000 instructions is passed") || !strings.HasSuffix(got, "\n1\n") {
		t.Errorf("got %q", got)
	}
}

func TestALineInTheMiddleOfAnother(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	out := b.p.Out
	b.p.Out = func(text string) {
		b.p.Out = out
		b.p.Line("2")
		out(text)
	}
	b.p.Line("1")
	if got := b.shown.String(); got != "the line before this one is still being worked at\n1\n" || len(b.states) != 2 {
		t.Errorf("got %q, %d states", got, len(b.states))
	}
}

func TestAliases(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	second, err := b.Prompt(repl.Config{Out: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	if b.Kernel().Resolve("repl") == nil || b.Kernel().Resolve("repl2") == nil {
		t.Error("the second prompt is not called repl2")
	}
	second.Close()
	second.Close()
	second.Line("1")
	b.p.Complete("x", 1)
	b.until(func() bool { return b.Kernel().Resolve("repl2") == nil })
}

func TestCloseLeavesWhatWasMade(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.types("x = 1", `poe.Session.create{ inline_states = {
_start = function(ctx) ctx.kernel:alias_set("bot") ctx.kernel:delay("end", 1) end,
["end"] = function(ctx) print("the end") ctx.kernel:alias_remove("bot") end, _stop = function() print("stopped") end } }`)
	b.p.Close()
	b.p.Interrupt()
	b.until(func() bool { return b.Kernel().Resolve("repl") == nil })
	bot := b.Kernel().Resolve("bot")
	if bot == nil || bot.Parent() != b.Kernel().Root() {
		t.Fatal("the session that was made is gone, or not the kernel's")
	}
	if err := b.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.stdout.String(); got != "the end\nstopped\n" {
		t.Errorf("the program wrote %q", got)
	}
}

func TestAPromptWhoseSessionHasStopped(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{Keep: true})
	b.types(".signal repl KILL")
	b.until(func() bool { return b.Kernel().Resolve("repl") == nil })
	if got := b.types("1", ".help"); got != strings.Repeat("the prompt's session has stopped\n", 2) {
		t.Errorf("got %q", got)
	}
	b.p.Close()
}

func TestKeepKeepsTheProgram(t *testing.T) {
	b := newBench(t, runtime.Options{Idle: true}, repl.Config{Keep: true})
	turns := 0
	b.until(func() bool { turns++; b.Kernel().Submit(func() {}); return turns > 100 })
	if b.Kernel().Resolve("repl") == nil {
		t.Error("the prompt is gone")
	}
}

func TestPrintedTextHasABound(t *testing.T) {
	full, size, text := true, 0, ""
	b := newBench(t, runtime.Options{}, repl.Config{Full: func() bool { return full }})
	b.p.Out = func(s string) { size += len(s); text = s }
	b.types("local s = ('x'):rep(1000) for i = 1, 10000 do print(s) end")
	if size == 0 || size > 5<<20 {
		t.Errorf("got %d bytes", size)
	}
	full = false
	b.types("1")
	if text != "1\n" {
		t.Errorf("got %q", text)
	}
}

func TestLoad(t *testing.T) {
	b := newBench(t, runtime.Options{}, repl.Config{})
	dir := t.TempDir()
	write := func(name, source string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.lua", "#!/usr/bin/env poelua\nlocal x = 1\nprint('loaded')\n\nfunction get() return x end")
	bad, fails := write("bad.lua", "x ="), write("fails.lua", "local y = 2\nerror('no luck')")
	b.exchange([]exchange{
		{".load " + good, "loaded\n"}, {"x, get()", "1  1\n"},
		{".load " + bad, bad + ":1: syntax error near '<eof>'\n"},
		{".load " + fails, fails + ":2: no luck\nstack traceback:\n\t[Go]: in function 'error'\n\t" + fails + ":2: in main chunk\n"}, {"y", "2\n"},
		{".load " + dir, "open " + dir + ": it is no regular file\n"}, {".load", "the name of a file is needed\n"},
	})
	if got := b.types(".load " + filepath.Join(dir, "none")); !strings.HasSuffix(got, "no such file or directory\n") {
		t.Errorf("got %q", got)
	}
}
