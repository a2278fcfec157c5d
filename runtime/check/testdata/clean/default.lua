-- A session that takes whatever comes.
local poe = require "poe"

poe.Session.create{
  inline_states = {
    _start = function(ctx) ctx.kernel:yield("anything", 1, nil, 3) end,
    _default = function(ctx, event, args)
      if event:sub(1, 1) ~= "_" then print(event, args.n) end
    end,
  },
}
