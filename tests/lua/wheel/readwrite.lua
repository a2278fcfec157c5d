-- ReadWrite, and what all wheels have in common.
local t = require "poe.test"
local poe = require "poe"

local real = { clock = "real" }
local Line, Stream, Block = poe.filter.Line, poe.filter.Stream, poe.filter.Block
local ReadWrite = poe.wheel.ReadWrite

-- pair gives the two ends of a connection.
local function pair()
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  return a, b
end

-- session makes one with these states; what has none is an error.
local function session(states)
  states._default = states._default or function(_, event) error("the event '" .. event .. "' was not expected") end
  states._stop = states._stop or function() end
  states._child = states._child or function() end
  return poe.Session.create { inline_states = states }
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

t.case("W1 a wheel is made within a session, and a misspelt parameter is named", function(case)
  local a, b = pair()
  t.fails(function() ReadWrite.new { handle = a } end, "poe.wheel.ReadWrite.new: a wheel is made while a session handles an event")
  session { _start = function(ctx)
    t.fails(function() ReadWrite.new { handle = a, inputt_event = "x" } end, "poe.wheel.ReadWrite.new: unknown parameter 'inputt_event'")
    t.fails(function() ReadWrite.new { handle = a, input_event = 5 } end, "input_event: event name or function expected, got number")
    t.fails(function() ReadWrite.new(5) end, "table expected, got number")
    a:close() b:close()
  end }
end, real)

t.case("a wheel can be made for a session that is named", function(case)
  local a, b = pair()
  local s = session {
    _start = function(ctx) ctx.kernel:alias_set("owner") end,
    line = case.expect(1, function(ctx, line, id)
      t.is(line, "hi")
      t.is(ctx.session:wheel(id):owner(), ctx.session)
      ctx.session:wheel(id):destroy()
      ctx.kernel:alias_remove("owner")
    end),
  }
  local w = ReadWrite.new { session = "owner", handle = a, input_event = "line" }
  t.is(w:owner(), s)
  b:write("hi\n")
  case.after(function() b:close() end)
end, real)

t.case("W2 wheels have different numbers, and their events end with them", function(case)
  local a, b = pair()
  local c, d = pair()
  local first, second
  local seen = {}
  session {
    _start = function(ctx)
      first = ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
      second = ReadWrite.new { handle = c, input_event = "line", error_event = "error" }
      t.is(type(first:id()), "number")
      t.truthy(first:id() ~= second:id())
      b:write("one\n") d:write("two\n")
      b:close() d:close()
    end,
    line = function(ctx, line, id) seen[line] = id end,
    error = case.expect(2, function(ctx, op, errno, text, id)
      t.is(op, "read") t.is(errno, 0) t.is(text, "")
      ctx.session:wheel(id):destroy()
    end),
  }
  case.after(function() t.same(seen, { one = first:id(), two = second:id() }) end)
end, real)

t.case("W3 after destroy in the handler of the first of three lines the other two never come", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, input_event = "line" }
      b:write("one\ntwo\nthree\n")
    end,
    line = case.expect(1, function(ctx, line, id) ctx.session:wheel(id):destroy() end),
  }
  case.after(function() b:close() end)
end, real)

t.case("W4 destroy is allowed twice, and methods after it give EBADF", function(case)
  local a, b = pair()
  session { _start = function(ctx)
    local w = ReadWrite.new { handle = a, input_event = "line" }
    t.is(w:is_alive(), true)
    t.success(w:destroy())
    t.success(w:destroy())
    t.is(w:is_alive(), false)
    t.failure("EBADF", w:put("x"))
    t.failure("EBADF", w:flush())
    t.failure("EBADF", w:owner())
    t.failure("EBADF", w:pause_input())
    t.failure("EBADF", w:event { input_event = "x" })
    t.is(ctx.session:wheel(w:id()), nil)
    t.is(a:is_open(), false)
    b:close()
  end }
end, real)

t.case("W5 destroy shows the peer the end; detach leaves the handle open, and another session's wheel goes on with what was held", function(case)
  local a, b = pair()
  local log = t.log()
  local second = {
    _start = function(ctx, handle, rest)
      local filter = Line.new()
      filter:get_one_start(rest)
      local w = ReadWrite.new { handle = handle, input_filter = filter, input_event = "line", error_event = "error" }
      b:write("ree\n") b:close()
    end,
    line = function(ctx, line) log("second", line) end,
    error = function(ctx, op, errno, text, id) log("end") ctx.session:wheel(id):destroy() end,
    _stop = function() end,
  }
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, input_event = "line" }
      b:write("one\ntwo\nth")
    end,
    line = function(ctx, line, id)
      log("first", line)
      local input, output, rest = ctx.session:wheel(id):detach()
      t.is(input, a) t.is(output, a) t.is(rest, "two\nth")
      t.is(a:is_open(), true)
      poe.Session.create { inline_states = second, args = { input, rest } }
    end,
  }
  case.after(function() log:is("first:one second:two second:three end") end)
