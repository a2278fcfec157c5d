-- A web server for other programs: web.lua CERTIFICATE-FILE. It prints three ports: plain, one that takes bodies in pieces, and one
-- with TLS. It answers with the method, the path and the body.
local poe = require "poe"

local cert, key = assert(poe.tls.self_signed())
local f = assert(io.open(arg[1], "w"))
assert(f:write(cert))
assert(f:close())

local function serve(streaming, tls)
  local port
  poe.Session.create { inline_states = {
    _start = function()
      local listener = poe.wheel.SocketFactory.new {
        bind_address = "127.0.0.1", tls = tls, success_event = "connected", failure_event = "failed",
      }
      port = select(2, listener:getsockname())
    end,
    connected = function(ctx, handle)
      local wheel = poe.wheel.ReadWrite.new {
        handle = handle, filter = poe.filter.HTTPD.new { streaming = streaming }, error_event = "gone",
        input_event = streaming and "piece" or "request",
      }
      ctx.heap[wheel:id()] = {}
    end,
    piece = function(ctx, item, id)
      local wheel, c = ctx.session:wheel(id), ctx.heap[id]
      if type(item) == "string" then
        c.body[#c.body + 1] = item
      elseif item.is_end then
        c.request.content = table.concat(c.body)
        ctx.kernel:call(ctx.session, "request", c.request, id)
      elseif item.is_response then
        ctx.kernel:call(ctx.session, "request", item, id)
      else
        c.request, c.body = item, {}
        if item.expect_continue then wheel:put { status = 100 } end
      end
    end,
    request = function(ctx, request, id)
      local wheel = ctx.session:wheel(id)
      if request.is_response then
        wheel:put(request)
        wheel:shutdown_output { flush = true }
        return
      end
      wheel:put { status = 200, content = request.method .. " " .. request.path .. " " .. request.content .. "\n" }
      if not request.keep_alive then wheel:close_after_flush() end
    end,
    gone = function(ctx, _, _, _, id)
      ctx.session:wheel(id):destroy()
      ctx.heap[id] = nil
    end,
    failed = function(_, operation, _, message) io.stderr:write(operation, ": ", message, "\n") end,
  } }
  return port
end

print(serve(false), serve(true), serve(false, { cert = cert, key = key }))
io.stdout:flush()
