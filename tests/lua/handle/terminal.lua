-- Ptys and serial lines: D32 to D35, as far as one process can see it. A pty stands for a serial line.
local poe = require "poe"
local t = require "poe.test"

local function pack(...) return { n = select("#", ...), ... } end

-- pty makes one that is closed after the case.
local function pty(case, options)
  local master, slave = assert(poe.pty.new(options))
  case.after(function()
    for _, handle in ipairs{ master, slave } do
      if handle:is_open() then handle:close() end
    end
  end)
  return master, slave
end

-- wait_read reads until something has come: a terminal takes a moment to pass it on.
local function wait_read(handle, n)
  local got = {}
  while n > 0 do
    local text, message, errno = handle:read(n)
    if text then
      got[#got + 1] = text
      n = n - #text
    elseif errno ~= poe.errno.EAGAIN then
      return nil, message, errno
    end
  end
  return table.concat(got)
end

local bytes = {}
for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
bytes = table.concat(bytes)

t.case("D32 the master sees the slave's output, the slave sees input, nothing is echoed", function(case)
  local master, slave = pty(case)
  t.is(master:kind(), "pty")
  t.is(slave:kind(), "tty")
  t.is(slave:write("out\n"), 4)
  t.is(wait_read(master, 4), "out\n")
  t.is(master:write(bytes), 256)
  t.is(wait_read(slave, 256), bytes)
  t.failure("EAGAIN", master:read())
end)

t.case("D32 echo and lines where they are asked for", function(case)
  local master, slave = pty(case, { raw = false, echo = true })
  master:write("typed\r")
  t.is(wait_read(slave, 6), "typed\n")
  t.is(wait_read(master, 7), "typed\r\n")
  slave:write("x\n")
  t.is(wait_read(master, 3), "x\r\n")
end)

t.case("D32 rows and columns are 24 and 80, or as given", function(case)
  local master, slave = pty(case)
  t.same(pack(slave:winsize()), { n = 2, 24, 80 })
  t.same(pack(master:winsize()), { n = 2, 24, 80 })
  master, slave = pty(case, { rows = 10, cols = 132 })
  t.same(pack(slave:winsize()), { n = 2, 10, 132 })
  t.success(master:winsize(11, 133))
  t.same(pack(slave:winsize()), { n = 2, 11, 133 })
  t.fails(function() master:winsize(1) end, "bad argument #2 to 'winsize'")
  t.fails(function() master:winsize(65536, 1) end, "bad argument #1 to 'winsize'")
end)

t.case("D32 the end of input is the end, not EIO, for a reader and for a watcher", function(case)
  local master, slave = pty(case)
  slave:write("bye")
  slave:close()
  t.is(wait_read(master, 3), "bye")
  t.same(pack(master:read()), { n = 3, nil, "", 0 })
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:select_read(master, "readable") end,
    readable = case.expect(1, function()
      t.same(pack(master:read()), { n = 3, nil, "", 0 })
      master:close()
    end),
  } }
end, { clock = "real" })

t.case("D32 pty_name is the slave's path", function(case)
  local master, slave = pty(case)
  local name = master:pty_name()
  t.is(name:sub(1, 5), "/dev/")
  local again = assert(poe.open(name, "r+"))
  t.is(again:kind(), "tty")
  again:close()
  t.failure("ENOTTY", slave:pty_name())
end)

t.case("D32 wrong parameters raise", function()
  t.fails(function() poe.pty.new{ rows = 0 } end, "poe.pty.new: rows: ")
  t.fails(function() poe.pty.new{ cols = 65536 } end, "poe.pty.new: cols: ")
  t.fails(function() poe.pty.new{ raw = 1 } end, "poe.pty.new: raw: boolean expected, got number")
  t.fails(function() poe.pty.new{ size = 1 } end, "poe.pty.new: unknown parameter 'size'")
end)

t.case("isatty tells a terminal from others", function(case)
  local master, slave = pty(case)
  local reader, writer = poe.pipe.OneWay.new()
  t.is(slave:isatty(), true)
  t.is(master:isatty(), true)
  t.is(reader:isatty(), false)
  for _, method in ipairs{ "winsize", "termios", "make_raw", "restore", "pty_name", "modem_lines" } do
    t.failure("ENOTTY", reader[method](reader))
  end
  t.failure("ENOTTY", reader:send_break(1))
  t.failure("ENOTTY", reader:discard("both"))
  reader:close()
  writer:close()
end)

t.case("D33 termios reads back what was set and leaves the rest", function(case)
  local _, slave = pty(case)
  local want = slave:termios()
  t.is(want.echo, false)
  t.is(want.canonical, false)
  for key, value in pairs{
    echo = true, canonical = true, signals = true, crlf_in = true, crlf_out = true, xon = true, hardware_flow = true,
    speed = 12345, stop_bits = 2, min = 7, time = 0.5,
  } do
    t.success(slave:termios{ [key] = value })
    want[key] = value
    t.same(slave:termios(), want, key)
  end
  t.success(slave:termios{})
  t.success(slave:termios(want))
  t.same(slave:termios(), want)
end)

