-- Datagram: W57 to W59, and what its section says besides.
local t = require "poe.test"
local poe = require "poe"

local real = { clock = "real" }
local errno = poe.errno
local Datagram = poe.wheel.Datagram
local Line = poe.filter.Line

local function pack(...) return { n = select("#", ...), ... } end

-- session makes one with these states; what has none is an error.
local function session(states)
  states._default = states._default or function(_, event) error("the event '" .. event .. "' was not expected") end
  states._stop = states._stop or function() end
  states._child = states._child or function() end
  return poe.Session.create { inline_states = states }
end

-- bound makes a wheel at a port of the system's choice, and tells the port.
local function bound(parameters)
  parameters.bind_address = parameters.bind_address or "127.0.0.1"
  local w = Datagram.new(parameters)
  return w, select(2, w:getsockname())
end

-- connected makes a wheel that sends to a port of this machine.
local function connected(port, parameters)
  parameters = parameters or {}
  parameters.remote_address, parameters.remote_port = "127.0.0.1", port
  return Datagram.new(parameters)
end

-- closed_port is one where nobody listens.
local function closed_port()
  local h = poe.socket.udp { bind_address = "127.0.0.1" }
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

t.case("W57 an echo with the sender's address; boundaries are kept, and empty datagrams are items", function(case)
  local sent, heard = { "one", "", "two\nthree\n", ("x"):rep(60000), "end" }, {}
  session {
    _start = function(ctx)
      local server, port = bound { input_event = "asked", error_event = "error" }
      local client = bound { input_event = "answered", error_event = "error" }
      ctx.heap.server, ctx.heap.client, ctx.heap.port = server, client, port
      for _, item in ipairs(sent) do t.success(client:put(item, "127.0.0.1", port)) end
    end,
    asked = case.expect(#sent, function(ctx, item, addr, port, id, ...)
      t.same(pack(addr, port), pack(ctx.heap.client:getsockname()))
      t.same(pack(id, ...), pack(ctx.heap.server:id()))
      t.success(ctx.heap.server:put(item, addr, port))
    end),
    answered = case.expect(#sent, function(ctx, item, addr, port, id, ...)
      t.same(pack(addr, port, id, ...), pack("127.0.0.1", ctx.heap.port, ctx.heap.client:id()))
      heard[#heard + 1] = item
      if #heard == #sent then ctx.heap.server:destroy() ctx.heap.client:destroy() end
    end),
  }
  case.after(function() t.same(heard, sent) end)
end, real)

t.case("W57 with a Stream filter it is the same", function(case)
  session {
    _start = function(ctx)
      local w, port = bound { input_event = "item", filter = poe.filter.Stream.new() }
      ctx.heap.w = w
      w:put("", "127.0.0.1", port)
    end,
    item = case.expect(1, function(ctx, item) t.is(item, "") ctx.heap.w:destroy() end),
  }
end, real)

t.case("W57 events come after new and put have returned", function(case)
  session {
    _start = function(ctx)
      local h = poe.socket.udp { bind_address = "127.0.0.1" }
      h:send("early", h:sockname())
      ctx.heap.inside = true
      local w = Datagram.new { handle = h, input_event = "item" }
      w:put("late", h:sockname())
      ctx.heap.inside = false
    end,
    item = case.expect(2, function(ctx, item, _, _, id)
      t.is(ctx.heap.inside, false)
      if item == "late" then ctx.session:wheel(id):destroy() end
    end),
  }
end, real)

t.case("W57 UNIX datagrams: paths for addresses, and nil for the port", function(case)
  local a, b = free_path(), free_path()
  session {
    _start = function(ctx)
      ctx.heap.a = Datagram.new { socket_domain = "unix", bind_address = a, input_event = "asked" }
      t.same(pack(ctx.heap.a:getsockname()), pack(a, nil))
      ctx.heap.b = Datagram.new { socket_domain = "unix", bind_address = b, remote_address = a, input_event = "answered" }
      t.success(ctx.heap.b:put("ping"))
      local nobody = Datagram.new { socket_domain = "unix" }
      t.same(pack(nobody:getsockname()), pack("", nil))
      t.success(nobody:put("", a))
      t.failure("EDESTADDRREQ", nobody:put("x"))
      t.failure("ENOENT", nobody:put("x", a .. "-missing"))
      t.fails(function() nobody:put("x", a, 1) end, "a UNIX socket has no port")
      nobody:destroy()
    end,
    asked = case.expect(2, function(ctx, item, addr, port)
      t.is(port, nil)
      if item == "" then return t.is(addr, "") end
      t.same({ item, addr }, { "ping", b })
      t.success(ctx.heap.a:put("pong", addr))
    end),
    answered = case.expect(1, function(ctx, item, addr, port)
      t.same(pack(item, addr, port), pack("pong", a, nil))
      ctx.heap.a:destroy() ctx.heap.b:destroy()
      t.is(os.rename(a, a), nil)
    end),
  }
end, real)

t.case("W57 UNIX datagrams longer than 64 KiB come whole", function(case)
  local path, long = free_path(), ("0123456789"):rep(15000)
  session {
    _start = function(ctx)
      ctx.heap.w = Datagram.new { socket_domain = "unix", bind_address = path, input_event = "item" }
      local from = Datagram.new { socket_domain = "unix", remote_address = path }
      ctx.heap.taken = from:put(long) -- not every system takes one of that size
      if not ctx.heap.taken then t.success(from:put("short")) end
      from:destroy()
    end,
    item = case.expect(1, function(ctx, item)
      t.truthy(item == (ctx.heap.taken and long or "short"))
      ctx.heap.w:destroy()
    end),
  }
end, real)

t.case("W57 a UNIX receiver that is full: output waits, in order, up to queue datagrams, then ENOBUFS", function(case)
  local path = free_path()
  local slow = poe.socket.unix { type = "datagram", bind = path }
  local log, put, got = t.log(), 0, 0
  local function fill(ctx, w, ...)
    for _ = 1, 5000 do
      local ok, message, number = w:put(tostring(put + 1), ...)
      if not ok then return t.failure("ENOBUFS", ok, message, number) end
      put = put + 1
    end
    error("it was never full")
  end
  session {
    _start = function(ctx)
      ctx.heap.connected = Datagram.new { socket_domain = "unix", remote_address = path, queue = 10, error_event = "error" }
      ctx.heap.unconnected = Datagram.new { socket_domain = "unix", queue = 20, error_event = "error" }
      fill(ctx, ctx.heap.connected)
      ctx.heap.first = put
      fill(ctx, ctx.heap.unconnected, path)
      t.is(put - ctx.heap.first, 20) -- nothing of them went out
      ctx.heap.before = ctx.kernel:stats().iterations
      ctx.kernel:delay("read", 0.03)
    end,
    read = function(ctx)
      t.truthy(ctx.kernel:stats().iterations - ctx.heap.before < 100, "the loop does not spin")
      ctx.kernel:select_read(slow, "readable")
    end,
    readable = function(ctx)
      local seen = { 0, ctx.heap.first }
      ctx.heap.seen = ctx.heap.seen or seen
      while true do
        local item = slow:recv()
        if not item then break end
        local n = tonumber(item)
        local which = n <= ctx.heap.first and 1 or 2
        t.is(n, ctx.heap.seen[which] + 1)
        ctx.heap.seen[which] = n
        got = got + 1
      end
      if got == put then ctx.kernel:select_read(slow) slow:close() end
    end,
    _stop = function(ctx) t.same(ctx.heap.seen, { ctx.heap.first, put }) end,
  }
end, real)

t.case("W57 destroy drops what waits to be sent", function(case)
  local path = free_path()
  local slow = poe.socket.unix { type = "datagram", bind = path }
  session {
    _start = function(ctx)
      local w = Datagram.new { socket_domain = "unix", queue = 5 }
      for _ = 1, 5000 do if not w:put("x", path) then break end end
      t.failure("ENOBUFS", w:put("x", path))
      w:destroy()
      t.failure("EBADF", w:put("x", path))
    end,
    _stop = function() slow:close() end,
  }
end, real)

t.case("W58 a Line filter gives the lines of one datagram, never across", function(case)
  local log = t.log()
  session {
    _start = function(ctx)
      local w, port = bound { input_event = "line", filter = Line.new() }
      ctx.heap.w = w
      local h = poe.socket.udp { remote_address = "127.0.0.1", remote_port = port }
      h:send("a\nb\nhalf") h:send("er\nc\n") h:send("") h:send("end\n")
      h:close()
    end,
    line = function(ctx, line, addr, port, id)
      t.is(addr, "127.0.0.1") t.is(id, ctx.heap.w:id())
      log(line)
      if line == "end" then ctx.heap.w:destroy() end
    end,
  }
  case.after(function() log:is("a b er c end") end)
end, real)

t.case("W58 output goes through the filter, one datagram for each put", function(case)
  session {
    _start = function(ctx)
      local h = poe.socket.udp { bind_address = "127.0.0.1" }
      local w = connected(select(2, h:sockname()), { filter = Line.new { output_literal = "\n" } })
      t.success(w:put("one")) t.success(w:put("two"))
      w:destroy()
      t.is(h:recv(), "one\n") t.is(h:recv(), "two\n")
      t.failure("EAGAIN", h:recv())
      h:close()
    end,
  }
end, real)

t.case("W58 after destroy in the handler of the first line the others never come", function(case)
  session {
    _start = function(ctx)
      local w, port = bound { input_event = "line", filter = Line.new() }
      w:put("x", "127.0.0.1", port) w:put("y", "127.0.0.1", port)
      local h = poe.socket.udp { remote_address = "127.0.0.1", remote_port = port }
      h:send("a\nb\n") h:close()
    end,
    line = case.expect(1, function(ctx, line, _, _, id) ctx.session:wheel(id):destroy() end),
  }
end, real)

t.case("W58 turned off in the middle of a datagram, its other items come when it is on again", function(case)
  local log = t.log()
  session {
    _start = function(ctx)
      local w, port = bound { input_event = "first", filter = Line.new() }
      ctx.heap.w = w
      local h = poe.socket.udp { remote_address = "127.0.0.1", remote_port = port }
      h:send("1\n2\n3\n") h:send("4\n") h:close()
    end,
    first = function(ctx, line)
      log("first", line)
      ctx.heap.w:event { input_event = false }
      ctx.kernel:delay("on", 0.01)
    end,
    on = function(ctx)
      ctx.heap.inside = true
      t.success(ctx.heap.w:event { input_event = "second" })
      ctx.heap.inside = false
    end,
    second = function(ctx, line)
      t.is(ctx.heap.inside, false)
      log("second", line)
      if line == "4" then ctx.heap.w:destroy() end
    end,
  }
  case.after(function() log:is("first:1 second:2 second:3 second:4") end)
end, real)

t.case("W58 what a filter cannot make sense of is told, and the next datagram is as good as any", function(case)
  local log = t.log()
  session {
    _start = function(ctx)
      local w, port = bound { input_event = "item", error_event = "error", filter = poe.filter.Netstring.new() }
      ctx.heap.w = w
      local h = poe.socket.udp { remote_address = "127.0.0.1", remote_port = port }
      h:send("2:hi,x:") h:send("3:end,") h:close()
    end,
    item = function(ctx, item)
      log(item)
      if item == "end" then ctx.heap.w:destroy() end
    end,
    error = function(ctx, op, number, text, id)
      t.same({ op, number, id }, { "filter", errno.EBADMSG, ctx.heap.w:id() })
      log("error")
    end,
  }
  case.after(function() log:is("hi error end") end)
end, real)

t.case("W58 without error_event a filter's failure is an error of the session", function(case)
  session {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "die")
      local w, port = bound { input_event = "item", filter = poe.filter.Netstring.new() }
      ctx.heap.w = w
      local h = poe.socket.udp { remote_address = "127.0.0.1", remote_port = port }
      h:send("x:") h:close()
    end,
    die = case.expect(1, function(ctx)
      ctx.kernel:sig_handled()
      ctx.kernel:sig("DIE")
      ctx.heap.w:destroy()
    end),
  }
end, real)

