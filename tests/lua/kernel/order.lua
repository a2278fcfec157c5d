-- The order in which events are delivered, and what the queue carries: K1 to K16.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function pack(...) return { n = select("#", ...), ... } end

t.case("K1 events posted from several sessions arrive in posting order", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("sink") end,
    note = function(_, what) log(what) end,
  }
  local function poster(name)
    spawn{
      _start = function() kernel:post("sink", "note", name .. "1"); kernel:yield("more") end,
      more = function() kernel:post("sink", "note", name .. "2") end,
    }
  end
  poster("a")
  poster("b")
  kernel:post("sink", "note", "main")
  poster("c")
  case.after(function() log:is("a1 b1 main c1 a2 b2 c2") end)
end)

t.case("K1 a thousand posts to two sessions keep their order", function(case)
  local seen = {}
  local function note(_, i) seen[#seen + 1] = i end
  local odd, even = spawn{ note = note }, spawn{ note = note }
  for i = 1, 1000 do kernel:post(i % 2 == 1 and odd or even, "note", i) end
  case.after(function()
    t.is(#seen, 1000)
    for i = 1, 1000 do t.is(seen[i], i) end
  end)
end)

t.case("K2 a handler's yields arrive after everything that was already queued", function(case)
  local log = t.log()
  local other = spawn{ note = function() log("other") end }
  local first = spawn{
    go = function() log("go"); kernel:yield("last") end,
    note = function() log("own") end,
    last = function() log("last") end,
  }
  kernel:post(first, "go")
  kernel:post(other, "note")
  kernel:post(first, "note")
  case.after(function() log:is("go other own last") end)
end)

t.case("K3 call runs before events posted earlier", function(case)
  local log = t.log()
  local other = spawn{ note = function(_, what) log(what) end }
  spawn{
    _start = function()
      kernel:post(other, "note", "posted")
      kernel:call(other, "note", "called")
      log("after")
    end,
  }
  case.after(function() log:is("called after posted") end)
end)

t.case("K4 an alarm in the past arrives before yields made earlier in the same handler", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  spawn{
    _start = function()
      kernel:yield("yield1")
      kernel:yield("yield2")
      kernel:alarm("past5", poe.time() - 5)
    end,
    yield1 = note, yield2 = note, past5 = note,
  }
  case.after(function() log:is("past5 yield1 yield2") end)
end)

t.case("K4 of two alarms in the past the earlier due goes first", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  spawn{
    _start = function() kernel:yield("go") end,
    go = function()
      kernel:yield("yield")
      kernel:alarm("past5", poe.time() - 5)
      kernel:alarm("past6", poe.time() - 6)
    end,
    yield = note, past5 = note, past6 = note,
  }
  case.after(function() log:is("past6 past5 yield") end)
end)

t.case("K4 a negative delay counts as the past, too", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:yield("yield"); kernel:delay("past", -5) end,
    yield = function() log("yield") end,
    past = function() log("past") end,
  }
  case.after(function() log:is("past yield") end)
end)

t.case("K5 alarms with equal time arrive in the order set", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  spawn{
    _start = function()
      local due = poe.time() + 60
      kernel:alarm("c", due)
      kernel:alarm_set("a", due)
      kernel:alarm_add("b", due)
      kernel:alarm_add("a", due)
    end,
    a = note, b = note, c = note,
  }
  case.after(function() log:is("c a b a") end)
end)

t.case("K5 alarms of several sessions with equal time arrive in the order set", function(case)
  local log = t.log()
  local due = poe.time() + 60
  local function set(_, name) kernel:alarm_add("ring", due, name) end
  local function ring(_, name) log(name) end
  local one, two = spawn{ set = set, ring = ring }, spawn{ set = set, ring = ring }
  kernel:call(two, "set", "first")
  kernel:call(one, "set", "second")
  kernel:call(two, "set", "third")
  case.after(function() log:is("first second third") end)
end)

t.case("K6 a timer that came due while a handler was busy precedes what that handler posts afterwards", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:delay("timer", 0.02); kernel:yield("busy") end,
    busy = function()
      local till = poe.time() + 0.06
      while poe.time() < till do end
      kernel:yield("posted")
      log("busy")
    end,
    timer = function() log("timer") end,
    posted = function() log("posted") end,
  }
  case.after(function() log:is("busy timer posted") end)
end, { clock = "real" })

