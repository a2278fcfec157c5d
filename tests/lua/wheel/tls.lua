-- TLS in wheels: start_tls of ReadWrite, tls of SocketFactory.
local t = require "poe.test"
local poe = require "poe"

local real = { clock = "real" }
local Line, Stream, Block = poe.filter.Line, poe.filter.Stream, poe.filter.Block
local ReadWrite, SocketFactory = poe.wheel.ReadWrite, poe.wheel.SocketFactory

local cert, key = poe.tls.self_signed { names = { "example.org", "127.0.0.1" } }
local old_cert, old_key = poe.tls.self_signed { names = { "example.org", "127.0.0.1" }, days = -1 }
local other_cert = poe.tls.self_signed { names = { "example.org", "127.0.0.1" } }

local function merged(defaults, more)
  local all = {}
  for k, v in pairs(defaults) do all[k] = v end
  for k, v in pairs(more or {}) do all[k] = v end
  return all
end

local function client(more) return merged({ side = "client", ca = cert, server_name = "example.org" }, more) end
local function server(more) return merged({ side = "server", cert = cert, key = key }, more) end

-- pair gives the two ends of a connection.
local function pair()
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  return a, b
end

-- session makes one with these states; what has none is an error.
local function session(states)
  states._default = states._default or function(_, event, args)
    error("the event '" .. event .. "' was not expected: " .. tostring(args[1]) .. ", " .. tostring(args[3]))
  end
  states._stop = states._stop or function() end
  states._child = states._child or function() end
  return poe.Session.create { inline_states = states }
end

-- on makes a handler of _start that makes the session's one wheel, ctx.heap.w, on this handle.
local function on(handle, params)
  return function(ctx)
    ctx.heap.w = ReadWrite.new(merged({ handle = handle, input_event = "line", error_event = "error" }, params))
  end
end

-- over is an error event's handler for an end that is expected.
local function over(ctx, op, errno, text)
  t.same({ op, errno, text }, { "read", 0, "" })
  ctx.heap.w:destroy()
end

-- drain reads all that is there.
local function drain(h)
  local parts = {}
  while true do
    local s = h:read()
    if not s then return table.concat(parts) end
    parts[#parts + 1] = s
  end
end

-- numbers is a text of which every part is different.
local function numbers(size)
  local parts, length, n = {}, 0, 0
  while length < size do
    n = n + 1
    parts[n] = ("%07d "):format(n)
    length = length + 8
  end
  return table.concat(parts):sub(1, size)
end

t.case("W38 start_tls upgrades both ends in mid-connection: lines before, lines after", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:put("hello")
    end,
    line = function(ctx, line)
      log("client", line)
      if line == "go on" then
        t.is(ctx.heap.w:start_tls(client()), true)
        ctx.heap.w:put("a secret")
      elseif line == "it is safe" then
        local info = ctx.heap.w:get_input_handle():tls_info()
        t.is(info.verified, true)
        t.is(ctx.heap.w:get_input_handle(), ctx.heap.w:get_output_handle())
        ctx.heap.w:destroy()
      end
    end,
  }
  session {
    _start = on(b),
    line = function(ctx, line)
      log("server", line)
      if line == "hello" then
        ctx.heap.w:put("go on") -- leaves before TLS begins
        t.same({ ctx.heap.w:start_tls(server()) }, { true })
        t.is(b:is_open(), false)
        ctx.heap.w:put("it is safe")
      end
    end,
    error = case.expect(1, over),
  }
  case.after(function() log:is("server:hello client:go on client:it is safe server:a secret") end)
end, real)

