-- How state machines are made and how they end (N17 to N20, N23, N25 to N27).
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

local function nothing() end

local function spawn(states) return poe.NFA.spawn{ inline_states = states } end

t.case("N17 spawn needs states, and knows its parameters", function()
  local wants = "life.lua:%d+: poe%.NFA%.spawn: needs inline_states, object_states or package_states"
  t.fails(function() poe.NFA.spawn() end, wants)
  t.fails(function() poe.NFA.spawn{} end, wants)
  t.fails(function() poe.NFA.spawn{ runstate = {} } end, wants)
  local unknown = "poe%.NFA%.spawn: unknown parameter "
  t.fails(function() poe.NFA.spawn{ inline_states = {}, states = {} } end, unknown .. "'states'")
  t.fails(function() poe.NFA.spawn{ inline_states = {}, args = {} } end, unknown .. "'args'")
  t.fails(function() poe.NFA.spawn{ inline_states = {}, 5 } end, unknown .. "'1'")
  t.fails(function() poe.NFA.spawn("x") end, "poe%.NFA%.spawn: table expected, got string")
  t.is(kernel:stats().sessions_created, 0)
end)

t.case("N17 wrong states raise, and say which", function()
  for want, params in pairs{
    ["inline_states: table expected, got number"] = { inline_states = 5 },
    ["inline_states: names of states are strings, got number"] = { inline_states = { {} } },
    ["inline_states: state 'a': table expected, got function"] = { inline_states = { a = nothing } },
    ["inline_states: state 'a': event 'x' needs a function, got string"] = { inline_states = { a = { x = "y" } } },
    ["inline_states: state 'a': names of events are strings, got number"] = { inline_states = { a = { nothing } } },
    ["inline_states: state 'a': no event can be called _signal"] = { inline_states = { a = { _signal = nothing } } },
    ["inline_states: state 'a': no event can be called 'poe_nfa_stop'"] =
      { inline_states = { a = { poe_nfa_stop = nothing } } },
    ["object_states: table expected, got string"] = { object_states = "x" },
    ["object_states: state 'a': table expected, got boolean"] = { object_states = { a = true } },
    ["object_states: state 'a': odd number of elements %(object, events, object, events, %.%.%.%)"] =
      { object_states = { a = { {} } } },
    ["object_states: state 'a': element 1: object expected, got string"] = { object_states = { a = { "x", {} } } },
    ["object_states: state 'a': element 2: table of events expected, got string"] =
      { object_states = { a = { {}, "x" } } },
    ["object_states: state 'a': the object has no method 'x'"] = { object_states = { a = { {}, { "x" } } } },
    ["object_states: state 'a': event 'x' needs the name of a method, got function"] =
      { object_states = { a = { {}, { x = nothing } } } },
    ["object_states: state 'a': no event can be called 'poe_nfa_x'"] =
      { object_states = { a = { {}, { poe_nfa_x = "x" } } } },
    ["package_states: state 'a': the class has no method 'x'"] = { package_states = { a = { {}, { "x" } } } },
    ["package_states: names of states are strings, got boolean"] = { package_states = { [true] = {} } },
    ["options: table expected, got string"] = { inline_states = {}, options = "immediate" },
    ["options: names are strings, got number"] = { inline_states = {}, options = { "immediate" } },
  } do
    t.fails(function() poe.NFA.spawn(params) end, "life.lua:%d+: poe%.NFA%.spawn: " .. want)
  end
  t.is(kernel:stats().sessions_created, 0)
end)

t.case("N17 one kind of states is enough, and may be empty", function()
  t.is(tostring(poe.NFA.spawn{ inline_states = {} }), "poe.NFA(1)")
  t.is(tostring(poe.NFA.spawn{ object_states = {} }), "poe.NFA(2)")
  t.is(tostring(poe.NFA.spawn{ package_states = {} }), "poe.NFA(3)")
end)

