-- ListenAccept: W55 and W56, and what its section says besides.
local t = require "poe.test"
local poe = require "poe"

local real = { clock = "real" }
local ListenAccept = poe.wheel.ListenAccept

local function pack(...) return { n = select("#", ...), ... } end

-- session makes one with these states; what has none is an error.
local function session(states)
  states._default = states._default or function(_, event) error("the event '" .. event .. "' was not expected") end
  states._stop = states._stop or function() end
  states._child = states._child or function() end
  return poe.Session.create { inline_states = states }
end

-- listener gives a listening handle and its port.
local function listener(parameters)
  parameters = parameters or {}
  parameters.bind_address = "127.0.0.1"
  local h = assert(poe.socket.listen(parameters))
  return h, select(2, h:sockname())
end

-- connect gives a handle that is connected, or about to be. The event "connected" has it, too.
local function connect(port)
  return poe.wheel.SocketFactory.new {
    remote_address = "127.0.0.1", remote_port = port, success_event = "connected", failure_event = "failure",
  }
end

t.case("W55 it accepts on a handle made elsewhere; the event has handle, address, port and id", function(case)
  local h, port = listener()
  session {
    _start = function(ctx)
      ctx.heap.w = ListenAccept.new { handle = h, accept_event = "accepted", error_event = "error" }
      t.same(pack(ctx.heap.w:getsockname()), pack("127.0.0.1", port))
      connect(port) connect(port)
      ctx.heap.left = 2
    end,
    connected = case.expect(2, function(ctx, handle) handle:close() end),
    accepted = case.expect(2, function(ctx, handle, addr, from, id, ...)
      t.is(handle:kind(), "tcp")
      t.same(pack(handle:peername()), pack(addr, from))
      t.same(pack(id, ...), pack(ctx.heap.w:id()))
      handle:close()
      ctx.heap.left = ctx.heap.left - 1
      if ctx.heap.left == 0 then
        ctx.heap.w:destroy()
        t.is(h:is_open(), false)
        t.failure("EBADF", ctx.heap.w:getsockname())
      end
    end),
  }
end, real)

t.case("W55 connections that came before the wheel are accepted, too, and not within new", function(case)
  local h, port = listener()
  session {
    _start = function(ctx) connect(port) end,
    connected = case.expect(1, function(ctx, handle)
      handle:close()
      ctx.heap.inside = true
      ListenAccept.new { handle = h, accept_event = "accepted" }
      ctx.heap.inside = false
    end),
    accepted = case.expect(1, function(ctx, handle, _, _, id)
      t.is(ctx.heap.inside, false)
      handle:close()
      ctx.session:wheel(id):destroy()
    end),
  }
end, real)

t.case("W55 UNIX: the address is the peer's path or empty, and there is no port", function(case)
  local path = os.tmpname()
  os.remove(path)
  local h = poe.socket.listen { path = path }
  local client = poe.socket.unix { connect = path }
  session {
    _start = function(ctx) ctx.heap.w = ListenAccept.new { handle = h, accept_event = "accepted" } end,
    accepted = case.expect(1, function(ctx, handle, addr, port, id)
      t.same(pack(handle:kind(), addr, port, id), pack("unix", "", nil, ctx.heap.w:id()))
      handle:close() client:close() ctx.heap.w:destroy()
    end),
  }
end, real)

t.case("W55 pausing and resuming", function(case)
  local h, port = listener()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ListenAccept.new { handle = h, accept_event = "accepted" }
      t.success(ctx.heap.w:pause_accept())
      connect(port)
    end,
    connected = case.expect(1, function(ctx, handle)
      log("connected")
      ctx.heap.handle = handle
      ctx.kernel:delay("resume", 0.01)
    end),
    resume = function(ctx) log("resume") t.success(ctx.heap.w:resume_accept()) end,
    accepted = case.expect(1, function(ctx, handle)
      log("accepted")
      handle:close() ctx.heap.handle:close() ctx.heap.w:destroy()
    end),
  }
  case.after(function() log:is("connected resume accepted") end)
end, real)

t.case("W55 detach gives the handle back, open", function(case)
  local h, port = listener()
  session {
    _start = function(ctx)
      local w = ListenAccept.new { handle = h, accept_event = "accepted" }
      t.is(w:detach(), h)
      t.is(w:is_alive(), false)
      t.failure("EBADF", w:detach())
      t.failure("EAGAIN", h:accept())
      ListenAccept.new { handle = h, accept_event = "again" }
      connect(port)
    end,
    connected = case.expect(1, function(ctx, handle) handle:close() end),
    again = case.expect(1, function(ctx, handle, _, _, id) handle:close() ctx.session:wheel(id):destroy() end),
  }
end, real)

