-- One handler for several events: ctx.state tells which of them it is.

local poe = require "poe"

-- Handlers that differ only in a number or two need not be written four times.
-- The event's name finds what is different in a table.
local steps = {
  north = { 0, 1 },
  south = { 0, -1 },
  east = { 1, 0 },
  west = { -1, 0 },
}

local function move(ctx, distance)
  local robot, step = ctx.heap, steps[ctx.state]
  robot.x = robot.x + step[1] * distance
  robot.y = robot.y + step[2] * distance
  print(distance .. " " .. ctx.state .. ": at " .. robot.x .. ", " .. robot.y)
end

poe.Session.create {
  -- The heap may be anything. Given here, it is there before _start.
  heap = { x = 0, y = 0 },

  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("north", 3)
      ctx.kernel:yield("east", 2)
      ctx.kernel:yield("south", 4)
      ctx.kernel:yield("west", 1)
      ctx.kernel:yield("home")
    end,

    north = move,
    south = move,
    east = move,
    west = move,

    -- call runs a handler now, without the queue, and returns its values. The
    -- inner event has its own ctx.state; afterwards it is this one's again.
    home = function(ctx)
      local robot = ctx.heap
      ctx.kernel:call(ctx.session, robot.x > 0 and "west" or "east", math.abs(robot.x))
      ctx.kernel:call(ctx.session, robot.y > 0 and "south" or "north", math.abs(robot.y))
      print("at " .. ctx.state)
    end,
  },
}
