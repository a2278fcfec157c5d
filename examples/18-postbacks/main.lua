-- Postbacks and callbacks: functions for libraries that know nothing of events.

local poe = require "poe"

-- A library, as there are many: it takes a function and calls it some day.
local button = {}
function button.click(x, y) return button.on_click(x, y) end

-- Another: it calls the function while it works and wants the answer at once.
local function count_if(list, accept)
  local count = 0
  for _, item in ipairs(list) do
    if accept(item) then count = count + 1 end
  end
  return count
end

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      -- A postback posts an event whenever it is called. Somebody may call it
      -- any time, so it keeps the session alive: nothing else does here.
      button.on_click = ctx.session:postback("clicked", "the button")
      ctx.heap.clicks = 0

      -- A weakened one may be called but keeps nobody.
      button.on_key = ctx.session:postback("pressed"):weaken()
    end,

    -- Two tables: what its maker said about it, and what its caller said.
    clicked = function(ctx, made, called)
      print(made[1] .. " at " .. called[1] .. ", " .. called[2])
      ctx.heap.clicks = ctx.heap.clicks + 1
      if ctx.heap.clicks == 2 then button.on_click:release() end
    end,

    pressed = function(_, _, called)
      print("key " .. called[1])
    end,

    -- Nothing holds the session after the release.
    _stop = function()
      print("the window closes")
    end,
  },
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      -- A callback calls the handler instead and returns what it returned.
      local is_even = ctx.session:callback("is_even")
      print("even numbers: " .. count_if({ 1, 2, 4, 7, 8 }, is_even))
      is_even:release()

      button.click(10, 20)
      button.on_key("q")
      button.click(11, 21)
      ctx.kernel:delay("try_again", 0.02)
    end,

    is_even = function(_, _, called)
      return called[1] % 2 == 0
    end,

    -- A released postback is dead, a weakened one was never a promise. Both
    -- say so by returning nil.
    try_again = function()
      print("click: " .. tostring((button.click(12, 22))))
      print("key: " .. tostring((button.on_key("x"))))
    end,
  },
}
