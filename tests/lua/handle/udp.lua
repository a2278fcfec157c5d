-- Datagrams: D36 to D39.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel
local real = { clock = "real" }

local function pack(...) return { n = select("#", ...), ... } end

local function spawn(states) return poe.Session.create{ inline_states = states } end

-- arriving has f called with what recv gives, once a datagram is there.
local function arriving(case, handle, f)
  spawn{
    _start = function() kernel:select_read(handle, "readable") end,
    readable = case.expect(1, function()
      kernel:select_read(handle)
      f(handle:recv())
    end),
  }
end

t.case("D36 an echo over watchers: payload and sender", function(case)
  local server = poe.socket.udp{ bind_address = "127.0.0.1" }
  local addr, port = server:sockname()
  local client = poe.socket.udp{ bind_address = "127.0.0.1" }
  local lines, heard = { "one", "", ("x"):rep(60000) }, {}
  spawn{
    _start = function()
      kernel:select_read(server, "asked")
      kernel:select_read(client, "answered")
      for _, line in ipairs(lines) do t.is(client:send(line, addr, port), #line) end
    end,
    asked = case.expect(#lines, function()
      local payload, from, from_port, truncated = server:recv()
      t.same(pack(from, from_port), pack(client:sockname()))
      t.is(truncated, false)
      t.is(server:send(payload, from, from_port), #payload)
    end),
    answered = case.expect(#lines, function()
      local payload, from, from_port = client:recv()
      t.same(pack(from, from_port), pack(addr, port))
      heard[#heard + 1] = payload
      if #heard == #lines then kernel:select_read(server); kernel:select_read(client) end
    end),
  }
  case.after(function() t.same(heard, lines); server:close(); client:close() end)
end, real)

t.case("D36 an empty datagram is an empty string and not the end", function(case)
  local server = poe.socket.udp{ bind_address = "127.0.0.1" }
  local addr, port = server:sockname()
  local client = poe.socket.udp{ remote_address = addr, remote_port = port }
  t.is(client:send(""), 0)
  arriving(case, server, function(payload, from, from_port, truncated)
    t.same(pack(payload, from, from_port, truncated), { n = 4, "", "127.0.0.1", select(2, client:sockname()), false })
    t.failure("EAGAIN", server:recv())
  end)
  case.after(function() server:close(); client:close() end)
end, real)

t.case("D36 a datagram longer than asked is cut; peek leaves it there", function(case)
  local server = poe.socket.udp{ bind_address = "127.0.0.1" }
  local addr, port = server:sockname()
  local client = poe.socket.udp{ remote_address = addr, remote_port = port }
  for _ = 1, 2 do client:send("0123456789") end
  arriving(case, server, function(payload, _, _, truncated)
    t.same(pack(payload, truncated), pack("0123456789", false))
    t.same(pack(server:recv(4, true)), pack("0123", addr, select(2, client:sockname()), true))
    t.same(pack(server:recv(10, false)), pack("0123456789", addr, select(2, client:sockname()), false))
    t.failure("EAGAIN", server:recv())
  end)
  case.after(function() server:close(); client:close() end)
end, real)

t.case("D36 wrong arguments of recv and send raise", function(case)
  local s = poe.socket.udp{ bind_address = "127.0.0.1" }
  t.fails(function() s:recv(0) end, "bad argument #1 to 'recv'")
  t.fails(function() s:recv(1, 1) end, "bad argument #2 to 'recv' %(boolean expected, got number%)")
  t.fails(function() s:send() end, "bad argument #1 to 'send'")
  t.fails(function() s:send("x", "localhost", 1) end, "bad argument #2 to 'send' %(address in numbers expected, got 'localhost'%)")
  t.fails(function() s:send("x", "127.0.0.1") end, "bad argument #3 to 'send' %(number expected, got no value%)")
  t.fails(function() s:send("x", "127.0.0.1", 70000) end, "port from 0 to 65535 expected, got 70000")
  t.failure("EMSGSIZE", s:send(("x"):rep(70000), s:sockname()))
  t.failure("EDESTADDRREQ", s:send("x"))
  t.failure("EAFNOSUPPORT", s:send("x", "::1", 9))
  s:close()
  t.failure("EBADF", s:recv())
  t.failure("EBADF", s:send("x"))
  case.after(function() t.is(s:is_open(), false) end)
end, real)

t.case("D37 connected to a closed port: ECONNREFUSED", function(case)
  local closed = poe.socket.udp{ bind_address = "127.0.0.1" }
  local addr, port = closed:sockname()
  closed:close()
  local s = poe.socket.udp{ remote_address = addr, remote_port = port }
  t.same(pack(s:peername()), pack(addr, port))
  t.is(s:send("x"), 1)
  arriving(case, s, function(...) t.failure("ECONNREFUSED", ...) end)
  case.after(function() s:close() end)
end, real)

t.case("D38 a broadcast is refused without the option", function(case)
  local s = poe.socket.udp{}
  t.is(s:option("broadcast"), false)
  t.failure("EACCES", s:send("x", "255.255.255.255", 9))
  local allowed = poe.socket.udp{ broadcast = true }
  t.is(allowed:option("broadcast"), true)
  local _, _, errno = allowed:send("x", "255.255.255.255", 9)
  t.truthy(errno ~= poe.errno.EACCES, "with the option")
  case.after(function() s:close(); allowed:close() end)
end, real)

t.case("D39 multicast on loopback", function(case)
  local group = { group = "239.255.70.3", interface = "127.0.0.1" }
  local receiver = assert(poe.socket.udp{ multicast = group })
  local _, port = receiver:sockname()
  local sender = assert(poe.socket.udp{ multicast = group })
  t.is(sender:send("to all", group.group, port), 6)
  arriving(case, receiver, function(payload) t.is(payload, "to all") end)
  t.failure("ENODEV", poe.socket.udp{ multicast = { group = "239.255.70.3", interface = "nonesuch" } })
  case.after(function() receiver:close(); sender:close() end)
end, real)

t.case("an address that the machine has not cannot be bound", function()
  t.failure("EADDRNOTAVAIL", poe.socket.udp{ bind_address = "192.0.2.1" })
end)

t.case("reuse_port lets two sockets have one address", function(case)
  local first = poe.socket.udp{ bind_address = "127.0.0.1", reuse_port = true }
  local addr, port = first:sockname()
  t.failure("EADDRINUSE", poe.socket.udp{ bind_address = addr, bind_port = port })
  local second = assert(poe.socket.udp{ bind_address = addr, bind_port = port, reuse_port = true })
  case.after(function() first:close(); second:close() end)
end, real)
