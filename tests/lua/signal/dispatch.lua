-- Signals inside the program: who gets them, in which order, and whom they stop (G1 to G18, G25, G28, G29, G31).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create
local kernel = poe.kernel

local function nothing() end

local function pack(...) return { n = select("#", ...), ... } end

-- member makes a session that logs its name when the signal o.watch reaches it, "-name" when it stops before the hour is
-- over, and "name+" when it lives to the end of it. o.caught(ctx, ...) adds to what it does with the signal,
-- o.inside(ctx) to its _start, o.states to its handlers.
local function member(log, name, o)
  o = o or {}
  local survived = false
  local states = {
    _start = function(ctx)
      ctx.kernel:delay("hour", 3600)
      if o.watch then ctx.kernel:sig(o.watch, "caught") end
      if o.inside then o.inside(ctx) end
    end,
    caught = function(ctx, ...)
      log(name)
      if o.handle then ctx.kernel:sig_handled() end
      if o.caught then return o.caught(ctx, ...) end
    end,
    hour = function() survived = true; log(name .. "+") end,
    _stop = function() if not survived then log("-" .. name) end end,
  }
  for event, f in pairs(o.states or {}) do states[event] = f end
  return create { inline_states = states, heap = { name = name } }
end

-- family makes root with children a (with a1 and a2) and b (with b1), all watching `watch`; options by name.
local function family(log, watch, options)
  local sessions = {}
  local function add(name, children)
    local o = options and options[name] or {}
    o.watch = watch
    function o.inside() for _, child in ipairs(children) do child() end end
    sessions[name] = member(log, name, o)
  end
  local function node(name, ...)
    local children = { ... }
    return function() add(name, children) end
  end
  node("root", node("a", node "a1", node "a2"), node("b", node "b1"))()
  return sessions
end

local everybody = "root+ a+ a1+ a2+ b+ b1+" -- all of a family live

t.case("G1 a made-up signal reaches its watcher with its arguments, then the watcher's", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) t.success(ctx.kernel:sig("LUNCH", "eat", "w1", "w2")) end,
      eat = case.expect(1, function(_, ...) t.same(pack(...), { n = 5, "LUNCH", "s1", "s2", "w1", "w2" }) end),
    },
  }
  t.success(kernel:signal(session, "LUNCH", "s1", "s2"))
end)

t.case("G1 without arguments the watcher gets the name alone", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("a name with spaces", "got") end,
      got = case.expect(1, function(_, ...) t.same(pack(...), { n = 1, "a name with spaces" }) end),
    },
  }
  kernel:signal(session, "a name with spaces")
end)

t.case("G1 the target may be named by object, number and alias", function(case)
  local log = t.log()
  local session = member(log, "m", {
    watch = "WAVE",
    inside = function(ctx) ctx.kernel:alias_set("named") end,
    caught = function(_, _, how) log(how) end,
    states = { hour = function(ctx) ctx.kernel:alias_remove("named") end },
  })
  for i, name in ipairs { session, session:id(), "named" } do t.success(kernel:signal(name, "WAVE", i)) end
  case.after(function() log:is("m 1 m 2 m 3 -m") end)
end)

t.case("G2 deepest first, youngest first, the target last", function(case)
  local log = t.log()
  kernel:signal(family(log, "WAVE").root, "WAVE")
  case.after(function() log:is("b1 a2 a1 b a root " .. everybody) end)
end)

t.case("G2 sessions without a watcher are passed over, their children are not", function(case)
  local log = t.log()
  local root = member(log, "root", {
    watch = "WAVE",
    inside = function()
      member(log, "middle", { inside = function() member(log, "leaf", { watch = "WAVE" }) end })
    end,
  })
  kernel:signal(root, "WAVE")
  case.after(function() log:is("leaf root root+ middle+ leaf+") end)
end)

t.case("G3 sent to a child it reaches neither its parent nor siblings", function(case)
  local log = t.log()
  kernel:signal(family(log, "WAVE").a, "WAVE")
  case.after(function() log:is("a2 a1 a " .. everybody) end)
end)