t.case("W38 output that waits goes out plain, what is put afterwards does not", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:put("plain")
      t.is(ctx.heap.w:start_tls(client()), true)
      ctx.heap.w:put("secret")
      ctx.heap.w:put("also secret")
      t.is(ctx.heap.w:get_driver_out_octets(), #"secret\r\n" + #"also secret\r\n")
      ctx.heap.seen = ""
      ctx.kernel:select_read(b, "peer")
    end,
    peer = function(ctx)
      ctx.heap.seen = ctx.heap.seen .. drain(b)
      if ctx.heap.seen:find("^plain\r\n\22\3\1") then -- the beginning of a handshake
        ctx.kernel:delay("later", 0.005)
      end
    end,
    later = function(ctx)
      t.is(ctx.heap.seen:find("secret", 1, true), nil)
      b:close()
    end,
    error = function(ctx, op)
      ctx.heap[op] = true
      ctx.kernel:yield("over")
    end,
    over = function(ctx) ctx.heap.w:destroy() end,
  }
end, real)

t.case("W38 much plain output goes out first, while the peer reads slowly; then TLS begins by itself", function(case)
  local a, b = pair()
  local plain = numbers(1024 * 1024)
  local got
  session {
    _start = function(ctx)
      on(a, { filter = Stream.new() })(ctx)
      ctx.heap.w:put(plain)
      t.is(ctx.heap.w:start_tls(client()), true)
      t.truthy(ctx.heap.w:get_driver_out_octets() > 0) -- the socket does not take it all
      t.failure("EALREADY", ctx.heap.w:start_tls(client()))
      ctx.heap.w:put("secret\n")
    end,
    line = case.expect(1, function(ctx, item)
      t.is(item, "the same to you\r\n")
      ctx.heap.w:destroy()
    end),
  }
  session {
    _start = on(b, { input_filter = Block.new { block_size = #plain }, read_limit = 1 }),
    line = function(ctx, item)
      got = item
      local filter = ctx.heap.w:get_input_filter()
      local early = table.concat(filter:get_pending() or {})
      t.same({ ctx.heap.w:start_tls(server { early = early }) }, { true, early ~= "" and early or nil })
      ctx.heap.w:set_input_filter(Line.new())
      ctx.heap.w:event { input_event = "secret" }
    end,
    secret = case.expect(1, function(ctx, line)
      t.is(line, "secret")
      ctx.heap.w:put("the same to you")
    end),
    error = case.expect(1, over),
  }
  case.after(function() t.truthy(got == plain, "the plain bytes differ") end)
end, real)

t.case("W38 plain input that is in the filter comes back as second value and is not parsed", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      b:write("STARTTLS\nINJECTED\nand half a li")
    end,
    line = function(ctx, line, id)
      if line ~= "STARTTLS" then
        t.is(line, "secret") -- and not "and half a lisecret"
        ctx.heap.w:destroy()
        return
      end
      t.same({ ctx.heap.w:start_tls(server()) }, { true, "INJECTED\nand half a li" })
      t.is(ctx.heap.w:get_input_filter():get_pending(), nil)
      ctx.heap.peer = ReadWrite.new { handle = b, input_event = "peer", error_event = "peer_error" }
      ctx.heap.peer:start_tls(client())
      ctx.heap.peer:put("secret")
    end,
    peer_error = case.expect(1, function(ctx, op, errno)
      t.same({ op, errno }, { "read", 0 })
      ctx.heap.peer:destroy()
    end),
  }
end, real)

t.case("W38 items that are held because input is paused are plain input, too", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      b:write("one\ntwo\nthree\n")
    end,
    line = case.expect(1, function(ctx, line)
      t.is(line, "one")
      ctx.heap.w:pause_input()
      ctx.kernel:yield("upgrade")
    end),
    upgrade = function(ctx)
      t.same({ ctx.heap.w:start_tls(server()) }, { true, "two\nthree\n" })
      ctx.heap.w:resume_input()
      b:close()
    end,
    error = case.expect(1, function(ctx, op, errno)
      t.same({ op, errno }, { "read", poe.errno.EPROTO })
      ctx.heap.w:destroy()
    end),
  }
end, real)

t.case("W38 the peer's hello right behind its last plain line is given on as early", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:put("STARTTLS")
      ctx.heap.w:start_tls(client())
      ctx.heap.w:put("secret")
    end,
    error = case.expect(1, over),
  }
  session {
    _start = function(ctx) ctx.kernel:delay("listen", 0.005) end,
    listen = on(b),
    line = function(ctx, line)
      if line == "secret" then
        ctx.heap.w:destroy()
        return
      end
      t.is(line, "STARTTLS")
      local early = table.concat(ctx.heap.w:get_input_filter():get_pending() or {})
      t.is(ctx.heap.w:start_tls(server { early = early }), true)
    end,
  }
end, real)

