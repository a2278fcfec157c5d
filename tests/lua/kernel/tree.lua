-- The session tree and the events that tell of its changes: K44 to K56.
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

t.case("K44 _start runs before create returns, its sender is the creator", function(case)
  local log = t.log()
  local outer
  outer = spawn{
    _start = function(ctx) log("start"); t.is(ctx.sender, kernel) end,
    make = function()
      spawn{ _start = function(ctx) log("inner start"); t.is(ctx.sender, outer) end }
      log("inner created")
    end,
  }
  log("created")
  kernel:call(outer, "make")
  case.after(function() log:is("start created inner start inner created") end)
end)

t.case("K44 in _start the new session is the current one and create returns it", function(case)
  local seen
  local session = spawn{
    _start = function(ctx)
      seen = ctx.session
      t.is(kernel:get_active_session(), seen)
      t.is(kernel:get_active_event(), "_start")
      t.is(ctx.state, "_start")
    end,
  }
  t.is(session, seen)
  t.is(kernel:get_active_session(), kernel)
end)

t.case("K45 _child create comes after _start with the first value _start returned", function(case)
  local log = t.log()
  local child
  spawn{
    _start = function()
      child = spawn{ _start = function() log("start"); return "value", "second" end }
      log("created")
    end,
    _child = function(ctx, ...)
      local what, session, value = ...
      if what ~= "create" then return end
      t.is(select("#", ...), 3)
      t.is(ctx.sender, kernel)
      t.is(value, "value")
      log(what, session:id())
    end,
  }
  case.after(function() log:is("start create:" .. child:id() .. " created") end)
end)

t.case("K45 the value may be any one, also nil or a table", function(case)
  local value = {}
  local values = {}
  spawn{
    _start = function()
      spawn{ _start = function() return value end }
      spawn{ _start = function() return nil, 2 end }
      spawn{ _start = function() return false end }
    end,
    _child = function(_, what, _, got)
      if what == "create" then values[#values + 1] = { got } end
    end,
  }
  case.after(function()
    t.truthy(rawequal(values[1][1], value))
    t.same(values, { { value }, {}, { false } })
  end)
end)

t.case("K46 _child lose has the first value _stop returned", function(case)
  local child
  spawn{
    _start = function() child = spawn{ _stop = function() return "last words", "more" end } end,
    _child = case.expect(2, function(ctx, what, session, value)
      if what == "create" then return end
      t.is(what, "lose")
      t.is(session, child)
      t.is(value, "last words")
      t.is(ctx.sender, kernel)
    end),
  }
end)

t.case("K47 starts go from the outside in, create notices from the inside out", function(case)
  local log = t.log()
  local function logged(name, start)
    return {
      _start = function() log(name, "start"); if start then start() end; return name end,
      _child = function(_, what, _, value)
        if what == "create" then log(name, "has", value) end
      end,
    }
  end
  spawn(logged("parent", function()
    spawn(logged("child", function()
      spawn(logged("grandchild"))
    end))
  end))
  case.after(function() log:is("parent:start child:start grandchild:start child:has:grandchild parent:has:child") end)
end)

t.case("K48 on stop: child _stop, parent _child lose, later parent _stop", function(case)
  local log = t.log()
  local function logged(name, start)
    return {
      _start = function() if start then start() end end,
      _child = function(_, what, _, value)
        if what == "lose" then log(name, "loses", value) end
      end,
      _stop = function() log(name, "stop"); return name end,
    }
  end
  spawn(logged("parent", function()
    spawn(logged("child", function()
      spawn(logged("grandchild"))
    end))
  end))
  case.after(function()
    log:is("grandchild:stop child:loses:grandchild child:stop parent:loses:child parent:stop")
  end)
end)

t.case("K49 detach_child: lose to the parent, then _parent(parent, kernel) to the child", function(case)
  local log = t.log()
  local parent, child
  parent = spawn{
    _start = function()
      child = spawn{
        _start = function() kernel:delay("wait", 100) end,
        wait = function() log("child waited") end,
        _parent = function(ctx, old, new)
          log("_parent")
          t.is(ctx.session, child)
          t.is(ctx.sender, kernel)
          t.is(old, parent)
          t.is(new, kernel)
        end,
        _stop = function() log("child stop"); return "unheard" end,
      }
      kernel:yield("detach")
    end,
    detach = function() t.success(kernel:detach_child(child)); log("detached") end,
    _child = function(_, what, session, value)
      if what == "create" then return end
      log(what)
      t.is(session, child)
      t.is(value, nil)
    end,
    _stop = function() log("parent stop") end,
  }
  case.after(function() log:is("lose _parent detached parent stop child waited child stop") end)
end)

t.case("K49 a detached child may stop first, its old parent hears nothing of it", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:detach_child(spawn{ _stop = function() log("child stop") end })
      kernel:delay("wait", 10)
    end,
    wait = function() log("parent waited") end,
    _child = function(_, what) log(what) end,
    _stop = function() log("parent stop") end,
  }
  case.after(function() log:is("create lose child stop parent waited parent stop") end)
end)

