-- A web server: the HTTPD filter, a few routes, and a client that keeps its connection.

local poe = require "poe"

-- A response is a table. Length, reason, date and so on are added by the filter.
local function response_of(status, kind, content)
  return { status = status, headers = { ["Content-Type"] = "text/" .. kind }, content = content }
end

-- A route takes a request and gives a response.
local routes = {}

routes["GET /"] = function()
  return response_of(200, "html", "<h1>It works</h1>")
end

routes["GET /hello"] = function(request)
  local params = request:query_params() or {} -- it has limits, too
  return response_of(200, "plain", "hello " .. (params.name or "stranger"))
end

routes["POST /count"] = function(request)
  return response_of(200, "plain", "it has " .. #request.content .. " bytes")
end

-- HEAD is GET without the content, which the filter leaves out by itself.
local function answer(request)
  local method = request.method == "HEAD" and "GET" or request.method
  local route = routes[method .. " " .. request.path]
  if route then return route(request) end
  return response_of(404, "plain", "there is no " .. request.path)
end

local server = {
  _start = function(ctx)
    ctx.heap.listener = poe.wheel.SocketFactory.new {
      bind_address = "127.0.0.1",
      success_event = "connected",
      failure_event = "failed",
    }
    local address, port = ctx.heap.listener:getsockname()
    return address and port
  end,

  -- max_content: how much anybody may send us.
  connected = function(_, handle)
    poe.wheel.ReadWrite.new {
      handle = handle,
      filter = poe.filter.HTTPD.new { max_content = 100 },
      input_event = "request",
      error_event = "gone",
    }
  end,

  -- What makes no sense, or is too much, arrives as the answer that it
  -- deserves, and has only to be put. Then we say no more, and wait for the
  -- client to leave: if we closed while it is still sending, its system might
  -- throw our answer away.
  request = function(ctx, request, id)
    local wheel = ctx.session:wheel(id)
    if request.is_response then
      wheel:put(request)
      wheel:shutdown_output { flush = true }
    else
      wheel:put(answer(request))
      if not request.keep_alive then wheel:close_after_flush() end
    end
  end,

  -- Clients leave when they like.
  gone = function(ctx, _, _, _, id)
    ctx.session:wheel(id):destroy()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("server: " .. operation .. ": " .. message .. "\n")
  end,

  finish = function(ctx)
    ctx.heap.listener:destroy()
  end,
}

local client = {
  _start = function(ctx, port)
    ctx.heap.requests = {
      { uri = "/" },
      { uri = "/hello?name=J%C3%BCrgen+M." },
      { method = "POST", uri = "/count", content = "a few words" },
      { uri = "/nowhere" },
      { method = "HEAD", uri = "/" },
      { method = "POST", uri = "/count", content = ("x"):rep(101) },
    }
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
      filter = poe.filter.HTTPClient.new { max_content = 100000 },
      input_event = "response",
      error_event = "over",
    }
    ctx.kernel:yield("ask")
  end,

  -- All on one connection. (Without waiting for the answers would be right as
  -- well: the filter knows which answer belongs to which request.)
  ask = function(ctx)
    local request = table.remove(ctx.heap.requests, 1)
    if request then
      request.headers = { Host = "localhost" }
      print((request.method or "GET") .. " " .. request.uri)
      ctx.heap.wheel:put(request)
    else
      ctx.heap.wheel:destroy()
    end
  end,

  response = function(ctx, response)
    print(("  %d %s, %d bytes"):format(response.status, response.reason, #response.content))
    if response:header("Content-Type") == "text/plain" then print("  " .. response.content) end
    -- Otherwise the server is going to close, and that is told as well.
    if response.keep_alive then ctx.kernel:yield("ask") end
  end,

  over = function(ctx, operation, errno, message)
    print(errno == 0 and "the server has closed" or operation .. ": " .. message)
    ctx.heap.wheel:destroy()
  end,

  failed = function(_, operation, _, message)
    io.stderr:write("client: " .. operation .. ": " .. message .. "\n")
  end,
}

poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.heap.server = poe.Session.create { inline_states = server }
    end,

    _child = function(ctx, what, child, port)
      if what == "create" and port then
        poe.Session.create { inline_states = client, args = { port } }
      elseif what == "lose" and child ~= ctx.heap.server then
        ctx.kernel:post(ctx.heap.server, "finish")
      end
    end,
  },
}