t.case("W58 a filter serves one wheel at a time", function(case)
  session { _start = function(ctx)
    local filter = Line.new()
    local w = bound { filter = filter }
    t.fails(function() bound { filter = filter } end, "the filter serves another wheel already")
    w:destroy()
    bound({ filter = filter }):destroy()
  end }
end, real)

t.case("W59 too large is EMSGSIZE; not connected and no address is EDESTADDRREQ", function(case)
  session { _start = function(ctx)
    local w, port = bound {}
    t.failure("EMSGSIZE", w:put(("x"):rep(70000), "127.0.0.1", port))
    t.failure("EDESTADDRREQ", w:put("x"))
    t.failure("EAFNOSUPPORT", w:put("x", "::1", port))
    t.fails(function() w:put() end, "bad argument #1 to 'put'")
    t.fails(function() w:put({}) end, "bad argument #1 to 'put'")
    t.fails(function() w:put("x", "localhost", port) end, "address in numbers expected, got 'localhost'")
    t.fails(function() w:put("x", "127.0.0.1") end, "bad argument #3 to 'put'")
    t.fails(function() w:put("x", "127.0.0.1", 65536) end, "port from 0 to 65535 expected")
    w:destroy()
  end }
end, real)

t.case("W59 a refusal is an event; the wheel goes on, and no datagram is lost over it", function(case)
  local port = closed_port()
  session {
    _start = function(ctx)
      ctx.heap.w = connected(port, { input_event = "item", error_event = "error" })
      t.success(ctx.heap.w:put("nobody there"))
    end,
    error = case.expect(1, function(ctx, op, number, text, id, ...)
      t.same(pack(number, id, ...), pack(errno.ECONNREFUSED, ctx.heap.w:id()))
      t.truthy(op == "recv" or op == "send")
      local peer = poe.socket.udp { bind_address = "127.0.0.1", bind_port = port }
      t.success(ctx.heap.w:put("ping"))
      local item, addr, from = peer:recv()
      t.is(item, "ping")
      peer:send("pong", addr, from)
      peer:close()
    end),
    item = case.expect(1, function(ctx, item) t.is(item, "pong") ctx.heap.w:destroy() end),
  }
end, real)

