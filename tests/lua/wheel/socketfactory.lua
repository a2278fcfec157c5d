-- SocketFactory: W39 to W50, W52 to W54, W56, and what its sections say besides.
local t = require "poe.test"
local poe = require "poe"

local real = { clock = "real" }
local errno = poe.errno
local Factory = poe.wheel.SocketFactory

local function pack(...) return { n = select("#", ...), ... } end

-- session makes one with these states; what has none is an error.
local function session(states)
  states._default = states._default or function(_, event) error("the event '" .. event .. "' was not expected") end
  states._stop = states._stop or function() end
  states._child = states._child or function() end
  return poe.Session.create { inline_states = states }
end

-- factory makes a wheel for these parameters; the events are "success" and "failure".
local function factory(parameters)
  parameters.success_event = parameters.success_event or "success"
  parameters.failure_event = parameters.failure_event or "failure"
  return Factory.new(parameters)
end

-- server is a factory that listens at a port of the system's choice, and that port.
local function server(parameters)
  parameters = parameters or {}
  parameters.bind_address = parameters.bind_address or "127.0.0.1"
  local w = factory(parameters)
  return w, select(2, w:getsockname())
end

-- client is a factory that connects to a port of this machine.
local function client(port, parameters)
  parameters = parameters or {}
  parameters.remote_address, parameters.remote_port = "127.0.0.1", port
  return factory(parameters)
end

-- closed_port is one where nobody listens.
local function closed_port()
  local h = poe.socket.listen { bind_address = "127.0.0.1" }
  local _, port = h:sockname()
  h:close()
  return port
end

-- free_path gives a path where nothing is.
local function free_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function ipv6()
  local h = poe.socket.listen { bind_address = "::1" }
  if h then h:close() end
  return { clock = "real", skip = not h and "no IPv6 here" or nil }
end

local function abstract_names()
  local h = poe.socket.unix { bind = "@poelua-" .. poe.pid() .. "-probe" }
  if h then h:close() end
  return { clock = "real", skip = not h and "no abstract names here" or nil }
end

-- fails makes a factory that fails, with this operation and error, told by an event after new has returned.
local function fails(case, parameters, operation, code)
  local made, told
  session {
    _start = function(ctx)
      made = factory(type(parameters) == "function" and parameters() or parameters)
      t.is(told, nil, "within new")
      t.is(made:is_alive(), true)
      t.is(ctx.session:wheel(made:id()), made)
    end,
    failure = case.expect(1, function(ctx, ...)
      told = pack(...)
      t.is(made:is_alive(), true)
    end),
  }
  case.after(function()
    t.same({ told[1], told[2], told[4], told.n }, { operation, errno[code], made:id(), 4 })
    t.truthy(type(told[3]) == "string" and told[3] ~= "")
    t.is(made:is_alive(), false)
    t.failure("EBADF", made:getsockname())
  end)
end

t.case("W39 a TCP server on port 0 tells its address; both success events have handle, address, port and id", function(case)
  local w, c, port, local_port
  session {
    _start = function(ctx)
      w, port = server()
      t.same(pack(w:getsockname()), pack("127.0.0.1", port))
      t.truthy(port > 0)
      c = client(port, { success_event = "connected" })
    end,
    success = case.expect(1, function(ctx, handle, addr, from, id, ...)
      t.is(handle:kind(), "tcp")
      t.same(pack(handle:peername()), pack(addr, from))
      t.same(pack(addr, id, ...), pack("127.0.0.1", w:id()))
      t.is(type(from), "number")
      t.is(handle:option("nodelay"), true)
      local_port = from
      handle:close()
      w:destroy()
    end),
    connected = case.expect(1, function(ctx, handle, ...)
      t.is(handle:kind(), "tcp")
      t.same(pack(...), pack("127.0.0.1", port, c:id()))
      t.same(pack(c:getsockname()), pack(handle:sockname()))
      t.is(handle:option("nodelay"), true)
      ctx.heap.port = select(2, handle:sockname())
      handle:close()
    end),
    _stop = function(ctx) t.is(local_port, ctx.heap.port) end,
  }
end, real)

t.case("W39 nodelay = false leaves small writes to the system", function(case)
  session {
    _start = function(ctx)
      local w, port = server { nodelay = false }
      ctx.heap.w = w
      client(port, { success_event = "connected", nodelay = false })
    end,
    success = case.expect(1, function(ctx, handle) t.is(handle:option("nodelay"), false) handle:close() ctx.heap.w:destroy() end),
    connected = case.expect(1, function(ctx, handle) t.is(handle:option("nodelay"), false) handle:close() end),
  }
end, real)

