-- An echo server: a listening wheel, and a session for each connection that talks to its own wheel.
local poe = require "poe"
local kernel = poe.kernel

local connection = {}

connection._start = function(ctx, handle)
  local heap = ctx.heap
  heap.wheel = poe.wheel.ReadWrite.new{
    handle = handle,
    filter = poe.filter.Line.new(),
    input_event = "got_line",
    error_event = "got_error",
    flushed_event = function(c) c.kernel:delay("idle", 60) end,
  }
  kernel:delay("idle", 60)
end

function connection.got_line(ctx, line)
  if line == "quit" then return kernel:yield("goodbye") end
  ctx.heap.wheel:put(line)
  local k = ctx.kernel
  k:delay("idle", 60)
end

function connection.got_error(ctx, operation, errno, message)
  if errno ~= 0 then io.stderr:write(("%s: %s\n"):format(operation, message)) end
  kernel:yield "goodbye"
end

function connection.goodbye(ctx)
  kernel:delay("idle")
  ctx.heap.wheel:destroy()
end

connection["idle"] = connection.goodbye

poe.Session.create{
  inline_states = {
    _start = function(ctx)
      ctx.heap.clients = {}
      ctx.heap.listener = poe.wheel.SocketFactory.new{
        bind_port = 7, success_event = "accepted", failure_event = "failed",
      }
    end,
    accepted = function(ctx, handle, address)
      ctx.heap.clients[address] = handle
      poe.Session.create{ inline_states = connection, args = { handle } }
    end,
    failed = function(ctx, operation, errno, message) error(operation .. ": " .. message) end,
  },
}
