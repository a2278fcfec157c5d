-- Alarms and delays: K24 to K35.
local poe = require "poe"
local t = require "poe.test"

local kernel = poe.kernel

-- spawn makes a session of functions; _start may be left out.
local function spawn(states)
  states._start = states._start or function() end
  return poe.Session.create{ inline_states = states }
end

local function pack(...) return { n = select("#", ...), ... } end

local function near(got, want, tolerance)
  t.truthy(type(got) == "number" and math.abs(got - want) <= tolerance, tostring(got) .. " near " .. tostring(want))
end

t.case("K24 delay replaces a pending timer of that name", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:delay("ring", 10, "first")
      kernel:delay("ring", 20, "second")
      kernel:delay("ring", 5, "third")
    end,
    ring = function(_, what) log(what) end,
  }
  case.after(function() log:is("third") end)
end)

t.case("K24 delay_add does not replace", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:delay("ring", 10, "a")
      kernel:delay_add("ring", 5, "b")
      kernel:delay_add("ring", 20, "c")
    end,
    ring = function(_, what) log(what) end,
  }
  case.after(function() log:is("b a c") end)
end)

t.case("K24 the same for alarm and alarm_add", function(case)
  local log = t.log()
  spawn{
    _start = function()
      local now = poe.time()
      kernel:alarm("ring", now + 10, "a")
      kernel:alarm_add("ring", now + 5, "b")
      kernel:alarm("other", now + 1, "gone")
      kernel:alarm("other", now + 7, "c")
    end,
    ring = function(_, what) log(what) end,
    other = function(_, what) log(what) end,
  }
  case.after(function() log:is("b c a") end)
end)

t.case("K25 delay without a time removes all of that name, however they were set", function(case)
  spawn{
    _start = function()
      local later = poe.time() + 50
      kernel:alarm("ring", later)
      kernel:alarm_add("ring", later)
      kernel:alarm_set("ring", later)
      kernel:delay_add("ring", 50)
      kernel:delay_set("ring", 50)
      t.is(kernel:get_event_count(), 5)
      t.success(kernel:delay("ring"))
      t.is(kernel:get_event_count(), 0)
    end,
    ring = case.expect(0),
  }
end)

t.case("K25 alarm without a time and a time of nil do the same", function(case)
  spawn{
    _start = function()
      kernel:delay_set("ring", 50)
      t.success(kernel:alarm("ring"))
      kernel:delay_set("ring", 50)
      t.success(kernel:alarm("ring", nil))
      kernel:alarm_set("ring", poe.time() + 50)
      t.success(kernel:delay("ring", nil))
      t.success(kernel:delay("ring"))
    end,
    ring = case.expect(0),
  }
end)

t.case("K25 none of other names or sessions are removed", function(case)
  local other = spawn{
    set = function() kernel:delay("ring", 10) end,
    ring = case.expect(1),
  }
  kernel:call(other, "set")
  spawn{
    _start = function()
      kernel:delay("ring", 10)
      kernel:delay("bell", 10)
      kernel:delay("ring")
    end,
    ring = case.expect(0),
    bell = case.expect(1),
  }
end)

t.case("K25 posted events of that name stay", function(case)
  spawn{
    _start = function() kernel:yield("ring"); kernel:delay("ring", 10); kernel:delay("ring") end,
    ring = case.expect(1),
  }
end)

t.case("K26 alarm_remove returns name, absolute time and args with n", function(case)
  spawn{
    _start = case.expect(1, function()
      local due = poe.time() + 12
      local id = kernel:alarm_set("ring", due, nil, "x", nil)
      t.same(pack(kernel:alarm_remove(id)), { n = 3, "ring", due, { n = 3, nil, "x" } })
      id = kernel:delay_set("bell", 7)
      t.same(pack(kernel:alarm_remove(id)), { n = 3, "bell", poe.time() + 7, { n = 0 } })
    end),
    ring = case.expect(0), bell = case.expect(0),
  }
end)

t.case("K26 a second time: ESRCH", function(case)
  spawn{
    _start = case.expect(1, function()
      local id = kernel:delay_set("ring", 7)
      kernel:alarm_remove(id)
      t.failure("ESRCH", kernel:alarm_remove(id))
      t.failure("ESRCH", kernel:alarm_adjust(id, 1))
      t.failure("ESRCH", kernel:delay_adjust(id, 1))
      t.failure("ESRCH", kernel:alarm_remove(4711))
    end),
  }
end)