end, real)

t.case("W6 a session knows its wheels; when it stops they are gone and closed", function(case)
  local a, b = pair()
  local c, d = pair()
  local w, v
  session {
    _start = function(ctx)
      w = ReadWrite.new { handle = a, output_filter = Stream.new() }
      v = ReadWrite.new { handle = c }
      t.same(ctx.session:wheels(), { w, v })
      t.is(ctx.session:wheel(w:id()), w)
      t.is(ctx.session:wheel(99999), nil)
      t.is(ctx.session:wheel(1.5), nil)
    end,
  }
  case.after(function()
    t.is(w:is_alive(), false) t.is(a:is_open(), false) t.is(c:is_open(), false)
    t.same({ b:read() }, { nil, "", 0 })
    b:close() d:close()
  end)
end, real)

t.case("W7 a session with an idle reading wheel stays; after destroy it stops", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line" }
      ctx.kernel:delay("later", 0.01)
    end,
    later = function(ctx) log("still here") ctx.heap.w:destroy() end,
    _stop = function() log("stops") end,
  }
  case.after(function() log:is("still here stops") b:close() end)
end, real)

t.case("W8 event changes names between two items; false turns one off; back on, held input comes", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "first", error_event = "error" }
      b:write("1\n2\n3\n4\n") b:close()
    end,
    first = function(ctx, line)
      log("first", line)
      ctx.heap.w:event { input_event = "second" }
    end,
    second = function(ctx, line)
      log("second", line)
      ctx.heap.w:event { input_event = false }
      ctx.kernel:delay("on", 0.01)
    end,
    on = function(ctx)
      log("on")
      ctx.heap.w:event { input_event = "third" }
      t.fails(function() ctx.heap.w:event { inputevent = "x" } end, "poe.wheel.ReadWrite:event: unknown parameter 'inputevent'")
    end,
    third = function(ctx, line) log("third", line) end,
    error = function(ctx) log("end") ctx.heap.w:destroy() end,
  }
  case.after(function() log:is("first:1 second:2 on third:3 third:4 end") end)
end, real)

t.case("W9 a function in the place of an event's name is called as in the owner", function(case)
  local a, b = pair()
  local owner
  owner = session {
    _start = function(ctx)
      ctx.heap.name = "heap"
      local w
      w = ReadWrite.new {
        handle = a,
        input_event = case.expect(2, function(ctx, line, id)
          t.is(ctx.heap.name, "heap")
          t.is(ctx.session:id(), ctx.kernel:get_active_session():id())
          t.is(id, w:id())
        end),
        error_event = function(ctx, op, errno, text, id) w:destroy() end,
      }
      b:write("x\ny\n") b:close()
    end,
  }
end, real)

t.case("W10 lines go both ways, and end with CR LF on the way out", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line", flushed_event = "flushed" }
      b:write("ping\n")
    end,
    line = function(ctx, line) t.is(line, "ping") ctx.heap.w:put("pong", "") end,
    flushed = function(ctx) t.is(drain(b), "pong\r\n\r\n") ctx.heap.w:destroy() b:close() end,
  }
end, real)

t.case("W11 input and output can be different handles", function(case)
  local ar, aw, br, bw = poe.pipe.TwoWay.new("pipe")
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { input_handle = ar, output_handle = aw, input_event = "line", error_event = "error" }
      t.is(ctx.heap.w:get_input_handle(), ar) t.is(ctx.heap.w:get_output_handle(), aw)
      bw:write("ping\n")
    end,
    line = function(ctx, line) ctx.heap.w:put(line .. "!") bw:close() end,
    error = function(ctx) t.is(br:read(), "ping!\r\n") ctx.heap.w:destroy() br:close() end,
  }
end, real)

t.case("a wheel for one way has false in the place of the other handle", function(case)
  local r, w = poe.pipe.OneWay.new()
  session {
    _start = function(ctx)
      ReadWrite.new { input_handle = r, output_handle = false, input_event = "line", error_event = "error" }
      ctx.heap.out = ReadWrite.new { input_handle = false, output_handle = w }
      ctx.heap.out:put("over")
      ctx.heap.out:close_after_flush()
    end,
    line = case.expect(1, function(ctx, line, id)
      t.is(line, "over")
      t.failure("EPIPE", ctx.session:wheel(id):put("x"))
    end),
    error = case.expect(1, function(ctx, op, errno, text, id) ctx.session:wheel(id):destroy() end),
  }
end, real)