t.case("K7 a delay of 0 between two yields arrives between them", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  spawn{
    _start = function()
      kernel:yield("before")
      kernel:delay("zero", 0)
      kernel:yield("after")
    end,
    before = note, zero = note, after = note,
  }
  case.after(function() log:is("before zero after") end)
end)

t.case("K7 the same with the real clock, delay_set and delay_add", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  spawn{
    _start = function()
      kernel:yield("a")
      kernel:delay_set("b", 0)
      kernel:yield("c")
      kernel:delay_add("d", 0)
      kernel:yield("e")
    end,
    a = note, b = note, c = note, d = note, e = note,
  }
  case.after(function() log:is("a b c d e") end)
end, { clock = "real" })

t.case("K8 a self-yielding session does not keep a 50 ms timer from firing within 150 ms", function(case)
  local started, fired = poe.time(), nil
  spawn{
    _start = function() kernel:yield("spin") end,
    spin = function()
      if not fired and poe.time() < started + 5 then kernel:yield("spin") end
    end,
  }
  spawn{
    _start = function() started = poe.time(); kernel:delay("ring", 0.05) end,
    ring = function() fired = poe.time() - started end,
  }
  case.after(function()
    t.truthy(fired and fired >= 0.049, "not too early: " .. tostring(fired))
    t.truthy(fired < 0.15, "not too late: " .. tostring(fired))
  end)
end, { clock = "real" })

t.case("K9 a self-yielding session does not keep a readable handle from being served", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  local served, spins = false, 0
  spawn{
    _start = function() kernel:yield("spin") end,
    spin = function()
      spins = spins + 1
      if spins == 10 then writer:write("x") end
      if not served and spins < 100000 then kernel:yield("spin") end
    end,
  }
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = case.expect(1, function()
      served = true
      reader:close()
    end),
  }
  case.after(function()
    t.truthy(served and spins < 100000, "served in time")
    writer:close()
  end)
end, { clock = "real" })

t.case("K10 a handler that re-sets a past alarm does not keep a readable handle from being served", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  local served, alarms = false, 0
  spawn{
    _start = function() kernel:alarm("again", poe.time() - 5) end,
    again = function()
      alarms = alarms + 1
      if alarms == 10 then writer:write("x") end
      if not served and alarms < 200000 then kernel:alarm("again", poe.time() - 5) end
    end,
  }
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = case.expect(1, function()
      served = true
      reader:close()
    end),
  }
  case.after(function()
    t.truthy(alarms < 200000, "served while the alarms went on")
    writer:close()
  end)
end, { clock = "real" })

