-- A manager and its workers: _child tells when one begins and when one is through.

local poe = require "poe"

local most = 2 -- workers at a time

-- A worker takes one turn per letter of its job. It does not know its manager.
-- What _start and _stop return is what the parent hears of it.
local worker = {
  _start = function(ctx, job)
    ctx.heap.job = job
    ctx.heap.done = ""
    ctx.kernel:yield("turn", 1)
    return job
  end,

  turn = function(ctx, n)
    ctx.heap.done = ctx.heap.job:sub(n, n) .. ctx.heap.done
    if n < #ctx.heap.job then ctx.kernel:yield("turn", n + 1) end
  end,

  _stop = function(ctx)
    return ctx.heap.done
  end,
}

poe.Session.create {
  args = { "stressed", "pals", "live", "diaper", "tar" },

  inline_states = {
    _start = function(ctx, ...)
      ctx.heap.jobs = { ... }
      ctx.heap.busy = 0
      ctx.kernel:yield("fill")
    end,

    -- Whoever is created in a handler is a child of that handler's session.
    fill = function(ctx)
      while ctx.heap.busy < most and #ctx.heap.jobs > 0 do
        local job = table.remove(ctx.heap.jobs, 1)
        poe.Session.create { inline_states = worker, args = { job } }
      end
    end,

    -- The third way to come or go is "gain": a grandchild whose parent has
    -- stopped. These workers have no children.
    _child = function(ctx, what, child, value)
      local heap = ctx.heap
      if what == "create" then
        heap.busy = heap.busy + 1
        print("begins: " .. value .. " (worker " .. child:id() .. ", " .. heap.busy .. " busy)")
      elseif what == "lose" then
        heap.busy = heap.busy - 1
        print("gives:  " .. value .. " (worker " .. child:id() .. ", " .. heap.busy .. " busy)")
        ctx.kernel:yield("fill")
      end
    end,

    -- Children keep their parent alive, so all of them are through by now.
    _stop = function()
      print("all jobs done")
    end,
  },
}
