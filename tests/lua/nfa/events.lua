-- Where the events of a state machine go (N4, N5, N13 to N16, N22, N24).
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

local function nothing() end

local function pack(...) return { n = select("#", ...), ... } end

local function spawn(states) return poe.NFA.spawn{ inline_states = states } end

-- caught makes the handler of DIE that logs and goes on.
local function caught(log)
  return function(_, _, info)
    kernel:sig_handled()
    log(info.event, info.error_str)
  end
end

t.case("N4 the same event runs the handler of the state that the machine is in", function(case)
  local log = t.log()
  local m = spawn{
    a = { x = function() log("a") end },
    b = { x = function() log("b") end },
  }
  m:goto_state("a")
  kernel:post(m, "x")
  m:goto_state("b")
  kernel:post(m, "x")
  kernel:post(m, "x")
  m:goto_state("a")
  kernel:post(m, "x")
  case.after(function() log:is("a b b a") end)
end)

t.case("N4 states with many events", function(case)
  local got = 0
  local states = { a = {}, b = {} }
  for i = 1, 40 do
    states.a["e" .. i] = function(ctx) got = got + i t.is(ctx.event, "e" .. i) end
    states.b["e" .. i] = function() got = got - 1 end
  end
  local m = spawn(states)
  m:goto_state("a")
  for i = 1, 40 do kernel:post(m, "e" .. i) end
  m:goto_state("b")
  for i = 1, 40 do kernel:post(m, "e" .. i) end
  case.after(function() t.is(got, 780) end)
end)

t.case("N5 state, event, machine and runstate in ctx", function(case)
  local m
  local kept
  m = spawn{
    a = {
      x = case.expect(1, function(ctx)
        kept = ctx
        t.is(ctx.state, "a")
        t.is(ctx.event, "x")
        t.is(ctx.machine, m)
        t.is(ctx.session, m)
        t.is(ctx.runstate, m:get_runstate())
        t.is(ctx.heap, ctx.runstate)
        t.is(ctx.kernel, kernel)
        t.is(ctx.sender, kernel)
        t.is(ctx.object, nil)
        t.is(ctx.caller_state, nil)
      end),
      _default = case.expect(1, function(ctx)
        t.is(ctx.event, "_default")
        t.is(ctx.state, "a")
      end),
    },
  }
  m:goto_state("a")
  kernel:post(m, "x")
  kernel:post(m, "y")
  case.after(function()
    t.is(kept.event, nil)
    t.is(kept.state, nil)
    t.is(kept.machine, m)
  end)
end)

t.case("N5 a field that cannot be set, and one that is none", function(case)
  local m = spawn{ a = { x = case.expect(1, function(ctx)
    for _, name in ipairs{ "state", "event", "machine", "session", "kernel", "object", "sender" } do
      t.fails(function() ctx[name] = 1 end, "ctx%." .. name .. " cannot be set")
    end
    t.fails(function() ctx.other = 1 end, "ctx has no field 'other' %(keep things in ctx%.runstate%)")
    t.is(ctx.other, nil)
  end) } }
  m:goto_state("a")
  kernel:post(m, "x")
end)

t.case("N5 the runstate can be replaced, in a machine that was looked at often, too", function(case)
  local m = spawn{ a = { x = function(ctx, n)
    t.is(ctx.runstate.n, n > 1 and n - 1 or nil)
    t.is(ctx.heap, ctx.runstate)
    if n % 2 == 0 then ctx.runstate = { n = n } else ctx.heap = { n = n } end
    t.is(ctx.runstate.n, n)
    t.is(ctx.heap.n, n)
    t.is(ctx.machine:get_runstate(), ctx.runstate)
    t.is(ctx.machine:get_heap(), ctx.runstate)
    t.is(ctx.machine, ctx.session)
    t.is(ctx.state, "a")
  end } }
  m:goto_state("a")
  for n = 1, 300 do kernel:post(m, "x", n) end
  case.after(function() t.is(m:get_runstate().n, 300) end)
end)

t.case("N5 ctx of a session has none of a machine's fields", function()
  poe.Session.create{ inline_states = { _start = function(ctx)
    t.is(ctx.machine, nil)
    t.is(ctx.runstate, nil)
    t.is(ctx.event, nil)
    t.fails(function() ctx.runstate = 1 end, "ctx has no field 'runstate' %(keep things in ctx%.heap%)")
  end } }
end)

