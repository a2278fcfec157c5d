-- Moves of a state machine (N1 to N3, N6 to N12, N21).
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

local function nothing() end

local function pack(...) return { n = select("#", ...), ... } end

-- spawn makes a machine of functions; rest are other parameters.
local function spawn(states, rest)
  local params = { inline_states = states }
  for key, value in pairs(rest or {}) do params[key] = value end
  return poe.NFA.spawn(params)
end

-- catch makes the handler of DIE that a state needs for the errors of its machine: it logs and goes on.
local function catch(log)
  return function(_, _, info)
    kernel:sig_handled()
    log(info.event, info.error_str)
  end
end

-- watched puts catch into every state and has the machine watch DIE from the first one's setup on.
local function watched(log, states)
  for _, state in pairs(states) do state.died = catch(log) end
  states.setup = { setup = function() kernel:sig("DIE", "died") end, died = catch(log) }
  local m = spawn(states)
  m:goto_state("setup", "setup")
  return m
end

t.case("N1 the first goto_state runs the entry event before it returns, nils kept", function(case)
  local got
  local m = spawn{ a = { enter = case.expect(1, function(ctx, ...)
    t.is(ctx.machine:get_current_state(), "a")
    got = pack(...)
  end) } }
  t.is(m:get_current_state(), nil)
  t.success(m:goto_state("a", "enter", 1, nil, "x", nil))
  t.same(got, { n = 4, 1, nil, "x" })
  t.is(m:get_current_state(), "a")
end)

t.case("N1 so does the first call_state", function(case)
  local m = spawn{ a = { enter = case.expect(1, function(_, ...) t.same(pack(...), { n = 1, 5 }) end) } }
  t.success(m:call_state("back", "a", "enter", 5))
  t.is(m:get_current_state(), "a")
end)

t.case("N1 a move without an entry event", function()
  local m = spawn{ a = {} }
  t.success(m:goto_state("a"))
  t.is(m:get_current_state(), "a")
end)

t.case("N1 the sender of the entry event is the machine, its place that of the move", function(case)
  local line
  local m
  m = spawn{ a = { enter = case.expect(1, function(ctx)
    t.is(ctx.sender, m)
    t.is(ctx.caller_line, line)
  end) } }
  line = debug.getinfo(1, "l").currentline + 1
  m:goto_state("a", "enter")
end)

t.case("N2 a later move takes effect after the handler and after what was posted before it", function(case)
  local log = t.log()
  local m = spawn{
    a = {
      go = function(ctx)
        kernel:yield("before")
        t.success(ctx.machine:goto_state("b", "enter"))
        kernel:yield("after")
        log("go", ctx.machine:get_current_state(), ctx.state)
      end,
      before = function(ctx) log("before", ctx.state) end,
      after = function() log("wrong") end,
    },
    b = {
      enter = function(ctx) log("enter", ctx.state) end,
      after = function(ctx) log("after", ctx.state) end,
    },
  }
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("go:a:a before:a enter:b after:b") end)
end)

t.case("N2 several moves that a handler asks for are done one after another", function(case)
  local log = t.log()
  local m = spawn{
    a = {
      go = function(ctx)
        ctx.machine:goto_state("b", "enter")
        ctx.machine:goto_state("c", "enter")
        ctx.machine:goto_state("a", "enter")
      end,
      enter = function(ctx) log(ctx.state) end,
    },
    b = { enter = function(ctx) log(ctx.state) end },
    c = { enter = function(ctx) log(ctx.state) end },
  }
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("b c a") end)
end)

t.case("N3 an event posted before the move goes to the old state, one posted after it to the new", function(case)
  local log = t.log()
  local m = spawn{
    a = { x = function(_, n) log("a", n) end },
    b = { x = function(_, n) log("b", n) end },
  }
  m:goto_state("a")
  kernel:post(m, "x", 1)
  m:goto_state("b")
  kernel:post(m, "x", 2)
  case.after(function() log:is("a:1 b:2") end)
end)

t.case("N3 another session moves the machine by posting, as by the method", function(case)
  local log = t.log()
  local m = spawn{
    a = {
      enter = function(_, ...) log("a", ...) end,
      back = function(_, ...) log("back", ...) end,
      leave = function() log("leave") end,
    },
    b = { enter = function(_, ...) log("b", ...) end },
  }
  kernel:post(m, "poe_nfa_goto_state", "a", "enter", 1)
  kernel:post(m, "poe_nfa_push_state", "back", "b", "enter", 2, nil)
  kernel:post(m, "poe_nfa_pop_state", 3)
  case.after(function() log:is("a:1 leave b:2:nil back:3") end)
end)

