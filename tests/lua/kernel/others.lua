-- Handlers at run time, aliases, IDs, options, traces and statistics: K88 to K96.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

-- named makes a _start that sets an alias, which keeps the session until the end.
local function named(...)
  local aliases = { ... }
  return function()
    for _, alias in ipairs(aliases) do kernel:alias_set(alias) end
  end
end

t.case("K88 state adds a handler", function(case)
  spawn{
    _start = function(ctx)
      t.success(kernel:state("added", case.expect(2, function(_, n) return n end)))
      t.is(kernel:call(ctx.session, "added", 3), 3)
      kernel:yield("added", 4)
    end,
  }
end)

t.case("K88 a queued event uses the handler that is there at delivery", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:yield("event")
      kernel:yield("new")
      kernel:state("event", function() log("replaced") end)
      kernel:state("new", function() log("added") end)
    end,
    event = function() log("old") end,
  }
  case.after(function() log:is("replaced added") end)
end)

t.case("K88 state removes a handler, a queued event is then dropped", function(case)
  spawn{
    _start = function(ctx)
      kernel:yield("one")
      kernel:yield("two")
      t.success(kernel:state("one"))
      t.success(kernel:state("two", nil))
      t.failure("ENOSYS", kernel:call(ctx.session, "one"))
      t.success(kernel:state("never there"))
    end,
    one = case.expect(0), two = case.expect(0),
  }
end)

t.case("K88 a removed handler's events go to _default", function(case)
  spawn{
    _start = function() kernel:yield("one", 1); kernel:state("one") end,
    one = case.expect(0),
    _default = function(_, event, args)
      if event ~= "_stop" then t.same({ event, args }, { "one", { n = 1, 1 } }) end
    end,
  }
end)

t.case("K88 a timer uses the handler that is there when it fires", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:delay("ring", 10); kernel:delay("change", 5) end,
    change = function() kernel:state("ring", function() log("new") end) end,
    ring = function() log("old") end,
  }
  case.after(function() log:is("new") end)
end)

t.case("K88 state changes the current session only", function(case)
  local other = spawn{ event = case.expect(1) }
  spawn{ _start = function() kernel:state("event", case.expect(0)); kernel:post(other, "event") end }
end)

t.case("K89 state with an object that lacks the method raises", function(case)
  local object = { present = function() end, number = 5 }
  spawn{
    _start = case.expect(1, function(ctx)
      t.fails(function() kernel:state("missing", object) end, "missing")
      t.fails(function() kernel:state("event", object, "missing") end, "missing")
      t.fails(function() kernel:state("number", object) end, "number")
      t.failure("ENOSYS", kernel:call(ctx.session, "event"))
      t.success(kernel:state("event", object, "present"))
    end),
  }
end)

t.case("K90 alias_set twice is true; another's: EEXIST", function(case)
  spawn{ _start = named("taken") }
  spawn{
    _start = case.expect(1, function(ctx)
      t.success(kernel:alias_set("mine"))
      t.success(kernel:alias_set("mine"))
      t.same(kernel:alias_list(), { "mine" })
      t.failure("EEXIST", kernel:alias_set("taken"))
      t.same(kernel:alias_list(), { "mine" })
    end),
  }
end)

t.case("K90 alias_list of another session, sorted", function(case)
  local other = spawn{ _start = named("c", "a", "d", "b") }
  spawn{ _start = named("z"), list = function() return kernel:alias_list() end }
  t.same(kernel:alias_list(other), { "a", "b", "c", "d" })
  t.same(kernel:alias_list(other:id()), { "a", "b", "c", "d" })
  t.same(kernel:alias_list("c"), { "a", "b", "c", "d" })
  t.same(kernel:call("z", "list"), { "z" })
  t.same(kernel:alias_list(kernel), {})
  t.failure("ESRCH", kernel:alias_list("nobody"))
end)

t.case("K91 one session with several aliases", function(case)
  local session = spawn{ _start = named("one", "two"), note = case.expect(3) }
  t.is(kernel:alias_resolve("one"), session)
  t.is(kernel:alias_resolve("two"), session)
  kernel:post("one", "note")
  kernel:post("two", "note")
  kernel:call("two", "note")
end)

