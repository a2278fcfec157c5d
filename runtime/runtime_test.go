package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/poelua/poelua/kernel"
	"github.com/poelua/poelua/runtime"
)

// watchdog ends a run that should have ended by itself.
const watchdog = time.Minute

// fixture is a runtime and what it wrote.
type fixture struct {
	*runtime.Runtime
	t           testing.TB
	out, errors bytes.Buffer
}

func newRuntime(t testing.TB, o runtime.Options) *fixture {
	t.Helper()
	f := &fixture{t: t}
	if o.Stdout == nil {
		o.Stdout = &f.out
	}
	if o.Stderr == nil {
		o.Stderr = &f.errors
	}
	rt, err := runtime.New(o)
	if err != nil {
		t.Fatal(err)
	}
	f.Runtime = rt
	t.Cleanup(func() { rt.Close() })
	return f
}

func (f *fixture) do(source string) {
	f.t.Helper()
	if err := f.DoString("test", source); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) run() error {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), watchdog)
	defer cancel()
	err := f.Run(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		f.t.Fatal("the run has no end")
	}
	return err
}

func (f *fixture) want(out string) {
	f.t.Helper()
	if got := f.out.String(); got != out {
		f.t.Errorf("got %q, want %q", got, out)
	}
	if got := f.errors.String(); got != "" {
		f.t.Errorf("on standard error: %q", got)
	}
}