t.case("N6 leave runs in the old state, before the entry event", function(case)
  local log = t.log()
  local m = spawn{
    a = { leave = function(ctx, ...)
      log("leave", ctx.state, ctx.event, select("#", ...), ctx.machine:get_current_state())
    end },
    b = { enter = function(ctx) log("enter", ctx.state, ctx.event) end },
  }
  m:goto_state("a")
  m:goto_state("b", "enter")
  case.after(function() log:is("leave:a:leave:0:a enter:b:enter") end)
end)

t.case("N6 also on the way to the same state", function(case)
  local log = t.log()
  local m = spawn{ a = { leave = function() log("leave") end, enter = function() log("enter") end } }
  m:goto_state("a", "enter")
  m:goto_state("a", "enter")
  case.after(function() log:is("enter leave enter") end)
end)

t.case("N6 leave can be the method of an object", function(case)
  local log = t.log()
  local door = { leave = function(self, ctx) log(self.name, ctx.object == self) end, name = "door" }
  local m = poe.NFA.spawn{ object_states = { a = { door, { "leave" } } }, inline_states = { b = {} } }
  m:goto_state("a")
  m:goto_state("b")
  case.after(function() log:is("door:true") end)
end)

t.case("N6 an event called leave is an ordinary one, too", function(case)
  local m = spawn{ a = { leave = case.expect(1) } }
  m:goto_state("a")
  kernel:post(m, "leave")
end)

t.case("N7 immediate: the move is done within the call", function(case)
  local log = t.log()
  local m = spawn({
    a = {
      go = function(ctx)
        t.success(ctx.machine:goto_state("b", "enter", 1))
        log("go", ctx.machine:get_current_state(), ctx.event)
      end,
      leave = function() log("leave") end,
    },
    b = { enter = function(ctx, n) log("enter", n, ctx.state) end },
  }, { options = { immediate = true } })
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("leave enter:1:b go:b:go") end)
end)

t.case("N7 immediate: call_state and return_state, too; the handler goes on where it was", function(case)
  local log = t.log()
  local m = spawn({
    a = {
      go = function(ctx)
        ctx.machine:call_state("back", "b", "enter")
        log("go", ctx.machine:get_current_state())
        ctx.machine:return_state(7)
        log("gone", ctx.machine:get_current_state())
      end,
      back = function(_, n) log("back", n) end,
    },
    b = { enter = function() log("enter") end },
  }, { options = { immediate = true } })
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("enter go:b back:7 gone:a") end)
end)

t.case("N7 immediate: a move that fails raises in the machine's own handler", function(case)
  local m = spawn({
    a = { go = case.expect(1, function(ctx)
      t.fails(function() ctx.machine:goto_state("none") end, "^session 1 has no state 'none'$")
      t.fails(function() ctx.machine:return_state() end, "^session 1 has no state to return to$")
      t.is(ctx.machine:get_current_state(), "a")
      t.is(ctx.event, "go")
    end) },
  }, { options = { immediate = true } })
  m:goto_state("a")
  kernel:post(m, "go")
end)

t.case("N7 immediate: moves within moves", function(case)
  local log = t.log()
  local m = spawn({
    a = { go = function(ctx) ctx.machine:goto_state("b", "enter") log("at", ctx.state) end },
    b = {
      enter = function(ctx) ctx.machine:goto_state("c", "enter") log("b", ctx.state) end,
      leave = function() log("leave") end,
    },
    c = { enter = function(ctx) log("c", ctx.state) end },
  }, { options = { immediate = true } })
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("leave c:c b:c at:c") end)
end)

t.case("N7 immediate: states that enter each other for ever are an error, and no more", function(case)
  local m = spawn({
    a = { enter = function(ctx) ctx.machine:goto_state("b", "enter") end },
    b = { enter = function(ctx) ctx.machine:goto_state("a", "enter") end },
  }, { options = { immediate = true } })
  m:goto_state("a", "enter")
  case.run_error("stack overflow")
end)

t.case("N8 return_state goes back, and return_event gets its arguments", function(case)
  local log = t.log()
  local m = spawn{
    a = {
      go = function(ctx) t.success(ctx.machine:call_state("back", "b", "enter", "in", nil)) end,
      back = function(ctx, ...) log("back", ctx.state, ctx.event, ...) end,
    },
    b = {
      enter = function(ctx, ...)
        log("enter", ctx.state, ...)
        t.success(ctx.machine:return_state("out", nil))
      end,
      leave = function() log("leave") end,
    },
  }
  m:goto_state("a")
  kernel:post(m, "go")
  case.after(function() log:is("enter:b:in:nil leave back:a:back:out:nil") end)
end)