t.case("K11 embedded and trailing nils of post, yield and call reach the handler", function(case)
  local got = {}
  local function take(ctx, ...) got[#got + 1] = pack(...) end
  local session = spawn{
    _start = function() kernel:yield("take", nil, "y", nil, nil) end,
    take = take,
  }
  kernel:post(session, "take", nil, nil, "p", nil)
  kernel:call(session, "take", "c", nil)
  kernel:post(session, "take")
  kernel:post(session, "take", nil)
  case.after(function()
    t.same(got, {
      { n = 2, "c" },
      { n = 4, nil, "y" },
      { n = 4, nil, nil, "p" },
      { n = 0 },
      { n = 1 },
    })
  end)
end)

t.case("K11 embedded and trailing nils of timers reach the handler", function(case)
  local got = {}
  local function take(_, ...) got[#got + 1] = pack(...) end
  spawn{
    _start = function()
      local now = poe.time()
      kernel:alarm("a", now + 1, nil, 1, nil)
      kernel:alarm_add("a", now + 2, nil, 2, nil, nil)
      kernel:alarm_set("a", now + 3, 3, nil)
      kernel:delay("b", 4, nil)
      kernel:delay_add("b", 5, nil, nil, 5)
      kernel:delay_set("b", 6, nil, 6, nil)
    end,
    a = take, b = take,
  }
  case.after(function()
    t.same(got, {
      { n = 3, nil, 1 },
      { n = 4, nil, 2 },
      { n = 2, 3 },
      { n = 1 },
      { n = 3, nil, nil, 5 },
      { n = 3, nil, 6 },
    })
  end)
end)

t.case("K11 embedded and trailing nils of signals and their watchers reach the handler", function(case)
  local session = spawn{
    _start = function() kernel:sig("NOTE", "noted", nil, "watcher", nil) end,
    noted = case.expect(1, function(_, ...)
      t.same(pack(...), { n = 7, "NOTE", nil, "signal", nil, nil, "watcher" })
    end),
  }
  kernel:signal(session, "NOTE", nil, "signal", nil)
end)

t.case("K12 post to a stopped session's ID or object fails with ESRCH", function(case)
  local gone = spawn{}
  local id = gone:id()
  case.after(function()
    t.failure("ESRCH", kernel:post(gone, "x"))
    t.failure("ESRCH", kernel:post(id, "x"))
    t.failure("ESRCH", kernel:post(tostring(id), "x"))
  end)
end)

t.case("K12 post to an unknown alias or number fails with ESRCH", function()
  t.failure("ESRCH", kernel:post("nobody", "x"))
  t.failure("ESRCH", kernel:post(4711, "x"))
  t.failure("ESRCH", kernel:post("", "x"))
end)

t.case("K13 post to the kernel returns true and does nothing", function()
  t.success(kernel:post(kernel, "whatever", 1, 2))
  t.success(kernel:post(kernel:id(), "whatever"))
  t.success(kernel:post(kernel, "_stop"))
end)

t.case("K14 yield outside a handler raises an error that names it", function()
  t.fails(function() kernel:yield("x") end, "'yield' must be called from an event handler")
end)

t.case("K15 a table argument arrives as the same table", function(case)
  local posted, yielded, timed, called = {}, {}, {}, {}
  local session = spawn{
    _start = function() kernel:yield("one", yielded); kernel:delay("two", 5, timed) end,
    one = case.expect(1, function(_, value) t.truthy(rawequal(value, yielded)) end),
    two = case.expect(1, function(_, value) t.truthy(rawequal(value, timed)) end),
    three = case.expect(1, function(_, value) t.truthy(rawequal(value, posted)) end),
    four = case.expect(1, function(_, value) t.truthy(rawequal(value, called)); return value end),
  }
  kernel:post(session, "three", posted)
  t.truthy(rawequal(kernel:call(session, "four", called), called))
end)

t.case("K16 get_event_count counts queued events, timers included", function(case)
  t.is(kernel:get_event_count(), 0)
  local session = spawn{
    _start = function() kernel:delay("timer", 10) end,
    timer = function() t.is(kernel:get_event_count(), 0, "in the last event") end,
    one = function() t.is(kernel:get_event_count(), 2, "two are left") end,
    two = function() t.is(kernel:get_event_count(), 1, "one is left") end,
  }
  t.is(kernel:get_event_count(), 1)
  kernel:post(session, "one")
  kernel:post(session, "two")
  t.is(kernel:get_event_count(), 3)
  kernel:call(session, "one_more")
  t.is(kernel:get_event_count(), 3, "a call is not queued")
end)

t.case("K16 get_next_event_time is the time of the first event, nil without one", function(case)
  t.is(kernel:get_next_event_time(), nil)
  spawn{
    _start = case.expect(1, function()
      local now = poe.time()
      kernel:alarm("late", now + 100)
      t.is(kernel:get_next_event_time(), now + 100)
      kernel:alarm("soon", now + 40)
      t.is(kernel:get_next_event_time(), now + 40)
      kernel:yield("late")
      t.is(kernel:get_next_event_time(), now, "a post is due when it is made")
      kernel:alarm("past", now - 20)
      t.is(kernel:get_next_event_time(), now - 20)
    end),
    late = function() end, soon = function() end, past = function() end,
  }
end)

-- Section 5 beyond the list.

t.case("small print 5: signals and posts arrive in the order made", function(case)
  local log = t.log()
  local session = spawn{
    _start = function() kernel:sig("NOTE", "noted") end,
    noted = function(_, _, what) log(what) end,
    posted = function(_, what) log(what) end,
  }
  kernel:post(session, "posted", 1)
  kernel:signal(session, "NOTE", 2)
  kernel:post(session, "posted", 3)
  kernel:signal(kernel, "NOTE", 4)
  kernel:post(session, "posted", 5)
  case.after(function() log:is("1 2 3 4 5") end)
end)

t.case("small print 5: timers of all kinds and sessions are delivered in order of due time", function(case)
  local log = t.log()
  local function note(_, n) log(n) end
  spawn{ _start = function() kernel:delay("note", 30, 3); kernel:alarm_set("note", poe.time() + 10, 1) end, note = note }
  spawn{ _start = function() kernel:delay_add("note", 40, 4); kernel:delay_set("note", 20, 2) end, note = note }
  case.after(function() log:is("1 2 3 4") end)
end)

t.case("small print 5: five hundred timers set in disorder come in order", function(case)
  local last, count = 0, 0
  spawn{
    _start = function()
      for i = 0, 499 do kernel:delay_add("ring", 1 + (i * 7919) % 500, 1 + (i * 7919) % 500) end
    end,
    ring = function(_, due)
      t.is(due, last + 1)
      last, count = due, count + 1
    end,
  }
  case.after(function() t.is(count, 500) end)
end)

t.case("small print 5: a handler cannot see two timers at one time, each comes at its own", function(case)
  local started = poe.time()
  spawn{
    _start = function() kernel:delay("a", 3600); kernel:delay("b", 7200) end,
    a = case.expect(1, function() t.is(poe.time(), started + 3600) end),
    b = case.expect(1, function() t.is(poe.time(), started + 7200) end),
  }
end)

t.case("small print 5: a timer whose time came goes before an event posted later, whatever iteration it is in", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alarm("past9", poe.time() - 9); kernel:yield("first"); kernel:yield("second") end,
    past9 = function() log("past9"); kernel:alarm("past7", poe.time() - 7); kernel:alarm("past8", poe.time() - 8) end,
    past8 = function() log("past8") end,
    past7 = function() log("past7") end,
    first = function() log("first"); kernel:alarm("past1", poe.time() - 1) end,
    past1 = function() log("past1") end,
    second = function() log("second") end,
  }
  case.after(function() log:is("past9 past8 past7 first past1 second") end)
end)

t.case("small print 5: an iteration dispatches what was posted before it and leaves what its handlers post", function(case)
  local log = t.log()
  local session = spawn{
    one = function() log("one"); kernel:yield("three") end,
    two = function() log("two") end,
    three = function() log("three") end,
  }
  kernel:post(session, "one")
  kernel:post(session, "two")
  t.is(kernel:run_one_timeslice(), true)
  log:is("one two")
  t.is(kernel:run_one_timeslice(), false)
  log:is("one two three")
end)

t.case("small print 5: a timer that a handler sets in the past is dispatched in the same iteration", function(case)
  local log = t.log()
  local session = spawn{
    one = function() log("one"); kernel:yield("later"); kernel:alarm("past", poe.time() - 1) end,
    past = function() log("past") end,
    later = function() log("later") end,
  }
  kernel:post(session, "one")
  kernel:run_one_timeslice()
  log:is("one past")
  case.after(function() log:is("one past later") end)
end)

t.case("small print 5: a delay of 0 set by a handler waits for the next iteration as a post would", function(case)
  local log = t.log()
  local session = spawn{
    one = function() log("one"); kernel:delay("zero", 0) end,
    zero = function() log("zero") end,
  }
  kernel:post(session, "one")
  kernel:run_one_timeslice()
  log:is("one")
  case.after(function() log:is("one zero") end)
end)

t.case("small print 5: an iteration dispatches at most 10000 timers that its own handlers set in the past", function(case)
  local count = 0
  spawn{
    _start = function() kernel:yield("again") end,
    again = function()
      count = count + 1
      if count < 25000 then kernel:alarm("again", poe.time() - 5) end
    end,
  }
  kernel:run_one_timeslice()
  t.truthy(count > 1000 and count <= 10001, "dispatched in one iteration: " .. count)
  case.after(function() t.is(count, 25000) end)
end)

t.case("small print 5: the bound does not cut short what was in the queue before", function(case)
  local count = 0
  local session = spawn{ note = function() count = count + 1 end }
  for _ = 1, 20000 do kernel:post(session, "note") end
  kernel:run_one_timeslice()
  t.is(count, 20000)
end)

t.case("small print 5: _start, _stop, _child and _parent do not pass through the queue", function(case)
  local log = t.log()
  local parent = spawn{
    _child = function(_, what) t.is(kernel:get_event_count(), 0); log(what) end,
    make = function()
      local child = spawn{
        _parent = function() t.is(kernel:get_event_count(), 0); log("parent") end,
        _stop = function() t.is(kernel:get_event_count(), 0); log("stop") end,
      }
      t.is(kernel:get_event_count(), 0)
      kernel:detach_child(child)
      t.is(kernel:get_event_count(), 0)
    end,
  }
  kernel:call(parent, "make")
  case.after(function() log:is("create lose parent stop") end)
end)

t.case("small print 5: an iteration asks for I/O before it dispatches the queue", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  local ticks = 0
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = function() log("read"); reader:close() end,
  }
  spawn{
    _start = function() kernel:yield("tick") end,
    tick = function()
      ticks = ticks + 1
      log("tick")
      if ticks == 3 then writer:write("x") end
      if ticks < 5 then kernel:yield("tick") end
    end,
  }
  case.after(function()
    log:is("tick tick tick read tick tick")
    writer:close()
  end)
end, { clock = "real" })

