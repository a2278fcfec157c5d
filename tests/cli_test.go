package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// inHandler is a program whose one session runs a chunk in the handler "tick".
func inHandler(body string) string {
	return `local poe = require "poe"
poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:yield("tick") end, tick = function(ctx)
` + body + `
end, _stop = function() print("stopped") end } }`
}

// K87, and the same for errors in other places.
func TestK87ErrorsShowMessagePlaceAndTraceback(t *testing.T) {
	for _, c := range []struct {
		name, source string
		stderr       []string
	}{
		{"main chunk", "local x = 1\nerror('boom')", []string{"script.lua:2: boom"}},
		{"not by error()", "local x = nil\nlocal y = x.field", []string{"script.lua:2: "}},
		{"handler", inHandler(`error("boom")`), []string{"script.lua:3: boom", "tick", "session"}},
		{"function called by a handler", inHandler("local function inner() error('boom') end\nlocal x = inner()\nreturn x"),
			[]string{"script.lua:3: boom", "script.lua:4", "tick"}},
		{"_start", `local poe = require "poe"
poe.Session.create { inline_states = { _start = function() error("boom") end } }`, []string{"script.lua:2: boom", "_start"}},
		{"_stop", `local poe = require "poe"
poe.Session.create { inline_states = { _start = function() end, _stop = function() error("boom") end } }`, []string{"script.lua:2: boom", "_stop"}},
		{"signal handler", inHandler(`ctx.kernel:sig("WAVE", "waved") ctx.kernel:signal(ctx.session, "WAVE")
ctx.kernel:state("waved", function() error("boom") end)`), []string{"script.lua:4: boom", "waved"}},
		{"postback", inHandler(`ctx.session:postback("back"):weaken()()
ctx.kernel:state("back", function() error("boom") end)`), []string{"script.lua:4: boom", "back"}},
		{"timer", inHandler(`ctx.kernel:delay("ring", 0.001)
ctx.kernel:state("ring", function() error("boom") end)`), []string{"script.lua:4: boom", "ring"}},
		{"object's method", `local poe = require "poe"
local object = { tick = function() error("boom") end }
poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:yield("tick") end }, object_states = { object, { "tick" } } }`,
			[]string{"script.lua:2: boom", "tick"}},
		{"coroutine", inHandler(`coroutine.wrap(function()
error("boom")
end)()`), []string{"script.lua:4: boom", "tick"}},
		{"DIE handler", inHandler(`ctx.kernel:sig("DIE", "died")
ctx.kernel:state("died", function() error("second") end)
error("first")`), []string{"script.lua:5: first", "While this error was handled, another one was raised:", "script.lua:4: second"}},
		{"DIE handler after sig_handled", inHandler(`ctx.kernel:sig("DIE", "died")
ctx.kernel:state("died", function() ctx.kernel:sig_handled() error("second") end)
error("first")`), []string{"script.lua:4: second"}},
		{"a session two levels down", `local poe = require "poe"
local create = poe.Session.create
create { inline_states = { _start = function()
  create { inline_states = { _start = function(ctx) ctx.kernel:yield("deep") end, deep = function() error("boom") end } } end } }`,
			[]string{"script.lua:4: boom", "deep"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runPoelua(t, scriptFile(t, c.source))
			if r.status != 1 {
				t.Errorf("got status %d, want 1", r.status)
			}
			r.wantStderr(t, append(c.stderr, "traceback")...)
			if !strings.HasPrefix(r.stderr, "poelua: ") {
				t.Errorf("got stderr %q, want it to begin with %q", r.stderr, "poelua: ")
			}
		})
	}
}