t.case("G4 sent to the kernel it reaches all watchers", function(case)
  local log = t.log()
  family(log, "WAVE")
  member(log, "other", { watch = "WAVE" })
  member(log, "deaf")
  t.success(kernel:signal(kernel, "WAVE"))
  case.after(function() log:is("b1 a2 a1 b a other root " .. everybody .. " other+ deaf+") end)
end)

t.case("G5 TERM unhandled stops the target and its descendants only", function(case)
  local log = t.log()
  kernel:signal(family(log).a, "TERM")
  case.after(function() log:is("-a2 -a1 -a root+ b+ b1+") end)
end)

t.case("G5 the parent of a session so stopped gets the usual notices", function(case)
  local log = t.log()
  local a
  member(log, "root", {
    inside = function(ctx)
      a = member(log, "a", { inside = function() member(log, "a1") end })
      ctx.kernel:signal(a, "TERM")
    end,
    states = { _child = function(_, what, child) log(what, child:get_heap().name) end },
  })
  case.after(function() log:is("create:a -a1 -a lose:a root+") end)
end)

t.case("G6 TERM handled by one descendant saves the target and all others", function(case)
  local log = t.log()
  kernel:signal(family(log, "TERM", { a1 = { handle = true } }).root, "TERM")
  case.after(function() log:is("b1 a2 a1 b a root " .. everybody) end)
end)

t.case("G6 TERM to the kernel handled by one session saves the whole program", function(case)
  local log = t.log()
  family(log)
  member(log, "other", { watch = "TERM", handle = true })
  kernel:signal(kernel, "TERM")
  case.after(function() log:is("other " .. everybody .. " other+") end)
end)

for _, name in ipairs { "HUP", "INT", "KILL", "QUIT", "TERM", "IDLE" } do
  t.case("G7 " .. name .. " with a watcher that does not call sig_handled stops", function(case)
    local log = t.log()
    local m = member(log, "m", { watch = name, caught = function() return true end })
    member(log, "other", { watch = name })
    kernel:signal(m, name)
    case.after(function() t.same({ log[1], log[2], log[3] }, { "m", "-m", "other+" }) end)
  end)

  t.case("G7 " .. name .. " handled does not stop", function(case)
    local log = t.log()
    local m = member(log, "m", { watch = name, handle = true })
    kernel:signal(m, name)
    case.after(function() t.same({ log[1], log[2] }, { "m", "m+" }) end)
  end)
end

for _, name in ipairs { "CHLD", "PIPE", "WINCH", "USR1", "ALRM", "SEGV", "MADE_UP", "term", "SIGTERM" } do
  t.case("G8 " .. name .. " is benign and stops nothing, handled or not", function(case)
    local log = t.log()
    local watching = member(log, "watching", { watch = name })
    local handling = member(log, "handling", { watch = name, handle = true })
    local deaf = member(log, "deaf")
    for _, session in ipairs { watching, handling, deaf } do kernel:signal(session, name) end
    case.after(function() log:is("watching handling watching+ handling+ deaf+") end)
  end)
end

for _, name in ipairs { "ZOMBIE", "UIDESTROY" } do
  t.case("G9 " .. name .. " stops, even handled", function(case)
    local log = t.log()
    kernel:signal(family(log, name, { a = { handle = true }, a1 = { handle = true } }).a, name)
    case.after(function() log:is("a2 a1 a -a2 -a1 -a root+ b+ b1+") end)
  end)
end

t.case("G10 all watchers are called although the first one handled it", function(case)
  local log = t.log()
  kernel:signal(family(log, "TERM", { b1 = { handle = true } }).root, "TERM")
  case.after(function() log:is("b1 a2 a1 b a root " .. everybody) end)
end)

t.case("G11 sig_handled in a nested call to itself counts", function(case)
  local log = t.log()
  local m = member(log, "m", {
    watch = "TERM",
    caught = function(ctx) ctx.kernel:call(ctx.session, "nested") end,
    states = { nested = function(ctx) t.success(ctx.kernel:sig_handled()) end },
  })
  kernel:signal(m, "TERM")
  case.after(function() log:is("m m+") end)
end)

t.case("G11 sig_handled in a nested call to another session counts", function(case)
  local log = t.log()
  local helper = member(log, "helper", { states = { nested = function(ctx) ctx.kernel:sig_handled() end } })
  local m = member(log, "m", { watch = "TERM", caught = function(ctx) ctx.kernel:call(helper, "nested") end })
  kernel:signal(m, "TERM")
  case.after(function() log:is("m helper+ m+") end)
end)