t.case("K27 another session's ID: EPERM for remove and adjust, the timer is untouched", function(case)
  local started = poe.time()
  local owner = spawn{
    set = function() return kernel:delay_set("ring", 10) end,
    ring = case.expect(1, function() t.is(poe.time(), started + 10) end),
  }
  local id = kernel:call(owner, "set")
  spawn{
    _start = case.expect(1, function()
      t.failure("EPERM", kernel:alarm_remove(id))
      t.failure("EPERM", kernel:alarm_adjust(id, 5))
      t.failure("EPERM", kernel:delay_adjust(id, 5))
    end),
  }
end)

t.case("K28 alarm_adjust returns old time plus delta", function(case)
  spawn{
    _start = function()
      local now = poe.time()
      local id = kernel:alarm_set("ring", now + 10)
      t.same(pack(kernel:alarm_adjust(id, 5)), { n = 1, now + 15 })
      t.same(pack(kernel:alarm_adjust(id, -8)), { n = 1, now + 7 })
    end,
    ring = case.expect(1),
  }
end)

t.case("K28 the order changes accordingly", function(case)
  local log = t.log()
  local function note(ctx) log(ctx.state) end
  spawn{
    _start = function()
      local a = kernel:delay_set("a", 10)
      kernel:delay_set("b", 20)
      local c = kernel:delay_set("c", 30)
      kernel:alarm_adjust(a, 15)
      kernel:alarm_adjust(c, -25)
    end,
    a = note, b = note, c = note,
  }
  case.after(function() log:is("c b a") end)
end)

t.case("K29 delay_adjust returns now plus seconds, whatever the time was", function(case)
  local started = poe.time()
  local id
  spawn{
    _start = function()
      id = kernel:alarm_set("ring", poe.time() + 1000)
      t.same(pack(kernel:delay_adjust(id, 60)), { n = 1, started + 60 })
      kernel:delay("move", 20)
    end,
    move = case.expect(1, function() t.is(kernel:delay_adjust(id, 100), started + 120) end),
    ring = case.expect(1, function() t.is(poe.time(), started + 120) end),
  }
end)

