-- Errors in handlers and the DIE signal: K77 to K86.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

-- member makes a session that has an alias and logs its stop and the DIE signals it gets. start is run in its _start,
-- die in its handler of DIE; states may bring more handlers.
local function member(log, name, options)
  options = options or {}
  local states = options.states or {}
  states._start = function(ctx)
    ctx.heap.name = name
    kernel:alias_set(name)
    kernel:sig("DIE", "died")
    if options.start then options.start(ctx) end
  end
  states.died = function(ctx, signal, info)
    log(name, signal)
    if options.die then options.die(ctx, info) end
  end
  states.fail = function() error("boom", 0) end
  states._stop = function() log("stop", name) end
  return spawn(states)
end

local function handle() kernel:sig_handled() end

t.case("K77 a watcher of DIE gets the info fields", function(case)
  local raised = setmetatable({}, { __tostring = function() return "an error value" end })
  local sender, failing
  local line
  failing = spawn{
    _start = function() kernel:sig("DIE", "died", "extra", nil) end,
    fail = function() error(raised) end,
    died = case.expect(1, function(ctx, signal, info, ...)
      kernel:sig_handled()
      t.is(signal, "DIE")
      t.is(ctx.sender, kernel)
      t.is(info.source_session, sender)
      t.is(info.dest_session, failing)
      t.is(info.event, "fail")
      t.is(info.from_state, "go")
      t.is(info.line, line)
      t.truthy(info.file:find("errors.lua", 1, true), info.file)
      t.truthy(rawequal(info.error, raised), "the value as it was raised")
      t.is(type(info.error_str), "string")
      t.is(type(info.traceback), "string")
      t.same({ n = select("#", ...), ... }, { n = 2, "extra" })
    end),
  }
  sender = spawn{
    _start = function() kernel:yield("go") end,
    go = function()
      line = debug.getinfo(1, "l").currentline + 1
      kernel:post(failing, "fail")
    end,
  }
end)

t.case("K77 an error string has its position, the traceback leads to it", function(case)
  local line
  local function deep()
    line = debug.getinfo(1, "l").currentline + 1
    error("boom")
  end
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("fail") end,
    fail = function() deep() end,
    died = case.expect(1, function(_, _, info)
      kernel:sig_handled()
      t.truthy(info.error_str:find("errors%.lua:" .. line .. ": boom$"), info.error_str)
      t.is(info.error, info.error_str)
      t.truthy(info.traceback:find("errors.lua:" .. line, 1, true), info.traceback)
    end),
  }
end)

