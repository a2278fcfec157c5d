-- Peers that send what they should not, or do not do what they should: what the wheel tells, that nothing is lost that was
-- accepted, and that others do not notice.
local t = require "poe.test"
local poe = require "poe"

local real = { clock = "real" }
local filter = poe.filter
local ReadWrite, SocketFactory = poe.wheel.ReadWrite, poe.wheel.SocketFactory

local cert, key = poe.tls.self_signed { names = { "127.0.0.1" } }

local function merged(defaults, more)
  local all = {}
  for k, v in pairs(defaults) do all[k] = v end
  for k, v in pairs(more or {}) do all[k] = v end
  return all
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

-- bystander makes a connection on which lines go to and fro all the time; finish has a few more come, and then ends it. That it
-- has ended is what the case looks at.
local function bystander(case)
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  local by = { trips = 0, ended = false }
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
      ctx.heap.w:put("0")
    end,
    line = function(ctx, line)
      t.is(line, tostring(by.trips))
      by.trips = by.trips + 1
      if by.trips == by.last then
        by.ended = true
        ctx.heap.w:destroy()
      else
        ctx.heap.w:put(tostring(by.trips))
      end
    end,
  }
  session {
    _start = function(ctx) ctx.heap.w = ReadWrite.new { handle = b, input_event = "line", error_event = "error" } end,
    line = function(ctx, line) ctx.heap.w:put(line) end,
    error = function(ctx, op, errno)
      t.same({ op, errno }, { "read", 0 })
      ctx.heap.w:destroy()
    end,
  }
  function by.finish() by.last = by.trips + 5 end
  case.after(function() t.is(by.ended, true, "the bystander has had its trips") end)
  return by
end

-- serve makes a server on port 0. For each connection there is a session with a wheel made of `params` (what params() gives)
-- and with these states. It gives the port and a function that ends it.
local function serve(params, states, tls)
  local port, stop
  session {
    _start = function(ctx)
      local w = SocketFactory.new { bind_address = "127.0.0.1", success_event = "connected", failure_event = "failed", tls = tls }
      port = select(2, w:getsockname())
      stop = function() w:destroy() end
    end,
    connected = function(ctx, handle)
      session(merged({
        _start = function(ctx)
          ctx.heap.w = ReadWrite.new(merged({ handle = handle, input_event = "item", error_event = "error" }, params()))
          ctx.heap.h = handle
        end,
        error = function(ctx, op, errno)
          t.same({ op, errno }, { "read", 0 })
          ctx.heap.w:destroy()
        end,
      }, states))
    end,
  }
  return port, stop
end

-- connect makes a client that has the bare handle: connected(ctx, h), then got(ctx, h, text) for what comes and ended(ctx, h,
-- message, errno) at the end.
local function connect(port, connected, got, ended, tls)
  session {
    _start = function()
      SocketFactory.new {
        remote_address = "127.0.0.1", remote_port = port, success_event = "connected", failure_event = "failed", tls = tls,
      }
    end,
    connected = function(ctx, h)
      ctx.heap.got = ""
      if got then ctx.kernel:select_read(h, "readable") end
      connected(ctx, h)
    end,
    readable = function(ctx, h)
      local text, message, errno = h:read()
      if text then
        ctx.heap.got = ctx.heap.got .. text
        got(ctx, h, text)
      elseif errno ~= poe.errno.EAGAIN then
        ctx.kernel:select_read(h)
        if not ended then error("the connection has ended: " .. message) end
        ended(ctx, h, message, errno)
      end
    end,
    more = function(ctx, f) f(ctx) end,
  }
end

