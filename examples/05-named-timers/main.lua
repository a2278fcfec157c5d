-- Timers known by their event's name: set, replaced, added to, cleared.

local poe = require "poe"

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      local kernel = ctx.kernel

      -- A timer is an event for later. delay counts from now, alarm takes the
      -- time of day. Both return at once; what follows an event's time is sent
      -- along with it.
      kernel:delay("toast", 0.02, "light")
      kernel:alarm("eggs", poe.time() + 0.08, 2)

      -- One name, one timer: setting it again takes the place of the first.
      -- With _add there is one more of the name.
      kernel:delay("toast", 0.04, "brown")
      kernel:delay_add("toast", 0.06, "black")

      -- A name without a time clears all timers of that name, and only those.
      kernel:delay("phone", 0.02)
      kernel:delay_add("phone", 0.04)
      kernel:delay("phone")
    end,

    toast = function(_, colour)
      print("the toast is " .. colour)
    end,

    phone = function()
      print("this is never printed")
    end,

    eggs = function(ctx, count)
      print(count .. " eggs are ready")
      ctx.kernel:yield("typed", "h")
    end,

    -- What replacing is good for: every key puts the end of patience off, so
    -- that it comes 50 ms after the last key and not after the first.
    typed = function(ctx, text)
      print("typed " .. text)
      ctx.kernel:delay("tired", 0.05)
      if #text < 4 then ctx.kernel:delay("typed", 0.02, text .. "m") end
    end,

    tired = function()
      print("no more keys")
    end,

    -- Pending timers keep a session alive. After the last one it stops.
    _stop = function()
      print("no more timers")
    end,
  },
}