t.case("W38 a failed handshake is an error event with the reason, on both ends", function(case)
  local a, b = pair()
  local log = t.log()
  local function failed(who)
    return function(ctx, op, errno, text)
      t.is(errno, poe.errno.EPROTO)
      log(who, op, text)
      ctx.heap.w:destroy()
    end
  end
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:start_tls(client { server_name = "elsewhere.org" })
    end,
    error = failed("client"),
  }
  session {
    _start = function(ctx)
      on(b)(ctx)
      ctx.heap.w:start_tls(server())
    end,
    error = failed("server"),
  }
  case.after(function()
    log:is("client:read:wrong name: certificate is valid for example.org, not elsewhere.org " ..
      "server:read:the peer refuses: bad certificate")
  end)
end, real)

t.case("W38 output that waits for a handshake that fails is a write error, once, and stays counted", function(case)
  local a, b = pair()
  local seen = {}
  session {
    _start = function(ctx)
      on(a, { flushed_event = "flushed" })(ctx)
      ctx.heap.w:start_tls(client())
      ctx.heap.w:put(("x"):rep(100000))
      b:write("no TLS here\r\n")
    end,
    error = function(ctx, op, errno, text)
      t.is(seen[op], nil)
      seen[op] = text
      t.is(errno, poe.errno.EPROTO)
      if seen.read and seen.write then
        t.truthy(ctx.heap.w:get_driver_out_octets() > 0)
        ctx.heap.w:destroy()
        b:close()
      end
    end,
  }
  case.after(function() t.truthy(seen.read:find("^the peer does not speak TLS"), seen.read) end)
end, real)

t.case("W38 plain output that start_tls writes brings low and flushed as any other", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      on(a, { high_mark = 10, low_mark = 5, high_event = "high", low_event = "low", flushed_event = "flushed" })(ctx)
      t.is(ctx.heap.w:put("more than ten"), true)
      ctx.heap.w:start_tls(client())
    end,
    high = function() log("high") end,
    low = function() log("low") end,
    flushed = function(ctx)
      log("flushed")
      ctx.heap.w:destroy()
      b:close()
    end,
  }
  case.after(function() log:is("high low flushed") end)
end, real)

t.case("W38 start_tls of nothing put brings no flushed event", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a, { flushed_event = "flushed" })(ctx)
      ctx.heap.w:start_tls(client())
      ctx.kernel:delay("enough", 0.01)
    end,
    flushed = case.expect(0),
    enough = function(ctx)
      ctx.heap.w:destroy()
      b:close()
    end,
  }
end, real)

t.case("W38 what cannot begin leaves the wheel as it was", function(case)
  local a, b = pair()
  local r, _, _, w = poe.pipe.TwoWay.new("pipe")
  session {
    _start = function(ctx)
      on(a)(ctx)
      b:write("begin\nhalf")
      local two = ReadWrite.new { input_handle = r, output_handle = w }
      t.failure("EINVAL", two:start_tls(client()))
      two:destroy()
    end,
    line = function(ctx, line)
      if line == "begin" then
        t.failure("ENOENT", ctx.heap.w:start_tls(client { ca = "/no/such/file" }))
        t.failure("EMSGSIZE", ctx.heap.w:start_tls(client { early = ("x"):rep(100000) }))
        t.fails(function() ctx.heap.w:start_tls { side = "nobody" } end, "poe.wheel.ReadWrite:start_tls: side: one of 'client', 'server' expected")
        t.fails(function() ctx.heap.w:start_tls() end, "table expected")
        b:write(" a line\n")
      else
        t.is(line, "half a line")
        ctx.heap.w:destroy()
        t.failure("EBADF", ctx.heap.w:start_tls(client()))
        b:close()
      end
    end,
  }
end, real)

