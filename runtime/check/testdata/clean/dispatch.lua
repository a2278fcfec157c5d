-- Handlers under names that are computed: from a table of commands, and at run time.
local poe = require "poe"

local commands = { "north", "south" }
local states = {
  _start = function(ctx)
    ctx.kernel:yield("go_north")
    ctx.kernel:yield("later")
    ctx.kernel:state("later", function() print "later" end)
  end,
}

local function go(ctx) print(ctx.state) end
for _, name in ipairs(commands) do
  states["go_" .. name] = go
end

poe.Session.create{ inline_states = states }