t.case("small print 1: event names are strings and destinations are not nil", function(case)
  local session = spawn{}
  t.fails(function() kernel:post(session, nil) end, "bad argument #2 to 'post' %(string expected, got nil%)")
  t.fails(function() kernel:post(session, 5) end, "bad argument #2 to 'post' %(string expected, got number%)")
  t.fails(function() kernel:post(session, {}) end, "bad argument #2 to 'post' %(string expected, got table%)")
  t.fails(function() kernel:post(nil, "x") end, "bad argument #1 to 'post' %(.+ expected, got nil%)")
  t.fails(function() kernel:post(true, "x") end, "bad argument #1 to 'post' %(.+ expected, got boolean%)")
  t.fails(function() kernel:signal(session, 5) end, "bad argument #2 to 'signal' %(string expected, got number%)")
  t.fails(function() kernel:signal(nil, "X") end, "bad argument #1 to 'signal' %(.+ expected, got nil%)")
  kernel:call(session, "_none")
  t.is(kernel:get_event_count(), 0, "nothing was queued")
end)

t.case("small print 1: a wrong yield names the argument and leaves nothing behind", function(case)
  spawn{
    _start = case.expect(1, function()
      t.fails(function() kernel:yield() end, "bad argument #1 to 'yield' %(string expected, got ")
      t.fails(function() kernel:yield(7) end, "bad argument #1 to 'yield' %(string expected, got number%)")
      t.is(kernel:get_event_count(), 0)
    end),
  }
end)