t.case("N9 calls two deep unwind in order", function(case)
  local log = t.log()
  local function step(name, to)
    return {
      enter = function(ctx)
        log("enter", name)
        if to then ctx.machine:call_state("back", to, "enter") else ctx.machine:return_state(1) end
      end,
      back = function(ctx, n)
        log("back", name, n)
        if name ~= "a" then ctx.machine:return_state(n + 1) end
      end,
    }
  end
  local m = spawn{ a = step("a", "b"), b = step("b", "c"), c = step("c") }
  m:goto_state("a", "enter")
  case.after(function() log:is("enter:a enter:b enter:c back:b:1 back:a:2") end)
end)

t.case("N9 a goto_state in a called state leaves the stack as it is", function(case)
  local log = t.log()
  local m = spawn{
    a = { back = function(ctx) log("back", ctx.state) end },
    b = {}, c = {},
  }
  m:goto_state("a")
  m:call_state("back", "b")
  m:goto_state("c")
  m:return_state()
  case.after(function() log:is("back:a") end)
end)

t.case("N9 calls a thousand deep", function(case)
  local n = 0
  local m = spawn{ a = {
    enter = function(ctx, depth)
      if depth < 1000 then ctx.machine:call_state("back", "a", "enter", depth + 1) else ctx.machine:return_state() end
    end,
    back = function(ctx)
      n = n + 1
      if n < 1000 then ctx.machine:return_state() end
    end,
  } }
  m:goto_state("a", "enter", 0)
  case.after(function() t.is(n, 1000) end)
end)

t.case("N10 return_state with no return event only moves", function(case)
  local log = t.log()
  local m = spawn{
    a = { check = function(ctx) log("a", ctx.state) end, _default = function(_, event) log("default", event) end },
    b = { check = function(ctx) log("b", ctx.state) end },
  }
  m:goto_state("a")
  m:call_state(nil, "b")
  kernel:post(m, "check")
  m:return_state("ignored")
  kernel:post(m, "check")
  case.after(function() log:is("b:b a:a") end)
end)

t.case("N11 return_state with nowhere to return to is an error of its event", function(case)
  local log = t.log()
  local m = watched(log, { a = {} })
  t.success(m:return_state())
  case.after(function() log:is("poe_nfa_pop_state:session 1 has no state to return to") end)
end)

t.case("N11 so it is in no state", function(case)
  t.success(spawn{ a = {} }:return_state())
  case.run_error("^session 1 has no state to return to$")
end)

t.case("N11 and after a first call_state", function(case)
  local m = spawn{ a = {} }
  m:call_state("back", "a")
  m:return_state()
  case.run_error("^session 1 has no state to return to$")
end)

t.case("N12 a state that does not exist: an error, and the machine stays", function(case)
  local log = t.log()
  local m = watched(log, { a = { leave = case.expect(0), stay = case.expect(1) } })
  m:goto_state("a")
  m:goto_state("none", "enter")
  kernel:post(m, "stay")
  case.after(function() log:is("poe_nfa_goto_state:session 1 has no state 'none'") end)
end)

t.case("N12 an entry event that the state has no handler for, also with a _default", function(case)
  local log = t.log()
  local m = watched(log, {
    a = { leave = case.expect(0), stay = case.expect(1) },
    b = { _default = case.expect(0), died = nothing },
  })
  m:goto_state("a")
  m:goto_state("b", "enter")
  kernel:post(m, "stay")
  case.after(function() log:is("poe_nfa_goto_state:session 1 has no handler for entry event 'enter' in state 'b'") end)
end)

t.case("N12 a call_state that fails leaves nothing to return to", function(case)
  local log = t.log()
  local m = watched(log, { a = {} })
  m:goto_state("a")
  m:call_state("back", "none")
  m:return_state()
  case.after(function()
    log:is("poe_nfa_push_state:session 1 has no state 'none' poe_nfa_pop_state:session 1 has no state to return to")
  end)
end)

t.case("N12 a return_state that fails can be done again", function(case)
  local log = t.log()
  local m = watched(log, { a = {}, b = { stay = case.expect(1) } })
  m:goto_state("a")
  m:call_state("back", "b")
  m:return_state()
  kernel:post(m, "stay")
  m:return_state()
  case.after(function()
    local failed = "poe_nfa_pop_state:session 1 has no handler for entry event 'back' in state 'a'"
    log:is(failed .. " " .. failed)
  end)
end)

