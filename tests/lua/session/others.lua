-- What else sessions promise: heaps seen from outside, shared objects, life and death, naming (S28, S31 to S38).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create
local kernel = poe.kernel

local function nothing() end

t.case("S28 get_heap of another session is its heap", function(case)
  local other = create { inline_states = { _start = function(ctx) ctx.heap.n = 5 end }, heap = {} }
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        t.is(other:get_heap().n, 5)
        t.truthy(other:get_heap() ~= ctx.heap)
        t.is(ctx.session:get_heap(), ctx.heap)
      end),
    },
  }
end)

t.case("S28 get_heap before ctx.heap was ever read", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("later") end,
      later = case.expect(1, function(ctx) t.is(ctx.heap.set, "outside") end),
    },
  }
  t.same(session:get_heap(), {})
  session:get_heap().set = "outside"
end)

t.case("S28 a helper finds the current session's heap through the kernel", function(case)
  local function count() local heap = kernel:get_active_session():get_heap(); heap.n = (heap.n or 0) + 1 end
  for want = 1, 2 do
    create {
      inline_states = {
        _start = function(ctx) for _ = 1, want do count() end; ctx.kernel:yield("check") end,
        check = case.expect(1, function(ctx) t.is(ctx.heap.n, want) end),
      },
    }
  end
end)

t.case("S31 one object in two sessions: the same object, different heaps", function(case)
  local object, heaps, sessions = {}, {}, {}
  function object:_start(ctx) ctx.kernel:yield("tick") end
  object.tick = case.expect(2, function(self, ctx)
    t.is(self, object)
    t.is(ctx.object, object)
    heaps[#heaps + 1], sessions[#sessions + 1] = ctx.heap, ctx.session
  end)
  local a = create { object_states = { object, { "_start", "tick" } } }
  local b = create { object_states = { object, { "_start", "tick" } } }
  case.after(function()
    t.same(sessions, { a, b })
    t.truthy(heaps[1] ~= heaps[2])
  end)
end)

t.case("S32 one handler for several events: ctx.state tells which", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  local object = { note = function(_, ctx) log(ctx.state) end }
  create {
    inline_states = {
      _start = function(ctx)
        for _, event in ipairs { "one", "three", "two", "four" } do ctx.kernel:yield(event) end
      end,
      one = note, two = note,
    },
    object_states = { object, { three = "note", four = "note" } },
  }
  case.after(function() log:is("one three two four") end)
end)

t.case("S33 id after the stop; is_alive until it", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) t.is(ctx.session:is_alive(), true) end,
      _stop = case.expect(1, function(ctx)
        t.is(ctx.session:is_alive(), true)
        t.is(kernel:id_to_session(ctx.session:id()), ctx.session)
      end),
    },
  }
  local id = session:id()
  t.is(session:is_alive(), true)
  case.after(function()
    t.is(session:id(), id)
    t.is(session:is_alive(), false)
    t.failure("ESRCH", kernel:id_to_session(id))
  end)
end)

t.case("S34 a thousand sessions have their own ids and all stop", function(case)
  local seen, stopped = {}, 0
  local states = {
    _start = function(ctx)
      local id = ctx.session:id()
      t.is(seen[id], nil)
      seen[id] = true
      ctx.kernel:yield("tick")
    end,
    tick = case.expect(1000),
    _stop = function() stopped = stopped + 1 end,
  }
  create { inline_states = { _start = function() for _ = 1, 1000 do create { inline_states = states } end end } }
  case.after(function() t.is(stopped, 1000) end)
end)

t.case("S35 sessions created three levels deep have the right parents", function(case)
  local log = t.log()
  local function level(n)
    return create {
      heap = { n = n },
      inline_states = {
        _start = function(ctx)
          log("start", n, ctx.sender == kernel and "kernel" or ctx.sender:get_heap().n)
          if n < 3 then level(n + 1) end
          return "made " .. n
        end,
        _child = function(_, what, child, value) log(what, n, child:get_heap().n, value) end,
        _stop = function() log("stop", n); return "gone" end,
      },
    }
  end
  level(1)
  case.after(function()
    log:is("start:1:kernel start:2:1 start:3:2 create:2:3:made 3 create:1:2:made 2"
      .. " stop:3 lose:2:3:gone stop:2 lose:1:2:gone stop:1")
  end)
end)

t.case("S36 a posted _stop runs the handler and does not stop the session", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:post(ctx.session, "_stop", "posted")
        ctx.kernel:yield("later")
      end,
      later = function(ctx) log("later"); t.is(ctx.session:is_alive(), true); ctx.kernel:call(ctx.session, "_stop", "called") end,
      _stop = function(_, how) log("stop", how or "real") end,
    },
  }
  case.after(function() log:is("stop:posted later stop:called stop:real") end)
