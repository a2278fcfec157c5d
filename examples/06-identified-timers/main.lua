-- Timers known by an ID: many of one name, each moved or removed on its own.

local poe = require "poe"

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      local kernel = ctx.kernel

      -- delay_set and alarm_set return an ID that is never used again. Four
      -- timers share the event's name here, and that is no problem.
      local tea = kernel:delay_set("ring", 0.02, "tea")
      local cake = kernel:delay_set("ring", 0.04, "cake")
      kernel:delay_set("ring", 0.06, "guests")
      local door = kernel:alarm_set("ring", poe.time() + 0.12, "door")

      -- alarm_adjust moves a timer from where it is, here to 0.1 s earlier;
      -- delay_adjust counts from now, wherever it was.
      kernel:alarm_adjust(door, -0.1)
      kernel:delay_adjust(tea, 0.1)

      -- What is removed comes back: event, time, and the arguments with their
      -- count in n. So it could be set again later.
      local name, time, args = kernel:alarm_remove(cake)
      print("removed " .. name .. " for " .. args[1])
      print("in time: " .. tostring(time > poe.time()))

      -- The ID is used up now. A look-up that fails does not raise an error,
      -- it returns nil, a message for people, and a code for programs.
      local again, _, code = kernel:alarm_remove(cake)
      print("again: " .. tostring(again) .. ", not there: " .. tostring(code == poe.errno.ESRCH))
    end,

    ring = function(ctx, what)
      print("ring for " .. what)
      if what == "tea" then ctx.kernel:yield("leave") end
    end,

    -- alarm_remove_all gives up everything that this session still waits for
    -- and lists it, the earliest first.
    leave = function(ctx)
      ctx.kernel:delay_set("ring", 30, "dinner")
      ctx.kernel:delay_set("ring", 20, "drinks")
      for _, timer in ipairs(ctx.kernel:alarm_remove_all()) do
        print("no " .. timer.args[1] .. " tonight")
      end
    end,

    _stop = function()
      print("gone")
    end,
  },
}