func TestErrorValuesAreShownByTheirContents(t *testing.T) {
	for _, c := range []struct{ raised, want string }{
		{`nil`, "nil"},
		{`{}`, "{"},
		{`{ code = 7 }`, "code"},
		{`{ number = 70007 }`, "70007"},
		{`{ inner = { reason = "deep" } }`, "deep"},
		{`{ "listed" }`, "listed"},
		{`setmetatable({}, { __tostring = function() return "in its own words" end })`, "in its own words"},
		{`12.5`, "12.5"},
		{`true`, "true"},
		{`"plain", 0`, "plain"},
	} {
		for place, source := range map[string]string{
			"main chunk": "error(" + c.raised + ")",
			"handler":    inHandler("error(" + c.raised + ")"),
		} {
			t.Run(c.raised+" in "+place, func(t *testing.T) {
				r := runPoelua(t, scriptFile(t, source))
				if r.status != 1 {
					t.Errorf("got status %d, want 1", r.status)
				}
				r.wantStderr(t, "poelua: ", c.want)
				if strings.Contains(r.stderr, "table: 0x") {
					t.Errorf("stderr shows an address: %s", r.stderr)
				}
			})
		}
	}
}

func TestTableThatContainsItselfIsShownAsAnError(t *testing.T) {
	r := runPoelua(t, "-e", `local x = { name = "loop" } x.x = x error(x)`)
	r.want(t, 1, "")
	r.wantStderr(t, "poelua: ", "loop")
}

func TestEndlessRecursionIsALuaError(t *testing.T) {
	const recurse = "local function f() return 1 + f() end\nf()"
	for name, source := range map[string]string{
		"main chunk": recurse,
		"handler":    inHandler(recurse),
		"coroutine":  inHandler("coroutine.wrap(function() " + recurse + " end)()"),
		"_stop":      `require("poe").Session.create { inline_states = { _start = function() end, _stop = function() ` + recurse + ` end } }`,
		"metamethod": `local x = setmetatable({}, {}) getmetatable(x).__index = function(self, k) return self[k] end local y = x.y`,
	} {
		t.Run(name, func(t *testing.T) {
			r := runPoelua(t, scriptFile(t, source))
			if r.status != 1 {
				t.Errorf("got status %d, want 1", r.status)
			}
			r.wantStderr(t, "poelua: ", "stack overflow")
		})
	}
}

func TestEndlessRecursionCanBeCaught(t *testing.T) {
	r := runPoelua(t, scriptFile(t, inHandler(`
local function f() return 1 + f() end
local ok, err = pcall(f)
print(ok, err:find("stack overflow", 1, true) ~= nil)`)))
	r.want(t, 0, "false\ttrue\nstopped\n")
}

func TestDeepRecursionWorks(t *testing.T) {
	const depth = "local function depth(n) if n == 0 then return 0 end return 1 + depth(n - 1) end\n"
	r := runPoelua(t, scriptFile(t, depth+`print(depth(19990)) print(coroutine.wrap(function() return depth(1990) end)())`))
	r.want(t, 0, "19990\n1990\n")
	r = runPoelua(t, scriptFile(t, depth+inHandler(`print(depth(19980))`)))
	r.want(t, 0, "19980\nstopped\n")
}

func TestScriptThatCannotBeRunFails(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, file, source string
		stderr             []string
	}{
		{"syntax", "script.lua", "local x = 1\nlocal = 2\n", []string{"script.lua:2: "}},
		{"unfinished", "script.lua", "if true then\n", []string{"script.lua:"}},
		{"unfinished string", "script.lua", "x = 1\ny = \"abc\n", []string{"script.lua:2: "}},
		{"garbage", "garbage", "\x00\x01\xff\xfe\x7fELF\x00\x00", []string{"garbage:1: "}},
		{"compiled Lua", "luac.out", "\x1bLuaQ\x00\x01\x04\x08\x04\x08\x00", []string{"luac.out"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(path, []byte(c.source), 0o644); err != nil {
				t.Fatal(err)
			}
			r := runPoelua(t, path)
			r.want(t, 1, "")
			r.wantStderr(t, append(c.stderr, "poelua: ")...)
		})
	}
	t.Run("missing", func(t *testing.T) {
		r := runPoelua(t, filepath.Join(dir, "absent.lua"))
		r.want(t, 1, "")
		r.wantStderr(t, "poelua: ", "absent.lua")
	})
	t.Run("directory", func(t *testing.T) {
		r := runPoelua(t, dir)
		r.want(t, 1, "")
		r.wantStderr(t, "poelua: ", dir)
	})
	t.Run("chunk of -e", func(t *testing.T) {
		r := runPoelua(t, "-e", "local = 2")
		r.want(t, 1, "")
		r.wantStderr(t, "poelua: ")
	})
}