t.case("W12 wrong combinations of parameters raise", function(case)
  local a, b = pair()
  local wrong = {
    { "handle is required", {} },
    { "handle is required", { input_handle = a } },
    { "handle and input_handle exclude each other", { handle = a, input_handle = a } },
    { "handle and output_handle exclude each other", { handle = a, output_handle = a } },
    { "handle: handle expected, got string", { handle = "x" } },
    { "both false", { input_handle = false, output_handle = false } },
    { "filter and input_filter exclude each other", { handle = a, filter = Line.new(), input_filter = Line.new() } },
    { "filter and output_filter exclude each other", { handle = a, filter = Line.new(), output_filter = Line.new() } },
    { "filter: filter expected, got number", { handle = a, filter = 5 } },
    { "high_mark and low_mark go together", { handle = a, high_mark = 5 } },
    { "high_mark and low_mark go together", { handle = a, low_mark = 5 } },
    { "high_mark and low_mark go together", { handle = a, high_mark = 5, high_event = "h" } },
    { "high_mark and low_mark go together", { handle = a, high_mark = 5, low_event = "l" } },
    { "high_mark and low_mark go together", { handle = a, high_mark = 5, high_event = "h", low_event = "l" } },
    { "high_mark and low_mark go together", { handle = a, low_mark = 5, high_event = "h", low_event = "l" } },
    { "high_event and low_event need high_mark and low_mark", { handle = a, high_event = "h" } },
    { "high_event and low_event need high_mark and low_mark", { handle = a, low_event = "l" } },
    { "low_mark needs low_event", { handle = a, high_mark = 9, low_mark = 5, high_event = "h" } },
    { "high_mark: whole number", { handle = a, high_mark = 0, low_mark = 5, high_event = "h", low_event = "l" } },
    { "low_mark: whole number", { handle = a, high_mark = 5, low_mark = -1, high_event = "h", low_event = "l" } },
    { "high_mark: number expected, got string", { handle = a, high_mark = "x", low_mark = 1, high_event = "h", low_event = "l" } },
    { "low_mark %(9%) is above high_mark %(5%)", { handle = a, high_mark = 5, low_mark = 9, high_event = "h", low_event = "l" } },
    { "read_limit: whole number", { handle = a, read_limit = 0 } },
    { "driver: it has no method", { handle = a, driver = {} } },
  }
  session { _start = function(ctx)
    for _, w in ipairs(wrong) do
      t.fails(function() ReadWrite.new(w[2]) end, "poe.wheel.ReadWrite.new: .*" .. w[1])
    end
    a:close()
    t.fails(function() ReadWrite.new { handle = a } end, "the handle is closed")
    t.is(#ctx.session:wheels(), 0)
    b:close()
  end }
end, real)

t.case("W13 the end of input is told once, after the last item; what is unfinished is in get_pending", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
      b:write("one\ntwo\nrest") b:close()
    end,
    line = function(ctx, line) log(line) end,
    error = function(ctx, op, errno, text, id)
      log(op, errno, text)
      local w = ctx.session:wheel(id)
      t.same(w:get_input_filter():get_pending(), { "rest" })
      ctx.kernel:delay("over", 0.01, w)
    end,
    over = function(ctx, w) w:destroy() end,
  }
  case.after(function() log:is("one two read:0:") end)
end, real)

t.case("with last_line the end of input completes a last line", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, filter = Line.new { last_line = true }, input_event = "line", error_event = "error" }
      b:write("one\nrest") b:close()
    end,
    line = function(ctx, line) log(line) end,
    error = function(ctx, op, errno, text, id) log(op, errno) ctx.session:wheel(id):destroy() end,
  }
  case.after(function() log:is("one rest read:0") end)
end, real)

t.case("W14 what the peer wrote before it closed comes before the end, however much it is", function(case)
  local a, b = pair()
  local lines = 0
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
      local text = ("x"):rep(99) .. "\n"
      while b:write(text) == #text do lines = lines + 1 end
      b:close()
    end,
    line = function(ctx, line) if #line == 99 then lines = lines - 1 end end,
    error = function(ctx, op, errno, text, id) ctx.session:wheel(id):destroy() end,
  }
  case.after(function() t.is(lines, 0) end)
end, real)

t.case("W15 without marks put gives false; octets and messages are counted until the buffer is flushed", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      local w = ReadWrite.new { handle = a, flushed_event = "flushed" }
      t.is(w:put("abc", "de"), false)
      t.is(w:get_driver_out_octets(), 9)
      t.is(w:get_driver_out_messages(), 2)
    end,
    flushed = case.expect(1, function(ctx, id)
      local w = ctx.session:wheel(id)
      t.is(w:get_driver_out_octets(), 0)
      t.is(w:get_driver_out_messages(), 0)
      w:destroy() b:close()
    end),
  }
end, real)

t.case("W16 flushed comes once each time the buffer empties; a put in its handler brings another", function(case)
  local a, b = pair()
  local n = 0
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, flushed_event = "flushed" }
      ctx.heap.w:put("1") ctx.heap.w:put("2")
    end,
    flushed = function(ctx)
      n = n + 1
      if n < 3 then ctx.heap.w:put("more") else ctx.kernel:delay("over", 0.01) end
    end,
    over = function(ctx)
      t.is(n, 3)
      t.is(drain(b), "1\r\n2\r\nmore\r\nmore\r\n")
      ctx.heap.w:destroy() b:close()
    end,
  }
