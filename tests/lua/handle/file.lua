-- Files: D20, D21, D46 and FIFOs.
local poe = require "poe"
local t = require "poe.test"

local function pack(...) return { n = select("#", ...), ... } end

-- temp gives a name that no file has; what gets it is removed after the case.
local function temp(case, content)
  local name = os.tmpname()
  if content then
    local file = assert(io.open(name, "w"))
    file:write(content)
    file:close()
  else
    os.remove(name)
  end
  case.after(function() os.remove(name) end)
  return name
end

local function content(name)
  local file = assert(io.open(name))
  local text = file:read("*a")
  file:close()
  return text
end

for _, c in ipairs{
  -- mode, reads, writes, makes a file, what is there after writing "XY" to a file with "abcdef"
  { "r", true, false, false },
  { "r+", true, true, false, "XYcdef" },
  { "w", false, true, true, "XY" },
  { "w+", true, true, true, "XY" },
  { "a", false, true, true, "abcdefXY" },
  { "a+", true, true, true, "abcdefXY" },
} do
  local mode, reads, writes, makes, result = unpack(c, 1, 5)

  t.case("D20 mode " .. mode .. " reads and writes what it should", function(case)
    local name = temp(case, "abcdef")
    local handle = assert(poe.open(name, mode))
    t.is(handle:kind(), "file")
    if writes then
      t.is(handle:write("XY"), 2)
    else
      t.failure("EBADF", handle:write("XY"))
    end
    handle:seek("set", 0)
    if reads then
      t.is(handle:read(), result or "abcdef")
      t.same(pack(handle:read()), { n = 3, nil, "", 0 })
    else
      t.failure("EBADF", handle:read())
    end
    handle:close()
    t.is(content(name), result or "abcdef")
  end)

  t.case("D20 mode " .. mode .. " on a missing file", function(case)
    local name = temp(case)
    if makes then
      assert(poe.open(name, mode)):close()
      t.is(content(name), "")
    else
      t.failure("ENOENT", poe.open(name, mode))
    end
  end)

  t.case("D20 mode " .. mode .. " on a directory", function(case)
    if writes then
      t.failure("EISDIR", poe.open("/tmp", mode))
    else
      local handle = assert(poe.open("/tmp", mode))
      t.is(handle:kind(), "dir")
      t.failure("EISDIR", handle:read())
      handle:close()
    end
  end)
end

t.case("D20 without a mode a file is read", function(case)
  local handle = assert(poe.open(temp(case, "abc")))
  t.is(handle:read(), "abc")
  handle:close()
end)

t.case("D20 x on an existing file is EEXIST and leaves it alone", function(case)
  local name = temp(case, "abc")
  for _, mode in ipairs{ "wx", "w+x", "ax", "a+x" } do
    t.failure("EEXIST", poe.open(name, mode))
    t.is(content(name), "abc")
    os.remove(name)
    assert(poe.open(name, mode)):close()
    local file = io.open(name, "w")
    file:write("abc")
    file:close()
  end
end)

t.case("D20 n follows no link", function(case)
  local name, link = temp(case, "abc"), temp(case)
  t.is(os.execute("ln -s " .. name .. " " .. link), 0)
  t.is(assert(poe.open(link, "r")):close(), true)
  for _, mode in ipairs{ "rn", "r+n", "wn", "w+n", "an" } do
    t.failure("ELOOP", poe.open(link, mode))
  end
  t.failure("EEXIST", poe.open(link, "wxn"))
  t.failure("EEXIST", poe.open(link, "wnx"))
  t.is(content(name), "abc")
end)

t.case("D20 the third argument is the permission of a new file", function(case)
  for permission, mode in pairs{ ["600"] = 384, ["0400"] = 256, [384] = 384 } do
    local name = temp(case)
    local handle = assert(poe.open(name, "w", permission))
    t.is(handle:stat().mode, mode)
    handle:close()
  end
  local name = temp(case)
  for _, bad in ipairs{ "8", "1000", "", 512, -1, 0.5, true } do
    t.fails(function() poe.open(name, "w", bad) end, "bad argument #3 to 'open'")
  end
  t.failure("ENOENT", poe.open(name))
end)