t.case("K91 an alias moved by remove and set by another", function(case)
  local first = spawn{
    _start = named("name", "first"),
    give = function() return kernel:alias_remove("name") end,
    note = case.expect(0),
  }
  local second = spawn{
    _start = named("second"),
    take = function()
      t.failure("EPERM", kernel:alias_remove("name"))
      t.is(kernel:alias_resolve("name"), first)
      t.success(kernel:call("first", "give"))
      t.failure("ESRCH", kernel:alias_remove("name"))
      t.success(kernel:alias_set("name"))
    end,
    note = case.expect(1),
  }
  kernel:call(second, "take")
  t.is(kernel:alias_resolve("name"), second)
  t.same(kernel:alias_list(first), { "first" })
  t.same(kernel:alias_list(second), { "name", "second" })
  kernel:post("name", "note")
end)

t.case("K92 alias_resolve accepts alias, ID, session and kernel", function()
  local session = spawn{ _start = named("name") }
  t.is(kernel:alias_resolve("name"), session)
  t.is(kernel:alias_resolve(session:id()), session)
  t.is(kernel:alias_resolve(tostring(session:id())), session)
  t.is(kernel:alias_resolve(session), session)
  t.is(kernel:alias_resolve(kernel), kernel)
  t.is(kernel:alias_resolve(kernel:id()), kernel)
  t.failure("ESRCH", kernel:alias_resolve("nobody"))
  t.failure("ESRCH", kernel:alias_resolve(4711))
end)

t.case("K92 a stopped session is not resolved", function(case)
  local gone = spawn{}
  case.after(function()
    t.failure("ESRCH", kernel:alias_resolve(gone))
    t.failure("ESRCH", kernel:alias_resolve(gone:id()))
  end)
end)

t.case("K93 id_to_session and session_to_id map both ways", function(case)
  local session = spawn{ _start = named("name") }
  t.is(kernel:id_to_session(session:id()), session)
  t.is(kernel:session_to_id(session), session:id())
  t.is(kernel:id_to_session(kernel:id()), kernel)
  t.is(kernel:session_to_id(kernel), kernel:id())
  t.failure("ESRCH", kernel:id_to_session(4711))
  local id = session:id()
  case.after(function()
    t.failure("ESRCH", kernel:session_to_id(session))
    t.failure("ESRCH", kernel:id_to_session(id))
    t.is(session:id(), id)
  end)
end)

t.case("K94 get_active_session and get_active_event in and outside handlers", function(case)
  local other = spawn{
    note = case.expect(1, function(ctx)
      t.is(kernel:get_active_session(), ctx.session)
      t.is(kernel:get_active_event(), "note")
    end),
  }
  spawn{
    _start = function() kernel:yield("go") end,
    go = case.expect(1, function(ctx)
      kernel:call(other, "note")
      t.is(kernel:get_active_session(), ctx.session)
      t.is(kernel:get_active_event(), "go")
    end),
  }
  t.is(kernel:get_active_session(), kernel)
  t.is(kernel:get_active_event(), nil)
  case.after(function()
    t.is(kernel:get_active_session(), kernel)
    t.is(kernel:get_active_event(), nil)
  end)
end)

-- busy makes sessions that give every trace something to say.
local function busy()
  spawn{
    _start = function(ctx)
      kernel:alias_set("busy")
      kernel:sig("NOTE", "noted")
      kernel:refcount_increment(ctx.session, "tag")
      kernel:refcount_decrement(ctx.session, "tag")
      kernel:yield("an_event_name")
      kernel:signal(ctx.session, "NOTE")
      kernel:post("nobody", "x")
      spawn{}
    end,
    an_event_name = function() end,
    noted = function() end,
  }
end

local tags = { events = "<ev>", sessions = "<ss>", refcounts = "<rc>", signals = "<sg>", errors = "<er>", stats = "<st>" }

