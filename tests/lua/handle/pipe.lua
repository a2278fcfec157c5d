-- Pipes and what all handles share: D10 to D16, D23, D46.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel
local real = { clock = "real" }
local kinds = { "pipe", "socketpair", "inet" }

local function pack(...) return { n = select("#", ...), ... } end

-- wait_read reads until something has come; over loopback that may take a moment.
local function wait_read(handle)
  while true do
    local text, message, errno = handle:read()
    if text or errno ~= poe.errno.EAGAIN then return text, message, errno end
  end
end

local function close(...)
  for _, handle in ipairs{ ... } do
    if handle:is_open() then handle:close() end
  end
end

t.case("D10 a one-way pipe of each kind carries bytes and ends", function()
  for _, kind in ipairs(kinds) do
    local reader, writer = poe.pipe.OneWay.new(kind)
    t.is(writer:write("one way"), 7)
    t.is(wait_read(reader), "one way")
    writer:close()
    t.same(pack(wait_read(reader)), { n = 3, nil, "", 0 })
    reader:close()
  end
end)

t.case("D10 without a kind it is a pipe", function()
  local reader, writer = poe.pipe.OneWay.new()
  t.is(reader:kind(), "pipe")
  close(reader, writer)
end)

t.case("D11 a two-way pipe of each kind carries both ways at once", function()
  for _, kind in ipairs(kinds) do
    local a_read, a_write, b_read, b_write = poe.pipe.TwoWay.new(kind)
    a_write:write("from a")
    b_write:write("from b")
    t.is(wait_read(b_read), "from a")
    t.is(wait_read(a_read), "from b")
    t.is(a_read == a_write, kind ~= "pipe", kind)
    t.is(b_read == b_write, kind ~= "pipe", kind)
    t.is(a_read == b_read, false)
    close(a_read, a_write, b_read, b_write)
  end
end)

t.case("D11 without a kind a two-way pipe is a socketpair", function()
  local a_read, a_write, b_read = poe.pipe.TwoWay.new()
  t.is(a_read:kind(), "unix")
  t.is(a_read, a_write)
  close(a_read, b_read)
end)

t.case("D12 an unknown kind raises", function()
  for _, class in ipairs{ poe.pipe.OneWay, poe.pipe.TwoWay } do
    t.fails(function() class.new("fifo") end, "bad argument #1 to 'new' %(unknown kind 'fifo'")
    t.fails(function() class.new(1) end, "bad argument #1 to 'new' %(string expected, got number%)")
  end
end)

t.case("D13 reading an empty pipe is EAGAIN at once", function()
  for _, kind in ipairs(kinds) do
    local reader, writer = poe.pipe.OneWay.new(kind)
    t.failure("EAGAIN", reader:read())
    close(reader, writer)
  end
end)

