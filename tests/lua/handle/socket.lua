-- Sockets as handles: addresses, ends, options, duplicates; and pipes of sockets. D10 to D12, D17 to D19, D22, D24, D45, D46.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel
local real = { clock = "real" }

local function pack(...) return { n = select("#", ...), ... } end

-- spawn makes a session of functions.
local function spawn(states) return poe.Session.create{ inline_states = states } end

local function close_all(...)
  for _, handle in ipairs{ ... } do
    if handle:is_open() then t.success(handle:close()) end
  end
end

-- has_ipv6 says whether the machine has an IPv6 loopback address.
local function has_ipv6()
  local probe = poe.socket.udp{ bind_address = "::1" }
  return probe ~= nil and probe:close()
end

-- remote gives a client's parameters for the address of a socket.
local function remote(handle)
  local addr, port = handle:sockname()
  return { remote_address = addr, remote_port = port }
end

t.case("D10 a one-way pipe of each kind carries bytes, and its end", function(case)
  spawn{
    _start = case.expect(1, function()
      for _, kind in ipairs{ "pipe", "socketpair", "inet" } do
        local reader, writer = poe.pipe.OneWay.new(kind)
        t.is(writer:write("last words"), 10)
        writer:close()
        local got
        repeat got = reader:read() until got
        t.is(got, "last words", kind)
        local value, message, errno
        repeat value, message, errno = reader:read() until errno ~= poe.errno.EAGAIN
        t.same(pack(value, message, errno), pack(nil, "", 0), kind)
        reader:close()
      end
    end),
  }
end, real)

t.case("D11 a two-way pipe of each kind carries both ways at once", function(case)
  spawn{
    _start = case.expect(1, function()
      for kind, handles in pairs{ pipe = 4, socketpair = 2, inet = 2 } do
        local a_read, a_write, b_read, b_write = poe.pipe.TwoWay.new(kind)
        t.is(a_read == a_write, handles == 2, kind)
        t.is(b_read == b_write, handles == 2, kind)
        a_write:write("from a")
        b_write:write("from b")
        local at_a, at_b
        repeat at_a = at_a or a_read:read(); at_b = at_b or b_read:read() until at_a and at_b
        t.is(at_a, "from b")
        t.is(at_b, "from a")
        close_all(a_read, a_write, b_read, b_write)
      end
    end),
  }
end, real)

t.case("D12 an unknown kind of pipe raises", function()
  t.fails(function() poe.pipe.OneWay.new("pigeon") end, "unknown kind 'pigeon'")
  t.fails(function() poe.pipe.TwoWay.new("pigeon") end, "unknown kind 'pigeon'")
end)

t.case("D17 sockname and peername of TCP over IPv4", function(case)
  spawn{
    _start = case.expect(1, function()
      local a, _, b = poe.pipe.TwoWay.new("inet")
      local addr, port = a:sockname()
      t.is(addr, "127.0.0.1")
      t.truthy(port > 0 and port < 65536)
      t.same(pack(b:peername()), pack(addr, port))
      t.same(pack(a:peername()), pack(b:sockname()))
      t.is(tostring(a), ("poe.Handle(tcp %d %s:%d->%s:%d)"):format(a:fd(), addr, port, b:sockname()))
      close_all(a, b)
      t.failure("EBADF", a:sockname())
      t.failure("EBADF", a:peername())
    end),
  }
end, real)

t.case("D17 sockname and peername over IPv6", function(case)
  local server = poe.socket.listen{ bind_address = "::1" }
  t.is(server:kind(), "tcp")
  t.is(server:sockname(), "::1")
  local bound = poe.socket.udp{ bind_address = "::1" }
  local client = poe.socket.udp(remote(bound))
  t.same(pack(client:peername()), pack(bound:sockname()))
  case.after(function() close_all(server, bound, client) end)
end, { clock = "real", skip = not has_ipv6() and "no IPv6 here" or nil })

t.case("D17 sockname of a listener; without a peer peername fails", function(case)
  local server = poe.socket.listen{ bind_address = "127.0.0.1", reuse = true, listen_queue = 5 }
  local addr, port = server:sockname()
  t.is(addr, "127.0.0.1")
  t.failure("ENOTCONN", server:peername())
  t.failure("EADDRINUSE", poe.socket.listen{ bind_address = addr, bind_port = port })
  t.failure("EAGAIN", server:accept())
  local any = poe.socket.listen()
  t.is(any:sockname(), "0.0.0.0")
  case.after(function() close_all(server, any) end)
end, real)

t.case("D17 sockname of what is no socket", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  t.failure("ENOTSOCK", reader:sockname())
  t.failure("ENOTSOCK", reader:option("keepalive"))
  case.after(function() close_all(reader, writer) end)
end, real)