func TestFirstLineMayNameTheInterpreter(t *testing.T) {
	r := runPoelua(t, scriptFile(t, "#!/usr/bin/env poelua\nprint('ran')\nerror('boom')"))
	r.want(t, 1, "ran\n")
	r.wantStderr(t, "script.lua:3: boom")
	runPoelua(t, scriptFile(t, "#!/usr/bin/env poelua")).want(t, 0, "")
}

func TestByteOrderMarkIsSkipped(t *testing.T) {
	r := runPoelua(t, scriptFile(t, "\xef\xbb\xbfprint('ran')\nerror('boom')"))
	r.want(t, 1, "ran\n")
	r.wantStderr(t, "script.lua:2: boom")
	runPoelua(t, scriptFile(t, "\xef\xbb\xbf#!/usr/bin/env poelua\nprint('ran')")).want(t, 0, "ran\n")
}

func TestEmptyScriptSucceeds(t *testing.T) {
	r := runPoelua(t, scriptFile(t, ""))
	r.want(t, 0, "")
	if r.stderr != "" {
		t.Errorf("got stderr %q, want none", r.stderr)
	}
}

func TestScriptRunsUntilEverySessionHasStopped(t *testing.T) {
	runPoelua(t, scriptFile(t, inHandler(`print("tick")`)+"\nprint('main')")).want(t, 0, "main\ntick\nstopped\n")
	t.Run("also when it calls run itself", func(t *testing.T) {
		runPoelua(t, scriptFile(t, inHandler(`print("tick")`)+"\nprint(require('poe').kernel:run())")).want(t, 0, "tick\nstopped\ntrue\n")
	})
}

func TestWrongOptionsExitWith2AndOneLine(t *testing.T) {
	for _, args := range [][]string{
		{"--nonsense"}, {"--nonsense", "script.lua"}, {"-z"}, {"--loop", "nosuch", "-e", ""}, {"--clock", "nosuch", "-e", ""},
		{"--trace", "nosuch", "-e", ""}, {"--assert", "nosuch", "-e", ""}, {"-e"}, {"-l"},
		{"--profile"}, {"--profile", "same", "--trace-file", "same", "-e", ""},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			r := runPoelua(t, args...)
			r.want(t, 2, "")
			r.wantStderr(t)
			if strings.Count(r.stderr, "\n") != 1 || !strings.HasSuffix(r.stderr, "\n") {
				t.Errorf("got stderr %q, want one line", r.stderr)
			}
		})
	}
	t.Run("the line names the option", func(t *testing.T) {
		runPoelua(t, "--nonsense").wantStderr(t, "nonsense")
		runPoelua(t, "--loop", "nosuch", "-e", "").wantStderr(t, "nosuch")
		runPoelua(t, "--profile").wantStderr(t, "'--profile' needs a value")
		runPoelua(t, "-e").wantStderr(t, "'-e' needs a value")
	})
}

func TestChunkOnTheCommandLine(t *testing.T) {
	runPoelua(t, "-e", `print("hello")`).want(t, 0, "hello\n")
	runPoelua(t, "-e", `print(#arg, arg[1], arg[2])`, "a", "--b").want(t, 0, "2\ta\t--b\n")
	runPoelua(t, "-e", inHandler(`print("tick")`)).want(t, 0, "tick\nstopped\n")
	r := runPoelua(t, "-e", "\nerror('boom')")
	r.want(t, 1, "")
	r.wantStderr(t, "poelua: ", ":2: boom")
}