t.case("G11 sig_handled in an event that the handler posted comes too late", function(case)
  local log = t.log()
  local helper = member(log, "helper", { states = { later = function(ctx) log("later"); ctx.kernel:sig_handled() end } })
  local m = member(log, "m", { watch = "TERM", caught = function(ctx) ctx.kernel:post(helper, "later") end })
  kernel:signal(m, "TERM")
  case.after(function() t.same({ log[1], log[2] }, { "m", "-m" }) end)
end)

t.case("G11 sig_handled in an ordinary event handles nothing", function(case)
  local log = t.log()
  local m = member(log, "m", {
    watch = "TERM",
    inside = function(ctx) ctx.kernel:yield("ordinary") end,
    states = { ordinary = function(ctx) log("ordinary"); t.success(ctx.kernel:sig_handled()); ctx.kernel:signal(ctx.session, "TERM") end },
  })
  kernel:post(m, "ordinary")
  case.after(function() t.same({ log[1], log[2] }, { "ordinary", "ordinary" }); t.is(log[3], "m"); t.is(log[4], "-m") end)
end)

t.case("G11 a signal handled does not count for the next one", function(case)
  local log = t.log()
  local m = member(log, "m", {
    watch = "TERM",
    caught = function(ctx, _, nth) if nth == 1 then ctx.kernel:sig_handled() end end,
  })
  kernel:signal(m, "TERM", 1)
  kernel:signal(m, "TERM", 2)
  case.after(function() log:is("m m -m") end)
end)

t.case("G11 sig_handled for a benign signal changes nothing for the TERM after it", function(case)
  local log = t.log()
  local m = member(log, "m", { watch = "WAVE", handle = true })
  kernel:signal(m, "WAVE")
  kernel:signal(m, "TERM")
  case.after(function() log:is("m -m") end)
end)

t.case("G12 sig(name) removes the watcher", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("WAVE", "waved")
        ctx.kernel:sig("OTHER", "other")
        t.success(ctx.kernel:sig("WAVE"))
        t.success(ctx.kernel:sig("NEVER"))
      end,
      waved = case.expect(0), other = case.expect(1),
    },
  }
  kernel:signal(session, "WAVE")
  kernel:signal(session, "OTHER")
end)

t.case("G12 a second sig replaces event and arguments", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("WAVE", "first", 1, 2)
        ctx.kernel:sig("WAVE", "second", 3)
      end,
      first = case.expect(0),
      second = case.expect(1, function(_, ...) t.same(pack(...), { n = 2, "WAVE", 3 }) end),
    },
  }
  kernel:signal(session, "WAVE")
end)

t.case("G13 sig does not keep a session alive, and its watcher goes with it", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("WAVE", "waved"); ctx.kernel:sig("TERM", "waved"); ctx.kernel:sig("CHLD", "waved") end,
      waved = case.expect(0),
      _stop = function() log("stop") end,
    },
  }
  member(log, "other", {
    states = { hour = function(ctx) log("hour"); ctx.kernel:signal(ctx.kernel, "WAVE") end },
  })
  case.after(function() log:is("stop hour -other") end)
end)

t.case("G14 signal to an unknown session: ESRCH", function(case)
  t.failure("ESRCH", kernel:signal("nobody", "WAVE"))
  t.failure("ESRCH", kernel:signal(4711, "TERM"))
  local gone = create { inline_states = { _start = nothing } }
  case.after(function() t.failure("ESRCH", kernel:signal(gone, "WAVE")) end)
end)

t.case("G15 signals and posts arrive in the order made", function(case)
  local log = t.log()
  local function note(_, ...) log(...) end
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("WAVE", "waved")
        ctx.kernel:yield("posted", 1)
        ctx.kernel:signal(ctx.session, "WAVE", 2)
        ctx.kernel:yield("posted", 3)
        ctx.kernel:signal(ctx.kernel, "WAVE", 4)
        ctx.kernel:yield("posted", 5)
        log("start")
      end,
      posted = note, waved = note,
    },
  }
  case.after(function() log:is("start 1 WAVE:2 3 WAVE:4 5") end)