t.case("K50 detach_myself in _start: no create, no lose", function(case)
  spawn{
    _start = function()
      spawn{
        _start = function() t.success(kernel:detach_myself()); kernel:delay("wait", 100) end,
        wait = case.expect(1),
        _stop = case.expect(1),
      }
    end,
    _child = case.expect(0),
    _stop = case.expect(1, function() t.is(kernel:get_event_count(), 1, "the other one's timer") end),
  }
end)

t.case("K50 it gets _parent all the same", function(case)
  local log = t.log()
  local parent
  parent = spawn{
    make = function(ctx)
      spawn{
        _start = function() log("start"); kernel:detach_myself(); log("detached") end,
        _parent = function(_, old, new)
          log("_parent")
          t.is(old, ctx.session)
          t.is(new, kernel)
        end,
      }
    end,
  }
  kernel:call(parent, "make")
  case.after(function() log:is("start _parent detached") end)
end)

t.case("K51 detach_myself of the kernel's child: EPERM", function(case)
  spawn{
    _start = case.expect(1, function() t.failure("EPERM", kernel:detach_myself()) end),
    _parent = case.expect(0),
  }
end)

t.case("K51 detach_child of a stranger or a grandchild: EPERM; unknown: ESRCH", function(case)
  local stranger = spawn{ _parent = case.expect(0) }
  spawn{
    _start = case.expect(1, function(ctx)
      local grandchild
      spawn{
        _start = function() grandchild = spawn{ _parent = case.expect(0) } end,
      }
      t.failure("EPERM", kernel:detach_child(stranger))
      t.failure("EPERM", kernel:detach_child(grandchild))
      t.failure("EPERM", kernel:detach_child(ctx.session))
      t.failure("ESRCH", kernel:detach_child("nobody"))
      t.failure("ESRCH", kernel:detach_child(4711))
    end),
  }
end)

t.case("K52 a parent without other work lives until its last child has stopped", function(case)
  local log = t.log()
  spawn{
    _start = function()
      for i = 1, 3 do
        spawn{
          _start = function() kernel:delay("wait", i * 10) end,
          wait = function() end,
          _stop = function() log("child", i) end,
        }
      end
    end,
    _stop = function() log("parent") end,
  }
  case.after(function() log:is("child:1 child:2 child:3 parent") end)
end)

-- orphans makes a grandparent with a child that is stopped by TERM while it has two children of its own, made in the
-- handler of that signal and so out of its reach. All that happens to them goes to the log.
local function orphans(log)
  local middle
  spawn{
    _start = function()
      middle = spawn{
        _start = function() kernel:sig("TERM", "terminated"); kernel:alias_set("middle") end,
        terminated = function()
          for i = 1, 2 do
            spawn{
              _start = function(ctx) kernel:delay("wait", 10); kernel:alias_set("orphan" .. i); ctx.heap.name = "orphan" .. i end,
              wait = function(ctx) log(ctx.heap.name, "waited"); kernel:alias_remove(ctx.heap.name) end,
              _parent = function(ctx, old, new) log(ctx.heap.name, old:get_heap().name, new:get_heap().name) end,
            }
          end
        end,
        _stop = function() log("middle", "stop") end,
      }
      middle:get_heap().name = "middle"
      kernel:get_active_session():get_heap().name = "grandparent"
    end,
    _child = function(_, what, child)
      if what ~= "create" then log(what, child:get_heap().name, middle:is_alive(), (kernel:alias_resolve("middle")) == middle) end
    end,
    _stop = function() log("grandparent", "stop") end,
  }
  return middle
