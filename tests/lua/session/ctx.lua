-- The event context: its fields, for each kind of event, and what may be done to them (S11 to S15).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create
local changing = { "object", "state", "sender", "caller_file", "caller_line", "caller_state" }

local function nothing() end

local function here() return debug.getinfo(2, "l").currentline end

-- sent asserts who sent the current event and from where; without a line, from nowhere.
local function sent(ctx, sender, state, line)
  t.is(ctx.sender, sender, "sender")
  t.is(ctx.caller_state, state, "caller_state")
  t.is(ctx.caller_line, line, "caller_line")
  if line then
    t.truthy(ctx.caller_file:find("ctx%.lua$"), "caller_file " .. ctx.caller_file)
  else
    t.is(ctx.caller_file, nil, "caller_file")
  end
end

-- idle asserts that ctx describes no event.
local function idle(ctx)
  for _, field in ipairs(changing) do t.is(ctx[field], nil, field) end
end

t.case("S11 ctx is one value in every event of a session and another in another session", function(case)
  local seen = {}
  local function note(ctx) seen[#seen + 1] = ctx end
  local states = {
    _start = function(ctx) note(ctx); ctx.kernel:yield("later"); ctx.kernel:delay("timer", 1); ctx.kernel:call(ctx.session, "now") end,
    now = note, later = note, timer = note, _stop = note,
  }
  create { inline_states = states }
  case.after(function()
    t.is(#seen, 5)
    for i = 2, 5 do t.is(seen[i], seen[1]) end
    local first = seen[1]
    create { inline_states = states }
    t.truthy(seen[6] ~= first)
    poe.kernel:run()
  end)
end)

t.case("S11 an object's and a package's method get the same ctx", function(case)
  local seen = {}
  local object = { of_object = function(_, ctx) seen[2] = ctx end }
  local class = { of_class = function(_, ctx) seen[3] = ctx end }
  create {
    inline_states = { _start = function(ctx) seen[1] = ctx; ctx.kernel:yield("of_object"); ctx.kernel:yield("of_class") end },
    object_states = { object, { "of_object" } },
    package_states = { class, { "of_class" } },
  }
  case.after(function() t.is(seen[2], seen[1]); t.is(seen[3], seen[1]) end)
end)

t.case("S12 writing a changing or an unknown field raises", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        t.fails(function() ctx.foo = 1 end, "foo")
        for _, field in ipairs(changing) do
          t.fails(function() ctx[field] = "x" end, field)
          t.fails(function() ctx[field] = nil end, field)
        end
        t.is(ctx.state, "_start")
        t.is(ctx.foo, nil)
      end),
    },
  }
end)

t.case("S12 it raises after fields were read, and outside handlers, too", function(case)
  local kept
  create {
    inline_states = {
      _start = function(ctx)
        kept = ctx
        local _ = ctx.heap, ctx.session, ctx.kernel, ctx.state
        t.fails(function() ctx.foo = 1 end, "foo")
      end,
    },
  }
  t.fails(function() kept.state = "x" end, "state")
  case.after(function() t.fails(function() kept.foo = 1 end, "foo") end)
end)

t.case("small print ctx: reading an unknown field gives nil", function(case)
  create { inline_states = { _start = case.expect(1, function(ctx) t.is(ctx.foo, nil); t.is(ctx[1], nil); t.is(ctx.Heap, nil) end) } }
end)

t.case("S13 the changing fields are nil outside a handler, the others stay", function(case)
  local kept, heap
  local session = create {
    inline_states = {
      _start = function(ctx) kept, heap = ctx, ctx.heap; t.is(ctx.state, "_start"); ctx.kernel:delay("later", 1) end,
      later = case.expect(1, function(ctx) t.is(kept.state, "later"); t.is(kept.sender, ctx.session) end),
    },
  }
  idle(kept)
  t.is(kept.kernel, poe.kernel)
  t.is(kept.session, session)
  t.is(kept.heap, heap)
  case.after(function()
    idle(kept)
    t.is(kept.session, session)
    t.is(kept.kernel, poe.kernel)
  end)
end)

t.case("S13 they are nil while only other sessions handle events", function(case)
  local kept
  create { inline_states = { _start = function(ctx) kept = ctx; ctx.kernel:delay("later", 1) end } }
  create { inline_states = { _start = case.expect(1, function() idle(kept) end) } }
end)

t.case("S13 they are nil again after a handler that failed", function(case)
  local kept
  create {
    inline_states = {
      _start = function(ctx)
        kept = ctx
        ctx.kernel:sig("DIE", "died")
        ctx.kernel:yield("fail")
      end,
      fail = function() error("on purpose") end,
      died = function(ctx) ctx.kernel:sig_handled() end,
    },
  }
  create { inline_states = { _start = function(ctx) ctx.kernel:delay("look", 1) end, look = case.expect(1, function() idle(kept) end) } }
end)

