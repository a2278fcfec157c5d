-- A traffic light: a machine, in each of whose states the same events mean something else.

local poe = require "poe"

-- go counts a tick and moves on when enough of them have passed.
local function go(ctx, ticks, state, ...)
  ctx.runstate.passed = ctx.runstate.passed + 1
  if ctx.runstate.passed == ticks then ctx.machine:goto_state(state, ...) end
end

-- show begins a state: every entry event here does this.
local function show(ctx, what)
  print("  " .. (what or ctx.state))
  ctx.runstate.passed = 0
end

-- A machine is a session with a table of handlers for each of its states. An
-- event goes to the state that the machine is in when it arrives.
local light = poe.NFA.spawn {
  inline_states = {
    -- Names of events are free here as elsewhere; which one a state begins
    -- with is for goto_state to say. ctx.runstate is the machine's heap.
    off = {
      switch_on = function(ctx)
        -- Between two ticks nothing is left to do. A name keeps it alive.
        ctx.kernel:alias_set("light")
        ctx.machine:goto_state("green", "enter")
      end,
    },

    green = {
      enter = show,

      tick = function(ctx) go(ctx, 4, "yellow", "enter", "red") end,

      -- Somebody wants to cross. A move is posted: the machine is in its new
      -- state when the events before it are through, not in this handler.
      button = function(ctx)
        ctx.machine:goto_state("yellow", "enter", "red")
        print("  (button: soon, it is still " .. ctx.machine:get_current_state() .. ")")
      end,
    },

    yellow = {
      -- What goto_state is given after the entry event are its arguments.
      enter = function(ctx, after)
        show(ctx)
        ctx.runstate.after = after
      end,

      tick = function(ctx) go(ctx, 1, ctx.runstate.after, "enter") end,
      button = function() print("  (button: too late to matter)") end,
    },

    red = {
      enter = function(ctx) show(ctx, "red: walk") end,
      tick = function(ctx) go(ctx, 3, "yellow", "enter", "green") end,
      button = function() print("  (button: it is your turn already)") end,

      -- A state's goodbye. Every move out of it calls this, wherever it goes.
      leave = function() print("  stop walking") end,
    },
  },
}

-- A new machine is in no state. The first move is made at once.
print("switched on")
light:goto_state("off", "switch_on")

-- The clock, and the hand at the button. It knows nothing of states.
local pushes = { [2] = true, [3] = true, [5] = true, [9] = true }

poe.Session.create {
  inline_states = {
    _start = function(ctx) ctx.kernel:yield("tick", 1) end,

    tick = function(ctx, n)
      print("tick " .. n)
      if pushes[n] then ctx.kernel:post("light", "button") end
      ctx.kernel:post("light", "tick")
      if n < 13 then ctx.kernel:delay("tick", 0.005, n + 1) end
    end,
  },
}
