-- The states come from another module.
local poe = require "poe"
local handlers = require "robot.handlers"

poe.Session.create{ inline_states = handlers, heap = { name = "Marvin" } }
poe.Session.create{
  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("whatever_the_module_has")
    end,
  },
}
