-- A door: the same event is handled by another function in each state.
local poe = require "poe"

local function shut(ctx) ctx.machine:goto_state("closed") end

local m = poe.NFA.spawn{
  inline_states = {
    closed = {
      open = function(ctx) ctx.machine:goto_state("opened", "enter", ctx.event) end,
    },
    opened = {
      enter = function(ctx, why)
        ctx.runstate.why = why
        ctx.kernel:delay("close", 5)
        ctx.kernel:yield("poe_nfa_stop")
      end,
      close = shut,
      leave = function() print("leaving") end,
    },
  },
}
m:goto_state("closed")
poe.kernel:post(m, "open")
