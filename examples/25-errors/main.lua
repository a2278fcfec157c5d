-- Errors: a parent catches its children's, restarts them, and knows when to give up.

local poe = require "poe"

-- The pump does two strokes and breaks. The error ends its handler, no more:
-- the kernel makes the signal DIE of it, and asks the session and those above.
local pump = {
  _start = function(ctx)
    print("pump starts")
    ctx.kernel:yield("stroke", 1)
  end,

  stroke = function(ctx, n)
    if n > 2 then error("the pump is stuck", 0) end
    print("  stroke " .. n)
    ctx.kernel:yield("stroke", n + 1)
  end,

  _stop = function()
    print("pump stops")
  end,
}

-- The lamp is a sibling. It is not asked, and a handled error does not touch it.
local lamp = {
  _start = function(ctx)
    ctx.kernel:yield("blink", 1)
  end,

  blink = function(ctx, n)
    print("  blink " .. n)
    if n < 5 then ctx.kernel:yield("blink", n + 1) end
  end,

  _stop = function()
    print("lamp stops")
  end,
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "on_error")
      ctx.heap.restarts = 0
      poe.Session.create { inline_states = pump }
      poe.Session.create { inline_states = lamp }
    end,

    -- sig_handled says that this error is taken care of. Without that word it
    -- is the program's: every session gets its _stop, and the exit status is 1.
    on_error = function(ctx, _, info)
      print("error in " .. info.event .. ": " .. info.error_str)
      if ctx.heap.restarts == 1 then
        print("twice is too often")
        return
      end
      ctx.heap.restarts = ctx.heap.restarts + 1
      ctx.kernel:sig_handled()
      poe.Session.create { inline_states = pump }
    end,

    _stop = function()
      print("supervisor stops")
    end,
  },
}