t.case("small print 1: a method called with a dot says so", function(case)
  t.fails(function() kernel.post("x", "y") end, "calling 'post' on a bad self %(use kernel:post%)")
  t.fails(function() kernel.alias_set("x") end, "calling 'alias_set' on a bad self %(use kernel:alias_set%)")
  t.fails(function() kernel.run() end, "calling 'run' on a bad self %(use kernel:run%)")
  spawn{
    _start = case.expect(1, function()
      t.fails(function() kernel.yield("x") end, "calling 'yield' on a bad self %(use kernel:yield%)")
      t.fails(function() kernel.delay("x", 1) end, "calling 'delay' on a bad self %(use kernel:delay%)")
    end),
  }
end)

t.case("small print 1: a wrong call is reported at the caller's line", function()
  local line = debug.getinfo(1, "l").currentline + 1
  local err = t.fails(function() kernel:post(nil, "x") end)
  t.truthy(tostring(err):find("order.lua:" .. line .. ": bad argument", 1, true), tostring(err))
end)

t.case("small print 1: post, signal and yield return true alone", function(case)
  local session = spawn{
    _start = case.expect(1, function() t.success(kernel:yield("x")) end),
    x = case.expect(2),
  }
  t.success(kernel:post(session, "x"))
  t.success(kernel:signal(session, "NOTE"))
  t.failure("ESRCH", kernel:signal("nobody", "NOTE"))
end)
