-- TLS over handles: D25 to D31, and what else start_tls promises.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel
local real = { clock = "real" }

local cert, key = poe.tls.self_signed{ names = { "example.org", "127.0.0.1" } }

local function merged(defaults, more)
  local all = {}
  for k, v in pairs(defaults) do all[k] = v end
  for k, v in pairs(more or {}) do all[k] = v end
  return all
end

local function client(more) return merged({ side = "client", ca = cert, server_name = "example.org" }, more) end
local function server(more) return merged({ side = "server", cert = cert, key = key }, more) end

-- pair gives both ends of a connection on which TLS was started.
local function pair(client_options, server_options, kind)
  local a, _, b = poe.pipe.TwoWay.new(kind)
  return assert(a:start_tls(client_options)), assert(b:start_tls(server_options))
end

-- watch reads handles until all have ended, or until enough(got) is true; then it closes them. What was read is
-- got[handle], and how it ended got.message[handle] and got.errno[handle].
local function watch(handles, enough)
  local got = { message = {}, errno = {} }
  local function finish()
    for _, h in ipairs(handles) do
      if h:is_open() then h:close() end
    end
  end
  poe.Session.create{ inline_states = {
    _start = function()
      for _, h in ipairs(handles) do
        got[h] = ""
        kernel:select_read(h, "readable")
      end
    end,
    readable = function(_, h)
      local text, message, errno = h:read()
      if text then
        got[h] = got[h] .. text
      elseif errno ~= poe.errno.EAGAIN then
        got.message[h], got.errno[h] = message, errno
        kernel:select_read(h)
      else
        error("told of nothing")
      end
      local open = 0
      for _, one in ipairs(handles) do
        if not got.errno[one] then open = open + 1 end
      end
      if open == 0 or enough and enough(got) then finish() end
    end,
  } }
  return got
end