t.case("W38 start_tls a second time, and after output has ended, is refused and changes nothing", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:start_tls(client())
      t.failure("EISCONN", ctx.heap.w:start_tls(client()))
    end,
    line = function(ctx, line)
      t.is(line, "hello")
      t.failure("EISCONN", ctx.heap.w:start_tls(client()))
      ctx.heap.w:shutdown_output()
      t.failure("EPIPE", ctx.heap.w:start_tls(client()))
    end,
    error = case.expect(1, over),
  }
  session {
    _start = function(ctx)
      on(b)(ctx)
      ctx.heap.w:start_tls(server())
      ctx.heap.w:put("hello")
    end,
    error = case.expect(1, over),
  }
end, real)

t.case("W38 shutdown_output while plain output waits gives TLS up, and says so", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a, { filter = Stream.new() })(ctx)
      ctx.heap.w:put(("x"):rep(1024 * 1024))
      ctx.heap.w:start_tls(client())
      ctx.heap.w:shutdown_output()
      t.is(ctx.heap.w:get_driver_out_octets(), 0)
      b:write("not to be trusted")
    end,
    error = case.expect(1, function(ctx, op, errno, text)
      t.same({ op, errno, text }, { "read", poe.errno.EPIPE, "output has ended before TLS began" })
      ctx.heap.w:destroy()
      b:close()
    end),
  }
end, real)

t.case("W38 a peer that goes before all plain output is written ends both directions", function(case)
  local a, b = pair()
  local seen = t.log()
  session {
    _start = function(ctx)
      on(a, { filter = Stream.new() })(ctx)
      ctx.heap.w:put(("x"):rep(1024 * 1024))
      ctx.heap.w:start_tls(client())
      ctx.heap.left = ctx.heap.w:get_driver_out_octets()
      b:close()
    end,
    error = case.expect(2, function(ctx, op, errno)
      seen(op)
      t.truthy(errno == poe.errno.EPIPE or errno == poe.errno.ECONNRESET, errno)
      if op == "read" then
        t.is(ctx.heap.w:get_driver_out_octets(), ctx.heap.left)
        ctx.heap.w:destroy()
      end
    end),
  }
  case.after(function() seen:is("write read") end)
end, real)

t.case("W38 a wheel on a handle whose handshake goes on reads and writes when it is over", function(case)
  local a, b = pair()
  a, b = a:start_tls(client()), b:start_tls(server())
  session {
    _start = function(ctx)
      on(a, { flushed_event = "flushed" })(ctx)
      ctx.heap.w:put("early bird")
    end,
    flushed = case.expect(1),
    line = function(ctx, line)
      t.is(line, "worm")
      ctx.heap.w:destroy()
    end,
  }
  session {
    _start = on(b),
    line = function(ctx, line)
      t.is(line, "early bird")
      ctx.heap.w:put("worm")
    end,
    error = case.expect(1, over),
  }
end, real)

t.case("W38 output put during a handshake that stops does not keep the kernel busy", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:start_tls(client())
      ctx.heap.w:put("waits")
      ctx.kernel:delay("begin", 0.01)
    end,
    begin = function(ctx)
      ctx.heap.before = ctx.kernel:stats().iterations
      ctx.kernel:delay("finish", 0.05)
    end,
    finish = function(ctx)
      local turns = ctx.kernel:stats().iterations - ctx.heap.before
      t.truthy(turns < 100, turns)
      ctx.heap.w:destroy()
      b:close()
    end,
  }
end, real)

t.case("W38 a session that stops in mid-handshake leaves nothing open", function(case)
  local a, b = pair()
  local w
  session {
    _start = function(ctx)
      w = ReadWrite.new { handle = a, output_filter = Stream.new() } -- nothing is read, so that nothing holds the session
      w:start_tls(client())
    end,
  }
  case.after(function()
    t.is(w:is_alive(), false)
    drain(b)
    t.same({ b:read() }, { nil, "", 0 })
    b:close()
  end)
end, real)

