-- When a session stops: K57 to K67.
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

-- clock logs "tick" after so many seconds and keeps the program from going idle till then.
local function clock(log, seconds)
  return spawn{
    _start = function() kernel:delay("tick", seconds) end,
    tick = function() log("tick") end,
  }
end

t.case("K57 a session with nothing to do stops, but not before its creator's handler has ended", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:yield("make"); kernel:delay("wait", 100) end,
    make = function()
      local idle = spawn{ _stop = function() log("stop") end }
      for _ = 1, 3 do spawn{} end
      t.is(idle:is_alive(), true)
      log("made")
    end,
    wait = function() log("waited") end,
  }
  case.after(function() log:is("made stop waited") end)
end)

t.case("K57 one made in the main chunk stops when the kernel runs", function(case)
  local log = t.log()
  local session = spawn{ _stop = function() log("stop") end }
  clock(log, 10)
  t.is(session:is_alive(), true)
  case.after(function() log:is("stop tick") end)
end)

t.case("K58 a creator can post to an idle new session right after create", function(case)
  spawn{
    _start = function() kernel:yield("make") end,
    make = function()
      local idle = spawn{ note = case.expect(1, function(_, n) t.is(n, 7) end) }
      t.success(kernel:post(idle, "note", 7))
    end,
  }
  t.success(kernel:post(spawn{ note = case.expect(1) }, "note"))
end)

t.case("K59 a session whose only work is an event it sent stops after that event's delivery", function(case)
  local log = t.log()
  local receiver = spawn{
    _start = named("receiver"),
    note = function(ctx)
      log("note")
      t.is(ctx.sender:is_alive(), true)
    end,
  }
  spawn{
    _start = function() kernel:yield("go") end,
    go = function() log("go"); kernel:post(receiver, "note") end,
    _stop = function() log("stop") end,
  }
  clock(log, 10)
  case.after(function() log:is("go note stop tick") end)
end)

t.case("K59 the receiver can answer it", function(case)
  local receiver = spawn{
    _start = named("receiver"),
    ask = function(ctx) t.success(kernel:post(ctx.sender, "answer", "yes")) end,
  }
  spawn{
    _start = function() kernel:yield("go") end,
    go = function() kernel:post(receiver, "ask") end,
    answer = case.expect(1, function(_, word) t.is(word, "yes") end),
  }
end)

t.case("K60 sig alone does not keep a session", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:sig("NOTE", "noted"); kernel:sig("TERM", "noted"); kernel:sig("DIE", "noted") end,
    noted = case.expect(0),
    _stop = function() log("stop") end,
  }
  clock(log, 10)
  case.after(function() log:is("stop tick") end)
end)

t.case("K61 an alias keeps a session until IDLE", function(case)
  local log = t.log()
  spawn{ _start = named("kept"), _stop = function() log("stop") end }
  clock(log, 1000)
  case.after(function() log:is("tick stop") end)
end)

t.case("K61 it stops when the last alias is removed", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:alias_set("one")
      kernel:alias_set("two")
      kernel:delay("remove", 5, "one")
      kernel:delay_add("remove", 15, "two")
    end,
    remove = function(_, alias) log("remove"); kernel:alias_remove(alias) end,
    _stop = function() log("stop") end,
  }
  clock(log, 10)
  clock(log, 20)
  case.after(function() log:is("remove tick remove stop tick") end)
end)

t.case("K62 a tag keeps a session, two increments need two decrements, the counts are returned", function(case)
  local log = t.log()
  local held = spawn{ _stop = function() log("stop") end }
  spawn{
    _start = function()
      t.is(kernel:refcount_increment(held, "tag"), 1)
      t.is(kernel:refcount_increment(held, "tag"), 2)
      kernel:delay("decrement", 10, 1)
      kernel:delay_add("decrement", 20, 0)
      kernel:delay("wait", 30)
    end,
    decrement = function(_, left) log(left); t.is(kernel:refcount_decrement(held, "tag"), left) end,
    wait = function() log("wait") end,
  }
  case.after(function() log:is("1 0 stop wait") end)
end)