end

t.case("K53 a session stopped with living children: gain, _parent in ascending ID, before its _stop", function(case)
  local log = t.log()
  kernel:signal(orphans(log), "TERM")
  case.after(function()
    log:is("gain:orphan1:true:true orphan1:middle:grandparent gain:orphan2:true:true orphan2:middle:grandparent "
      .. "middle:stop lose:middle:true:true orphan1:waited orphan2:waited "
      .. "lose:orphan2:false:false lose:orphan1:false:false grandparent:stop")
  end)
end)

t.case("K53 children of the kernel's child go to the kernel", function(case)
  local orphan
  local session
  session = spawn{
    _start = function() kernel:sig("TERM", "terminated") end,
    terminated = function()
      orphan = spawn{
        _start = function() kernel:delay("wait", 10) end,
        wait = case.expect(1),
        _parent = case.expect(1, function(_, old, new)
          t.is(old, session)
          t.is(new, kernel)
          t.is(session:is_alive(), true)
        end),
      }
    end,
    _stop = case.expect(1),
  }
  kernel:signal(session, "TERM")
end)

t.case("K54 in _stop the session still has its ID, aliases, heap, and can be called", function(case)
  local helper = spawn{
    _start = named("helper"),
    ask = function() return kernel:call("leaving", "answer") end,
  }
  local session
  session = spawn{
    _start = function(ctx) kernel:alias_set("leaving"); ctx.heap.word = "still here"; kernel:yield("go") end,
    go = function() kernel:signal(session, "KILL") end,
    answer = function(ctx) return ctx.heap.word end,
    _stop = case.expect(1, function(ctx)
      t.is(kernel:id_to_session(session:id()), session)
      t.is(kernel:session_to_id(session), session:id())
      t.is(kernel:alias_resolve("leaving"), session)
      t.same(kernel:alias_list(), { "leaving" })
      t.is(ctx.heap.word, "still here")
      t.is(session:is_alive(), true)
      t.is(kernel:get_active_session(), session)
      t.is(kernel:call(helper, "ask"), "still here", "called by another")
      t.is(kernel:call(session, "answer"), "still here", "called by itself")
    end),
  }
  case.after(function() t.is(session:is_alive(), false) end)
end)

t.case("K55 what _stop posts to its own session or sets as a timer is dropped", function(case)
  spawn{
    _stop = case.expect(1, function(ctx)
      t.success(kernel:yield("late"))
      t.success(kernel:post(ctx.session, "late"))
      t.success(kernel:delay("late", 5))
      t.success(kernel:alarm_add("late", poe.time() - 5))
      t.is(type(kernel:delay_set("late", 5)), "number")
    end),
    late = case.expect(0),
  }
end)

t.case("K55 an alias, a watcher or a reference set in _stop does not keep it either", function(case)
  local session
  session = spawn{
    _stop = case.expect(1, function(ctx)
      t.success(kernel:alias_set("late"))
      t.success(kernel:sig("NOTE", "noted"))
      t.is(kernel:refcount_increment(ctx.session, "late"), 1)
    end),
    noted = case.expect(0),
  }
  case.after(function()
    t.failure("ESRCH", kernel:alias_resolve("late"))
    t.is(session:is_alive(), false)
  end)
end)

t.case("K56 what _stop posts to others is dropped as well", function(case)
  local other = spawn{
    _start = function() kernel:sig("NOTE", "noted"); kernel:delay("wait", 100) end,
    note = case.expect(0), noted = case.expect(0),
    called = case.expect(1, function() return "answer" end),
    wait = case.expect(1),
  }
  spawn{
    _stop = case.expect(1, function()
      t.success(kernel:post(other, "note"))
      t.success(kernel:signal(other, "NOTE"))
      t.is(kernel:call(other, "called"), "answer")
    end),
  }
end)

t.case("K56 also what it had posted before and was not delivered", function(case)
  local other = spawn{
    _start = function() kernel:delay("wait", 100) end,
    note = case.expect(1, function(_, n) t.is(n, 1) end),
    wait = case.expect(1),
  }
  spawn{
    _start = function() kernel:yield("go") end,
    go = function(ctx)
      kernel:post(other, "note", 1)
      kernel:signal(ctx.session, "KILL")
      kernel:post(other, "note", 2)
    end,
  }
end)

