-- Subclasses of poe.Session (S29, S30).
local poe = require "poe"
local t = require "poe.test"

local function nothing() end

local function subclass(base)
  local class = setmetatable({}, { __index = base })
  class.__index = class
  return class
end

t.case("S29 instantiate strips a parameter and sets a field of the session", function()
  local Timed = subclass(poe.Session)
  function Timed:instantiate(params)
    t.is(self, Timed)
    local born = params.born
    params.born = nil
    local session = poe.Session.instantiate(self, params)
    session.born = born
    return session
  end
  local seen
  local params = { born = 17, inline_states = { _start = function(ctx) seen = ctx.session end } }
  local session = Timed:create(params)
  t.is(session.born, 17)
  t.is(seen, session)
  t.is(seen.born, 17)
  t.is(params.born, 17, "the caller's table")
  t.is(type(session:id()), "number")
end)

t.case("S29 try_alloc adds an argument", function()
  local Extra = subclass(poe.Session)
  Extra.greeting = "from the class"
  function Extra:try_alloc(...)
    t.is(self.greeting, "from the class")
    return poe.Session.try_alloc(self, "extra", ...)
  end
  local got
  local session = Extra:create {
    args = { nil, 2, nil, n = 3 },
    inline_states = { _start = function(_, ...) got = { n = select("#", ...), ... } end },
  }
  t.same(got, { n = 4, "extra", nil, 2 })
  t.is(session:is_alive(), true)
end)

t.case("S29 the session is not yet the kernel's before try_alloc", function(case)
  local Late = subclass(poe.Session)
  local started = false
  function Late:try_alloc(...)
    t.is(started, false)
    local session = poe.Session.try_alloc(self, ...)
    t.is(started, true)
    t.is(session, self)
    return session
  end
  local session = Late:create { inline_states = { _start = case.expect(1, function() started = true end) } }
  t.is(poe.kernel:id_to_session(session:id()), session)
end)

t.case("S29 methods of the class and of its bases are found on the session", function(case)
  local Base = subclass(poe.Session)
  function Base:greet() return "hello from " .. self:id() end
  local Derived = subclass(Base)
  function Derived:shout() return self:greet():upper() end
  local session = Derived:create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("later") end,
      later = case.expect(1, function(ctx) t.is(ctx.session:shout(), "HELLO FROM " .. ctx.session:id()) end),
    },
  }
  t.is(session:greet(), "hello from " .. session:id())
  t.is(session:shout(), "HELLO FROM " .. session:id())
  local plain = poe.Session.create { inline_states = { _start = nothing } }
  t.is(plain.greet, nil)
end)

t.case("S29 an overridden method calls poe.Session's own", function()
  local Class = subclass(poe.Session)
  function Class:id() return -poe.Session.id(self) end
  local session = Class:create { inline_states = { _start = nothing } }
  t.is(session:id(), -1)
end)

t.case("S29 fields may be set on any session at any time", function(case)
  local session = poe.Session.create {
    inline_states = {
      _start = function(ctx) ctx.session.mark = "start"; ctx.kernel:yield("later") end,
      later = case.expect(1, function(ctx) t.is(ctx.session.mark, "main"); t.is(ctx.session.other, nil) end),
    },
  }
  t.is(session.mark, "start")
  session.mark = "main"
end)

t.case("S29 unknown keys that instantiate leaves raise", function(case)
  local Class = subclass(poe.Session)
  t.fails(function() Class:create { born = 1, inline_states = { _start = case.expect(0) } } end, "unknown parameter 'born'")
  for id = 1, 5 do t.failure("ESRCH", poe.kernel:id_to_session(id)) end
end)

t.case("S29 instantiate may add states and change the rest", function(case)
  local log = t.log()
  local Ticker = subclass(poe.Session)
  function Ticker:instantiate(params)
    params.inline_states = { _start = params.inline_states._start, tick = function(ctx) log("tick", ctx.heap) end }
    params.heap = "own"
    return poe.Session.instantiate(self, params)
  end
  Ticker:create { inline_states = { _start = function(ctx) ctx.kernel:yield("tick") end } }
  case.after(function() log:is("tick:own") end)
end)

