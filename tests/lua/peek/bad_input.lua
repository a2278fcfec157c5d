-- poe.peek with arguments that are none, and programs that do what they should not.
local poe = require "poe"
local t = require "poe.test"

local kernel, peek = poe.kernel, poe.peek

local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function nothing() end

t.case("what can name no session raises", function(case)
  local needed = {
    "session", "children", "parent", "is_child", "events", "handlers", "events_to", "events_from", "refcounts",
    "work", "trace", "post", "call",
  }
  local optional = { "tree", "aliases", "queue", "timers", "handles", "signals", "processes", "wheels", "memory" }
  local function expected(name) return "bad argument #1 to '" .. name .. "' %(session, ID or alias expected, got " end
  for _, name in ipairs(needed) do
    for _, bad in ipairs{ {}, true, nothing, io.stdout } do
      t.fails(function() peek[name](bad, "x") end, expected(name))
    end
    t.fails(function() peek[name]() end, expected(name) .. "no value")
  end
  for _, name in ipairs(optional) do
    t.fails(function() peek[name]({}) end, expected(name) .. "table")
  end
  t.fails(function() peek.is_child(kernel) end, "bad argument #2 to 'is_child'")
end)

t.case("odd numbers and strings name nobody", function(case)
  for _, odd in ipairs{ 0, -1, 0.5, 1e300, -1 / 0, 1 / 0, 0 / 0, "", "\0", ("x"):rep(1e6) } do
    t.failure("ESRCH", peek.session(odd))
  end
end)

t.case("event wants a whole number", function(case)
  for _, bad in ipairs{ 0.5, 0 / 0, 1 / 0, "1", {}, 1e300 } do
    t.fails(function() peek.event(bad) end, "bad argument #1 to 'event'")
  end
  t.fails(function() peek.event() end, "number expected, got no value")
  t.is(peek.event(2 ^ 53), nil)
  t.is(peek.event(-2 ^ 53), nil)
end)

t.case("trace wants a function and known kinds", function(case)
  t.fails(function() peek.trace("*") end, "bad argument #2 to 'trace' %(function expected, got no value")
  t.fails(function() peek.trace("*", "print") end, "bad argument #2 to 'trace' %(function expected, got string")
  t.fails(function() peek.trace("*", nothing, "queued") end, "bad argument #3 to 'trace' %(table expected, got string")
  t.fails(function() peek.trace("*", nothing, { "queued", "quued" }) end, "unknown kind 'quued' %(known: child, def")
  t.fails(function() peek.trace("*", nothing, { 1 }) end, "unknown kind '1'")
  t.fails(function() peek.trace("*", nothing, { ("x"):rep(1e6) }) end, "unknown kind 'x+' ")
  t.fails(function() peek.trace("nobody", nothing, { "x" }) end, "unknown kind")
end)

t.case("a trace's method wants the trace", function(case)
  local trace = peek.trace("*", nothing)
  t.fails(function() trace.stop() end, "calling 'stop' on a bad self %(use trace:stop%)")
  t.fails(function() trace.stop(io.stdout) end, "calling 'stop' on a bad self")
  t.is(getmetatable(trace), "poe.Trace")
  trace:stop()
end)

t.case("an endless recursion with a trace ends as without one", function(case)
  local log = t.log()
  spawn{
    _start = function(ctx)
      kernel:sig("DIE", "died")
      peek.trace("*", nothing)
      kernel:yield("fall")
    end,
    fall = function()
      local function down() kernel:yield("tick") return 1 + down() end
      down()
    end,
    tick = nothing,
    died = function() kernel:sig_handled(); log "died" end,
  }
  case.after(function() log:is("died") end)
end)

t.case("a recursion in the function of a trace ends the trace alone", function(case)
  local log = t.log()
  spawn{
    _start = function(ctx)
      peek.trace(ctx.session, function() local function down() return 1 + down() end down() end, { "queued" })
      kernel:yield("tick")
      kernel:yield("tick")
    end,
    tick = function() log "tick" end,
  }
  case.after(function() log:is("tick tick") end)
end, { stderr = { "a trace ends", "stack overflow" } })

t.case("a handler that fails in the middle of traces fails as without them", function(case)
  local log, kinds = t.log(), {}
  local f = function(record) kinds[#kinds + 1] = record.kind end
  local one = spawn{
    _start = function(ctx) kernel:sig("DIE", "died"); peek.trace(ctx.session, f, { "dispatch", "return", "error" }) end,
    outer = function(ctx) kernel:call(ctx.session, "inner") end,
    inner = function() error("boom") end,
    died = function(_, _, info) kernel:sig_handled(); log(info.event) end,
  }
  kernel:post(one, "outer")
  case.after(function()
    log:is("outer")
    local text = table.concat(kinds, " ")
    t.truthy(text:find("dispatch dispatch", 1, true), text)
    t.truthy(text:find("error", 1, true), text)
    t.is(peek.current(), nil)
  end)
end)