t.case("W40 a refused connection is told after new has returned", function(case)
  fails(case, { remote_address = "127.0.0.1", remote_port = closed_port() }, "connect", "ECONNREFUSED")
end, real)

t.case("W41 a name that does not resolve", function(case)
  fails(case, { remote_address = "not a host", remote_port = 80 }, "getaddrinfo", "EADDRNOTAVAIL")
  fails(case, { bind_address = "not a host" }, "getaddrinfo", "EADDRNOTAVAIL")
end, real)

t.case("W41 a service that does not exist", function(case)
  fails(case, { remote_address = "127.0.0.1", remote_port = "no-such-service" }, "getservbyname", "EADDRNOTAVAIL")
  fails(case, { bind_port = "no-such-service" }, "getservbyname", "EADDRNOTAVAIL")
  fails(case, { remote_address = "127.0.0.1", remote_port = "65536" }, "getservbyname", "EADDRNOTAVAIL")
end, real)

t.case("W41 an address of another family than the one that is said", function(case)
  fails(case, { remote_address = "::1", remote_port = 80, socket_domain = "inet" }, "getaddrinfo", "EADDRNOTAVAIL")
  fails(case, { bind_address = "127.0.0.1", socket_domain = "inet6" }, "getaddrinfo", "EADDRNOTAVAIL")
  fails(case, { bind_address = "::1", remote_address = "127.0.0.1", remote_port = 80 }, "bind", "EAFNOSUPPORT")
end, real)

t.case("W41 a port as a string of digits", function(case)
  session {
    _start = function(ctx)
      local w, port = server { bind_port = "0" }
      ctx.heap.w = w
      client(tostring(port), { success_event = "connected" })
    end,
    success = case.expect(1, function(ctx, handle) handle:close() ctx.heap.w:destroy() end),
    connected = case.expect(1, function(ctx, handle) handle:close() end),
  }
end, real)

t.case("W42 an address in use", function(case)
  local h = poe.socket.listen { bind_address = "127.0.0.1" }
  fails(case, { bind_address = "127.0.0.1", bind_port = select(2, h:sockname()) }, "bind", "EADDRINUSE")
  case.after(function() h:close() end)
end, real)

t.case("W42 an address that is nobody's here", function(case)
  fails(case, { bind_address = "192.0.2.1" }, "bind", "EADDRNOTAVAIL")
  fails(case, { bind_address = "192.0.2.1", remote_address = "127.0.0.1", remote_port = 9 }, "bind", "EADDRNOTAVAIL")
end, real)

t.case("W42 reuse allows to bind at once where connections linger", function(case)
  local w, port
  session {
    _start = function(ctx)
      w, port = server { reuse = "yes" }
      client(port, { success_event = "connected" })
    end,
    success = case.expect(1, function(ctx, handle)
      handle:close() -- this side closes first: it is the one that lingers
      w:destroy()
    end),
    connected = case.expect(1, function(ctx, handle) ctx.kernel:select_read(handle, "over") end),
    over = case.expect(1, function(ctx, handle)
      t.same(pack(handle:read()), pack(nil, "", 0))
      handle:close()
      local again = server { bind_port = port, reuse = true }
      t.same(pack(again:getsockname()), pack("127.0.0.1", port))
      again:destroy()
    end),
  }
end, real)

t.case("W43 localhost connects where IPv4 listens", function(case)
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w, ctx.heap.port = w, port
      factory { remote_address = "localhost", remote_port = port, success_event = "connected" }
    end,
    success = case.expect(1, function(ctx, handle) handle:close() ctx.heap.w:destroy() end),
    connected = case.expect(1, function(ctx, handle, addr, port)
      t.same({ addr, port }, { "127.0.0.1", ctx.heap.port })
      handle:close()
    end),
  }
end, real)

t.case("W43 a server's address can be a name", function(case)
  session {
    _start = function(ctx)
      ctx.heap.w = factory { bind_address = "localhost" }
      t.failure("ENOTCONN", ctx.heap.w:getsockname())
      ctx.kernel:yield("look", 0)
    end,
    look = function(ctx)
      local addr, port = ctx.heap.w:getsockname()
      if not addr then return ctx.kernel:delay("look", 0.001) end
      t.is(addr, "127.0.0.1")
      ctx.heap.w:destroy()
    end,
  }
end, real)