for name, tag in pairs(tags) do
  local others = {}
  for other, other_tag in pairs(tags) do
    if other ~= name then others[#others + 1] = other_tag end
  end
  t.case("K95 POELUA_TRACE=" .. name .. " prints lines of this tag and no other", busy,
    { env = { POELUA_TRACE = name }, stderr = tag, no_stderr = others })
end

t.case("K95 POELUA_TRACE=files prints the I/O watchers", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function() kernel:select_write(writer, "writable") end,
    writable = function() kernel:select_write(writer) end,
  }
  case.after(function() reader:close(); writer:close() end)
end, { clock = "real", env = { POELUA_TRACE = "files" }, stderr = "<fh>", no_stderr = "<ev>" })

t.case("K95 several traces, with commas", busy,
  { env = { POELUA_TRACE = "events,signals" }, stderr = { "<ev>", "<sg>", "an_event_name" }, no_stderr = { "<ss>", "<rc>" } })

t.case("K95 POELUA_TRACE=all", busy,
  { env = { POELUA_TRACE = "all" }, stderr = { "<ev>", "<ss>", "<rc>", "<sg>", "<er>", "<st>" } })

t.case("K95 without it nothing is traced", busy, { no_stderr = { "<ev>", "<ss>", "<rc>", "<sg>", "<er>", "<st>" } })

t.case("K95 POELUA_TRACE_FILE takes the lines away from stderr", function(case)
  busy()
  case.after(function()
    local file = assert(io.open(os.getenv("POELUA_TRACE_FILE")))
    local text = file:read("*a")
    file:close()
    t.truthy(text:find("<ss>", 1, true), text)
  end)
end, { env = { POELUA_TRACE = "sessions", POELUA_TRACE_FILE = "$TMP/trace" }, no_stderr = "<ss>" })

-- reserved are the event names the kernel keeps for itself.
local reserved = { "_start", "_stop", "_child", "_parent", "_default", "_signal", "_poe_anything" }

t.case("K95 POELUA_ASSERT=usage: reserved names raise in posts, timers and watchers", function(case)
  local session = spawn{ _mine = case.expect(3) }
  for _, name in ipairs(reserved) do
    t.fails(function() kernel:post(session, name) end, name)
  end
  spawn{
    _start = case.expect(1, function()
      for _, name in ipairs(reserved) do
        t.fails(function() kernel:yield(name) end, name)
        for _, method in ipairs{ "delay", "delay_add", "delay_set" } do
          t.fails(function() kernel[method](kernel, name, 5) end, name)
        end
        for _, method in ipairs{ "alarm", "alarm_add", "alarm_set" } do
          t.fails(function() kernel[method](kernel, name, poe.time() + 5) end, name)
        end
      end
      t.is(kernel:get_event_count(), 0)
      t.success(kernel:yield("_mine"))
      t.success(kernel:delay("_mine", 5))
    end),
    _mine = case.expect(2),
  }
  for _ = 1, 3 do t.success(kernel:post(session, "_mine")) end
end, { env = { POELUA_ASSERT = "usage" } })