t.case("K30 alarm_remove_all returns entries in due order and leaves posted events alone", function(case)
  spawn{
    _start = function()
      local now = poe.time()
      kernel:yield("posted")
      local c = kernel:alarm_set("c", now + 30, "x", nil)
      local a = kernel:delay_set("a", 10)
      kernel:delay("b", 20, 1)
      local all = kernel:alarm_remove_all()
      t.is(#all, 3)
      t.truthy(type(all[2].id) == "number" and all[2].id ~= a and all[2].id ~= c, "an ID of its own")
      t.same(all, {
        { id = a, name = "a", time = now + 10, args = { n = 0 } },
        { id = all[2].id, name = "b", time = now + 20, args = { n = 1, 1 } },
        { id = c, name = "c", time = now + 30, args = { n = 2, "x" } },
      })
      t.same(pack(kernel:alarm_remove_all()), { n = 1, {} })
      t.failure("ESRCH", kernel:alarm_remove(a))
    end,
    posted = case.expect(1),
    a = case.expect(0), b = case.expect(0), c = case.expect(0),
  }
end)

t.case("K30 alarm_remove_all takes the current session's timers only", function(case)
  local other = spawn{
    set = function() kernel:delay("ring", 10) end,
    ring = case.expect(1),
  }
  kernel:call(other, "set")
  spawn{ _start = case.expect(1, function() t.same(kernel:alarm_remove_all(), {}) end) }
end)

t.case("K31 a timer removed by a handler that runs before it in the same iteration does not fire", function(case)
  local id
  spawn{
    _start = function()
      local due = poe.time() + 10
      kernel:alarm_set("first", due)
      id = kernel:alarm_set("second", due)
      kernel:alarm("third", due)
      kernel:alarm("fourth", due)
    end,
    first = case.expect(1, function()
      t.is((kernel:alarm_remove(id)), "second")
      kernel:alarm("third")
    end),
    second = case.expect(0), third = case.expect(0),
    fourth = case.expect(1),
  }
end)

t.case("K31 so with timers that came due while a handler was busy", function(case)
  spawn{
    _start = function()
      kernel:alarm_add("ring", poe.time() - 2, "first")
      kernel:alarm_add("ring", poe.time() - 1, "second")
      kernel:yield("posted")
    end,
    ring = case.expect(1, function(_, which)
      t.is(which, "first")
      t.is(#kernel:alarm_remove_all(), 1)
    end),
    posted = case.expect(1),
  }
end)

t.case("K32 a fired timer's ID is unknown afterwards", function(case)
  local id
  spawn{
    _start = function() id = kernel:delay_set("ring", 5) end,
    ring = case.expect(1, function()
      t.failure("ESRCH", kernel:alarm_remove(id))
      t.failure("ESRCH", kernel:alarm_adjust(id, 1))
      t.failure("ESRCH", kernel:delay_adjust(id, 1))
      kernel:yield("after")
    end),
    after = case.expect(1, function() t.failure("ESRCH", kernel:alarm_remove(id)) end),
  }
end)

t.case("K33 timers alone keep the session alive, it stops after the last one", function(case)
  local log = t.log()
  local started = poe.time()
  spawn{
    _start = function() kernel:delay("ring", 3600, 1); kernel:delay_add("ring", 86400, 2) end,
    ring = function(_, n) log(n) end,
    _stop = case.expect(1, function()
      log("stop")
      t.is(poe.time(), started + 86400)
    end),
  }
  case.after(function() log:is("1 2 stop") end)
end)

t.case("K33 a session whose last timer is removed stops", function(case)
  local started = poe.time()
  spawn{
    _start = function() kernel:delay("ring", 3600); kernel:yield("remove") end,
    remove = function() kernel:delay("ring") end,
    ring = case.expect(0),
    _stop = case.expect(1, function() t.is(poe.time(), started) end),
  }
end)

for _, name in ipairs{ "alarm", "alarm_add", "alarm_set", "delay", "delay_add", "delay_set" } do
  t.case("K34 " .. name .. ": a missing name or a non-number time raises an error with the argument's number", function(case)
    spawn{
      _start = case.expect(1, function()
        local method = kernel[name]
        local first = "bad argument #1 to '" .. name .. "' %(string expected, got "
        local second = "bad argument #2 to '" .. name .. "' %(number expected, got "
        t.fails(function() method(kernel) end, first)
        t.fails(function() method(kernel, nil, 5) end, first .. "nil%)")
        t.fails(function() method(kernel, 5, 5) end, first .. "number%)")
        t.fails(function() method(kernel, "ring", "soon") end, second .. "string%)")
        t.fails(function() method(kernel, "ring", {}) end, second .. "table%)")
        t.is(kernel:get_event_count(), 0, "nothing was set")
      end),
      ring = case.expect(0),
    }
  end)
end

t.case("K34 the methods that set one more need a time", function(case)
  spawn{
    _start = case.expect(1, function()
      for _, name in ipairs{ "alarm_add", "alarm_set", "delay_add", "delay_set" } do
        local pattern = "bad argument #2 to '" .. name .. "' %(number expected, got nil%)"
        t.fails(function() kernel[name](kernel, "ring", nil) end, pattern)
      end
      t.is(kernel:get_event_count(), 0)
    end),
  }
end)

t.case("K34 IDs and deltas must be numbers, too", function(case)
  spawn{
    _start = case.expect(1, function()
      local id = kernel:delay_set("ring", 5)
      t.fails(function() kernel:alarm_adjust(id, "x") end, "bad argument #2 to 'alarm_adjust' %(number expected, got string%)")
      t.fails(function() kernel:alarm_adjust(id, nil) end, "bad argument #2 to 'alarm_adjust' %(number expected, got nil%)")
      t.fails(function() kernel:delay_adjust(id, {}) end, "bad argument #2 to 'delay_adjust' %(number expected, got table%)")
      t.fails(function() kernel:alarm_adjust(nil, 1) end, "bad argument #1 to 'alarm_adjust' %(number expected, got nil%)")
      t.fails(function() kernel:delay_adjust("x", 1) end, "bad argument #1 to 'delay_adjust' %(number expected, got string%)")
      t.fails(function() kernel:alarm_remove({}) end, "bad argument #1 to 'alarm_remove' %(number expected, got table%)")
    end),
    ring = case.expect(1),
  }
end)

t.case("K35 alarm_adjust into the past fires at once", function(case)
  local log = t.log()
  local started = poe.time()
  spawn{
    _start = function()
      local id = kernel:alarm_set("ring", poe.time() + 1000)
      kernel:yield("posted")
      t.is(kernel:alarm_adjust(id, -1005), started - 5)
    end,
    ring = function() log("ring"); t.is(poe.time(), started) end,
    posted = function() log("posted") end,
  }
  case.after(function() log:is("ring posted") end)
end)

-- Section 3 and its part of section 1 beyond the list.

t.case("small print 3: alarm replaces timers however they were set", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:delay_set("ring", 5, "delay_set")
      kernel:delay_add("ring", 6, "delay_add")
      kernel:alarm_set("ring", poe.time() + 7, "alarm_set")
      kernel:alarm("ring", poe.time() + 8, "alarm")
      kernel:delay_set("bell", 5, "delay_set")
      kernel:delay("bell", 9, "delay")
    end,
    ring = function(_, what) log(what) end,
    bell = function(_, what) log(what) end,
  }
  case.after(function() log:is("alarm delay") end)
end)

t.case("small print 3: alarm_set and delay_set add one more of that name", function(case)
  local log = t.log()
  spawn{
    _start = function()
      kernel:delay("ring", 3, 3)
      kernel:delay_set("ring", 2, 2)
      kernel:alarm_set("ring", poe.time() + 1, 1)
    end,
    ring = function(_, what) log(what) end,
  }
  case.after(function() log:is("1 2 3") end)
end)

t.case("small print 3: timers do not repeat", function(case)
  spawn{
    _start = function() kernel:delay("ring", 5); kernel:delay("wait", 1000) end,
    ring = case.expect(1),
    wait = case.expect(1),
  }
end)

t.case("small print 3: a timer's sender is the session itself, its caller where it was set", function(case)
  local session
  local line
  session = spawn{
    go = function()
      line = debug.getinfo(1, "l").currentline + 1
      kernel:delay("ring", 5)
    end,
    ring = case.expect(1, function(ctx)
      t.is(ctx.sender, session)
      t.is(ctx.caller_state, "go")
      t.is(ctx.caller_line, line)
      t.truthy(ctx.caller_file:find("timers.lua", 1, true), ctx.caller_file)
    end),
  }
  kernel:post(session, "go")
end)

t.case("small print 3: timer IDs are numbers and never used again", function(case)
  local seen = {}
  spawn{
    _start = function()
      for _ = 1, 100 do
        local id = kernel:delay_set("ring", 1)
        t.is(type(id), "number")
        t.is(seen[id], nil)
        seen[id] = true
        kernel:alarm_remove(id)
      end
      kernel:delay_set("ring", 1)
    end,
    ring = case.expect(1, function() t.is(seen[kernel:alarm_set("last", poe.time() + 1)], nil) end),
    last = case.expect(1),
  }
end)

t.case("small print 3: an adjusted timer keeps its ID, name and arguments", function(case)
  spawn{
    _start = case.expect(1, function()
      local now = poe.time()
      local id = kernel:delay_set("ring", 5, "x", nil)
      kernel:alarm_adjust(id, 5)
      kernel:delay_adjust(id, 20)
      t.same(pack(kernel:alarm_remove(id)), { n = 3, "ring", now + 20, { n = 2, "x" } })
    end),
  }
end)

t.case("small print 3: alarm_remove does not tell timers of delay_set and alarm_set apart", function(case)
  spawn{
    _start = case.expect(1, function()
      local now = poe.time()
      local by_delay, by_alarm = kernel:delay_set("ring", 5, 1), kernel:alarm_set("ring", now + 5, 1)
      t.same(pack(kernel:alarm_remove(by_delay)), { n = 3, "ring", now + 5, { n = 1, 1 } })
      t.same(pack(kernel:alarm_remove(by_alarm)), { n = 3, "ring", now + 5, { n = 1, 1 } })
    end),
  }
end)

t.case("small print 3: the ID that alarm_remove_all shows of a delay's timer is gone afterwards", function(case)
  spawn{
    _start = case.expect(1, function()
      kernel:delay("ring", 5)
      local all = kernel:alarm_remove_all()
      t.failure("ESRCH", kernel:alarm_remove(all[1].id))
    end),
  }
end)

t.case("small print 3: alarm_remove_all gives a delay's due time", function(case)
  spawn{
    _start = function() kernel:delay("wait", 100) end,
    wait = case.expect(1, function()
      kernel:delay("ring", 5)
      kernel:delay_add("ring", 9)
      local all = kernel:alarm_remove_all()
      t.is(all[1].time, poe.time() + 5)
      t.is(all[2].time, poe.time() + 9)
    end),
  }
end)

t.case("small print 3: a table argument of a removed timer is the same table", function(case)
  local value = {}
  spawn{
    _start = case.expect(1, function()
      local _, _, args = kernel:alarm_remove(kernel:delay_set("ring", 5, value))
      t.truthy(rawequal(args[1], value))
    end),
  }
end)

t.case("small print 3: a handler may remove and set its own timer", function(case)
  local count = 0
  spawn{
    _start = function() kernel:delay("tick", 10) end,
    tick = function()
      count = count + 1
      kernel:delay("tick", count < 5 and 10 or nil)
    end,
  }
  case.after(function() t.is(count, 5) end)
end)

t.case("small print 3: delay_adjust moves only the one timer", function(case)
  local log = t.log()
  spawn{
    _start = function()
      local id = kernel:delay_set("ring", 5, "moved")
      kernel:delay_set("ring", 10, "stays")
      kernel:delay_adjust(id, 20)
    end,
    ring = function(_, what) log(what) end,
  }
  case.after(function() log:is("stays moved") end)
end)

t.case("small print 3: delay_adjust by a negative time fires ahead of what is posted", function(case)
  local log = t.log()
  spawn{
    _start = function()
      local id = kernel:delay_set("ring", 5)
      kernel:yield("posted")
      t.is(kernel:delay_adjust(id, -3), poe.time() - 3)
    end,
    ring = function() log("ring") end,
    posted = function() log("posted") end,
  }
  case.after(function() log:is("ring posted") end)
end)

t.case("small print 3: a delay sees the time that went by", function(case)
  local started = poe.time()
  local function note(ctx, want) t.is(poe.time(), started + want, ctx.state) end
  spawn{
    _start = function() kernel:delay("one", 10, 10) end,
    one = case.expect(1, function(ctx, want)
      note(ctx, want)
      kernel:delay("two", 0.5, 10.5)
      kernel:alarm("three", started + 12, 12)
    end),
    two = case.expect(1, note),
    three = case.expect(1, note),
  }
end)

t.case("small print 3: timers fire no earlier than they are due", function(case)
  local started = poe.time()
  spawn{
    _start = function()
      started = poe.time()
      kernel:delay("a", 0.03)
      kernel:alarm("b", started + 0.05)
    end,
    a = case.expect(1, function() t.truthy(poe.time() - started >= 0.0299) end),
    b = case.expect(1, function() t.truthy(poe.time() - started >= 0.0499) end),
  }
end, { clock = "real" })

t.case("small print 3: with the real clock the times returned are absolute", function(case)
  spawn{
    _start = case.expect(1, function()
      local now = poe.time()
      near(now, os.time(), 2)
      local id = kernel:delay_set("ring", 1000)
      near(kernel:alarm_adjust(id, 500), now + 1500, 0.5)
      near(kernel:delay_adjust(id, 20), now + 20, 0.5)
      local _, due = kernel:alarm_remove(id)
      near(due, now + 20, 0.5)
      id = kernel:alarm_set("ring", now + 77)
      _, due = kernel:alarm_remove(id)
      near(due, now + 77, 0.001)
    end),
  }
end, { clock = "real" })

t.case("small print 3: poe.time has at least microsecond resolution", function()
  local smallest = 1
  local last = poe.time()
  for _ = 1, 20000 do
    local now = poe.time()
    if now > last and now - last < smallest then smallest = now - last end
    last = now
  end
  t.truthy(smallest < 0.00001, "the smallest step: " .. smallest)
end, { clock = "real" })

t.case("small print 1: methods without a value return true alone, the others one number", function(case)
  spawn{
    _start = case.expect(1, function()
      t.success(kernel:alarm("ring", poe.time() + 1))
      t.success(kernel:alarm_add("ring", poe.time() + 1))
      t.success(kernel:delay("bell", 1))
      t.success(kernel:delay_add("bell", 1))
      local one, two = pack(kernel:alarm_set("ring", poe.time())), pack(kernel:delay_set("ring", 1))
      t.is(one.n, 1)
      t.is(two.n, 1)
      t.is(type(one[1]), "number")
      t.truthy(one[1] ~= two[1])
      kernel:alarm_remove_all()
    end),
  }
end)

t.case("small print 1: outside a handler every timer method raises an error that names it", function()
  local calls = {
    alarm = { "ring", poe.time() + 1 }, alarm_add = { "ring", poe.time() + 1 }, alarm_set = { "ring", poe.time() + 1 },
    delay = { "ring", 1 }, delay_add = { "ring", 1 }, delay_set = { "ring", 1 },
    alarm_adjust = { 1, 1 }, delay_adjust = { 1, 1 }, alarm_remove = { 1 }, alarm_remove_all = {},
  }
  for name, args in pairs(calls) do
    t.fails(function() kernel[name](kernel, unpack(args)) end, "'" .. name .. "' must be called from an event handler")
  end
  t.is(kernel:get_event_count(), 0)
end)

t.case("small print 1: a timer method called with a dot says so", function(case)
  spawn{
    _start = case.expect(1, function()
      t.fails(function() kernel.alarm_set("x", 1) end, "calling 'alarm_set' on a bad self %(use kernel:alarm_set%)")
      t.fails(function() kernel.alarm_remove(1) end, "calling 'alarm_remove' on a bad self %(use kernel:alarm_remove%)")
    end),
  }
end)