t.case("N12 posted moves with arguments of the wrong type are errors like these", function(case)
  local log = t.log()
  local m = watched(log, { a = {} })
  kernel:post(m, "poe_nfa_goto_state")
  kernel:post(m, "poe_nfa_goto_state", 7)
  kernel:post(m, "poe_nfa_goto_state", {}, {})
  kernel:post(m, "poe_nfa_goto_state", "a", 7)
  kernel:post(m, "poe_nfa_push_state", {})
  kernel:post(m, "poe_nfa_elsewhere")
  case.after(function()
    t.same({ unpack(log) }, {
      "poe_nfa_goto_state:session 1 has no state 'nil'",
      "poe_nfa_goto_state:session 1 has no state '7'",
      "poe_nfa_goto_state:session 1 has no state '{}'",
      "poe_nfa_goto_state:session 1 has no handler for entry event '7' in state 'a'",
      "poe_nfa_push_state:session 1 has no state 'nil'",
      "poe_nfa_elsewhere:no handler for event 'poe_nfa_elsewhere' in state 'setup' of session 1",
    })
  end)
end)

t.case("N12 an error in leave leaves the machine in the old state, one in an entry handler in the new", function(case)
  local log = t.log()
  local fail = true
  local m = watched(log, {
    a = { leave = function() if fail then error("leave", 0) end end },
    b = { enter = function() error("enter", 0) end },
  })
  m:goto_state("a")
  m:goto_state("b", "enter")
  local checks = poe.Session.create{ inline_states = {
    _start = nothing,
    check = function() log(m:get_current_state()) fail = false end,
  } }
  kernel:post(checks, "check")
  m:goto_state("b", "enter")
  kernel:post(checks, "check")
  case.after(function() log:is("a b poe_nfa_goto_state:leave poe_nfa_goto_state:enter") end)
end)

t.case("N21 immediate can be switched at run time", function(case)
  local log = t.log()
  local m = spawn{
    a = { go = function(ctx, on)
      t.is(ctx.machine:option("immediate", on), nil)
      ctx.machine:goto_state("b")
      log(ctx.machine:get_current_state())
      ctx.machine:option("immediate", false)
      ctx.machine:goto_state("a")
      log(ctx.machine:get_current_state())
    end },
    b = {},
  }
  m:goto_state("a")
  kernel:post(m, "go", "yes")
  case.after(function() log:is("b b") t.is(m:get_current_state(), "a") end)
end)

t.case("a handler that stops everything in leave ends the move", function(case)
  local m = spawn{
    a = { leave = function() kernel:stop() end },
    b = { enter = case.expect(0) },
  }
  m:goto_state("a")
  m:goto_state("b", "enter")
  case.after(function() t.is(m:get_current_state(), "a") end)
end)

t.case("methods of a machine that has stopped say so", function(case)
  local m = spawn{ a = {} }
  m:goto_state("a")
  case.after(function()
    t.failure("ESRCH", m:goto_state("a"))
    t.failure("ESRCH", m:call_state(nil, "a"))
    t.failure("ESRCH", m:return_state())
    t.failure("ESRCH", m:stop())
    t.is(m:get_current_state(), "a")
    t.is(m:id(), 1)
    t.is(m:is_alive(), false)
  end)
end)

t.case("wrong arguments raise at the caller", function()
  local m = spawn{ a = {} }
  t.fails(function() m:goto_state() end,
    "moving.lua:%d+: bad argument #1 to 'goto_state' %(string expected, got no value%)")
  t.fails(function() m:goto_state("a", 5) end, "bad argument #2 to 'goto_state' %(string expected, got number%)")
  t.fails(function() m:call_state({}, "a") end, "bad argument #1 to 'call_state' %(string expected, got table%)")
  t.fails(function() m:call_state(nil) end, "bad argument #2 to 'call_state'")
  t.fails(function() m:call_state(nil, "a", true) end, "bad argument #3 to 'call_state'")
  t.fails(function() m.goto_state("a") end, "calling 'goto_state' on a bad self %(use machine:goto_state%)")
  t.fails(function() m.stop({}) end, "calling 'stop' on a bad self")
  local session = poe.Session.create{ inline_states = { _start = nothing } }
  t.fails(function() m.get_current_state(session) end, "calling 'get_current_state' on a bad self")
  t.fails(function() m.get_runstate(kernel) end, "calling 'get_runstate' on a bad self")
  t.is(m:get_current_state(), nil)
end)