end)

t.case("G15 a terminal signal lets what was posted before it arrive and drops what was posted after", function(case)
  local log = t.log()
  local m = member(log, "m", { states = { posted = function(_, x) log(x) end } })
  kernel:post(m, "posted", "before")
  kernel:signal(m, "TERM")
  kernel:post(m, "posted", "behind")
  case.after(function() log:is("before -m") end)
end)

t.case("G16 a session created in a handler of a terminal signal survives it and moves up", function(case)
  local log = t.log()
  local root, a, new
  root = member(log, "root", {
    inside = function()
      a = member(log, "a", {
        watch = "TERM",
        caught = function()
          new = member(log, "new", {
            watch = "TERM",
            states = { _parent = function(_, old, to) log("parent"); t.is(old, a); t.is(to, root) end },
          })
        end,
      })
    end,
    states = { _child = function(_, what, child) log(what, child:get_heap().name) end },
  })
  kernel:signal(a, "TERM")
  case.after(function()
    t.truthy(new)
    t.same({ log[1], log[2], log[3], log[4], log[5], log[6] }, { "create:a", "a", "gain:new", "parent", "-a", "lose:a" })
    t.same({ log[7], log[8] }, { "root+", "new+" })
  end)
end)

t.case("G17 stops go deepest first, youngest first", function(case)
  local log = t.log()
  kernel:signal(family(log).root, "TERM")
  case.after(function() log:is("-b1 -a2 -a1 -b -a -root") end)
end)

t.case("G17 all watchers are called before the first stop", function(case)
  local log = t.log()
  kernel:signal(family(log, "TERM").root, "TERM")
  case.after(function() log:is("b1 a2 a1 b a root -b1 -a2 -a1 -b -a -root") end)
end)

t.case("G18 a session that only sent a signal lives until it is dispatched", function(case)
  local log = t.log()
  local target = member(log, "target", { watch = "WAVE", caught = function(_, _, sender) t.is(sender:is_alive(), true) end })
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:delay("send", 1) end,
      send = function(ctx) log("send"); ctx.kernel:signal(target, "WAVE", ctx.session) end,
      _stop = function() log("stop") end,
    },
  }
  case.after(function() log:is("send target stop target+") end)
end)

t.case("G18 so does one that sent it to the kernel", function(case)
  local log = t.log()
  member(log, "target", { watch = "WAVE" })
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:delay("send", 1) end,
      send = function(ctx) log("send"); ctx.kernel:signal(ctx.kernel, "WAVE") end,
      _stop = function() log("stop") end,
    },
  }
  case.after(function() log:is("send target stop target+") end)
end)

for _, pair in ipairs { { "CLD", "CHLD" }, { "CHLD", "CLD" }, { "CLD", "CLD" } } do
  t.case("G25 CLD is CHLD: watched as " .. pair[1] .. ", sent as " .. pair[2], function(case)
    local session = create {
      inline_states = {
        _start = function(ctx) ctx.kernel:sig(pair[1], "child", "w") end,
        child = case.expect(1, function(_, ...) t.same(pack(...), { n = 3, "CHLD", "s", "w" }) end),
      },
    }
    kernel:signal(session, pair[2], "s")
  end)
end

t.case("G25 a watcher of CLD replaces that of CHLD, sig(CHLD) removes it", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("CHLD", "first"); ctx.kernel:sig("CLD", "second") end,
      first = case.expect(0),
      second = case.expect(1, function(ctx) ctx.kernel:sig("CHLD") end),
    },
  }
  kernel:signal(session, "CHLD")
  kernel:signal(session, "CHLD")
end)

t.case("G28 TERM to the kernel, unhandled: everything stops, run returns true", function()
  local log = t.log()
  family(log, "TERM")
  member(log, "other")
  kernel:signal(kernel, "TERM")
  t.is(kernel:run(), true)
  log:is("b1 a2 a1 b a root -b1 -a2 -a1 -b -a -other -root")
  t.is(kernel:get_event_count(), 0)
end)

t.case("G28 after that run may be called again", function(case)
  local log = t.log()
  member(log, "first")
  kernel:signal(kernel, "INT")
  kernel:run()
  member(log, "second")
  case.after(function() log:is("-first second+") end)
end)