t.case("K62 tags count each for itself", function(case)
  local log = t.log()
  local held = spawn{ _stop = function() log("stop") end }
  spawn{
    _start = function()
      t.is(kernel:refcount_increment(held, "one"), 1)
      t.is(kernel:refcount_increment(held, "two"), 1)
      kernel:delay("drop", 10, "one")
      kernel:delay_add("drop", 20, "two")
      kernel:delay("wait", 30)
    end,
    drop = function(_, tag) log(tag); t.is(kernel:refcount_decrement(held, tag), 0) end,
    wait = function() log("wait") end,
  }
  case.after(function() log:is("one two stop wait") end)
end)

t.case("K63 decrement of an unknown tag: ENOENT, nothing changes", function(case)
  local log = t.log()
  local held = spawn{ _stop = function() log("stop") end }
  spawn{
    _start = function()
      kernel:refcount_increment(held, "tag")
      t.failure("ENOENT", kernel:refcount_decrement(held, "other"))
      kernel:delay("look", 10)
    end,
    look = function()
      log("look")
      t.is(kernel:refcount_decrement(held, "tag"), 0)
      t.failure("ENOENT", kernel:refcount_decrement(held, "tag"))
    end,
  }
  case.after(function() log:is("look stop") end)
end)

t.case("K64 of sessions that ran out in one iteration the last one stops first", function(case)
  local log = t.log()
  local function one(name)
    return spawn{ go = function() log(name) end, _stop = function() log("stop", name) end }
  end
  local a, b, c = one("a"), one("b"), one("c")
  kernel:post(b, "go")
  kernel:post(c, "go")
  kernel:post(a, "go")
  case.after(function() log:is("b c a stop:a stop:c stop:b") end)
end)

t.case("K64 a session's last event counts, not its first", function(case)
  local log = t.log()
  local function one(name)
    return spawn{ go = function() end, _stop = function() log(name) end }
  end
  local a, b = one("a"), one("b")
  kernel:post(a, "go")
  kernel:post(b, "go")
  kernel:post(a, "go")
  case.after(function() log:is("a b") end)
end)

t.case("K65 a session of the same sweep that gets new work from another's _stop is stopped all the same", function(case)
  local log = t.log()
  local early = spawn{
    go = function() end,
    poke = function() log("poke"); t.success(kernel:delay("late", 5)); kernel:alias_set("clinging") end,
    late = case.expect(0),
    _stop = function() log("early stop") end,
  }
  local late = spawn{
    go = function() end,
    _stop = function() log("late stop"); kernel:call(early, "poke") end,
  }
  kernel:post(early, "go")
  kernel:post(late, "go")
  clock(log, 10)
  case.after(function() log:is("late stop poke early stop tick") end)
end)

t.case("K66 an event queued behind the last one of a session is delivered before its _stop", function(case)
  local log = t.log()
  local a = spawn{ go = function() log("a") end, _stop = function() log("stop a") end }
  local b = spawn{ _start = named("b"), go = function() log("b"); t.is(a:is_alive(), true) end }
  kernel:post(a, "go")
  kernel:post(b, "go")
  case.after(function() log:is("a b stop a") end)
end)

t.case("K66 such an event may give it new work", function(case)
  local log = t.log()
  local a = spawn{
    go = function() log("go") end,
    more = function() log("more") end,
    _stop = function() log("stop") end,
  }
  local b = spawn{ go = function() t.success(kernel:post(a, "more")) end }
  kernel:post(a, "go")
  kernel:post(b, "go")
  case.after(function() log:is("go more stop") end)
end)

t.case("K67 a stopped session's alias is free again", function(case)
  local first = spawn{
    _start = function() kernel:alias_set("name"); kernel:yield("go") end,
    go = function(ctx) kernel:signal(ctx.session, "KILL") end,
  }
  spawn{
    _start = function()
      t.failure("EEXIST", kernel:alias_set("name"))
      kernel:delay("take", 10)
    end,
    take = case.expect(1, function(ctx)
      t.is(first:is_alive(), false)
      t.failure("ESRCH", kernel:alias_resolve("name"))
      t.success(kernel:alias_set("name"))
      t.is(kernel:alias_resolve("name"), ctx.session)
    end),
  }
end)

