-- Handlers that change at run time: a traffic light whose every colour installs the next.

local poe = require "poe"

-- One event, "change", and a function for each thing it can mean. Which of them
-- is installed is all the memory the light needs.
local red, green, yellow

function red(ctx)
  print("red")
  ctx.kernel:state("change", green)
end

function green(ctx)
  print("green")
  ctx.kernel:state("change", yellow)
end

function yellow(ctx)
  print("yellow")
  ctx.kernel:state("change", red)
end

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      -- All of these wait in the queue while the handler changes. An event is
      -- only a name: what it does is looked up when it is delivered.
      for _ = 1, 5 do ctx.kernel:yield("change") end
      ctx.kernel:yield("switch_off")
      ctx.kernel:yield("change")
      ctx.kernel:yield("repair")
      ctx.kernel:yield("change")
    end,

    change = red,

    -- Without a function the handler is removed, and the event goes to
    -- _default like any other that nobody handles.
    switch_off = function(ctx)
      ctx.kernel:state("change")
    end,

    -- A method of an object will do as well. Its name is the event's unless
    -- another one is given.
    repair = function(ctx)
      local mechanic = { name = "mo" }
      function mechanic:blink() print(self.name .. " makes it blink") end
      ctx.kernel:state("change", mechanic, "blink")
    end,

    _default = function(_, event)
      if event == "change" then print("dark") end
    end,
  },
}
