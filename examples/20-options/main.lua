-- Session options: watch a session's events, find misspelt names, keep settings.

local poe = require "poe"

-- A name as a user might give it. It is a letter off, so nothing handles it.
local command = "tikc"

poe.Session.create {
  -- With "default", an event that nothing handles is a warning on stderr
  -- instead of silence.
  options = { default = true, step = 2 },

  inline_states = {
    _start = function(ctx)
      local session = ctx.session

      -- A name alone reads an option, with a value it sets it and returns the
      -- old one. Names that the kernel does not know are yours.
      print("step was " .. session:option("step", 5))
      print("step is " .. session:option("step"))

      -- Case does not matter, and on, off, yes, no are taken as booleans, so
      -- that a value may come straight from a configuration file.
      session:option("Verbose", "on")
      print("verbose is " .. tostring(session:option("verbose")))

      -- Several at once give back several old values, good for a later undo.
      local old = session:option { step = 3, verbose = false }
      print("before: step " .. old.step .. ", verbose " .. tostring(old.verbose))

      ctx.kernel:yield(command)
      ctx.kernel:yield("tick", 1)
    end,

    -- With "trace", each event of this session is a line on stderr: what it
    -- is and where it was sent from. It may be on for just as long as needed,
    -- here for the second and third tick.
    tick = function(ctx, n)
      print("tick " .. n)
      ctx.session:option("trace", n < 3)
      if n < 4 then ctx.kernel:yield("tick", n + 1) end
    end,
  },
}

-- To watch all sessions from outside: poelua --trace events,sessions main.lua