t.case("K95 POELUA_ASSERT=usage: reserved names raise for I/O watchers", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = case.expect(1, function()
      for _, method in ipairs{ "select_read", "select_write", "select_expedite" } do
        t.fails(function() kernel[method](kernel, reader, "_stop") end, "_stop")
      end
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, { clock = "real", env = { POELUA_ASSERT = "usage" } })

t.case("K95 POELUA_ASSERT=usage: redefining a handler under debug raises", function(case)
  spawn{
    _start = case.expect(1, function(ctx)
      t.success(kernel:state("event", function() end))
      ctx.session:option("debug", true)
      t.fails(function() kernel:state("event", function() end) end, "event")
    end),
    event = function() end,
  }
end, { env = { POELUA_ASSERT = "usage" } })

t.case("K95 POELUA_ASSERT=retvals: a failure becomes an error", function(case)
  t.fails(function() kernel:post("nobody", "x") end)
  t.fails(function() kernel:alias_resolve("nobody") end)
  t.fails(function() kernel:id_to_session(4711) end)
  spawn{
    _start = case.expect(1, function(ctx)
      t.fails(function() kernel:alarm_remove(4711) end)
      t.fails(function() kernel:refcount_decrement(ctx.session, "tag") end)
      t.fails(function() kernel:alias_remove("nobody") end)
      t.fails(function() kernel:detach_myself() end)
    end),
  }
end, { env = { POELUA_ASSERT = "retvals" } })

t.case("K95 POELUA_ASSERT=all is usage, data and states without retvals", function(case)
  local session = spawn{}
  t.failure("ESRCH", kernel:post("nobody", "x"))
  t.fails(function() kernel:post(session, "_stop") end, "_stop")
  kernel:post(session, "nobody_handles_this")
end, { env = { POELUA_ASSERT = "all" }, stderr = "nobody_handles_this" })

t.case("K95 POELUA_ASSERT=states: an event that nothing handles is a warning, not an error", function(case)
  local session = spawn{ handled = case.expect(1) }
  kernel:post(session, "nobody_handles_this")
  kernel:post(session, "handled")
end, { env = { POELUA_ASSERT = "states" }, stderr = "nobody_handles_this", no_stderr = { "_stop", "_child", "_parent" } })

t.case("K95 POELUA_ASSERT=data finds nothing wrong in a busy program", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  busy()
  spawn{
    _start = function()
      kernel:select(writer, "read", "write")
      kernel:delay("ring", 0.01)
      local id = kernel:delay_set("ring", 0.02)
      kernel:delay_adjust(id, 0.005)
      kernel:detach_child(spawn{})
    end,
    ring = function() end,
    write = case.expect(1, function(ctx)
      kernel:select(writer)
      kernel:signal(ctx.session, "NOTE")
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, { clock = "real", env = { POELUA_ASSERT = "data" } })

t.case("K96 kernel:stats counts events and sessions", function(case)
  local other = spawn{ _start = named("other"), called = function() end }
  spawn{
    _start = function()
      kernel:yield("event")
      kernel:yield("event")
      kernel:delay("ring", 5)
      kernel:call(other, "called")
    end,
    event = function() end,
    ring = function() end,
  }
  case.after(function()
    local stats = kernel:stats()
    t.is(stats.sessions_created, 2)
    t.is(stats.sessions_stopped, 2)
    t.is(stats.calls, 1)
    t.is(stats.timers, 1)
    t.is(stats.errors, 0)
    t.truthy(stats.events_dispatched >= 3, "events_dispatched: " .. stats.events_dispatched)
    t.truthy(stats.events_queued >= 3, "events_queued: " .. stats.events_queued)
    t.truthy(stats.max_queue >= 3, "max_queue: " .. stats.max_queue)
    t.truthy(stats.iterations >= 2, "iterations: " .. stats.iterations)
  end)
end)

t.case("K96 every counter is there and is a number", function()
  local stats = kernel:stats()
  for _, name in ipairs{
    "events_dispatched", "events_queued", "timers", "io_events", "signals", "calls", "sessions_created",
    "sessions_stopped", "iterations", "errors", "idle_seconds", "user_seconds", "max_queue",
  } do
    t.is(type(stats[name]), "number", name)
  end
end)

t.case("K96 signals, errors and posts are counted as they happen", function(case)
  local session = spawn{
    _start = function() kernel:sig("NOTE", "noted"); kernel:sig("DIE", "died") end,
    noted = function() end,
    died = function() kernel:sig_handled() end,
    fail = function() error("boom") end,
    note = function() end,
  }
  local before = kernel:stats()
  for _ = 1, 10 do kernel:post(session, "note") end
  t.is(kernel:stats().events_queued - before.events_queued, 10)
  kernel:signal(session, "NOTE")
  kernel:post(session, "fail")
  case.after(function()
    local after = kernel:stats()
    t.truthy(after.events_dispatched - before.events_dispatched >= 11, "events_dispatched")
    t.truthy(after.signals - before.signals >= 1, "signals")
    t.is(after.errors - before.errors, 1)
  end)
end)

t.case("K96 the table is a copy", function()
  local stats = kernel:stats()
  stats.sessions_created = 1000
  t.is(kernel:stats().sessions_created, 0)
end)

-- Sections 1, 11, 12 and 13 beyond the list.

t.case("small print 11: state with an object or class, the method defaults to the event's name", function(case)
  local object, class = {}, {}
  object.event = case.expect(1, function(self, ctx, n)
    t.is(self, object)
    t.is(ctx.object, object)
    t.is(n, 1)
  end)
  object.method = case.expect(1, function(self, ctx)
    t.is(self, object)
    t.is(ctx.state, "other")
  end)
  class.on_class = case.expect(1, function(self, ctx)
    t.is(self, class)
    t.is(ctx.object, class)
  end)
  spawn{
    _start = function()
      t.success(kernel:state("event", object))
      t.success(kernel:state("other", object, "method"))
      t.success(kernel:state("on_class", class))
      kernel:yield("event", 1)
      kernel:yield("other")
      kernel:yield("on_class")
    end,
  }
end)

t.case("small print 11: the method is looked up again at each event", function(case)
  local log = t.log()
  local object = setmetatable({}, { __index = { event = function() log("inherited") end } })
  spawn{
    _start = function(ctx)
      kernel:state("event", object)
      kernel:call(ctx.session, "event")
      object.event = function() log("own") end
      kernel:call(ctx.session, "event")
    end,
  }
  case.after(function() log:is("inherited own") end)
end)

t.case("small print 11: a method that is gone by then fails as an error in the handler", function(case)
  local object = { event = function() end }
  spawn{
    _start = function()
      kernel:sig("DIE", "died")
      kernel:state("event", object)
      object.event = nil
      kernel:yield("event")
    end,
    died = case.expect(1, function(_, _, info) kernel:sig_handled(); t.is(info.event, "event") end),
  }
end)

t.case("small print 11: _default, _stop and the others may be set at run time", function(case)
  spawn{
    _start = function()
      kernel:state("_stop", case.expect(1))
      kernel:state("_default", case.expect(1, function(_, event) t.is(event, "unknown") end))
      kernel:yield("unknown")
    end,
  }
end)

t.case("small print 11: wrong calls of state", function(case)
  t.fails(function() kernel:state("x", function() end) end, "'state' must be called from an event handler")
  spawn{
    _start = case.expect(1, function()
      t.fails(function() kernel:state(nil, function() end) end, "bad argument #1 to 'state' %(string expected, got nil%)")
      t.fails(function() kernel:state(5, function() end) end, "bad argument #1 to 'state' %(string expected, got number%)")
      t.fails(function() kernel:state("x", 5) end, "bad argument #2 to 'state' %(.+ expected, got number%)")
      t.fails(function() kernel:state("x", "y") end, "bad argument #2 to 'state' %(.+ expected, got string%)")
      t.fails(function() kernel.state("x", function() end) end, "calling 'state' on a bad self %(use kernel:state%)")
    end),
  }
end)

t.case("small print 12: the kernel's ID is a string that no session has", function()
  local id = kernel:id()
  t.is(type(id), "string")
  t.truthy(#id > 0 and not tonumber(id), id)
  t.is(kernel:id(), id)
  t.is(type(spawn{}:id()), "number")
end)

t.case("small print 12: a destination string is an alias first, then a decimal ID", function(case)
  local numbered = spawn{ _start = named("numbered"), note = case.expect(1, function(_, n) t.is(n, 2) end) }
  local id = tostring(numbered:id())
  local aliased = spawn{
    _start = named("aliased"),
    take = function() kernel:alias_set(id) end,
    give = function() kernel:alias_remove(id) end,
    note = case.expect(1, function(_, n) t.is(n, 1) end),
  }
  kernel:call(aliased, "take")
  t.is(kernel:alias_resolve(id), aliased)
  kernel:call(id, "note", 1)
  kernel:call("aliased", "give")
  t.is(kernel:alias_resolve(id), numbered)
  kernel:call(id, "note", 2)
end)

t.case("small print 13: option reads, sets and returns the old value", function()
  t.is(kernel:option("isolate"), false)
  t.is(kernel:option("isolate", true), false)
  t.is(kernel:option("isolate", false), true)
  t.is(kernel:option("isolate"), false)
  t.is(kernel:option("catch_exceptions"), true)
  kernel:option{ isolate = true, catch_exceptions = false }
  t.is(kernel:option("isolate"), true)
  t.is(kernel:option("catch_exceptions"), false)
end)

t.case("small print 13: kernel:option switches traces on and off", function(case)
  kernel:option("trace_events", true)
  local session = spawn{ traced = function() end, hidden = function() end }
  kernel:call(session, "traced")
  t.is(kernel:option("trace_events", false), true)
  kernel:call(session, "hidden")
end, { stderr = { "<ev>", "traced" }, no_stderr = "hidden" })

t.case("small print 13: kernel:option switches assertions, too", function()
  local session = spawn{}
  t.success(kernel:post(session, "_child"))
  kernel:option("assert_usage", true)
  t.fails(function() kernel:post(session, "_child") end, "_child")
  kernel:option("assert_usage", false)
  t.success(kernel:post(session, "_child"))
end)

t.case("small print 1: alias methods", function(case)
  spawn{ _start = named("taken") }
  spawn{
    _start = case.expect(1, function(ctx)
      t.success(kernel:alias_set("mine"))
      t.success(kernel:alias_remove("mine"))
      t.failure("ESRCH", kernel:alias_remove("mine"))
      t.failure("EPERM", kernel:alias_remove("taken"))
      t.same(kernel:alias_list(), {})
      t.same({ kernel:alias_resolve(ctx.session) }, { ctx.session })
    end),
  }
end)

t.case("small print 1: sig and sig_handled return true; sig needs a handler around it", function(case)
  t.fails(function() kernel:sig("NOTE", "noted") end, "'sig' must be called from an event handler")
  t.fails(function() kernel:sig_child(4711, "ended") end, "'sig_child' must be called from an event handler")
  spawn{
    _start = case.expect(1, function()
      t.success(kernel:sig("NOTE", "noted"))
      t.success(kernel:sig("NOTE"))
      t.success(kernel:sig("NEVER WATCHED"))
      t.success(kernel:sig_handled())
      t.fails(function() kernel:sig(5, "x") end, "bad argument #1 to 'sig' %(string expected, got number%)")
      t.fails(function() kernel:sig("NOTE", 5) end, "bad argument #2 to 'sig' %(string expected, got number%)")
    end),
  }
end)

t.case("small print 1: wrong calls of the alias and ID methods name the argument", function()
  t.fails(function() kernel:alias_set(5) end, "bad argument #1 to 'alias_set' %(string expected, got number%)")
  t.fails(function() kernel:alias_set(nil) end, "bad argument #1 to 'alias_set' %(string expected, got nil%)")
  t.fails(function() kernel:alias_remove({}) end, "bad argument #1 to 'alias_remove' %(string expected, got table%)")
  t.fails(function() kernel:alias_resolve(nil) end, "bad argument #1 to 'alias_resolve' %(.+ expected, got nil%)")
  t.fails(function() kernel:id_to_session(nil) end, "bad argument #1 to 'id_to_session' %(.+ expected, got nil%)")
  t.fails(function() kernel:session_to_id(nil) end, "bad argument #1 to 'session_to_id' %(.+ expected, got nil%)")
  t.fails(function() kernel.alias_list() end, "calling 'alias_list' on a bad self %(use kernel:alias_list%)")
end)

t.case("small print 1: poe.errno numbers are distinct", function()
  local seen = {}
  for _, name in ipairs{ "ESRCH", "ENOSYS", "EPERM", "EEXIST", "ENOENT", "EINVAL", "ECHILD" } do
    local number = poe.errno[name]
    t.is(type(number), "number", name)
    t.is(seen[number], nil, name)
    seen[number] = name
  end
end)

t.case("small print 1: nothing but require \"poe\" is needed, no global is added", function()
  t.is(rawget(_G, "poe"), nil)
  t.is(require "poe", poe)
end)