-- exchange sends a request, and waits for an answer that begins with this; then it closes.
local function exchange(port, request, want, done)
  connect(port, function(_, h) t.is(h:write(request), #request) end, function(ctx, h)
    if #ctx.heap.got >= #want then
      t.is(ctx.heap.got:sub(1, #want), want)
      h:close()
      done()
    end
  end)
end

-- send writes a text in pieces of this size, each in a turn of its own, then calls done. A peer that is gone ends it.
local function send(ctx, h, text, size, done)
  local at = 1
  local function more(ctx)
    if at > #text then return done and done(ctx) end
    local n, message, errno = h:write(text:sub(at, at + size - 1))
    if n then
      at = at + n
    elseif errno ~= poe.errno.EAGAIN then
      return done and done(ctx, message)
    end
    ctx.kernel:yield("more", more)
  end
  more(ctx)
end

local function lines(limit) return function() return { filter = filter.Line.new { max_length = limit } } end end

t.case("F30 a line that never ends is told of once, and skipped; what comes behind it is not lost", function(case)
  local by = bystander(case)
  local errors, items, port, stop = {}, {}, nil, nil
  port, stop = serve(lines(1000), {
    item = function(ctx, line)
      items[#items + 1] = line
      ctx.heap.w:put(line)
    end,
    error = function(ctx, op, errno, text)
      errors[#errors + 1] = op .. errno
      if op == "read" then ctx.heap.w:destroy() end
    end,
  })
  connect(port, function(ctx, h)
    send(ctx, h, "before\n" .. ("x"):rep(3 * 1024 * 1024) .. "\nbehind\n", 100000)
  end, function(ctx, h)
    if ctx.heap.got == "before\r\nbehind\r\n" then
      h:close()
      exchange(port, "another\n", "another\r\n", function() stop() by.finish() end)
    end
  end)
  case.after(function()
    t.same(items, { "before", "behind", "another" })
    t.same(errors, { "filter" .. poe.errno.EMSGSIZE, "read0", "read0" })
  end)
end, real)

-- final makes a case in which input ends what a filter can make sense of.
local function final(name, new, good, item, bad, code)
  t.case(name, function(case)
    local by = bystander(case)
    local items, port, stop = 0, nil, nil
    port, stop = serve(function() return { filter = new() } end, {
      item = function(ctx, got)
        items = items + 1
        t.same(got, item)
        ctx.heap.w:put(got)
      end,
      error = function(ctx, op, errno, text)
        if op == "read" then
          t.is(errno, 0)
          ctx.heap.w:destroy()
        else
          t.same({ op, errno }, { "filter", poe.errno[code] })
          t.truthy(#text > 0)
          ctx.heap.w:close_after_flush()
        end
      end,
    })
    connect(port, function(ctx, h) h:write(good .. bad .. good) end, function() end,
      function(ctx, h, message, errno)
        t.is(ctx.heap.got, good) -- what was accepted is answered
        t.is(errno, 0)
        h:close()
        exchange(port, good, good, function() stop() by.finish() end)
      end)
    case.after(function() t.is(items, 2) end)
  end, real)
end

final("F42 a block's length over the limit ends input before the payload comes", function() return filter.Block.new { max_length = 100 } end,
  "5\0hello", "hello", "101\0", "EMSGSIZE")
final("F42 a length that is none ends input", function() return filter.Block.new() end, "5\0hello", "hello", "12x\0", "EBADMSG")
final("a netstring over the limit ends input", function() return filter.Netstring.new { max_length = 100 } end,
  "5:hello,", "hello", "999999999999:", "EMSGSIZE")
final("a netstring that is none ends input", function() return filter.Netstring.new() end, "5:hello,", "hello", "5:helloX", "EBADMSG")
final("a binary length over the limit ends input", function() return filter.LengthPrefix.new { max_length = 100 } end,
  "\0\0\0\5hello", "hello", "\255\255\255\255", "EMSGSIZE")

t.case("what one line has wrong is told, and the next one comes", function(case)
  local by = bystander(case)
  local log, port, stop = t.log(), nil, nil
  port, stop = serve(function() return { filter = filter.JSONLines.new { max_depth = 10, max_length = 1000 } } end, {
    item = function(ctx, item)
      log("item", item[1])
      if item[1] == 2 then
        stop()
        by.finish()
      end
    end,
    error = function(ctx, op, errno)
      log(op, errno)
      if op == "read" then ctx.heap.w:destroy() end
    end,
  })
  connect(port, function(ctx, h)
    send(ctx, h, "[1]\n{\n" .. ("["):rep(500) .. "\n" .. ("["):rep(50000) .. "\n\255\254\n[2]\n", 100, function() h:close() end)
  end)
  case.after(function()
    local bad, long = "filter:" .. poe.errno.EBADMSG, "filter:" .. poe.errno.EMSGSIZE
    log:is(table.concat({ "item:1", bad, bad, long, bad, "item:2", "read:0" }, " "))
  end)
end, real)

-- Pseudo-random bytes, the same in each run.
local function garbage(size, seed)
  local parts, state = {}, seed
  for i = 1, size do
    state = (state * 1103515245 + 12345) % 2147483648
    parts[i] = string.char(math.floor(state / 65536) % 256)
  end
  return table.concat(parts)
end

t.case("whatever bytes come, each filter gives items or failures, and the connection ends", function(case)
  local by = bystander(case)
  local limits = { max_length = 4096 }
  local makers = {
    Block = function() return filter.Block.new(limits) end, CSV = function() return filter.CSV.new(limits) end,
    HTTPClient = function() return filter.HTTPClient.new { max_content = 4096 } end, HTTPD = function() return filter.HTTPD.new() end,
    IRC = function() return filter.IRC.new() end, JSONLines = function() return filter.JSONLines.new(limits) end,
    LengthPrefix = function() return filter.LengthPrefix.new(limits) end, Line = function() return filter.Line.new(limits) end,
    Netstring = function() return filter.Netstring.new(limits) end, Reference = function() return filter.Reference.new(limits) end,
    Snort = function() return filter.Snort.new() end, Stream = function() return filter.Stream.new() end,
    Syslog = function() return filter.Syslog.new() end,
  }
  local left, tail = 0, garbage(20000, 1)
  for name, new in pairs(makers) do
    for _, head in ipairs { "", "5\0hello", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n" } do
      left = left + 1
      local a, _, b = poe.pipe.TwoWay.new("socketpair")
      session {
        _start = function(ctx)
          ctx.heap.w = ReadWrite.new { handle = a, filter = new(), input_event = "item", error_event = "error" }
          send(ctx, b, head .. tail, 999, function() b:close() end)
        end,
        more = function(ctx, f) f(ctx) end,
        item = function() end,
        error = function(ctx, op, errno, text)
          t.truthy(op == "filter" and errno ~= 0 or op == "read" and errno == 0, name .. ": " .. op .. ": " .. text)
          if op == "read" then
            left = left - 1
            ctx.heap.w:destroy()
          elseif not ctx.heap.final then
            ctx.heap.final = true
            ctx.kernel:delay("wait", 0.02, left) -- a final failure is the last event
          end
        end,
        wait = function(ctx)
          if ctx.heap.w:is_alive() then
            left = left - 1
            ctx.heap.w:destroy()
          end
        end,
        _stop = function() if left == 0 then by.finish() end end,
      }
    end
  end
  case.after(function() t.is(left, 0) end)
end, real)

local ok = "HTTP/1.1 200 OK\r\n"

-- web makes a HTTP server that answers what it should, and refuses what it should not take.
local function web(params, seen)
  return serve(function() return { filter = filter.HTTPD.new(merged({ date = false, server = false }, params)) } end, {
    item = function(ctx, request)
      if seen then seen[#seen + 1] = request.is_response and request.status or request.path end
      if request.is_response then
        ctx.heap.w:put(request)
        ctx.heap.w:shutdown_output { flush = true }
      else
        ctx.heap.w:put { status = 200, content = request.content }
      end
    end,
    error = function(ctx, op, errno)
      t.is(op, "read")
      ctx.heap.w:destroy()
    end,
  })
end

-- refused makes a case in which the request behind a good one gets this status, and what is smuggled behind it nothing.
local function refused(name, status, request, params)
  t.case(name, function(case)
    local by = bystander(case)
    local seen = {}
    local port, stop = web(params, seen)
    connect(port, function(ctx, h)
      send(ctx, h, "GET /first HTTP/1.1\r\nHost: h\r\n\r\n" .. request .. "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", 1000)
    end, function() end, function(ctx, h, message, errno)
      t.is(errno, 0)
      t.is(ctx.heap.got:sub(1, #ok), ok)
      t.truthy(ctx.heap.got:find("HTTP/1.1 " .. status .. " ", 1, true), ctx.heap.got)
      t.is(select(2, ctx.heap.got:gsub("HTTP/1.1 ", "")), 2)
      h:close()
      exchange(port, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n", ok, function() stop() by.finish() end)
    end)
    case.after(function() t.same(seen, { "/first", status, "/other" }) end)
  end, real)
end

local function post(...) return "POST /bad HTTP/1.1\r\nHost: h\r\n" .. table.concat({ ... }, "\r\n") .. "\r\n\r\n" end

refused("F72 smuggling: a length and chunks", 400, post("Content-Length: 4", "Transfer-Encoding: chunked") .. "0\r\n\r\n")
refused("F72 smuggling: chunks and a length", 400, post("Transfer-Encoding: chunked", "Content-Length: 4") .. "0\r\n\r\n")
refused("F72 smuggling: two lengths", 400, post("Content-Length: 4", "Content-Length: 5") .. "12345")
refused("F72 smuggling: two lengths in one line", 400, post("Content-Length: 4, 5") .. "12345")
refused("F72 smuggling: a length with a sign", 400, post("Content-Length: +4") .. "1234")
refused("F72 smuggling: a length in hexadecimal", 400, post("Content-Length: 0x4") .. "1234")
refused("F72 smuggling: a length beyond all numbers", 413, post("Content-Length: 99999999999999999999999") .. "1234")
refused("F72 smuggling: another coding", 501, post("Transfer-Encoding: gzip") .. "1234")
refused("F72 smuggling: a coding behind chunked", 400, post("Transfer-Encoding: chunked, identity") .. "0\r\n\r\n")
refused("F72 smuggling: a space before the colon", 400, post("Content-Length : 4") .. "1234")
refused("F72 smuggling: a bare carriage return in a value", 400, post("X: a\rContent-Length: 4") .. "1234")
refused("F72 smuggling: a zero byte in a value", 400, post("X: a\0b") .. "")
refused("F72 smuggling: a chunk's length with a sign", 400, post("Transfer-Encoding: chunked") .. "-5\r\nhello\r\n0\r\n\r\n")
refused("F72 smuggling: a chunk's length beyond all numbers", 400, post("Transfer-Encoding: chunked") .. "fffffffffffffffff\r\nhello\r\n0\r\n\r\n")
refused("F72 smuggling: a chunk longer than it says", 400, post("Transfer-Encoding: chunked") .. "3\r\nhello\r\n0\r\n\r\n")
refused("F74 two hosts", 400, "GET /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
refused("F74 no host", 400, "GET /bad HTTP/1.1\r\n\r\n")
refused("F73 a body that says it is too long", 413, post("Content-Length: 2000000"))
refused("F73 chunks that become too long", 413, post("Transfer-Encoding: chunked") .. ("400\r\n" .. ("x"):rep(1024) .. "\r\n"):rep(20), { max_content = 10000 })
refused("F73 a giant header", 431, post("X: " .. ("x"):rep(100000)))
refused("F73 too many headers", 431, post(("X: x\r\n"):rep(200) .. "Y: y"))
refused("F73 a giant request line", 414, "GET /" .. ("x"):rep(100000) .. " HTTP/1.1\r\nHost: h\r\n\r\n")

t.case("F73 a header that never ends is answered at once, and costs no memory", function(case)
  local by = bystander(case)
  local seen, pending = {}, 0
  local port, stop
  port, stop = serve(function() return { filter = filter.HTTPD.new() } end, {
    item = function(ctx, request)
      seen[#seen + 1] = request.status
      ctx.heap.w:put(request)
      ctx.kernel:delay("look", 0.02)
    end,
    look = function(ctx)
      for _, text in ipairs(ctx.heap.w:get_input_filter():get_pending() or {}) do pending = pending + #text end
      ctx.heap.w:destroy()
      stop()
      by.finish()
    end,
    error = function(ctx, op) t.is(op, "read") end, -- the client goes without reading its answer: that is a reset
  })
  connect(port, function(ctx, h)
    local line = "X-Header: " .. ("x"):rep(1000) .. "\r\n"
    send(ctx, h, "GET / HTTP/1.1\r\n" .. line:rep(8000), 100000, function() h:close() end)
  end)
  case.after(function()
    t.same(seen, { 431 })
    t.is(pending, 0)
  end)
end, real)

t.case("a peer that sends one byte after the other holds up nobody", function(case)
  local by = bystander(case)
  local seen = {}
  local port, stop = web({}, seen)
  local request = "POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
  local others = 0
  connect(port, function(ctx, h)
    local at = 0
    local function byte(ctx)
      at = at + 1
      t.is(h:write(request:sub(at, at)), 1)
      if at == #request then return end
      -- Between two bytes somebody else is served.
      exchange(port, "GET /quick HTTP/1.1\r\nHost: h\r\n\r\n", ok, function()
        others = others + 1
        ctx.kernel:post(ctx.session, "more", byte)
      end)
    end
    byte(ctx)
    ctx.kernel:alias_set("slow") -- it stays while it waits for others
  end, function(ctx, h)
    if ctx.heap.got:find("hello$") then
      h:close()
      ctx.kernel:alias_remove("slow")
      stop()
      by.finish()
    end
  end)
  case.after(function()
    t.is(others, #request - 1)
    t.is(#seen, #request)
    t.is(seen[#seen], "/slow")
  end)
end, real)

for _, tls in ipairs { false, true } do
  t.case("W24 a peer that never reads" .. (tls and ", over TLS," or "") .. " fills the buffer up to its mark, and no further", function(case)
    local by = bystander(case)
    local port, stop
    local most, ends = 0, 0
    port, stop = serve(function()
      return {
        filter = filter.Stream.new(), high_mark = 100000, low_mark = 1000, high_event = "high", low_event = "fill",
        flushed_event = "flushed",
      }
    end, {
      item = function(ctx, item) ctx.kernel:yield("fill") end,
      fill = function(ctx)
        local chunk = ("x"):rep(10000)
        while ctx.heap.w:put(chunk) == false do end -- nil: the wheel is gone
        most = math.max(most, ctx.heap.w:is_alive() and ctx.heap.w:get_driver_out_octets() or 0)
      end,
      flushed = function(ctx) ctx.kernel:yield("fill") end,
      high = function(ctx)
        if ctx.heap.waiting then return end
        ctx.heap.waiting = true
        ctx.kernel:delay("look", 0.1)
      end,
      look = function(ctx)
        ends = ends + 1
        ctx.heap.w:destroy()
        stop()
        by.finish()
      end,
    }, tls and { cert = cert, key = key } or nil)
    local silent
    connect(port, function(ctx, h)
      silent = h
      h:write("begin")
    end, nil, nil, tls and { ca = cert } or nil)
    case.after(function()
      t.truthy(most >= 100000 and most <= 110000, most)
      t.is(ends, 1)
      silent:close()
    end)
  end, real)
end

t.case("W13 a reset in the middle of an item: ECONNRESET, after the items before; the rest is in get_pending", function(case)
  local by = bystander(case)
  local log, port, stop = t.log(), nil, nil
  port, stop = serve(lines(), {
    item = function(ctx, line)
      log(line)
      ctx.heap.w:put(line)
    end,
    error = function(ctx, op, errno, text)
      log(op, errno)
      if errno == 0 then
        stop()
        by.finish()
      else
        t.same(ctx.heap.w:get_input_filter():get_pending(), { "half a li" })
      end
      ctx.heap.w:destroy()
    end,
  })
  connect(port, function(ctx, h) h:write("one\ntwo\nhalf a li") end, function(ctx, h)
    if ctx.heap.got == "one\r\ntwo\r\n" then
      t.truthy(h:option("linger", 0)) -- closing is a reset
      h:close()
      exchange(port, "three\n", "three\r\n", function() end)
    end
  end)
  case.after(function() log:is("one two read:" .. poe.errno.ECONNRESET .. " three read:0") end)
end, real)

t.case("W18 a reset while output waits: writing and reading fail, each told once, and what waits stays counted", function(case)
  local by = bystander(case)
  local log, port, stop = {}, nil, nil
  local left
  port, stop = serve(function() return { filter = filter.Stream.new(), flushed_event = "flushed" } end, {
    item = function(ctx, item)
      ctx.heap.w:put(("x"):rep(16 * 1024 * 1024))
      ctx.heap.peer = poe.kernel:post("peer", "reset")
    end,
    error = function(ctx, op, errno)
      t.is(log[op], nil)
      log[op] = true
      t.truthy(errno == poe.errno.ECONNRESET or errno == poe.errno.EPIPE or op == "read" and errno == 0, op .. ": " .. errno)
      left = ctx.heap.w:get_driver_out_octets()
      if log.read and log.write then
        ctx.heap.w:destroy()
        stop()
        by.finish()
      end
    end,
  })
  session {
    _start = function(ctx)
      ctx.kernel:alias_set("peer")
      SocketFactory.new { remote_address = "127.0.0.1", remote_port = port, success_event = "connected", failure_event = "failed" }
    end,
    connected = function(ctx, h)
      ctx.heap.h = h
      h:write("begin")
    end,
    reset = function(ctx)
      ctx.heap.h:option("linger", 0)
      ctx.heap.h:close()
      ctx.kernel:alias_remove("peer")
    end,
  }
  case.after(function() t.truthy(left > 0) end)
end, real)

t.case("W32 close_after_flush to a peer that resets: the failure is told, then the wheel is gone", function(case)
  local by = bystander(case)
  local port, stop
  port, stop = serve(function() return { filter = filter.Stream.new() } end, {
    item = function(ctx, item)
      ctx.heap.w:put(("x"):rep(16 * 1024 * 1024))
      ctx.heap.w:close_after_flush()
      poe.kernel:post("peer", "reset")
    end,
    error = case.expect(1, function(ctx, op, errno)
      t.is(op, "write")
      ctx.kernel:yield("after")
    end),
    after = function(ctx)
      t.is(ctx.heap.w:is_alive(), false)
      stop()
      by.finish()
    end,
  })
  session {
    _start = function(ctx)
      ctx.kernel:alias_set("peer")
      SocketFactory.new { remote_address = "127.0.0.1", remote_port = port, success_event = "connected", failure_event = "failed" }
    end,
    connected = function(ctx, h)
      ctx.heap.h = h
      h:write("begin")
    end,
    reset = function(ctx)
      ctx.heap.h:option("linger", 0)
      ctx.heap.h:close()
      ctx.kernel:alias_remove("peer")
    end,
  }
end, real)

t.case("W13 a peer that half-closes gets all its answers", function(case)
  local by = bystander(case)
  local port, stop = serve(lines(), {
    item = function(ctx, line)
      ctx.heap.asked = (ctx.heap.asked or 0) + 1
      ctx.kernel:delay_set("answer", 0.001 * (6 - ctx.heap.asked), line)
    end,
    answer = function(ctx, line)
      ctx.heap.w:put(line)
      ctx.heap.asked = ctx.heap.asked - 1
      if ctx.heap.over and ctx.heap.asked == 0 then ctx.heap.w:close_after_flush() end
    end,
    error = function(ctx, op, errno)
      t.same({ op, errno }, { "read", 0 })
      ctx.heap.over = true
    end,
  })
  connect(port, function(ctx, h)
    h:write("1\n2\n3\n4\n5\n")
    h:shutdown("write")
  end, function() end, function(ctx, h, message, errno)
    t.is(errno, 0)
    t.is(#ctx.heap.got, 15)
    h:close()
    stop()
    by.finish()
  end)
end, real)

t.case("W53 two hundred clients that connect and reset at once do not harm the server", function(case)
  local by = bystander(case)
  local port, stop = serve(lines(), {
    item = function(ctx, line) ctx.heap.w:put(line) end,
    error = function(ctx, op, errno)
      t.is(op, "read")
      ctx.heap.w:destroy()
    end,
  })
  local done = 0
  for _ = 1, 200 do
    connect(port, function(ctx, h)
      h:option("linger", 0)
      h:close()
      done = done + 1
      if done == 200 then exchange(port, "still there?\n", "still there?\r\n", function() stop() by.finish() end) end
    end)
  end
end, real)

t.case("D16 a handle that somebody else closes ends its wheel; the connection that gets its number next has nothing of it", function(case)
  local by = bystander(case)
  local log, failed = t.log(), {}
  local number, reused
  local port, stop = serve(lines(), {
    item = function(ctx, line)
      if line == "hello" then
        reused = reused or ctx.heap.h:fd() == number
        ctx.heap.w:put(line)
        return
      end
      log(line)
      if line == "close" then -- what was read with it is delivered all the same
        number = ctx.heap.h:fd()
        ctx.heap.w:put("never sent")
        ctx.heap.h:close()
      end
    end,
    error = function(ctx, op, errno)
      if errno == 0 then
        ctx.heap.w:destroy()
      else
        t.is(failed[op], nil)
        failed[op] = errno
        ctx.kernel:alias_set("failed")
      end
    end,
    destroy = function(ctx)
      t.truthy(ctx.heap.w:is_alive())
      ctx.heap.w:destroy()
      ctx.kernel:alias_remove("failed")
    end,
  })
  local held = {}
  local function again()
    connect(port, function(ctx, h)
      held[#held + 1] = h
      h:write("hello\n")
    end, function(ctx, h)
      if ctx.heap.got ~= "hello\r\n" then return end
      ctx.kernel:select_read(h)
      if not reused and #held < 20 then return again() end
      for _, one in ipairs(held) do one:close() end
      ctx.kernel:post("failed", "destroy")
      stop()
      by.finish()
    end)
  end
  connect(port, function(ctx, h) h:write("close\nread with it\n") end, function() error("the wheel has written") end, function(ctx, h)
    h:close()
    again()
  end)
  case.after(function()
    t.truthy(reused)
    log:is("close read with it")
    t.same(failed, { read = poe.errno.EBADF, write = poe.errno.EBADF })
  end)
end, real)

t.case("a handler that fails over bad input ends its own session, where errors are isolated; others go on", function(case)
  local by = bystander(case)
  poe.kernel:option("isolate", true)
  local port, stop = serve(lines(), {
    item = function(ctx, line)
      if line == "bad" then error("this handler does not bear it", 0) end
      ctx.heap.w:put(line)
    end,
  })
  connect(port, function(ctx, h) h:write("good\n") end, function(ctx, h)
    if ctx.heap.got == "good\r\n" then h:write("bad\ngood\n") end
  end, function(ctx, h, message, errno)
    t.is(errno, 0)
    t.is(ctx.heap.got, "good\r\n")
    h:close()
    exchange(port, "good\n", "good\r\n", function() stop() by.finish() end)
  end)
end, merged(real, { stderr = "this handler does not bear it" }))

-- broken makes a case in which a TLS connection breaks after a line has come through.
local function broken(name, breaks, code, pattern)
  t.case(name, function(case)
    local by = bystander(case)
    local log, port, stop = t.log(), nil, nil
    port, stop = serve(lines(), {
      item = function(ctx, line)
        log(line)
        ctx.heap.w:put(line)
      end,
      error = function(ctx, op, errno, text)
        log(op, errno)
        if errno ~= 0 then t.truthy(text:find(pattern), text) end
        ctx.heap.w:destroy()
      end,
    }, { cert = cert, key = key })
    -- The client's connection goes through a relay, which has the ciphertext in hand.
    local down, up
    local relay, end_relay = serve(function() return { filter = filter.Stream.new() } end, {
      item = function(ctx, chunk)
        if up then
          up:put(chunk)
          return
        end
        down = ctx.heap.w
        down:pause_input()
        SocketFactory.new {
          remote_address = "127.0.0.1", remote_port = port, failure_event = "failed",
          success_event = function(_, h)
            up = ReadWrite.new { handle = h, filter = filter.Stream.new(), input_event = "back", error_event = "gone" }
            up:put(chunk)
            down:resume_input()
          end,
        }
      end,
      back = function(ctx, chunk) down:put(chunk) end,
      gone = function(ctx)
        up:destroy()
        down:destroy()
      end,
      error = function(ctx)
        if up:is_alive() then up:destroy() end
        down:destroy()
      end,
    })
    connect(relay, function(ctx, h) h:write("fine\n") end, function(ctx, h)
      if ctx.heap.got == "fine\r\n" then breaks(up) end
    end, function(ctx, h)
      h:close()
      end_relay()
      stop()
      by.finish()
    end, { ca = cert })
    case.after(function() log:is("fine read:" .. poe.errno[code]) end)
  end, real)
end

broken("D30 TLS that is cut without close_notify is EPROTO", function(up) up:shutdown_output() end, "EPROTO", "^the connection was cut")
broken("D30 TLS that is reset is ECONNRESET", function(up)
  up:get_output_handle():option("linger", 0)
  up:get_output_handle():close()
end, "ECONNRESET", "reset")
broken("D30 a byte that somebody has changed is EPROTO", function(up) up:put("\23\3\3\0\32" .. ("x"):rep(32)) end, "EPROTO", "^bad record MAC")
broken("D30 plain text in the middle of TLS is EPROTO", function(up) up:put("GET / HTTP/1.1\r\n\r\n") end, "EPROTO", ".")
