-- kernel:call and what a message carries: K17 to K23.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function pack(...) return { n = select("#", ...), ... } end

-- tolerant is a _start that handles every DIE and logs it.
local function tolerant(log)
  return {
    _start = function() kernel:sig("DIE", "died") end,
    died = function(_, _, info) kernel:sig_handled(); log("DIE", info.event) end,
  }
end

t.case("K17 call returns all values, nils included", function(case)
  local other = spawn{
    several = function() return nil, 2, nil, "four", nil end,
    none = function() end,
    one_nil = function() return nil end,
  }
  spawn{
    _start = case.expect(1, function()
      t.same(pack(kernel:call(other, "several")), { n = 5, nil, 2, nil, "four" })
      t.same(pack(kernel:call(other, "none")), { n = 0 })
      t.same(pack(kernel:call(other, "one_nil")), { n = 1 })
    end),
  }
  t.same(pack(kernel:call(other, "several")), { n = 5, nil, 2, nil, "four" }, "from the main chunk")
end)

t.case("K17 call within a session returns all values, nils included", function(case)
  spawn{
    _start = case.expect(1, function(ctx)
      t.same(pack(kernel:call(ctx.session, "several")), { n = 4, nil, "two", nil })
    end),
    several = function() return nil, "two", nil, nil end,
  }
end)

t.case("K18 call of an event without handler: ENOSYS", function(case)
  local other = spawn{}
  t.failure("ENOSYS", kernel:call(other, "missing", 1))
  spawn{
    _start = case.expect(1, function(ctx)
      t.failure("ENOSYS", kernel:call(other, "missing"))
      t.failure("ENOSYS", kernel:call(ctx.session, "missing"))
    end),
  }
end)

t.case("K18 call of an unknown session: ESRCH", function(case)
  local gone = spawn{}
  t.failure("ESRCH", kernel:call("nobody", "x"))
  t.failure("ESRCH", kernel:call(4711, "x"))
  case.after(function() t.failure("ESRCH", kernel:call(gone, "x")) end)
end)

t.case("K19 an error in another session's handler does not reach the caller, DIE follows", function(case)
  local log = t.log()
  local states = tolerant(log)
  states.fail = function() error("boom") end
  local other = spawn(states)
  spawn{
    _start = function()
      t.same(pack(kernel:call(other, "fail")), { n = 0 })
      log("caller goes on")
      kernel:yield("next")
    end,
    next = function() log("next") end,
  }
  case.after(function() log:is("caller goes on DIE:fail next") end)
end)

t.case("K19 from the main chunk the error does not come back either", function(case)
  local log = t.log()
  local states = tolerant(log)
  states.fail = function() error("boom") end
  t.same(pack(kernel:call(spawn(states), "fail")), { n = 0 })
  log("main goes on")
  case.after(function() log:is("main goes on DIE:fail") end)
end)

t.case("K20 an error in the same session's handler reaches the caller, pcall catches it, no DIE follows", function(case)
  local raised = { "an error value" }
  spawn{
    _start = case.expect(1, function(ctx)
      kernel:sig("DIE", "died")
      local ok, err = pcall(kernel.call, kernel, ctx.session, "fail")
      t.is(ok, false)
      t.truthy(rawequal(err, raised))
      t.is(ctx.state, "_start", "ctx is the outer event's after an error")
      t.is(kernel:get_active_event(), "_start")
    end),
    fail = function() error(raised) end,
    died = case.expect(0),
  }
end)

t.case("K20 the same if the session names itself by ID or alias", function(case)
  spawn{
    _start = case.expect(1, function(ctx)
      kernel:sig("DIE", "died")
      kernel:alias_set("me")
      local id = ctx.session:id()
      t.fails(function() kernel:call(id, "fail") end, "boom")
      t.fails(function() kernel:call(tostring(id), "fail") end, "boom")
      t.fails(function() kernel:call("me", "fail") end, "boom")
    end),
    fail = function() error("boom") end,
    died = case.expect(0),
  }
end)

t.case("K21 uncaught in the same session: one DIE with the outer event", function(case)
  local log = t.log()
  local states = tolerant(log)
  states.outer = function(ctx)
    kernel:call(ctx.session, "inner")
    log("not reached")
  end
  states.inner = function() error("boom") end
  kernel:post(spawn(states), "outer")
  case.after(function() log:is("DIE:outer") end)
end)

