-- A clock that does not drift: each alarm is set from the last one's due time.

local poe = require "poe"

local period = 0.02

-- Stands for real work: it takes 5 ms of every turn.
local function work()
  local done = poe.time() + 0.005
  while poe.time() < done do end
end

-- Timers do not repeat by themselves, so each tick asks for the next. This clock
-- asks for "20 ms after this one was due". However late it is served, the next is
-- due on time; and an alarm that is set into the past is served at once, so
-- even ticks that were missed come, one after the other.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.due = poe.time() + period
      ctx.kernel:alarm("tick", ctx.heap.due, 1)
    end,

    tick = function(ctx, n)
      work()
      print("tick " .. n)
      if n < 6 then
        ctx.heap.due = ctx.heap.due + period
        ctx.kernel:alarm("tick", ctx.heap.due, n + 1)
      end
    end,

    _stop = function()
      print("the steady clock is through")
    end,
  },
}

-- This one says "20 ms from now", and now is later every time: each turn is
-- longer by its own work and by all that was served before it.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:delay("tick", period, 1)
    end,

    tick = function(ctx, n)
      work()
      if n < 6 then ctx.kernel:delay("tick", period, n + 1) end
    end,

    _stop = function()
      print("the drifting clock is through")
    end,
  },
}