t.case("S29 a subclass session is a session like others", function(case)
  local Class = subclass(poe.Session)
  local log = t.log()
  local session = Class:create {
    inline_states = {
      _start = function(ctx) ctx.kernel:alias_set("sub") end,
      hello = function(ctx, x) log(x); ctx.kernel:alias_remove("sub") end,
    },
  }
  t.is(poe.kernel:alias_resolve("sub"), session)
  t.success(poe.kernel:post(session, "hello", "hi"))
  case.after(function()
    log:is("hi")
    t.is(session:is_alive(), false)
  end)
end)

t.case("S29 create with a dot is poe.Session's own", function(case)
  local Class = subclass(poe.Session)
  Class.instantiate, Class.greet = case.expect(0), nothing
  local session = Class.create { inline_states = { _start = case.expect(1) } }
  t.is(session.greet, nil)
end)

t.case("S30 invoke sees every event of the session", function(case)
  local log = t.log()
  local Spy = subclass(poe.Session)
  function Spy:invoke(ctx, event, ...)
    t.is(ctx.session, self)
    log(event, select("#", ...), (...))
    return poe.Session.invoke(self, ctx, event, ...)
  end
  local session = Spy:create {
    args = { "a" },
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("WAVE", "waved")
        ctx.kernel:yield("yielded", "y", nil)
        ctx.kernel:signal(ctx.session, "WAVE")
        ctx.kernel:delay("timer", 1, "t")
        t.is(ctx.kernel:call(ctx.session, "called", "c"), "answer")
      end,
      yielded = case.expect(1, function(_, ...) t.is(select("#", ...), 2) end),
      called = function() return "answer" end,
      waved = case.expect(1), timer = case.expect(1), _stop = case.expect(1),
    },
  }
  t.is(poe.kernel:call(session, "called", "main"), "answer")
  case.after(function()
    log:is("_start:1:a called:1:c called:1:main yielded:2:y waved:1:WAVE timer:1:t _stop:0:nil")
  end)
end)

t.case("S30 invoke sees _child and _parent", function(case)
  local log = t.log()
  local Spy = subclass(poe.Session)
  function Spy:invoke(ctx, event, ...)
    log(self.name or "new", event)
    return poe.Session.invoke(self, ctx, event, ...)
  end
  local parent = Spy:create {
    inline_states = {
      _start = function(ctx)
        ctx.session.name = "parent"
        Spy:create {
          inline_states = {
            _start = function(inner) inner.session.name = "child"; inner.kernel:yield("leave") end,
            leave = function(inner) inner.kernel:detach_myself() end,
            _parent = nothing,
          },
        }
      end,
      _child = nothing,
    },
  }
  t.is(parent.name, "parent")
  case.after(function()
    t.same({ log[1], log[2], log[3], log[4], log[5], log[6] },
      { "new:_start", "new:_start", "parent:_child", "child:leave", "parent:_child", "child:_parent" })
  end)
end)

t.case("S30 invoke may keep an event from the handler, change its arguments and its results", function(case)
  local Guard = subclass(poe.Session)
  function Guard:invoke(ctx, event, ...)
    if event == "secret" then return "refused" end
    if event == "ask" then return "wrapped", poe.Session.invoke(self, ctx, event, "changed") end
    return poe.Session.invoke(self, ctx, event, ...)
  end
  local session = Guard:create {
    inline_states = {
      _start = nothing,
      secret = case.expect(0),
      ask = case.expect(1, function(_, x) return x, nil end),
    },
  }
  t.same({ poe.kernel:call(session, "secret") }, { "refused" })
  local function pack(...) return { n = select("#", ...), ... } end
  t.same(pack(poe.kernel:call(session, "ask", "given")), { n = 3, "wrapped", "changed" })
end)

t.case("S30 an error in invoke is an error in the handler", function(case)
  local Bad = subclass(poe.Session)
  function Bad:invoke(ctx, event, ...)
    if event == "fail" then error("in invoke") end
    return poe.Session.invoke(self, ctx, event, ...)
  end
  Bad:create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("DIE", "died"); ctx.kernel:yield("fail") end,
      fail = case.expect(0),
      died = case.expect(1, function(ctx, _, info)
        t.truthy(info.error_str:find("in invoke", 1, true))
        t.is(info.event, "fail")
        ctx.kernel:sig_handled()
      end),
    },
  }
end)