t.case("D33 wrong settings raise and change nothing", function(case)
  local _, slave = pty(case)
  local before = slave:termios()
  for key, value in pairs{ echo = 1, speed = 0, data_bits = 9, parity = "mark", stop_bits = 1.5, min = 256, time = 26, baud = 9600 } do
    t.fails(function() slave:termios{ canonical = true, [key] = value } end, "handle:termios: ")
  end
  t.fails(function() slave:termios(1) end, "handle:termios: table expected, got number")
  t.same(slave:termios(), before)
end)

t.case("D33 make_raw and restore", function(case)
  local master, slave = pty(case, { raw = false, echo = true })
  local before = slave:termios()
  t.success(slave:restore())
  t.success(slave:make_raw())
  local raw = slave:termios()
  for _, key in ipairs{ "echo", "canonical", "signals", "crlf_in", "crlf_out", "xon" } do t.is(raw[key], false, key) end
  t.success(slave:termios{ speed = 1200 })
  t.success(slave:restore())
  t.same(slave:termios(), before)
  t.same(master:termios(), before)
end)

t.case("D34 a serial line carries all 256 values, both ways", function(case)
  local master = pty(case, { raw = false, echo = true })
  local line = assert(poe.serial.open(master:pty_name(), { speed = 115200 }))
  t.is(line:kind(), "serial")
  t.is(line:termios().speed, 115200)
  master:write(bytes)
  t.is(wait_read(line, 256), bytes)
  line:write(bytes)
  t.is(wait_read(master, 256), bytes)
  line:close()
end)

t.case("D34 the usual line is 9600 bits a second, 8 data bits, no parity, one stop bit", function(case)
  local master = pty(case)
  local line = assert(poe.serial.open(master:pty_name()))
  local s = line:termios()
  t.same({ s.speed, s.data_bits, s.parity, s.stop_bits, s.xon, s.hardware_flow }, { 9600, 8, "none", 1, false, false })
  line:close()
  line = assert(poe.serial.open(master:pty_name(), { flow = "software", stop_bits = 2, exclusive = false }))
  s = line:termios()
  t.same({ s.stop_bits, s.xon, s.hardware_flow }, { 2, true, false })
  line:close()
end)

t.case("D34 a bad speed raises, and so do other wrong parameters", function()
  for _, speed in ipairs{ 0, -1, 1.5, "fast", 0 / 0, 2 ^ 40 } do
    t.fails(function() poe.serial.open("/dev/nonesuch", { speed = speed }) end, "poe.serial.open: speed: ")
  end
  t.fails(function() poe.serial.open("/dev/nonesuch", { parity = "mark" }) end,
    "poe.serial.open: parity: 'none', 'even' or 'odd' expected, got 'mark'")
  t.fails(function() poe.serial.open("/dev/nonesuch", { flow = true }) end, "poe.serial.open: flow: string expected, got boolean")
  t.fails(function() poe.serial.open("/dev/nonesuch", { baud = 1 }) end, "poe.serial.open: unknown parameter 'baud'")
  t.fails(function() poe.serial.open() end, "bad argument #1 to 'open'")
end)

t.case("D34 a missing device is ENOENT, what is no terminal ENOTTY", function()
  t.failure("ENOENT", poe.serial.open("/dev/nonesuch"))
  t.failure("ENOTTY", poe.serial.open("/dev/null"))
end)

t.case("D34 an exclusive line is not opened twice", function(case)
  local master = pty(case)
  local line = assert(poe.serial.open(master:pty_name()))
  t.failure("EBUSY", poe.serial.open(master:pty_name()))
  line:close()
  assert(poe.serial.open(master:pty_name())):close()
end)

t.case("D34 what a pty has no wires for is a failure, a break and the like are not", function(case)
  local master = pty(case)
  local line = assert(poe.serial.open(master:pty_name()))
  t.failure("ENOTTY", line:modem_lines())
  t.failure("ENOTTY", line:modem_lines{ dtr = true, rts = false })
  t.fails(function() line:modem_lines{ cts = true } end, "handle:modem_lines: unknown parameter 'cts'")
  t.success(line:send_break(0.01))
  t.success(line:drain())
  for _, which in ipairs{ "in", "out", "both" } do t.success(line:discard(which)) end
  for _, seconds in ipairs{ 0, -1, "x" } do
    t.fails(function() line:send_break(seconds) end, "bad argument #1 to 'send_break'")
  end
  t.fails(function() line:discard("all") end, "bad argument #1 to 'discard' %(unknown direction 'all'")
  line:close()
end)

t.case("D34 unplugging is a failure or the end, for a watcher too", function(case)
  local master = pty(case)
  local line = assert(poe.serial.open(master:pty_name()))
  poe.Session.create{ inline_states = {
    _start = function(ctx) ctx.kernel:select_read(line, "readable"); master:close() end,
    readable = case.expect(1, function()
      local text, _, errno = line:read()
      t.is(text, nil)
      t.truthy(errno == 0 or errno == poe.errno.EIO)
      line:close()
    end),
  } }
end, { clock = "real" })

t.case("D35 closing the handle that changed a terminal puts its settings back", function(case)
  local master = pty(case, { raw = false, echo = true })
  local before = master:termios()
  local terminal = assert(poe.open(master:pty_name(), "r+"))
  terminal:make_raw()
  terminal:close()
  t.same(master:termios(), before)
  assert(poe.serial.open(master:pty_name())):close()
  t.same(master:termios(), before)
end)
