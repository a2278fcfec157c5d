-- Counting in one session: two loops take turns, because each turn is an event.

local poe = require "poe"

-- `arg` holds what the command line gave after the script's name.
local limit = tonumber(arg[1]) or 3

poe.Session.create {
  -- What `args` lists is given to _start. A session that gets its settings
  -- this way can be made twice with different ones.
  args = { limit },

  inline_states = {
    _start = function(ctx, last)
      ctx.heap.last = last
      ctx.heap.turns = 0

      -- Both events go to the end of the queue, in this order.
      ctx.kernel:yield("up", 1)
      ctx.kernel:yield("down", last)
      print("both loops wait")
    end,

    -- Each turn queues the next one behind whatever waits already, so the
    -- other loop comes first. Nobody arranged that; the queue is fair.
    up = function(ctx, n)
      print("up   " .. n)
      ctx.heap.turns = ctx.heap.turns + 1
      if n < ctx.heap.last then ctx.kernel:yield("up", n + 1) end
    end,

    -- What a loop needs for itself travels in its events (n), what both need
    -- is in the heap (turns). No lock guards it: a handler is never interrupted.
    down = function(ctx, n)
      print("down " .. n)
      ctx.heap.turns = ctx.heap.turns + 1
      if n > 1 then ctx.kernel:yield("down", n - 1) end
    end,

    _stop = function(ctx)
      print(ctx.heap.turns .. " turns")
    end,
  },
}