func TestChunkFromStdin(t *testing.T) {
	for name, args := range map[string][]string{"a dash": {"-"}, "no argument": nil} {
		t.Run(name, func(t *testing.T) {
			cmd := poeluaCommand(t, args...)
			cmd.Stdin = strings.NewReader("print('from stdin')\nerror('boom')")
			r := runCommand(t, cmd)
			r.want(t, 1, "from stdin\n")
			r.wantStderr(t, "poelua: ", ":2: boom")
		})
	}
	t.Run("nothing", func(t *testing.T) { runPoelua(t).want(t, 0, "") })
	t.Run("arguments after the dash", func(t *testing.T) {
		cmd := poeluaCommand(t, "-", "a", "b")
		cmd.Stdin = strings.NewReader("print(#arg, arg[1], arg[2])")
		runCommand(t, cmd).want(t, 0, "2\ta\tb\n")
	})
}

func TestArgHoldsTheArguments(t *testing.T) {
	path := scriptFile(t, `print(arg[0], #arg, arg[1], arg[2], arg[3], ...)`)
	r := runPoelua(t, path, "one", "-e", "--nonsense")
	r.want(t, 0, path+"\t3\tone\t-e\t--nonsense\tone\t-e\t--nonsense\n")
	runPoelua(t, scriptFile(t, `print(#arg, arg[1], select("#", ...))`)).want(t, 0, "0\tnil\t0\n")
	runPoelua(t, scriptFile(t, `print(#arg, arg[1])`), "").want(t, 0, "1\t\n")
}

func TestPackagePathBeginsWithTheScriptsFolder(t *testing.T) {
	dir := t.TempDir()
	for name, source := range map[string]string{
		"main.lua":    `print(require("sibling"), package.path:find("./?.lua;./?/init.lua", 1, true) ~= nil)`,
		"path.lua":    `print(package.path:sub(1, #arg[1]) == arg[1])`,
		"sibling.lua": `return "sibling"`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runPoelua(t, filepath.Join(dir, "main.lua")).want(t, 0, "sibling\ttrue\n")
	runPoelua(t, filepath.Join(dir, "path.lua"), dir).want(t, 0, "true\n")

	t.Run("before LUA_PATH", func(t *testing.T) {
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, "sibling.lua"), []byte(`return "other"`), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other, "elsewhere.lua"), []byte(`return "elsewhere"`), 0o644); err != nil {
			t.Fatal(err)
		}
		main := filepath.Join(dir, "both.lua")
		if err := os.WriteFile(main, []byte(`print(require("sibling"), require("elsewhere"))`), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := poeluaCommand(t, main)
		cmd.Env = append(cmd.Env, "LUA_PATH="+other+"/?.lua")
		runCommand(t, cmd).want(t, 0, "sibling\telsewhere\n")
	})

	t.Run("by a relative name", func(t *testing.T) {
		cmd := poeluaCommand(t, filepath.Join(filepath.Base(dir), "main.lua"))
		cmd.Dir = filepath.Dir(dir)
		runCommand(t, cmd).want(t, 0, "sibling\ttrue\n")
	})
}

func TestOptionLRequiresFirst(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "early.lua"), []byte(`early = "loaded"`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := poeluaCommand(t, "-l", "early", "-e", `print(early, package.loaded.early)`)
	cmd.Env = append(cmd.Env, "LUA_PATH="+dir+"/?.lua")
	runCommand(t, cmd).want(t, 0, "loaded\ttrue\n")

	runPoelua(t, "-l", "poe", "-e", `print(package.loaded.poe ~= nil)`).want(t, 0, "true\n")
	r := runPoelua(t, "-l", "no_such_module", "-e", `print("ran")`)
	r.want(t, 1, "")
	r.wantStderr(t, "poelua: ", "no_such_module")
}

