-- A client for other programs' servers: client.lua PORT CERTIFICATE-FILE|- LINE... It sends the lines, prints what comes back,
-- and ends with the server.
local poe = require "poe"

poe.Session.create { inline_states = {
  _start = function()
    poe.wheel.SocketFactory.new {
      remote_address = "127.0.0.1", remote_port = tonumber(arg[1]), tls = arg[2] ~= "-" and { ca = arg[2] } or nil,
      success_event = "connected", failure_event = "failed",
    }
  end,
  connected = function(ctx, handle)
    ctx.heap.w = poe.wheel.ReadWrite.new { handle = handle, input_event = "line", error_event = "over" }
    ctx.heap.w:put(unpack(arg, 3))
  end,
  line = function(_, line) print(line) end,
  over = function(ctx, operation, errno, message)
    print(errno == 0 and "the end" or operation .. ": " .. message)
    ctx.heap.w:destroy()
  end,
  failed = function(_, operation, _, message) print(operation .. ": " .. message) end,
} }
