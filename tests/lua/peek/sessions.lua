-- poe.peek on sessions: who there is, what they handle, what keeps them alive (P1 to P3, P6 to P11, P14, P20, P22,
-- P24).
local poe = require "poe"
local t = require "poe.test"

local kernel, peek = poe.kernel, poe.peek
local real = { clock = "real" }

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

-- staying makes a session that lives for a second.
local function staying(states)
  states = states or {}
  local start = states._start
  function states._start(ctx, ...)
    kernel:delay("over", 1)
    if start then return start(ctx, ...) end
  end
  states.over = states.over or function() end
  return spawn(states)
end

-- field is one field of a list of records.
local function field(records, name)
  local values = {}
  for i, record in ipairs(records) do values[i] = record[name] end
  return values
end

t.case("P1 sessions lists the kernel, then the sessions by ID", function(case)
  local first, second, third = staying(), staying(), staying()
  t.same(field(peek.sessions(), "id"), { kernel:id(), 1, 2, 3 })
  t.same(field(peek.sessions(), "kind"), { "kernel", "session", "session", "session" })
  t.same(field(peek.sessions(), "id"), { kernel:id(), first:id(), second:id(), third:id() })
end)

t.case("P1 a session that has stopped is gone", function(case)
  local brief = spawn{}
  staying{
    _start = function() kernel:delay("look", 0.5) end,
    look = case.expect(1, function()
      t.same(field(peek.sessions(), "id"), { kernel:id(), 2 })
      t.failure("ESRCH", peek.session(brief))
    end),
  }
end)

t.case("P1 a record has what there is to know at a glance", function(case)
  local before = poe.time()
  local session = staying{
    _start = function(ctx)
      kernel:alias_set("bravo")
      kernel:alias_set("alpha")
      ctx.session:option("debug", true)
      kernel:refcount_increment(ctx.session, "mine")
      kernel:refcount_increment(ctx.session, "mine")
    end,
    over = function(ctx)
      kernel:refcount_decrement(ctx.session, "mine")
      kernel:refcount_decrement(ctx.session, "mine")
    end,
  }
  local record = peek.session(session)
  t.truthy(record.created >= before and record.created <= poe.time())
  record.created, record.refcount = nil, nil
  t.same(record, {
    id = 1, kind = "session", name = "alpha", aliases = { "alpha", "bravo" }, parent = kernel:id(), children = {},
    events_to = 1, events_from = 0, handles = 0, extra_refs = 1, processes = 0, wheels = 0, options = { debug = true },
    events_handled = 1, alive = true,
  })
end)

t.case("P1 a session without an alias is called by its number, the kernel what it is", function(case)
  staying()
  t.same(field(peek.sessions(), "name"), { "the kernel", "session 1" })
end)

t.case("P1 events_handled counts what was dispatched, calls too", function(case)
  local session
  session = spawn{
    _start = function() kernel:yield("look") end,
    nothing = function() end,
    look = case.expect(1, function(ctx)
      t.is(peek.session(ctx.session).events_handled, 2)
      kernel:call(ctx.session, "nothing")
      t.is(peek.session(ctx.session).events_handled, 3)
    end),
  }
  t.is(peek.session(session).events_handled, 1)
end)

t.case("P1 class is the field name of a subclass", function(case)
  local Named = setmetatable({ name = "Clock" }, { __index = poe.Session })
  local Nameless = setmetatable({}, { __index = poe.Session })
  local states = { _start = function() end }
  t.is(peek.session(Named:create{ inline_states = states }).class, "Clock")
  t.is(peek.session(Nameless:create{ inline_states = states }).class, nil)
  t.is(peek.session(spawn{}).class, nil)
end)

t.case("P2 children, parent and is_child follow creation, detachment and stop", function(case)
  local parent, first, second
  parent = staying{
    _start = function()
      first, second = staying(), staying{ over = function() end }
    end,
    detach = function()
      t.same(peek.children(parent), { first:id(), second:id() })
      t.success(kernel:detach_child(first))
      t.same(peek.children(parent), { second:id() })
      t.is(peek.parent(first), kernel:id())
      t.is(peek.is_child(first, parent), false)
      t.is(peek.is_child(first, kernel), true)
    end,
    over = function() kernel:delay("last", 1) end,
    last = case.expect(1, function() t.same(peek.children(parent), {}) end),
  }
  t.same(peek.children(parent), { first:id(), second:id() })
  t.same(peek.children(kernel), { parent:id() })
  t.is(peek.parent(parent), kernel:id())
  t.is(peek.parent(kernel), nil)
  t.is(peek.parent(first), parent:id())
  t.is(peek.is_child(first, parent), true)
  t.is(peek.is_child(parent, first), false)
  t.is(peek.is_child(first, kernel), false, "a grandchild")
  kernel:post(parent, "detach")
end)

