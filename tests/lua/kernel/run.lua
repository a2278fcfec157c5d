-- Running, IDLE, ZOMBIE and stop: K68 to K76.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

-- named makes a _start that sets an alias, which keeps the session until the end.
local function named(alias)
  return function() kernel:alias_set(alias) end
end

-- family makes two trees of sessions, one with grandchildren, that log their stops and have an alias each.
local function family(log)
  local function member(name, start)
    return spawn{
      _start = function() kernel:alias_set(name); if start then start() end end,
      _child = function(_, what, child) if what == "lose" then log(name, "loses", child:id()) end end,
      _stop = function() log(name) end,
    }
  end
  member("a", function() -- 1
    member("a1") -- 2
    member("a2", function() member("a21") end) -- 3, 4
  end)
  member("b", function() member("b1") end) -- 5, 6
end

local family_stops = "a21 a2:loses:4 b1 b:loses:6 a2 a:loses:3 a1 a:loses:2 b a"

t.case("K68 IDLE reaches watchers when only aliases remain; unhandled, all stop, children first", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:alias_set("parent")
      kernel:sig("IDLE", "idle", "extra")
      kernel:delay("wait", 50)
      spawn{ _start = named("child"), _stop = function() log("child stop") end }
    end,
    wait = function() log("waited") end,
    idle = function(ctx, name, extra, ...)
      log(name, extra, select("#", ...))
      t.is(ctx.sender, kernel)
    end,
    _child = function(_, what) if what == "lose" then log("lose") end end,
    _stop = function() log("parent stop") end,
  }
  case.after(function() log:is("waited IDLE:extra:0 child stop lose parent stop") end)
end)

t.case("K68 without any watcher, all stop, deepest and youngest first", function(case)
  local log = t.log()
  family(log)
  case.after(function() log:is(family_stops) end)
end)

t.case("K68 every watcher is asked, deepest first", function(case)
  local log = t.log()
  local function watcher(name, start)
    spawn{
      _start = function() kernel:alias_set(name); kernel:sig("IDLE", "idle"); if start then start() end end,
      idle = function() log(name) end,
      _stop = function() log("stop", name) end,
    }
  end
  watcher("a", function() watcher("a1") end)
  watcher("b")
  case.after(function() log:is("a1 b a stop:a1 stop:b stop:a") end)
end)

t.case("K69 IDLE handled with new work: the program goes on and IDLE comes again", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("worker"); kernel:sig("IDLE", "idle") end,
    idle = function(ctx)
      ctx.heap.idles = (ctx.heap.idles or 0) + 1
      log("idle")
      if ctx.heap.idles < 3 then
        kernel:sig_handled()
        kernel:delay("work", 10)
      end
    end,
    work = function() log("work") end,
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("idle work idle work idle stop") end)
end)

t.case("K69 a posted event is new work, too", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("worker"); kernel:sig("IDLE", "idle") end,
    idle = function(ctx)
      log("idle")
      if ctx.heap.once then return end
      ctx.heap.once = true
      kernel:sig_handled()
      kernel:yield("work")
    end,
    work = function() log("work") end,
  }
  case.after(function() log:is("idle work idle") end)
end)

t.case("K70 IDLE handled without new work: ZOMBIE, all stop, handled or not", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:alias_set("stubborn")
      kernel:sig("IDLE", "signalled")
      kernel:sig("ZOMBIE", "signalled")
    end,
    signalled = function(_, name) log(name); kernel:sig_handled() end,
    _stop = function() log("stop") end,
  }
  spawn{ _start = named("other"), _stop = function() log("other stop") end }
  case.after(function() log:is("IDLE ZOMBIE other stop stop") end)
end)

t.case("K71 a watched handle prevents IDLE", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  local count = 0
  spawn{
    _start = function() kernel:alias_set("watcher"); kernel:sig("IDLE", "idle") end,
    idle = function() log("idle") end,
  }
  spawn{
    _start = function() kernel:select_write(writer, "writable") end,
    writable = function()
      count = count + 1
      log("write")
      if count == 4 then kernel:select_write(writer) end
    end,
  }
  case.after(function()
    log:is("write write write write idle")
    reader:close()
    writer:close()
  end)
end, { clock = "real" })

