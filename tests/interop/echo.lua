-- An echo server for other programs: echo.lua tcp | tls CERTIFICATE-FILE | unix PATH | udp. It prints where it listens, and runs
-- until it is ended. A line "quit" has it close the connection.
local poe = require "poe"

local kind, path = arg[1], arg[2]
local params = { success_event = "connected", failure_event = "failed" }
if kind == "unix" then
  params.socket_domain, params.bind_address = "unix", path
else
  params.bind_address = "127.0.0.1"
end
if kind == "tls" then
  local cert, key = assert(poe.tls.self_signed())
  local f = assert(io.open(path, "w"))
  assert(f:write(cert))
  assert(f:close())
  params.tls = { cert = cert, key = key }
end

local function say(wheel)
  local address, port = wheel:getsockname()
  print(port or address)
  io.stdout:flush()
end

poe.Session.create { inline_states = {
  _start = function(ctx)
    if kind == "udp" then
      ctx.heap.w = poe.wheel.Datagram.new { bind_address = "127.0.0.1", input_event = "datagram", error_event = "failed" }
      say(ctx.heap.w)
    else
      say(poe.wheel.SocketFactory.new(params))
    end
  end,
  connected = function(_, handle)
    poe.wheel.ReadWrite.new { handle = handle, input_event = "line", error_event = "gone" }
  end,
  line = function(ctx, line, id)
    local wheel = ctx.session:wheel(id)
    wheel:put(line)
    if line == "quit" then wheel:close_after_flush() end
  end,
  gone = function(ctx, operation, errno, message, id)
    if errno ~= 0 then io.stderr:write(operation, ": ", message, "\n") end
    local wheel = ctx.session:wheel(id)
    if operation == "read" then wheel:close_after_flush() end
  end,
  datagram = function(ctx, payload, address, port) assert(ctx.heap.w:put(payload, address, port)) end,
  failed = function(_, operation, _, message) io.stderr:write(operation, ": ", message, "\n") end,
} }
