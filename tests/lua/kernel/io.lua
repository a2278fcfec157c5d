-- Watching handles: K36 to K43. All but the last with the real clock: a simulated one watches nothing real.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel
local real = { clock = "real" }

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function pack(...) return { n = select("#", ...), ... } end

-- full_pipe gives a pipe with a byte to read in it.
local function full_pipe()
  local reader, writer = poe.pipe.OneWay.new()
  writer:write("x")
  return reader, writer
end

t.case("K36 a select_read handler gets handle, mode and extra arguments", function(case)
  local reader, writer = full_pipe()
  spawn{
    _start = function() t.success(kernel:select_read(reader, "readable", nil, "extra", nil)) end,
    readable = case.expect(1, function(_, ...)
      t.same(pack(...), { n = 5, reader, "read", nil, "extra" })
      t.success(kernel:select_read(reader))
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("K36 a select_write handler gets handle, mode and extra arguments", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function() t.success(kernel:select_write(writer, "writable", 1, nil)) end,
    writable = case.expect(1, function(_, ...)
      t.same(pack(...), { n = 4, writer, "write", 1 })
      t.success(kernel:select_write(writer))
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("K37 reads come before queued events of the same iteration", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  spawn{
    _start = function() kernel:yield("queued"); kernel:select_read(reader, "readable") end,
    queued = function() log("queued") end,
    readable = function() log("read"); kernel:select_read(reader) end,
  }
  case.after(function() log:is("read queued"); reader:close(); writer:close() end)
end, real)

t.case("K38 paused: no events and the session lives; resumed: events again", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  local session = spawn{
    _start = function()
      kernel:select_read(reader, "readable")
      t.is(kernel:select_pause_read(reader), true)
    end,
    resume = function() log("resume"); t.is(kernel:select_resume_read(reader), true) end,
    readable = function() log("read"); kernel:select_read(reader) end,
    _stop = function() log("stop") end,
  }
  spawn{
    _start = function() kernel:delay("wake", 0.03) end,
    wake = function() t.truthy(session:is_alive()); log("wake"); kernel:post(session, "resume") end,
  }
  case.after(function() log:is("wake resume read stop"); reader:close(); writer:close() end)
end, real)

t.case("K38 the same for writing", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  local session = spawn{
    _start = function()
      kernel:select_write(writer, "writable")
      t.is(kernel:select_pause_write(writer), true)
    end,
    resume = function() log("resume"); t.is(kernel:select_resume_write(writer), true) end,
    writable = function() log("write"); kernel:select_write(writer) end,
    _stop = function() log("stop") end,
  }
  spawn{
    _start = function() kernel:delay("wake", 0.03) end,
    wake = function() t.truthy(session:is_alive()); log("wake"); kernel:post(session, "resume") end,
  }
  case.after(function() log:is("wake resume write stop"); reader:close(); writer:close() end)
end, real)

t.case("K38 pausing and resuming an unwatched handle gives false", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = case.expect(1, function()
      for _, name in ipairs{ "select_pause_read", "select_resume_read", "select_pause_write", "select_resume_write" } do
        t.same(pack(kernel[name](kernel, reader)), { n = 1, false }, name)
      end
      kernel:select_read(reader, "readable")
      t.is(kernel:select_pause_write(reader), false, "watched, but not in that mode")
      t.is(kernel:select_pause_read(reader), true)
      kernel:select_read(reader)
      t.is(kernel:select_resume_read(reader), false, "not any more")
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("K39 select with three events, then with none: the session can stop", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function() t.success(kernel:select(writer, "readable", "writable", "expedited", "extra")) end,
    writable = function(_, handle, mode, extra)
      t.is(handle, writer)
      log(mode, extra)
      t.success(kernel:select(writer))
    end,
    readable = case.expect(0), expedited = case.expect(0),
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("write:extra stop"); reader:close(); writer:close() end)
end, real)

t.case("K40 setting again with another event name uses the new one", function(case)
  local reader, writer = full_pipe()
  spawn{
    _start = function()
      kernel:select_read(reader, "old", "old argument")
      kernel:select_read(reader, "new", "new argument")
    end,
    old = case.expect(0),
    new = case.expect(1, function(_, ...)
      t.same(pack(...), { n = 3, reader, "read", "new argument" })
      kernel:select_read(reader)
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("K40 setting again resumes a paused watcher", function(case)
  local reader, writer = full_pipe()
  spawn{
    _start = function()
      kernel:select_read(reader, "old")
      kernel:select_pause_read(reader)
      kernel:select_read(reader, "new")
    end,
    old = case.expect(0),
    new = case.expect(1, function() kernel:select_read(reader) end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("K41 closing a watched handle removes the watcher and lets the session stop", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function() kernel:select_read(reader, "readable"); kernel:delay("close", 0.02) end,
    readable = function() log("read") end,
    close = function() log("close"); t.success(reader:close()) end,
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("close stop"); writer:close() end)
end, real)

t.case("K42 two sessions watch one handle: both are told, the lower ID first", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  local function watcher(name)
    return spawn{
      watch = function() kernel:select_read(reader, "readable", name) end,
      readable = function(_, _, _, extra) log(extra); kernel:select_read(reader) end,
    }
  end
  local low, high = watcher("low"), watcher("high")
  kernel:call(high, "watch")
  kernel:call(low, "watch")
  case.after(function() log:is("low high"); reader:close(); writer:close() end)
end, real)

t.case("K42 one session's removal leaves the other's watcher", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  local function watcher(name, times)
    spawn{
      _start = function() kernel:select_read(reader, "readable") end,
      readable = function()
        log(name)
        times = times - 1
        if times == 0 then kernel:select_read(reader) end
      end,
    }
  end
  watcher("a", 1)
  watcher("b", 3)
  case.after(function() log:is("a b b b"); reader:close(); writer:close() end)
end, real)

t.case("K43 level triggered: without reading the event repeats", function(case)
  local reader, writer = full_pipe()
  local count = 0
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = case.expect(5, function()
      count = count + 1
      if count == 5 then kernel:select_read(reader) end
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("K43 what has been read is not told again", function(case)
  local reader, writer = full_pipe()
  spawn{
    _start = function() kernel:select_read(reader, "readable"); kernel:delay("over", 0.05) end,
    readable = case.expect(1, function() t.is(reader:read(100), "x") end),
    over = case.expect(1, function() reader:close() end),
  }
  case.after(function() writer:close() end)
end, real)

-- Section 4 beyond the list.

t.case("small print 4: removing a watcher that is not there is fine", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = case.expect(1, function()
      t.success(kernel:select_read(reader))
      t.success(kernel:select_write(reader))
      t.success(kernel:select_expedite(reader))
      t.success(kernel:select(reader))
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("small print 4: select sets what is given and removes what is nil or false", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function()
      kernel:select_write(writer, "old")
      t.success(kernel:select(writer, nil, "new", false))
    end,
    old = case.expect(0),
    new = function()
      log("new")
      kernel:select(writer, "readable", false, nil)
      kernel:delay("over", 0.02)
    end,
    readable = case.expect(0),
    over = function() log("over"); kernel:select(writer, nil, nil, nil) end,
    _stop = function() log("stop") end,
  }
  case.after(function() log:is("new over stop"); reader:close(); writer:close() end)
end, real)

t.case("small print 4: a watcher's sender is the session itself, its caller where it was set", function(case)
  local reader, writer = full_pipe()
  local line
  spawn{
    _start = function() kernel:yield("watch") end,
    watch = function()
      line = debug.getinfo(1, "l").currentline + 1
      kernel:select_read(reader, "readable")
    end,
    readable = case.expect(1, function(ctx)
      t.is(ctx.sender, ctx.session)
      t.is(ctx.caller_state, "watch")
      t.is(ctx.caller_line, line)
      kernel:select_read(reader)
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("small print 4: the handler gets the handle as it was given, a number or a Lua file", function(case)
  local reader, writer = full_pipe()
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  local number = reader:fd()
  spawn{
    _start = function()
      kernel:select_read(number, "readable")
      kernel:select_write(file, "writable")
    end,
    readable = case.expect(1, function(_, handle) t.is(handle, number); kernel:select_read(number) end),
    writable = case.expect(1, function(_, handle) t.is(handle, file); kernel:select_write(file) end),
  }
  case.after(function()
    reader:close()
    writer:close()
    file:close()
    os.remove(name)
  end)
end, real)

t.case("small print 4: a regular file is ready in every iteration", function(case)
  local name = os.tmpname()
  assert(io.open(name, "w")):close()
  local file = assert(io.open(name, "r"))
  local count, ticks = 0, 0
  spawn{
    _start = function() kernel:select_read(file, "readable"); kernel:yield("tick") end,
    tick = function() ticks = ticks + 1; kernel:yield("tick") end,
    readable = function()
      count = count + 1
      if count == 4 then
        t.is(ticks, 3)
        kernel:stop()
      end
    end,
  }
  case.after(function() t.is(count, 4); file:close(); os.remove(name) end)
end, real)

t.case("small print 4: all reads, then all writes", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  spawn{
    _start = function() kernel:select_write(writer, "writable") end,
    writable = function() log("write"); kernel:select_write(writer) end,
  }
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = function() log("read"); kernel:select_read(reader) end,
  }
  case.after(function() log:is("read write"); reader:close(); writer:close() end)
end, real)

t.case("small print 4: closing drops an event already on its way", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  local function watcher(name)
    spawn{
      _start = function() kernel:select_read(reader, "readable") end,
      readable = function() log(name); reader:close() end,
      _stop = function() log("stop", name) end,
    }
  end
  watcher("a")
  watcher("b")
  case.after(function()
    t.is(#log, 3)
    t.is(log[1], "a")
    writer:close()
  end)
end, real)

t.case("small print 4: a watcher removed by an earlier handler of the round is not called", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  local second = spawn{
    _start = function() kernel:select_write(writer, "writable") end,
    writable = function() log("write") end,
    forget = function() log("forget"); kernel:select_write(writer) end,
  }
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = function() log("read"); kernel:select_read(reader); kernel:call(second, "forget") end,
  }
  case.after(function() log:is("read forget"); reader:close(); writer:close() end)
end, real)

t.case("small print 4: a handler may pause its own watcher, no event follows", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  local count = 0
  spawn{
    _start = function() kernel:select_write(writer, "writable") end,
    writable = function()
      count = count + 1
      kernel:select_pause_write(writer)
      kernel:delay("over", 0.02)
    end,
    over = function() log("over", count); kernel:select_write(writer) end,
  }
  case.after(function() log:is("over:1"); reader:close(); writer:close() end)
end, real)

t.case("small print 4: pause and resume act on the mode for all sessions that watch the handle", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = function() log("first"); kernel:select_read(reader) end,
  }
  spawn{
    _start = function()
      kernel:select_read(reader, "readable")
      t.is(kernel:select_pause_read(reader), true)
      kernel:delay("resume", 0.02)
    end,
    resume = function() log("resume"); t.is(kernel:select_resume_read(reader), true) end,
    readable = function() log("second"); kernel:select_read(reader) end,
  }
  case.after(function() log:is("resume first second"); reader:close(); writer:close() end)
end, real)

t.case("small print 4: pausing one mode leaves the others", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function()
      kernel:select(writer, "readable", "writable")
      kernel:select_pause_read(writer)
    end,
    writable = function() log("write"); kernel:select(writer) end,
    readable = case.expect(0),
  }
  case.after(function() log:is("write"); reader:close(); writer:close() end)
end, real)

t.case("small print 4: the watchers of a stopped session are removed, the handle stays open", function(case)
  local log = t.log()
  local reader, writer = full_pipe()
  local session = spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = function(ctx) log("read"); kernel:signal(ctx.session, "KILL") end,
    _stop = function() log("stop") end,
  }
  spawn{
    _start = function() kernel:delay("look", 0.03) end,
    look = function()
      t.is(session:is_alive(), false)
      t.is(reader:is_open(), true)
      t.is(reader:read(10), "x")
      log("look")
    end,
  }
  case.after(function()
    t.is(log[#log], "look")
    t.is(log[#log - 1], "stop")
    reader:close()
    writer:close()
  end)
end, real)

t.case("small print 4: the end of input is readable", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function() kernel:select_read(reader, "readable"); writer:close() end,
    readable = case.expect(1, function()
      t.same(pack(reader:read(10)), { n = 3, nil, "", 0 })
      reader:close()
    end),
  }
end, real)

t.case("small print 4: a session without work is swept after the I/O round, before the queue", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function() kernel:select_read(reader, "readable") end,
    readable = function() log("read"); kernel:select_read(reader) end,
    _stop = function() log("stop") end,
  }
  local ticks = 0
  spawn{
    _start = function() kernel:yield("tick") end,
    tick = function()
      ticks = ticks + 1
      log("tick")
      if ticks == 2 then writer:write("x") end
      if ticks < 4 then kernel:yield("tick") end
    end,
  }
  case.after(function()
    log:is("tick tick read stop tick tick")
    reader:close()
    writer:close()
  end)
end, real)

t.case("small print 4: watching a closed handle raises", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  reader:close()
  spawn{
    _start = case.expect(1, function()
      for _, name in ipairs{ "select_read", "select_write", "select_expedite", "select" } do
        t.fails(function() kernel[name](kernel, reader, "readable") end, "bad argument #1 to '" .. name .. "'")
      end
    end),
  }
  case.after(function() writer:close() end)
end, real)

t.case("small print 4: wrong handles and event names raise", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = case.expect(1, function()
      for _, name in ipairs{ "select_read", "select_write", "select_expedite", "select" } do
        t.fails(function() kernel[name](kernel, nil, "x") end, "bad argument #1 to '" .. name .. "' %(.+ expected, got nil%)")
        t.fails(function() kernel[name](kernel, {}, "x") end, "bad argument #1 to '" .. name .. "' %(.+ expected, got table%)")
        t.fails(function() kernel[name](kernel, reader, 5) end, "bad argument #2 to '" .. name .. "' %(string expected, got number%)")
      end
      t.fails(function() kernel:select_pause_read(nil) end, "bad argument #1 to 'select_pause_read'")
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("small print 1: outside a handler every select method raises an error that names it", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  for _, name in ipairs{ "select_read", "select_write", "select_expedite", "select" } do
    t.fails(function() kernel[name](kernel, reader, "x") end, "'" .. name .. "' must be called from an event handler")
  end
  for _, name in ipairs{ "select_pause_read", "select_resume_read", "select_pause_write", "select_resume_write" } do
    t.fails(function() kernel[name](kernel, reader) end, "'" .. name .. "' must be called from an event handler")
  end
  case.after(function() reader:close(); writer:close() end)
end, real)

t.case("small print 4: the simulated clock refuses to watch a real handle", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = case.expect(1, function()
      t.fails(function() kernel:select_read(reader, "readable") end)
    end),
  }
  case.after(function() reader:close(); writer:close() end)
end)
