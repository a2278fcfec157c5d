-- poe.peek.trace (P17 and P18, and the table of records).
local poe = require "poe"
local t = require "poe.test"

local kernel, peek = poe.kernel, poe.peek
local real = { clock = "real" }

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function nothing() end

-- recorder is a function for trace, and the list that it fills.
local function recorder()
  local list = {}
  return function(record) list[#list + 1] = record end, list
end

local function field(records, name)
  local values = {}
  for i, record in ipairs(records) do values[i] = record[name] end
  return values
end

t.case("P17 queued, dispatch and return come in order, seq grows", function(case)
  local f, list = recorder()
  local session = spawn{ tick = function() return 1, nil, "three" end }
  peek.trace(session, f, { "queued", "dispatch", "return" })
  kernel:post(session, "tick", "x", nil)
  kernel:call(session, "tick")
  case.after(function()
    t.same(field(list, "kind"), { "queued", "dispatch", "return", "dispatch", "return", "dispatch", "return" })
    for i = 2, #list do t.truthy(list[i].seq > list[i - 1].seq) end
    for _, record in ipairs(list) do
      t.is(record.session, session:id())
      t.truthy(math.abs(record.time - poe.time()) < 1e-6)
    end
    local queued, called, returned, dispatched = list[1], list[2], list[3], list[4]
    t.is(queued.event, "tick")
    t.is(queued.sender, kernel:id())
    t.same(queued.args, { n = 2, "x" })
    t.truthy(queued.id < 0)
    t.truthy(math.abs(queued.due - queued.time) < 1e-6)
    t.is(called.type, "call")
    t.is(returned.event, "tick")
    t.same(returned.values, { n = 3, 1, nil, "three" })
    t.is(returned.seconds, 0)
    t.is(dispatched.type, "post")
    t.is(dispatched.depth, 1)
    t.same(dispatched.args, { n = 2, "x" })
    t.is(list[6].event, "_stop")
  end)
end)

t.case("P17 type says how an event came to be, depth how many handlers are in progress", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  local near, _, far = poe.pipe.TwoWay.new("socketpair")
  peek.trace("*", function(record) log(record.event, record.type, record.depth) end, { "dispatch" })
  spawn{
    _start = function(ctx)
      kernel:sig("DIE", "died")
      kernel:sig("mine", "signalled")
      kernel:signal(ctx.session, "mine")
      kernel:call(ctx.session, "called")
      kernel:yield("fail")
    end,
    signalled = nothing, called = nothing,
    fail = function() error("boom") end,
    died = function() kernel:sig_handled(); kernel:delay("timed", 0.001) end,
    timed = function() writer:write("x"); kernel:select_read(reader, "ready") end,
    ready = function(ctx)
      kernel:select_read(reader)
      ctx.heap.wheel = poe.wheel.ReadWrite.new{ handle = near, input_event = "line" }
      far:write("x\n")
    end,
    line = function(ctx) ctx.heap.wheel:destroy() end,
  }
  case.after(function()
    log:is("_start:internal:1 called:call:2 signalled:signal:1 fail:post:1 died:signal:1 timed:timer:1 ready:io:1 " ..
      "line:io:1 _stop:internal:1")
    for _, handle in ipairs{ reader, writer, far } do handle:close() end
  end)
end, real)

t.case("P17 seconds are those that the handler took", function(case)
  local f, list = recorder()
  local session = spawn{ tick = function()
    local begun = os.clock()
    while os.clock() - begun < 0.002 do end
  end }
  peek.trace(session, f, { "return" })
  kernel:post(session, "tick")
  case.after(function() t.truthy(list[1].seconds > 0.001) end)
end, real)

t.case("P17 the session of what happens to the kernel is its ID", function(case)
  local log = t.log()
  peek.trace(kernel, function(record) log(record.session == kernel:id(), record.what, record.child) end, { "child" })
  spawn{}
  case.after(function() log:is("true:create:1 true:lose:1") end)
end)

t.case("P17 stop ends a trace, a second stop does nothing", function(case)
  local f, list = recorder()
  local trace
  spawn{
    _start = function(ctx)
      trace = peek.trace(ctx.session, f, { "queued" })
      kernel:yield("one")
    end,
    one = function()
      t.success(trace:stop())
      kernel:yield("two")
      t.success(trace:stop())
    end,
    two = case.expect(1),
  }
  case.after(function()
    t.same(field(list, "event"), { "one" })
    t.is(tostring(trace), "poe.Trace")
  end)
end)

t.case("P17 a trace of * is of all, also of sessions to come", function(case)
  local f, list = recorder()
  local trace = peek.trace("*", f, { "dispatch" })
  spawn{ tick = nothing }
  spawn{ tock = nothing }
  kernel:post(1, "tick")
  kernel:post(2, "tock")
  case.after(function()
    local text = {}
    for i, record in ipairs(list) do text[i] = record.session .. record.event end
    t.same(text, { "1_start", "2_start", "1tick", "2tock", "2_stop", "1_stop" })
    trace:stop()
  end)
end)

t.case("P17 a trace of a session hears of no other and ends with it", function(case)
  local f, list = recorder()
  local session = spawn{ tick = nothing }
  spawn{ _start = function() kernel:delay("tick", 1) end, tick = case.expect(1) }
  peek.trace(session, f)
  case.after(function()
    t.truthy(#list > 0)
    for _, record in ipairs(list) do t.is(record.session, session:id()) end
    local kinds = field(list, "kind")
    t.truthy(table.concat(kinds, " "):find("stop"))
    for i = 2, #list do t.truthy(list[i].seq > list[i - 1].seq) end
  end)
end)

t.case("P17 a trace keeps no session alive", function(case)
  local session = spawn{}
  peek.trace(session, nothing)
  case.after(function() t.is(session:is_alive(), false) end)
end)

t.case("P18 what filters", function(case)
  local f, list = recorder()
  local session = spawn{ _start = function() kernel:delay("tick", 1) end, tick = nothing }
  peek.trace(session, f, { "return", "stop" })
  case.after(function()
    t.same(field(list, "kind"), { "return", "stop", "return" })
    t.same(field(list, "event"), { "tick", nil, "_stop" })
  end)
end)

t.case("P18 an empty list of kinds is none", function(case)
  local session = spawn{ tick = nothing }
  peek.trace(session, function() error("called") end, {})
  kernel:post(session, "tick")
end)

t.case("P18 an error in the function is printed and ends the trace; the program goes on", function(case)
  local log, calls = t.log(), 0
  spawn{
    _start = function(ctx)
      peek.trace(ctx.session, function() calls = calls + 1; error("no such luck") end, { "queued", "dispatch" })
      kernel:yield("one")
      kernel:yield("two")
      log "start"
    end,
    one = function() log "one" end,
    two = function() log "two" end,
  }
  case.after(function()
    log:is("start one two")
    t.is(calls, 1)
  end)
end, { stderr = { "a trace ends, its function has failed", "no such luck" } })

t.case("P18 an error at each kind of record leaves the program as it was", function(case)
  local kinds = {
    "queued", "dispatch", "return", "error", "default", "dropped", "start", "stop", "child", "timer_set",
    "timer_removed", "signal", "ref",
  }
  local calls = 0
  for _, kind in ipairs(kinds) do
    peek.trace("*", function(record)
      t.is(record.kind, kind)
      calls = calls + 1
      error({ "an error value" })
    end, { kind })
  end
  local log = t.log()
  spawn{
    _start = function()
      kernel:sig("DIE", "died")
      spawn{ _default = function(_, event) log("default", event) end, _stop = function() log "child stops" end }
      kernel:delay("gone", 5)
      kernel:delay("gone")
      kernel:delay("tick", 1)
      kernel:yield("nobody")
      kernel:yield("fail")
    end,
    _child = function(_, what) log(what) end,
    fail = function() error("boom") end,
    died = function() kernel:sig_handled(); log "died" end,
    tick = function() log "tick" end,
    _stop = function() log "stops" end,
  }
  kernel:post(2, "hello")
  case.after(function()
    log:is("create default:hello child stops lose died tick stops")
    t.is(calls, #kinds)
  end)
end)

t.case("a trace function sees the dispatches as they are, but not itself", function(case)
  local seen = {}
  local inner = spawn{ asked = nothing }
  local outer = spawn{ ask = function() kernel:call(inner, "asked") end }
  t.is(peek.current(), nil)
  local trace = peek.trace(inner, function()
    local current = peek.current()
    seen[#seen + 1] = current and #current.stack or 0
  end, { "queued", "dispatch" })
  kernel:post(inner, "asked")
  kernel:post(outer, "ask")
  case.after(function()
    t.is(seen[1], 0, "posted from the main chunk")
    t.is(seen[2], 1, "dispatched by the kernel")
    t.is(seen[3], 2, "called")
    trace:stop()
  end)
end)

t.case("a trace function cannot change the kernel", function(case)
  local session, postback, wheel, object
  local a, b = poe.pipe.TwoWay.new("socketpair")
  local reader, writer = poe.pipe.OneWay.new()
  local tried, calls = 0, 0
  local function refused(f)
    tried = tried + 1
    t.fails(f, "cannot be used in a trace function")
  end
  session = spawn{
    _start = function(ctx)
      kernel:alias_set("me")
      postback = ctx.session:postback("never")
      wheel = poe.wheel.ReadWrite.new{ handle = a, input_event = "never" }
      kernel:select_read(reader, "never")
      kernel:yield("go")
    end,
    go = function(ctx)
      for _, where in ipairs{ "a handler", "a coroutine" } do
        local trace = peek.trace(ctx.session, function()
          calls = calls + 1
          local methods = {}
          for name, f in pairs(kernel) do
            if type(f) == "function" then methods[name] = f end
          end
          for _, name in ipairs{
            "alias_resolve", "alias_list", "id", "id_to_session", "session_to_id", "get_active_session",
            "get_active_event", "get_event_count", "get_next_event_time", "option", "stats",
          } do methods[name] = nil end
          for _, f in pairs(methods) do refused(function() f(kernel, session, "x", 1) end) end
          refused(function() kernel:option("isolate", true) end)
          refused(function() kernel:option{ isolate = true } end)
          refused(function() peek.post(session, "x") end)
          refused(function() peek.call(session, "x") end)
          refused(function() peek.trace("*", nothing) end)
          refused(function() spawn{} end)
          refused(function() session:postback("x") end)
          refused(function() session:callback("x") end)
          refused(function() session:option("trace", true) end)
          refused(function() session:option{ trace = true } end)
          refused(function() session:invoke(ctx, "x") end)
          refused(function() postback() end)
          refused(function() postback:release() end)
          refused(function() postback:weaken() end)
          refused(function() poe.wheel.ReadWrite.new{ handle = b } end)
          refused(function() wheel:put("x") end)
          refused(function() wheel:flush() end)
          refused(function() wheel:event{ input_event = "x" } end)
          refused(function() wheel:destroy() end)
          refused(function() wheel:pause_input() end)
          refused(function() reader:close() end)
          refused(function() a:close() end)
          refused(function() b:start_tls{ client = true } end)
        end, { "queued" })
        if where == "a handler" then
          kernel:yield("never")
        else
          coroutine.wrap(function() kernel:yield("never") end)()
        end
        trace:stop()
      end
      t.is(calls, 2)
      t.is(tried, 2 * (tried / 2))
      t.is(wheel:is_alive(), true)
      t.is(kernel:option("isolate"), false)
      postback:release()
      wheel:destroy()
      kernel:select_read(reader)
      kernel:alias_remove("me")
      reader:close(); writer:close(); b:close()
    end,
    never = nothing,
  }
end, real)

t.case("a trace function cannot move a machine", function(case)
  local machine = poe.NFA.spawn{ inline_states = { one = { tick = nothing } } }
  local tried = 0
  machine:goto_state("one")
  local trace = peek.trace(machine, function()
    for _, method in ipairs{ "goto_state", "call_state", "return_state", "stop" } do
      t.fails(function() machine[method](machine, "one", "one") end, "cannot be used in a trace function")
      tried = tried + 1
    end
    t.is(machine:get_current_state(), "one")
  end, { "queued" })
  kernel:post(machine, "tick")
  case.after(function() t.is(tried, 4) end)
end)

t.case("a trace function may look, also at the kernel, and close what nobody watches", function(case)
  local looked = 0
  local session = spawn{
    _start = function(ctx)
      ctx.heap.n = 1
      peek.trace(ctx.session, function(record)
        looked = looked + 1
        t.is(kernel:get_event_count(), 1)
        t.is(kernel:alias_resolve(record.session), ctx.session)
        t.is(kernel:option("isolate"), false)
        t.is(ctx.session:option("debug"), nil)
        t.is(ctx.session:is_alive(), true)
        t.same(kernel:alias_list(), {})
        t.is(#peek.sessions(), 2)
        t.is(peek.queue()[1].event, "tick")
        t.truthy(peek.memory().total > 0)
        local reader, writer = poe.pipe.OneWay.new()
        writer:write("x")
        t.is(reader:read(1), "x")
        reader:close()
        writer:close()
        collectgarbage()
      end, { "queued" })
      kernel:yield("tick")
    end,
    tick = nothing,
  }
  case.after(function() t.is(looked, 1) end)
end)

t.case("a trace may end itself, and others", function(case)
  local f, list = recorder()
  local session = spawn{ tick = nothing }
  local first, second
  first = peek.trace(session, function(record) f(record); second:stop(); first:stop() end, { "queued" })
  second = peek.trace(session, f, { "dispatch" })
  kernel:post(session, "tick")
  kernel:post(session, "tick")
  case.after(function() t.same(field(list, "kind"), { "queued" }) end)
end)

t.case("a trace works within coroutines, which can neither yield in it nor break it", function(case)
  local log = t.log()
  spawn{
    _start = function(ctx)
      local inner = coroutine.wrap(function()
        kernel:yield("tick", 1)
        coroutine.yield("between")
        kernel:yield("tick", 2)
        return "done"
      end)
      peek.trace(ctx.session, function(record)
        log(record.event, record.args[1], coroutine.running() and "inside" or "outside")
        t.fails(function() coroutine.yield() end, "yield")
        t.is(coroutine.wrap(function() coroutine.yield(1); return 2 end)(), 1)
      end, { "queued" })
      log(inner())
      log(inner())
    end,
    tick = function(_, n) log("tick", n) end,
  }
  case.after(function() log:is("tick:1:inside between tick:2:inside done tick:1 tick:2") end)
end)

t.case("a trace works while the kernel runs in a coroutine", function(case)
  local log = t.log()
  local trace = peek.trace("*", function(record) log(record.kind, record.event) end, { "dispatch", "error" })
  spawn{
    _start = function() kernel:sig("DIE", "died"); kernel:delay("tick", 1) end,
    tick = function() coroutine.wrap(function() error("boom") end)() end,
    died = function() kernel:sig_handled() end,
  }
  coroutine.wrap(function() kernel:run(); log "run" end)()
  trace:stop()
  log:is("dispatch:_start dispatch:tick error:tick dispatch:died dispatch:_stop run")
end)

t.case("the record error has the value that was raised", function(case)
  local f, list = recorder()
  local raised = { "an error value" }
  local session = spawn{
    _start = function() kernel:sig("DIE", "died") end,
    fail = function() error(raised) end,
    text = function() error("boom") end,
    died = function() kernel:sig_handled() end,
  }
  peek.trace(session, f, { "error" })
  kernel:post(session, "fail")
  kernel:post(session, "text")
  case.after(function()
    t.same(field(list, "event"), { "fail", "text" })
    t.is(list[1].error, raised)
    t.truthy(list[2].error:find("boom"))
    t.truthy(list[2].traceback:find("stack traceback:", 1, true))
  end)
end)

t.case("the records default and dropped tell what had no handler of its own", function(case)
  local f, list = recorder()
  local without = spawn{}
  local with = spawn{ _default = nothing }
  local trace = peek.trace("*", f, { "default", "dropped" })
  kernel:post(without, "lost")
  kernel:post(with, "found")
  local posted = #list
  case.after(function()
    t.is(posted, 0)
    local text = {}
    for _, record in ipairs(list) do
      if record.event:sub(1, 1) ~= "_" then text[#text + 1] = record.kind .. record.session .. record.event end
    end
    t.same(text, { "dropped1lost", "default2found" })
    trace:stop()
  end)
end)

t.case("the records start, stop and child tell of the tree", function(case)
  local f, list = recorder()
  local trace = peek.trace("*", f, { "start", "stop", "child" })
  spawn{ _start = function() spawn{} end }
  case.after(function()
    local text = {}
    for i, r in ipairs(list) do
      local who = r.session == kernel:id() and "kernel" or r.session
      local other = r.parent or r.child
      text[i] = r.kind .. " " .. who .. " " .. (r.what or "") .. " " .. (other == kernel:id() and "kernel" or other)
    end
    text = table.concat(text, ", ")
    for _, part in ipairs{
      "start 1  kernel", "start 2  1", "child 1 create 2", "stop 2  1", "child 1 lose 2", "stop 1  kernel",
    } do
      t.truthy(text:find(part, 1, true), part .. " in " .. text)
    end
    trace:stop()
  end)
end)

t.case("the records of timers have their IDs", function(case)
  local f, list = recorder()
  local due = poe.time() + 2
  spawn{
    _start = function(ctx)
      peek.trace(ctx.session, f, { "timer_set", "timer_removed" })
      local id = kernel:alarm_set("gone", due)
      kernel:alarm_remove(id)
      kernel:delay("tick", 1)
      t.same(field(list, "kind"), { "timer_set", "timer_removed", "timer_set" })
      t.same(field(list, "event"), { "gone", "gone", "tick" })
      t.is(list[1].id, id)
      t.is(list[2].id, id)
      t.truthy(math.abs(list[1].due - due) < 1e-6)
      t.truthy(math.abs(list[3].due - due + 1) < 1e-6)
    end,
    tick = nothing,
  }
end)

t.case("the records watch and unwatch have descriptor, mode and event", function(case)
  local f, list = recorder()
  local reader, writer = poe.pipe.OneWay.new()
  spawn{
    _start = function(ctx)
      peek.trace(ctx.session, f, { "watch", "unwatch" })
      kernel:select_read(reader, "readable")
      kernel:select_read(reader)
      t.same(field(list, "kind"), { "watch", "unwatch" })
      for _, record in ipairs(list) do
        t.is(record.fd, reader:fd())
        t.is(record.mode, "read")
        t.is(record.event, "readable")
      end
    end,
    readable = nothing,
    _stop = function() reader:close(); writer:close() end,
  }
end, real)

t.case("the record signal tells whether it was handled", function(case)
  local f, list = recorder()
  local session = spawn{
    _start = function() kernel:sig("mine", "mine") end,
    mine = function(_, _, handle) if handle then kernel:sig_handled() end end,
  }
  peek.trace(session, f, { "signal" })
  kernel:signal(session, "mine", true)
  kernel:signal(session, "mine", false)
  case.after(function()
    local mine = {}
    for _, record in ipairs(list) do
      if record.signal == "mine" then
        t.is(record.event, "mine")
        mine[#mine + 1] = record.handled
      end
    end
    t.same(mine, { true, false })
  end)
end)

t.case("the record ref tells of each change", function(case)
  local f, list = recorder()
  spawn{
    _start = function(ctx)
      peek.trace(ctx.session, f, { "ref" })
      kernel:refcount_increment(ctx.session, "mine")
      kernel:alias_set("me")
      kernel:alias_remove("me")
      kernel:refcount_decrement(ctx.session, "mine")
      t.same(field(list, "change"), { 1, 1, -1, -1 })
      t.truthy(list[1].what:find("mine", 1, true))
      t.truthy(list[2].what:find("alias", 1, true))
      local before = peek.session(ctx.session).refcount
      t.same(field(list, "refcount"), { before + 1, before + 2, before + 1, before })
    end,
  }
end)