t.case("K71 an extra reference count prevents IDLE", function(case)
  local log = t.log()
  spawn{
    _start = function(ctx)
      kernel:alias_set("watcher")
      kernel:sig("IDLE", "idle")
      kernel:sig("USR1", "woken")
      kernel:refcount_increment(ctx.session, "tag")
      os.execute("(sleep 0.2; kill -USR1 " .. poe.pid() .. ") >/dev/null 2>&1 &")
    end,
    woken = function(ctx) log("woken"); kernel:refcount_decrement(ctx.session, "tag") end,
    idle = function() log("idle") end,
  }
  case.after(function() log:is("woken idle") end)
end, { clock = "real" })

t.case("K71 a pending timer prevents IDLE", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("watcher"); kernel:sig("IDLE", "idle") end,
    idle = function() log("idle") end,
  }
  spawn{
    _start = function() kernel:delay("tick", 100000) end,
    tick = function() log("tick") end,
  }
  case.after(function() log:is("tick idle") end)
end)

t.case("K72 a session created in _stop during the end does not crash the run", function(case)
  local log = t.log()
  spawn{
    _start = named("maker"),
    _stop = function()
      log("stop")
      spawn{
        _start = function() log("late start"); kernel:alias_set("late"); kernel:delay("ring", 5) end,
        ring = case.expect(0),
        _stop = function() log("late stop") end,
      }
    end,
  }
  case.after(function() log:is("stop late start late stop") end)
end)

t.case("K72 nor one created in a _stop that kernel:stop caused", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("maker"); kernel:yield("go") end,
    go = function() kernel:stop(); log("on") end,
    _stop = function()
      log("stop")
      spawn{ _start = named("late"), _stop = function() log("late stop") end }
    end,
  }
  case.after(function() log:is("stop late stop on") end)
end)

t.case("K73 run can be called again with new sessions, IDs go on", function()
  local log = t.log()
  local function once(name)
    return spawn{
      _start = function() kernel:delay("go", 10) end,
      go = function() log(name) end,
      _stop = function() log("stop", name) end,
    }
  end
  local first = once("first")
  t.success(kernel:run())
  log:is("first stop:first")
  local second = once("second")
  t.is(second:id(), first:id() + 1)
  t.success(kernel:run())
  log:is("first stop:first second stop:second")
end)

t.case("K74 run_one_timeslice returns false when nothing is left", function()
  t.is(kernel:run_one_timeslice(), false)
  local count = 0
  spawn{
    _start = function() kernel:yield("go") end,
    go = function()
      count = count + 1
      if count < 3 then kernel:yield("go") end
    end,
  }
  t.is(kernel:run_one_timeslice(), true)
  t.is(count, 1)
  t.is(kernel:run_one_timeslice(), true)
  t.is(count, 2)
  t.is(kernel:run_one_timeslice(), false)
  t.is(count, 3)
  t.is(kernel:run_one_timeslice(), false)
end)

t.case("K74 run_while stops on its condition", function(case)
  local ticks, asked = 0, 0
  spawn{
    _start = function() kernel:yield("tick") end,
    tick = function()
      ticks = ticks + 1
      if ticks < 10 then kernel:yield("tick") end
    end,
  }
  t.success(kernel:run_while(function()
    asked = asked + 1
    return asked <= 4
  end))
  t.is(ticks, 4)
  case.after(function() t.is(ticks, 10) end)
end)

t.case("K74 run_while ends when no session is left", function()
  local count = 0
  spawn{ _start = function() kernel:delay("go", 10) end, go = function() count = count + 1 end }
  t.success(kernel:run_while(function() return true end))
  t.is(count, 1)
end)

t.case("K75 stop in a handler: all _stops run, deepest first, the handler continues, run returns", function(case)
  local log = t.log()
  family(log)
  spawn{ -- 7
    _start = function() kernel:yield("go") end,
    go = function() t.success(kernel:stop()); log("on") end,
    _stop = function() log("stopper") end,
  }
  case.after(function()
    log:is("a21 a2:loses:4 b1 b:loses:6 a2 a:loses:3 a1 a:loses:2 stopper b a on")
  end)
end)

t.case("K75 the rest of the handler has the kernel as current session", function(case)
  spawn{
    _start = function() kernel:yield("go") end,
    go = case.expect(1, function(ctx)
      local session = ctx.session
      kernel:stop()
      t.is(kernel:get_active_session(), kernel)
      t.is(session:is_alive(), false)
      t.is(kernel:get_event_count(), 0)
      t.failure("ESRCH", kernel:post(session, "x"))
    end),
  }
end)

