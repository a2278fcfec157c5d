-- UNIX sockets: D17, D40 to D44.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel
local real = { clock = "real" }

local function pack(...) return { n = select("#", ...), ... } end

local function spawn(states) return poe.Session.create{ inline_states = states } end

local function close_all(...)
  for _, handle in ipairs{ ... } do
    if handle:is_open() then t.success(handle:close()) end
  end
end

-- free_path gives a path where nothing is.
local function free_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

local function contents(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

-- exists says whether anything is at a path: a socket cannot be opened, so renaming it is tried.
local function exists(path) return os.rename(path, path) ~= nil end

-- id asks for a number of the user's.
local function id(which)
  local output = io.popen("id " .. which)
  local number = output:read("*n")
  output:close()
  return number
end

local abstract = "@poelua-" .. poe.pid() .. "-"
local no_abstract
do
  local probe = poe.socket.unix{ bind = abstract .. "probe" }
  if probe then probe:close() else no_abstract = "no abstract names here" end
end

-- stream connects over a name and checks both ends.
local function stream(case, name)
  local server = assert(poe.socket.unix{ type = "stream", bind = name })
  t.is(server:kind(), "unix")
  t.same(pack(server:sockname()), pack(name))
  local client = assert(poe.socket.unix{ connect = name })
  t.same(pack(client:peername()), pack(name))
  t.same(pack(client:sockname()), pack(""))
  spawn{
    _start = function() kernel:select_read(server, "incoming") end,
    incoming = case.expect(1, function()
      local peer, path, port = server:accept()
      t.is(path, "")
      t.is(port, nil)
      t.failure("EAGAIN", server:accept())
      t.is(client:write("ping"), 4)
      t.same(pack(peer:recv()), { n = 4, "ping", "", nil, false })
      t.is(peer:write("pong"), 4)
      t.is(client:read(), "pong")
      peer:close()
      t.same(pack(client:recv()), pack(nil, "", 0))
      kernel:select_read(server)
    end),
  }
  case.after(function() close_all(server, client); t.is(exists(name), false) end)
end

-- datagrams sends over two names and answers.
local function datagrams(case, name)
  local a = assert(poe.socket.unix{ type = "datagram", bind = name })
  local b = assert(poe.socket.unix{ type = "datagram", bind = name .. "b", connect = name })
  t.is(a:kind(), "unixgram")
  t.is(b:send("ping"), 4)
  t.is(b:send(""), 0)
  local payload, from, port, truncated = a:recv(2)
  t.same(pack(payload, from, port, truncated), { n = 4, "pi", name .. "b", nil, true })
  t.same(pack(a:recv()), { n = 4, "", name .. "b", nil, false })
  t.is(a:send("pong", from), 4)
  t.is(b:recv(), "pong")
  local nobody = assert(poe.socket.unix{ type = "datagram" })
  t.is(nobody:send("x", name), 1)
  t.same(pack(a:recv()), { n = 4, "x", "", nil, false })
  t.fails(function() a:send("x", from, 1) end, "a UNIX socket has no port")
  case.after(function() close_all(a, b, nobody) end)
end

t.case("D40 a stream over a path", function(case) stream(case, free_path()) end, real)
t.case("D40 a stream over an abstract name", function(case) stream(case, abstract .. "stream") end, { clock = "real", skip = no_abstract })
t.case("D40 datagrams over a path", function(case) datagrams(case, free_path()) end, real)
t.case("D40 datagrams over an abstract name", function(case) datagrams(case, abstract .. "dgram") end, { clock = "real", skip = no_abstract })

t.case("D40 listen takes a path, too", function(case)
  local path = free_path()
  local server = assert(poe.socket.listen{ path = path, listen_queue = 3 })
  local client = assert(poe.socket.unix{ connect = path })
  case.after(function() close_all(server, client); t.is(exists(path), false) end)
end, real)

t.case("D40 connecting to nobody fails", function()
  local path = free_path()
  t.failure("ENOENT", poe.socket.unix{ connect = path })
  t.failure("ENOENT", poe.socket.unix{ type = "datagram", connect = path })
end)

t.case("D41 the path is removed on close", function()
  local path = free_path()
  local server = poe.socket.unix{ bind = path }
  t.is(exists(path), true)
  server:close()
  t.is(exists(path), false)
end, real)

t.case("D41 the path is kept with keep_path", function()
  local path = free_path()
  poe.socket.unix{ bind = path, keep_path = true }:close()
  t.is(exists(path), true)
  os.remove(path)
end, real)

t.case("D41 a path that is no longer ours is not removed", function()
  local path = free_path()
  local server = poe.socket.unix{ bind = path }
  os.remove(path)
  local file = io.open(path, "w")
  file:write("precious")
  file:close()
  server:close()
  t.is(contents(path), "precious")
  os.remove(path)
end, real)

t.case("D41 a live one is not replaced", function(case)
  for _, kind in ipairs{ "stream", "datagram" } do
    local path = free_path()
    local server = poe.socket.unix{ type = kind, bind = path }
    t.failure("EADDRINUSE", poe.socket.unix{ type = kind, bind = path })
    t.failure("EADDRINUSE", poe.socket.unix{ type = kind, bind = path, reuse = true })
    local client = poe.socket.unix{ type = kind, connect = path }
    t.is(client and client:send("x"), 1, "it still serves")
    case.after(function() close_all(server, client) end)
  end
end, real)

t.case("D41 a stale one is replaced with reuse", function(case)
  for _, kind in ipairs{ "stream", "datagram" } do
    local path = free_path()
    poe.socket.unix{ type = kind, bind = path, keep_path = true }:close()
    t.failure("EADDRINUSE", poe.socket.unix{ type = kind, bind = path })
    local server = assert(poe.socket.unix{ type = kind, bind = path, reuse = true })
    local client = assert(poe.socket.unix{ type = kind, connect = path })
    case.after(function() close_all(server, client); t.is(exists(path), false) end)
  end
end, real)

t.case("D41 a plain file is never removed", function()
  local path = free_path()
  local file = io.open(path, "w")
  file:write("precious")
  file:close()
  t.failure("EADDRINUSE", poe.socket.unix{ bind = path, reuse = true })
  t.is(contents(path), "precious")
  os.remove(path)
end)

t.case("D42 peer_credentials of a pair in one process are its own", function(case)
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  local own = a:peer_credentials()
  t.is(own.pid, poe.pid())
  t.is(own.uid, id("-u"))
  t.is(own.gid, id("-g"))
  local c, _, d = poe.pipe.TwoWay.new("inet")
  t.failure("EOPNOTSUPP", c:peer_credentials())
  case.after(function()
    close_all(a, b, c, d)
    t.failure("EBADF", a:peer_credentials())
  end)
end, real)

t.case("D43 send_handle moves the end of a pipe to the peer", function(case)
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  local reader, writer = poe.pipe.OneWay.new()
  t.failure("EAGAIN", b:recv_handle())
  t.success(a:send_handle(reader))
  reader:close()
  spawn{
    _start = function() kernel:select_read(b, "passed") end,
    passed = case.expect(1, function()
      kernel:select_read(b)
      local got = b:recv_handle()
      t.is(got:kind(), "pipe")
      writer:write("through")
      t.is(got:read(), "through")
      t.failure("EAGAIN", got:read())
      a:close()
      t.same(pack(b:recv_handle()), pack(nil, "", 0))
      close_all(got, writer, b)
      t.failure("EBADF", b:recv_handle())
      t.failure("EBADF", b:send_handle(0))
      t.fails(function() b:send_handle(got) end, "the handle is closed")
    end),
  }
end, real)

t.case("D44 a path that is too long: ENAMETOOLONG", function()
  local path = "/tmp/" .. ("x"):rep(200)
  t.failure("ENAMETOOLONG", poe.socket.unix{ bind = path })
  t.failure("ENAMETOOLONG", poe.socket.unix{ connect = path })
  t.failure("EINVAL", poe.socket.unix{ connect = "" })
  t.failure("EINVAL", poe.socket.unix{ bind = "/tmp/a\0b" })
end)
