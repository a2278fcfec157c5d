-- An echo server: SocketFactory makes the connections, ReadWrite talks on them.

local poe = require "poe"

-- A line client. It says what it has to say, hears it again, and leaves.
local client = {
  _start = function(ctx, port)
    ctx.heap.lines = { "hello", "is anybody there?", "bye" }
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
      input_event = "answer",
      error_event = "failed",
    }
    ctx.kernel:yield("talk")
  end,

  talk = function(ctx)
    local line = table.remove(ctx.heap.lines, 1)
    if line then
      ctx.heap.wheel:put(line)
    else
      ctx.heap.wheel:destroy() -- this closes the connection
    end
  end,

  answer = function(ctx, line)
    print("client hears: " .. line)
    ctx.kernel:yield("talk")
  end,

  -- Errors of both wheels look alike, so one handler serves both.
  failed = function(ctx, operation, _, message)
    io.stderr:write("client: " .. operation .. ": " .. message .. "\n")
    if ctx.heap.wheel then ctx.heap.wheel:destroy() end
  end,
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      -- A port of 0 lets the system choose one that is free. Without an address
      -- everybody could connect; with this one, only programs on this machine.
      local listener = poe.wheel.SocketFactory.new {
        bind_address = "127.0.0.1",
        bind_port = 0,
        success_event = "connected",
        failure_event = "failed",
      }
      ctx.heap.listener = listener

      -- The client is a child of this session, so that _child tells when it is
      -- through. Usually clients are other programs, and servers run for ever.
      -- (Had binding failed, there would be no address, and "failed" to come.)
      local address, port = listener:getsockname()
      if address then
        poe.Session.create { inline_states = client, args = { port } }
      end
    end,

    -- Each connection gets a wheel. A session keeps its wheels until they are
    -- destroyed, and finds them by the ID that each of their events ends with:
    -- there is no need for a list of our own.
    connected = function(_, handle, address)
      print("server: a client from " .. address)
      poe.wheel.ReadWrite.new {
        handle = handle,
        input_event = "line",
        error_event = "gone",
      }
    end,

    -- Lines arrive whole and without their ends, however the network has cut
    -- them: that is the work of the filter, which is Line if none is named.
    line = function(ctx, line, id)
      ctx.session:wheel(id):put(line)
    end,

    -- The end of input is an "error", too, with the number 0. Whatever it was,
    -- this connection is over. Forget destroy, and it stays open for ever.
    gone = function(ctx, operation, errno, message, id)
      if errno ~= 0 then io.stderr:write("server: " .. operation .. ": " .. message .. "\n") end
      print("server: the client is gone")
      ctx.session:wheel(id):destroy()
    end,

    -- Not being able to listen is the end. A connection that could not be
    -- accepted is not: the wheel goes on by itself.
    failed = function(_, operation, _, message)
      io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
    end,

    -- A listening wheel keeps its session alive, as all wheels do that wait
    -- for something.
    _child = function(ctx, what)
      if what == "lose" then ctx.heap.listener:destroy() end
    end,

    _stop = function()
      print("server stops")
    end,
  },
}