-- unix_stream connects over a name.
local function unix_stream(case, name)
  local own = name .. "-client"
  session {
    _start = function(ctx)
      local w = factory { socket_domain = "unix", bind_address = name }
      t.same(pack(w:getsockname()), pack(name, nil))
      ctx.heap.w = w
      ctx.heap.c = factory { socket_domain = "unix", remote_address = name, success_event = "connected" }
      factory { socket_domain = "unix", remote_address = name, bind_address = own, success_event = "connected" }
      ctx.heap.from = {}
    end,
    success = case.expect(2, function(ctx, handle, addr, port, id, ...)
      t.is(handle:kind(), "unix")
      t.is(type(addr), "string")
      t.same(pack(port, id, ...), pack(nil, ctx.heap.w:id()))
      handle:close()
      ctx.heap.from[#ctx.heap.from + 1] = addr
      if #ctx.heap.from == 2 then
        ctx.heap.w:destroy()
        table.sort(ctx.heap.from)
        t.same(ctx.heap.from, { "", own })
      end
    end),
    connected = case.expect(2, function(ctx, handle, addr, port, id, ...)
      t.same(pack(addr, port, type(id), ...), pack(name, nil, "number"))
      handle:close()
    end),
  }
  case.after(function() t.is(os.rename(name, name), nil) end)
end

t.case("W44 UNIX streams: the client's address is its path, or empty", function(case) unix_stream(case, free_path()) end, real)
t.case("W44 UNIX streams over abstract names", function(case) unix_stream(case, "@poelua-" .. poe.pid() .. "-factory") end, abstract_names())

t.case("W44 UNIX paths that cannot be", function(case)
  local path = free_path()
  local live = poe.socket.listen { path = path }
  fails(case, { socket_domain = "unix", remote_address = path .. "-missing" }, "connect", "ENOENT")
  fails(case, { socket_domain = "unix", remote_address = ("x"):rep(200) }, "connect", "ENAMETOOLONG")
  fails(case, { socket_domain = "unix", bind_address = ("x"):rep(200) }, "bind", "ENAMETOOLONG")
  fails(case, { socket_domain = "unix", bind_address = path }, "bind", "EADDRINUSE")
  fails(case, { socket_domain = "unix", bind_address = path, reuse = true }, "bind", "EADDRINUSE")
  case.after(function() live:close() end)
end, real)

t.case("W44 a stale path is replaced with reuse, and keep_path leaves it", function(case)
  local path = free_path()
  session {
    _start = function(ctx)
      factory { socket_domain = "unix", bind_address = path, keep_path = true }:destroy()
      t.is(os.rename(path, path), true)
      local w = factory { socket_domain = "unix", bind_address = path, reuse = "on" }
      t.is(w:getsockname(), path)
      w:destroy()
      t.is(os.rename(path, path), nil)
    end,
  }
end, real)

t.case("W44 a full UNIX listener is waited for", function(case)
  local path = free_path()
  session {
    _start = function(ctx)
      local listener = assert(poe.socket.listen { path = path, listen_queue = 1 })
      ctx.heap.left = 8
      for _ = 1, 8 do factory { socket_domain = "unix", remote_address = path, success_event = "connected" } end
      ctx.heap.listener = listener
      ctx.kernel:delay("accept", 0.02)
    end,
    accept = function(ctx)
      poe.wheel.ListenAccept.new { handle = ctx.heap.listener, accept_event = "accepted" }
    end,
    accepted = case.expect(8, function(ctx, handle, _, _, id)
      handle:close()
      ctx.heap.left = ctx.heap.left - 1
      if ctx.heap.left == 0 then ctx.session:wheel(id):destroy() end
    end),
    connected = case.expect(8, function(ctx, handle) handle:close() end),
  }
end, real)

t.case("W45 UDP succeeds once, later, with nil for address and port; an echo by watching the handle", function(case)
  local w, inside
  session {
    _start = function(ctx)
      inside = true
      w = factory { bind_address = "127.0.0.1", socket_protocol = "udp" }
      inside = false
      local addr, port = w:getsockname()
      t.is(addr, "127.0.0.1")
      ctx.heap.port = port
    end,
    success = case.expect(1, function(ctx, handle, ...)
      t.is(inside, false)
      t.same(pack(...), pack(nil, nil, w:id()))
      t.is(handle:kind(), "udp")
      t.is(w:is_alive(), true)
      ctx.kernel:select_read(handle, "asked")
      factory { remote_address = "127.0.0.1", remote_port = ctx.heap.port, socket_protocol = "udp", success_event = "ready" }
    end),
    ready = case.expect(1, function(ctx, handle, addr, port)
      t.same({ addr, port }, { "127.0.0.1", ctx.heap.port })
      t.is(w:is_alive(), false)
      handle:send("ping")
      ctx.kernel:select_read(handle, "answered")
    end),
    asked = case.expect(1, function(ctx, handle)
      local item, addr, port = handle:recv()
      handle:send(item .. "!", addr, port)
      handle:close()
    end),
    answered = case.expect(1, function(ctx, handle) t.is(handle:recv(), "ping!") handle:close() end),
  }
end, real)

t.case("W45 UNIX datagrams", function(case)
  local path = free_path()
  session {
    _start = function(ctx) factory { socket_domain = "unix", socket_type = "datagram", bind_address = path } end,
    success = case.expect(1, function(ctx, handle, addr, port)
      t.same(pack(handle:kind(), addr, port), pack("unixgram", nil, nil))
      ctx.heap.bound = handle
      factory { socket_domain = "unix", socket_type = "datagram", remote_address = path, success_event = "ready" }
    end),
    ready = case.expect(1, function(ctx, handle, addr, port)
      t.same(pack(addr, port), pack(path, nil))
      handle:send("x")
      t.is(ctx.heap.bound:recv(), "x")
      handle:close() ctx.heap.bound:close()
    end),
  }
end, real)

t.case("W46 paused accepting leaves clients connected; resumed, they come", function(case)
  local log = t.log()
  session {
    _start = function(ctx)
      local w, port = server()
      t.success(w:pause_accept())
      ctx.heap.w = w
      client(port, { success_event = "connected" })
    end,
    connected = case.expect(1, function(ctx, handle)
      log("connected")
      ctx.heap.handle = handle
      ctx.kernel:delay("resume", 0.02)
    end),
    resume = function(ctx) log("resume") t.success(ctx.heap.w:resume_accept()) end,
    success = case.expect(1, function(ctx, handle)
      log("accepted")
      handle:close() ctx.heap.handle:close() ctx.heap.w:destroy()
    end),
  }
  case.after(function() log:is("connected resume accepted") end)
end, real)

t.case("W46 pausing in the handler holds back the rest of those that wait", function(case)
  local log = t.log()
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w, ctx.heap.left = w, 3
      t.success(w:pause_accept())
      for _ = 1, 3 do client(port, { success_event = "connected" }) end
    end,
    connected = case.expect(3, function(ctx, handle)
      handle:close()
      ctx.heap.left = ctx.heap.left - 1
      if ctx.heap.left == 0 then ctx.heap.w:resume_accept() end
    end),
    success = case.expect(3, function(ctx, handle)
      log("accepted")
      handle:close()
      ctx.heap.left = ctx.heap.left + 1
      if ctx.heap.left == 3 then return ctx.heap.w:destroy() end
      ctx.heap.w:pause_accept()
      ctx.kernel:delay("resume", 0.002)
    end),
    resume = function(ctx) log("resume") ctx.heap.w:resume_accept() end,
  }
  case.after(function() log:is("accepted resume accepted resume accepted") end)
end, real)

