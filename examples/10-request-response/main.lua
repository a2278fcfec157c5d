-- Request and response: the sender of an event is the address of the answer.

local poe = require "poe"

-- The service does not know its clients. Who asks names the event that shall
-- bring the answer, and ctx.sender is the session that asked. A service that
-- posts its answers can serve anybody, even two clients with other names for
-- the same thing.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:alias_set("calculator")
    end,

    add = function(ctx, answer, a, b)
      ctx.kernel:post(ctx.sender, answer, a + b)
    end,

    divide = function(ctx, answer, a, b)
      -- A refusal is an answer, too. Silence would leave the client waiting.
      if b == 0 then
        ctx.kernel:post(ctx.sender, answer, nil, "division by zero")
      else
        ctx.kernel:post(ctx.sender, answer, a / b)
      end
    end,
  },
}

-- This client's answers may come in any order that the service likes; it tells
-- them apart by the event that brings them.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:post("calculator", "add", "got_sum", 2, 3)
      ctx.kernel:post("calculator", "divide", "got_share", 12, 4)
      print("ann has asked, and may do something else now")
    end,

    got_sum = function(_, sum)
      print("ann: 2 + 3 = " .. sum)
    end,

    got_share = function(_, share)
      print("ann: 12 / 4 = " .. share)
    end,
  },
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:post("calculator", "divide", "result", 1, 0)
    end,

    result = function(_, value, message)
      print("bob: 1 / 0 = " .. (value or "nothing, " .. message))
    end,
  },
}