t.case("W59 a refusal that put comes upon is told later, and the datagram is sent", function(case)
  local port = closed_port()
  session {
    _start = function(ctx)
      local w = connected(port, { error_event = "error" })
      t.success(w:put("nobody there"))
      local peer = poe.socket.udp { bind_address = "127.0.0.1", bind_port = port }
      ctx.heap.inside = true
      t.success(w:put("ping"))
      ctx.heap.inside = false
      t.is(peer:recv(), "ping")
      peer:close()
    end,
    error = case.expect(1, function(ctx, op, number, text, id)
      t.is(ctx.heap.inside, false)
      t.same({ op, number }, { "send", errno.ECONNREFUSED })
      t.is(ctx.session:wheel(id):is_alive(), true)
    end),
  }
end, real)

t.case("W59 a UNIX receiver that is gone is a failure of put and no event", function(case)
  local path = free_path()
  session { _start = function(ctx)
    local peer = poe.socket.unix { type = "datagram", bind = path, keep_path = true }
    peer:close()
    local w = Datagram.new { socket_domain = "unix", error_event = "error" }
    t.failure("ECONNREFUSED", w:put("x", path))
    w:destroy()
    os.remove(path)
  end }
end, real)

t.case("a broadcast needs leave", function(case)
  session { _start = function(ctx)
    local w = bound {}
    t.failure("EACCES", w:put("x", "255.255.255.255", 9))
    w:destroy()
    w = bound { broadcast = true }
    local ok, message, number = w:put("x", "255.255.255.255", 9)
    t.truthy(number ~= errno.EACCES)
    w:destroy()
  end }
end, real)