end, real)

t.case("W17 a put of nothing, or of items that give no bytes, does nothing", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, filter = Stream.new(), flushed_event = "flushed" }
      t.is(ctx.heap.w:put(), false)
      t.is(ctx.heap.w:put(""), false)
      t.is(ctx.heap.w:get_driver_out_messages(), 0)
      ctx.kernel:delay("over", 0.01)
    end,
    over = function(ctx) ctx.heap.w:destroy() b:close() end,
    flushed = function() error("nothing was written") end,
  }
end, real)

t.case("an item that the filter cannot put raises at the caller's line, and nothing of that put is queued", function(case)
  local a, b = pair()
  session { _start = function(ctx)
    local w = ReadWrite.new { handle = a }
    t.fails(function() w:put("good", {}) end, "readwrite.lua:%d+: .*string expected, got table")
    t.is(w:get_driver_out_octets(), 0)
    t.is(w:put(5), false)
    t.is(w:get_driver_out_octets(), 3)
    w:destroy() b:close()
  end }
end, real)

t.case("W18 writing to a peer that is gone is told once; what waits stays counted", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, error_event = "error", flushed_event = "flushed" }
      b:close()
      ctx.heap.w:put("lost")
    end,
    error = case.expect(1, function(ctx, op, errno, text, id)
      t.is(op, "write") t.is(errno, poe.errno.EPIPE) t.truthy(#text > 0) t.is(id, ctx.heap.w:id())
      t.is(ctx.heap.w:get_driver_out_octets(), 6)
      t.failure("EPIPE", ctx.heap.w:put("more"))
      ctx.kernel:delay("over", 0.01)
    end),
    over = function(ctx) ctx.heap.w:destroy() end,
    flushed = function() error("nothing was written") end,
  }
end, real)

t.case("W19 put gives true at exactly the high mark, and false one byte below", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      local w = ReadWrite.new {
        handle = a, filter = Stream.new(), high_mark = 10, low_mark = 5, high_event = "high", low_event = "low", flushed_event = "flushed",
      }
      t.is(w:put("123456789"), false)
      t.is(w:put("0"), true)
      t.is(w:put("1"), true)
    end,
    high = case.expect(1), low = case.expect(1),
    flushed = function(ctx, id) ctx.session:wheel(id):destroy() b:close() end,
  }
end, real)

t.case("W20 high comes once for each crossing, low once, and low before flushed", function(case)
  local a, b = pair()
  local log = t.log()
  local cycles = 0
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new {
        handle = a, filter = Stream.new(), high_mark = 10, low_mark = 5, high_event = "high", low_event = "low", flushed_event = "flushed",
      }
      ctx.kernel:yield("cycle")
    end,
    cycle = function(ctx)
      ctx.heap.w:put("0123456789")
      ctx.heap.w:put("0123456789")
    end,
    high = function(ctx, id) t.is(id, ctx.heap.w:id()) log("high") end,
    low = function(ctx, id) log("low") end,
    flushed = function(ctx, id)
      log("flushed")
      cycles = cycles + 1
      if cycles < 3 then ctx.kernel:yield("cycle") else ctx.heap.w:destroy() b:close() end
    end,
  }
  case.after(function() log:is("high low flushed high low flushed high low flushed") end)
end, real)

t.case("W21 a put between the marks in the high state keeps it: low still comes", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      local w = ReadWrite.new {
        handle = a, filter = Stream.new(), high_mark = 10000, low_mark = 10, high_event = "high", low_event = "low", flushed_event = "flushed",
      }
      ctx.heap.w = w
      a:option("send_buffer", 4096)
      repeat until w:put(("x"):rep(100000))
      ctx.kernel:select_read(b, "read")
    end,
    read = function(ctx)
      if b:read(1000) and not ctx.heap.done and ctx.heap.w:get_driver_out_octets() < 10000 then
        ctx.heap.done = true
        ctx.heap.w:put("y") -- finds the buffer between the marks
      end
    end,
    high = function() log("high") end,
    low = function() log("low") end,
    flushed = function(ctx) log("flushed") ctx.kernel:select_read(b) ctx.heap.w:destroy() b:close() end,
  }
  case.after(function() log:is("high low flushed") end)
end, real)

