-- Raw output: a writer that waits for a slow reader instead of piling up memory.

local poe = require "poe"

local total = 1000000 -- bytes, far more than a pipe holds

-- Two handles: what is written to one is read from the other.
local reader, writer = poe.pipe.OneWay.new()

poe.Session.create {
  heap = { left = ("x"):rep(total), waits = 0 },

  inline_states = {
    _start = function(ctx)
      ctx.kernel:select_write(writer, "writable")
    end,

    -- A pipe takes what it has room for, and write says how much that was. No
    -- room at all is not a failure: we keep the rest, return, and are told
    -- when there is room again. So the reader sets the pace.
    writable = function(ctx, handle)
      local heap = ctx.heap
      while #heap.left > 0 do
        local taken, message, code = handle:write(heap.left)
        if code == poe.errno.EAGAIN then
          heap.waits = heap.waits + 1
          return
        end
        heap.left = heap.left:sub(assert(taken, message) + 1)
      end

      -- A pipe with room is always writable: a watcher that is not needed any
      -- more would be called for ever. Closing removes it.
      handle:close()
      print("all written, had to wait: " .. tostring(heap.waits > 0))
    end,
  },
}

poe.Session.create {
  heap = { bytes = 0 },

  inline_states = {
    _start = function(ctx)
      ctx.kernel:select_read(reader, "readable")

      -- A paused watcher is not forgotten, only silent. The pipe fills up
      -- meanwhile, and the writer waits.
      ctx.kernel:select_pause_read(reader)
      ctx.kernel:delay("begin", 0.02)
    end,

    begin = function(ctx)
      print("the reader begins")
      ctx.kernel:select_resume_read(reader)
    end,

    readable = function(ctx, handle)
      local bytes, _, code = handle:read()
      if bytes then
        ctx.heap.bytes = ctx.heap.bytes + #bytes
      elseif code == 0 then
        handle:close()
        print("all read: " .. tostring(ctx.heap.bytes == total))
      end
    end,
  },
}