t.case("what was sent to a multicast group arrives", function(case)
  session {
    _start = function(ctx)
      local w, port = bound { bind_address = "0.0.0.0", multicast = { group = "239.255.7.9", interface = "127.0.0.1" }, input_event = "item" }
      ctx.heap.w = w
      t.success(w:put("to all", "239.255.7.9", port))
    end,
    item = case.expect(1, function(ctx, item) t.is(item, "to all") ctx.heap.w:destroy() end),
  }
end, { clock = "real", skip = (function()
  local h, message = poe.socket.udp { bind_address = "0.0.0.0", multicast = { group = "239.255.7.9", interface = "127.0.0.1" } }
  if not h then return "no multicast here: " .. message end
  local ok
  ok, message = h:send("x", "239.255.7.9", select(2, h:sockname()))
  h:close()
  return not ok and "no multicast here: " .. message or nil
end)() })

t.case("IPv6, said by an address or by socket_domain", function(case)
  session { _start = function(ctx)
    local w, port = bound { bind_address = "::1" }
    t.is(w:getsockname(), "::1")
    t.success(w:put("x", "::1", port))
    w:destroy()
    w = Datagram.new { socket_domain = "inet6", bind_port = 0 }
    t.is(w:getsockname(), "::")
    w:destroy()
    w = Datagram.new { socket_domain = "inet6" }
    t.success(w:put("x", "::1", port))
    w:destroy()
  end }
end, { clock = "real", skip = (function()
  local h = poe.socket.udp { bind_address = "::1" }
  if h then h:close() else return "no IPv6 here" end
end)() })

t.case("a wheel on a handle made elsewhere; destroy closes it, detach does not", function(case)
  session { _start = function(ctx)
    local h = poe.socket.udp { bind_address = "127.0.0.1" }
    local w = Datagram.new { handle = h, input_event = "item" }
    t.same(pack(w:getsockname()), pack(h:sockname()))
    t.is(w:detach(), h)
    t.is(h:is_open(), true)
    t.failure("EBADF", w:put("x"))
    w = Datagram.new { handle = h, input_event = "item" }
    t.success(w:destroy()) t.success(w:destroy())
    t.is(h:is_open(), false)
    t.failure("EBADF", w:getsockname())
  end }
end, real)