end)

t.case("S36 a posted _start and _child run their handlers only", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx, x)
        log("start", x or "real")
        if not x then
          ctx.kernel:yield("_start", "posted")
          ctx.kernel:yield("_child", "lose")
          ctx.kernel:yield("_parent", 1, 2)
        end
      end,
      _child = function(_, what) log("child", what) end,
      _parent = function(_, old, new) log("parent", old, new) end,
    },
  }
  case.after(function() log:is("start:real start:posted child:lose parent:1:2") end)
end)

t.case("S37 kernel:state adds an inline function to an object session", function(case)
  local object = {}
  function object._start(self, ctx)
    t.is(ctx.object, self)
    t.success(ctx.kernel:state("added", self.added))
    ctx.kernel:yield("added", 5)
  end
  object.added = case.expect(1, function(ctx, x) t.is(ctx.object, nil); t.is(ctx.state, "added"); t.is(x, 5) end)
  create { object_states = { object, { "_start" } } }
end)

t.case("S37 kernel:state adds an object's method to an inline session", function(case)
  local object = {}
  local function check(self, ctx, x) t.is(self, object); t.is(ctx.object, object); t.is(x, ctx.state) end
  object.same_name, object.other = case.expect(1, check), case.expect(1, check)
  create {
    inline_states = {
      _start = function(ctx)
        t.success(ctx.kernel:state("same_name", object))
        t.success(ctx.kernel:state("renamed", object, "other"))
        ctx.kernel:yield("same_name", "same_name")
        ctx.kernel:yield("renamed", "renamed")
      end,
    },
  }
end)

t.case("S37 kernel:state replaces an object's state by a function and takes it away", function(case)
  local log = t.log()
  local object = { tick = function() log("object") end }
  create {
    inline_states = {
      _start = function(ctx)
        for _, event in ipairs { "tick", "replace", "tick", "remove" } do ctx.kernel:yield(event) end
      end,
      replace = function(ctx) ctx.kernel:state("tick", function() log("function") end) end,
      remove = function(ctx)
        ctx.kernel:state("tick")
        t.failure("ENOSYS", ctx.kernel:call(ctx.session, "tick"))
      end,
    },
    object_states = { object, { "tick" } },
  }
  case.after(function() log:is("object function") end)
end)

t.case("S38 kernel methods work in a coroutine that a handler made", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        local step = coroutine.wrap(function()
          t.is(kernel:get_active_session(), ctx.session)
          t.is(kernel:get_active_event(), "_start")
          t.is(ctx.state, "_start")
          ctx.kernel:yield("first")
          coroutine.yield()
          t.is(kernel:get_active_session(), ctx.session)
          ctx.kernel:delay("second", 1)
          t.is(ctx.kernel:call(ctx.session, "ask"), "answer")
        end)
        step()
        log("between")
        step()
      end,
      ask = function() return "answer" end,
      first = function() log("first") end, second = function() log("second") end,
    },
  }
  case.after(function() log:is("between first second") end)
end)

t.case("S38 a coroutine resumed by another session's handler acts for that session", function(case)
  local step
  local first = create {
    inline_states = {
      _start = function(ctx)
        step = coroutine.wrap(function()
          t.is(kernel:get_active_session(), ctx.session)
          coroutine.yield()
          kernel:yield("arrive")
        end)
        step()
      end,
      arrive = case.expect(0),
    },
  }
  create {
    inline_states = {
      _start = function(ctx) t.truthy(ctx.session ~= first); step() end,
      arrive = case.expect(1, function(ctx) t.is(ctx.sender, ctx.session) end),
    },
  }
end)

t.case("S38 a session created in a coroutine is the handler's child", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        coroutine.wrap(function()
          create { inline_states = { _start = case.expect(1, function(inner) t.is(inner.sender, ctx.session) end) } }
        end)()
      end,
      _child = case.expect(2),
    },
  }
end)

t.case("S38 an error in a coroutine goes through it into the handler", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("DIE", "died"); ctx.kernel:yield("fail") end,
      fail = function() coroutine.wrap(function() error("in the coroutine") end)() end,
      died = case.expect(1, function(ctx, _, info)
        t.is(info.event, "fail")
        t.truthy(info.error_str:find("in the coroutine", 1, true))
        ctx.kernel:sig_handled()
      end),
    },
  }
end)