t.case("G28 what a handler creates meanwhile is stopped as well", function(case)
  local log = t.log()
  member(log, "m", { watch = "TERM", caught = function() member(log, "new") end })
  kernel:signal(kernel, "TERM")
  case.after(function() log:is("m -m -new") end)
end)

t.case("G29 nil arguments of signals and watchers are kept", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("WAVE", "waved", nil, "w", nil) end,
      waved = case.expect(1, function(_, ...) t.same(pack(...), { n = 7, "WAVE", nil, "s", nil, nil, "w", nil }) end),
    },
  }
  kernel:signal(session, "WAVE", nil, "s", nil)
end)

t.case("G31 a watcher added by a handler during a dispatch does not get that signal", function(case)
  local log = t.log()
  local root
  root = member(log, "root", {
    inside = function()
      member(log, "child", { watch = "WAVE", caught = function(ctx) ctx.kernel:call(root, "watch") end })
    end,
    states = {
      watch = function(ctx) ctx.kernel:sig("WAVE", "waved") end,
      waved = function(_, _, nth) log("waved", nth) end,
    },
  })
  kernel:signal(root, "WAVE", 1)
  kernel:signal(root, "WAVE", 2)
  case.after(function() log:is("child child waved:2 root+ child+") end)
end)

t.case("G31 a session that a handler creates does not get it either", function(case)
  local log = t.log()
  local m = member(log, "m", { watch = "WAVE", caught = function() member(log, "new", { watch = "WAVE" }) end })
  kernel:signal(m, "WAVE")
  case.after(function() log:is("m m+ new+") end)
end)

t.case("small print dispatch: a watcher removed by a handler still gets the signal", function(case)
  local log = t.log()
  local root
  root = member(log, "root", {
    watch = "WAVE",
    inside = function()
      member(log, "child", { watch = "WAVE", caught = function(ctx) ctx.kernel:call(root, "unwatch") end })
    end,
    states = { unwatch = function(ctx) ctx.kernel:sig("WAVE") end },
  })
  kernel:signal(root, "WAVE")
  kernel:signal(root, "WAVE")
  case.after(function() log:is("child root child root+ child+") end)
end)

t.case("small print dispatch: the sender is the kernel", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("WAVE", "waved") end,
      waved = case.expect(1, function(ctx) t.is(ctx.sender, kernel); t.is(ctx.state, "waved") end),
    },
  }
  create { inline_states = { _start = function(ctx) ctx.kernel:signal(session, "WAVE") end } }
end)

t.case("small print dispatch: a session already stopped when the dispatch comes is not called", function(case)
  local log = t.log()
  local sessions = family(log, "WAVE")
  kernel:signal(sessions.a, "TERM")
  kernel:signal(sessions.root, "WAVE")
  case.after(function() log:is("-a2 -a1 -a b1 b root root+ b+ b1+") end)
end)

t.case("small print watching: the names the system cannot deliver can be watched and sent", function(case)
  local log = t.log()
  local names = { "KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "ABRT" }
  create {
    inline_states = {
      _start = function(ctx)
        for _, name in ipairs(names) do
          t.success(ctx.kernel:sig(name, "got"))
          ctx.kernel:signal(ctx.session, name)
        end
      end,
      got = function(ctx, name) log(name); ctx.kernel:sig_handled() end,
    },
  }
  case.after(function() log:is(table.concat(names, " ")) end)
end)

t.case("small print watching: wrong arguments raise", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        t.fails(function() ctx.kernel:sig() end, "bad argument #1 to 'sig' %(string expected")
        t.fails(function() ctx.kernel:sig({}, "x") end, "bad argument #1 to 'sig' %(string expected, got table%)")
        t.fails(function() ctx.kernel:sig("WAVE", nothing) end, "bad argument #2 to 'sig' %(string expected, got function%)")
        t.fails(function() ctx.kernel:signal(ctx.session) end, "bad argument #2 to 'signal' %(string expected")
        t.fails(function() ctx.kernel:signal(nil, "WAVE") end, "bad argument #1 to 'signal' %(")
      end),
    },
  }
end)

