package tests

import (
	"strings"
	"testing"
)

// history gives the lines of stderr from the first "in handler" on, the directory of the script taken out.
func history(t testing.TB, path string, r poeluaResult) string {
	t.Helper()
	text := strings.ReplaceAll(r.stderr, path, "script.lua")
	_, after, ok := strings.Cut(text, "\n\tin handler ")
	if !ok {
		t.Fatalf("stderr names no handler:\n%s", r.stderr)
	}
	return strings.ReplaceAll("in handler "+strings.TrimSuffix(after, "\n"), "\t", "")
}

func TestErrorsTellWhatLedToThem(t *testing.T) {
	const create = "local poe = require 'poe' local create = poe.Session.create\n"
	for _, c := range []struct{ name, source, want string }{
		{"a post from another session", create + `create { inline_states = { _start = function(c) c.kernel:alias_set("bot") end, tick = function() error("boom") end } }
create { inline_states = { _start = function(c)
  c.kernel:alias_set("main") c.kernel:yield("go") end, go = function(c)
  c.kernel:post("bot", "tick") end } }`, `in handler 'tick' of session 1 (bot)
sent from script.lua:5 in handler 'go' of session 2 (main)
sent from script.lua:4 in handler '_start' of session 2 (main)
created outside of handlers`},
		{"a post from the main chunk", create + `create { inline_states = { _start = function(c) c.kernel:alias_set("bot") end, tick = function() error("boom") end } }
poe.kernel:post("bot", "tick")`, `in handler 'tick' of session 1 (bot)
sent from script.lua:3 outside of handlers`},
		{"a call", create + `create { inline_states = { _start = function(c) c.kernel:alias_set("bot") end, ask = function() error("boom") end } }
create { inline_states = { _start = function(c) c.kernel:call("bot", "ask") end } }`, `in handler 'ask' of session 1 (bot)
called from script.lua:3 in handler '_start' of session 2
created outside of handlers`},
		{"a timer", create + `create { inline_states = { _start = function(c)
  c.kernel:delay("late", 0.001) end, late = function() error("boom") end } }`, `in handler 'late' of session 1
by a timer set at script.lua:3 in handler '_start' of session 1
created outside of handlers`},
		{"a signal", create + `create { inline_states = { _start = function(c)
  c.kernel:sig("WAVE", "waved") c.kernel:yield("wave") end, waved = function() error("boom") end, wave = function(c)
  c.kernel:signal(c.session, "WAVE") end } }`, `in handler 'waved' of session 1
by a signal sent from script.lua:4 in handler 'wave' of session 1
sent from script.lua:3 in handler '_start' of session 1
created outside of handlers`},
		{"a signal of the system", create + `create { inline_states = { _start = function(c)
  c.kernel:sig("USR1", "usr") c.kernel:delay("late", 3600) os.execute("kill -USR1 " .. poe.pid()) end, usr = function() error("boom") end } }`,
			`in handler 'usr' of session 1
by a signal of the system`},
		{"a handle", create + `create { inline_states = { _start = function(c)
  local r, w = poe.pipe.OneWay.new() c.kernel:select_read(r, "ready")
  w:write("x") end, ready = function() error("boom") end } }`, `in handler 'ready' of session 1
as a handle was ready, watched from script.lua:3 in handler '_start' of session 1
created outside of handlers`},
		{"a wheel", create + `create { inline_states = { _start = function(c)
  local r, w = poe.pipe.OneWay.new()
  c.heap.w = poe.wheel.ReadWrite.new { input_handle = r, output_handle = w, input_event = "line" }
  c.heap.w:put("x") end, line = function() error("boom") end } }`, `in handler 'line' of session 1
told by a wheel made at script.lua:4`},
		{"the end of a process", create + `create { inline_states = { _start = function(c)
  local pipe = io.popen("echo $$") c.heap.pipe = pipe
  c.kernel:sig_child(tonumber(pipe:read("*l")), "ended") end, ended = function() error("boom") end } }`,
			`in handler 'ended' of session 1
as a process ended, watched from script.lua:4 in handler '_start' of session 1
created outside of handlers`},
		{"a new child", create + `create { inline_states = { _start = function(c) c.kernel:yield("make") end,
  make = function() create { inline_states = { _start = function() end } } end,
  _child = function(_, what) if what == "create" then error("boom") end end } }`,
			`in handler '_child' of session 1
as its parent or its children changed in handler 'make' of session 1
sent from script.lua:2 in handler '_start' of session 1
created outside of handlers`},
		{"a stop", create + `create { inline_states = { _start = function() end, _stop = function() error("boom") end } }`,
			`in handler '_stop' of session 1
as the session stopped`},
		{"a stop that a handler brings about", create + `create { inline_states = { _start = function(c)
  c.kernel:yield("halt") end, halt = function(c) c.kernel:stop() end, _stop = function() error("boom") end } }`,
			`in handler '_stop' of session 1
as the session stopped because of handler 'halt' of session 1
sent from script.lua:3 in handler '_start' of session 1
created outside of handlers`},
		{"a session that is created in a handler", create + `create { inline_states = { _start = function(c) c.kernel:yield("make") end,
  make = function() create { inline_states = { _start = function() error("boom") end } } end } }`, `in handler '_start' of session 2
created in handler 'make' of session 1
sent from script.lua:2 in handler '_start' of session 1
created outside of handlers`},
		{"an entry handler of a machine", create + `poe.NFA.spawn { inline_states = { a = { go = function(c)
  c.machine:goto_state("b", "enter") end }, b = { enter = function() error("boom") end } } }:goto_state("a", "go")`,
			`in handler 'enter' of session 1
called by handler 'poe_nfa_goto_state' of session 1
sent from script.lua:3 in handler 'go' of session 1
called from script.lua:2 in handler 'poe_nfa_goto_state' of session 1
called from script.lua:2 outside of handlers`},
		{"the handler leave of a machine", create + `local states = { a = { leave = function() error("boom") end } }
local m = poe.NFA.spawn { inline_states = states } m:goto_state("a") m:goto_state("a")`,
			`in handler 'leave' of session 1
called by handler 'poe_nfa_goto_state' of session 1
sent from script.lua:3 outside of handlers`},
		{"a machine that has caught a failed move", create + `local states = { a = { go = function(c)
  pcall(c.machine.goto_state, c.machine, "b", "enter") error("boom") end }, b = { enter = function() error("no") end } }
poe.NFA.spawn { options = { immediate = true }, inline_states = states }:goto_state("a", "go")`,
			`in handler 'go' of session 1
called by handler 'poe_nfa_goto_state' of session 1
called from script.lua:4 outside of handlers`},
		{"five lines at most", create + `local states = { _start = function(c) c.kernel:yield("s1") end, s9 = function() error("boom") end }
for i = 1, 8 do states["s" .. i] = loadstring("local c = ... c.kernel:yield('s" .. i + 1 .. "')", "=at" .. i) end
create { inline_states = states }`, `in handler 's9' of session 1
sent from at8:1 in handler 's8' of session 1
sent from at7:1 in handler 's7' of session 1
sent from at6:1 in handler 's6' of session 1
sent from at5:1 in handler 's5' of session 1
sent from at4:1 in handler 's4' of session 1
...`},
		{"what ticks itself is told once", create + `local n = 0
create { inline_states = { _start = function(c) c.kernel:yield("tick") end, tick = function(c)
  n = n + 1 if n == 12 then error("boom") end
  c.kernel:yield("tick") end } }`, `in handler 'tick' of session 1
sent from script.lua:5 in handler 'tick' of session 1
(the same, 10 times more)
sent from script.lua:3 in handler '_start' of session 1
created outside of handlers`},
		{"what ticks itself for ever", create + `local n = 0
create { inline_states = { _start = function(c) c.kernel:yield("tick") end, tick = function(c)
  n = n + 1 if n == 5000 then error("boom") end
  c.kernel:yield("tick") end } }`, `in handler 'tick' of session 1
sent from script.lua:5 in handler 'tick' of session 1
(the same, 63 times or more)`},
		{"two that take turns", create + `local n = 0
local function player(me, other) create { inline_states = { _start = function(c) c.kernel:alias_set(me) end, ball = function(c)
  n = n + 1 if n == 20 then error("boom") end
  c.kernel:post(other, "ball") end } } end
player("ping", "pong") player("pong", "ping") poe.kernel:post("ping", "ball")`, `in handler 'ball' of session 2 (pong)
sent from script.lua:5 in handler 'ball' of session 1 (ping)
sent from script.lua:5 in handler 'ball' of session 2 (pong)
(these 2, 8 times more)
sent from script.lua:5 in handler 'ball' of session 1 (ping)
sent from script.lua:6 outside of handlers`},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := scriptFile(t, c.source)
			r := runPoelua(t, path)
			if r.status != 1 {
				t.Errorf("got status %d, want 1", r.status)
			}
			if got := history(t, path, r); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestErrorHandlersGetTheHistory(t *testing.T) {
	r := runPoelua(t, "-e", `local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(c) c.kernel:sig("DIE", "died") c.kernel:yield("fail") end,
  fail = function() error("boom") end,
  died = function(c, _, info)
    c.kernel:sig_handled()
    print(info.traceback:match("in handler 'fail' of session 1\n\tsent from %-e:3 in handler '_start' of session 1") ~= nil)
  end } }`)
	r.want(t, 0, "true\n")
}

func TestAnErrorInTheHandlerOfAnErrorNamesTheFirst(t *testing.T) {
	r := runPoelua(t, "-e", `local poe = require "poe"
poe.Session.create { inline_states = {
  _start = function(c) c.kernel:sig("DIE", "died") c.kernel:yield("fail") end,
  fail = function() error("first") end,
  died = function() error("second") end } }`)
	r.want(t, 1, "")
	r.wantStderr(t, "first", "second", "\tin handler 'died' of session 1\n\tafter an error in handler 'fail' of session 1\n\tsent from -e:3")
}

func TestReportsOfIsolatedErrorsHaveTheHistory(t *testing.T) {
	r := runPoelua(t, "-e", `local poe = require "poe"
poe.kernel:option("isolate", true)
poe.Session.create { inline_states = {
  _start = function(c) c.kernel:yield("fail") end,
  fail = function() error("boom") end } }`)
	r.want(t, 0, "")
	r.wantStderr(t, "poelua: -e:5: boom\n", "\tin handler 'fail' of session 1\n\tsent from -e:4 in handler '_start' of session 1\n")
}