t.case("P2 tree is nested, from the kernel or from a session", function(case)
  local top = staying{
    _start = function()
      kernel:alias_set("top")
      staying{ _start = function() staying() end }
      staying()
    end,
  }
  local below = {
    id = 1, name = "top", children = {
      { id = 2, name = "session 2", children = { { id = 3, name = "session 3", children = {} } } },
      { id = 4, name = "session 4", children = {} },
    },
  }
  t.same(peek.tree(top), below)
  t.same(peek.tree(), { id = kernel:id(), name = "the kernel", children = { below } })
end)

t.case("P2 a tree of ten thousand levels is no deeper for peek than another", function(case)
  local function level(n)
    spawn{
      _start = function() kernel:yield("down") end,
      down = function()
        if n < 10000 then return level(n + 1) end
        local depth, tree = 0, peek.tree(1)
        while tree do depth, tree = depth + 1, tree.children[1] end
        case.deepest = depth
      end,
    }
  end
  level(1)
  case.after(function() t.is(case.deepest, 10000) end)
end)

t.case("P3 aliases of a session are sorted, without a session all are a map", function(case)
  local one = staying{ _start = function() kernel:alias_set("b"); kernel:alias_set("a"); kernel:alias_set("c") end }
  local two = staying{ _start = function() kernel:alias_set("z") end }
  t.same(peek.aliases(one), { "a", "b", "c" })
  t.same(peek.aliases(two), { "z" })
  t.same(peek.aliases(), { a = 1, b = 1, c = 1, z = 2 })
  case.after(function() t.same(peek.aliases(), {}) end)
end)

t.case("P6 refcounts shows tags, a postback is anon_event", function(case)
  spawn{
    _start = function(ctx)
      kernel:refcount_increment(ctx.session, "mine")
      kernel:refcount_increment(ctx.session, "mine")
      local postback = ctx.session:postback("never")
      t.same(peek.refcounts(ctx.session), { mine = 2, anon_event = 1 })
      postback:release()
      kernel:refcount_decrement(ctx.session, "mine")
      t.same(peek.refcounts(ctx.session), { mine = 1 })
      kernel:refcount_decrement(ctx.session, "mine")
      t.same(peek.refcounts(ctx.session), {})
    end,
  }
end)

-- counted is the sum that a record's refcount is.
local function counted(record)
  return (record.events_to > 0 and 1 or 0) + (record.events_from > 0 and 1 or 0) + #record.children + #record.aliases
    + record.handles + record.extra_refs + record.processes
end

t.case("P7 refcount is the sum of what keeps the session alive", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function(ctx)
      local function check(what)
        local record = peek.session(ctx.session)
        t.is(record.refcount, counted(record), what)
        return record.refcount
      end
      t.is(check("nothing"), 0)
      kernel:alias_set("a")
      t.is(check("an alias"), 1)
      kernel:refcount_increment(ctx.session, "tag")
      t.is(check("a tag"), 2)
      kernel:yield("later")
      kernel:yield("later")
      t.truthy(check("two events to itself") >= 3)
      kernel:post(staying(), "nothing")
      local with_child = check("a child, and an event for it")
      kernel:select_read(reader, "never")
      kernel:select_expedite(reader, "never")
      t.is(check("a handle in two modes"), with_child + 1)
      kernel:select_read(reader)
      kernel:select_expedite(reader)
      kernel:refcount_decrement(ctx.session, "tag")
      kernel:alias_remove("a")
      t.is(check("less again"), with_child - 2)
    end,
    later = function() end,
    never = function() end,
    _stop = function() reader:close(); writer:close() end,
  }
end, real)

t.case("P8 signals after sig, and after its removal", function(case)
  local one = staying{
    _start = function()
      kernel:sig("USR1", "usr1", "x", nil)
      kernel:sig("mine", "mine")
    end,
    remove = case.expect(1, function(ctx)
      kernel:sig("mine")
      t.same(peek.signals(ctx.session), { USR1 = { event = "usr1", args = { n = 2, "x" } } })
      t.same(peek.signals(), { USR1 = { 1 }, mine = { 2 }, ours = { 2 } })
    end),
    usr1 = function() end, mine = function() end,
  }
  local two = staying{
    _start = function() kernel:sig("mine", "mine"); kernel:sig("ours", "mine") end,
    mine = function() end,
  }
  local plain = { event = "mine", args = { n = 0 } }
  t.same(peek.signals(one), { USR1 = { event = "usr1", args = { n = 2, "x" } }, mine = plain })
  t.same(peek.signals(two), { mine = plain, ours = plain })
  t.same(peek.signals(), { USR1 = { 1 }, mine = { 1, 2 }, ours = { 2 } })
  kernel:post(one, "remove")
  case.after(function() t.same(peek.signals(), {}) end)
end)

