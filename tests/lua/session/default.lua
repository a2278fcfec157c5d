-- Events that no handler has, and _default (S16 to S18).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create

local function nothing() end

t.case("S16 _default gets the event's name and its arguments with n", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:yield("none")
        ctx.kernel:yield("some", 1, "two", false)
        ctx.kernel:yield("nils", nil, 2, nil, nil)
      end,
      _default = function(_, event, args, ...)
        if event == "_stop" then return end
        log(event)
        t.is(select("#", ...), 0)
        t.same(args, ({ none = { n = 0 }, some = { n = 3, 1, "two", false }, nils = { n = 4, nil, 2 } })[event])
      end,
    },
  }
  case.after(function() log:is("none some nils") end)
end)

t.case("S16 what _default returns goes back through call", function(case)
  local other = create {
    inline_states = { _start = nothing, _default = function(_, event, args) return event, nil, args and args[1], nil end },
  }
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        local function pack(...) return { n = select("#", ...), ... } end
        t.same(pack(ctx.kernel:call(other, "ask", 5)), { n = 4, "ask", nil, 5, nil })
      end),
    },
  }
end)

t.case("S16 in _default the state is _default, sender and caller are the event's", function(case)
  local line
  local other = create {
    inline_states = {
      _start = nothing,
      _default = function(ctx, event, args)
        t.is(ctx.state, "_default")
        if event ~= "ask" then return end
        t.is(ctx.sender, args[1])
        t.is(ctx.caller_state, "go")
        t.is(ctx.caller_line, line)
        t.truthy(ctx.caller_file:find("default%.lua$"))
      end,
    },
  }
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("go") end,
      go = case.expect(1, function(ctx)
        line = debug.getinfo(1, "l").currentline + 1
        ctx.kernel:post(other, "ask", ctx.session)
      end),
    },
  }
end)

t.case("S16 _default may be an object's or a class's method", function(case)
  local log = t.log()
  for _, kind in ipairs { "object_states", "package_states" } do
    local object = {}
    function object.fallback(self, ctx, event, args)
      t.is(self, object)
      t.is(ctx.object, object)
      if event ~= "_stop" then log(event, args[1]) end
    end
    create {
      inline_states = { _start = function(ctx) ctx.kernel:yield("lost", kind) end },
      [kind] = { object, { _default = "fallback" } },
    }
  end
  case.after(function() log:is("lost:object_states lost:package_states") end)
end)

t.case("S16 the argument array is a copy, the values are not", function(case)
  local inner = {}
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("WAVE", "lost", inner)
        ctx.kernel:signal(ctx.session, "WAVE")
        ctx.kernel:signal(ctx.session, "WAVE")
      end,
      _default = function(_, event, args)
        if event ~= "lost" then return end
        t.same(args, { n = 2, "WAVE", inner })
        t.is(args[2], inner)
        inner[1] = true
        args[2], args[3], args.n = "spoilt", "spoilt", 9
      end,
    },
  }
  case.after(function() t.same(inner, { true }) end)
end)

t.case("S17 _default gets _child, _parent and _stop when these have no handler", function(case)
  local log = t.log()
  local child
  local parent = create {
    inline_states = {
      _start = function()
        child = create {
          inline_states = {
            _start = function(ctx) ctx.kernel:yield("leave") end,
            leave = function(ctx) ctx.kernel:detach_myself() end,
            _default = function(_, event, args)
              log("child", event, args.n)
              if event == "_parent" then t.is(args[2], poe.kernel) end
            end,
          },
        }
      end,
      _default = function(_, event, args) log("parent", event, args[1] or args.n) end,
    },
  }
  t.truthy(parent ~= child)
  case.after(function()
    t.same({ log[1], log[2], log[3] }, { "parent:_child:create", "parent:_child:lose", "child:_parent:2" })
    table.sort(log) -- which of the two stops first is not at issue here
    log:is("child:_parent:2 child:_stop:0 parent:_child:create parent:_child:lose parent:_stop:0")
  end)
end)

t.case("S17 _default is not called for events that have a handler", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("known") end,
      known = case.expect(1), _stop = case.expect(1), _default = case.expect(0),
    },
  }
end)

t.case("S17 what _default returns for _stop is what the parent hears", function(case)
  create {
    inline_states = {
      _start = function()
        create { inline_states = { _start = nothing, _default = function(_, event) return "default of " .. event end } }
      end,
      _child = case.expect(2, function(_, what, _, value)
        if what == "lose" then t.is(value, "default of _stop") end
      end),
    },
  }
end)

t.case("small print default: signal watchers' events, timers and underscore names go there, too", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("WAVE", "no_such_handler", "mine")
        ctx.kernel:signal(ctx.session, "WAVE", "sent")
        ctx.kernel:yield("_underscore")
        ctx.kernel:delay("ring", 1, "r")
        ctx.session:postback("back", 1):weaken()(2)
      end,
      _default = function(_, event, args)
        log(event)
        if event == "no_such_handler" then t.same(args, { n = 3, "WAVE", "sent", "mine" }) end
        if event == "ring" then t.same(args, { n = 1, "r" }) end
        if event == "back" then t.same(args, { n = 2, { n = 1, 1 }, { n = 1, 2 } }) end
      end,
    },
  }
  case.after(function() log:is("no_such_handler _underscore back ring _stop") end)
end)

t.case("small print default: a posted _default reaches the handler itself", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("_default", "by hand", 5) end,
      _default = case.expect(1, function(_, event, value) t.same({ event, value }, { "by hand", 5 }) end),
      _stop = nothing,
    },
  }
end)

t.case("small print default: a _default added at run time is used", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("lost"); ctx.kernel:state("_default", ctx.heap.default) end,
      _stop = nothing,
    },
    heap = { default = case.expect(1, function(_, event) t.is(event, "lost") end) },
  }
end)

t.case("S18 without _default an unknown event is dropped without a word", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        t.success(ctx.kernel:yield("lost_event"))
        t.failure("ENOSYS", ctx.kernel:call(ctx.session, "lost_event"))
        ctx.kernel:yield("later")
      end,
      later = case.expect(1),
    },
  }
end, { no_stderr = { "lost_event" } })

t.case("S18 with the option default a warning names the event and the session", function()
  create {
    options = { default = true },
    inline_states = {
      _start = function(ctx)
        ctx.kernel:alias_set("lonely_session")
        ctx.kernel:yield("lost_event")
      end,
    },
  }
end, { stderr = { "lost_event", "lonely_session", "default.lua" } })

t.case("S18 the option does not warn of _stop, _child and _parent", function()
  create {
    options = { default = true },
    inline_states = {
      _start = function()
        create {
          options = { default = true },
          inline_states = {
            _start = function(ctx) ctx.kernel:yield("leave") end,
            leave = function(ctx) ctx.kernel:detach_myself() end,
          },
        }
      end,
    },
  }
end, { no_stderr = { "_stop", "_child", "_parent" } })

t.case("S18 the option does not warn of what _default takes", function(case)
  create {
    options = { default = true },
    inline_states = { _start = function(ctx) ctx.kernel:yield("lost_event") end, _default = case.expect(2) },
  }
end, { no_stderr = { "lost_event" } })

t.case("S18 POELUA_ASSERT=states turns the option on for all new sessions", function()
  local session = create { inline_states = { _start = function(ctx) ctx.kernel:yield("lost_event") end } }
  t.is(session:option("default"), true)
end, { env = { POELUA_ASSERT = "states" }, stderr = { "lost_event" } })