func TestRequirePoeAddsNothingToTheGlobals(t *testing.T) {
	runPoelua(t, "-e", `
local before = {}
for name in pairs(_G) do before[name] = true end
require "poe"
for name in pairs(_G) do if not before[name] then print("new: " .. name) end end
print(poe, kernel, POE)`).want(t, 0, "nil\tnil\tnil\n")
}

func TestVersionAndHelp(t *testing.T) {
	r := runPoelua(t, "version")
	if r.status != 0 || r.stderr != "" {
		t.Errorf("got status %d and stderr %q", r.status, r.stderr)
	}
	own := runPoelua(t, "-e", `print(require("poe").version)`)
	for _, want := range []string{strings.TrimSpace(own.stdout), runtime.Version(), "Lua 5.1", runtime.GOOS} {
		if want == "" || !strings.Contains(r.stdout, want) {
			t.Errorf("got version %q, want it to contain %q", r.stdout, want)
		}
	}
	if runtime.GOOS == "linux" && !strings.Contains(r.stdout, "epoll") {
		t.Errorf("got version %q, want it to name the loop", r.stdout)
	}

	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"help"}, []string{"poelua", "-e", "--trace", "check", "--clock"}},
		{[]string{"help", "kernel"}, []string{"post", "delay_set", "alias_resolve"}},
		{[]string{"help", "session"}, []string{"inline_states", "postback", "is_alive"}},
		{[]string{"help", "signals"}, []string{"sig_child", "ZOMBIE", "128"}},
	} {
		r := runPoelua(t, c.args...)
		if r.status != 0 || r.stderr != "" {
			t.Errorf("%v: got status %d and stderr %q", c.args, r.status, r.stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%v: got %q, want it to contain %q", c.args, r.stdout, want)
			}
		}
	}
	r = runPoelua(t, "help", "no_such_topic")
	if r.status == 0 {
		t.Errorf("help no_such_topic: got status 0")
	}
	r.wantStderr(t, "no_such_topic")
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name, source string
		want         []string // each in a line of its own; none: nothing is found
	}{
		{"nothing to find", `local poe = require "poe"
poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:yield("tick") end, tick = function() print(arg[1]) end } }`, nil},
		{"it does not run", `error("ran")`, nil},
		{"syntax", "local x = 1\nlocal = 2", []string{":2: "}},
		{"undefined global", "local x = 1\nprint(x, undefined_name)", []string{":2: ", "undefined_name"}},
		{"global defined elsewhere in the file", "function f() return g() end\nfunction g() end", nil},
		{"event without a state", `local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(ctx)
    ctx.kernel:yield("tikc")
  end,
  tick = function() end } }`, []string{":4: ", "tikc"}},
		{"event for a state made later", `local poe = require "poe"
poe.Session.create { inline_states = { _start = function(ctx)
  ctx.kernel:state("late", print)
  ctx.kernel:yield("late") end } }`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := scriptFile(t, c.source)
			r := runPoelua(t, "check", path)
			out := r.stdout + r.stderr
			if c.want == nil {
				if r.status != 0 || out != "" {
					t.Errorf("got status %d and %q, want 0 and nothing", r.status, out)
				}
				return
			}
			if r.status != 1 {
				t.Errorf("got status %d, want 1", r.status)
			}
			for _, want := range append(c.want, path) {
				if !strings.Contains(out, want) {
					t.Errorf("got %q, want it to contain %q", out, want)
				}
			}
		})
	}
	t.Run("several files", func(t *testing.T) {
		good, bad, worse := scriptFile(t, "local x"), scriptFile(t, "local ="), scriptFile(t, "end")
		r := runPoelua(t, "check", good, bad, worse)
		out := r.stdout + r.stderr
		if r.status != 1 || !strings.Contains(out, bad+":1: ") || !strings.Contains(out, worse+":1: ") || strings.Contains(out, good) {
			t.Errorf("got status %d and %q", r.status, out)
		}
	})
	t.Run("missing file", func(t *testing.T) {
		r := runPoelua(t, "check", filepath.Join(t.TempDir(), "absent.lua"))
		if out := r.stdout + r.stderr; r.status != 1 || !strings.Contains(out, "absent.lua") {
			t.Errorf("got status %d and %q", r.status, out)
		}
	})
}