t.case("K77 errors of the Lua runtime and of the kernel are errors, too", function(case)
  local messages = {}
  spawn{
    _start = function()
      kernel:sig("DIE", "died")
      kernel:yield("index")
      kernel:yield("wrong_call")
    end,
    index = function(ctx) return ctx.heap.missing.field end,
    wrong_call = function() kernel:delay(nil) end,
    died = case.expect(2, function(_, _, info)
      kernel:sig_handled()
      messages[#messages + 1] = info.error_str
    end),
  }
  case.after(function()
    t.truthy(messages[1]:find("index", 1, true), messages[1])
    t.truthy(messages[2]:find("bad argument #1 to 'delay'", 1, true), messages[2])
  end)
end)

t.case("K77 an event of the main chunk comes from the kernel and no state", function(case)
  local failing = spawn{
    _start = function() kernel:sig("DIE", "died") end,
    fail = function() error("boom") end,
    died = case.expect(1, function(_, _, info)
      kernel:sig_handled()
      t.is(info.source_session, kernel)
      t.is(info.from_state, nil)
    end),
  }
  kernel:post(failing, "fail")
end)

t.case("K78 sig_handled in the failing session keeps everything alive", function(case)
  local log = t.log()
  member(log, "parent", {
    start = function()
      local child = member(log, "child", { die = handle })
      kernel:post(child, "fail")
      kernel:delay("wait", 10)
    end,
    states = { wait = function() log("alive", (kernel:alias_resolve("child")) ~= nil) end },
  })
  case.after(function() log:is("child:DIE parent:DIE alive:true stop:child stop:parent") end)
end)

t.case("K78 so does one in an ancestor only", function(case)
  local log = t.log()
  member(log, "grandparent", {
    start = function()
      kernel:delay("wait", 10)
      spawn{
        _start = function()
          kernel:alias_set("parent")
          kernel:post(spawn{
            _start = function() kernel:alias_set("child") end,
            fail = function() error("boom") end,
          }, "fail")
        end,
      }
    end,
    die = handle,
    states = {
      wait = function()
        log("alive", (kernel:alias_resolve("child")) ~= nil, (kernel:alias_resolve("parent")) ~= nil)
      end,
    },
  })
  case.after(function() log:is("grandparent:DIE alive:true:true stop:grandparent") end)
end)

t.case("K78 so does one in a descendant", function(case)
  local log = t.log()
  local parent = member(log, "parent", {
    start = function() member(log, "child", { die = handle }) end,
    states = { alive = function() log("alive") end },
  })
  kernel:post(parent, "fail")
  kernel:post(parent, "alive")
  case.after(function() log:is("alive child:DIE parent:DIE stop:child stop:parent") end)
end)

t.case("K79 unhandled: run raises the original string, all sessions got _stop", function(case)
  local log = t.log()
  local failing = member(log, "failing")
  member(log, "bystander")
  kernel:post(failing, "fail")
  case.run_error(function(err) t.is(err, "boom") end)
  case.after(function() log:is("failing:DIE stop:failing stop:bystander") end)
end)

t.case("K79 unhandled: run raises the original table", function(case)
  local raised = { code = 42 }
  local log = t.log()
  spawn{
    _start = function() kernel:yield("fail") end,
    fail = function() error(raised) end,
    _stop = function() log("stop") end,
  }
  case.run_error(function(err) t.truthy(rawequal(err, raised), "the same table") end)
  case.after(function() log:is("stop") end)
end)

t.case("K79 unhandled: run raises even a false error value", function(case)
  spawn{ _start = function() kernel:yield("fail") end, fail = function() error(false) end }
  case.run_error(function(err) t.is(err, false) end)
end)

t.case("K80 the session and all its ancestors that watch DIE are called, inner first", function(case)
  local log = t.log()
  member(log, "grandparent", {
    start = function()
      member(log, "parent", {
        start = function() kernel:post(member(log, "child", { die = handle }), "fail") end,
      })
    end,
  })
  case.after(function()
    log:is("child:DIE parent:DIE grandparent:DIE stop:child stop:parent stop:grandparent")
  end)
end)

t.case("K80 its descendants before it, deepest and youngest first", function(case)
  local log = t.log()
  member(log, "parent", {
    die = handle,
    start = function()
      kernel:post(member(log, "failing", {
        start = function()
          member(log, "a", { start = function() member(log, "a1") end })
          member(log, "b")
        end,
      }), "fail")
    end,
  })
  case.after(function()
    t.same({ log[1], log[2], log[3], log[4], log[5] }, { "a1:DIE", "b:DIE", "a:DIE", "failing:DIE", "parent:DIE" })
  end)
end)

t.case("K81 siblings and unrelated sessions are not called", function(case)
  local log = t.log()
  member(log, "stranger")
  member(log, "parent", {
    die = handle,
    start = function()
      member(log, "older")
      kernel:post(member(log, "failing"), "fail")
      member(log, "younger", { start = function() member(log, "niece") end })
    end,
  })
  case.after(function() t.same({ log[1], log[2], #log }, { "failing:DIE", "parent:DIE", 8 }) end)
end)

t.case("K82 an error in _stop ends the run with that error; other sessions get _stop", function(case)
  local log = t.log()
  member(log, "other")
  spawn{
    _start = function() kernel:sig("DIE", "died") end,
    died = case.expect(0),
    _stop = function() log("failing"); error("bad end", 0) end,
  }
  spawn{
    _start = function() kernel:delay("late", 100) end,
    late = case.expect(0),
    _stop = function() log("stop:waiting") end,
  }
  case.run_error(function(err) t.is(err, "bad end") end)
  case.after(function() log:is("failing stop:waiting stop:other") end)
end)

t.case("K82 its parent hears of the loss and is not asked", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:alias_set("parent")
      kernel:sig("DIE", "died")
      spawn{ _stop = function() error("bad end", 0) end }
    end,
    _child = function(_, what, _, value) log(what, value) end,
    died = case.expect(0),
    _stop = function() log("stop") end,
  }
  case.run_error("^bad end$")
  case.after(function() log:is("create:nil lose:nil stop") end)
end)

t.case("K83 an error in a DIE handler, the first one unhandled: both messages", function(case)
  local log = t.log()
  local failing = member(log, "failing", { die = function() error("second", 0) end })
  member(log, "other")
  kernel:post(failing, "fail")
  case.run_error(function(err)
    t.is(tostring(err), "boom\nWhile this error was handled, another one was raised:\nsecond")
  end)
  case.after(function() t.is(#log, 3) end)
end)

t.case("K83 an error in a DIE handler, the first one handled: the second alone", function(case)
  local log = t.log()
  local failing = member(log, "failing", { die = function() kernel:sig_handled(); error("second", 0) end })
  kernel:post(failing, "fail")
  case.run_error(function(err) t.is(tostring(err), "second") end)
  case.after(function() log:is("failing:DIE stop:failing") end)
end)

t.case("K83 handled by an ancestor after the handler failed: the second alone", function(case)
  local log = t.log()
  member(log, "parent", {
    die = handle,
    start = function() kernel:post(member(log, "child", { die = function() error("second", 0) end }), "fail") end,
  })
  case.run_error(function(err) t.is(tostring(err), "second") end)
  case.after(function() t.same({ log[1], log[2] }, { "child:DIE", "parent:DIE" }) end)
end)

t.case("K84 catch_exceptions off: no DIE, run ends with the error", function(case)
  local log = t.log()
  t.is(kernel:option("catch_exceptions", false), true)
  local failing = member(log, "failing", { die = handle })
  member(log, "other")
  kernel:post(failing, "fail")
  case.run_error(function(err) t.is(err, "boom") end)
  case.after(function()
    for _, entry in ipairs(log) do t.truthy(not entry:find("DIE"), entry) end
  end)
end)

t.case("K84 the environment switches it off, too", function(case)
  t.is(kernel:option("catch_exceptions"), false)
  local log = t.log()
  kernel:post(member(log, "failing", { die = handle }), "fail")
  case.run_error("^boom$")
end, { env = { POELUA_CATCH_EXCEPTIONS = "0" } })

t.case("K85 isolate: only the failing session stops, a sibling goes on, run returns", function(case)
  local log = t.log()
  t.is(kernel:option("isolate", true), false)
  member(log, "parent", {
    start = function()
      kernel:post(member(log, "failing"), "fail")
      member(log, "sibling", {
        states = { wait = function() log("sibling goes on") end },
        start = function() kernel:delay("wait", 10) end,
      })
    end,
    states = {
      _child = function(_, what, child) if what == "lose" then log("lose", child:get_heap().name) end end,
    },
  })
  case.after(function()
    log:is("failing:DIE parent:DIE stop:failing lose:failing sibling goes on "
      .. "stop:sibling lose:sibling stop:parent")
  end)
end, { stderr = { "boom", "traceback" } })

t.case("K85 isolate: the failing session's children move up", function(case)
  local log = t.log()
  kernel:option("isolate", true)
  local parent
  parent = member(log, "parent", {
    start = function()
      local failing
      failing = member(log, "failing", {
        start = function()
          spawn{
            _start = function() kernel:delay("wait", 10) end,
            wait = function() log("child goes on") end,
            _parent = function(_, old, new) log("_parent", old == failing, new == parent) end,
          }
        end,
      })
      kernel:post(failing, "fail")
    end,
    states = { _child = function(_, what) if what ~= "create" then log(what) end end },
  })
  case.after(function()
    log:is("failing:DIE parent:DIE gain _parent:true:true stop:failing lose child goes on lose stop:parent")
  end)
end, { stderr = "boom" })

t.case("K85 isolate: a handled error is nobody's concern", function(case)
  local log = t.log()
  kernel:option("isolate", true)
  kernel:post(member(log, "failing", {
    die = handle,
    start = function() kernel:delay("wait", 10) end,
    states = { wait = function() log("goes on") end },
  }), "fail")
  case.after(function() log:is("failing:DIE goes on stop:failing") end)
end, { no_stderr = "boom" })

t.case("K86 an error in _start: create still returns a session; DIE follows", function(case)
  local log = t.log()
  local child
  local parent = member(log, "parent", {
    die = function(_, info)
      kernel:sig_handled()
      t.is(info.event, "_start")
      t.is(info.dest_session, child)
      t.is(info.source_session, kernel:alias_resolve("parent"))
    end,
    states = {
      make = function()
        child = spawn{ _start = function() kernel:alias_set("child"); error("bad start") end }
        log("created", child:is_alive(), kernel:alias_resolve("child") == child)
      end,
      _child = function(_, what, _, value) log(what, value) end,
    },
  })
  kernel:post(parent, "make")
  case.after(function()
    log:is("create:nil created:true:true parent:DIE lose:nil stop:parent")
  end)
end)

t.case("K86 in the main chunk, too", function(case)
  local session = spawn{ _start = function() error("bad start", 0) end }
  t.is(session:is_alive(), true)
  case.run_error("^bad start$")
end)

-- Section 10 beyond the list.

t.case("small print 10: DIE is queued like any other event", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("fail"); kernel:yield("before") end,
    fail = function() kernel:yield("posted"); log("fail"); error("boom") end,
    before = function() log("before"); kernel:yield("after") end,
    posted = function() log("posted") end,
    died = function() log("DIE"); kernel:sig_handled() end,
    after = function() log("after") end,
  }
  case.after(function() log:is("fail before posted DIE after") end)
end)

t.case("small print 10: a session that failed lives until DIE is dispatched", function(case)
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("fail") end,
    fail = function() error("boom") end,
    died = case.expect(1, function(ctx) kernel:sig_handled(); t.is(ctx.session:is_alive(), true) end),
  }
end)

t.case("small print 10: unhandled, those it was offered to stop in order, then everybody else", function(case)
  local log = t.log()
  member(log, "stranger")
  member(log, "grandparent", {
    start = function()
      member(log, "parent", {
        start = function()
          kernel:post(member(log, "failing", { start = function() member(log, "child") end }), "fail")
          member(log, "sibling")
        end,
      })
    end,
  })
  case.run_error("^boom$")
  case.after(function()
    log:is("child:DIE failing:DIE parent:DIE grandparent:DIE "
      .. "stop:child stop:failing stop:parent stop:grandparent stop:sibling stop:stranger")
  end)
end)

t.case("small print 10: several errors are several signals", function(case)
  local log = t.log()
  local failing = member(log, "failing", { die = function(_, info) handle(); log(info.event) end, states = {
    fail2 = function() error("again") end,
  } })
  kernel:post(failing, "fail")
  kernel:post(failing, "fail2")
  case.after(function() log:is("failing:DIE fail failing:DIE fail2 stop:failing") end)
end)

t.case("small print 10: sig_handled in an ordinary event does nothing", function(case)
  spawn{
    _start = function() kernel:yield("fail") end,
    fail = function() t.success(kernel:sig_handled()); error("boom", 0) end,
  }
  case.run_error("^boom$")
end)

t.case("small print 10: outside a signal's dispatch sig_handled does nothing and is true", function()
  t.success(kernel:sig_handled())
end)

t.case("small print 10: an error in _child or _parent is one of that session", function(case)
  local log = t.log()
  local failing
  failing = spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("make") end,
    make = function() spawn{}; log("made") end,
    _child = function(_, what) if what == "create" then error("boom") end end,
    died = function(_, _, info)
      kernel:sig_handled()
      log(info.event)
      t.is(info.dest_session, failing)
      t.is(info.source_session, kernel)
    end,
  }
  case.after(function() log:is("made _child") end)
end)

t.case("small print 10: an error in a timer's handler has the session itself as source", function(case)
  local failing
  failing = spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:delay("fail", 5) end,
    fail = function() error("boom") end,
    died = case.expect(1, function(_, _, info)
      kernel:sig_handled()
      t.is(info.source_session, failing)
      t.is(info.dest_session, failing)
      t.is(info.from_state, "_start")
    end),
  }
end)

t.case("small print 10: an error in _default names the event that had no handler", function(case)
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("unknown") end,
    _default = function(_, event) if event == "unknown" then error("boom", 0) end end,
    died = case.expect(1, function(_, _, info) kernel:sig_handled(); t.is(info.error_str, "boom") end),
  }
end)

