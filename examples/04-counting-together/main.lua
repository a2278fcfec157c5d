-- Counting in several sessions at once: they take turns, and each stops in its own time.

local poe = require "poe"

-- One set of handlers serves any number of sessions. They have the functions
-- in common and nothing else: each has its own heap.
local handlers = {
  _start = function(ctx, name, last)
    ctx.heap.name = name
    ctx.heap.last = last
    ctx.heap.count = 0
    ctx.kernel:yield("count")
    print(name .. " counts to " .. last)
  end,

  count = function(ctx)
    local heap = ctx.heap
    heap.count = heap.count + 1
    print(heap.name .. " " .. heap.count)
    if heap.count < heap.last then ctx.kernel:yield("count") end
  end,

  _stop = function(ctx)
    print(ctx.heap.name .. " stops")
  end,
}

-- Each _start runs inside its create. The counting itself begins later, when
-- the kernel runs: one queue for all sessions, first come, first served.
poe.Session.create { inline_states = handlers, args = { "ann", 2 } }
poe.Session.create { inline_states = handlers, args = { "bob", 4 } }
poe.Session.create { inline_states = handlers, args = { "cid", 3 } }

-- "ann stops" comes after "cid 2". The kernel first serves all that waits, one
-- round, and then looks for sessions that have run out of work.