-- Section 6 beyond the list.

t.case("small print 6: sender of _stop is the kernel, it gets no arguments", function(case)
  spawn{
    _stop = case.expect(1, function(ctx, ...)
      t.is(ctx.sender, kernel)
      t.is(select("#", ...), 0)
      t.is(ctx.state, "_stop")
      t.is(ctx.caller_state, nil)
    end),
  }
end)

t.case("small print 6: the sender of _stop is the session that called kernel:stop", function(case)
  local stopper = spawn{
    _start = function() kernel:yield("go") end,
    go = function() kernel:stop() end,
  }
  spawn{
    _start = named("other"),
    _stop = case.expect(1, function(ctx) t.is(ctx.sender, stopper) end),
  }
end)

t.case("small print 6: _start gets create's args", function(case)
  poe.Session.create{
    args = { n = 3, nil, "b", nil },
    inline_states = {
      _start = case.expect(1, function(_, ...)
        t.same({ n = select("#", ...), ... }, { n = 3, nil, "b" })
      end),
    },
  }
end)

t.case("small print 6: gain has the child alone as argument", function(case)
  local seen
  local middle
  spawn{
    _start = function()
      middle = spawn{
        _start = function() kernel:sig("TERM", "terminated") end,
        terminated = function() spawn{ _start = function() kernel:delay("wait", 10) end } end,
      }
    end,
    _child = function(_, ...)
      if ... == "gain" then seen = select("#", ...) end
    end,
  }
  kernel:signal(middle, "TERM")
  case.after(function() t.is(seen, 2) end)
end)

t.case("small print 6: _default gets _child, _parent and _stop that have no handler", function(case)
  local log = t.log()
  local child
  spawn{
    _start = function()
      child = spawn{
        _start = function() kernel:delay("wait", 5) end,
        _default = function(_, event, args)
          log("child", event)
          if event == "_parent" then t.is(args[2], kernel) end
        end,
      }
      kernel:detach_child(child)
    end,
    _default = function(_, event, args)
      log("parent", event, args[1])
      if args[1] == "lose" then t.is(args[2], child) end
    end,
  }
  case.after(function()
    log:is("parent:_child:create parent:_child:lose child:_parent parent:_stop:nil child:wait child:_stop")
  end)
end)

t.case("small print 6: no _child create for a session that stopped everything in its _start", function(case)
  local log = t.log()
  spawn{
    _start = function() kernel:alias_set("parent"); kernel:yield("make") end,
    make = function()
      local child = spawn{
        _start = function() log("start"); kernel:stop(); log("on") end,
        _stop = function() log("stop") end,
      }
      log("created", child:is_alive())
    end,
    _child = function(_, what) log(what) end,
    _stop = function() log("parent stop") end,
  }
  case.after(function() log:is("start stop lose parent stop on created:false") end)
end)

t.case("small print 6: what a session makes in its _stop moves to its parent without any notice", function(case)
  local log = t.log()
  local late
  spawn{
    _start = function(ctx)
      ctx.heap.name = "grandparent"
      kernel:alias_set("grandparent")
      spawn{
        _stop = function()
          late = spawn{
            _start = function() log("late start"); kernel:delay("wait", 50) end,
            wait = function() log("late waited") end,
            _parent = function() log("late _parent") end,
            _stop = function() log("late stop") end,
          }
        end,
        _child = function(_, what) log("parent", what) end,
      }
    end,
    _child = function(_, what, child)
      if child == late then log("late", what) elseif what == "lose" then log("lose") end
    end,
  }
  case.after(function() log:is("late start parent:create lose late waited late stop late:lose") end)
end)

t.case("small print 6: children of a detached session stay with it", function(case)
  local log = t.log()
  spawn{
    _start = function()
      local child = spawn{
        _start = function()
          spawn{
            _start = function() kernel:delay("wait", 10) end,
            _parent = case.expect(0),
            _stop = function() log("grandchild stop") end,
          }
        end,
        _child = function(_, what) log("child", what) end,
        _stop = function() log("child stop") end,
      }
      t.success(kernel:detach_child(child))
    end,
    _child = function(_, what) log("parent", what) end,
    _stop = function() log("parent stop") end,
  }
  case.after(function()
    log:is("child:create parent:create parent:lose parent stop grandchild stop child:lose child stop")
  end)
end)