t.case("small print watching: outside a handler sig raises, signal and sig_handled do not", function()
  t.fails(function() kernel:sig("WAVE", "x") end, "'sig' must be called from an event handler")
  t.fails(function() kernel:sig_child(1, "x") end, "'sig_child' must be called from an event handler")
  t.success(kernel:sig_handled())
  t.success(kernel:signal(kernel, "WAVE"))
end)

t.case("small print DIE: sent by a script it goes to descendants, the target and its ancestors", function(case)
  local log = t.log()
  local sessions = family(log, "DIE", { root = { handle = true } })
  kernel:signal(sessions.a, "DIE", "by hand")
  case.after(function() log:is("a2 a1 a root " .. everybody) end)
end)

t.case("small print DIE: sent by a script it has the arguments it was given", function(case)
  local session = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig("DIE", "died", "w") end,
      died = case.expect(1, function(ctx, ...)
        t.same(pack(...), { n = 4, "DIE", "by hand", nil, "w" })
        ctx.kernel:sig_handled()
      end),
    },
  }
  kernel:signal(session, "DIE", "by hand", nil)
end)

t.case("small print DIE: sent by a script and unhandled it ends the run", function(case)
  local log = t.log()
  case.run_error("DIE signal")
  kernel:signal(family(log, "DIE").a, "DIE")
  case.after(function() log:is("a2 a1 a root -a2 -a1 -a -root -b1 -b") end)
end)

t.case("small print DIE: its message is info.error_str if there is one", function(case)
  case.run_error("in my own words")
  kernel:signal(member(t.log(), "m"), "DIE", { error_str = "in my own words" })
end)

t.case("small print UIDESTROY: signal_ui_destroy sends it when the handle is closed", function(case)
  local log = t.log()
  local reader, writer = poe.pipe.OneWay.new()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:alias_set("ui")
        t.success(ctx.kernel:signal_ui_destroy(reader))
        ctx.kernel:sig("UIDESTROY", "destroyed")
        ctx.kernel:delay("hour", 3600)
        ctx.kernel:yield("close")
      end,
      close = function() log("close"); reader:close() end,
      destroyed = function(ctx) log("destroyed"); ctx.kernel:sig_handled() end,
      hour = function() log("hour") end,
      _stop = function() log("stop"); writer:close() end,
    },
  }
  case.after(function() log:is("close destroyed stop") end)
end, { clock = "real" })

t.case("small print UIDESTROY: anything but a handle or a wheel is a wrong call", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        t.fails(function() ctx.kernel:signal_ui_destroy("window") end, "bad argument #1 to 'signal_ui_destroy'")
        t.fails(function() ctx.kernel:signal_ui_destroy() end, "bad argument #1 to 'signal_ui_destroy'")
      end),
    },
  }
end)

-- K77 to K86 have the rest of G26, K68 to K72 that of G27.
t.case("G26 DIE travels like a signal, but upwards too, and is handled by whoever calls sig_handled", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:alias_set("parent")
        ctx.kernel:sig("DIE", "died", "watched")
        create {
          inline_states = {
            _start = function(inner) inner.kernel:alias_set("child"); inner.kernel:yield("fail") end,
            fail = function() error("no luck") end,
            _stop = function() log("child stops") end,
          },
        }
      end,
      died = case.expect(1, function(ctx, name, info, extra)
        t.is(name, "DIE")
        t.is(info.event, "fail")
        t.is(info.dest_session, ctx.kernel:alias_resolve("child"))
        t.is(extra, "watched")
        ctx.kernel:sig_handled()
        log("handled")
        ctx.kernel:yield("bye")
      end),
      bye = function(ctx) ctx.kernel:signal(ctx.kernel, "TERM") end,
      _stop = function() log("parent stops") end,
    },
  }
  case.after(function() log:is("handled child stops parent stops") end)
end)

t.case("G27 IDLE, then ZOMBIE come when only an alias is left", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:alias_set("waits")
        ctx.kernel:sig("IDLE", "told")
        ctx.kernel:sig("ZOMBIE", "told")
      end,
      told = function(ctx, name) log(name); ctx.kernel:sig_handled() end,
      _stop = function() log("stop") end,
    },
  }
  case.after(function() log:is("IDLE ZOMBIE stop") end)
end)