t.case("P9 handles with their modes, paused or not", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function(ctx)
      local id, fd = ctx.session:id(), reader:fd()
      t.same(peek.handles(ctx.session), {})
      kernel:select_read(reader, "readable")
      kernel:select_expedite(reader, "urgent")
      t.same(peek.handles(ctx.session), {
        {
          fd = fd, session = id,
          read = { event = "readable", paused = false }, expedite = { event = "urgent", paused = false },
        },
      })
      kernel:select_pause_read(reader)
      kernel:select_expedite(reader)
      t.same(peek.handles(), { { fd = fd, session = id, read = { event = "readable", paused = true } } })
      kernel:select_resume_read(reader)
      kernel:select_write(writer, "writable")
      t.is(#peek.handles(), 2)
      t.is(peek.kernel().handles, 2)
      kernel:select_read(reader)
      kernel:select_write(writer)
      t.same(peek.handles(), {})
    end,
    readable = function() end, writable = function() end, urgent = function() end,
    _stop = function() reader:close(); writer:close() end,
  }
end, real)

t.case("P1 a record counts wheels, children and what is sent", function()
  local near, _, far = poe.pipe.TwoWay.new("socketpair")
  local function short() return spawn{ _start = function() kernel:yield("over") end, over = function() end } end
  local other = short()
  spawn{
    _start = function(ctx)
      local wheel = poe.wheel.ReadWrite.new{ handle = near, input_event = "line" }
      kernel:post(other, "over")
      local record = peek.session(ctx.session)
      t.is(record.wheels, 1)
      t.is(record.events_from, 1)
      t.same(record.children, {})
      local child = short()
      t.same(peek.session(ctx.session).children, { child:id() })
      wheel:destroy()
      t.is(peek.session(ctx.session).wheels, 0)
      far:close()
    end,
    line = function() end,
  }
end, real)