t.case("D18 shutdown of writing is the end at the peer while reading goes on", function(case)
  for _, kind in ipairs{ "socketpair", "inet" } do
    local a, _, b = poe.pipe.TwoWay.new(kind)
    spawn{
      _start = function()
        t.is(a:write("question"), 8)
        t.success(a:shutdown("write"))
        kernel:select_read(b, "asked")
        kernel:select_read(a, "answered")
      end,
      asked = function()
        local got, message, errno = b:read()
        if got then return t.is(got, "question") end
        if errno == poe.errno.EAGAIN then return end
        t.same(pack(got, message, errno), pack(nil, "", 0))
        kernel:select_read(b)
        t.is(b:write("answer"), 6)
        t.failure("EPIPE", a:write("more"))
      end,
      answered = case.expect(1, function()
        t.is(a:read(), "answer")
        kernel:select_read(a)
        close_all(a, b)
        t.failure("EBADF", a:shutdown("both"))
      end),
    }
  end
end, real)

t.case("D18 shutdown takes read, write or both", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  t.fails(function() a:shutdown("writing") end, "bad argument #1 to 'shutdown'")
  t.fails(function() a:shutdown() end, "bad argument #1 to 'shutdown' %(string expected")
  t.success(a:shutdown("read"))
  t.failure("EPIPE", b:write("x"))
  t.success(b:shutdown("both"))
  case.after(function() close_all(a, b) end)
end, real)

t.case("D19 options read back", function(case)
  local server = poe.socket.listen{ bind_address = "127.0.0.1", reuse = true }
  t.is(server:option("reuse_address"), true)
  for _, name in ipairs{ "nodelay", "keepalive", "reuse_address" } do
    for _, value in ipairs{ true, false } do
      t.success(server:option(name, value))
      t.is((server:option(name)), value, name)
    end
  end
  for name, value in pairs{ ttl = 7, linger = 3 } do
    t.success(server:option(name, value))
    t.is(server:option(name), value, name)
  end
  local udp = poe.socket.udp{}
  for name, value in pairs{ broadcast = true, multicast_ttl = 9, multicast_loop = false, ttl = 3 } do
    t.success(udp:option(name, value))
    t.is(udp:option(name), value, name)
  end
  t.success(server:option("linger", false))
  t.is(server:option("linger"), false)
  t.success(server:option("receive_buffer", 20000))
  t.truthy(server:option("receive_buffer") >= 20000)
  t.is(server:option("error"), 0)
  case.after(function() close_all(server, udp) end)
end, real)

t.case("D19 keepalive takes a table, and tells it", function(case)
  local server = poe.socket.listen{ bind_address = "127.0.0.1" }
  t.success(server:option("keepalive", { idle = 30, interval = 5, count = 4 }))
  t.same(pack(server:option("keepalive")), pack(true, { idle = 30, interval = 5, count = 4 }))
  t.fails(function() server:option("keepalive", { idle = 0 }) end, "idle: whole number from 1")
  t.fails(function() server:option("keepalive", { speed = 1 }) end, "unknown parameter 'speed'")
  case.after(function() close_all(server) end)
end, real)

t.case("D19 a wrong option or value raises, one of another kind of socket fails", function(case)
  local server = poe.socket.listen{ bind_address = "127.0.0.1" }
  t.fails(function() server:option("colour") end, "bad argument #1 to 'option' %(unknown option 'colour'%)")
  t.fails(function() server:option("nodelay", 1) end, "bad argument #2 to 'option' %(boolean expected, got number%)")
  t.fails(function() server:option("ttl", true) end, "number expected, got boolean")
  t.fails(function() server:option("ttl", 256) end, "ttl: whole number from 1 to 255 expected, got 256")
  t.fails(function() server:option("linger", -1) end, "linger: whole number from 0")
  t.fails(function() server:option("linger", true) end, "number expected, got boolean")
  t.fails(function() server:option("error", 0) end, "error cannot be set")
  t.failure("ENOPROTOOPT", server:option("only_v6"))
  server:close()
  t.failure("EBADF", server:option("nodelay"))
  t.failure("EBADF", server:option("nodelay", true))
  case.after(function() close_all(server) end)
end, real)

t.case("D22 a child process inherits a handle only when told", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  local function inherited() return os.execute("test -e /dev/fd/" .. writer:fd()) == 0 end
  t.is(inherited(), false)
  t.success(writer:inherit(true))
  t.is(inherited(), true)
  t.success(writer:inherit(false))
  t.is(inherited(), false)
  t.fails(function() writer:inherit() end, "boolean expected")
  case.after(function()
    close_all(reader, writer)
    t.failure("EBADF", writer:inherit(true))
  end)
end, real)