t.case("D14 writing to a full pipe takes a part, then is EAGAIN", function()
  for _, kind in ipairs(kinds) do
    local reader, writer = poe.pipe.OneWay.new(kind)
    local chunk, taken = ("x"):rep(1000000), 0
    local n = writer:write(chunk)
    t.truthy(n > 0 and n <= #chunk)
    while n do
      taken = taken + n
      n = writer:write(chunk)
    end
    t.failure("EAGAIN", writer:write(chunk))
    writer:close()
    local got = 0
    while true do
      local text = wait_read(reader)
      if not text then break end
      got = got + #text
    end
    t.is(got, taken)
    reader:close()
  end
end)

t.case("D15 closing twice is EBADF, and so are methods on a closed handle", function()
  local reader, writer = poe.pipe.OneWay.new()
  t.success(reader:close())
  t.failure("EBADF", reader:close())
  t.is(reader:is_open(), false)
  for name, arguments in pairs{
    read = {}, write = { "x" }, fd = {}, kind = {},
    seek = {}, tell = {}, truncate = { 0 }, sync = {}, stat = {},
    isatty = {}, winsize = {}, termios = {}, make_raw = {}, restore = {}, pty_name = {},
    modem_lines = {}, send_break = { 1 }, drain = {}, discard = { "in" },
  } do
    t.failure("EBADF", reader[name](reader, unpack(arguments)))
  end
  t.is(tostring(reader), "poe.Handle(closed pipe)")
  writer:close()
end)

t.case("D15 watching a closed handle raises", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  reader:close()
  poe.Session.create{ inline_states = {
    _start = case.expect(1, function()
      t.fails(function() kernel:select_read(reader, "x") end, "bad argument #1 to 'select_read' %(the handle is closed%)")
    end),
  } }
  case.after(function() writer:close() end)
end, real)

t.case("D15 methods called with a dot say so", function()
  local reader, writer = poe.pipe.OneWay.new()
  for _, name in ipairs{ "read", "write", "close", "is_open", "fd", "kind", "seek", "stat", "isatty", "termios" } do
    t.fails(function() reader[name]() end, "calling '" .. name .. "' on a bad self %(use handle:" .. name .. "%)")
  end
  close(reader, writer)
end)

t.case("D16 closing a watched handle removes its watchers: no event follows, the session stops", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  writer:write("x")
  poe.Session.create{ inline_states = {
    _start = function()
      kernel:select_read(reader, "readable")
      kernel:select_expedite(reader, "expedited")
      log("close")
      reader:close()
    end,
    readable = case.expect(0), expedited = case.expect(0),
    _stop = function() log("stop") end,
  } }
  case.after(function() log:is("close stop"); writer:close() end)
end, real)

t.case("D23 a handle of a descriptor number closes it, with keep it does not", function()
  local reader, writer = poe.pipe.OneWay.new()
  local kept = poe.Handle.new(writer:fd(), { keep = true })
  t.is(kept:write("x"), 1)
  t.success(kept:close())
  t.is(writer:write("y"), 1)
  t.is(reader:read(), "xy")
  close(reader, writer)
end)

t.case("D23 a handle of a Lua file leaves it open", function()
  local name = os.tmpname()
  local file = assert(io.open(name, "w+"))
  local handle = poe.Handle.new(file)
  t.is(handle:kind(), "file")
  t.is(handle:write("abc"), 3)
  t.success(handle:close())
  file:seek("set")
  t.is(file:read("*a"), "abc")
  file:close()
  os.remove(name)
end)

t.case("D23 poe.Handle.new takes standard input, by number and as a Lua file", function()
  local number, file = poe.Handle.new(0, { keep = true }), poe.Handle.new(io.stdin)
  t.is(number:fd(), 0)
  t.is(file:fd(), 0)
  t.success(number:close())
  t.success(file:close())
  t.is(poe.Handle.new(0, { keep = true }):is_open(), true)
end)

t.case("D23 what is no descriptor raises or is EBADF", function()
  t.failure("EBADF", poe.Handle.new(99999))
  for _, v in ipairs{ -1, 1.5, "0", true, {} } do
    t.fails(function() poe.Handle.new(v) end, "bad argument #1 to 'new'")
  end
  t.fails(function() poe.Handle.new(99999, { kept = true }) end, "unknown parameter 'kept'")
end)

-- Garbage. What nobody can reach any more is closed; that shows at the other end.

-- ends says whether everybody at the other end of a pipe has closed it.
local function ends(reader)
  local _, _, errno = reader:read()
  return errno == 0
end

t.case("a handle that is garbage is closed", function()
  local reader
  local function lose()
    local writer
    reader, writer = poe.pipe.OneWay.new()
    t.is(ends(reader), false)
    return writer:fd()
  end
  lose()
  collectgarbage()
  t.is(ends(reader), true)
  reader:close()
end, { no_stderr = "garbage" })

t.case("a garbage handle is told of when the session that made it has the option debug", function(case)
  local reader
  poe.Session.create{
    options = { debug = true },
    inline_states = {
      _start = function() kernel:yield("collect"); reader = poe.pipe.OneWay.new() end,
      collect = function() collectgarbage() end,
    },
  }
  case.after(function() t.is(ends(reader), true); reader:close() end)
end, { stderr = "was garbage and is closed now" })

t.case("a handle that is watched is no garbage", function(case)
  local reader
  poe.Session.create{ inline_states = {
    _start = function()
      local writer
      reader, writer = poe.pipe.OneWay.new()
      kernel:select_write(writer, "writable")
      kernel:select_pause_write(writer)
      kernel:yield("collect")
    end,
    collect = function()
      collectgarbage()
      t.is(ends(reader), false)
      kernel:yield("over")
    end,
    over = case.expect(1, function() kernel:stop() end),
  } }
  case.after(function() reader:close() end)
end, real)

t.case("a handle that is an argument of an event is no garbage", function(case)
  local reader
  poe.Session.create{ inline_states = {
    _start = function()
      local writer
      reader, writer = poe.pipe.OneWay.new()
      kernel:yield("collect")
      kernel:delay("use", 1, writer)
    end,
    collect = function() collectgarbage() end,
    use = case.expect(1, function(_, writer)
      t.is(writer:write("x"), 1)
      t.is(reader:read(), "x")
      close(reader, writer)
    end),
  } }
end)

t.case("a descriptor that a garbage handle only kept stays open", function()
  local reader, writer = poe.pipe.OneWay.new()
  local function lose() return poe.Handle.new(writer:fd(), { keep = true }):fd() end
  lose()
  collectgarbage()
  t.is(writer:write("x"), 1)
  close(reader, writer)
end)
