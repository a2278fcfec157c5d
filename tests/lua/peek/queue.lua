-- poe.peek on what waits and on the kernel (P4, P5, P12, P13, P15, P16, P19, P21, P23).
local poe = require "poe"
local t = require "poe.test"

local kernel, peek = poe.kernel, poe.peek

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function nothing() end

local function field(records, name)
  local values = {}
  for i, record in ipairs(records) do values[i] = record[name] end
  return values
end

t.case("P4 queue is in the order of dispatch, posts and timers", function(case)
  local log = t.log()
  local handler = function(ctx) log(ctx.state) end
  local one = spawn{
    _start = function()
      kernel:delay("late", 2)
      kernel:yield("first")
      kernel:delay("soon", 1)
      kernel:yield("second")
      kernel:alarm("past", poe.time() - 5)
    end,
    late = handler, soon = handler, first = handler, second = handler, past = handler,
  }
  local order = field(peek.queue(), "event")
  t.same(order, { "past", "first", "second", "soon", "late" })
  t.same(field(peek.queue(), "timer"), { true, false, false, true, true })
  t.same(field(peek.queue(), "type"), { "timer", "post", "post", "timer", "timer" })
  t.same(peek.timers(one), peek.timers())
  t.same(field(peek.timers(), "event"), { "past", "soon", "late" })
  case.after(function() log:is(table.concat(order, " ")) end)
end)