t.case("K75 what is queued at a stop is dropped", function(case)
  spawn{
    _start = function() kernel:yield("go"); kernel:yield("late"); kernel:delay("late", 5) end,
    go = function() kernel:yield("late"); kernel:stop() end,
    late = case.expect(0),
    _stop = case.expect(1),
  }
end)

t.case("K76 run in a handler raises", function(case)
  spawn{
    _start = function() kernel:yield("go") end,
    go = case.expect(1, function() t.fails(function() kernel:run() end, "the kernel is already running") end),
    _stop = case.expect(1, function() t.fails(function() kernel:run() end, "the kernel is already running") end),
  }
end)

t.case("K76 also in a handler that the main chunk runs", function(case)
  local session = spawn{
    _start = case.expect(1, function() t.fails(function() kernel:run() end) end),
    called = case.expect(1, function() t.fails(function() kernel:run() end) end),
  }
  kernel:call(session, "called")
end)

-- Sections 8 and 9 beyond the list.

t.case("small print 8: run returns at once without sessions", function()
  t.success(kernel:run())
  t.success(kernel:run())
  t.success(kernel:run_while(function() return true end))
end)

t.case("small print 8: run_one_timeslice waits for the first event", function()
  local started = poe.time()
  local count = 0
  spawn{ _start = function() kernel:delay("go", 500) end, go = function() count = count + 1 end }
  kernel:run_one_timeslice() -- the one after a session's creation need not wait
  if count == 0 then kernel:run_one_timeslice() end
  t.is(count, 1)
  t.is(poe.time(), started + 500)
end)

t.case("small print 8: stop in the main chunk stops all sessions with full notice", function(case)
  local log = t.log()
  family(log)
  spawn{ _start = function() kernel:delay("late", 5) end, late = case.expect(0) }
  t.success(kernel:stop())
  log:is(family_stops)
  t.is(kernel:get_event_count(), 0)
  t.success(kernel:run())
end)

t.case("small print 8: sessions may be created and run after a stop", function(case)
  spawn{ _start = function() kernel:yield("go") end, go = function() kernel:stop() end }
  t.success(kernel:run())
  spawn{ _start = function() kernel:delay("go", 5) end, go = case.expect(1) }
  t.success(kernel:run())
end)

t.case("small print 8: an error raised after stop in the same handler ends the run with it", function(case)
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:yield("go") end,
    go = function() kernel:stop(); error("after the end", 0) end,
    died = case.expect(0),
    _stop = case.expect(1),
  }
  case.run_error(function(err) t.is(err, "after the end") end)
end)

t.case("small print 8: stop reaches the end of every calling handler", function(case)
  local log = t.log()
  local stopper = spawn{
    _start = named("stopper"),
    halt = function() kernel:stop(); log("halted"); return "value" end,
    _stop = function() log("stopper stop") end,
  }
  spawn{
    _start = function() kernel:yield("go") end,
    go = function() kernel:call(stopper, "halt"); log("caller goes on") end,
    _stop = function() log("caller stop") end,
  }
  case.after(function() log:is("caller stop stopper stop halted caller goes on") end)
end)

t.case("small print 8: has_forked is accepted and does nothing", function(case)
  t.success(kernel:has_forked())
  spawn{
    _start = function() kernel:yield("go"); t.success(kernel:has_forked()) end,
    go = case.expect(1),
  }
end)

t.case("small print 8: poe.time and poe.pid", function(case)
  t.is(type(poe.time()), "number")
  t.truthy(poe.pid() > 0 and poe.pid() % 1 == 0, "a process ID")
  t.truthy(poe.time() >= 1000000000, "the simulated clock starts at 1,000,000,000")
  spawn{
    _start = function() kernel:delay("go", 5); kernel:delay("later", 10) end,
    go = function(ctx) ctx.heap.then_ = poe.time() end,
    later = case.expect(1, function(ctx) t.is(poe.time(), ctx.heap.then_ + 5) end),
  }
end)