t.case("P9 the handle of a wheel is its owner's", function(case)
  local a, b = poe.pipe.TwoWay.new("socketpair")
  spawn{
    _start = function(ctx)
      local wheel = poe.wheel.ReadWrite.new{ handle = a, input_event = "line" }
      local found = peek.handles(ctx.session)
      t.is(#found, 1)
      t.is(found[1].fd, a:fd())
      t.is(found[1].session, ctx.session:id())
      t.is(found[1].read.wheel, "wheel " .. wheel:id() .. " (ReadWrite)")
      t.is(found[1].read.paused, false)
      t.same(peek.handles(kernel), {})
      t.same(peek.wheels(ctx.session), { { id = wheel:id(), kind = "ReadWrite", session = ctx.session:id() } })
      t.same(peek.wheels(), peek.wheels(ctx.session))
      t.same(peek.wheels(kernel), {})
      wheel:destroy()
      t.same(peek.handles(ctx.session), {})
      t.same(peek.wheels(), {})
    end,
    line = function() end,
    _stop = function() if b:is_open() then b:close() end end,
  }
end, real)

t.case("P10 events and handlers after create", function(case)
  local object = { tick = function() end, other = function() end }
  local Class = { tock = function() end }
  local start = function() end
  local session = poe.Session.create{
    inline_states = { _start = start, last = start },
    object_states = { object, { "tick", renamed = "other" } },
    package_states = { Class, { "tock" } },
  }
  t.same(peek.events(session), { "_start", "last", "renamed", "tick", "tock" })
  local handlers = peek.handlers(session)
  t.is(handlers._start.kind, "inline")
  t.is(handlers.last.line, debug.getinfo(start, "S").linedefined)
  t.truthy(handlers.last.file:find("sessions.lua", 1, true))
  t.is(handlers.last.method, nil)
  t.is(handlers.tick.kind, "object")
  t.is(handlers.tick.method, "tick")
  t.is(handlers.renamed.method, "other")
  t.is(handlers.tock.kind, "package")
  t.is(handlers.tock.line, debug.getinfo(Class.tock, "S").linedefined)
end)

t.case("P10 events and handlers after kernel:state", function(case)
  local added = function() end
  spawn{
    _start = case.expect(1, function(ctx)
      kernel:state("added", added)
      t.same(peek.events(ctx.session), { "_start", "added", "gone" })
      t.is(peek.handlers(ctx.session).added.kind, "state")
      t.is(peek.handlers(ctx.session).added.line, debug.getinfo(added, "S").linedefined)
      kernel:state("gone")
      t.same(peek.events(ctx.session), { "_start", "added" })
      t.is(peek.handlers(ctx.session).gone, nil)
    end),
    gone = function() end,
  }
  t.same(peek.events(kernel), {})
  t.same(peek.handlers(kernel), {})
end)

t.case("P11 work names the reasons", function(case)
  local session = spawn{
    _start = function(ctx)
      kernel:alias_set("logger")
      kernel:yield("one")
      kernel:yield("two")
      kernel:delay("tick", 3.25)
      kernel:refcount_increment(ctx.session, "mine")
      kernel:refcount_increment(ctx.session, "mine")
      staying()
    end,
    one = function() end, two = function() end,
    tick = function(ctx)
      kernel:refcount_decrement(ctx.session, "mine")
      kernel:refcount_decrement(ctx.session, "mine")
    end,
  }
  local text = table.concat(peek.work(session), "; ")
  for _, part in ipairs{
    "2 events queued for it", "1 timer in 3.2", ": tick", "alias logger", "child 2", "reference mine x2",
  } do
    t.truthy(text:find(part, 1, true), part .. " in " .. text)
  end
end)

t.case("P11 work of a session without any is empty", function(case)
  spawn{ _start = case.expect(1, function(ctx) t.same(peek.work(ctx.session), {}) end) }
end)

t.case("P14 an unknown session is nil, a message and ESRCH", function(case)
  local gone = spawn{}
  local one = {
    "session", "children", "parent", "tree", "aliases", "events", "handlers", "queue", "events_to", "events_from",
    "timers", "handles", "refcounts", "work", "signals", "processes", "wheels", "memory",
  }
  local function check(session)
    for _, name in ipairs(one) do t.failure("ESRCH", peek[name](session)) end
    t.failure("ESRCH", peek.is_child(session, kernel))
    t.failure("ESRCH", peek.is_child(kernel, session))
    t.failure("ESRCH", peek.trace(session, function() end))
    t.failure("ESRCH", peek.post(session, "x"))
    t.failure("ESRCH", peek.call(session, "x"))
  end
  check("nobody")
  check(4711)
  check(1.5)
  check("4711")
  case.after(function() check(gone) end)
end)

t.case("P14 any form of naming a session will do", function(case)
  local session = staying{ _start = function() kernel:alias_set("me") end }
  for _, name in ipairs{ session, session:id(), tostring(session:id()), "me" } do
    t.is(peek.session(name).id, session:id())
  end
  t.is(peek.session(kernel).kind, "kernel")
  t.is(peek.session(kernel:id()).kind, "kernel")
end)

t.case("P20 kind and state of a machine follow it", function(case)
  local machine = poe.NFA.spawn{
    inline_states = {
      off = { on = function(ctx) ctx.machine:goto_state("on") end },
      on = { enter = function() end, over = function() end },
    },
  }
  t.is(peek.session(machine).kind, "nfa")
  t.is(peek.session(machine).state, nil, "in no state")
  machine:goto_state("off")
  t.is(peek.session(machine).state, "off")
  t.same(peek.events(machine), { "on" })
  kernel:post(machine, "on")
  staying{ over = case.expect(1, function() t.failure("ESRCH", peek.session(machine)) end) }
  spawn{
    _start = function() kernel:refcount_increment(machine, "hold"); kernel:delay("look", 0.5) end,
    look = case.expect(1, function()
      t.is(peek.session(machine).state, "on")
      t.same(peek.events(machine), { "enter", "over" })
      kernel:refcount_decrement(machine, "hold")
    end),
  }
end)

t.case("P22 after the run there is nobody but the kernel", function(case)
  staying()
  case.after(function()
    t.same(field(peek.sessions(), "id"), { kernel:id() })
    t.same(peek.queue(), {})
    t.same(peek.children(kernel), {})
  end)
end)

t.case("P24 processes lists a watched process", function(case)
  spawn{
    _start = function(ctx)
      local pipe = assert(io.popen("echo $$; exec sleep 100"))
      local pid = assert(tonumber(pipe:read("*l")))
      ctx.heap.pipe = pipe
      t.same(peek.processes(ctx.session), {})
      kernel:sig_child(pid, "ended")
      t.same(peek.processes(ctx.session), { { pid = pid, session = ctx.session:id(), event = "ended" } })
      t.same(peek.processes(), peek.processes(ctx.session))
      t.same(peek.processes(kernel), {})
      t.is(peek.session(ctx.session).processes, 1)
      peek.trace(ctx.session, function(record) ctx.heap.type = record.type end, { "dispatch" })
      os.execute("kill -TERM " .. pid)
    end,
    ended = case.expect(1, function(ctx)
      t.is(ctx.heap.type, "child")
      ctx.heap.pipe:close()
      t.same(peek.processes(), {})
    end),
  }
end, real)