t.case("W22 marks can be moved; where they would cross, or were not set, it raises", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      local plain = ReadWrite.new { handle = b }
      t.fails(function() plain:set_high_mark(5) end, "set_high_mark: the wheel was made without marks")
      plain:detach()
      local w = ReadWrite.new {
        handle = a, filter = Stream.new(), high_mark = 10, low_mark = 5, high_event = "high", low_event = "low", flushed_event = "flushed",
      }
      t.fails(function() w:set_high_mark(4) end, "above the high mark")
      t.fails(function() w:set_low_mark(11) end, "above the high mark")
      t.fails(function() w:set_high_mark(0) end, "above 0")
      t.success(w:set_high_mark(100))
      t.is(w:put(("x"):rep(20)), false)
      t.success(w:set_low_mark(6))
      t.success(w:set_high_mark(20)) -- which the buffer has reached
      t.is(w:put("x"), true)
    end,
    high = case.expect(1), low = case.expect(1),
    flushed = function(ctx, id) ctx.session:wheel(id):destroy() b:close() end,
  }
end, real)

t.case("W23 pause_input in the middle of a chunk holds back the rest, until resume_input", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
      b:write("1\n2\n3\n")
    end,
    line = function(ctx, line)
      log(line)
      if line == "1" then
        t.success(ctx.heap.w:pause_input())
        b:write("4\n") b:close()
        ctx.kernel:delay("resume", 0.02)
      end
    end,
    resume = function(ctx)
      log("resume")
      t.success(ctx.heap.w:resume_input())
      log("resumed")
    end,
    error = function(ctx) log("end") ctx.heap.w:destroy() end,
  }
  case.after(function() log:is("1 resume resumed 2 3 4 end") end)
end, real)

t.case("W24 pause_input holds back the peer, until its buffers are full", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.reader = ReadWrite.new { handle = a, filter = Stream.new(), input_event = "data" }
      ctx.heap.reader:pause_input()
      ctx.heap.writer = ReadWrite.new {
        handle = b, filter = Stream.new(), high_mark = 100000, low_mark = 1000, high_event = "high", low_event = "low",
      }
      ctx.kernel:yield("more")
    end,
    more = function(ctx) -- at most as much at a time as the mark minus one, so that only what the peer does not take gets it there
      local room = 99999 - ctx.heap.writer:get_driver_out_octets()
      if ctx.heap.writer:put(("x"):rep(room > 0 and room or 1)) then return end
      ctx.kernel:yield("more")
    end,
    high = case.expect(1, function(ctx) ctx.heap.reader:resume_input() end),
    data = function() end,
    low = case.expect(1, function(ctx) ctx.heap.writer:destroy() ctx.heap.reader:destroy() end),
  }
end, real)

t.case("W25 another input filter, set in the handler, gets the rest of the chunk, delivered after the handler", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "item" }
      b:write("blocks\nabcdefghij")
    end,
    item = function(ctx, item)
      log(item)
      if item == "blocks" then
        t.success(ctx.heap.w:set_input_filter(Block.new { block_size = 4 }))
        t.is(ctx.heap.w:get_input_filter():type(), "Block")
        log("set")
      elseif item == "efgh" then
        t.same(ctx.heap.w:get_input_filter():get_pending(), { "ij" })
        ctx.heap.w:destroy() b:close()
      end
    end,
  }
  case.after(function() log:is("blocks set abcd efgh") end)
end, real)

t.case("a filter set from another event takes along what is held", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "item" }
      b:write("one\nabcd")
    end,
    item = function(ctx, item)
      log(item)
      if item == "one" then ctx.kernel:delay("switch", 0.01) else ctx.heap.w:destroy() b:close() end
    end,
    switch = function(ctx) ctx.heap.w:set_filter(Block.new { block_size = 4 }) log("switched") end,
  }
  case.after(function() log:is("one switched abcd") end)
end, real)

-- All 16 transitions between four filters, with requests and answers that are turned by 13 letters.
t.case("W26 filters can be switched from each to each, in mid-stream", function(case)
  local function rot13(s)
    return (s:gsub("%a", function(c)
      local base = c:lower() == c and 97 or 65
      return string.char((c:byte() - base + 13) % 26 + base)
    end))
  end
  local make = {
    line = function() return Line.new() end,
    stream = function() return Stream.new() end,
    reference = function() return poe.filter.Reference.new() end,
    block = function() return Block.new() end,
  }
  local names = { "line", "stream", "reference", "block" }
  local steps = {}
  for _, from in ipairs(names) do
    for _, to in ipairs(names) do steps[#steps + 1] = from steps[#steps + 1] = to end
  end
  local a, b = pair()
  local server = session {
    _start = function(ctx) ctx.heap.w = ReadWrite.new { handle = a, input_event = "request", error_event = "over" } end,
    request = function(ctx, item)
      local to = rot13(type(item) == "table" and item.text or item)
      local old = ctx.heap.w:get_output_filter():type()
      ctx.heap.w:put(old == "Reference" and { text = rot13(to) } or rot13(to))
      ctx.heap.w:set_filter(make[to]())
    end,
    over = function(ctx) ctx.heap.w:destroy() end,
  }
  local step = 0
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = b, input_event = "answer" }
      ctx.kernel:yield("ask")
    end,
    ask = function(ctx)
      step = step + 1
      local text = rot13(steps[step])
      ctx.heap.w:put(ctx.heap.w:get_output_filter():type() == "Reference" and { text = text } or text)
    end,
    answer = function(ctx, item)
      t.is(rot13(type(item) == "table" and item.text or item), steps[step])
      ctx.heap.w:set_filter(make[steps[step]]())
      if step == #steps then ctx.heap.w:destroy() else ctx.kernel:yield("ask") end
    end,
  }
