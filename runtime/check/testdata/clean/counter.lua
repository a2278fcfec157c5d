#!/usr/bin/env poelua
-- A session that counts to ten, one number a tenth of a second.
local poe = require "poe"

poe.Session.create{
  inline_states = {
    _start = function(ctx) ctx.heap.n = 0; ctx.kernel:yield("tick") end,
    tick = function(ctx)
      ctx.heap.n = ctx.heap.n + 1
      if ctx.heap.n < 10 then ctx.kernel:delay("tick", 0.1) end
    end,
    _stop = function(ctx) print(ctx.heap.n) end,
  },
}
