-- Signals from the operating system, as far as they leave the process alive (G19, G20, G30).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create
local real = { clock = "real" }

local function kill(name) os.execute("kill -" .. name .. " " .. poe.pid()) end

-- awaiting makes a session that watches a signal, calls o.ready once it does, and stops after o.caught was called.
-- The watcher has the arguments o.args. If the signal does not come the case fails.
local function awaiting(name, o)
  return create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig(name, "caught", unpack(o.args or {}))
        ctx.kernel:delay("guard", 10)
        ctx.kernel:yield("ready")
      end,
      ready = function(ctx) if o.ready then o.ready(ctx) end end,
      guard = function() error("no " .. name .. " within ten seconds") end,
      caught = function(ctx, ...)
        ctx.kernel:delay("guard")
        o.caught(ctx, ...)
      end,
      _stop = o.stop,
    },
  }
end

t.case("G19 a watched signal from the system arrives with no arguments but the watcher's", function(case)
  awaiting("USR1", {
    args = { "w", 2 },
    ready = function() kill "USR1" end,
    caught = case.expect(1, function(ctx, ...)
      t.same({ n = select("#", ...), ... }, { n = 3, "USR1", "w", 2 })
      t.is(ctx.sender, poe.kernel)
      t.is(ctx.caller_state, nil)
      t.is(ctx.caller_file, nil)
      t.is(ctx.caller_line, nil)
    end),
  })
end, real)

for _, name in ipairs { "USR2", "ALRM", "WINCH", "CONT", "TSTP", "TTIN", "TTOU", "PIPE" } do
  t.case("G19 " .. name .. " is one of them", function(case)
    awaiting(name, { ready = function() kill(name) end, caught = case.expect(1, function(_, got) t.is(got, name) end) })
  end, real)
end

t.case("G19 it wakes a waiting loop", function(case)
  awaiting("USR1", {
    ready = function() os.execute("(exec kill -USR1 " .. poe.pid() .. ") &") end,
    caught = case.expect(1),
  })
end, real)

t.case("G19 it reaches the watchers in all sessions, the youngest first", function(case)
  local log = t.log()
  for i = 1, 3 do
    awaiting("USR2", { ready = function() if i == 3 then kill "USR2" end end, caught = function() log(i) end })
  end
  case.after(function() log:is("3 2 1") end)
end, real)

t.case("G19 it does not reach a watcher that was removed", function(case)
  awaiting("USR1", {
    ready = function(ctx)
      ctx.kernel:sig("WINCH", "unwanted")
      ctx.kernel:state("unwanted", case.expect(0))
      ctx.kernel:sig("WINCH")
      kill "WINCH"
      kill "USR1"
    end,
    caught = case.expect(1),
  })
end, real)

for _, name in ipairs { "TERM", "INT", "HUP", "QUIT" } do
  t.case("G20 " .. name .. " from the system, handled: the program lives", function(case)
    awaiting(name, {
      ready = function() kill(name) end,
      caught = case.expect(1, function(ctx)
        ctx.kernel:sig_handled()
        ctx.kernel:state("later", case.expect(1))
        ctx.kernel:delay("later", 0)
      end),
    })
  end, real)

  t.case("G20 " .. name .. " from the system, watched but not handled: every _stop runs, run returns", function()
    local log = t.log()
    awaiting(name, {
      ready = function() kill(name) end,
      caught = function(ctx) log("caught"); ctx.kernel:delay("hour", 3600) end,
      stop = function() log("stop a") end,
    })
    create {
      inline_states = { _start = function(ctx) ctx.kernel:delay("hour", 3600) end, _stop = function() log("stop b") end },
    }
    t.is(poe.kernel:run(), true)
    log:is("caught stop b stop a")
  end, real)
end

t.case("G30 PIPE does not end the process, watched or not", function(case)
  awaiting("USR1", {
    ready = function()
      kill "PIPE"
      kill "USR1"
    end,
    caught = case.expect(1),
  })
end, real)

t.case("G30 writing to a closed pipe is an EPIPE", function(case)
  local reader, writer = poe.pipe.OneWay.new()
  create {
    inline_states = {
      _start = case.expect(1, function()
        reader:close()
        t.failure("EPIPE", writer:write("x"))
        writer:close()
      end),
    },
  }
end, real)

t.case("small print system: children handle PIPE and USR1 in the system's way", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        ctx.kernel:sig("USR1", "unused")
        for _, name in ipairs { "PIPE", "USR1", "TERM" } do
          local f = io.popen("kill -" .. name .. " $$; echo survived " .. name)
          t.is(f:read("*l"), nil)
          f:close()
        end
      end),
    },
  }
end, real)