end, real)

t.case("W27 a filter can be set twice in one handler, and back to the first", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.line = Line.new()
      ctx.heap.w = ReadWrite.new { handle = a, input_filter = ctx.heap.line, input_event = "item" }
      b:write("a\nb\nc\n")
    end,
    item = function(ctx, item)
      log(item)
      if item == "a" then
        ctx.heap.w:set_input_filter(Block.new { block_size = 2 })
        ctx.heap.w:set_input_filter(ctx.heap.line)
        ctx.heap.w:set_input_filter(ctx.heap.line)
      elseif item == "c" then
        ctx.heap.w:destroy() b:close()
      end
    end,
  }
  case.after(function() log:is("a b c") end)
end, real)

t.case("W28 another output filter does not touch what was put before", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, flushed_event = "flushed" }
      ctx.heap.w:put("line")
      ctx.heap.w:set_output_filter(Block.new())
      ctx.heap.w:put("block")
    end,
    flushed = function(ctx) t.is(drain(b), "line\r\n5\0block") ctx.heap.w:destroy() b:close() end,
  }
end, real)

t.case("a filter serves one wheel at a time", function(case)
  local a, b = pair()
  session { _start = function(ctx)
    local filter = Line.new()
    local w = ReadWrite.new { handle = a, filter = filter }
    t.fails(function() ReadWrite.new { handle = b, filter = filter } end, "the filter serves another wheel already")
    w:destroy()
    local v = ReadWrite.new { handle = b, filter = filter }
    v:destroy()
  end }
end, real)

t.case("two wheels cannot read, or write, one handle", function(case)
  local a, b = pair()
  session { _start = function(ctx)
    local w = ReadWrite.new { handle = a }
    t.fails(function() ReadWrite.new { handle = a } end, "belongs to wheel %d+ %(ReadWrite%) already")
    w:destroy()
    local input = ReadWrite.new { input_handle = b, output_handle = false }
    local output = ReadWrite.new { input_handle = false, output_handle = b }
    input:destroy() output:destroy()
  end }
end, real)

t.case("W29 a passing failure of the filter is told, and reading goes on", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, filter = Line.new { max_length = 5 }, input_event = "line", error_event = "error" }
      b:write("short\nmuch too long\nnext\n") b:close()
    end,
    line = function(ctx, line) log(line) end,
    error = function(ctx, op, errno, text, id)
      log(op, errno == poe.errno.EMSGSIZE and "EMSGSIZE" or errno)
      if op == "read" then ctx.session:wheel(id):destroy() end
    end,
  }
  case.after(function() log:is("short filter:EMSGSIZE next read:0") end)
end, real)

t.case("W29 a final failure of the filter is told after the items before it, and reading stops", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, filter = Block.new(), input_event = "block", error_event = "error" }
      b:write("2\0ok12x\0more")
    end,
    block = function(ctx, block) log(block) end,
    error = function(ctx, op, errno, text, id)
      log(op, errno == poe.errno.EBADMSG and "EBADMSG" or errno)
      b:write("2\0ok")
      ctx.kernel:delay("over", 0.01)
    end,
    over = function(ctx) t.is(ctx.heap.w:put("still"), false) ctx.heap.w:close_after_flush() end,
    _stop = function() b:close() end,
  }
  case.after(function() log:is("ok filter:EBADMSG") end)
end, real)

t.case("W29 without error_event a filter's failure is an error in the owner", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "died")
      ReadWrite.new { handle = a, filter = Line.new { max_length = 3 }, input_event = "line" }
      b:write("long line\nok\n")
    end,
    died = case.expect(1, function(ctx, signal, info)
      t.truthy(info.error_str:find("line exceeds maximum length"))
      ctx.kernel:sig_handled()
    end),
    line = case.expect(1, function(ctx, line, id) t.is(line, "ok") ctx.session:wheel(id):destroy() b:close() end),
  }
end, real)

t.case("W30 shutdown_output shows the peer the end; input goes on, put gives EPIPE", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line" }
      ctx.heap.w:put("dropped")
      t.success(ctx.heap.w:shutdown_output())
      t.failure("EPIPE", ctx.heap.w:put("x"))
      t.same({ b:read() }, { nil, "", 0 })
      b:write("still\n")
    end,
    line = case.expect(1, function(ctx, line) t.is(line, "still") ctx.heap.w:destroy() b:close() end),
  }
end, real)