t.case("S14 caller_state is the posting event, caller_line the line of the call", function(case)
  local line
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("first"); line = here() end,
      first = case.expect(1, function(ctx)
        sent(ctx, ctx.session, "_start", line)

        ctx.kernel:post(ctx.session, "second"); line = here()
      end),
      second = case.expect(1, function(ctx)
        sent(ctx, ctx.session, "first", line)
        ctx.kernel:call(ctx.session, "third", here())
      end),
      third = case.expect(1, function(ctx, from) sent(ctx, ctx.session, "second", from) end),
    },
  }
end)

t.case("S14 caller_state is nil from the main chunk", function(case)
  local line
  local session = create {
    inline_states = {
      _start = nothing,
      posted = case.expect(1, function(ctx) sent(ctx, poe.kernel, nil, line) end),
      called = case.expect(1, function(ctx, from) sent(ctx, poe.kernel, nil, from) end),
    },
  }
  poe.kernel:call(session, "called", here())
  poe.kernel:post(session, "posted"); line = here()
end)

t.case("S14 caller_line of a call at a function's end is its line", function(case)
  local line
  create {
    inline_states = {
      _start = function(ctx)
        line = here() + 1
        return ctx.kernel:yield("later")
      end,
      later = case.expect(1, function(ctx) sent(ctx, ctx.session, "_start", line) end),
    },
  }
end)

t.case("S14 caller_line in a helper and in a coroutine is the line in there", function(case)
  local lines = {}
  local function helper(kernel)
    kernel:yield("from_helper"); lines.helper = here()
  end
  create {
    inline_states = {
      _start = function(ctx)
        helper(ctx.kernel)
        coroutine.wrap(function()
          ctx.kernel:yield("from_coroutine"); lines.coroutine = here()
        end)()
      end,
      from_helper = case.expect(1, function(ctx) sent(ctx, ctx.session, "_start", lines.helper) end),
      from_coroutine = case.expect(1, function(ctx) sent(ctx, ctx.session, "_start", lines.coroutine) end),
    },
  }
end)

t.case("S14 within a nested call caller_state names the inner event", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:call(ctx.session, "inner"); ctx.kernel:yield("from_outer") end,
      inner = function(ctx) ctx.kernel:yield("from_inner") end,
      from_inner = case.expect(1, function(ctx) t.is(ctx.caller_state, "inner") end),
      from_outer = case.expect(1, function(ctx) t.is(ctx.caller_state, "_start") end),
    },
  }
end)

t.case("S15 posted, called: the session that did it", function(case)
  local line
  local receiver = create {
    inline_states = {
      _start = nothing,
      posted = case.expect(1, function(ctx, from) sent(ctx, from, "go", line) end),
      called = case.expect(1, function(ctx, from, at) sent(ctx, from, "go", at) end),
    },
  }
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("go") end,
      go = function(ctx)
        ctx.kernel:call(receiver, "called", ctx.session, here())
        ctx.kernel:post(receiver, "posted", ctx.session); line = here()
      end,
    },
  }
end)

t.case("S15 a timer: the session itself, where it was set", function(case)
  local lines = {}
  local function check(ctx, which) sent(ctx, ctx.session, "_start", lines[which]) end
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:delay("delay", 1, "delay"); lines.delay = here()
        ctx.kernel:delay_add("delay_add", 1, "delay_add"); lines.delay_add = here()
        ctx.kernel:delay_set("delay_set", 1, "delay_set"); lines.delay_set = here()
        ctx.kernel:alarm("alarm", poe.time() + 1, "alarm"); lines.alarm = here()
        ctx.kernel:alarm_add("alarm_add", poe.time() + 1, "alarm_add"); lines.alarm_add = here()
        ctx.kernel:alarm_set("alarm_set", poe.time() + 1, "alarm_set"); lines.alarm_set = here()
      end,
      delay = case.expect(1, check), delay_add = case.expect(1, check), delay_set = case.expect(1, check),
      alarm = case.expect(1, check), alarm_add = case.expect(1, check), alarm_set = case.expect(1, check),
    },
  }
end)

t.case("S15 a timer set in a handler that another session called belongs to the called one", function(case)
  local timed = create {
    inline_states = {
      _start = nothing,
      set = function(ctx) ctx.kernel:delay("ring", 1) end,
      ring = case.expect(1, function(ctx) t.is(ctx.sender, ctx.session); t.is(ctx.caller_state, "set") end),
    },
  }
  create { inline_states = { _start = function(ctx) ctx.kernel:call(timed, "set") end } }
end)