t.case("W55 a handle that does not listen is EINVAL, one that is no socket ENOTSOCK", function(case)
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  local datagrams = poe.socket.udp { bind_address = "127.0.0.1" }
  local r, w = poe.pipe.OneWay.new("pipe")
  session { _start = function(ctx)
    t.failure("EINVAL", ListenAccept.new { handle = a, accept_event = "x" })
    t.failure("EINVAL", ListenAccept.new { handle = datagrams, accept_event = "x" })
    t.failure("ENOTSOCK", ListenAccept.new { handle = r, accept_event = "x" })
    t.same(ctx.session:wheels(), {})
    t.is(a:is_open(), true)
    for _, h in ipairs { a, b, datagrams, r, w } do h:close() end
  end }
end, real)

t.case("W55 a listening handle that is shut down is told once, and keeps nobody", function(case)
  local h = listener()
  session {
    _start = function(ctx)
      ctx.heap.w = ListenAccept.new { handle = h, accept_event = "accepted", error_event = "error" }
      if not h:shutdown("read") then ctx.heap.w:destroy() end -- not every system does that
    end,
    error = function(ctx, op, errno, text, id, ...)
      t.same(pack(op, errno, id, ...), pack("accept", poe.errno.EINVAL, ctx.heap.w:id()))
    end,
  }
end, real)

t.case("W55 a handle that somebody closes is told as EBADF", function(case)
  local h = listener()
  session {
    _start = function(ctx)
      ctx.heap.w = ListenAccept.new { handle = h, accept_event = "accepted", error_event = "error" }
      h:close()
    end,
    error = case.expect(1, function(ctx, op, errno, text, id)
      t.same({ op, errno, id }, { "accept", poe.errno.EBADF, ctx.heap.w:id() })
    end),
  }
end, real)

t.case("W55 what is missing, unknown, closed or another wheel's raises", function(case)
  local h = listener()
  local closed = listener()
  closed:close()
  session { _start = function(ctx)
    local wrong = {
      { "handle is required", { accept_event = "x" } },
      { "accept_event is required", { handle = h } },
      { "unknown parameter 'listen_queue'", { handle = h, accept_event = "x", listen_queue = 5 } },
      { "handle: handle expected, got table", { handle = {}, accept_event = "x" } },
      { "handle: the handle is closed", { handle = closed, accept_event = "x" } },
    }
    for _, w in ipairs(wrong) do t.fails(function() ListenAccept.new(w[2]) end, "poe.wheel.ListenAccept.new: " .. w[1]) end
    local w = ListenAccept.new { handle = h, accept_event = "x" }
    t.fails(function() ListenAccept.new { handle = h, accept_event = "y" } end, "belongs to wheel " .. w:id() .. " %(ListenAccept%) already")
    t.is(w:is_alive(), true)
    t.fails(function() w:event { input_event = "x" } end, "unknown parameter 'input_event'")
    w:destroy()
  end }
end, real)

t.case("W55 events can be changed; turned off, clients stay in the queue", function(case)
  local h, port = listener()
  local log = t.log()
  session {
    _start = function(ctx)
      ctx.heap.w = ListenAccept.new { handle = h, accept_event = "first" }
      connect(port) connect(port)
    end,
    connected = case.expect(2, function(ctx, handle) handle:close() end),
    first = case.expect(1, function(ctx, handle)
      log("first")
      handle:close()
      ctx.heap.w:event { accept_event = false }
      ctx.kernel:delay("on", 0.01)
    end),
    on = function(ctx)
      log("on")
      ctx.heap.w:event { accept_event = function(ctx, handle) log("second") handle:close() ctx.heap.w:destroy() end }
    end,
  }
  case.after(function() log:is("first on second") end)
end, real)

t.case("W56 an accepted handle that nobody takes is closed", function(case)
  local h, port = listener()
  poe.Session.create { inline_states = {
    _start = function(ctx)
      ctx.heap.w = ListenAccept.new { handle = h, accept_event = "no such state" }
      connect(port)
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

t.case("W56 a number of a descriptor stays open when the wheel ends", function(case)
  local h = listener()
  session { _start = function(ctx)
    ListenAccept.new { handle = h:fd(), accept_event = "x" }:destroy()
    t.is(h:is_open(), true)
    t.failure("EAGAIN", h:accept())
    h:close()
  end }
end, real)
