-- A forwarder: two wheels back to back, each as fast as the other side can take it.

local poe = require "poe"

local total = 5000000 -- bytes that go through
local most = 0 -- bytes that wait in the forwarder at the same time

-- One session for each client: it connects to the target, and passes bytes on
-- in both directions.
local forward = {
  _start = function(ctx, client, port)
    ctx.heap.client = client
    poe.wheel.SocketFactory.new {
      remote_address = "127.0.0.1",
      remote_port = port,
      success_event = "connected",
      failure_event = "not_connected",
    }
  end,

  -- No wheel has the client's handle yet that would close it.
  not_connected = function(ctx, operation, _, message)
    io.stderr:write("forwarder: " .. operation .. ": " .. message .. "\n")
    ctx.heap.client:close()
  end,

  -- What the client has sent so far waits in the system's buffers.
  connected = function(ctx, target)
    local function wheel_on(handle)
      return poe.wheel.ReadWrite.new {
        handle = handle,
        filter = poe.filter.Stream.new(), -- bytes as they come
        input_event = "bytes",
        error_event = "over",
        high_mark = 100000,
        low_mark = 20000,
        high_event = "high",
        low_event = "low",
      }
    end
    local a, b = wheel_on(ctx.heap.client), wheel_on(target)
    ctx.heap.other = { [a:id()] = b, [b:id()] = a }
  end,

  bytes = function(ctx, bytes, id)
    local other = ctx.heap.other[id]
    other:put(bytes)
    most = math.max(most, other:get_driver_out_octets())
  end,

  -- One side takes less than the other sends. To read no more is all that is
  -- needed: the sender's own buffers fill up, and so it learns of it. (The event
  -- comes after the reads of this turn; read_limit says how many those may be.)
  high = function(ctx, id)
    ctx.heap.other[id]:pause_input()
  end,

  low = function(ctx, id)
    ctx.heap.other[id]:resume_input()
  end,

  -- The first end of input is passed on, behind what came before it, and the
  -- other direction goes on. With the second one both are through. After a
  -- failure there is nothing to go on with.
  over = function(ctx, operation, errno, message, id)
    local this, other = ctx.session:wheel(id), ctx.heap.other[id]
    if errno ~= 0 then
      io.stderr:write("forwarder: " .. operation .. ": " .. message .. "\n")
      this:destroy()
      other:destroy()
    elseif not ctx.heap.one_ended then
      ctx.heap.one_ended = true
      other:shutdown_output { flush = true }
    else
      this:close_after_flush()
      other:close_after_flush()
    end
  end,
}

-- listener gives the states of a session that serves one client: `start` is
-- called with its handle. What _start returns, the parent hears.
local function listener(start, states)
  function states._start(ctx)
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      bind_address = "127.0.0.1",
      success_event = "connected",
      failure_event = "failed",
    }
    local address, port = ctx.heap.listener:getsockname()
    return address and port
  end

  function states.connected(ctx, handle)
    ctx.heap.listener:destroy()
    start(ctx, handle)
  end

  function states.failed(_, operation, _, message)
    io.stderr:write("listener: " .. operation .. ": " .. message .. "\n")
  end

  return states
end

-- The target is slow: one read a turn, sixteen times less than usual.
local target = listener(function(ctx, handle)
  ctx.heap.bytes = 0
  ctx.heap.wheel = poe.wheel.ReadWrite.new {
    handle = handle,
    input_filter = poe.filter.Stream.new(),
    read_limit = 1,
    input_event = "bytes",
    error_event = "over",
  }
end, {
  bytes = function(ctx, bytes)
    ctx.heap.bytes = ctx.heap.bytes + #bytes
  end,

  over = function(ctx, _, errno)
    if errno == 0 then ctx.heap.wheel:put("I have got " .. ctx.heap.bytes .. " bytes") end
    ctx.heap.wheel:close_after_flush()
  end,
})

local client = {
  _start = function(_, port)
    poe.wheel.SocketFactory.new {
      remote_address = "127.0.0.1",
      remote_port = port,
      success_event = "connected",
      failure_event = "failed",
    }
  end,

  connected = function(ctx, handle)
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      output_filter = poe.filter.Stream.new(),
      input_event = "answer",
      error_event = "over",
    }
    ctx.heap.wheel:put(("x"):rep(total))
    ctx.heap.wheel:shutdown_output { flush = true }
  end,

  answer = function(_, line)
    print("client hears: " .. line)
  end,

  over = function(ctx, operation, errno, message)
    if errno ~= 0 then io.stderr:write("client: " .. operation .. ": " .. message .. "\n") end
    ctx.heap.wheel:destroy()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("client: " .. operation .. ": " .. message .. "\n")
  end,
}

-- The target first, then the forwarder to its port, then the client to the
-- forwarder's.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.next = {
        function(target_port)
          local function start(_, handle)
            poe.Session.create { inline_states = forward, args = { handle, target_port } }
          end
          poe.Session.create { inline_states = listener(start, {}) }
        end,
        function(forwarder_port)
          poe.Session.create { inline_states = client, args = { forwarder_port } }
        end,
      }
      poe.Session.create { inline_states = target }
    end,

    _child = function(ctx, what, _, port)
      if what == "create" and port then
        table.remove(ctx.heap.next, 1)(port)
      end
    end,

    _stop = function()
      print("more than half of it waited in the forwarder: " .. tostring(most > total / 2))
    end,
  },
}