t.case("S15 I/O: the session itself, where the watcher was set", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  local line
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:select_read(reader, "readable", "extra"); line = here()
        writer:write("x")
      end,
      readable = case.expect(1, function(ctx, handle, mode, extra)
        sent(ctx, ctx.session, "_start", line)
        t.is(handle, reader)
        t.same({ mode, extra }, { "read", "extra" })
        t.is(ctx.state, "readable")
        reader:close()
        writer:close()
      end),
    },
  }
end, { clock = "real" })

t.case("S15 _start: the creator, from nowhere", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        sent(ctx, poe.kernel)
        create { inline_states = { _start = case.expect(1, function(inner) sent(inner, ctx.session) end) } }
        ctx.kernel:yield("later")
      end),
      later = function(ctx)
        create { inline_states = { _start = case.expect(1, function(inner) sent(inner, ctx.session) end) } }
      end,
    },
  }
end)

t.case("S15 _stop: the kernel", function(case)
  local function stop(ctx) sent(ctx, poe.kernel); t.is(ctx.state, "_stop") end
  create {
    inline_states = {
      _start = function(ctx)
        create { inline_states = { _start = function(inner) inner.kernel:delay("later", 1) end, _stop = case.expect(1, stop) } }
        ctx.kernel:delay("later", 2)
      end,
      _stop = case.expect(1, stop),
    },
  }
end)

t.case("S15 _stop after kernel:stop() in a handler: the session of that handler", function(case)
  local stopper
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:delay("later", 60) end,
      _stop = case.expect(1, function(ctx) sent(ctx, stopper) end),
    },
  }
  stopper = create {
    inline_states = { _start = function(ctx) ctx.kernel:yield("stop") end, stop = function(ctx) ctx.kernel:stop() end },
  }
end)

t.case("S15 _child and _parent: the kernel, from nowhere", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        create {
          inline_states = {
            _start = function(inner) inner.kernel:yield("leave") end,
            leave = function(inner) inner.kernel:detach_myself() end,
            _parent = case.expect(1, function(inner, old, new)
              sent(inner, poe.kernel)
              t.is(old, ctx.session)
              t.is(new, poe.kernel)
            end),
          },
        }
      end,
      _child = case.expect(2, function(ctx) sent(ctx, poe.kernel) end), -- create and lose
    },
  }
end)

t.case("S15 a signal: the kernel, where signal was called", function(case)
  local line
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("WAVE", "waved"); ctx.kernel:yield("wave") end,
      wave = function(ctx) ctx.kernel:signal(ctx.session, "WAVE"); line = here() end,
      waved = case.expect(1, function(ctx) sent(ctx, poe.kernel, "wave", line); t.is(ctx.state, "waved") end),
    },
  }
end)

t.case("S15 a signal from the main chunk: the kernel, no caller_state", function(case)
  local line
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("WAVE", "waved") end,
      waved = case.expect(1, function(ctx) sent(ctx, poe.kernel, nil, line) end),
    },
  }
  poe.kernel:signal(session, "WAVE"); line = here()
end)

t.case("S15 postback and callback: the session that called it, where it did", function(case)
  local line, postback, callback
  local function make(ctx)
    postback, callback = ctx.session:postback("by_postback"), ctx.session:callback("by_callback")
  end
  local user
  create {
    inline_states = {
      _start = make,
      by_postback = case.expect(1, function(ctx)
        sent(ctx, user, "use", line)
        postback:release()
        callback:release()
      end),
      by_callback = case.expect(1, function(ctx, _, called) sent(ctx, user, "use", called[1]) end),
    },
  }
  user = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("use") end,
      use = function()
        callback(here())
        postback(); line = here()
      end,
    },
  }
end)

t.case("S15 postback and callback from the main chunk: the kernel, no caller_state", function(case)
  local postback, callback, line
  create {
    inline_states = {
      _start = function(ctx)
        postback, callback = ctx.session:postback("by_postback"), ctx.session:callback("by_callback")
      end,
      by_postback = case.expect(1, function(ctx)
        sent(ctx, poe.kernel, nil, line)
        postback:release()
        callback:release()
      end),
      by_callback = case.expect(1, function(ctx, _, called) sent(ctx, poe.kernel, nil, called[1]) end),
    },
  }
  callback(here())
  postback(); line = here()
end)