-- Section 7 beyond the list.

t.case("small print 7: a session with a queued event lives until it is delivered", function(case)
  local log = t.log()
  local session = spawn{
    go = function() log("go"); kernel:yield("again") end,
    again = function() log("again") end,
    _stop = function() log("stop") end,
  }
  kernel:post(session, "go")
  clock(log, 10)
  case.after(function() log:is("go again stop tick") end)
end)

t.case("small print 7: a session that sent a signal lives until it is dispatched", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("watcher"); kernel:sig("NOTE", "noted") end,
    noted = function(_, _, sender) log("noted", sender:is_alive()) end,
  }
  spawn{
    _start = function() kernel:yield("go") end,
    go = function(ctx) kernel:signal(kernel, "NOTE", ctx.session) end,
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("noted:true stop") end)
end)

t.case("small print 7: an unreleased postback keeps its session, a released one does not", function(case)
  local log = t.log()
  local postback
  local held = spawn{
    _start = function(ctx) postback = ctx.session:postback("done") end,
    _stop = function() log("stop") end,
  }
  spawn{
    _start = function() kernel:delay("release", 10); kernel:delay("wait", 20) end,
    release = function() log("release", held:is_alive()); postback:release() end,
    wait = function() log("wait") end,
  }
  case.after(function() log:is("release:true stop wait") end)
end)

t.case("small print 7: a weakened postback does not keep its session", function(case)
  local log = t.log()
  local postback
  spawn{
    _start = function(ctx) postback = ctx.session:postback("done"):weaken() end,
    _stop = function() log("stop") end,
  }
  clock(log, 10)
  case.after(function() log:is("stop tick"); t.truthy(postback) end)
end)

t.case("small print 7: the tag of postbacks is anon_event", function(case)
  spawn{
    _start = case.expect(1, function(ctx)
      local one, two = ctx.session:postback("done"), ctx.session:callback("done")
      t.is(kernel:refcount_increment(ctx.session, "anon_event"), 3)
      t.is(kernel:refcount_decrement(ctx.session, "anon_event"), 2)
      one:release()
      two:release()
      t.failure("ENOENT", kernel:refcount_decrement(ctx.session, "anon_event"))
    end),
  }
end)

t.case("small print 7: neither handlers, heap nor a reference to the object keep a session", function(case)
  local log = t.log()
  local session = spawn{
    _start = function(ctx) ctx.heap.self = ctx.session; kernel:state("more", function() end) end,
    _stop = function() log("stop") end,
  }
  clock(log, 10)
  case.after(function()
    log:is("stop tick")
    t.is(session:is_alive(), false)
    t.is(type(session:id()), "number")
  end)
end)

t.case("small print 7: a call does not keep the called session", function(case)
  local log = t.log()
  local called = spawn{ note = function() log("note") end, _stop = function() log("stop") end }
  spawn{
    _start = function() kernel:yield("go"); kernel:delay("wait", 10) end,
    go = function() kernel:call(called, "note") end,
    wait = function() log("wait") end,
  }
  case.after(function() log:is("note stop wait") end)
end)

t.case("small print 7: a session never stops in the middle of one of its own handlers", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:yield("go") end,
    go = function(ctx)
      kernel:alias_set("brief")
      kernel:alias_remove("brief")
      kernel:refcount_increment(ctx.session, "brief")
      kernel:refcount_decrement(ctx.session, "brief")
      t.is(ctx.session:is_alive(), true)
      log("end of go")
    end,
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("end of go stop") end)
end)

