-- A limit: a server with three clients at a time, while the others wait at the door.

local poe = require "poe"

local limit, clients = 3, 10

local server = {
  _start = function(ctx)
    ctx.heap.here, ctx.heap.most, ctx.heap.served = 0, 0, 0
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      bind_address = "127.0.0.1",
      success_event = "connected",
      failure_event = "failed",
    }
    local address, port = ctx.heap.listener:getsockname()
    return address and port
  end,

  -- The house is full: no more are accepted. The system keeps those that come
  -- nevertheless in a queue. To them it looks as if they were connected to
  -- somebody who says nothing.
  connected = function(ctx, handle)
    local heap = ctx.heap
    heap.here = heap.here + 1
    heap.most = math.max(heap.most, heap.here)
    if heap.here == limit then heap.listener:pause_accept() end
    poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "line",
      error_event = "gone",
    }
  end,

  -- The work takes some time, so that others come meanwhile.
  line = function(ctx, line, id)
    ctx.kernel:delay_add("done", 0.01, line, id)
  end,

  -- A client may have gone since then, and its wheel with it.
  done = function(ctx, line, id)
    local wheel = ctx.session:wheel(id)
    if wheel then
      wheel:put("done: " .. line)
      ctx.heap.served = ctx.heap.served + 1
    end
  end,

  -- Every way out leads through here, so none of the places gets lost.
  gone = function(ctx, operation, errno, message, id)
    if errno ~= 0 then io.stderr:write("server: " .. operation .. ": " .. message .. "\n") end
    ctx.session:wheel(id):destroy()
    ctx.heap.here = ctx.heap.here - 1
    ctx.heap.listener:resume_accept()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
  end,

  finish = function(ctx)
    ctx.heap.listener:destroy()
    print(ctx.heap.served .. " clients served")
    print("more than " .. limit .. " at a time: " .. tostring(ctx.heap.most > limit))
  end,
}

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
      input_event = "line",
      error_event = "failed",
    }
    ctx.heap.wheel:put("work of client " .. ctx.session:id())
  end,

  line = function(ctx)
    ctx.heap.wheel:destroy()
  end,

  failed = function(ctx, operation, _, message)
    io.stderr:write("client: " .. operation .. ": " .. message .. "\n")
    if ctx.heap.wheel then ctx.heap.wheel:destroy() end
  end,
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.server = poe.Session.create { inline_states = server }
    end,

    _child = function(ctx, what, child, port)
      if what == "create" and port then
        ctx.heap.left = clients
        for _ = 1, clients do
          poe.Session.create { inline_states = client, args = { port } }
        end
      elseif what == "lose" and child ~= ctx.heap.server then
        ctx.heap.left = ctx.heap.left - 1
        if ctx.heap.left == 0 then ctx.kernel:post(ctx.heap.server, "finish") end
      end
    end,
  },
}