t.case("a wheel that reads keeps its session, one that only sends does not", function(case)
  local log = t.log()
  local reading
  session {
    _start = function(ctx) reading = bound { input_event = "item" } end,
    _stop = function() log("reader stops") end,
  }
  session {
    _start = function(ctx)
      connected(closed_port())
      ctx.kernel:delay("later", 0.01)
    end,
    later = function() log("later") end,
    _stop = function() log("sender stops") reading:destroy() end,
  }
  case.after(function() log:is("later sender stops reader stops") end)
end, real)

t.case("a socket that is shut down does not make the loop spin", function(case)
  local path = free_path()
  session {
    _start = function(ctx)
      local h = poe.socket.unix { type = "datagram", bind = path }
      Datagram.new { handle = h, input_event = "item", error_event = "error" }
      if not h:shutdown("read") then h:close() end
      ctx.heap.before = ctx.kernel:stats().iterations
      ctx.kernel:delay("later", 0.1)
    end,
    later = function(ctx)
      t.truthy(ctx.kernel:stats().iterations - ctx.heap.before < 200)
      for _, w in ipairs(ctx.session:wheels()) do w:destroy() end
    end,
    error = function() end,
  }
end, real)

t.case("a handle that somebody closes is told as EBADF", function(case)
  session {
    _start = function(ctx)
      local h = poe.socket.udp { bind_address = "127.0.0.1" }
      Datagram.new { handle = h, input_event = "item", error_event = "error" }
      h:close()
    end,
    error = case.expect(1, function(ctx, op, number, text, id)
      t.is(number, errno.EBADF)
      t.failure("EBADF", ctx.session:wheel(id):put("x"))
    end),
  }
end, real)

t.case("what the world refuses in new is nil, message and errno", function(case)
  local path = free_path()
  session { _start = function(ctx)
    local w, port = bound {}
    t.failure("EADDRINUSE", Datagram.new { bind_address = "127.0.0.1", bind_port = port })
    t.failure("EADDRNOTAVAIL", Datagram.new { bind_address = "192.0.2.1" })
    t.failure("ENOENT", Datagram.new { socket_domain = "unix", remote_address = path })
    t.failure("ENAMETOOLONG", Datagram.new { socket_domain = "unix", bind_address = ("x"):rep(200) })
    w:destroy()
    t.same(ctx.session:wheels(), {})
  end }
end, real)

t.case("what is missing, unknown or does not go together raises", function(case)
  local h = poe.socket.udp { bind_address = "127.0.0.1" }
  local r, w = poe.pipe.OneWay.new("pipe")
  session { _start = function(ctx)
    local taken = Datagram.new { handle = h }
    local wrong = {
      { "handle and bind_port exclude each other", { handle = h, bind_port = 5 } },
      { "handle and only_v6 exclude each other", { handle = h, only_v6 = true } },
      { "handle and socket_domain exclude each other", { handle = h, socket_domain = "inet" } },
      { "handle: a socket of datagrams expected, got one of kind 'pipe'", { handle = r } },
      { "handle: handle expected, got false", { handle = false } },
      { "descriptor %d+ belongs to wheel " .. taken:id() .. " %(Datagram%) already", { handle = h } },
      { "remote_address and remote_port go together", { remote_address = "127.0.0.1" } },
      { "bind_address: address in numbers expected, got 'localhost'", { bind_address = "localhost" } },
      { "socket_domain: 'inet', 'inet6' or 'unix' expected, got 'ipx'", { socket_domain = "ipx" } },
      { "socket_domain: the addresses are inet6", { socket_domain = "inet", bind_address = "::1" } },
      { "socket_domain: the addresses are inet", { socket_domain = "inet6", bind_address = "127.0.0.1" } },
      { "unknown parameter 'bind_port'", { socket_domain = "unix", bind_port = 5 } },
      { "unknown parameter 'filters'", { filters = Line.new() } },
      { "filter: filter expected, got number", { filter = 5 } },
      { "queue: whole number from 1", { queue = 0 } },
      { "input_event: event name or function expected, got number", { input_event = 5 } },
      { "multicast: group: multicast address required", { multicast = { group = "127.0.0.1" } } },
    }
    for _, w in ipairs(wrong) do t.fails(function() Datagram.new(w[2]) end, "poe.wheel.Datagram.new: " .. w[1]) end
    t.same(ctx.session:wheels(), { taken })
    taken:destroy() r:close() w:close()
  end }
end, real)
