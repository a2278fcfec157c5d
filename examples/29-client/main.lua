-- A client: connecting, a dialogue, a goodbye, and what happens when nobody listens.

local poe = require "poe"

-- A little calculator to talk to: "add 2 3" gives 5. It greets, answers line by
-- line, and serves one client.
local calculator = {
  _start = function(ctx)
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      bind_address = "127.0.0.1",
      success_event = "connected",
      failure_event = "failed",
    }
    local address, port = ctx.heap.listener:getsockname()
    return address and port
  end,

  connected = function(ctx, handle)
    ctx.heap.listener:destroy()
    poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "line",
      error_event = "gone",
    }:put("ready")
  end,

  line = function(ctx, line, id)
    local wheel = ctx.session:wheel(id)
    local a, b = line:match("^add (%d+) (%d+)$")
    if line == "quit" then
      wheel:put("bye")
      wheel:close_after_flush()
    else
      wheel:put(a and tostring(a + b) or "what?")
    end
  end,

  gone = function(ctx, _, _, _, id)
    ctx.session:wheel(id):destroy()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("calculator: " .. operation .. ": " .. message .. "\n")
  end,
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.questions = { "add 2 3", "add 40 2", "sing", "quit" }
      poe.Session.create { inline_states = calculator }
    end,

    -- What a child's _start returns is the value of its "create": the port.
    _child = function(ctx, what, _, port)
      if what == "create" and port then
        ctx.heap.port = port
        ctx.kernel:yield("connect")
      end
    end,

    -- `new` returns at once, and connecting goes on by itself. It ends in one
    -- of the two events, never in both. A name instead of the address would be
    -- looked up without holding up anybody.
    connect = function(ctx)
      poe.wheel.SocketFactory.new {
        remote_address = "127.0.0.1",
        remote_port = ctx.heap.port,
        connect_timeout = 30, -- seconds; without it the system decides how patient we are
        success_event = "connected",
        failure_event = "not_connected",
      }
    end,

    -- The wheel has done its work and is gone. What it leaves is the handle,
    -- and what talks on the handle is another wheel.
    connected = function(ctx, handle)
      print("connected")
      ctx.heap.wheel = poe.wheel.ReadWrite.new {
        handle = handle,
        input_event = "line",
        error_event = "over",
      }
    end,

    -- No question before the answer to the last one.
    line = function(ctx, line)
      print("< " .. line)
      local question = table.remove(ctx.heap.questions, 1)
      if question then
        print("> " .. question)
        ctx.heap.wheel:put(question)
      end
    end,

    -- The server has closed, as we asked it to. The same event tells of a
    -- connection that broke down; then the number is not 0.
    over = function(ctx, operation, errno, message)
      if errno == 0 then
        print("the server has closed")
      else
        io.stderr:write(operation .. ": " .. message .. "\n")
      end
      ctx.heap.wheel:destroy()

      -- Once more, for nothing: nobody listens there any longer.
      ctx.kernel:yield("connect")
    end,

    -- The operation tells what went wrong: "connect", or "getaddrinfo" for a
    -- name that is not known. The number is for programs, the message for people.
    not_connected = function(_, operation, errno, message)
      print(operation .. ": " .. message)
      print("refused: " .. tostring(errno == poe.errno.ECONNREFUSED))
    end,
  },
}
