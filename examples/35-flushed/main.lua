-- The last words: a connection that closes when all is written, and not before.

local poe = require "poe"

local farewell = ("so long "):rep(125000) -- 1,000,000 bytes

-- put only takes note. Nothing has been written when it returns, and a socket
-- has no room for that much at once.
local goodbyes = {
  -- The naive way. destroy means now: what still waits is dropped.
  { "destroy at once", function(ctx)
    ctx.heap.wheel:put(farewell)
    ctx.heap.wheel:destroy()
  end },

  -- flushed_event comes when all that was put is written. The same event comes
  -- after every other output, too, so remember what to do about it.
  { "destroy when flushed", function(ctx)
    ctx.heap.wheel:put(farewell)
    ctx.heap.leaving = true
  end },

  -- Most of the time that is wanted, so the wheel can do it by itself: it
  -- ends input, writes the rest, and is destroyed.
  { "close_after_flush", function(ctx)
    ctx.heap.wheel:put(farewell)
    ctx.heap.wheel:close_after_flush()
  end },

  -- Closing one direction. The other side sees the end and may still answer.
  { "shutdown_output", function(ctx)
    ctx.heap.wheel:put(farewell)
    ctx.heap.wheel:shutdown_output { flush = true }
  end },
}

local speaker = {
  _start = function(ctx, handle, goodbye)
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      filter = poe.filter.Stream.new(),
      input_event = "ignore",
      flushed_event = "flushed",
      error_event = "over",
    }
    goodbye(ctx)
  end,

  ignore = function() end,

  flushed = function(ctx)
    if ctx.heap.leaving then ctx.heap.wheel:destroy() end
  end,

  over = function(ctx)
    ctx.heap.wheel:destroy()
  end,
}

local listener = {
  _start = function(ctx, handle)
    ctx.heap.bytes = 0
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      filter = poe.filter.Stream.new(),
      input_event = "bytes",
      error_event = "over",
    }
  end,

  bytes = function(ctx, bytes)
    ctx.heap.bytes = ctx.heap.bytes + #bytes
  end,

  over = function(ctx)
    ctx.heap.wheel:destroy()
  end,

  _stop = function(ctx)
    return ctx.heap.bytes
  end,
}

-- One goodbye after the other, each with a connection of its own.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:yield("next_goodbye", 1)
    end,

    next_goodbye = function(ctx, n)
      if not goodbyes[n] then return end
      ctx.heap.n = n
      local here, _, there = poe.pipe.TwoWay.new("socketpair")
      ctx.heap.listener = poe.Session.create { inline_states = listener, args = { there } }
      poe.Session.create { inline_states = speaker, args = { here, goodbyes[n][2] } }
    end,

    _child = function(ctx, what, child, bytes)
      if what == "lose" and child == ctx.heap.listener then
        print(goodbyes[ctx.heap.n][1] .. ": " .. bytes .. " bytes arrive")
        ctx.kernel:yield("next_goodbye", ctx.heap.n + 1)
      end
    end,
  },
}