t.case("N13 an unhandled event is an error; handled, the machine goes on", function(case)
  local log = t.log()
  local m = spawn{
    a = { setup = function() kernel:sig("DIE", "died") end, died = caught(log), x = function() log("x") end },
    b = { y = nothing },
  }
  m:goto_state("a", "setup")
  kernel:post(m, "y")
  kernel:post(m, "x")
  case.after(function() log:is("x y:no handler for event 'y' in state 'a' of session 1") end)
end)

t.case("N13 unhandled, it ends the run", function(case)
  local m = spawn{ a = {} }
  m:goto_state("a")
  kernel:post(m, "x")
  case.run_error("^no handler for event 'x' in state 'a' of session 1$")
end)

t.case("N13 the error names the machine's alias", function(case)
  local m = spawn{ a = { setup = function() kernel:alias_set("gate") end } }
  m:goto_state("a", "setup")
  kernel:post("gate", "x")
  case.run_error("^no handler for event 'x' in state 'a' of session 1 %(gate%)$")
end)

t.case("N13 so does an event to a machine that is in no state", function(case)
  local m = spawn{ a = { x = case.expect(0) } }
  kernel:post(m, "x")
  case.run_error("^no handler for event 'x' of session 1, which is in no state yet$")
end)

t.case("N13 called, it is an error of the machine and gives the caller nothing", function(case)
  local log = t.log()
  local m = spawn{ a = { setup = function() kernel:sig("DIE", "died") kernel:alias_set("m") end, died = caught(log) } }
  m:goto_state("a", "setup")
  t.is(select("#", kernel:call(m, "x")), 0)
  case.after(function() log:is("x:no handler for event 'x' in state 'a' of session 1 (m)") end)
end)

t.case("N13 called by the machine itself it raises", function(case)
  local m = spawn{ a = { go = case.expect(1, function(ctx)
    t.fails(function() kernel:call(ctx.machine, "x") end, "^no handler for event 'x'")
    t.is(ctx.event, "go")
  end) } }
  m:goto_state("a")
  kernel:post(m, "go")
end)

t.case("N13 events that begin with an underscore are dropped", function()
  local m = spawn{ a = {} }
  m:goto_state("a")
  kernel:post(m, "_anything")
  kernel:post(m, "_default")
  t.failure("ENOSYS", kernel:call(m, "_anything"))
end)

t.case("N13 an error in a handler says where", function(case)
  local m = spawn{ a = { x = function() error("boom") end } }
  m:goto_state("a")
  kernel:post(m, "x")
  case.run_error("events.lua:%d+: boom$")
end)

t.case("N14 _default of the current state gets the event's name and its arguments", function(case)
  local log = t.log()
  local m = spawn{
    a = { _default = function(ctx, event, args)
      log("a", ctx.event, event, args.n, args[1], args[2], args[3])
      return "result", 2
    end },
    b = { _default = function() log("b") end },
  }
  m:goto_state("a")
  kernel:post(m, "x", 1, nil, "z")
  kernel:post(m, "_y")
  t.same(pack(kernel:call(m, "z")), { n = 2, "result", 2 })
  case.after(function() log:is("a:_default:z:0:nil:nil:nil a:_default:x:3:1:nil:z a:_default:_y:0:nil:nil:nil") end)
end)

t.case("N14 that of another state does not", function(case)
  local m = spawn{ a = {}, b = { _default = case.expect(0) } }
  m:goto_state("a")
  kernel:post(m, "x")
  case.run_error("no handler for event 'x' in state 'a'")
end)

t.case("N14 a _default that is a method", function(case)
  local object = { on_default = case.expect(1, function(self, ctx, event, args)
    t.is(ctx.object, self)
    t.is(event, "x")
    t.same(args, { n = 1, 5 })
  end) }
  local m = poe.NFA.spawn{ object_states = { a = { object, { _default = "on_default" } } } }
  m:goto_state("a")
  kernel:post(m, "x", 5)
end)