t.case("small print 8: the accessors in and outside handlers", function(case)
  t.is(kernel:get_active_session(), kernel)
  t.is(kernel:get_active_event(), nil)
  t.is(kernel:get_event_count(), 0)
  t.is(kernel:get_next_event_time(), nil)
  spawn{
    _start = case.expect(1, function(ctx)
      t.is(kernel:get_active_session(), ctx.session)
      t.is(kernel:get_active_event(), "_start")
    end),
    _stop = case.expect(1, function(ctx)
      t.is(kernel:get_active_session(), ctx.session)
      t.is(kernel:get_active_event(), "_stop")
    end),
  }
  t.is(kernel:get_active_session(), kernel)
  t.is(kernel:get_active_event(), nil)
  case.after(function() t.is(kernel:get_active_session(), kernel) end)
end)

t.case("small print 8: run_while needs a function", function()
  t.fails(function() kernel:run_while() end, "bad argument #1 to 'run_while' %(function expected, got ")
  t.fails(function() kernel:run_while("x") end, "bad argument #1 to 'run_while' %(function expected, got string%)")
end)

t.case("small print 8: IDLE is not counted as an event", function(case)
  spawn{
    _start = function() kernel:alias_set("watcher"); kernel:sig("IDLE", "idle") end,
    idle = case.expect(1, function() t.is(kernel:get_event_count(), 0) end),
  }
end)

t.case("small print 9: IDLE ends parents of aliased sessions, too", function(case)
  local log = t.log()
  spawn{
    _start = function()
      spawn{ _start = named("child"), _stop = function() log("child") end }
    end,
    _stop = function() log("parent") end,
  }
  case.after(function() log:is("child parent") end)
end)

t.case("small print 9: one handler that calls sig_handled saves all sessions", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("saver"); kernel:sig("IDLE", "idle") end,
    idle = function(ctx)
      log("idle")
      if ctx.heap.saved then return end
      ctx.heap.saved = true
      kernel:sig_handled()
      kernel:delay("wait", 10)
    end,
    wait = function() log("waited", (kernel:alias_resolve("other")) ~= nil) end,
  }
  spawn{ _start = named("other"), _stop = function() log("other stop") end }
  case.after(function() log:is("idle waited:true idle other stop") end)
end)

t.case("small print 9: new work without sig_handled does not save", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("worker"); kernel:sig("IDLE", "idle") end,
    idle = function() log("idle"); kernel:delay("work", 10) end,
    work = case.expect(0),
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("idle stop") end)
end)

t.case("small print 9: a session created by a handler of a handled IDLE that has work goes on", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("maker"); kernel:sig("IDLE", "idle") end,
    idle = function(ctx)
      log("idle")
      if ctx.heap.made then return end
      ctx.heap.made = true
      kernel:sig_handled()
      spawn{ _start = function() kernel:delay("work", 5) end, work = function() log("work") end }
    end,
  }
  case.after(function() log:is("idle work idle") end)
end)

t.case("small print 9: a watched handle set in the IDLE handler is new work", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function()
      kernel:alias_set("worker")
      kernel:sig("IDLE", "signalled")
      kernel:sig("ZOMBIE", "signalled")
    end,
    signalled = function(ctx, name)
      log(name)
      if ctx.heap.watched then return end
      ctx.heap.watched = true
      kernel:sig_handled()
      kernel:select_write(writer, "writable")
    end,
    writable = function() log("write"); kernel:select_write(writer) end,
  }
  case.after(function()
    log:is("IDLE write IDLE")
    reader:close()
    writer:close()
  end)
end, { clock = "real" })

t.case("small print 1: outside a handler the methods of section 1 work and name the kernel", function(case)
  local session = spawn{ _start = named("session"), note = case.expect(2, function() return "value" end) }
  t.success(kernel:post(session, "note"))
  t.is(kernel:call(session, "note"), "value")
  t.success(kernel:signal(session, "NOTE"))
  t.success(kernel:alias_set("main"))
  t.is(kernel:alias_resolve("main"), kernel)
  t.same(kernel:alias_list(), { "main" })
  t.failure("EPERM", kernel:alias_remove("session"))
  t.success(kernel:alias_remove("main"))
  t.same(kernel:alias_list(), {})
  t.is(kernel:refcount_increment(session, "tag"), 1)
  t.is(kernel:refcount_decrement(session, "tag"), 0)
  t.is(kernel:session_to_id(session), session:id())
  t.is(kernel:option("isolate"), false)
end)