t.case("small print 10: the signal can be handled in a nested call", function(case)
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("fail"); kernel:delay("wait", 5) end,
    fail = function() error("boom") end,
    died = function(ctx) kernel:call(ctx.session, "helper") end,
    helper = function() kernel:sig_handled() end,
    wait = case.expect(1),
  }
end)

t.case("small print 10: a program can run again after an error ended a run", function(case)
  spawn{ _start = function() kernel:yield("fail") end, fail = function() error("boom", 0) end }
  local ok, err = pcall(kernel.run, kernel)
  t.same({ ok, err }, { false, "boom" })
  spawn{ _start = function() kernel:delay("go", 5) end, go = case.expect(1) }
  t.success(kernel:run())
end)

t.case("small print 10: run_one_timeslice and run_while raise the error, too", function()
  local function failing()
    spawn{
      _start = function() kernel:yield("fail") end,
      fail = function() error("boom", 0) end,
    }
  end
  failing()
  t.is(t.fails(function() while kernel:run_one_timeslice() do end end), "boom")
  failing()
  t.is(t.fails(function() kernel:run_while(function() return true end) end), "boom")
end)

t.case("small print 10: a DIE sent by kernel:signal can be handled", function(case)
  local session = spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:delay("wait", 5) end,
    died = case.expect(1, function(_, name, ...)
      kernel:sig_handled()
      t.same({ name, ... }, { "DIE", "an argument" })
    end),
    wait = case.expect(1),
  }
  kernel:signal(session, "DIE", "an argument")
end)

t.case("small print 10: isolate without a handler stops a failing _start's session", function(case)
  kernel:option("isolate", true)
  local session = spawn{
    _start = function() kernel:alias_set("failing"); error("bad start") end,
    _stop = case.expect(1),
  }
  spawn{
    _start = function() kernel:delay("look", 5) end,
    look = case.expect(1, function() t.is(session:is_alive(), false) end),
  }
end, { stderr = "bad start" })