t.case("N15 a handler set by kernel:state works in every state; a state's own goes first", function(case)
  local log = t.log()
  local m = spawn{
    a = {
      setup = function()
        kernel:state("x", function(ctx, n) log("beside", ctx.state, ctx.event, n) end)
      end,
      _default = function() log("default") end,
    },
    b = { x = function(ctx, n) log("own", ctx.state, n) end },
    c = { drop = function() kernel:state("x") end, _default = function(_, event) log("default", event) end },
  }
  m:goto_state("a", "setup")
  kernel:post(m, "x", 1)
  m:goto_state("b")
  kernel:post(m, "x", 2)
  m:goto_state("c")
  kernel:post(m, "x", 3)
  kernel:post(m, "drop")
  kernel:post(m, "x", 4)
  case.after(function() log:is("beside:a:x:1 own:b:2 beside:c:x:3 default:x") end)
end)

t.case("N15 one that is a method, and one that replaces another", function(case)
  local log = t.log()
  local object = { x = function(self, ctx) log("method", ctx.object == self) end }
  local m = spawn{ a = { setup = function(ctx)
    kernel:state("x", nothing)
    kernel:state("x", object)
    kernel:state("y", object, "x")
  end } }
  m:goto_state("a", "setup")
  kernel:post(m, "x")
  kernel:post(m, "y")
  case.after(function() log:is("method:true method:true") end)
end)

t.case("N15 a machine does not share such handlers with one of the same table", function(case)
  local log = t.log()
  local states = { a = { setup = function(_, name) kernel:state("x", function() log(name) end) end } }
  local one, two = spawn(states), spawn(states)
  one:goto_state("a", "setup", "one")
  two:goto_state("a", "setup", "two")
  kernel:post(one, "x")
  kernel:post(two, "x")
  case.after(function() log:is("one two") end)
end)

t.case("N15 names of moves are refused", function(case)
  local m = spawn{ a = { setup = case.expect(1, function()
    t.fails(function() kernel:state("poe_nfa_stop", nothing) end, "no handler can be called 'poe_nfa_stop'")
    t.fails(function() kernel:state("_signal", nothing) end, "_signal")
    t.success(kernel:state("poe_nfa_stop"))
  end) } }
  m:goto_state("a", "setup")
end)

t.case("N15 a wheel's function is called in every state, its events go to the current one", function(case)
  local log = t.log()
  local near, _, far = poe.pipe.TwoWay.new("socketpair")
  local m = spawn{
    a = { setup = function(ctx)
      ctx.runstate.wheel = poe.wheel.ReadWrite.new{
        handle = near,
        input_event = function(ctx, line)
          log(line, ctx.state, ctx.event)
          ctx.machine:goto_state("b", "enter", line)
        end,
        error_event = "over",
      }
      far:write("one\n")
    end },
    b = {
      enter = function(_, line)
        if line == "one" then far:write("two\n") else far:close() end
      end,
      over = function(ctx) log(ctx.state, ctx.event) ctx.runstate.wheel:destroy() end,
      input_event = case.expect(0),
    },
  }
  m:goto_state("a", "setup")
  case.after(function() log:is("one:a:input_event two:b:input_event b:over") end)
end, { clock = "real" })

t.case("N16 object and package states, as a list, a map and both", function(case)
  local log = t.log()
  local class = {}
  function class:x(ctx) log("class", self == class, ctx.object == class, ctx.state) end
  local object = {}
  function object:x(ctx) log("x", ctx.object == object, ctx.state) end
  function object:on_y(ctx) log("y", ctx.event) end
  function object:z() log("z") end
  local m = poe.NFA.spawn{
    object_states = { a = { object, { "x", y = "on_y" }, object, { "z" } } },
    package_states = { b = { class, { "x" } }, c = { class, { other = "x" } } },
  }
  m:goto_state("a")
  for _, event in ipairs{ "x", "y", "z" } do kernel:post(m, event) end
  m:goto_state("b")
  kernel:post(m, "x")
  m:goto_state("c")
  kernel:post(m, "other")
  case.after(function() log:is("x:true:a y:y z class:true:true:b class:true:true:c") end)
end)

