-- The echo server without wheels: watchers in the place of a loop around select.

local poe = require "poe"

local total = 1000000 -- bytes that the client sends, far more than a socket holds

-- In a loop around select a program keeps lists of the sockets to be read and
-- to be written, and looks up whose turn it is. Here the kernel has the lists:
-- select_read and select_write enter a handle, and remove it when no event is
-- named. What remains is the handlers.
local server = {
  _start = function(ctx)
    ctx.heap.waiting = {} -- what is still to be sent, by handle
    local listener = assert(poe.socket.listen { bind_address = "127.0.0.1" })
    ctx.heap.listener = listener
    ctx.kernel:select_read(listener, "connecting")
    local _, port = listener:sockname()
    return port
  end,

  -- A listening socket is readable when somebody waits at it. Sockets never
  -- block: had the client left meanwhile, accept would give nil.
  connecting = function(ctx, listener)
    local handle, message, code = listener:accept()
    if handle then
      ctx.heap.waiting[handle] = ""
      ctx.kernel:select_read(handle, "readable")
    elseif code ~= poe.errno.EAGAIN then
      io.stderr:write("server: " .. message .. "\n")
    end
  end,

  readable = function(ctx, handle)
    local bytes, message, code = handle:read()
    if bytes then
      ctx.heap.waiting[handle] = bytes
      -- First this goes out, then more is read. A client that only talks and
      -- never listens will fill its own memory, not ours.
      ctx.kernel:select_pause_read(handle)
      ctx.kernel:select_write(handle, "writable")
    elseif code ~= poe.errno.EAGAIN then
      if code ~= 0 then io.stderr:write("server: " .. message .. "\n") end
      ctx.kernel:yield("leave", handle)
    end
  end,

  -- A socket takes what it has room for. The watcher is removed as soon as
  -- there is nothing more to write, else it would be called for ever.
  writable = function(ctx, handle)
    local waiting = ctx.heap.waiting
    local taken, message, code = handle:write(waiting[handle])
    if taken then
      waiting[handle] = waiting[handle]:sub(taken + 1)
      if waiting[handle] == "" then
        ctx.kernel:select_write(handle)
        ctx.kernel:select_resume_read(handle)
      end
    elseif code ~= poe.errno.EAGAIN then
      io.stderr:write("server: " .. message .. "\n")
      ctx.kernel:yield("leave", handle)
    end
  end,

  -- Closing a handle removes its watchers. This server serves one client only.
  leave = function(ctx, handle)
    print("server: the client is gone")
    ctx.heap.waiting[handle] = nil
    handle:close()
    ctx.heap.listener:close()
  end,
}

-- The client writes and reads at the same time. If it first wrote everything,
-- both sides would wait for each other: the server has only so much room.
local client = {
  _start = function(ctx, port)
    ctx.heap.left = ("0123456789"):rep(total / 10)
    ctx.heap.got = {}

    -- To connect takes time, so there is no call that waits for it. A wheel
    -- does it, and gives a handle, which may be watched by hand like any other.
    poe.wheel.SocketFactory.new {
      remote_address = "127.0.0.1",
      remote_port = port,
      success_event = "connected",
      failure_event = "failed",
    }
  end,

  connected = function(ctx, handle)
    ctx.kernel:select_read(handle, "readable")
    ctx.kernel:select_write(handle, "writable")
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("client: " .. operation .. ": " .. message .. "\n")
  end,

  -- shutdown ends one direction: the server sees the end of its input, and we
  -- go on reading.
  writable = function(ctx, handle)
    local taken, message, code = handle:write(ctx.heap.left)
    if taken then
      ctx.heap.left = ctx.heap.left:sub(taken + 1)
      if ctx.heap.left == "" then
        ctx.kernel:select_write(handle)
        handle:shutdown("write")
      end
    elseif code ~= poe.errno.EAGAIN then
      io.stderr:write("client: " .. message .. "\n")
      handle:close()
    end
  end,

  readable = function(ctx, handle)
    local got = ctx.heap.got
    local bytes, message, code = handle:read()
    if bytes then
      got[#got + 1] = bytes
    elseif code ~= poe.errno.EAGAIN then
      if code ~= 0 then io.stderr:write("client: " .. message .. "\n") end
      handle:close()
      local same = table.concat(got) == ("0123456789"):rep(total / 10)
      print("client: all came back: " .. tostring(same))
    end
  end,
}

-- What a child's _start returns is the value of its "create".
poe.Session.create {
  inline_states = {
    _start = function()
      poe.Session.create { inline_states = server }
    end,

    _child = function(_, what, _, port)
      if what == "create" and port then
        poe.Session.create { inline_states = client, args = { port } }
      end
    end,
  },
}
