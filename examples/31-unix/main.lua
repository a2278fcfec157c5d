-- UNIX sockets: the address is a path, and the system knows who is at the other end.

local poe = require "poe"

-- A name in the folder for temporary files. tmpname makes the file; a socket
-- needs the name only.
local path = os.tmpname()
os.remove(path)

-- The wheels are the same as for TCP, only the domain differs.
local server = {
  _start = function(ctx)
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      socket_domain = "unix",
      bind_address = path,
      success_event = "connected",
      failure_event = "failed",
    }
  end,

  -- There are no ports, and clients mostly have no address either: theirs is
  -- an empty string. But the system vouches for who they are.
  connected = function(_, handle, address, port)
    print("server: a client, address '" .. address .. "', port " .. tostring(port))
    local who = handle:peer_credentials()
    local wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "line",
      error_event = "gone",
    }
    wheel:put(who and who.pid == poe.pid() and "are you talking to yourself?" or "hello, stranger")
  end,

  line = function(ctx, line, id)
    print("server hears: " .. line)
    ctx.session:wheel(id):put("I see")
  end,

  -- The file of the socket is removed when the listening handle closes: here,
  -- or with the session, or at the end of the program.
  gone = function(ctx, operation, errno, message, id)
    if errno ~= 0 then io.stderr:write("server: " .. operation .. ": " .. message .. "\n") end
    ctx.session:wheel(id):destroy()
    ctx.heap.listener:destroy()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
  end,
}

local client = {
  _start = function()
    poe.wheel.SocketFactory.new {
      socket_domain = "unix",
      remote_address = path,
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
  end,

  line = function(ctx, line)
    print("client hears: " .. line)
    if line == "I see" then
      ctx.heap.wheel:destroy()
    else
      ctx.heap.wheel:put("who else?")
    end
  end,

  failed = function(ctx, operation, errno, message)
    print("client: " .. operation .. ": " .. message)
    print("no such path: " .. tostring(errno == poe.errno.ENOENT))
    if ctx.heap.wheel then ctx.heap.wheel:destroy() end
  end,
}

-- When server and first client are through, a second client finds nothing.
poe.Session.create {
  inline_states = {
    _start = function()
      poe.Session.create { inline_states = server }
      poe.Session.create { inline_states = client }
    end,

    _child = function(ctx, what)
      local heap = ctx.heap
      heap.children = (heap.children or 0) + (what == "lose" and -1 or 1)
      if heap.children == 0 and not heap.again then
        heap.again = true
        poe.Session.create { inline_states = client }
      end
    end,
  },
}