t.case("N16 a state given in several kinds is their union, the last kind wins", function(case)
  local log = t.log()
  local object = { x = function() log("object x") end, y = function() log("object y") end }
  local class = { y = function() log("class y") end }
  local m = poe.NFA.spawn{
    inline_states = {
      a = { w = function() log("inline w") end, x = function() log("inline x") end },
      b = { w = function() log("b") end },
    },
    object_states = { a = { object, { "x", "y" } } },
    package_states = { a = { class, { "y" } } },
  }
  m:goto_state("a")
  for _, event in ipairs{ "w", "x", "y" } do kernel:post(m, event) end
  m:goto_state("b")
  kernel:post(m, "w")
  case.after(function() log:is("inline w object x class y b") end)
end)

t.case("N16 a method that is replaced takes effect, one that is gone fails", function(case)
  local log = t.log()
  local object = { x = function() log("old") end, y = nothing }
  local m = poe.NFA.spawn{ object_states = { a = { object, { "x", "y" } } } }
  m:goto_state("a")
  object.x = function() log("new") end
  object.y = nil
  kernel:post(m, "x")
  kernel:post(m, "y")
  case.run_error("the object of session 1 has no method 'y'")
  case.after(function() log:is("new") end)
end)

t.case("N22 timers go to the state that the machine is in when they are due", function(case)
  local log = t.log()
  local m = spawn{
    a = { setup = function(ctx)
      kernel:delay("tick", 1, "one")
      kernel:delay_set("tick", 3, "two")
      kernel:delay("change", 2)
    end, tick = function(_, n) log("a", n) end, change = function(ctx) ctx.machine:goto_state("b") end },
    b = { tick = function(ctx, n) log("b", n, ctx.sender == ctx.machine) end },
  }
  m:goto_state("a", "setup")
  case.after(function() log:is("a:one b:two:true") end)
end)

t.case("N22 signals, too", function(case)
  local log = t.log()
  local function got(name) return function(_, signal, x) log(name, signal, x) end end
  local m = spawn{
    a = { setup = function() kernel:sig("PING", "got", "x") end, got = got("a") },
    b = { got = got("b") },
  }
  m:goto_state("a", "setup")
  kernel:signal(m, "PING")
  m:goto_state("b")
  kernel:signal(m, "PING")
  case.after(function() log:is("a:PING:x b:PING:x") end)
end)

t.case("N22 a signal in a state that does not handle its event is an error", function(case)
  local m = spawn{ a = { setup = function() kernel:sig("PING", "got") end, got = nothing }, b = {} }
  m:goto_state("a", "setup")
  m:goto_state("b")
  kernel:signal(m, "PING")
  case.run_error("no handler for event 'got' in state 'b' of session 1")
end)

t.case("N22 a watched handle goes to the state that the machine is in", function(case)
  local log = t.log()
  local near, _, far = poe.pipe.TwoWay.new("socketpair")
  local m = spawn{
    a = { setup = function(ctx)
      kernel:select_read(near, "ready")
      ctx.machine:goto_state("b", "enter")
    end },
    b = {
      enter = function() far:write("x") end,
      ready = function(ctx, handle) log(ctx.state, handle:read()) near:close() far:close() end,
    },
  }
  m:goto_state("a", "setup")
  case.after(function() log:is("b:x") end)
end, { clock = "real" })

t.case("N24 _start and _stop of a state are never called, not by posts either", function(case)
  local log = t.log()
  local states = { a = {
    _start = case.expect(0), _stop = case.expect(0), _default = function(_, event) log(event) end,
    setup = function() kernel:state("_stop", case.expect(0)) end,
  } }
  local m = poe.NFA.spawn{
    inline_states = states,
    object_states = { a = { { _start = case.expect(0) }, { "_start" } } },
  }
  m:goto_state("a", "setup")
  kernel:post(m, "_start")
  kernel:post(m, "_stop")
  t.failure("ENOSYS", kernel:call(m, "_start"))
  kernel:post(m, "other")
  case.after(function() log:is("other") end)
end)

t.case("N24 _child in the parent has nil for both", function(case)
  local log = t.log()
  poe.Session.create{ inline_states = {
    _start = function()
      spawn{ a = { _start = function() return 1 end, _stop = function() return 2 end } }:goto_state("a")
    end,
    _child = function(_, what, child, ...) log(what, tostring(child), select("#", ...), (...)) end,
  } }
  case.after(function() log:is("create:poe.NFA(2):1:nil lose:poe.NFA(2):1:nil") end)
end)
