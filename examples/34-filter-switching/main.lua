-- Switching filters: a protocol of lines with blocks of bytes in between.

local poe = require "poe"

local most = 1000000 -- bytes of a block that we are ready to take

-- A client says "store NAME LENGTH" in a line; then come so many bytes, of any
-- kind; then lines again.
local server = {
  _start = function(ctx, handle)
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "line",
      error_event = "over",
    }
  end,

  -- The client need not wait. It may have sent the block along with the line,
  -- and what comes after it: the bytes that the old filter holds go to the new
  -- one, so that nothing is lost and nothing is read twice.
  line = function(ctx, line)
    local name, length = line:match("^store (%w+) (%d+)$")
    length = tonumber(length)
    if length and length > 0 and length <= most then
      ctx.heap.name = name
      ctx.heap.wheel:set_input_filter(poe.filter.Block.new { block_size = length })
      ctx.heap.wheel:event { input_event = "block" }
    else
      print("no such command: " .. line)
      ctx.heap.wheel:put("no")
    end
  end,

  block = function(ctx, bytes)
    print(("%s: %d bytes, %s"):format(ctx.heap.name, #bytes, (bytes:gsub("%c", "."))))
    ctx.heap.wheel:put("stored " .. ctx.heap.name)
    ctx.heap.wheel:set_input_filter(poe.filter.Line.new())
    ctx.heap.wheel:event { input_event = "line" }
  end,

  over = function(ctx, operation, errno, message)
    if errno ~= 0 then io.stderr:write("server: " .. operation .. ": " .. message .. "\n") end
    ctx.heap.wheel:close_after_flush() -- the last answer may still be on its way
  end,
}

local client = {
  _start = function(ctx, handle)
    local wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "answer",
      error_event = "over",
    }
    ctx.heap.wheel = wheel
    ctx.heap.answers = {}

    -- On the way out it is simpler: what has been put is bytes already, and a
    -- new filter is for what comes after it. Stream sends bytes as they are.
    local lines, bytes = wheel:get_output_filter(), poe.filter.Stream.new()
    for _, file in ipairs { { "poem", "two\r\nlines" }, { "zero", "a\0b" } } do
      wheel:put("store " .. file[1] .. " " .. #file[2])
      wheel:set_output_filter(bytes)
      wheel:put(file[2])
      wheel:set_output_filter(lines)
    end
    wheel:put("store everything")
    wheel:shutdown_output { flush = true } -- says goodbye, and still listens
  end,

  answer = function(ctx, line)
    table.insert(ctx.heap.answers, line)
  end,

  over = function(ctx, operation, errno, message)
    if errno ~= 0 then io.stderr:write("client: " .. operation .. ": " .. message .. "\n") end
    print("answers: " .. table.concat(ctx.heap.answers, ", "))
    ctx.heap.wheel:destroy()
  end,
}

-- A pair of connected sockets, so that there is no need to listen and connect.
local here, _, there = poe.pipe.TwoWay.new("socketpair")
poe.Session.create { inline_states = server, args = { here } }
poe.Session.create { inline_states = client, args = { there } }