t.case("K22 after a nested call ctx.state and ctx.sender are the outer event's again", function(case)
  local session
  session = spawn{
    outer = case.expect(1, function(ctx)
      t.is(ctx.state, "outer")
      t.is(ctx.sender, kernel)
      kernel:call(ctx.session, "inner")
      t.is(ctx.state, "outer")
      t.is(ctx.sender, kernel)
      t.is(kernel:get_active_event(), "outer")
    end),
    inner = case.expect(1, function(ctx)
      t.is(ctx.state, "inner")
      t.is(ctx.sender, session)
      t.is(ctx.caller_state, "outer")
    end),
  }
  kernel:post(session, "outer")
end)

t.case("K22 the same through another session and back", function(case)
  local a, b
  b = spawn{
    middle = case.expect(1, function(ctx)
      t.is(ctx.sender, a)
      kernel:call(a, "inner")
      t.is(ctx.state, "middle")
      t.is(ctx.sender, a)
      t.is(kernel:get_active_session(), b)
    end),
  }
  a = spawn{
    outer = case.expect(1, function(ctx)
      kernel:call(b, "middle")
      t.is(ctx.state, "outer")
      t.is(ctx.sender, kernel)
      t.is(kernel:get_active_session(), a)
      t.is(kernel:get_active_event(), "outer")
    end),
    inner = case.expect(1, function(ctx)
      t.is(ctx.state, "inner")
      t.is(ctx.sender, b)
      t.is(ctx.caller_state, "middle")
    end),
  }
  kernel:post(a, "outer")
end)

t.case("K23 five sessions calling each other in a chain see the right sender each", function(case)
  local sessions, log = {}, t.log()
  for i = 1, 5 do
    sessions[i] = spawn{
      link = function(ctx)
        log(i, ctx.sender == (sessions[i - 1] or kernel))
        if i < 5 then kernel:call(sessions[i + 1], "link") end
        log(i, ctx.sender == (sessions[i - 1] or kernel), kernel:get_active_session() == sessions[i])
      end,
    }
  end
  kernel:post(sessions[1], "link")
  case.after(function()
    log:is("1:true 2:true 3:true 4:true 5:true 5:true:true 4:true:true 3:true:true 2:true:true 1:true:true")
  end)
end)

-- Section 2 beyond the list.

t.case("small print 2: call to the kernel returns nothing", function(case)
  t.same(pack(kernel:call(kernel, "x", 1)), { n = 0 })
  spawn{
    _start = case.expect(1, function()
      t.same(pack(kernel:call(kernel, "x", 1)), { n = 0 })
      t.same(pack(kernel:call(kernel:id(), "x", 1)), { n = 0 })
    end),
  }
end)

t.case("small print 2: call runs the handler with the called session current", function(case)
  local other
  other = spawn{
    who = function(ctx)
      t.is(ctx.session, other)
      return kernel:get_active_session(), kernel:get_active_event()
    end,
  }
  spawn{
    _start = case.expect(1, function(ctx)
      t.same(pack(kernel:call(other, "who")), { n = 2, other, "who" })
      t.is(kernel:get_active_session(), ctx.session)
    end),
  }
end)

t.case("small print 2: a session that is called back is another one to its caller", function(case)
  local log = t.log()
  local a, b
  local states = tolerant(log)
  states.go = function() kernel:call(b, "back"); log("a goes on") end
  states.fail = function() error("boom") end
  a = spawn(states)
  b = spawn{
    back = function()
      t.same(pack(kernel:call(a, "fail")), { n = 0 })
      log("b goes on")
    end,
  }
  kernel:post(a, "go")
  case.after(function() log:is("b goes on a goes on DIE:fail") end)
end)

t.case("small print 2: after an error in a called session ctx is the caller's again", function(case)
  local other = spawn{
    _start = function() kernel:sig("DIE", "died") end,
    fail = function() error("boom") end,
    died = case.expect(1, function() kernel:sig_handled() end),
  }
  local session
  session = spawn{
    go = case.expect(1, function(ctx)
      kernel:call(other, "fail")
      t.is(kernel:get_active_session(), session)
      t.is(kernel:get_active_event(), "go")
      t.is(ctx.state, "go")
      t.is(ctx.sender, kernel)
      kernel:yield("mine")
    end),
    mine = case.expect(1),
  }
  kernel:post(session, "go")
end)