func TestTrace(t *testing.T) {
	source := inHandler(`print("tick")`)
	for _, c := range []struct {
		list string
		tags []string
	}{
		{"events", []string{"<ev>", "tick"}},
		{"sessions", []string{"<ss>"}},
		{"events,sessions", []string{"<ev>", "<ss>"}},
		{"all", []string{"<ev>", "<ss>"}},
	} {
		t.Run(c.list, func(t *testing.T) {
			r := runPoelua(t, "--trace", c.list, "-e", source)
			r.want(t, 0, "tick\nstopped\n")
			r.wantStderr(t, c.tags...)
			for _, tag := range []string{"<ev>", "<ss>"} {
				if c.list != "all" && !strings.Contains(strings.Join(c.tags, ""), tag) && strings.Contains(r.stderr, tag) {
					t.Errorf("stderr contains %q:\n%s", tag, r.stderr)
				}
			}
		})
	}
	t.Run("by the environment", func(t *testing.T) {
		cmd := poeluaCommand(t, "-e", source)
		cmd.Env = append(cmd.Env, "POELUA_TRACE=events")
		runCommand(t, cmd).wantStderr(t, "<ev>", "tick")
	})
}

func TestTraceFile(t *testing.T) {
	source := inHandler(`print("tick")`)
	path := filepath.Join(t.TempDir(), "trace")
	r := runPoelua(t, "--trace", "events", "--trace-file", path, "-e", source)
	r.want(t, 0, "tick\nstopped\n")
	if r.stderr != "" {
		t.Errorf("got stderr %q, want none", r.stderr)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "<ev>") || !strings.Contains(string(text), "tick") {
		t.Errorf("got %v and the trace %q", err, text)
	}

	t.Run("that cannot be written", func(t *testing.T) {
		r := runPoelua(t, "--trace", "events", "--trace-file", filepath.Join(path, "no", "folder"), "-e", source)
		if r.status == 0 {
			t.Error("got status 0")
		}
		r.wantStderr(t, "poelua: ", "folder")
	})
}

func TestLimitsEndWhatNeverReturns(t *testing.T) {
	endless := `while true do pcall(function() while true do end end) end`
	for _, c := range []struct{ flag, value, want string }{
		{"--max-instructions", "10000", "the limit of 10000 instructions is passed"},
		{"--max-dispatch-time", "10ms", "the limit of 10ms for a dispatch is passed"},
		{"--max-dispatch-time", "0.01", "the limit of 10ms for a dispatch is passed"},
	} {
		r := runPoelua(t, c.flag, c.value, "-e", endless)
		if r.status != 1 {
			t.Errorf("%s: got status %d, want 1", c.flag, r.status)
		}
		r.wantStderr(t, "poelua: -e:1: "+c.want)
	}
	for _, c := range [][2]string{{"--max-instructions", "0"}, {"--max-instructions", "many"}, {"--max-dispatch-time", "-1"}, {"--max-dispatch-time", "soon"}} {
		r := runPoelua(t, c[0], c[1], "-e", "")
		if r.status != 2 {
			t.Errorf("%s %s: got status %d, want 2", c[0], c[1], r.status)
		}
		r.wantStderr(t, "poelua: "+c[0]+": ", "expected")
	}
}