func TestDoStringThenRun(t *testing.T) {
	f := newRuntime(t, runtime.Options{Clock: "simulated"})
	f.do(`
local poe = require "poe"
poe.Session.create{ inline_states = {
  _start = function(ctx) print("start") ctx.kernel:delay("later", 3600) end,
  later = function() print("later") end,
  _stop = function() print("stop") end,
} }
print("made")`)
	f.want("start\nmade\n")
	if err := f.run(); err != nil {
		t.Error(err)
	}
	f.want("start\nmade\nlater\nstop\n")
	if err := f.run(); err != nil {
		t.Errorf("again, with nothing to run: %v", err)
	}
	f.do(`local poe = require "poe"
poe.Session.create{ inline_states = { _start = function(ctx) print("again", ctx.session:id()) end } }`)
	if err := f.run(); err != nil {
		t.Error(err)
	}
	f.want("start\nmade\nlater\nstop\nagain\t2\n")
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestDoFile(t *testing.T) {
	f := newRuntime(t, runtime.Options{Args: []string{"one", "two"}, Name: "script"})
	dir := t.TempDir()
	write := func(name, source string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if err := f.DoFile(write("good.lua", "#!/usr/bin/env poelua\nprint(arg[0], arg[1], arg[2], #arg, ...)")); err != nil {
		t.Error(err)
	}
	f.want("script\tone\ttwo\t2\tone\ttwo\n")

	var e *runtime.ScriptError
	bad := write("bad.lua", "\nlocal = 1")
	if err := f.DoFile(bad); !errors.As(err, &e) || !strings.HasPrefix(e.Message, bad+":2: ") || e.Session != 0 || e.Event != "" {
		t.Errorf("a syntax error: got %#v", err)
	}
	missing := filepath.Join(dir, "missing.lua")
	if err := f.DoFile(missing); !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(e.Message, missing+": ") ||
		strings.Count(e.Message, missing) != 1 {
		t.Errorf("a missing file: got %v", err)
	}
	if err := f.DoFile(dir); !errors.As(err, &e) {
		t.Errorf("a directory: got %v", err)
	}
	fails := write("fails.lua", "local function f()\n  error('no luck')\nend\nf()")
	if err := f.DoFile(fails); !errors.As(err, &e) || e.Message != fails+":2: no luck" || e.Value != e.Message ||
		!strings.Contains(e.Traceback, fails+":4: in main chunk") || e.Detail() != e.Message+"\n"+e.Traceback {
		t.Errorf("an error: got %#v", e)
	}
	if err := f.DoString("still works", "print('fine')"); err != nil {
		t.Error(err)
	}
}

func TestScriptErrorsOfHandlers(t *testing.T) {
	tests := []struct {
		name, handler string
		event         string
		message       string
		value         any
	}{
		{"a string", `fail = function(ctx) error("no luck") end`, "fail", "test:3: no luck", "test:3: no luck"},
		{"a string without a place", `fail = function(ctx) error("no luck", 0) end`, "fail", "no luck", "no luck"},
		{"nil", `fail = function(ctx) error(nil) end`, "fail", "nil", nil},
		{"a number", `fail = function(ctx) error(42, 0) end`, "fail", "42", 42.0},
		{"false", `fail = function(ctx) error(false) end`, "fail", "false", false},
		{"a table", `fail = function(ctx) error({ code = 7 }) end`, "fail", "{code = 7}", nil},
		{"in _stop", `_stop = function(ctx) error("no luck", 0) end`, "_stop", "no luck", "no luck"},
		{"in a handler of DIE", `fail = function(ctx) ctx.kernel:sig("DIE", "die") error("first", 0) end, die = function() error("second", 0) end`,
			"fail", "first\nWhile this error was handled, another one was raised:\nsecond", "first\nWhile this error was handled, another one was raised:\nsecond"},
		{"deep in calls", `fail = function(ctx) ctx.kernel:call(ctx.session, "inner") end, inner = function() error("no luck", 0) end`, "fail", "no luck", "no luck"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newRuntime(t, runtime.Options{Clock: "simulated"})
			f.do(`local poe = require "poe"
poe.Session.create{ inline_states = { _start = function() end } }
poe.Session.create{ inline_states = { ` + test.handler + `, _start = function(ctx) ctx.kernel:alias_set("me") ctx.kernel:yield("fail") ctx.kernel:alias_remove("me") end } }`)
			err := f.run()
			e, ok := err.(*runtime.ScriptError)
			if !ok {
				t.Fatalf("got %#v", err)
			}
			if e.Session != 2 || e.Event != test.event || e.Message != test.message || e.Error() != test.message {
				t.Errorf("got session %v, event %q, message %q", e.Session, e.Event, e.Message)
			}
			if _, isTable := e.Value.(*lua.LTable); isTable != (test.name == "a table") || !isTable && e.Value != test.value {
				t.Errorf("got the value %#v, want %#v", e.Value, test.value)
			}
			if !strings.HasPrefix(e.Traceback, "stack traceback:\n") || !strings.Contains(e.Traceback, "in handler '"+test.event+"' of session 2") {
				t.Errorf("got the traceback %q", e.Traceback)
			}
			if f.Kernel().Sessions() != 0 {
				t.Errorf("%d sessions are left", f.Kernel().Sessions())
			}
			if err := f.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// kernel:run in a script raises what Run would have returned.
func TestScriptErrorsOfAScriptThatRunsTheKernel(t *testing.T) {
	f := newRuntime(t, runtime.Options{Clock: "simulated"})
	err := f.DoString("test", `local poe = require "poe"
poe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:yield("fail") end, fail = function(ctx) error("no luck") end } }
poe.kernel:run()`)
	e, ok := err.(*runtime.ScriptError)
	if !ok || e.Session != 1 || e.Event != "fail" || e.Message != "test:2: no luck" {
		t.Errorf("got %#v", err)
	}
}

func TestAPanicInAGoSessionIsAnError(t *testing.T) {
	f := newRuntime(t, runtime.Options{Clock: "simulated"})
	_, err := f.Kernel().Spawn(kernel.Session{Start: func(c *kernel.Context) any { panic(io.ErrUnexpectedEOF) }})
	if err != nil {
		t.Fatal(err)
	}
	err = f.run()
	var p *kernel.PanicError
	var e *runtime.ScriptError
	if !errors.As(err, &e) || !errors.As(err, &p) || !errors.Is(err, io.ErrUnexpectedEOF) || e.Message != "panic: unexpected EOF" {
		t.Errorf("got %#v", err)
	}
}

func TestStandardStreams(t *testing.T) {
	f := newRuntime(t, runtime.Options{Stdin: strings.NewReader("first\nsecond\n3\nrest")})
	f.do(`
print(io.read())
io.write(io.read("*l"), ";", io.stdin:read("*n") or "?", "\n")
io.stdout:write(io.read("*a"), "\n")
print(io.read())
io.stderr:write("an error\n")`)
	if got, want := f.out.String(), "first\nsecond;3\n\nrest\nnil\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := f.errors.String(); got != "an error\n" {
		t.Errorf("got %q on standard error", got)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write(p []byte) (int, error) { return 0, io.ErrClosedPipe }

func TestPrintFailsWhenItCannotWrite(t *testing.T) {
	f := newRuntime(t, runtime.Options{Stdout: brokenWriter{}})
	err := f.DoString("test", "print('x')")
	if err == nil || !strings.Contains(err.Error(), io.ErrClosedPipe.Error()) {
		t.Errorf("got %v", err)
	}
}

func TestModulePathComesFirst(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for path, source := range map[string]string{
		filepath.Join(first, "both.lua"):       "return 'first'",
		filepath.Join(second, "both.lua"):      "return 'second'",
		filepath.Join(second, "only.lua"):      "return 'only ' .. ...",
		filepath.Join(second, "broken.lua"):    "local =",
		filepath.Join(second, "sub.lua"):       "return require 'deep.er'",
		filepath.Join(first, "deep", "er.lua"): "return 'deeper'",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newRuntime(t, runtime.Options{ModulePath: []string{first, second}})
	f.do(`print(require "both", require "only", require "sub", pcall(require, "broken") == false, pcall(require, "missing") == false)`)
	f.want("first\tonly only\tdeeper\ttrue\ttrue\n")
	if err := f.Require("both"); err != nil {
		t.Error(err)
	}
	if err := f.Require("missing"); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("got %v", err)
	}
}

func TestNewRefusesWhatItDoesNotKnow(t *testing.T) {
	tests := []struct {
		name    string
		options runtime.Options
		env     [2]string
		want    string
	}{
		{"loop", runtime.Options{Loop: "select"}, [2]string{}, "select"},
		{"clock", runtime.Options{Clock: "sundial"}, [2]string{}, "unknown clock 'sundial'"},
		{"loop of the simulated clock", runtime.Options{Loop: "poll", Clock: "simulated"}, [2]string{}, "loop of its own"},
		{"trace", runtime.Options{}, [2]string{"POELUA_TRACE", "event"}, "POELUA_TRACE: unknown trace 'event'"},
		{"assertion", runtime.Options{}, [2]string{"POELUA_ASSERT", "all,date"}, "POELUA_ASSERT: unknown assertion 'date'"},
		{"trace file", runtime.Options{}, [2]string{"POELUA_TRACE_FILE", filepath.Join("no", "such", "folder")}, "trace file: "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.env[0] != "" {
				t.Setenv(test.env[0], test.env[1])
			}
			rt, err := runtime.New(test.options)
			if rt != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestContextEndsARunAndALaterOneGoesOn(t *testing.T) {
	for _, clock := range []string{"real", "simulated"} {
		t.Run(clock, func(t *testing.T) {
			f := newRuntime(t, runtime.Options{Clock: clock})
			f.do(`local poe = require "poe"
poe.Session.create{ inline_states = {
  _start = function(ctx) ctx.kernel:alias_set("waiting") end,
  go = function(ctx) print("go") ctx.kernel:alias_remove("waiting") end,
  _stop = function() print("stop") end,
} }`)
			ctx, cancel := context.WithCancel(context.Background())
			f.Kernel().Submit(func() { go cancel() })
			if err := f.Run(ctx); err != context.Canceled {
				t.Errorf("got %v, want %v", err, context.Canceled)
			}
			f.want("")
			k := f.Kernel()
			go k.Submit(func() {
				if err := k.Post(k.Resolve("waiting"), "go", kernel.Site{}, nil); err != nil {
					t.Error(err)
				}
			})
			if err := f.run(); err != nil {
				t.Error(err)
			}
			f.want("go\nstop\n")
		})
	}
}

func TestCloseStopsEverySession(t *testing.T) {
	f := newRuntime(t, runtime.Options{})
	f.do(`local poe = require "poe"
for i = 1, 3 do
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:alias_set("a" .. i) ctx.kernel:delay("x", 3600) end,
    _stop = function(ctx) print("stop", i) ctx.kernel:post("a1", "x") ctx.kernel:yield("x") end,
    x = function() print("never") end,
  } }
end`)
	for range 2 { // the second time does nothing
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	f.want("stop\t3\nstop\t2\nstop\t1\n")
}

func TestCloseReturnsTheErrorOfAStop(t *testing.T) {
	f := newRuntime(t, runtime.Options{})
	f.do(`local poe = require "poe"
for i = 1, 3 do
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:alias_set("a" .. i) end,
    _stop = function(ctx) print("stop", i) if i == 2 then error("no luck", 0) end end,
  } }
end`)
	err := f.Close()
	var e *runtime.ScriptError
	if !errors.As(err, &e) || e.Message != "no luck" || e.Session != 2 || e.Event != "_stop" {
		t.Errorf("got %#v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("again: %v", err)
	}
	f.want("stop\t3\nstop\t2\nstop\t1\n")
}

func TestReportsGoToStandardError(t *testing.T) {
	f := newRuntime(t, runtime.Options{Clock: "simulated"})
	f.do(`local poe = require "poe"
poe.kernel:option("isolate", true)
poe.Session.create{ inline_states = { _start = function(ctx) ctx.kernel:yield("fail") end, fail = function() error("no luck") end } }`)
	if err := f.run(); err != nil {
		t.Error(err)
	}
	if got := f.errors.String(); !strings.HasPrefix(got, "poelua: test:3: no luck\nstack traceback:\n") {
		t.Errorf("got %q", got)
	}
}

func TestTracesAndStats(t *testing.T) {
	var trace bytes.Buffer
	f := newRuntime(t, runtime.Options{Clock: "simulated", Trace: &trace, Stats: true})
	f.Kernel().SetTrace(kernel.TraceSessions)
	f.do(`require("poe").Session.create{ inline_states = { _start = function(ctx) ctx.kernel:yield("tick") end, tick = function() end } }`)
	if err := f.run(); err != nil {
		t.Error(err)
	}
	if got, want := trace.String(), "<ss> session 1 is created by the kernel\n<ss> session 1 stops\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var stats bytes.Buffer
	if err := f.WriteStats(&stats); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"events dispatched             1\n", "sessions created              1\n", "session 1                    tick                          1 "} {
		if !strings.Contains(stats.String(), want) {
			t.Errorf("got %s, want %q in it", &stats, want)
		}
	}
	f.want("")
}
