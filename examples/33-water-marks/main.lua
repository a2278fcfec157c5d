-- Water marks: a producer that stops when too much waits, and goes on when it has drained.

local poe = require "poe"

local lines = 2000
local line = ("x"):rep(998) -- 1000 bytes with its end
local high, low = 20000, 5000 -- bytes

local reader, writer = poe.pipe.OneWay.new()

-- A wheel takes everything that is put to it, and keeps what the handle has no
-- room for. A fast producer with a slow consumer would fill the memory. So it
-- says how much is too much.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.put, ctx.heap.waits, ctx.heap.most = 0, 0, 0
      ctx.heap.wheel = poe.wheel.ReadWrite.new {
        input_handle = false, -- this wheel only writes
        output_handle = writer,
        high_mark = high,
        low_mark = low,
        high_event = "high",
        low_event = "low",
        error_event = "failed",
      }
      ctx.kernel:yield("produce")
    end,

    -- put says true when the high mark is reached. It never refuses: who goes
    -- on nevertheless is served, too.
    produce = function(ctx)
      local heap = ctx.heap
      while heap.put < lines do
        heap.put = heap.put + 1
        local full = heap.wheel:put(line)
        heap.most = math.max(heap.most, heap.wheel:get_driver_out_octets())
        if full then return end
      end

      -- The handle is closed when everything has been written.
      heap.wheel:close_after_flush()
      print("producer: more than the mark and a line waited: " .. tostring(heap.most > high + 1000))
      print("producer: had to wait: " .. tostring(heap.waits > 0))
    end,

    -- The two events come in turn, one for each time a mark is reached.
    high = function(ctx)
      ctx.heap.waits = ctx.heap.waits + 1
    end,

    -- Between the marks nothing happens. If they were one and the same, there
    -- would be an event for nearly every line.
    low = function(ctx)
      ctx.kernel:yield("produce")
    end,

    failed = function(ctx, operation, _, message)
      io.stderr:write("producer: " .. operation .. ": " .. message .. "\n")
      ctx.heap.wheel:destroy()
    end,
  },
}

-- The consumer takes one line, and some time to digest it. Meanwhile its wheel
-- is paused: it neither reads nor tells of lines that it has read already. The
-- pipe fills up, then the producer's wheel does.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.lines = 0
      ctx.heap.wheel = poe.wheel.ReadWrite.new {
        input_handle = reader,
        output_handle = false,
        input_event = "line",
        error_event = "over",
      }
    end,

    line = function(ctx)
      ctx.heap.lines = ctx.heap.lines + 1
      ctx.heap.wheel:pause_input()
      ctx.kernel:yield("digested")
    end,

    digested = function(ctx)
      ctx.heap.wheel:resume_input()
    end,

    over = function(ctx, operation, errno, message)
      if errno ~= 0 then io.stderr:write("consumer: " .. operation .. ": " .. message .. "\n") end
      print("consumer: " .. ctx.heap.lines .. " lines")
      ctx.heap.wheel:destroy()
    end,
  },
}