t.case("P4 a record of a post says all about it", function(case)
  local two = spawn{ hello = nothing }
  local line
  spawn{
    _start = function(ctx)
      line = debug.getinfo(1, "l").currentline + 1
      kernel:post(two, "hello", "x", nil, ctx.session, nil)
      local records = peek.queue(two)
      t.is(#records, 1)
      local record = records[1]
      t.truthy(record.id < 0)
      t.truthy(record.file:find("queue.lua", 1, true))
      record.file = nil
      t.same(record, {
        id = record.id, event = "hello", session = two:id(), sender = ctx.session:id(), due = poe.time(), timer = false,
        args = { n = 4, "x", nil, ctx.session }, type = "post", line = line, from = "_start", age = 0,
      })
    end,
  }
end)

t.case("P4 a record of a timer has its due time and no age", function(case)
  spawn{
    _start = function(ctx)
      local id = kernel:delay_set("tick", 2.5, 1)
      local record = peek.queue(ctx.session)[1]
      t.is(record.id, id)
      t.is(record.timer, true)
      t.is(record.type, "timer")
      t.is(record.age, nil)
      t.truthy(math.abs(record.due - (poe.time() + 2.5)) < 1e-6)
      t.same(record.args, { n = 1, 1 })
    end,
    tick = nothing,
  }
end)

t.case("P4 the age of a post is the time it has waited", function(case)
  spawn{
    _start = function() kernel:delay("wait", 1) end,
    wait = function(ctx)
      kernel:yield("later")
      t.is(peek.queue(ctx.session)[1].age, 0)
    end,
    later = nothing,
  }
end)

t.case("P4 a signal in the queue has its name for its first argument", function(case)
  local session = spawn{ _start = function() kernel:sig("mine", "mine") end, mine = nothing }
  kernel:signal(session, "mine", 1)
  local record = peek.queue(session)[1]
  t.is(record.type, "signal")
  t.is(record.args[1], "mine")
end)

t.case("P4 queue of a session has what is for it", function(case)
  local one, two = spawn{ a = nothing }, spawn{ b = nothing }
  kernel:post(one, "a")
  kernel:post(two, "b")
  kernel:post(one, "a")
  t.same(field(peek.queue(one), "event"), { "a", "a" })
  t.same(field(peek.queue(two), "session"), { 2 })
  t.same(peek.queue(kernel), {})
  t.is(#peek.queue(), 3)
  t.is(peek.queue()[1].sender, kernel:id())
end)

t.case("P5 events_to and events_from change with posting and delivery", function(case)
  local one, two
  one = spawn{
    got = case.expect(2, function(ctx)
      ctx.heap.n = (ctx.heap.n or 0) + 1
      t.is(peek.events_to(one), 2 - ctx.heap.n)
      t.is(peek.events_from(two), 2 - ctx.heap.n)
    end),
  }
  two = spawn{
    send = case.expect(1, function()
      t.is(peek.events_from(two), 0)
      kernel:post(one, "got")
      kernel:post(one, "got")
      t.is(peek.events_to(one), 2)
      t.is(peek.events_from(one), 0)
      t.is(peek.events_from(two), 2)
    end),
  }
  kernel:post(two, "send")
  t.is(peek.events_to(two), 1)
end)

t.case("P5 what a session sends to itself is not from it", function(case)
  spawn{
    _start = function(ctx)
      kernel:yield("tick")
      kernel:delay("tick", 1)
      t.is(peek.events_to(ctx.session), 2)
      t.is(peek.events_from(ctx.session), 0)
    end,
    tick = nothing,
  }
end)

t.case("P12 changing a result changes nothing", function(case)
  local session = spawn{
    _start = function(ctx)
      kernel:alias_set("me")
      ctx.session:option("step", 1)
      kernel:sig("mine", "tick", 1)
      kernel:refcount_increment(ctx.session, "tag")
      kernel:delay("tick", 1, "x")
    end,
    tick = case.expect(1, function(ctx, arg)
      t.is(arg, "x")
      kernel:refcount_decrement(ctx.session, "tag")
    end),
  }
  -- spoil empties tables all the way down.
  local function spoil(value)
    if type(value) ~= "table" or getmetatable(value) then return end
    for key, v in pairs(value) do
      spoil(v)
      value[key] = nil
    end
    value.spoilt = true
  end
  for _, look in ipairs{
    { "sessions" }, { "session", session }, { "children", kernel }, { "tree" }, { "aliases" }, { "aliases", session },
    { "events", session }, { "handlers", session }, { "queue" }, { "timers" }, { "refcounts", session },
    { "work", session }, { "signals" }, { "signals", session },
  } do
    local before = peek[look[1]](look[2])
    spoil(peek[look[1]](look[2]))
    t.same(peek[look[1]](look[2]), before)
  end
  t.is(session:option("step"), 1)
end)

t.case("P13 what peek gave keeps neither a session nor a postback alive", function(case)
  local kept, postback = {}, nil
  local session = spawn{
    _start = function(ctx)
      postback = ctx.session:postback("never")
      kernel:yield("drop")
    end,
    drop = function(ctx)
      kept = {
        peek.sessions(), peek.session(ctx.session), peek.tree(), peek.handlers(ctx.session),
        peek.refcounts(ctx.session), peek.work(ctx.session), peek.current(), peek.queue(),
      }
      postback = nil
    end,
  }
  case.after(function()
    t.is(session:is_alive(), false)
    t.is(#kept, 8)
  end)
end)

t.case("P15 current in a nested call has both entries, the inner one first", function(case)
  local outer, inner
  inner = spawn{
    asked = case.expect(1, function()
      t.same(peek.current(), {
        session = inner:id(), event = "asked",
        stack = { { session = inner:id(), event = "asked" }, { session = outer:id(), event = "ask" } },
      })
    end),
  }
  outer = spawn{
    ask = case.expect(1, function()
      kernel:call(inner, "asked")
      local only = { session = outer:id(), event = "ask" }
      t.same(peek.current(), { session = outer:id(), event = "ask", stack = { only } })
    end),
  }
  t.is(peek.current(), nil)
  kernel:post(outer, "ask")
  case.after(function() t.is(peek.current(), nil) end)
end)

t.case("P15 current of a session that calls itself has the session twice", function(case)
  spawn{
    _start = function(ctx) kernel:call(ctx.session, "again") end,
    again = case.expect(1, function()
      t.same(field(peek.current().stack, "event"), { "again", "_start" })
      t.same(field(peek.current().stack, "session"), { 1, 1 })
    end),
  }
end)

t.case("P16 memory grows with ten thousand queued events and shrinks when they are delivered", function(case)
  local session = spawn{ tick = nothing }
  local before, own = peek.memory(), peek.memory(session)
  for i = 1, 10000 do kernel:post(session, "tick", i, "argument " .. i) end
  local full = peek.memory()
  t.truthy(full.queue > before.queue + 1000000, "queue: " .. full.queue)
  t.is(full.sessions, before.sessions)
  t.truthy(full.total > before.total + 1000000)
  t.truthy(peek.memory(session) > own + 1000000)
  t.is(full.total, full.sessions + full.queue + full.handles + full.signals + full.aliases)
  spawn{
    _start = function() kernel:yield("look") end,
    look = case.expect(1, function()
      t.truthy(peek.memory().queue < before.queue + 1000, "after delivery")
    end),
  }
end)

t.case("P16 memory of a session grows with its heap and its aliases", function(case)
  spawn{
    _start = case.expect(1, function(ctx)
      local before = peek.memory(ctx.session)
      for i = 1, 1000 do ctx.heap[i] = i end
      local after = peek.memory(ctx.session)
      t.truthy(after > before + 8000)
      kernel:alias_set("me")
      t.truthy(peek.memory(ctx.session) > after)
      t.truthy(peek.memory().aliases > 0)
      kernel:alias_remove("me")
      t.is(peek.memory().aliases, 0)
    end),
  }
end)

t.case("P16 memory of signals grows with watchers and their arguments", function()
  spawn{ _start = function()
    local none = peek.memory().signals
    kernel:sig("mine", "mine")
    local one = peek.memory().signals
    kernel:sig("mine", "mine", ("x"):rep(1000))
    t.truthy(none < one and one + 1000 < peek.memory().signals)
    kernel:sig("mine")
    t.is(peek.memory().signals, none)
  end }
end)

t.case("P16 memory of handles grows with watchers, wheels and what wheels have to write", function()
  local near, _, far = poe.pipe.TwoWay.new("socketpair")
  local last = peek.memory().handles
  local function grows(what)
    local now = peek.memory()
    t.truthy(now.handles > last, what)
    t.is(now.total, now.sessions + now.queue + now.handles + now.signals + now.aliases)
    last = now.handles
  end
  spawn{
    _start = function(ctx)
      kernel:select_read(far, "ready")
      grows("a watcher")
      local own = peek.memory(ctx.session)
      local wheel = poe.wheel.ReadWrite.new{ handle = near, input_event = "line" }
      grows("a wheel")
      wheel:put(("x"):rep(100000))
      grows("output")
      t.truthy(peek.memory(ctx.session) > own + 100000)
      wheel:destroy()
      kernel:select_read(far)
      far:close()
    end,
    ready = function() end, line = function() end,
  }
end, { clock = "real" })

t.case("P19 kernel has the process ID and counts", function(case)
  local k = peek.kernel()
  t.is(k.id, kernel:id())
  t.is(k.pid, poe.pid())
  t.is(k.sessions, 0)
  t.is(k.events, 0)
  t.is(k.handles, 0)
  t.is(k.running, false)
  t.is(k.now, poe.time())
  t.truthy(k.started <= k.now)
  spawn{
    _start = function() kernel:delay("tick", 1) end,
    tick = case.expect(1, function()
      local inside = peek.kernel()
      t.is(inside.running, true)
      t.is(inside.sessions, 1)
      t.is(inside.started, k.started)
      t.truthy(math.abs(inside.now - k.now - 1) < 1e-6)
      t.truthy(inside.iteration > k.iteration)
    end),
  }
  t.is(peek.kernel().sessions, 1)
  t.is(peek.kernel().events, 1)
  case.after(function() t.is(peek.kernel().running, false) end)
end)

t.case("P19 stats are the kernel's", function(case)
  local mine, theirs = peek.stats(), kernel:stats()
  mine.user_seconds, theirs.user_seconds = nil, nil
  t.same(mine, theirs)
end)

t.case("P21 a look changes no order and no count", function(case)
  local log = t.log()
  local function look(session)
    for name, f in pairs(peek) do
      if name ~= "trace" and name ~= "post" and name ~= "call" and name ~= "help" and name ~= "event" then
        if name == "is_child" then f(session, kernel) else f(session) end
      end
    end
    peek.event(1)
  end
  local session = spawn{
    _start = function()
      kernel:delay("tick", 1)
      kernel:yield("a")
      kernel:yield("b")
    end,
    a = function(ctx) look(ctx.session); log "a" end,
    b = function(ctx) look(ctx.session); log "b" end,
    tick = function(ctx) look(ctx.session); log "tick" end,
  }
  local function counts()
    local all = kernel:stats()
    all.user_seconds = nil
    return all
  end
  local before, record, queue = counts(), peek.session(session), peek.queue()
  look(session)
  t.same(counts(), before)
  t.same(peek.session(session), record)
  t.same(peek.queue(), queue)
  t.is(kernel:get_event_count(), 3)
  case.after(function()
    log:is("a b tick")
    look(kernel)
    t.is(kernel:stats().events_queued, 3)
  end)
end)

t.case("P23 event finds a timer until it has fired", function(case)
  local id
  spawn{
    _start = function()
      id = kernel:delay_set("tick", 1, "x")
      kernel:delay("look", 2)
      t.is(peek.event(id).event, "tick")
      t.same(peek.event(id).args, { n = 1, "x" })
      t.same(peek.event(id), peek.timers()[1])
    end,
    tick = function() t.is(peek.event(id), nil, "while it is handled") end,
    look = case.expect(1, function() t.is(peek.event(id), nil) end),
  }
end)

t.case("P23 event finds a post by the ID that queue gives", function(case)
  spawn{
    _start = function(ctx)
      kernel:yield("one")
      kernel:yield("two")
      local queue = peek.queue(ctx.session)
      t.same(peek.event(queue[2].id), queue[2])
      t.is(peek.event(0), nil)
      t.is(peek.event(-1e9), nil)
      t.is(peek.event(1e9), nil)
    end,
    one = nothing, two = nothing,
  }
end)

t.case("post and call are the kernel's", function(case)
  local session = spawn{
    add = function(_, a, b) return a + b, nil end,
    got = case.expect(1, function(ctx, x, y)
      t.is(x, "x")
      t.is(y, nil)
      t.is(ctx.sender, kernel)
      t.truthy(ctx.caller_file:find("queue.lua", 1, true))
    end),
  }
  t.success(peek.post(session, "got", "x", nil))
  local results = { n = select("#", peek.call(session, "add", 1, 2)), peek.call(session, "add", 1, 2) }
  t.same(results, { n = 2, 3 })
end)

t.case("help prints a line for each function", function(case)
  local printed = {}
  local old = print
  print = function(text) printed[#printed + 1] = text end
  peek.help()
  print = old
  local text = table.concat(printed, "\n")
  for name in pairs(peek) do t.truthy(text:find("\n  " .. name .. "(", 1, true), name) end
end)