t.case("small print session: tostring has the number and the aliases", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:delay("later", 1)
        t.is(tostring(ctx.session), "poe.Session(" .. ctx.session:id() .. ")")
        ctx.kernel:alias_set("logger")
        t.is(tostring(ctx.session), "poe.Session(" .. ctx.session:id() .. " logger)")
        ctx.kernel:alias_set("keeper")
        for _, alias in ipairs { "logger", "keeper" } do
          t.truthy(tostring(ctx.session):find("^poe%.Session%(%d+ .*" .. alias .. ".*%)$"), tostring(ctx.session))
        end
        ctx.kernel:alias_remove("keeper")
      end,
      later = function(ctx) ctx.kernel:alias_remove("logger") end,
    },
  }
  t.is(tostring(session), "poe.Session(" .. session:id() .. " logger)")
  case.after(function() t.is(tostring(session), "poe.Session(" .. session:id() .. ")") end)
end)

t.case("small print session: sessions compare by identity, whichever way one is found", function(case)
  local a = create { inline_states = { _start = function(ctx) ctx.kernel:alias_set("a"); ctx.kernel:yield("later") end,
    later = case.expect(1, function(ctx) ctx.kernel:alias_remove("a") end) } }
  local b = create { inline_states = { _start = nothing } }
  t.truthy(a ~= b)
  t.truthy(kernel:alias_resolve("a") == a)
  t.truthy(kernel:id_to_session(a:id()) == a)
  t.is(({ [a] = "found" })[kernel:alias_resolve("a")], "found")
end)

t.case("small print session: it may be named by object, number, alias and number in a string", function(case)
  local log = t.log()
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:alias_set("named") end,
      hello = function(_, how) log(how) end,
      finish = function(ctx) ctx.kernel:alias_remove("named") end,
    },
  }
  for i, name in ipairs { session, session:id(), "named", tostring(session:id()) } do t.success(kernel:post(name, "hello", i)) end
  t.success(kernel:post(kernel, "hello", "lost"))
  t.success(kernel:post(kernel:id(), "hello", "lost"))
  kernel:post("named", "finish")
  t.is(type(kernel:id()), "string")
  case.after(function() log:is("1 2 3 4") end)
end)

t.case("small print session: an alias goes before a number in a string", function(case)
  local first = create { inline_states = { _start = nothing, hello = case.expect(0) } }
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:alias_set(tostring(first:id())); ctx.kernel:post(tostring(first:id()), "hello") end,
      hello = case.expect(1, function(ctx) ctx.kernel:alias_remove(tostring(first:id())) end),
    },
  }
end)

t.case("small print session: wheels() of a session without wheels is empty", function()
  local session = create { inline_states = { _start = nothing } }
  t.same(session:wheels(), {})
  t.is((session:wheel(1)), nil)
end)

t.case("small print session: a method called with a dot says so", function()
  local session = create { inline_states = { _start = nothing } }
  t.fails(function() session.id() end, "others%.lua:%d+: calling 'id' on a bad self %(use session:id%)")
  t.fails(function() session.postback("done") end, "calling 'postback' on a bad self %(use session:postback%)")
  t.fails(function() kernel.post("a", "b") end, "others%.lua:%d+: calling 'post' on a bad self %(use kernel:post%)")
end)

t.case("small print session: what a posted handler returns does not matter", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("later"); return false end,
      later = case.expect(1, function() return nil, "x", error end),
    },
  }
end)

t.case("small print failure: a wrong argument is named at the caller's line", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        local line = debug.getinfo(1, "l").currentline + 1
        local err = t.fails(function() ctx.kernel:delay("x", "soon") end)
        t.truthy(err:find("others.lua:" .. line .. ": bad argument #2 to 'delay' (number expected, got string)", 1, true), err)
        t.fails(function() ctx.kernel:yield(5) end, "bad argument #1 to 'yield' %(string expected, got number%)")
        t.fails(function() ctx.kernel:post(nil, "x") end, "bad argument #1 to 'post' %(")
        t.fails(function() ctx.kernel:post(ctx.session) end, "bad argument #2 to 'post' %(string expected, got n")
        t.fails(function() ctx.kernel:post(ctx.session, {}) end, "bad argument #2 to 'post' %(string expected, got table%)")
      end),
    },
  }
end)

t.case("small print failure: a failed look-up returns nil, message and number", function(case)
  local gone = create { inline_states = { _start = nothing } }
  t.failure("ESRCH", kernel:post("no such alias", "x"))
  t.failure("ESRCH", kernel:post(4711, "x"))
  case.after(function() t.failure("ESRCH", kernel:post(gone, "x")) end)
end)