t.case("small print 2: a destination may be a session, its ID, an alias or a decimal ID", function(case)
  local session = spawn{
    _start = function() kernel:alias_set("name"); kernel:alias_set("other name") end,
    note = case.expect(5, function(_, n) return n end),
    posted = case.expect(5),
  }
  local id = session:id()
  for i, destination in ipairs{ session, id, tostring(id), "name", "other name" } do
    t.is(kernel:call(destination, "note", i), i)
    t.success(kernel:post(destination, "posted"))
  end
end)

t.case("small print 2: a posted _stop runs the handler of that name, the session does not stop", function(case)
  local log = t.log()
  local session = spawn{
    _stop = function(_, ...) log("_stop", select("#", ...)) end,
    after = function() log("after") end,
  }
  t.success(kernel:post(session, "_stop", "posted"))
  kernel:post(session, "after")
  case.after(function() log:is("_stop:1 after _stop:0") end)
end)

t.case("small print 2: posting a name with an underscore has no effect on the kernel", function(case)
  local log = t.log()
  local function note(ctx, what) log(ctx.state, what) end
  local session = spawn{ _child = note, _parent = note, _signal_like = note }
  for _, name in ipairs{ "_child", "_parent", "_signal_like", "_nobody" } do
    t.success(kernel:post(session, name, 1))
  end
  case.after(function() log:is("_child:1 _parent:1 _signal_like:1") end)
end)

t.case("small print 2: call passes tables by reference and returns the same ones", function(case)
  local value = {}
  local other = spawn{ change = function(_, got) got.changed = true; return got end }
  spawn{
    _start = case.expect(1, function()
      t.truthy(rawequal(kernel:call(other, "change", value), value))
      t.is(value.changed, true)
    end),
  }
end)

t.case("small print 2: what _default returns is what call returns", function(case)
  local other = spawn{ _default = function(_, event, args) return event, args.n, args[2] end }
  t.same(pack(kernel:call(other, "unknown", nil, "b", nil)), { n = 3, "unknown", 3, "b" })
end)

t.case("small print 2: the event of a post made in a nested call is the inner one", function(case)
  local session
  session = spawn{
    outer = function(ctx)
      kernel:call(ctx.session, "inner")
      t.is(kernel:get_active_event(), "outer")
      kernel:yield("seen", "outer")
    end,
    inner = function()
      t.is(kernel:get_active_event(), "inner")
      kernel:yield("seen", "inner")
    end,
    seen = case.expect(2, function(ctx, from)
      t.is(ctx.caller_state, from)
      t.is(ctx.sender, session)
    end),
  }
  kernel:post(session, "outer")
end)

t.case("small print 2: a called handler sees the caller's session, event and line", function(case)
  local caller
  local line
  local other = spawn{
    look = case.expect(1, function(ctx)
      t.is(ctx.sender, caller)
      t.is(ctx.caller_state, "go")
      t.is(ctx.caller_line, line)
      t.truthy(ctx.caller_file:find("call.lua", 1, true), ctx.caller_file)
    end),
  }
  caller = spawn{
    go = function()
      line = debug.getinfo(1, "l").currentline + 1
      kernel:call(other, "look")
    end,
  }
  kernel:post(caller, "go")
end)

t.case("small print 2: nested calls may go deep, ctx follows in and out", function(case)
  local sessions = {}
  local function link(ctx, depth)
    t.is(kernel:get_active_session(), ctx.session)
    if depth == 0 then return 0 end
    local sender = ctx.sender
    local below = kernel:call(sessions[depth % 2 + 1], "link", depth - 1)
    t.is(ctx.sender, sender)
    t.is(ctx.state, "link")
    return below + 1
  end
  sessions[1], sessions[2] = spawn{ link = link }, spawn{ link = link }
  t.is(kernel:call(sessions[1], "link", 60), 60)
end)

t.case("small print 2: wrong calls of call name the argument", function()
  local session = spawn{}
  t.fails(function() kernel:call(nil, "x") end, "bad argument #1 to 'call' %(.+ expected, got nil%)")
  t.fails(function() kernel:call(session, nil) end, "bad argument #2 to 'call' %(string expected, got nil%)")
  t.fails(function() kernel.call(session, "x") end, "calling 'call' on a bad self %(use kernel:call%)")
end)
