-- Driver SysRW: D1 to D8, and D46 as far as drivers take handles.
local poe = require "poe"
local t = require "poe.test"

local SysRW = poe.driver.SysRW

local function pack(...) return { n = select("#", ...), ... } end

-- pipe gives a pipe whose ends are closed after the case.
local function pipe(case, kind)
  local reader, writer = poe.pipe.OneWay.new(kind)
  case.after(function() reader:close(); writer:close() end)
  return reader, writer
end

-- counts checks what a driver says that is queued.
local function counts(driver, octets, messages)
  t.is(driver:get_out_octets_left(), octets, "octets")
  t.is(driver:get_out_messages_left(), messages, "messages left")
  t.is(driver:get_out_messages_buffered(), messages, "messages buffered")
end

t.case("D1 put of nothing and of the empty string queues nothing", function()
  local driver = SysRW.new()
  t.is(driver:put{}, 0)
  t.is(driver:put{ "" }, 0)
  t.is(driver:put{ "", "" }, 0)
  counts(driver, 0, 0)
end)

t.case("D2 put returns the sum of all queued octets, messages are counted by chunks", function()
  local driver = SysRW.new{}
  t.is(driver:put{ "abc", "", "d" }, 4)
  counts(driver, 4, 2)
  t.is(driver:put{ ("x"):rep(100000) }, 100004)
  counts(driver, 100004, 3)
end)