func TestAssert(t *testing.T) {
	for _, c := range []struct {
		name, list, body string
		status           int
		stderr           string
	}{
		{"usage", "usage", `ctx.kernel:yield("_start")`, 1, "_start"},
		{"usage not asked for", "data", `ctx.kernel:state("_start", function() end) ctx.kernel:yield("_start")`, 0, ""},
		{"retvals", "retvals", `ctx.kernel:post("nobody", "x")`, 1, "nobody"},
		{"all is without retvals", "all", `ctx.kernel:post("nobody", "x")`, 0, ""},
		{"all has usage", "all", `ctx.kernel:yield("_parent")`, 1, "_parent"},
		{"states", "states", `ctx.kernel:yield("lost_event")`, 0, "lost_event"},
		{"data", "data", `ctx.kernel:delay("ring", 0.001)`, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runPoelua(t, "--assert", c.list, "-e", inHandler(c.body))
			r.want(t, c.status, "stopped\n")
			r.wantStderr(t, c.stderr)
		})
	}
}

func TestStatsPrintATable(t *testing.T) {
	r := runPoelua(t, "--stats", "-e", inHandler(``))
	r.want(t, 0, "stopped\n")
	r.wantStderr(t, "tick")
}

func TestSimulatedClock(t *testing.T) {
	source := `local poe = require "poe"
print(poe.time(), os.time(), os.date("!%Y-%m-%d %H:%M:%S"))
poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:delay("tick", 86400.5) end, tick = function()
  print(string.format("%.1f", poe.time()), os.time(), os.date("!%Y-%m-%d %H:%M:%S"), math.random(1000000))
end } }`
	r := runPoelua(t, "--clock", "simulated", "-e", source)
	want := "1000000000\t1000000000\t2001-09-09 01:46:40\n1000086400.5\t1000086400\t2001-09-10 01:46:40\t"
	if r.status != 0 || !strings.HasPrefix(r.stdout, want) {
		t.Errorf("got status %d and %q, want 0 and %q\nstderr: %s", r.status, r.stdout, want, r.stderr)
	}
	if again := runPoelua(t, "--clock", "simulated", "-e", source); again.stdout != r.stdout {
		t.Errorf("got %q the second time, %q the first", again.stdout, r.stdout)
	}
	t.Run("watching a real handle raises", func(t *testing.T) {
		r := runPoelua(t, "--clock", "simulated", "-e", inHandler(`print(pcall(ctx.kernel.select_read, ctx.kernel, io.stdin, "x") == false)`))
		r.want(t, 0, "true\nstopped\n")
	})
	t.Run("real is the default", func(t *testing.T) {
		for _, args := range [][]string{{"--clock", "real"}, nil} {
			r := runPoelua(t, append(args, "-e", `print(require("poe").time() > 1700000000)`)...)
			r.want(t, 0, "true\n")
		}
	})
}

func TestLoopIsAnOption(t *testing.T) {
	source := `local poe = require "poe"
local reader, writer = poe.pipe.OneWay.new()
poe.Session.create { inline_states = {
  _start = function(ctx) ctx.kernel:select_read(reader, "readable") ctx.kernel:delay("write", 0.001) end,
  write = function() writer:write("x") end,
  readable = function(ctx) print(reader:read()) reader:close() writer:close() end } }`
	loops := []string{"poll"}
	if runtime.GOOS == "linux" {
		loops = append(loops, "epoll")
	}
	for _, loop := range loops {
		t.Run(loop, func(t *testing.T) {
			runPoelua(t, "--loop", loop, "-e", source).want(t, 0, "x\n")
			runPoelua(t, "--loop="+loop, "-e", source).want(t, 0, "x\n")
		})
	}
}