t.case("N18 stop ends a machine that has an alias, a timer and children", function(case)
  local log = t.log()
  local grandchild
  poe.Session.create{ inline_states = {
    _start = function(ctx)
      local m = spawn{ a = {
        setup = function()
          kernel:alias_set("gate")
          kernel:delay("never", 3600)
          grandchild = poe.Session.create{ inline_states = {
            _start = function() kernel:delay("last", 1) end,
            last = function() log("last") end,
            _parent = function(_, old, new) log("parent", tostring(old), tostring(new)) end,
          } }
          kernel:yield("before")
        end,
        before = function() log("before") end,
        after = function() log("after") end,
        never = case.expect(0),
        _child = nothing,
        leave = case.expect(0),
      } }
      m:goto_state("a", "setup")
      t.success(m:stop())
      log("alive", m:is_alive())
      kernel:post(m, "after")
      kernel:delay("look", 0.5)
    end,
    look = function() log("gate", kernel:alias_resolve("gate") == nil) end,
    _child = function(_, what, child) log(what, tostring(child)) end,
  } }
  case.after(function()
    log:is("create:poe.NFA(2) alive:true before gain:poe.Session(3) " ..
      "parent:poe.NFA(2 gate):poe.Session(1) lose:poe.NFA(2 gate) gate:true last lose:poe.Session(3)")
    t.is(grandchild:is_alive(), false)
  end)
end)

t.case("N18 stop is never immediate; the handler that asks goes on, and so do events before it", function(case)
  local log = t.log()
  local m = poe.NFA.spawn{ options = { immediate = true }, inline_states = { a = {
    go = function(ctx)
      kernel:yield("before")
      ctx.machine:stop()
      kernel:call(ctx.machine, "poe_nfa_stop")
      kernel:yield("after")
      log("go", ctx.machine:is_alive())
    end,
    before = function() log("before") end,
    after = case.expect(0),
  } } }
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("go:true before") end)
end)

t.case("N18 stop ends a machine that is in no state, and one with a wheel", function(case)
  spawn{ a = {} }:stop()
  local near, _, far = poe.pipe.TwoWay.new("socketpair")
  local m = spawn{ a = { setup = function()
    poe.wheel.ReadWrite.new{ handle = near, input_event = "line" }
  end, line = nothing } }
  m:goto_state("a", "setup")
  m:stop()
  case.after(function() t.is(near:is_open(), false) far:close() end)
end, { clock = "real" })

t.case("N19 a machine without work stops by itself", function(case)
  local log = t.log()
  poe.Session.create{ inline_states = {
    _start = function()
      spawn{ a = {} }
      spawn{ a = { setup = function() kernel:delay("x", 5) end, x = nothing } }:goto_state("a", "setup")
    end,
    _child = function(_, what, child) if what == "lose" then log(child:id(), kernel:get_event_count()) end end,
  } }
  case.after(function() log:is("2:1 3:0") end)
end)

t.case("N20 a machine is the parent of what its handlers create; _child goes to the current state", function(case)
  local log = t.log()
  local m = spawn{
    a = {
      setup = function(ctx)
        poe.Session.create{ inline_states = {
          _start = function(ctx) log("sender", tostring(ctx.sender)) kernel:yield("x") return "born" end,
          x = nothing,
          _stop = function() return "dead" end,
        } }
        ctx.machine:goto_state("b")
      end,
      _child = function(ctx, what, child, value) log(ctx.state, what, child:id(), value, ctx.event) end,
    },
    b = { _child = function(ctx, what, child, value) log(ctx.state, what, child:id(), value) end },
  }
  m:goto_state("a", "setup")
  case.after(function() log:is("sender:poe.NFA(1) a:create:2:born:_child b:lose:2:dead") end)
end)

t.case("N20 _child and _parent that nobody handles are dropped, or go to _default", function(case)
  local log = t.log()
  spawn{ a = { setup = function()
    poe.Session.create{ inline_states = { _start = nothing } }
  end } }:goto_state("a", "setup")
  spawn{ a = { setup = function()
    poe.Session.create{ inline_states = { _start = nothing } }
  end, _default = function(_, event, args) log(event, args[1]) end } }:goto_state("a", "setup")
  case.after(function() log:is("_child:create _child:lose") end)
end)

t.case("N20 a machine hears of a new parent", function(case)
  local log = t.log()
  poe.Session.create{ inline_states = { _start = function(ctx)
    local m = spawn{ a = {
      setup = function() kernel:delay("x", 1) end, x = nothing,
      _parent = function(ctx, old, new) log(tostring(old), new == kernel, ctx.event) end,
    } }
    m:goto_state("a", "setup")
    kernel:detach_child(m)
  end } }
  case.after(function() log:is("poe.Session(1):true:_parent") end)
end)