t.case("W30 shutdown_output with flush sends what waits first", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, flushed_event = "flushed" }
      ctx.heap.w:put("first")
      t.success(ctx.heap.w:shutdown_output { flush = true })
      t.failure("EPIPE", ctx.heap.w:put("x"))
      ctx.kernel:select_read(b, "peer")
    end,
    flushed = case.expect(1),
    peer = function(ctx)
      local s, _, errno = b:read()
      ctx.heap.got = (ctx.heap.got or "") .. (s or "")
      if errno == 0 then
        t.is(ctx.heap.got, "first\r\n")
        ctx.kernel:select_read(b)
        ctx.heap.w:destroy() b:close()
      end
    end,
  }
end, real)

t.case("W31 shutdown_input ends input events; output works", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line", error_event = "error", flushed_event = "flushed" }
      b:write("ignored\n")
      t.success(ctx.heap.w:shutdown_input())
      ctx.heap.w:put("out")
    end,
    line = function() error("no more input") end,
    flushed = function(ctx) t.is(b:read(), "out\r\n") ctx.heap.w:destroy() b:close() end,
  }
end, real)

t.case("W32 close_after_flush delivers 8 MiB, then the end; then the session can stop", function(case)
  local a, b = pair()
  local total, ended = 0, false
  session {
    _start = function(ctx)
      local w = ReadWrite.new { handle = a, filter = Stream.new() }
      for _ = 1, 8 do w:put(("x"):rep(1048576)) end
      t.success(w:close_after_flush())
      t.failure("EPIPE", w:put("late"))
    end,
  }
  session {
    _start = function(ctx) ReadWrite.new { handle = b, filter = Stream.new(), input_event = "data", error_event = "over" } end,
    data = function(ctx, s) total = total + #s end,
    over = function(ctx, op, errno, text, id) ended = errno == 0 ctx.session:wheel(id):destroy() end,
  }
  case.after(function() t.is(total, 8 * 1048576) t.is(ended, true) end)
end, real)

t.case("W33 with auto_flush the bytes are gone when put returns; flushed comes later", function(case)
  local a, b = pair()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, auto_flush = true, flushed_event = "flushed" }
      ctx.heap.w:put("now")
      log("put", #b:read(), ctx.heap.w:get_driver_out_octets())
    end,
    flushed = function(ctx) log("flushed") ctx.heap.w:destroy() b:close() end,
  }
  case.after(function() log:is("put:5:0 flushed") end)
end, real)

t.case("flush writes at once and gives the octets left", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, flushed_event = "flushed" }
      ctx.heap.w:put("x")
      t.is(ctx.heap.w:flush(), 0)
      t.is(b:read(), "x\r\n")
    end,
    flushed = case.expect(1, function(ctx) ctx.heap.w:destroy() b:close() end),
  }
end, real)

t.case("W34 8 MiB go each way at once through small water marks", function(case)
  local a, b = pair()
  local size = 8 * 1048576
  local function peer(handle, letter)
    local sent, got = 0, 0
    return {
      _start = function(ctx)
        ctx.heap.w = ReadWrite.new {
          handle = handle, filter = Stream.new(), input_event = "data", error_event = "error",
          high_mark = 50000, low_mark = 10000, high_event = "high", low_event = "send",
        }
        ctx.kernel:yield("send")
      end,
      send = function(ctx)
        while sent < size do
          sent = sent + 16384
          if ctx.heap.w:put(letter:rep(16384)) then break end
        end
        ctx.kernel:yield("check")
      end,
      high = function() end,
      data = function(ctx, s)
        if s:find("[^ab]") or s:find(letter, 1, true) then error("wrong bytes") end
        got = got + #s
        ctx.kernel:yield("check")
      end,
      check = function(ctx)
        if got == size and sent == size and ctx.heap.w:is_alive() then ctx.heap.w:close_after_flush() end
      end,
      error = function(ctx, op, errno) t.is(got, size) t.is(errno, 0) ctx.heap.w:destroy() end,
      _stop = function() t.is(got, size) end,
    }
  end
  session(peer(a, "a"))
  session(peer(b, "b"))
end, real)