t.case("W38 close_after_flush over TLS delivers all, also what was put during the handshake", function(case)
  for _, size in ipairs { 10, 100000, 4 * 1024 * 1024 } do
    local a, b = pair()
    local text = numbers(size)
    session {
      _start = function(ctx)
        on(a, { filter = Stream.new() })(ctx)
        ctx.heap.w:start_tls(client())
        ctx.heap.w:put(text)
        ctx.heap.w:close_after_flush()
      end,
    }
    session {
      _start = function(ctx)
        on(b, { filter = Stream.new() })(ctx)
        ctx.heap.w:start_tls(server())
        ctx.heap.parts = {}
      end,
      line = function(ctx, item) table.insert(ctx.heap.parts, item) end,
      error = case.expect(1, function(ctx, ...)
        over(ctx, ...)
        t.truthy(table.concat(ctx.heap.parts) == text, "the bytes differ")
      end),
    }
  end
end, real)

t.case("W38 shutdown_output with flush ends TLS for the peer; input goes on", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:start_tls(client())
      ctx.heap.w:put("last words")
      ctx.heap.w:shutdown_output { flush = true }
    end,
    line = case.expect(1, function(ctx, line) t.is(line, "rest in peace") end),
    error = case.expect(1, over),
  }
  session {
    _start = function(ctx)
      on(b)(ctx)
      ctx.heap.w:start_tls(server())
    end,
    line = case.expect(1, function(ctx, line) t.is(line, "last words") end),
    error = case.expect(1, function(ctx, op, errno)
      t.same({ op, errno }, { "read", 0 })
      ctx.heap.w:put("rest in peace")
      ctx.heap.w:close_after_flush()
    end),
  }
end, real)

