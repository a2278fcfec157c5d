-- Signals travel down the session tree; one that nobody handles may end a branch of it.

local poe = require "poe"

-- Every session here has a name, hears the same signals, and may have children.
-- The alias is what keeps it: watching for a signal does not.
local function start(name, handles_term, children)
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:alias_set(name)
        ctx.kernel:sig("lunch", "hear")
        ctx.kernel:sig("TERM", "hear_term")
        for _, child in ipairs(children or {}) do start(unpack(child)) end
      end,

      hear = function(_, signal, dish)
        print(name .. " hears " .. signal .. ": " .. dish)
      end,

      -- TERM stops whom it reaches, unless somebody says that it is taken care
      -- of. One such word saves all whom the same signal reached.
      hear_term = function(ctx, signal)
        print(name .. " hears " .. signal .. (handles_term and " and handles it" or ""))
        if handles_term then ctx.kernel:sig_handled() end
      end,

      _stop = function()
        print(name .. " stops")
      end,
    },
  }
end

start("boss", false, {
  { "red", false, { { "red one", false }, { "red two", true } } },
  { "blue", false, { { "blue one", false } } },
})

-- Signals wait in the queue like any event, and each is dispatched as a whole:
-- grandchildren first, the youngest first, the one it was sent to last.
-- Any string may be a signal. One that the script made up only informs.
poe.kernel:signal("boss", "lunch", "soup")

-- Only the red branch is reached, and red two handles it: nobody stops.
poe.kernel:signal("red", "TERM")

-- Nobody in the blue branch handles it. The branch stops, leaves first; boss
-- and the red ones were not asked and do not stop.
poe.kernel:signal("blue", "TERM")

-- A TERM from the system is sent to the kernel, and so reaches everybody. Here
-- the rest ends because only aliases are left: IDLE, a signal as well.
