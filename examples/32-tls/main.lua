-- TLS: a server with a certificate, a client that checks it, and one that is not content.

local poe = require "poe"

-- Real certificates come from an authority that everybody trusts. This one has
-- signed itself: only those who were given it will believe it.
local cert, key = assert(poe.tls.self_signed { names = { "echo.example" } })

local server = {
  _start = function(ctx)
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      bind_address = "127.0.0.1",
      tls = { side = "server", cert = cert, key = key },
      success_event = "connected",
      failure_event = "failed",
    }
    local address, port = ctx.heap.listener:getsockname()
    return address and port
  end,

  -- Here the handshake is over. The handle is one like any other.
  connected = function(_, handle)
    poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "line",
      error_event = "gone",
    }
  end,

  line = function(ctx, line, id)
    ctx.session:wheel(id):put("you said: " .. line)
  end,

  gone = function(ctx, _, _, _, id)
    ctx.session:wheel(id):destroy()
  end,

  -- A client that cannot agree with us is its own problem, and the listener
  -- goes on. Everything else is worth a word.
  failed = function(_, operation, _, message)
    if operation ~= "tls" then
      io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
    end
  end,

  finish = function(ctx)
    ctx.heap.listener:destroy()
  end,
}

-- `ca` is whom the client trusts, server_name whom it wants to talk to. Without
-- server_name it is the remote address, and that is not what this certificate
-- is for. Both are checked, unless verify = false asks for less.
local client = {
  _start = function(_, port, name)
    poe.wheel.SocketFactory.new {
      remote_address = "127.0.0.1",
      remote_port = port,
      tls = { side = "client", ca = cert, server_name = name },
      success_event = "connected",
      failure_event = "failed",
    }
  end,

  connected = function(ctx, handle)
    local info = handle:tls_info()
    print("TLS " .. info.version .. " with " .. table.concat(info.peer_certificate.names, ", "))
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "line",
      error_event = "failed",
    }
    ctx.heap.wheel:put("nobody else can read this")
  end,

  line = function(ctx, line)
    print(line)
    ctx.heap.wheel:destroy()
  end,

  -- The operation is "tls" if it was the handshake; the message says why.
  failed = function(ctx, operation, _, message)
    print(message)
    if operation == "tls" then print("nothing has been sent") end
    if ctx.heap.wheel then ctx.heap.wheel:destroy() end
  end,
}

-- One client after the other.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.names = { "echo.example", "bank.example" }
      ctx.heap.server = poe.Session.create { inline_states = server }
    end,

    next_client = function(ctx)
      local name = table.remove(ctx.heap.names, 1)
      if name then
        print("to " .. name)
        poe.Session.create { inline_states = client, args = { ctx.heap.port, name } }
      else
        ctx.kernel:post(ctx.heap.server, "finish")
      end
    end,

    _child = function(ctx, what, child, port)
      if what == "create" and port then -- it is the server, and it listens
        ctx.heap.port = port
        ctx.kernel:yield("next_client")
      elseif what == "lose" and child ~= ctx.heap.server then
        ctx.kernel:yield("next_client")
      end
    end,
  },
}