t.case("small print ctx: a captured ctx describes its own session's event during a call to another", function(case)
  local a
  local b = create {
    inline_states = {
      _start = nothing,
      ask = case.expect(1, function(ctx)
        t.is(a.state, "go")
        t.is(a.sender, a.session)
        t.is(a.caller_state, "_start")
        t.is(ctx.state, "ask")
        t.is(ctx.sender, a.session)
        t.truthy(ctx ~= a)
      end),
    },
  }
  create {
    inline_states = {
      _start = function(ctx) a = ctx; ctx.kernel:yield("go") end,
      go = function(ctx) ctx.kernel:call(b, "ask") end,
    },
  }
end)

t.case("small print ctx: through nested calls it is the innermost event of that session", function(case)
  local log = t.log()
  local a
  local b = create {
    inline_states = {
      _start = nothing,
      ask = function(ctx)
        log(ctx.state, a.state)
        ctx.kernel:call(a.session, "back", ctx)
        log(ctx.state, a.state)
      end,
    },
  }
  create {
    inline_states = {
      _start = function(ctx) a = ctx; ctx.kernel:yield("go") end,
      go = function(ctx)
        log(ctx.state, ctx.caller_state)
        ctx.kernel:call(b, "ask")
        log(ctx.state, ctx.caller_state)
        t.is(ctx.sender, ctx.session)
      end,
      back = function(ctx, other)
        t.is(ctx.sender, b)
        log(ctx.state, ctx.caller_state, other.state)
        ctx.kernel:call(ctx.session, "deeper")
        log(ctx.state, ctx.caller_state, other.state)
        t.is(ctx.sender, b)
      end,
      deeper = function(ctx) t.is(ctx.sender, ctx.session); log(ctx.state, ctx.caller_state) end,
    },
  }
  case.after(function()
    log:is("go:_start ask:go back:ask:ask deeper:back back:ask:ask ask:go go:_start")
  end)
end)

t.case("small print ctx: object is that of the current event, nested calls included", function(case)
  local object = {}
  function object.outer(self, ctx)
    t.is(ctx.object, self)
    ctx.kernel:call(ctx.session, "inline")
    t.is(ctx.object, self)
  end
  create {
    inline_states = {
      _start = function(ctx) t.is(ctx.object, nil); ctx.kernel:yield("outer") end,
      inline = case.expect(1, function(ctx) t.is(ctx.object, nil) end),
    },
    object_states = { object, { "outer" } },
  }
end)

t.case("small print ctx: creating a session in a handler leaves the handler's ctx alone", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("go") end,
      go = case.expect(1, function(ctx)
        local inner
        create { inline_states = { _start = function(c) inner = c; t.is(ctx.state, "go"); t.is(c.state, "_start") end } }
        t.is(ctx.state, "go")
        t.is(ctx.caller_state, "_start")
        idle(inner)
      end),
    },
  }
end)

t.case("small print ctx: after an error in a nested call it is the outer event's again", function(case)
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("go") end,
      go = case.expect(1, function(ctx)
        local ok = pcall(ctx.kernel.call, ctx.kernel, ctx.session, "fail")
        t.is(ok, false)
        t.is(ctx.state, "go")
        t.is(ctx.caller_state, "_start")
      end),
      fail = function() error("on purpose") end,
    },
  }
end)

t.case("small print ctx: state is the event's name for signals and timers", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  create {
    inline_states = {
      _start = function(ctx)
        note(ctx)
        ctx.kernel:sig("WAVE", "waved")
        ctx.kernel:signal(ctx.session, "WAVE")
        ctx.kernel:delay("timer", 1)
      end,
      waved = note, timer = note, _stop = note,
    },
  }
  case.after(function() log:is("_start waved timer _stop") end)
end)

t.case("small print handlers: arguments arrive as posted, nils included", function(case)
  local function check(ctx, ...) t.same({ n = select("#", ...), ... }, { n = 4, nil, ctx.state, nil, nil }) end
  local object = {}
  function object.method(self, ctx, ...) t.is(self, object); check(ctx, ...) end
  create {
    inline_states = {
      _start = function(ctx)
        for _, event in ipairs { "inline", "method" } do ctx.kernel:yield(event, nil, event, nil, nil) end
        ctx.kernel:post(ctx.session, "posted", nil, "posted", nil, nil)
        ctx.kernel:delay("timer", 1, nil, "timer", nil, nil)
        ctx.kernel:call(ctx.session, "called", nil, "called", nil, nil)
        ctx.kernel:yield("bare")
      end,
      inline = case.expect(1, check), posted = case.expect(1, check),
      timer = case.expect(1, check), called = case.expect(1, check),
      bare = case.expect(1, function(_, ...) t.is(select("#", ...), 0) end),
    },
    object_states = { object, { "method" } },
  }
end)

t.case("small print handlers: a table argument is the same table", function(case)
  local x = {}
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:yield("later", x) end,
      later = case.expect(1, function(_, got) t.is(got, x) end),
    },
  }
end)
