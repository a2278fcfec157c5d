-- Hello, world once more: the same count to ten, without the ceremony.

local poe = require "poe"

-- Handlers may be written where they are named. There is no _stop, since there
-- is nothing to clean up, and nothing is kept in the heap: the number travels
-- with the event, and what follows ctx in a handler is what was sent.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("count", 1)
    end,

    count = function(ctx, n)
      print("count " .. n)
      if n < 10 then ctx.kernel:yield("count", n + 1) end
    end,
  },
}

-- And no kernel:run(): poelua runs the kernel itself once this file is through.