t.case("W35 D9 F89 a filter and a driver can be written in Lua", function(case)
  local a, b = pair()
  local calls = {}
  local Rot = setmetatable({}, { __index = poe.Filter })
  Rot.__index = Rot
  function Rot.new() return setmetatable({ buf = "" }, Rot) end
  function Rot:get_one_start(chunks) self.buf = self.buf .. table.concat(chunks) return true end
  function Rot:get_one()
    local s = self.buf
    if s == "" then return {} end
    self.buf = ""
    return { s:reverse() }
  end
  function Rot:get_pending() if self.buf ~= "" then return { self.buf } end end
  function Rot:put(items)
    local out = {}
    for i, s in ipairs(items) do out[i] = s:reverse() end
    return out
  end
  function Rot:clone() return Rot.new() end

  local inner = poe.driver.SysRW.new()
  local driver = {}
  for _, name in ipairs { "get", "put", "flush", "get_out_messages_buffered" } do
    driver[name] = function(self, ...)
      calls[name] = (calls[name] or 0) + 1
      return inner[name](inner, ...)
    end
  end
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, filter = Rot.new(), driver = driver, input_event = "item", flushed_event = "flushed", error_event = "error" }
      b:write("abc")
    end,
    item = function(ctx, item)
      t.is(item, "cba")
      t.is(ctx.heap.w:put("xyz"), false)
      t.is(ctx.heap.w:get_driver_out_octets(), 3)
      t.is(ctx.heap.w:get_driver_out_messages(), 1)
    end,
    flushed = function(ctx) t.is(b:read(), "zyx") b:close() end,
    error = function(ctx, op, errno)
      t.is(op, "read") t.is(errno, 0)
      ctx.heap.w:destroy()
    end,
  }
  case.after(function()
    for _, name in ipairs { "get", "put", "flush", "get_out_messages_buffered" } do t.truthy(calls[name], name) end
  end)
end, real)

t.case("F90 what a filter in Lua refuses is a filter error; what it raises is the session's", function(case)
  local a, b = pair()
  local refusing = { put = function(_, items) return items end, get = function(_, chunks)
    local s = table.concat(chunks)
    if s == "raise" then error("broken filter") end
    return nil, "no: " .. s, poe.errno.EBADMSG
  end }
  session {
    _start = function(ctx)
      ctx.kernel:sig("DIE", "died")
      ReadWrite.new { handle = a, filter = refusing, input_event = "item", error_event = "error" }
      b:write("this")
    end,
    error = case.expect(1, function(ctx, op, errno, text)
      t.is(op, "filter") t.is(errno, poe.errno.EBADMSG) t.is(text, "no: this")
      b:write("raise")
    end),
    died = case.expect(1, function(ctx, signal, info)
      t.truthy(info.error_str:find("broken filter"))
      t.truthy(info.traceback:find("readwrite.lua"))
      ctx.kernel:sig_handled()
      ctx.kernel:sig("DIE")
      ctx.session:wheels()[1]:destroy()
      b:close()
    end),
  }
end, real)

t.case("W37 10,000 lines in one chunk do not hold up others' timers beyond the read limit", function(case)
  local a, b = pair()
  local lines, ticks = 0, 0
  session {
    _start = function(ctx)
      ReadWrite.new { handle = a, read_limit = 1, input_event = "line", error_event = "error" }
      ctx.heap.w = ReadWrite.new { handle = b, filter = Stream.new() }
      ctx.heap.w:put(("x\n"):rep(200000))
      ctx.heap.w:close_after_flush()
    end,
    line = function() lines = lines + 1 end,
    error = function(ctx, op, errno, text, id) ctx.session:wheel(id):destroy() end,
  }
  session {
    _start = function(ctx) ctx.kernel:yield("tick") end,
    tick = function(ctx)
      ticks = ticks + 1
      if lines < 200000 then ctx.kernel:yield("tick") end
    end,
  }
  case.after(function() t.is(lines, 200000) t.truthy(ticks > 5, "ticks: " .. ticks) end)
end, real)

t.case("a handle that is closed by somebody else ends the wheel's input with EBADF", function(case)
  local a, b = pair()
  session {
    _start = function(ctx)
      ctx.heap.w = ReadWrite.new { handle = a, input_event = "line", error_event = "error" }
      b:write("held\n")
      ctx.kernel:yield("close")
    end,
    close = function(ctx) a:close() end,
    line = function(ctx, line) t.is(line, "held") end,
    error = case.expect(1, function(ctx, op, errno)
      t.is(op, "read") t.is(errno, poe.errno.EBADF)
      ctx.heap.w:destroy() b:close()
    end),
  }
end, real)

t.case("W37 a timer of 1 ms keeps ticking while a peer sends as much as it can", function(case)
  local a, b = pair()
  local ticks, lines = 0, 0
  session {
    _start = function(ctx)
      ctx.heap.reader = ReadWrite.new { handle = a, input_event = "line", read_limit = 1 }
      ctx.heap.writer = ReadWrite.new { handle = b, filter = Stream.new(), flushed_event = "more" }
      ctx.kernel:yield("more")
      ctx.kernel:delay("tick", 0.001)
    end,
    more = function(ctx) if ctx.heap.writer:is_alive() then ctx.heap.writer:put(("x\n"):rep(10000)) end end,
    line = function() lines = lines + 1 end,
    tick = function(ctx)
      ticks = ticks + 1
      if ticks < 20 then return ctx.kernel:delay("tick", 0.001) end
      ctx.heap.reader:destroy() ctx.heap.writer:destroy()
    end,
  }
  case.after(function() t.truthy(lines > 0) end)
end, real)