t.case("small print 6: detach_myself later: lose with nil to the old parent, then _parent", function(case)
  local log = t.log()
  local parent, child
  parent = spawn{
    _start = function()
      child = spawn{
        _start = function() kernel:yield("leave") end,
        leave = function() t.success(kernel:detach_myself()); log("left"); t.failure("EPERM", kernel:detach_myself()) end,
        _parent = function(ctx, old, new)
          log("_parent")
          t.is(ctx.sender, kernel)
          t.is(old, parent)
          t.is(new, kernel)
        end,
        _stop = function() return "unheard" end,
      }
    end,
    _child = function(_, what, session, value)
      if what == "create" then return end
      t.is(session, child)
      t.is(value, nil)
      log(what)
    end,
  }
  case.after(function() log:is("lose _parent left") end)
end)

t.case("small print 6: detach_child takes a session in any form", function(case)
  spawn{
    _start = case.expect(1, function()
      t.success(kernel:detach_child(spawn{ _parent = case.expect(1) }))
      t.success(kernel:detach_child(spawn{ _parent = case.expect(1) }:id()))
      spawn{ _start = named("third"), _parent = case.expect(1) }
      t.success(kernel:detach_child("third"))
      t.failure("EPERM", kernel:detach_child("third"))
    end),
  }
end)

t.case("small print 6: while a session stops it can be found and has its parent's ear until lose", function(case)
  local log = t.log()
  local child
  spawn{
    _start = function()
      child = spawn{
        answer = function() return "alive" end,
        _stop = function() log("stop") end,
      }
    end,
    _child = function(_, what, session)
      if what == "lose" then log("lose", session:is_alive(), (kernel:call(session, "answer"))) end
    end,
  }
  case.after(function() log:is("stop lose:true:alive") end)
end)

t.case("small print 6: a stopped session owns nothing any more", function(case)
  local session
  session = spawn{
    _start = function(ctx)
      kernel:alias_set("gone")
      kernel:delay("timer", 100)
      kernel:sig("NOTE", "noted")
      kernel:refcount_increment(ctx.session, "tag")
      kernel:yield("queued")
      kernel:signal(ctx.session, "KILL")
      kernel:yield("queued")
    end,
    queued = case.expect(1),
    timer = case.expect(0), noted = case.expect(0),
  }
  spawn{
    _start = function() kernel:delay("look", 10) end,
    look = case.expect(1, function()
      t.is(session:is_alive(), false)
      t.is(kernel:get_event_count(), 0)
      t.failure("ESRCH", kernel:alias_resolve("gone"))
      t.failure("ESRCH", kernel:refcount_decrement(session, "tag"))
      t.success(kernel:signal(kernel, "NOTE"))
    end),
  }
end)

t.case("small print 6: the kernel's children tell it without effect", function(case)
  spawn{ _start = function() return 1 end, _stop = case.expect(1, function() return 2 end) }
  spawn{ _stop = case.expect(1) }
end)

t.case("small print 6: deep trees start and stop in order", function(case)
  local starts, stops = {}, {}
  local function grow(depth)
    spawn{
      _start = function()
        starts[#starts + 1] = depth
        if depth < 30 then grow(depth + 1) end
      end,
      _stop = function() stops[#stops + 1] = depth end,
    }
  end
  grow(1)
  case.after(function()
    for i = 1, 30 do
      t.is(starts[i], i)
      t.is(stops[i], 31 - i)
    end
  end)
end)

t.case("small print 1: detach methods raise outside a handler and on bad arguments", function(case)
  t.fails(function() kernel:detach_child(1) end, "'detach_child' must be called from an event handler")
  t.fails(function() kernel:detach_myself() end, "'detach_myself' must be called from an event handler")
  spawn{
    _start = case.expect(1, function()
      t.fails(function() kernel:detach_child(nil) end, "bad argument #1 to 'detach_child' %(.+ expected, got nil%)")
      t.fails(function() kernel.detach_myself() end, "calling 'detach_myself' on a bad self %(use kernel:detach_myself%)")
    end),
  }
end)
