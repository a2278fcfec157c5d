-- Two ways to wait: one stops the whole program, the other only its own session.

local poe = require "poe"

-- Somebody else with something to do: three beats, 20 ms apart.
local function start_metronome()
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        for n = 1, 3 do ctx.kernel:delay_add("beat", n * 0.02, n) end
      end,

      beat = function(_, n)
        print("  beat " .. n)
      end,
    },
  }
end

-- The uncooperative way. There is one thread for all sessions, and a handler
-- has it until it returns. While this one looks at the clock, nobody is served:
-- not the metronome, no signal, no input. All beats come late, in a heap.
print("uncooperative:")
start_metronome()
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("wait")
    end,

    wait = function()
      print("I wait")
      local done = poe.time() + 0.1
      while poe.time() < done do end
      print("I have waited")
    end,
  },
}
poe.kernel:run()

-- The cooperative way: leave a note for later and return. What comes after the
-- wait is a handler of its own, and the time between belongs to the others.
print("cooperative:")
start_metronome()
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("wait")
    end,

    wait = function(ctx)
      print("I wait")
      ctx.kernel:delay("waited", 0.1)
    end,

    waited = function()
      print("I have waited")
    end,
  },
}

-- run came back when the first part was over; the kernel may run again.
poe.kernel:run()