t.case("N23 the tables given to spawn are left alone; two machines of one table", function(case)
  local log = t.log()
  local x = function(ctx) log(ctx.runstate.name, ctx.state) end
  local object = { y = nothing }
  local states = { a = { x = x, _start = nothing }, b = { x = x } }
  local objects = { b = { object, { "y" } }, c = { object, { z = "y" } } }
  local params = { inline_states = states, object_states = objects, options = { immediate = true } }
  local machines = {}
  for i, name in ipairs{ "one", "two", "three" } do
    params.runstate = { name = name }
    machines[i] = poe.NFA.spawn(params)
  end
  t.same(states, { a = { x = x, _start = nothing }, b = { x = x } })
  t.same(objects, { b = { object, { "y" } }, c = { object, { z = "y" } } })
  machines[1]:goto_state("a")
  machines[2]:goto_state("b")
  machines[3]:goto_state("a")
  for _, m in ipairs(machines) do kernel:post(m, "x") end
  case.after(function() log:is("one:a two:b three:a") end)
end)

t.case("N23 object states of one machine are nobody else's", function(case)
  local log = t.log()
  local states = { a = { x = function(ctx) log(ctx.runstate) end, _default = function(_, event) log(event) end } }
  local object = { y = function(_, ctx) log(ctx.runstate, "y") end }
  local plain = poe.NFA.spawn{ inline_states = states, runstate = "plain" }
  local more = poe.NFA.spawn{ inline_states = states, object_states = { a = { object, { "y" } } }, runstate = "more" }
  for _, m in ipairs{ plain, more } do
    m:goto_state("a")
    kernel:post(m, "x")
    kernel:post(m, "y")
  end
  case.after(function() log:is("plain y more more:y") end)
end)

t.case("N23 changes to a table after spawn concern the next machine only", function(case)
  local log = t.log()
  local states = { a = { x = function() log("old") end }, b = {} }
  local one, again = spawn(states), spawn(states)
  states.a.x = function() log("new") end
  states.b = nil
  states.c = { x = function() log("c") end }
  local two = spawn(states)
  for _, m in ipairs{ one, again, two } do
    m:goto_state("a")
    kernel:post(m, "x")
  end
  two:goto_state("c")
  kernel:post(two, "x")
  one:goto_state("b")
  case.after(function() log:is("old old new c") end)
end)

t.case("N25 the runstate that was given is used, whatever it is", function(case)
  local store = {}
  for _, value in ipairs{ store, 5, "text", false } do
    local m = poe.NFA.spawn{ runstate = value, inline_states = { a = { x = case.expect(1, function(ctx)
      t.is(ctx.runstate, value)
      t.is(ctx.heap, value)
    end) } } }
    t.is(m:get_runstate(), value)
    m:goto_state("a", "x")
  end
  local one, two = spawn{ a = {} }, spawn{ a = {} }
  t.is(type(one:get_runstate()), "table")
  t.truthy(one:get_runstate() ~= two:get_runstate(), "tables of their own")
  t.is(one:get_runstate(), one:get_heap())
end)

t.case("N26 a postback keeps the machine and goes to the state it is in then", function(case)
  local log = t.log()
  local back
  local m = spawn{
    a = { setup = function(ctx)
      back = ctx.machine:postback("done", 1)
      ctx.machine:goto_state("b")
    end },
    b = { done = function(ctx, given, called)
      log(ctx.state, given[1], called[1])
      back:release()
    end },
  }
  m:goto_state("a", "setup")
  poe.Session.create{ inline_states = {
    _start = function() kernel:delay("late", 10) end,
    late = function() log("alive", m:is_alive()) t.success(back(2)) end,
  } }
  case.after(function() log:is("alive:true b:1:2") t.is(m:is_alive(), false) end)
end)

t.case("N26 a callback, too, and it gives what the handler returns", function(case)
  local m = spawn{ a = { x = function(_, _, called) return called[1], "y" end } }
  m:goto_state("a")
  local back = m:callback("x")
  poe.Session.create{ inline_states = {
    _start = function() kernel:delay("late", 10) end,
    late = case.expect(1, function()
      t.is(m:is_alive(), true)
      t.same({ back(3) }, { 3, "y" })
      back:release()
    end),
  } }
end)

