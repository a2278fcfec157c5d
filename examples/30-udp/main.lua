-- Datagrams: a Datagram wheel that answers, and a client with a socket and a watcher.

local poe = require "poe"

local words = { "one", "two", "three" }

-- The server. A datagram has no connection, so the wheel tells where each came
-- from, and put is told where it is to go.
local server = poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.wheel = assert(poe.wheel.Datagram.new {
        bind_address = "127.0.0.1", -- and a port that the system chooses
        input_event = "datagram",
        error_event = "failed",
      })
    end,

    where = function(ctx)
      return ctx.heap.wheel:getsockname()
    end,

    -- One event is one datagram: nothing is cut, nothing is joined. A failure
    -- to send is no reason to stop, the sender may be gone.
    datagram = function(ctx, text, address, port)
      local sent, message = ctx.heap.wheel:put(text:upper() .. "!", address, port)
      if not sent then io.stderr:write("server: " .. message .. "\n") end
    end,

    failed = function(_, operation, _, message)
      io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
    end,

    finish = function(ctx)
      ctx.heap.wheel:destroy()
    end,
  },
}

-- The client. A socket with a remote address sends there, and hears from
-- nobody else.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      local address, port = ctx.kernel:call(server, "where")
      ctx.heap.socket = assert(poe.socket.udp { remote_address = address, remote_port = port })
      ctx.kernel:select_read(ctx.heap.socket, "readable")
      ctx.kernel:yield("ask", 1)
    end,

    -- UDP promises nothing: a datagram may get lost, and nobody will say so.
    -- Who waits for an answer needs a timer as well.
    ask = function(ctx, n)
      ctx.heap.n = n
      ctx.heap.socket:send(words[n])
      ctx.kernel:delay("no_answer", 10)
    end,

    -- That nobody listens at the other end is told here as well, later.
    readable = function(ctx, socket)
      local text, message, code = socket:recv()
      if text then
        print(words[ctx.heap.n] .. " -> " .. text)
        if ctx.heap.n < #words then
          ctx.kernel:yield("ask", ctx.heap.n + 1)
        else
          ctx.kernel:yield("leave")
        end
      elseif code ~= poe.errno.EAGAIN then
        io.stderr:write("client: " .. message .. "\n")
        ctx.kernel:yield("leave")
      end
    end,

    no_answer = function(ctx)
      io.stderr:write("client: no answer to " .. words[ctx.heap.n] .. "\n")
      ctx.kernel:yield("leave")
    end,

    leave = function(ctx)
      ctx.kernel:delay("no_answer")
      ctx.heap.socket:close()
      ctx.kernel:post(server, "finish")
    end,
  },
}
