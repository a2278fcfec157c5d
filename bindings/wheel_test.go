package bindings_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/poelua/poelua/runtime"
)

// wheelPrelude is one line, so that the lines of programs are those of their text.
const wheelPrelude = `poe = require "poe" ReadWrite, Line, Stream = poe.wheel.ReadWrite, poe.filter.Line, poe.filter.Stream
 function pair() local a, _, b = poe.pipe.TwoWay.new("socketpair") return a, b end
 function session(states) return poe.Session.create { inline_states = states } end
 function died(ctx, _, info) print("died", (info.error_str:gsub("\n.*", ""))) ctx.kernel:sig_handled() end `

// runWheels runs a program on the real clock and gives what it prints, lines as ones of an array.
func runWheels(t *testing.T, program string) (lines []string, err error) {
	t.Helper()
	var out bytes.Buffer
	rt, err := runtime.New(runtime.Options{Idle: true, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	if err := rt.DoString("wheel.lua", strings.ReplaceAll(wheelPrelude, "\n", "")+program); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err = rt.Run(ctx)
	if err := rt.Close(); err != nil {
		t.Error(err)
	}
	if text := strings.TrimSuffix(strings.ReplaceAll(out.String(), "\t", " "), "\n"); text != "" {
		lines = strings.Split(text, "\n")
	}
	return lines, err
}

func TestWheels(t *testing.T) {
	tests := []struct {
		name    string
		program string
		want    string // lines, joined by "; "
		err     string
	}{
		{"an event's ctx tells of the owner and of the line that made the wheel", `
local a, b = pair()
local owner = session { _start = function(ctx) ctx.kernel:alias_set("owner") end, line = function(ctx, line, id)
  print(line, ctx.sender == ctx.session, ctx.state, ctx.caller_file, ctx.caller_line, ctx.caller_state)
  ctx.kernel:alias_remove("owner")
end }
session { _start = function(ctx)
  local w
  w = ReadWrite.new { handle = a, session = owner, input_event = "line", error_event = function(ctx)
    print(ctx.state, ctx.session == owner, ctx.caller_line)
    w:destroy()
  end }
  print(w:owner() == owner, #ctx.session:wheels(), #owner:wheels())
  b:write("hi\n") b:close()
end }`, "true 0 1; hi true line wheel.lua 9 nil; error_event true 9", ""},

		{"detach writes what it can, and gives what could not be written", `
local a, b = pair()
session { _start = function(ctx)
  local w = ReadWrite.new { handle = a, filter = Stream.new(), flushed_event = "flushed" }
  w:put("small")
  print(select("#", w:detach()), b:read())
  w = ReadWrite.new { handle = a, filter = Stream.new() }
  w:put(("x"):rep(2 ^ 22) .. "end")
  local input, output, unread, unsent = w:detach()
  local got = 0
  repeat local s = b:read() if s then got = got + #s end until not s
  print(input == a, output == a, unread, got + #unsent == 2 ^ 22 + 3, unsent:sub(-3), w:detach())
  a:close() b:close()
end }`, "4 small; true true nil true end nil wheel is destroyed 9", ""},

		{"without error_event a filter's failure names the wheel and the line that made it", `
local a, b = pair()
session { _start = function(ctx)
  ReadWrite.new { handle = a, filter = Line.new { max_length = 1 }, input_event = "line" }
  b:write("long\n")
end }`, "", "wheel.lua:4: wheel 1 (ReadWrite): line exceeds maximum length"},

		{"a filter in Lua is the same when it is set again", `
local a, b = pair()
local filter = { buf = "", put = function(_, items) return items end }
function filter:get_one_start(chunks) self.buf = self.buf .. table.concat(chunks) return true end
function filter:get_one()
  local line, rest = self.buf:match("^(.-)\n(.*)$")
  if not line then return {} end
  self.buf = rest
  return { line }
end
function filter:get_pending() return { self.buf } end
function filter:reset() self.buf = "" end
session { _start = function(ctx)
  ctx.heap.w = ReadWrite.new { handle = a, filter = filter, input_event = "line", error_event = "over" }
  b:write("one\ntwo\nthree\n") b:close()
end, line = function(ctx, line)
  print(line, ctx.heap.w:set_input_filter(filter), ctx.heap.w:set_filter(filter), ctx.heap.w:get_input_filter() == filter)
end, over = function(ctx) ctx.heap.w:destroy() end }`, "one true true true; two true true true; three true true true", ""},

		{"a filter in Lua may destroy the wheel", `
local function filter(at)
  local f = {}
  f.at = function(_, name) if name == at then print(name, f.w:destroy()) end end
  f.put = function(_, items) f:at("put") return items end
  f.get_one_start = function() f:at("start") f.fed = true return true end
  f.get_one = function()
    if not f.fed then return {} end
    f.fed = false
    f:at("one")
    return { "item" }
  end
  f.get_pending = function() f:at("pending") return { "x" } end
  f.clone = function() return filter(at) end
  f.reset = function() f:at("reset") end
  return f
end
session { _start = function(ctx)
  for _, at in ipairs { "put", "start", "one", "pending", "reset" } do
    local a, b = pair()
    local f = filter(at)
    f.w = ReadWrite.new { handle = a, filter = f, input_event = "item", error_event = "error" }
    if at == "put" then print(f.w:put("x"))
    elseif at == "pending" or at == "reset" then print(f.w:set_input_filter(Line.new()))
    else b:write("x") end
  end
end, item = print, error = print }`,
			"put true; nil wheel is destroyed 9; pending true; nil wheel is destroyed 9; reset true; nil wheel is destroyed 9; start true; one true", ""},

		{"a driver in Lua that raises fails its owner, and may destroy the wheel", `
local function driver(at, act)
  local d = {}
  for _, name in ipairs { "get", "put", "flush", "get_out_messages_buffered" } do
    d[name] = function() if name == at then act(d) end return name == "get" and {} or 7 end
  end
  return d
end
session { _start = function(ctx)
  ctx.kernel:sig("DIE", "died")
  for _, at in ipairs { "get", "put", "flush" } do
    for _, act in ipairs { function() error("in " .. at, 0) end, function(d) print(at, d.w:destroy()) end } do
      local a, b = pair()
      ctx.heap[#ctx.heap + 1] = b
      local d = driver(at, act)
      d.w = ReadWrite.new { handle = a, driver = d, input_event = "item", error_event = "error" }
      if at == "get" then b:write("x") else print(pcall(d.w.put, d.w, "x")) end
    end
  end
  ctx.kernel:delay("over", 0.01)
end, died = died, item = print, error = print, over = function(ctx)
  for _, w in ipairs(ctx.session:wheels()) do w:destroy() end
end }`,
			"false in put; put true; true nil wheel is destroyed 9; true false; true false; get true; died in get; flush true; died in flush", ""},

		{"put in the handler of a line fails when the wheel was destroyed there", `
local a, b = pair()
session { _start = function(ctx)
  ReadWrite.new { handle = a, input_event = "line" }
  b:write("one\ntwo\n")
end, line = function(ctx, line, id)
  local w = ctx.session:wheel(id)
  w:destroy()
  print(line, w:put("x"))
  print(w:event { input_event = "line" })
  print(w:resume_input())
  print(w, w:id(), w:is_alive(), b:read())
end }`, "one nil wheel is destroyed 9; nil wheel is destroyed 9; nil wheel is destroyed 9; poe.wheel.ReadWrite(1 destroyed) 1 false nil  0", ""},

		{"the error event can be turned off and on", `
local a, b = pair()
local c, d = pair()
session { _start = function(ctx)
  ctx.kernel:sig("DIE", "died")
  for _, h in ipairs { a, c } do
    local w = ReadWrite.new { handle = h, filter = Line.new { max_length = 1 }, input_event = "line", error_event = "error" }
    w:event { error_event = false }
    if h == c then w:event { error_event = function(ctx, op, _, _, id) print("on", op) end } end
  end
  b:write("long\n") d:write("long\n") b:close() d:close()
end, died = died }`,
			"on filter; died wheel.lua:7: wheel 1 (ReadWrite): line exceeds maximum length; on read", ""},

		{"nothing is told after shutdown_input, whatever is done to the wheel", `
local a, b = pair()
session { _start = function(ctx)
  ReadWrite.new { handle = a, input_event = "line", error_event = "line" }
  b:write("one\ntwo\nthr") b:close()
end, line = function(ctx, line, id)
  local w = ctx.session:wheel(id)
  print(line, w:shutdown_input(), w:pause_input(), w:resume_input(), w:set_input_filter(Stream.new()), w:event { input_event = "line" })
end }`, "one true true true true true", ""},

		{"nothing is told after the end, whatever is done to the wheel", `
local a, b = pair()
session { _start = function(ctx)
  ReadWrite.new { handle = a, input_event = "line", error_event = "over" }
  b:write("rest") b:close()
  ctx.kernel:delay("wait", 0.01)
end, over = function(ctx, op, errno, _, id)
  local w = ctx.session:wheel(id)
  print(op, errno, w:get_input_filter():get_pending()[1])
  w:pause_input() w:resume_input() w:set_input_filter(Stream.new()) w:event { input_event = "line" }
end, line = print }`, "read 0 rest", ""},

		{"a wheel that wants no input any more does not keep its session, though its handle was closed", `
local a, b = pair()
session { _start = function(ctx)
  local w = ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
  w:event { input_event = false }
  a:close()
  print(w:is_alive(), b:read())
end, error = print, _stop = function() print("stop") end }`, "true nil  0; stop", ""},

		{"a filter in Lua runs in the coroutine that puts", `
local a, b = pair()
session { _start = function(ctx)
  local filter = { get = function() return {} end, put = function(_, items) error("refused " .. items[1]) end }
  local w = ReadWrite.new { handle = a, filter = filter }
  local co = coroutine.wrap(function(...)
    local x = coroutine.yield("yielded")
    print(pcall(w.put, w, x))
    print(coroutine.running() ~= nil)
    w:put("again")
  end)
  print(co())
  print(pcall(co, "one"))
  w:destroy() b:close()
end }`, "yielded; false wheel.lua:4: refused one; true; false wheel.lua:4: refused again", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			lines, err := runWheels(t, test.program)
			if got := strings.Join(lines, "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if got := fmt.Sprint(err); err == nil && test.err != "" || err != nil && (test.err == "" || !strings.Contains(got, test.err)) {
				t.Errorf("the run gives %v, want %q", err, test.err)
			}
		})
	}
}

// Tables that only a wheel leads to are found by those who look at all that a program can reach.
func TestKeysOfTablesThatWheelsLeadToTakeNoMemory(t *testing.T) {
	const keys = 1_200_000
	for name, program := range map[string]string{
		"a function in the place of an event": `local function worker()
  local clients = {}
  return function(ctx, _, id)
    work(clients)
    if n < keys then ctx.session:wheel(id):put("go") else ctx.session:wheel(id):destroy() end
  end
end
poe.Session.create { inline_states = { _start = function(ctx)
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  poe.wheel.ReadWrite.new { handle = a, input_event = worker() }:put("go")
  poe.wheel.ReadWrite.new { handle = b, input_event = "echo", error_event = "over" }
end, echo = function(ctx, line, id) ctx.session:wheel(id):put(line) end, over = function(ctx, _, _, _, id) ctx.session:wheel(id):destroy() end } }`,
		"a function of a filter": `local function worker()
  local clients = {}
  return poe.filter.Stackable.new { filters = { poe.filter.Line.new(), poe.filter.Map.new { code = function(item) work(clients) return item end } } }
end
poe.Session.create { inline_states = { _start = function(ctx)
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  poe.wheel.ReadWrite.new { handle = a, input_event = "line", output_filter = poe.filter.Line.new(), input_filter = worker() }:put("go")
  poe.wheel.ReadWrite.new { handle = b, input_event = "echo", error_event = "over" }
end, line = function(ctx, line, id)
  if n < keys then ctx.session:wheel(id):put(line) else ctx.session:wheel(id):destroy() end
end, echo = function(ctx, line, id) ctx.session:wheel(id):put(line) end, over = function(ctx, _, _, _, id) ctx.session:wheel(id):destroy() end } }`,
	} {
		t.Run(name, func(t *testing.T) {
			most := memoryProgram(t, "real", fmt.Sprintf(`keys, n = %d, 0
function work(clients)
  for i = n + 1, n + 1000 do clients["client " .. i] = true clients["client " .. i] = nil end
  n = n + 1000
end
`, keys)+program)
			if bound := int64(100 << 20); most > bound {
				t.Errorf("the heap grew by %d MiB, want at most %d", most>>20, bound>>20)
			}
		})
	}
}