t.case("D20 wrong modes and names raise", function()
  for _, mode in ipairs{ "", "x", "rx", "r+x", "r++", "wxx", "w+ x", "rw", "x+", "w+n+" } do
    t.fails(function() poe.open("/nonesuch", mode) end, "bad argument #2 to 'open' %(unknown mode")
  end
  t.fails(function() poe.open() end, "bad argument #1 to 'open' %(string expected, got no value%)")
  t.fails(function() poe.open("x", 1) end, "bad argument #2 to 'open' %(string expected, got number%)")
end)

t.case("D21 seek and tell", function(case)
  local handle = assert(poe.open(temp(case, "0123456789")))
  t.is(handle:tell(), 0)
  t.is(handle:read(2), "01")
  t.is(handle:tell(), 2)
  t.is(handle:seek(), 2)
  t.is(handle:seek("cur", 3), 5)
  t.is(handle:read(2), "56")
  t.is(handle:seek("end", -1), 9)
  t.is(handle:read(), "9")
  t.is(handle:seek("set"), 0)
  t.is(handle:seek("end"), 10)
  t.is(handle:seek("set", 2 ^ 40), 2 ^ 40)
  t.failure("EINVAL", handle:seek("set", -1))
  t.fails(function() handle:seek("start") end, "bad argument #1 to 'seek' %(unknown whence 'start'")
  t.fails(function() handle:seek("set", 0.5) end, "bad argument #2 to 'seek'")
  handle:close()
end)

t.case("D21 what has no position is ESPIPE", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  t.failure("ESPIPE", reader:seek("set", 1))
  t.failure("ESPIPE", reader:tell())
  case.after(function() reader:close(); writer:close() end)
end)

t.case("D21 truncate, sync and stat", function(case)
  local name = temp(case, "0123456789")
  local handle = assert(poe.open(name, "r+"))
  t.success(handle:truncate(4))
  t.success(handle:sync())
  t.is(content(name), "0123")
  t.success(handle:truncate(6))
  t.is(content(name), "0123\0\0")
  t.failure("EINVAL", handle:truncate(-1))
  t.fails(function() handle:truncate() end, "bad argument #1 to 'truncate'")
  local s = handle:stat()
  t.is(s.type, "file")
  t.is(s.size, 6)
  t.is(s.nlink, 1)
  for _, key in ipairs{ "mode", "dev", "ino", "uid", "gid" } do t.is(type(s[key]), "number", key) end
  for _, key in ipairs{ "atime", "mtime", "ctime" } do
    t.truthy(math.abs(s[key] - os.time()) < 3600, key)
  end
  handle:close()
end, { clock = "real" })

t.case("D21 stat tells the type", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  local a, _, b = poe.pipe.TwoWay.new("socketpair")
  local dir, null = poe.open("/tmp"), poe.open("/dev/null")
  local types = {}
  for i, handle in ipairs{ reader, a, dir, null } do types[i] = handle:stat().type end
  t.same(types, { "fifo", "socket", "dir", "char" })
  for _, handle in ipairs{ reader, writer, a, b, dir, null } do handle:close() end
end)

t.case("a regular file is ready at once and ends", function(case)
  local handle = assert(poe.open(temp(case, ("x"):rep(100000))))
  local size = 0
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:select_read(handle, "readable") end,
    readable = function()
      local text, _, errno = handle:read()
      if text then size = size + #text else t.is(errno, 0); handle:close() end
    end,
  } }
  case.after(function() t.is(size, 100000) end)
end, { clock = "real" })

t.case("a FIFO opened r+ has no end, one opened r has", function(case)
  local name = temp(case)
  t.is(os.execute("mkfifo " .. name), 0)
  t.failure("ENXIO", poe.open(name, "w"))
  local both = assert(poe.open(name, "r+"))
  t.is(both:kind(), "fifo")
  local writer = assert(poe.open(name, "w"))
  writer:write("x")
  writer:close()
  t.is(both:read(), "x")
  t.failure("EAGAIN", both:read())
  both:close()
  local reader = assert(poe.open(name, "r"))
  t.same(pack(reader:read()), { n = 3, nil, "", 0 })
  reader:close()
end)