t.case("small print 7: parents that run out because of a stop are stopped in the same sweep", function(case)
  local log = t.log()
  local function stopping(name, start)
    spawn{
      _start = start,
      go = function() end,
      _child = function(_, what) if what == "lose" then log(name, "lose") end end,
      _stop = function() log(name, "stop") end,
    }
  end
  stopping("grandparent", function()
    stopping("parent", function()
      stopping("child", function() kernel:yield("go") end)
    end)
  end)
  t.is(kernel:run_one_timeslice(), false)
  log:is("child:stop parent:lose parent:stop grandparent:lose grandparent:stop")
  case.after(function() t.is(#log, 5) end)
end)

t.case("small print 7: a session taken for a sweep stops before those that run out because of it", function(case)
  local log = t.log()
  local parent = spawn{
    make = function()
      spawn{ _start = function() kernel:yield("go") end, go = function() end, _stop = function() log("child") end }
    end,
    _stop = function() log("parent") end,
  }
  local other = spawn{ go = function() end, _stop = function() log("other") end }
  kernel:post(other, "go")
  kernel:call(parent, "make")
  case.after(function() log:is("child other parent") end)
end)

t.case("small print 7: a session made without work is not taken before the end of the next iteration", function(case)
  local idle
  spawn{
    _start = function() kernel:yield("make") end,
    make = function()
      idle = spawn{ note = case.expect(1) }
      kernel:yield("next")
    end,
    next = case.expect(1, function()
      t.is(idle:is_alive(), true)
      t.success(kernel:post(idle, "note"))
    end),
  }
end)

t.case("small print 7: refcounts accept a session in any form", function(case)
  local session = spawn{ _start = named("name"), _stop = case.expect(1) }
  local id = session:id()
  for i, form in ipairs{ session, id, tostring(id), "name" } do t.is(kernel:refcount_increment(form, "tag"), i) end
  for i, form in ipairs{ session, id, tostring(id), "name" } do t.is(kernel:refcount_decrement(form, "tag"), 4 - i) end
end)

t.case("small print 7: unknown and stopped sessions have no counts: ESRCH", function(case)
  local gone = spawn{
    _start = function(ctx) kernel:refcount_increment(ctx.session, "tag"); kernel:signal(ctx.session, "KILL") end,
  }
  t.failure("ESRCH", kernel:refcount_increment("nobody", "tag"))
  t.failure("ESRCH", kernel:refcount_decrement(4711, "tag"))
  case.after(function()
    t.failure("ESRCH", kernel:refcount_increment(gone, "tag"))
    t.failure("ESRCH", kernel:refcount_decrement(gone, "tag"))
  end)
end)

t.case("small print 7: wrong calls of the refcount methods name the argument", function()
  local session = spawn{}
  t.fails(function() kernel:refcount_increment(nil, "x") end, "bad argument #1 to 'refcount_increment' %(.+ expected, got nil%)")
  t.fails(function() kernel:refcount_increment(session, 5) end, "bad argument #2 to 'refcount_increment' %(string expected, got number%)")
  t.fails(function() kernel:refcount_decrement(session, nil) end, "bad argument #2 to 'refcount_decrement' %(string expected, got nil%)")
end)

t.case("small print 7: IDs count from 1 and go on over later runs", function(case)
  t.is(spawn{}:id(), 1)
  t.is(spawn{}:id(), 2)
  t.success(kernel:run())
  t.is(spawn{ _start = function() t.is(spawn{}:id(), 4) end }:id(), 3)
  t.success(kernel:run())
  t.is(spawn{}:id(), 5)
  case.after(function() t.is(kernel:stats().sessions_created, 5) end)
end)

t.case("small print 8: stop called by a _stop in the middle of a sweep stops everything once", function(case)
  local log = t.log()
  local function idle(name, more)
    spawn{ _stop = function(ctx) log(name); if more then more(ctx) end end }
  end
  idle("first")
  idle("second", function(ctx) ctx.kernel:stop() end)
  idle("third")
  spawn{
    _start = function(ctx) ctx.kernel:delay("hour", 3600) end,
    hour = function() log("hour") end,
    _stop = function() log("waiting") end,
  }
  case.after(function() log:is("third second waiting first") end)
end)

t.case("small print 9: sessions that _stop handlers go on creating do not keep the end from coming", function(case)
  local made, stopped = 0, 0
  local function make()
    made = made + 1
    spawn{ _start = named("heir " .. made), _stop = function() stopped = stopped + 1; make() end }
  end
  make()
  case.after(function() t.truthy(made > 10 and stopped >= made - 1) end)
end)