func TestOsExitEndsAtOnce(t *testing.T) {
	for _, c := range []struct {
		name, source, stdout string
		status               int
	}{
		{"in a handler", inHandler(`io.write("no end of line") os.exit(7)`), "no end of line", 7},
		{"in the main chunk with sessions", inHandler(``) + "\nio.write('x') os.exit(3)", "x", 3},
		{"without a number", inHandler(`print("tick") os.exit()`), "tick\n", 0},
		{"in a coroutine", inHandler(`coroutine.wrap(function() print("tick") os.exit(4) end)()`), "tick\n", 4},
		{"under pcall", inHandler(`pcall(os.exit, 5) print("still here")`), "", 5},
		{"in _stop", `require("poe").Session.create { inline_states = { _start = function() end, _stop = function() print("stop") os.exit(6) end } }`, "stop\n", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := runPoelua(t, scriptFile(t, c.source))
			r.want(t, c.status, c.stdout)
			if r.stderr != "" {
				t.Errorf("got stderr %q, want none", r.stderr)
			}
		})
	}
}

func TestOsExitFlushesFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	r := runPoelua(t, "-e", `f = assert(io.open(arg[1], "w")) f:write("kept") io.stderr:write("to stderr") os.exit(0)`, path)
	r.want(t, 0, "")
	if text, err := os.ReadFile(path); err != nil || string(text) != "kept" || r.stderr != "to stderr" {
		t.Errorf("got %v, the file %q and stderr %q", err, text, r.stderr)
	}
}

func TestErrorInTheMainChunkStopsTheSessions(t *testing.T) {
	r := runPoelua(t, scriptFile(t, `local poe = require "poe"
for i = 1, 2 do
  poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:delay("hour", 3600) end, _stop = function() print("stop", i) end } }
end
error("boom")`))
	r.want(t, 1, "stop\t2\nstop\t1\n")
	r.wantStderr(t, "script.lua:5: boom", "traceback")
}

func TestOutputBeforeAnErrorIsKept(t *testing.T) {
	r := runPoelua(t, scriptFile(t, inHandler(`io.write("no end of line") error("boom")`)))
	r.want(t, 1, "no end of linestopped\n")
	r = runPoelua(t, "-e", `for i = 1, 20000 do print("0123456789") end error("boom")`)
	if r.status != 1 || len(r.stdout) != 20000*11 {
		t.Errorf("got status %d and %d bytes, want 1 and %d", r.status, len(r.stdout), 20000*11)
	}
}

func TestIsolatedErrorLeavesTheProgramAlone(t *testing.T) {
	r := runPoelua(t, scriptFile(t, `local poe = require "poe"
poe.kernel:option("isolate", true)
poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:yield("fail") end,
  fail = function() error("boom") end, _stop = function() print("failed one stopped") end } }
poe.Session.create { inline_states = { _start = function(ctx) ctx.kernel:delay("later", 0.001) end,
  later = function() print("sibling goes on") end } }`))
	r.want(t, 0, "failed one stopped\nsibling goes on\n")
	r.wantStderr(t, "script.lua:4: boom", "traceback")
}

func TestCommandRunsWithoutAHome(t *testing.T) {
	cmd := exec.Command(poeluaBinary(t), "-e", `print("ran")`)
	cmd.Env = []string{}
	runCommand(t, cmd).want(t, 0, "ran\n")
}

// W36: one wheel on the two standard streams of a script that stands in a pipeline.
func TestWheelOnStdinAndStdout(t *testing.T) {
	cmd := poeluaCommand(t, "-e", `
local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function()
    poe.wheel.ReadWrite.new {
      input_handle = io.stdin, output_handle = io.stdout, filter = poe.filter.Line.new { literal = "\n" },
      input_event = "line", error_event = "over",
    }
  end,
  line = function(ctx, line, id) ctx.session:wheel(id):put(line:upper()) end,
  over = function(ctx, operation, errno, _, id)
    ctx.session:wheel(id):put(operation .. " " .. errno)
    ctx.session:wheel(id):close_after_flush()
  end,
} }`)
	cmd.Stdin = strings.NewReader("one\ntwo\nthree")
	runCommand(t, cmd).want(t, 0, "ONE\nTWO\nread 0\n")
}