t.case("D24 a duplicate survives the closing of the first", function(case)
  for _, kind in ipairs{ "pipe", "socketpair", "inet" } do
    local reader, writer = poe.pipe.OneWay.new(kind)
    local second = writer:dup()
    t.truthy(second ~= writer and second:fd() ~= writer:fd())
    t.is(second:kind(), writer:kind())
    writer:close()
    t.failure("EBADF", writer:dup())
    t.is(second:write("still here"), 10)
    second:close()
    local got
    repeat got = reader:read() until got
    t.is(got, "still here")
    close_all(reader)
  end
end, real)

t.case("D46 a handle, a Lua file and a number are each accepted for a watcher", function(case)
  local path = os.tmpname()
  local file = assert(io.open(path))
  local reader, writer = poe.pipe.OneWay.new()
  writer:write("x")
  for _, handle in ipairs{ reader, reader:fd() } do
    spawn{
      _start = function() t.success(kernel:select_read(handle, "readable")) end,
      readable = case.expect(1, function(_, got) t.is(got, handle); kernel:select_read(handle) end),
    }
  end
  case.after(function() file:close(); os.remove(path); close_all(reader, writer) end)
end, real)

t.case("D46 a handle, a Lua file and a number are each accepted for passing on", function(case)
  local path = os.tmpname()
  local file = assert(io.open(path))
  local a, _, b = poe.pipe.TwoWay.new()
  local reader, writer = poe.pipe.OneWay.new()
  for kind, handle in pairs{ pipe = reader, file = file, unix = a:fd() } do
    t.success(a:send_handle(handle))
    local passed = b:recv_handle()
    t.is(passed:kind(), kind)
    passed:close()
  end
  t.fails(function() a:send_handle("1") end, "bad argument #1 to 'send_handle' %(handle, Lua file or descriptor number expected, got string%)")
  t.fails(function() a:send_handle() end, "got no value")
  case.after(function() file:close(); os.remove(path); close_all(a, b, reader, writer) end)
end, real)

t.case("D17 an accepted connection is a handle with its peer's address", function(case)
  local server = poe.socket.listen{ bind_address = "127.0.0.1" }
  local addr, port = server:sockname()
  local client = io.popen(("bash -c 'exec 3<>/dev/tcp/%s/%d; cat <&3'"):format(addr, port))
  spawn{
    _start = function() kernel:select_read(server, "incoming") end,
    incoming = case.expect(1, function()
      local handle, from, from_port = server:accept()
      t.is(handle:kind(), "tcp")
      t.same(pack(handle:peername()), pack(from, from_port))
      t.is(from, "127.0.0.1")
      t.is(handle:write("welcome"), 7)
      handle:close()
      kernel:select_read(server)
    end),
  }
  case.after(function()
    t.is(client:read("*a"), "welcome")
    client:close()
    close_all(server)
  end)
end, { clock = "real", skip = os.execute("bash -c true 2>/dev/null") ~= 0 and "needs bash to connect" or nil })

t.case("wrong parameters raise", function()
  for pattern, f in pairs{
    ["poe.socket.listen: unknown parameter 'prot'"] = function() poe.socket.listen{ prot = 1 } end,
    ["poe.socket.listen: bind_address: address in numbers expected, got 'localhost'"] = function() poe.socket.listen{ bind_address = "localhost" } end,
    ["poe.socket.listen: bind_port: whole number from 0 to 65535 expected, got 65536"] = function() poe.socket.listen{ bind_port = 65536 } end,
    ["poe.socket.listen: bind_port: number expected, got string"] = function() poe.socket.listen{ bind_port = "http" } end,
    ["poe.socket.listen: listen_queue: whole number"] = function() poe.socket.listen{ listen_queue = 0 } end,
    ["poe.socket.listen: path does not go with"] = function() poe.socket.listen{ path = "/x", bind_port = 1 } end,
    ["poe.socket.udp: table expected, got string"] = function() poe.socket.udp("127.0.0.1") end,
    ["poe.socket.udp: remote_address and remote_port go together"] = function() poe.socket.udp{ remote_port = 1 } end,
    ["poe.socket.udp: multicast: group: multicast address required"] = function() poe.socket.udp{ multicast = { group = "10.0.0.1" } } end,
    ["poe.socket.udp: multicast: unknown parameter 'face'"] = function() poe.socket.udp{ multicast = { group = "239.0.0.1", face = 1 } } end,
    ["poe.socket.unix: type: 'stream' or 'datagram' expected, got 'dgram'"] = function() poe.socket.unix{ type = "dgram" } end,
    ["poe.socket.unix: bind or connect is required"] = function() poe.socket.unix{} end,
  } do
    t.fails(f, (pattern:gsub("%.", "%%.")))
  end
  t.fails(function() poe.Handle.sockname() end)
end)