t.case("D3 flush into a full pipe leaves the rest; order and bytes are kept over 4 MiB", function(case)
  local reader, writer = pipe(case)
  local out, back = SysRW.new(), SysRW.new()
  local sent, got, size, waited = {}, {}, 0, false
  for i = 1, 64 do
    sent[i] = ("%04d"):format(i):rep(16384)
    size = size + #sent[i]
  end
  t.is(out:put(sent), size)
  local left = size
  repeat
    local before = left
    local message
    left, message = out:flush(writer)
    t.is(message, nil)
    t.is(left, out:get_out_octets_left())
    t.truthy(left <= before)
    if left > 0 then waited = true end
    local chunks = back:get(reader)
    got[#got + 1] = chunks[1]
  until left == 0 and #chunks == 0
  t.truthy(waited, "the pipe was never full")
  t.truthy(table.concat(got) == table.concat(sent), "the bytes are those that were put")
  counts(out, 0, 0)
end)

t.case("D3 a chunk half written counts and goes on where it stopped", function(case)
  local reader, writer = pipe(case)
  local driver = SysRW.new()
  local chunk = ("0123456789"):rep(100000)
  driver:put{ chunk, "end" }
  local left = driver:flush(writer)
  t.truthy(left > 3 and left < #chunk + 3)
  counts(driver, left, 2)
  local all = {}
  while left > 0 do
    all[#all + 1] = reader:read(1000000)
    left = driver:flush(writer)
  end
  all[#all + 1] = reader:read(1000000)
  t.truthy(table.concat(all) == chunk .. "end")
end)

t.case("D4 get with nothing there is an empty array, at the end nil, empty string, 0", function(case)
  for _, kind in ipairs{ "pipe", "socketpair", "inet" } do
    local reader, writer = pipe(case, kind)
    local driver = SysRW.new()
    t.same(driver:get(reader), {})
    writer:close()
    t.same(pack(driver:get(reader)), { n = 3, nil, "", 0 })
    t.same(pack(driver:get(reader)), { n = 3, nil, "", 0 })
  end
end)

t.case("D4 get on a write-only handle and on a closed one is a failure", function(case)
  local reader, writer = pipe(case)
  t.failure("EBADF", SysRW.new():get(writer))
  reader:close()
  t.failure("EBADF", SysRW.new():get(reader))
end)

t.case("D5 flush to a closed reader: octets left, message, EPIPE", function(case)
  for _, kind in ipairs{ "pipe", "socketpair" } do
    local reader, writer = pipe(case, kind)
    local driver = SysRW.new()
    reader:close()
    driver:put{ "abc", "def" }
    for _ = 1, 2 do
      local left, message, errno = driver:flush(writer)
      t.is(left, 6)
      t.is(type(message), "string")
      t.is(errno, poe.errno.EPIPE)
    end
    counts(driver, 6, 2)
  end
end)

t.case("D5 flush to a closed handle: octets left, message, EBADF", function(case)
  local _, writer = pipe(case)
  local driver = SysRW.new()
  driver:put{ "abc" }
  writer:close()
  local left, _, errno = driver:flush(writer)
  t.is(left, 3)
  t.is(errno, poe.errno.EBADF)
end)

t.case("D6 block_size bounds what one get reads", function(case)
  local reader, writer = pipe(case)
  local driver = SysRW.new{ block_size = 4 }
  writer:write("0123456789")
  t.same(driver:get(reader), { "0123" })
  t.same(driver:get(reader), { "4567" })
  t.same(driver:get(reader), { "89" })
  t.same(driver:get(reader), {})
end)

t.case("D6 without a block_size a get reads 65536 bytes", function(case)
  local name = os.tmpname()
  local file = assert(poe.open(name, "w+"))
  case.after(function() file:close(); os.remove(name) end)
  t.is(file:write(("x"):rep(70000)), 70000)
  file:seek("set")
  local driver = SysRW.new()
  t.is(#driver:get(file)[1], 65536)
  t.is(#driver:get(file)[1], 70000 - 65536)
  t.same(pack(driver:get(file)), { n = 3, nil, "", 0 })
end)

t.case("D7 a bad block_size and unknown keys raise", function()
  for _, size in ipairs{ 0, -1, "x", 1.5, 0 / 0, true } do
    t.fails(function() SysRW.new{ block_size = size } end, "poe.driver.SysRW.new: block_size: .+ expected, got")
  end
  t.fails(function() SysRW.new{ BlockSize = 4 } end, "poe.driver.SysRW.new: unknown parameter 'BlockSize'")
  t.fails(function() SysRW.new(4) end, "poe.driver.SysRW.new: table expected, got number")
  SysRW.new{ block_size = 2 ^ 53 } -- more than is ever read at once
end)

t.case("D7 wrong arguments of methods raise", function(case)
  local driver = SysRW.new()
  local reader = pipe(case)
  t.fails(function() driver:put("abc") end, "bad argument #1 to 'put' %(array of strings expected, got string%)")
  t.fails(function() driver:put{ "abc", {} } end, "bad argument #1 to 'put' %(array of strings expected, got table in it%)")
  t.fails(function() driver:put() end, "bad argument #1 to 'put'")
  t.fails(function() driver:get() end, "bad argument #1 to 'get'")
  t.fails(function() driver:flush{} end, "bad argument #1 to 'flush'")
  t.fails(function() driver.get(reader) end, "calling 'get' on a bad self %(use driver:get%)")
  counts(driver, 0, 0)
end)

t.case("D8 a driver works in the main chunk, without the kernel running", function(case)
  local reader, writer = pipe(case)
  local driver = SysRW.new()
  driver:put{ "to", " and ", "fro" }
  t.is(driver:flush(writer), 0)
  t.same(driver:get(reader), { "to and fro" })
end)

t.case("D8 inside a handler, with watchers telling when", function(case)
  local reader, writer = pipe(case)
  local out, back = SysRW.new(), SysRW.new()
  local size, got = 1000000, 0
  poe.Session.create{ inline_states = {
    _start = function(ctx)
      out:put{ ("x"):rep(size) }
      ctx.kernel:select_write(writer, "writable")
      ctx.kernel:select_read(reader, "readable")
    end,
    writable = function(ctx, handle)
      if out:flush(handle) == 0 then writer:close() end
    end,
    readable = function(_, handle)
      local chunks, _, errno = back:get(handle)
      if chunks then got = got + #chunks[1] elseif errno == 0 then handle:close() end
    end,
  } }
  case.after(function() t.is(got, size) end)
end, { clock = "real" })

t.case("D46 a driver takes a Lua file and a descriptor number, which keep their mode", function(case)
  local reader, writer = pipe(case)
  local name = os.tmpname()
  local file = assert(io.open(name, "w+"))
  case.after(function() file:close(); os.remove(name) end)
  local driver = SysRW.new()
  driver:put{ "abc" }
  t.is(driver:flush(file), 0)
  file:seek("set")
  t.same(driver:get(file), { "abc" })
  t.same(pack(driver:get(file)), { n = 3, nil, "", 0 })
  driver:put{ "by number" }
  t.is(driver:flush(writer:fd()), 0)
  t.same(driver:get(reader:fd()), { "by number" })
  t.same(driver:get(reader:fd()), {})
  t.is(reader:is_open(), true)
  file:write("still open")
end)

t.case("D46 a number that is no descriptor is a failure, a closed Lua file too", function()
  local name = os.tmpname()
  local file = assert(io.open(name, "w+"))
  file:close()
  os.remove(name)
  local driver = SysRW.new()
  t.failure("EBADF", driver:get(file))
  t.failure("EBADF", driver:get(99999))
  t.fails(function() driver:get(-1) end, "bad argument #1 to 'get' %(not a descriptor: %-1%)")
end)