t.case("D25 handshake and data go both ways, with certificates given as text", function(case)
  local a, b = pair(client(), server())
  t.is(a:write("to the server"), 13) -- held until the handshake is over
  t.is(b:write("to the client"), 13)
  local got = watch({ a, b }, function(got) return #got[a] == 13 and #got[b] == 13 end)
  case.after(function()
    t.is(got[a], "to the client")
    t.is(got[b], "to the server")
  end)
end, real)

t.case("D25 certificates are given as paths", function(case)
  local names = { os.tmpname(), os.tmpname() }
  for i, text in ipairs{ cert, key } do
    local f = assert(io.open(names[i], "w"))
    f:write(text)
    f:close()
  end
  local a, b = pair(client{ ca = names[1] }, server{ cert = names[1], key = names[2] })
  a:write("x")
  local got = watch({ a, b }, function(got) return got[b] == "x" end)
  case.after(function()
    t.is(got[b], "x")
    os.remove(names[1])
    os.remove(names[2])
  end)
end, real)

t.case("reads find nothing until the handshake is over", function(case)
  local a, b = pair(client(), server())
  t.failure("EAGAIN", a:read())
  t.is(a:tls_info(), nil)
  case.after(function() a:close(); b:close() end)
end, real)

-- fails makes a case in which the client's handshake fails.
local function fails(name, pattern, client_options, server_options)
  t.case(name, function(case)
    local a, b = pair(client(client_options), server(server_options))
    local got = watch{ a, b }
    case.after(function()
      t.is(got.errno[a], poe.errno.EPROTO)
      t.is(got.errno[b], poe.errno.EPROTO)
      t.truthy(got.message[a]:find(pattern), got.message[a])
    end)
  end, real)
end

local other_cert, other_key = poe.tls.self_signed{ names = { "example.org" } }
local old_cert, old_key = poe.tls.self_signed{ names = { "example.org" }, days = -1 }

fails("D26 a wrong name fails and says so", "wrong name: certificate is valid for example.org, not localhost",
  { server_name = "localhost" })
fails("D26 an unknown authority fails and says so", "unknown authority: ", { ca = other_cert })
fails("D26 an expired certificate fails and says so", "expired: ", { ca = old_cert }, { cert = old_cert, key = old_key })
t.case("D26 verify = false connects", function(case)
  local a, b = pair(client{ server_name = "localhost", ca = other_cert, verify = false }, server())
  b:write("welcome")
  local verified
  local got = watch({ a, b }, function(got)
    if got[a] ~= "welcome" then return false end
    verified = a:tls_info().verified
    return true
  end)
  case.after(function()
    t.is(got[a], "welcome")
    t.is(verified, false)
  end)
end, real)

t.case("D27 tls_info has version, protocol and the peer's names", function(case)
  local a, b = pair(client{ alpn = { "h2", "poe" } }, server{ alpn = { "poe" } })
  b:write("x")
  local info, server_info
  watch({ a, b }, function()
    info, server_info = a:tls_info(), b:tls_info()
    return true
  end)
  case.after(function()
    t.is(info.version, "1.3")
    t.truthy(info.cipher:find("^TLS_"))
    t.is(info.alpn, "poe")
    t.is(info.server_name, "example.org")
    t.is(info.verified, true)
    t.is(info.resumed, false)
    local peer = info.peer_certificate
    t.is(peer.subject, "CN=example.org")
    t.is(peer.issuer, "CN=example.org")
    t.same(peer.names, { "example.org", "127.0.0.1" })
    t.is(#peer.sha256, 64)
    t.truthy(peer.not_before < poe.time() and poe.time() < peer.not_after)
    t.is(server_info.server_name, "example.org")
    t.is(server_info.peer_certificate, nil)
    t.is(server_info.verified, false)
    t.failure("EBADF", a:tls_info())
  end)
end, real)

t.case("D28 client_cert require without one fails on the server", function(case)
  local a, b = pair(client(), server{ client_cert = "require", ca = cert })
  local got = watch{ a, b }
  case.after(function()
    t.is(got.errno[b], poe.errno.EPROTO)
    t.truthy(got.message[b]:find("client didn't provide a certificate"), got.message[b])
    t.is(got.errno[a], poe.errno.EPROTO)
    t.truthy(got.message[a]:find("the peer refuses: certificate required"), got.message[a])
  end)
end, real)

t.case("client_cert require with one that the authority has signed connects", function(case)
  local mine, mine_key = poe.tls.self_signed{ names = { "a client" }, ca = cert, ca_key = key }
  local a, b = pair(client{ cert = mine, key = mine_key }, server{ client_cert = "require", ca = cert })
  a:write("x")
  local info
  watch({ a, b }, function() info = b:tls_info(); return true end)
  case.after(function()
    t.is(info.peer_certificate.subject, "CN=a client")
    t.is(info.verified, true)
  end)
end, real)

t.case("D29 8 MiB both ways at once come through", function(case)
  local a, b = pair(client(), server())
  local size, block = 8 * 1024 * 1024, string.rep("0123456789abcdef", 1000)
  local sent, got = { [a] = 0, [b] = 0 }, { [a] = 0, [b] = 0 }
  poe.Session.create{ inline_states = {
    _start = function()
      for _, h in ipairs{ a, b } do
        kernel:select_read(h, "readable")
        kernel:select_write(h, "writable")
      end
    end,
    writable = function(_, h)
      local n = h:write(block:sub(sent[h] % #block + 1, math.min(#block, sent[h] % #block + size - sent[h])))
      sent[h] = sent[h] + (n or 0)
      if sent[h] == size then kernel:select_write(h) end
    end,
    readable = function(_, h)
      local text = assert(h:read(5000))
      local from = got[h] % #block
      if text ~= (block .. block):sub(from + 1, from + #text) then error("the bytes differ at " .. got[h]) end
      got[h] = got[h] + #text
      if got[a] == size and got[b] == size then
        a:close()
        b:close()
      end
    end,
  } }
  case.after(function() t.same({ got[a], got[b] }, { size, size }) end)
end, real)

t.case("D30 close is a clean end for the peer, behind the last bytes", function(case)
  local a, b = pair(client(), server())
  a:write("x")
  local got = watch({ b }, function(got)
    if got[b] == "x" and a:is_open() then
      a:write("last words")
      a:close()
    end
  end)
  case.after(function()
    t.is(got[b], "xlast words")
    t.is(got.errno[b], 0)
  end)
end, real)

t.case("D30 a cut connection is EPROTO", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  a = a:start_tls(client())
  local got = watch{ a }
  poe.Session.create{ inline_states = {
    _start = function() kernel:select_read(b, "hello") end,
    hello = function() b:read(); b:close() end,
  } }
  case.after(function()
    t.is(got.errno[a], poe.errno.EPROTO)
    t.truthy(got.message[a]:find("cut"), got.message[a])
  end)
end, real)

t.case("D31 a connection starts TLS in its middle, with bytes of it read as plain", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  a:write("STARTTLS\r\n")
  a = a:start_tls(client()) -- its hello may come right behind
  a:write("secret")
  local seen = ""
  local got
  poe.Session.create{ inline_states = {
    _start = function() kernel:select_read(b, "plain") end,
    plain = function()
      seen = seen .. assert(b:read())
      local early = seen:match("^STARTTLS\r\n(.+)")
      if not early then return end
      local old = b
      b = b:start_tls(server{ early = early })
      t.is(old:is_open(), false)
      t.failure("EBADF", old:read())
      got = watch({ a, b }, function(g) return g[b] == "secret" end)
    end,
  } }
  case.after(function() t.is(got[b], "secret") end)
end, real)

t.case("plain HTTP in the place of TLS is named", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  a = a:start_tls(server())
  b:write("GET / HTTP/1.1\r\n\r\n")
  local got = watch{ a }
  case.after(function()
    t.is(got.errno[a], poe.errno.EPROTO)
    t.is(got.message[a], "tls handshake: the peer speaks plain HTTP")
    b:close()
  end)
end, real)

t.case("a handshake that does not go on ends with ETIMEDOUT", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  a = a:start_tls(server{ handshake_timeout = 0.001 })
  local got = watch{ a }
  case.after(function()
    t.is(got.errno[a], poe.errno.ETIMEDOUT)
    b:close()
  end)
end, real)

t.case("certificates chooses by the name that the client asks for", function(case)
  local asked
  local a, b = pair(client{ server_name = "other.example.org", ca = cert }, {
    side = "server",
    certificates = function(name)
      asked = name
      return poe.tls.self_signed{ names = { name }, ca = cert, ca_key = key }
    end,
  })
  b:write("x")
  local got = watch({ a, b }, function(got) return got[a] == "x" end)
  case.after(function()
    t.is(got[a], "x")
    t.is(asked, "other.example.org")
  end)
end, real)

t.case("what certificates raises or lacks fails the handshake", function(case)
  local a, b = pair(client(), { side = "server", certificates = function() error("no such host", 0) end })
  local c, d = pair(client(), { side = "server", certificates = function() end })
  local got = watch{ a, b, c, d }
  case.after(function()
    t.is(got.errno[b], poe.errno.EINVAL)
    t.truthy(got.message[b]:find("certificates: no such host"), got.message[b])
    t.truthy(got.message[d]:find("there is none for 'example.org'"), got.message[d])
    t.truthy(got.message[a]:find("the peer refuses"), got.message[a])
  end)
end, real)

t.case("a second connection resumes the session of the first", function(case)
  local resumed = {}
  local function connect(n)
    local a, b = pair(client(), server())
    b:write("x") -- behind the ticket
    watch({ a, b }, function()
      resumed[n] = a:tls_info().resumed
      if n == 1 then connect(2) end
      return true
    end)
  end
  connect(1)
  case.after(function() t.same(resumed, { false, true }) end)
end, real)

t.case("without session_tickets none is resumed", function(case)
  local resumed = {}
  local function connect(n)
    local a, b = pair(client{ session_tickets = false }, server{ session_tickets = false })
    b:write("x")
    watch({ a, b }, function()
      resumed[n] = a:tls_info().resumed
      if n == 1 then connect(2) end
      return true
    end)
  end
  connect(1)
  case.after(function() t.same(resumed, { false, false }) end)
end, real)

t.case("the name to verify is the peer's address if there is no other", function(case)
  local a, b = pair({ side = "client", ca = cert }, server(), "inet")
  b:write("x")
  local info
  watch({ a, b }, function() info = a:tls_info(); return true end)
  case.after(function() t.is(info.verified, true) end)
end, real)

t.case("closing removes the watchers and lets the session stop", function(case)
  local a, b = pair(client(), server())
  poe.Session.create{ inline_states = {
    _start = function(ctx)
      kernel:select_read(a, "never")
      ctx.kernel:yield("close")
    end,
    close = function() a:close() end,
    never = case.expect(0),
  } }
  case.after(function()
    t.failure("EBADF", a:read())
    t.failure("EBADF", a:close())
    b:close()
  end)
end, real)

t.case("wrong parameters raise and leave the handle as it was", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  for pattern, options in pairs{
    ["side: one of 'client', 'server' expected, got nil"] = {},
    ["side: one of 'client', 'server' expected, got 'peer'"] = { side = "peer" },
    ["unknown parameter 'sever_name'"] = { side = "client", sever_name = "x", verify = false },
    ["server_name: string expected"] = { side = "client" },
    ["cert and key: one without the other"] = { side = "server", cert = cert },
    ["cert and key, or certificates, expected"] = { side = "server" },
    ["min_version: one of"] = { side = "client", verify = false, min_version = "1.4" },
    ["client_cert: 'none', 'request' or 'require' expected, got 'yes'"] = server{ client_cert = "yes" },
    ["alpn: array of strings"] = server{ alpn = { "" } },
    ["alpn: table expected, got string"] = server{ alpn = "h2" },
    ["verify: boolean expected, got string"] = client{ verify = "no" },
    ["certificates: only a server has that"] = client{ certificates = function() end },
    ["handshake_timeout: number of seconds"] = client{ handshake_timeout = 0 },
  } do
    t.fails(function() a:start_tls(options) end, (pattern:gsub("%p", "%%%0")))
  end
  t.fails(function() a:start_tls() end, "table expected")
  t.truthy(a:is_open())
  case.after(function() a:close(); b:close() end)
end, real)

t.case("what cannot be read or makes no sense is a failure", function(case)
  local a, _, b = poe.pipe.TwoWay.new()
  t.failure("ENOENT", a:start_tls(client{ ca = "/no/such/file" }))
  t.failure("EINVAL", a:start_tls(client{ ca = "/dev/null" }))
  t.failure("EINVAL", a:start_tls(client{ ca = "-----BEGIN nothing-----" }))
  t.failure("EINVAL", a:start_tls(server{ cert = cert, key = other_key }))
  t.failure("EINVAL", a:start_tls(server{ cert = cert:gsub("M", "?"), key = key }))
  t.truthy(a:is_open())
  a:close()
  t.failure("EBADF", a:start_tls(client()))
  b:close()
end, real)

t.case("a plain handle has no tls_info", function()
  local a, _, b = poe.pipe.TwoWay.new()
  t.is(a:tls_info(), nil)
  a:close()
  b:close()
end)

t.case("self_signed takes names, days and an authority, and raises for others", function()
  for pattern, options in pairs{
    ["unknown parameter 'name'"] = { name = "x" },
    ["names: at least one expected"] = { names = {} },
    ["names: array of names"] = { names = { 1 } },
    ["days: whole number"] = { days = 1e9 },
    ["ca and ca_key: one without the other"] = { ca = cert },
  } do
    t.fails(function() poe.tls.self_signed(options) end, (pattern:gsub("%p", "%%%0")))
  end
  local leaf, leaf_key = poe.tls.self_signed{ ca = cert, ca_key = key }
  t.failure("EINVAL", poe.tls.self_signed{ ca = leaf, ca_key = leaf_key })
end)