t.case("W38 4 MiB go each way at once through small water marks", function(case)
  local a, b = pair()
  local total, block = 4 * 1024 * 1024, numbers(10000)
  local function talker(handle, start)
    local got = 0
    session {
      _start = function(ctx)
        ctx.heap.w = ReadWrite.new {
          handle = handle, filter = Stream.new(), input_event = "item", error_event = "error", high_mark = 20000, low_mark = 100,
          high_event = "high", low_event = "fill", flushed_event = "flushed",
        }
        start(ctx.heap.w)
        ctx.heap.sent = 0
        ctx.kernel:yield("fill")
      end,
      fill = function(ctx)
        while ctx.heap.sent < total do
          local from = ctx.heap.sent % #block
          local piece = block:sub(from + 1, from + math.min(#block - from, total - ctx.heap.sent))
          ctx.heap.sent = ctx.heap.sent + #piece
          if ctx.heap.w:put(piece) then return end
        end
      end,
      high = function() end,
      flushed = function(ctx)
        ctx.kernel:yield("fill")
        if ctx.heap.sent == total then ctx.heap.w:shutdown_output { flush = true } end
      end,
      item = function(ctx, item)
        for at = 1, #item, #block do
          local piece = item:sub(at, at + #block - 1)
          local from = got % #block
          if piece ~= (block .. block):sub(from + 1, from + #piece) then error("the bytes differ at " .. got) end
          got = got + #piece
        end
      end,
      error = case.expect(1, function(ctx, op, errno)
        t.same({ op, errno }, { "read", 0 })
        t.is(got, total)
        ctx.kernel:yield("wait")
      end),
      wait = function(ctx)
        if ctx.heap.sent < total or ctx.heap.w:get_driver_out_octets() > 0 then
          ctx.kernel:delay("wait", 0.001)
        else
          ctx.heap.w:destroy()
        end
      end,
    }
  end
  talker(a, function(w) w:start_tls(client()) end)
  talker(b, function(w) w:start_tls(server()) end)
end, real)

t.case("W38 what was decrypted while input was paused comes after resume_input, with the end", function(case)
  local a, b = pair()
  local lines = {}
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:start_tls(client())
    end,
    line = function(ctx, line)
      table.insert(lines, line)
      if #lines == 1 or #lines == 500 then
        ctx.heap.w:pause_input()
        ctx.kernel:delay("resume", 0.01, #lines)
      end
    end,
    resume = function(ctx, n)
      t.is(#lines, n)
      ctx.heap.w:resume_input()
    end,
    error = case.expect(1, over),
  }
  session {
    _start = function(ctx)
      on(b)(ctx)
      ctx.heap.w:start_tls(server())
      for i = 1, 1000 do ctx.heap.w:put(("line %d"):format(i)) end
      ctx.heap.w:close_after_flush()
    end,
  }
  case.after(function()
    t.is(#lines, 1000)
    t.is(lines[1000], "line 1000")
  end)
end, real)

-- listen makes a server in a session of its own; got(handle) is called with each connection, failed(operation, errno, text) with
-- each failure. It gives the port and a function that ends it.
local function listen(tls, got, failed)
  local port, stop
  session {
    _start = function(ctx)
      local w = SocketFactory.new {
        bind_address = "127.0.0.1", tls = tls, success_event = "connected", failure_event = "failed",
      }
      port = select(2, w:getsockname())
      stop = function() w:destroy() end
    end,
    connected = function(ctx, ...) got(...) end,
    failed = function(ctx, ...) failed(...) end,
  }
  return port, stop
end

-- connect makes a client likewise.
local function connect(port, tls, got, failed, more)
  session {
    _start = function()
      SocketFactory.new(merged({
        remote_address = "127.0.0.1", remote_port = port, tls = tls, success_event = "connected", failure_event = "failed",
      }, more))
    end,
    connected = function(ctx, ...) got(...) end,
    failed = function(ctx, ...) failed(...) end,
  }
end

local function never(op, errno, text) error("failed: " .. op .. ": " .. text) end

-- talk has a line go from one handle to the other and back, then closes both and calls done.
local function talk(a, b, done)
  session {
    _start = function(ctx)
      on(a)(ctx)
      ctx.heap.w:put("ping")
    end,
    line = function(ctx, line)
      t.is(line, "pong")
      ctx.heap.w:destroy()
      done()
    end,
  }
  session {
    _start = on(b),
    line = function(ctx, line)
      t.is(line, "ping")
      ctx.heap.w:put("pong")
    end,
    error = over,
  }
end

-- both calls f with two handles when it has both.
local function both(f)
  local a, b
  local function check() if a and b then f(a, b) end end
  return function(h) a = h check() end, function(h) b = h check() end
end

t.case("W51 tls on both sides: success comes after the handshake", function(case)
  local stop
  local mine, theirs = both(function(a, b) talk(a, b, stop) end)
  local port
  port, stop = listen({ cert = cert, key = key }, function(h, address, from)
    t.is(address, "127.0.0.1")
    t.is(type(from), "number")
    t.is(h:tls_info().server_name, "example.org")
    theirs(h)
  end, never)
  connect(port, { ca = cert, server_name = "example.org" }, function(h, address, to)
    t.is(address, "127.0.0.1")
    t.is(to, port)
    t.is(h:tls_info().verified, true)
    mine(h)
  end, never)
end, real)

t.case("W51 server_name is the remote address if there is no other", function(case)
  local stop
  local mine, theirs = both(function(a, b) talk(a, b, stop) end)
  local port
  port, stop = listen({ cert = cert, key = key }, theirs, never)
  connect(port, { ca = cert }, mine, never)
end, real)

-- refused makes a case in which a client and a server do not agree, and then another client and the server do.
local function refused(name, client_tls, server_tls, client_says, server_says)
  t.case(name, function(case)
    local stop, port
    local mine, theirs = both(function(a, b) talk(a, b, stop) end)
    local server_failed
    port, stop = listen(server_tls or { cert = cert, key = key }, theirs, case.expect(1, function(op, errno, text)
      t.same({ op, errno, text }, { "tls", poe.errno.EPROTO, server_says })
    end))
    connect(port, client_tls, never, case.expect(1, function(op, errno, text, id)
      t.same({ op, errno }, { "tls", poe.errno.EPROTO })
      t.truthy(text:find(client_says), text)
      t.is(type(id), "number")
      connect(port, { verify = false }, mine, never)
    end))
  end, real)
end

refused("W51 a wrong name is the failure 'tls', and the server goes on", { ca = cert, server_name = "elsewhere.org" }, nil,
  "^wrong name: certificate is valid for example.org, not elsewhere.org$", "the peer refuses: bad certificate")
refused("W51 an unknown authority is the failure 'tls', and the server goes on", { ca = other_cert }, nil,
  "^unknown authority: ", "the peer refuses: bad certificate")
refused("W51 an expired certificate is the failure 'tls', and the server goes on", { ca = old_cert }, { cert = old_cert, key = old_key },
  "^expired: ", "the peer refuses: bad certificate")

t.case("W51 a client that speaks plain HTTP is a failure of the server's, which goes on", function(case)
  local stop, port
  local mine, theirs = both(function(a, b) talk(a, b, stop) end)
  port, stop = listen({ cert = cert, key = key }, theirs, case.expect(1, function(op, errno, text)
    t.same({ op, errno, text }, { "tls", poe.errno.EPROTO, "the peer speaks plain HTTP" })
    connect(port, { ca = cert }, mine, never)
  end))
  connect(port, nil, function(h)
    session {
      _start = function(ctx)
        on(h, { filter = Stream.new() })(ctx)
        ctx.heap.w:put("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
      end,
      error = case.expect(1, function(ctx, op)
        t.is(op, "read")
        ctx.heap.w:destroy()
      end),
    }
  end, never)
end, real)

t.case("W51 a server that speaks no TLS is a failure of the client's", function(case)
  local stop, port
  local accepted
  port, stop = listen(nil, function(h)
    accepted = h
    h:write("220 mail.example.org ready\r\n")
  end, never)
  connect(port, { ca = cert }, never, case.expect(1, function(op, errno, text)
    t.same({ op, errno }, { "tls", poe.errno.EPROTO })
    t.truthy(text:find('^the peer does not speak TLS .*: it sent "220 m"$'), text)
    accepted:close()
    stop()
  end))
end, real)

t.case("W51 a handshake that stops does not keep others from connecting", function(case)
  local stop, port
  local silent
  local others = 0
  port, stop = listen({ cert = cert, key = key }, function(h)
    session {
      _start = on(h),
      line = function(ctx, line) ctx.heap.w:put(line) end,
      error = over,
    }
  end, case.expect(1, function(op, errno)
    t.same({ op, errno, others }, { "tls", poe.errno.EPROTO, 5 })
    stop()
  end))
  connect(port, nil, function(h)
    silent = h
    h:write("\22\3\1\1\0") -- a record begins, and does not go on
    for _ = 1, 5 do
      connect(port, { ca = cert }, function(h)
        session {
          _start = function(ctx)
            on(h)(ctx)
            ctx.heap.w:put("ping")
          end,
          line = function(ctx, line)
            ctx.heap.w:destroy()
            others = others + 1
            if others == 5 then silent:close() end
          end,
        }
      end, never)
    end
  end, never)
end, real)

t.case("W51 handshake_timeout ends a handshake that stops", function(case)
  local stop, port
  local silent
  port, stop = listen({ cert = cert, key = key, handshake_timeout = 0.01 }, never, case.expect(1, function(op, errno, text)
    t.same({ op, errno, text }, { "tls", poe.errno.ETIMEDOUT, "the peer took longer than 10ms" })
    stop()
  end))
  connect(port, nil, function(h) silent = h end, never)
  case.after(function() silent:close() end)
end, real)

t.case("W51 connect_timeout counts the handshake, too", function(case)
  local stop, port
  local accepted
  port, stop = listen(nil, function(h) accepted = h end, never)
  connect(port, { ca = cert }, never, case.expect(1, function(op, errno)
    t.same({ op, errno }, { "connect", poe.errno.ETIMEDOUT })
    if accepted then accepted:close() end
    stop()
  end), { connect_timeout = 0.05 })
end, real)

t.case("W51 destroy, and the end of the session, give up handshakes on both sides", function(case)
  local stop, port
  local ends = 0
  port, stop = listen(nil, function(h)
    session {
      _start = on(h, { filter = Stream.new() }),
      line = function() end, -- the client's hello
      error = function(ctx, op, errno)
        t.is(op, "read")
        ends = ends + 1
        ctx.heap.w:destroy()
        if ends == 2 then stop() end
      end,
    }
  end, never)
  session {
    _start = function(ctx)
      ctx.heap.w = SocketFactory.new {
        remote_address = "127.0.0.1", remote_port = port, tls = { ca = cert }, success_event = "no", failure_event = "no",
      }
      ctx.kernel:delay("destroy", 0.02)
    end,
    destroy = function(ctx) ctx.heap.w:destroy() end,
  }
  session {
    _start = function(ctx)
      SocketFactory.new {
        remote_address = "127.0.0.1", remote_port = port, tls = { ca = cert }, success_event = "no", failure_event = "no",
      }
      ctx.kernel:delay("stop", 0.02)
    end,
    stop = function(ctx) ctx.kernel:signal(ctx.session, "KILL") end,
  }
  case.after(function() t.is(ends, 2) end)
end, real)

t.case("W51 destroying a server closes the handshakes that go on, and leaves the connections", function(case)
  local stop, port
  local silent
  local mine, theirs = both(function(a, b)
    connect(port, nil, function(h)
      silent = h
      session {
        _start = on(h),
        error = case.expect(1, function(ctx, op)
          t.is(op, "read")
          ctx.heap.w:destroy()
          talk(a, b, function() end)
        end),
        go = function() end,
      }
      session {
        _start = function(ctx) ctx.kernel:delay("destroy", 0.02) end,
        destroy = function() stop() end,
      }
    end, never)
  end)
  port, stop = listen({ cert = cert, key = key }, theirs, never)
  connect(port, { ca = cert }, mine, never)
end, real)

t.case("W51 what tls is given wrongly raises or is a failure of new", function(case)
  session { _start = function()
    local function make(tls, more)
      return SocketFactory.new(merged({ success_event = "a", failure_event = "b", bind_address = "127.0.0.1", tls = tls }, more))
    end
    t.fails(function() make {} end, "poe.wheel.SocketFactory.new: tls: cert and key, or certificates, expected")
    t.fails(function() make { cert = cert, key = key, sever_name = "x" } end, "unknown parameter 'sever_name'")
    t.fails(function() make({ cert = cert, key = key }, { socket_protocol = "udp" }) end, "tls is for streams")
    t.failure("ENOENT", make { cert = "/no/such/file", key = key })
    t.failure("EINVAL", make { cert = cert, key = old_key })
  end }
end, real)

t.case("W51 a certificate of the client's is asked for, and one that lacks is a failure of the server's", function(case)
  local mine_cert, mine_key = poe.tls.self_signed { names = { "a client" }, ca = cert, ca_key = key }
  local stop, port
  local mine, theirs = both(function(a, b)
    t.is(b:tls_info().peer_certificate.subject, "CN=a client")
    talk(a, b, stop)
  end)
  port, stop = listen({ cert = cert, key = key, ca = cert, client_cert = "require", min_version = "1.3" }, theirs, case.expect(1, function(op, errno, text)
    t.same({ op, errno, text }, { "tls", poe.errno.EPROTO, "client didn't provide a certificate" })
  end))
  -- In TLS 1.3 the client is done before the server looks: it hears of the refusal when it reads.
  connect(port, { ca = cert }, function(h)
    session {
      _start = on(h),
      error = case.expect(1, function(ctx, op, errno, text)
        t.same({ op, errno, text }, { "read", poe.errno.EPROTO, "the peer refuses: certificate required" })
        ctx.heap.w:destroy()
        connect(port, { ca = cert, cert = mine_cert, key = mine_key }, mine, never)
      end),
    }
  end, never)
end, real)