t.case("W47 connect_timeout for a listener whose queue is full", function(case)
  local listener = poe.socket.listen { bind_address = "127.0.0.1", listen_queue = 1 }
  local _, port = listener:sockname()
  local most, open, timed_out = 10, {}, 0
  session {
    _start = function(ctx)
      for _ = 1, most do client(port, { connect_timeout = 0.1 }) end
    end,
    success = function(ctx, handle) open[#open + 1] = handle end,
    failure = function(ctx, op, number, text, id)
      t.same({ op, number }, { "connect", errno.ETIMEDOUT })
      timed_out = timed_out + 1
    end,
    _stop = function()
      t.is(#open + timed_out, most)
      t.truthy(timed_out > 0)
      for _, h in ipairs(open) do h:close() end
      listener:close()
    end,
  }
end, real)

t.case("W47 connect_timeout for a full UNIX listener", function(case)
  local path = free_path()
  local listener = poe.socket.listen { path = path, listen_queue = 1 }
  local open, timed_out = {}, 0
  session {
    _start = function(ctx)
      for _ = 1, 8 do factory { socket_domain = "unix", remote_address = path, connect_timeout = 0.05 } end
    end,
    success = function(ctx, handle) open[#open + 1] = handle end,
    failure = function(ctx, op, number)
      t.same({ op, number }, { "connect", errno.ETIMEDOUT })
      timed_out = timed_out + 1
    end,
    _stop = function()
      t.truthy(timed_out > 0)
      t.is(#open + timed_out, 8)
      for _, h in ipairs(open) do h:close() end
      listener:close()
    end,
  }
end, real)

t.case("W47 a connection in time is not disturbed by connect_timeout", function(case)
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w = w
      client(port, { connect_timeout = 0.05, success_event = "connected" })
    end,
    success = case.expect(1, function(ctx, handle) ctx.heap.peer = handle end),
    connected = case.expect(1, function(ctx, handle)
      ctx.heap.handle = handle
      ctx.kernel:delay("later", 0.08)
    end),
    later = function(ctx)
      t.is(ctx.heap.handle:is_open(), true)
      ctx.heap.handle:close() ctx.heap.peer:close() ctx.heap.w:destroy()
    end,
  }
end, real)

t.case("W48 IPv6: an address with a colon says it", function(case)
  session {
    _start = function(ctx)
      local w, port = server { bind_address = "::1" }
      t.is(w:getsockname(), "::1")
      ctx.heap.w = w
      factory { remote_address = "::1", remote_port = port, success_event = "connected" }
    end,
    success = case.expect(1, function(ctx, handle, addr) t.is(addr, "::1") handle:close() ctx.heap.w:destroy() end),
    connected = case.expect(1, function(ctx, handle, addr) t.is(addr, "::1") handle:close() end),
  }
end, ipv6())

t.case("W48 localhost connects where IPv6 listens, if it has such an address", function(case)
  session {
    _start = function(ctx)
      local w, port = server { bind_address = "::1" }
      ctx.heap.w = w
      factory { remote_address = "localhost", remote_port = port, success_event = "connected", failure_event = "none" }
    end,
    success = function(ctx, handle) handle:close() ctx.heap.w:destroy() end,
    connected = function(ctx, handle, addr) t.is(addr, "::1") handle:close() end,
    none = function(ctx, op, number) -- the machine's list of hosts has only IPv4 for it
      t.same({ op, number }, { "connect", errno.ECONNREFUSED })
      ctx.heap.w:destroy()
    end,
  }
end, ipv6())

t.case("W48 a server of inet6 without an address is at all of them", function(case)
  session {
    _start = function(ctx)
      local w = factory { socket_domain = "inet6" }
      t.is(w:getsockname(), "::")
      w:destroy()
      for try = 1, 20 do -- somebody may have the port of the other family
        w = factory { socket_domain = "inet6", only_v6 = true }
        local _, port = w:getsockname()
        local other = poe.socket.listen { bind_address = "0.0.0.0", bind_port = port }
        w:destroy()
        if other then return other:close() end
      end
      error("of 20 ports of IPv6 alone none was free in IPv4")
    end,
  }
end, ipv6())

t.case("W49 a client's wheel does not keep its session once it has connected, and is gone after the handler", function(case)
  local listener = poe.socket.listen { bind_address = "127.0.0.1" }
  local log = t.log()
  local handle
  session {
    _start = function(ctx) ctx.heap.w = client(select(2, listener:sockname())) end,
    success = case.expect(1, function(ctx, h)
      handle = h
      log("connected")
      t.is(ctx.heap.w:is_alive(), true)
      t.same(ctx.session:wheels(), { ctx.heap.w })
    end),
    _stop = function(ctx)
      log("stops")
      t.is(ctx.heap.w:is_alive(), false)
    end,
  }
  case.after(function()
    log:is("connected stops")
    t.is(handle:is_open(), true)
    handle:close() listener:close()
  end)
end, real)

t.case("W49 destroy in the handler leaves the handle open", function(case)
  local listener = poe.socket.listen { bind_address = "127.0.0.1" }
  session {
    _start = function(ctx) ctx.heap.w = client(select(2, listener:sockname())) end,
    success = case.expect(1, function(ctx, h)
      t.success(ctx.heap.w:destroy())
      t.is(h:is_open(), true)
      t.is(h:write("x"), 1)
      h:close() listener:close()
    end),
  }
end, real)

t.case("W50 destroying a server leaves connections alive, and refuses new ones", function(case)
  local port
  session {
    _start = function(ctx)
      ctx.heap.w, port = server()
      client(port, { success_event = "connected" })
    end,
    connected = case.expect(1, function(ctx, handle) ctx.heap.mine = handle ctx.kernel:yield("go") end),
    success = case.expect(1, function(ctx, handle) ctx.heap.theirs = handle ctx.kernel:yield("go") end),
    go = function(ctx)
      if not (ctx.heap.mine and ctx.heap.theirs) or ctx.heap.gone then return end
      ctx.heap.gone = true
      ctx.heap.w:destroy()
      t.is(ctx.heap.mine:write("x"), 1)
      ctx.kernel:select_read(ctx.heap.theirs, "readable")
    end,
    readable = case.expect(1, function(ctx, handle)
      t.is(handle:read(), "x")
      handle:close() ctx.heap.mine:close()
      client(port)
    end),
    failure = case.expect(1, function(ctx, op, number) t.same({ op, number }, { "connect", errno.ECONNREFUSED }) end),
  }
end, real)

t.case("W50 destroying a server in its handler leaves those that wait", function(case)
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w, ctx.heap.left = w, 3
      w:pause_accept()
      for _ = 1, 3 do client(port, { success_event = "connected" }) end
    end,
    connected = case.expect(3, function(ctx, handle)
      handle:close()
      ctx.heap.left = ctx.heap.left - 1
      if ctx.heap.left == 0 then ctx.heap.w:resume_accept() end
    end),
    success = case.expect(1, function(ctx, handle) handle:close() ctx.heap.w:destroy() end),
  }
end, real)

t.case("W50 destroying a client before it has connected: no event", function(case)
  local path = free_path()
  session {
    _start = function(ctx)
      local listener = poe.socket.listen { bind_address = "127.0.0.1", listen_queue = 1 }
      local full = poe.socket.listen { path = path, listen_queue = 1 }
      local _, port = listener:sockname()
      local all = {
        client(port), client(closed_port()), factory { remote_address = "localhost", remote_port = port },
        factory { bind_address = "localhost" }, factory { socket_protocol = "udp" }, factory { bind_address = "192.0.2.1" },
      }
      for _ = 1, 6 do all[#all + 1] = factory { socket_domain = "unix", remote_address = path } end
      for _, w in ipairs(all) do
        t.is(w:is_alive(), true)
        t.success(w:destroy())
        t.success(w:destroy())
        t.failure("EBADF", w:pause_accept())
        t.failure("EBADF", w:detach())
      end
      listener:close() full:close()
      ctx.kernel:delay("later", 0.03)
    end,
    later = function() end,
  }
end, real)

t.case("W50 a session that stops takes its wheels along: no event", function(case)
  local path = free_path()
  local w, port
  session {
    _start = function(ctx)
      ctx.kernel:sig("TERM", "over")
      w, port = server()
      factory { remote_address = "localhost", remote_port = port }
      factory { socket_protocol = "udp" }
      client(port)
      ctx.kernel:signal(ctx.session, "TERM")
    end,
    over = case.expect(1),
    success = function() end, -- the signal and the sockets come in no certain order
    failure = function() end,
  }
  case.after(function()
    t.is(w:is_alive(), false)
    t.failure("EBADF", w:getsockname())
  end)
end, real)

t.case("W52 the server sees a client's bind_address", function(case)
  local from = closed_port()
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w = w
      local c = client(port, { bind_address = "127.0.0.2", bind_port = from, success_event = "connected", reuse = true })
      t.same(pack(c:getsockname()), pack("127.0.0.2", from))
    end,
    connected = case.expect(1, function(ctx, handle)
      t.same(pack(handle:sockname()), pack("127.0.0.2", from))
      handle:close()
    end),
    success = case.expect(1, function(ctx, handle, addr, port)
      t.same({ addr, port }, { "127.0.0.2", from })
      handle:close() ctx.heap.w:destroy()
    end),
  }
end, { clock = "real", skip = (function()
  local h = poe.socket.udp { bind_address = "127.0.0.2" }
  if h then h:close() else return "no 127.0.0.2 here" end
end)() })

t.case("W53 of a hundred connections in one turn none is lost", function(case)
  local n = 100
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w, ctx.heap.done, ctx.heap.ports = w, 0, {}
      for _ = 1, n do client(port, { success_event = "connected" }) end
    end,
    connected = case.expect(n, function(ctx, handle) ctx.kernel:select_read(handle, "over") end),
    success = case.expect(n, function(ctx, handle, addr, port)
      t.is(ctx.heap.ports[port], nil)
      ctx.heap.ports[port] = true
      handle:close()
      ctx.heap.done = ctx.heap.done + 1
      if ctx.heap.done == n then ctx.heap.w:destroy() end
    end),
    over = case.expect(n, function(ctx, handle) t.same(pack(handle:read()), pack(nil, "", 0)) handle:close() end),
  }
end, real)

t.case("W54 what is missing, unknown or does not go together raises", function(case)
  local s, f = "s", "f"
  local wrong = {
    { "success_event is required", { failure_event = f } },
    { "failure_event is required", { success_event = s } },
    { "success_event: event name or function expected, got number", { success_event = 5, failure_event = f } },
    { "remote_port is required with remote_address", { remote_address = "127.0.0.1" } },
    { "remote_address is required with remote_port", { remote_port = 80 } },
    { "bind_address or remote_address is required for UNIX sockets", { socket_domain = "unix" } },
    { "bind_address or remote_address is required for UNIX sockets", { socket_domain = "unix", bind_address = "" } },
    { "remote_port is not for UNIX sockets", { socket_domain = "unix", remote_address = "x", remote_port = 1 } },
    { "bind_port is not for UNIX sockets", { socket_domain = "unix", bind_address = "x", bind_port = 1 } },
    { "socket_protocol is not for UNIX sockets", { socket_domain = "unix", bind_address = "x", socket_protocol = "tcp" } },
    { "socket_domain: 'inet', 'inet6' or 'unix' expected, got 'ipx'", { socket_domain = "ipx" } },
    { "socket_protocol: 'tcp' or 'udp' expected, got 'icmp'", { socket_protocol = "icmp" } },
    { "socket_type: 'stream' or 'datagram' expected, got 'raw'", { socket_type = "raw" } },
    { "socket_type 'stream' does not go with socket_protocol 'udp'", { socket_protocol = "udp", socket_type = "stream" } },
    { "socket_type 'datagram' does not go with socket_protocol 'tcp'", { socket_protocol = "tcp", socket_type = "datagram" } },
    { "listen_queue is for servers of streams", { listen_queue = 5, remote_address = "127.0.0.1", remote_port = 9 } },
    { "listen_queue is for servers of streams", { listen_queue = 5, socket_protocol = "udp" } },
    { "listen_queue: whole number", { listen_queue = 0 } },
    { "reuse: boolean, 'yes', 'no', 'on' or 'off' expected, got maybe", { reuse = "maybe" } },
    { "connect_timeout: number of seconds above 0 expected, got 0", { connect_timeout = 0 } },
    { "connect_timeout: number of seconds above 0 expected, got %-1", { connect_timeout = -1 } },
    { "bind_port: whole number from 0 to 65535 expected, got 65536", { bind_port = 65536 } },
    { "bind_port: port or name of a service expected, got an empty string", { bind_port = "" } },
    { "bind_address: string expected, got number", { bind_address = 5 } },
    { "nodelay: boolean expected, got number", { nodelay = 1 } },
    { "unknown parameter 'bindaddress'", { bindaddress = "127.0.0.1" } },
  }
  t.fails(function() Factory.new { success_event = s, failure_event = f } end, "a wheel is made while a session handles an event")
  session { _start = function(ctx)
    for _, w in ipairs(wrong) do
      local parameters = w[2]
      if not w[1]:find("^[sf]%w+_event") then parameters.success_event, parameters.failure_event = s, f end
      t.fails(function() Factory.new(parameters) end, "poe.wheel.SocketFactory.new: " .. w[1])
    end
    t.same(ctx.session:wheels(), {})
  end }
end, real)

t.case("W54 reuse is true, yes, on or 1", function(case)
  session { _start = function(ctx)
    for _, on in ipairs { true, false, "yes", "on", 1, "no", 0 } do
      local w = server { reuse = on }
      local h = w:detach()
      t.is(h:option("reuse_address"), on == true or on == "yes" or on == "on" or on == 1)
      h:close()
    end
  end }
end, real)

t.case("W54 socket_type says datagrams, too, and domain and protocol can be said outright", function(case)
  session {
    _start = function(ctx)
      factory { socket_type = "datagram" }
      factory { socket_domain = "inet", socket_protocol = "udp", socket_type = "datagram" }
      local w = server { socket_domain = "inet", socket_protocol = "tcp", socket_type = "stream" }
      w:destroy()
    end,
    success = case.expect(2, function(ctx, handle) t.is(handle:kind(), "udp") handle:close() end),
  }
end, real)

t.case("W56 an accepted handle that nobody takes is closed", function(case)
  poe.Session.create { inline_states = {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w = w
      ctx.kernel:state("success") -- there never was one
      client(port, { success_event = "connected" })
    end,
    connected = case.expect(1, function(ctx, handle) ctx.kernel:select_read(handle, "over") end),
    over = case.expect(1, function(ctx, handle)
      t.same(pack(handle:read()), pack(nil, "", 0))
      handle:close()
      ctx.heap.w:destroy()
    end),
    _stop = function() end,
  } }
end, real)

t.case("W56 a connected handle that nobody takes is closed", function(case)
  session {
    _start = function(ctx)
      local w, port = server()
      ctx.heap.w = w
      client(port):event { success_event = false }
    end,
    success = case.expect(1, function(ctx, handle) ctx.kernel:select_read(handle, "over") end),
    over = case.expect(1, function(ctx, handle)
      t.same(pack(handle:read()), pack(nil, "", 0))
      handle:close()
      ctx.heap.w:destroy()
    end),
  }
end, real)

t.case("a server whose success_event is off leaves clients in the queue, and hears of them when it is on again", function(case)
  local log = t.log()
  session {
    _start = function(ctx)
      local w, port = server { success_event = function() error("it is off") end }
      ctx.heap.w = w
      w:event { success_event = false }
      client(port, { success_event = "connected" })
    end,
    connected = case.expect(1, function(ctx, handle)
      log("connected")
      ctx.heap.handle = handle
      ctx.kernel:delay("on", 0.01)
    end),
    on = function(ctx) log("on") t.success(ctx.heap.w:event { success_event = "other" }) end,
    other = case.expect(1, function(ctx, handle)
      log("accepted")
      handle:close() ctx.heap.handle:close() ctx.heap.w:destroy()
    end),
  }
  case.after(function() log:is("connected on accepted") end)
end, real)

t.case("events can be functions, of a session that is named", function(case)
  local listener = poe.socket.listen { bind_address = "127.0.0.1" }
  local owner = session {
    _start = function(ctx) ctx.kernel:alias_set("owner") end,
  }
  local w
  w = Factory.new {
    session = owner, remote_address = "127.0.0.1", remote_port = select(2, listener:sockname()),
    success_event = case.expect(1, function(ctx, handle, addr, port, id)
      t.is(ctx.session, owner)
      t.is(id, w:id())
      handle:close() listener:close()
      ctx.kernel:alias_remove("owner")
    end),
    failure_event = function() error("no failure") end,
  }
  t.is(w:owner(), owner)
end, real)

t.case("detach gives the listening handle, and another wheel goes on with it", function(case)
  local port
  session {
    _start = function(ctx)
      local w
      w, port = server()
      client(port, { success_event = "connected" })
      local h = w:detach()
      t.is(w:is_alive(), false)
      t.failure("EBADF", w:detach())
      t.same(pack(h:sockname()), pack("127.0.0.1", port))
      ctx.heap.w = poe.wheel.ListenAccept.new { handle = h, accept_event = "accepted" }
    end,
    connected = case.expect(1, function(ctx, handle) handle:close() end),
    accepted = case.expect(1, function(ctx, handle) handle:close() ctx.heap.w:destroy() end),
  }
end, real)

t.case("detach gives a socket that was made and not told of yet; without one it is ENOTCONN", function(case)
  session {
    _start = function(ctx)
      local h = factory { socket_protocol = "udp", bind_address = "127.0.0.1" }:detach()
      t.is(h:kind(), "udp")
      h:close()
      local w = factory { bind_address = "localhost" }
      t.failure("ENOTCONN", w:detach())
      t.is(w:is_alive(), true)
      w:destroy()
    end,
  }
end, real)

t.case("an error in the handler does not keep a client's wheel", function(case)
  local listener = poe.socket.listen { bind_address = "127.0.0.1" }
  local w
  session {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "die")
      w = client(select(2, listener:sockname()))
    end,
    success = function(ctx, handle) handle:close() error("broken") end,
    die = case.expect(1, function(ctx)
      t.is(w:is_alive(), false)
      ctx.kernel:sig_handled()
      ctx.kernel:sig("DIE")
    end),
  }
  case.after(function() listener:close() end)
end, real)