t.case("N27 a post of poe_nfa_stop stops a machine", function(case)
  local m = spawn{ a = { setup = function() kernel:alias_set("gate") end, _default = case.expect(0) } }
  m:goto_state("a", "setup")
  t.success(kernel:post(m, "poe_nfa_stop"))
  case.after(function() t.is(m:is_alive(), false) t.is(kernel:alias_resolve("gate"), nil) end)
end)

t.case("N27 so does a timer", function(case)
  local m = spawn{ a = { setup = function()
    kernel:alias_set("gate")
    kernel:delay("poe_nfa_stop", 10)
    kernel:delay("before", 9)
    kernel:delay("after", 11)
  end, before = case.expect(1), after = case.expect(0) } }
  m:goto_state("a", "setup")
end)

t.case("a machine has the methods of a session", function()
  local m = spawn{ a = { setup = function() kernel:alias_set("gate") end } }
  m:goto_state("a", "setup")
  t.is(m:id(), 1)
  t.is(m:is_alive(), true)
  t.same(m:wheels(), {})
  t.is(m:wheel(1), nil)
  t.is(m:option("colour", "red"), nil)
  t.is(m:option("colour"), "red")
  t.is(tostring(m), "poe.NFA(1 gate)")
  t.is(kernel:alias_resolve("gate"), m)
  t.is(kernel:id_to_session(1), m)
  t.is(getmetatable(m), "poe.NFA")
  m.note = "a field of its own"
  t.is(m.note, "a field of its own")
  t.is(m:get_current_state(), "a")
  t.is(spawn{ a = {} }.note, nil)
end)

t.case("a subclass has methods of its own", function()
  local Door = setmetatable({}, { __index = poe.NFA })
  Door.__index = Door
  function Door:open() return self:goto_state("open") end
  local m = Door:spawn{ inline_states = { open = {} } }
  t.success(m:open())
  t.is(m:get_current_state(), "open")
  t.is(tostring(m), "poe.NFA(1)")
  m.colour = "red"
  t.is(m.colour, "red")
  t.is(poe.NFA:spawn{ inline_states = {} }.open, nil)
  t.fails(function() Door.spawn{ states = {} } end, "unknown parameter 'states'")
  t.fails(function() Door:spawn{ states = {} } end, "unknown parameter 'states'")
  t.fails(function() poe.Session.invoke(m, {}, "x") end, "'invoke' must be called while the session handles an event")
  t.fails(function() poe.Session.try_alloc(m) end, "try_alloc")
end)

t.case("option trace shows the events of a machine and its states", function()
  local m = poe.NFA.spawn{ options = { trace = true }, inline_states = { a = { _default = nothing } } }
  m:goto_state("a")
  kernel:post(m, "lost_event")
end, { stderr = { "1 -> poe_nfa_goto_state", "1 -> lost_event", "lost_event redirected to _default in state 'a'" } })

t.case("option debug warns of a handler that is given twice", function()
  local object = { twice = nothing, once = nothing }
  local m = poe.NFA.spawn{
    options = { debug = true },
    inline_states = { a = { twice = nothing, setup = function()
      kernel:state("again", nothing)
      kernel:state("again", nothing)
      kernel:state("setup", nothing)
    end }, b = { once = nothing } },
    object_states = { a = { object, { "twice", "once" } } },
  }
  m:goto_state("a", "setup")
end, { stderr = { "'twice'", "'again' of session 1" }, no_stderr = { "'once'", "'setup'" } })

t.case("option default warns of what is dropped", function()
  local m = poe.NFA.spawn{ options = { default = true }, inline_states = { a = {} } }
  m:goto_state("a")
  kernel:post(m, "_odd")
  kernel:post(m, "_child")
end, { stderr = { "'_odd'" }, no_stderr = { "'_child'" } })

t.case("many machines of one table", function(case)
  local n = 0
  local states = {
    a = { go = function(ctx) ctx.machine:goto_state("b", "enter") end },
    b = {
      enter = function(ctx) n = n + 1 ctx.machine:call_state("back", "c", "enter") end,
      back = function() n = n + 1 end,
    },
    c = { enter = function(ctx) ctx.machine:return_state() end },
  }
  for _ = 1, 500 do
    local m = spawn(states)
    m:goto_state("a")
    kernel:post(m, "go")
  end
  case.after(function() t.is(n, 1000) end)
end)
