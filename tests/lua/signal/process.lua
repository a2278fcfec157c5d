-- The end of processes: sig_child and CHLD (G21 to G24).
local poe = require "poe"
local t = require "poe.test"

local create = poe.Session.create
local real = { clock = "real" }

-- start runs a shell command and returns its process ID and the open pipe, which must be kept until the end.
local function start(command)
  local pipe = assert(io.popen("echo $$; " .. command))
  return assert(tonumber(pipe:read("*l"))), pipe
end

local function kill(pid) os.execute("kill -TERM " .. pid) end

local function code(status) return math.floor(status / 256) end
local function killer(status) return status % 128 end

t.case("G21 sig_child's event has pid, exit code and the watcher's arguments", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.pid, ctx.heap.pipe = start "exit 3"
        t.success(ctx.kernel:sig_child(ctx.heap.pid, "ended", nil, "w", nil))
      end,
      ended = function(ctx, ...)
        local name, pid, status = ...
        t.same({ n = select("#", ...), ... }, { n = 6, "CHLD", ctx.heap.pid, status, nil, "w", nil })
        t.is(code(status), 3)
        t.is(killer(status), 0)
        t.is(name, "CHLD")
        t.is(pid, ctx.heap.pid)
        t.is(ctx.sender, poe.kernel)
        log("ended")
      end,
      _stop = function(ctx) log("stop"); ctx.heap.pipe:close() end,
    },
  }
  case.after(function() log:is("ended stop") end)
end, real)

t.case("G21 an orderly end has status 0", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.pid, ctx.heap.pipe = start "exit 0"
        ctx.kernel:sig_child(ctx.heap.pid, "ended")
      end,
      ended = case.expect(1, function(ctx, _, pid, status)
        t.same({ pid, status }, { ctx.heap.pid, 0 })
        ctx.heap.pipe:close()
      end),
    },
  }
end, real)

t.case("G21 status tells the signal that killed it", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.pid, ctx.heap.pipe = start "exec sleep 30"
        ctx.kernel:sig_child(ctx.heap.pid, "ended")
        kill(ctx.heap.pid)
      end,
      ended = case.expect(1, function(ctx, _, _, status)
        t.is(killer(status), 15)
        t.is(code(status), 0)
        ctx.heap.pipe:close()
      end),
    },
  }
end, real)

t.case("G21 the watcher keeps the session alive until the process ends", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.pid, ctx.heap.pipe = start "exec sleep 0.05"
        ctx.kernel:sig_child(ctx.heap.pid, "ended")
      end,
      ended = function() log("ended") end,
      _stop = function(ctx) log("stop"); ctx.heap.pipe:close() end,
    },
  }
  create { inline_states = { _start = function(ctx) ctx.kernel:yield("a turn") end, _stop = function() log("other") end } }
  case.after(function() log:is("other ended stop") end)
end, real)

t.case("G22 sig_child(pid) removes: the session can stop before the process ends", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        local pid, pipe = start "exec sleep 10"
        ctx.heap.pid, ctx.heap.pipe = pid, pipe
        ctx.kernel:sig_child(pid, "ended")
        create {
          inline_states = {
            _start = function(inner)
              inner.kernel:sig_child(pid, "never")
              t.success(inner.kernel:sig_child(pid))
            end,
            never = case.expect(0),
          },
        }
      end,
      _child = function(ctx, what)
        log(what)
        if what == "lose" then kill(ctx.heap.pid) end
      end,
      ended = function(ctx) log("ended"); ctx.heap.pipe:close() end,
    },
  }
  case.after(function() log:is("create lose ended") end)
end, real)

t.case("G22 a session that lives on gets no event after the removal", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.kept, ctx.heap.kept_pipe = start "exec sleep 0.05"
        ctx.heap.removed, ctx.heap.removed_pipe = start "exit 0"
        ctx.kernel:sig_child(ctx.heap.kept, "ended")
        ctx.kernel:sig_child(ctx.heap.removed, "never")
        ctx.kernel:sig_child(ctx.heap.removed)
      end,
      never = case.expect(0),
      ended = case.expect(1, function(ctx, _, pid)
        t.is(pid, ctx.heap.kept)
        ctx.heap.kept_pipe:close()
        ctx.heap.removed_pipe:close()
      end),
    },
  }
end, real)

t.case("G23 two sessions that watch one process both hear of it", function(case)
  local pid, pipe = start "sleep 0.05; exit 5"
  local heard = 0
  for i = 1, 2 do
    create {
      inline_states = {
        _start = function(ctx) t.success(ctx.kernel:sig_child(pid, "ended", i)) end,
        ended = case.expect(1, function(_, _, ended, status, which)
          t.same({ ended, code(status), which }, { pid, 5, i })
          heard = heard + 1
        end),
      },
    }
  end
  case.after(function() t.is(heard, 2); pipe:close() end)
end, real)

t.case("G23 watched twice in one session it is told once, as asked last", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.pid, ctx.heap.pipe = start "exit 0"
        ctx.kernel:sig_child(ctx.heap.pid, "first", 1)
        t.success(ctx.kernel:sig_child(ctx.heap.pid, "second", 2))
      end,
      first = case.expect(0),
      second = case.expect(1, function(ctx, ...)
        t.is(select("#", ...), 4)
        t.is((select(4, ...)), 2)
        ctx.heap.pipe:close()
      end),
    },
  }
end, real)

t.case("G23 one session watches several processes", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        for want = 1, 3 do
          local pid, pipe = start("exit " .. want)
          ctx.heap[want] = pipe
          ctx.kernel:sig_child(pid, "ended", pid, want)
        end
      end,
      ended = case.expect(3, function(ctx, _, pid, status, watched, want)
        t.is(pid, watched)
        t.is(code(status), want)
        ctx.heap[want]:close()
      end),
    },
  }
end, real)

t.case("G24 sig_child's event comes before the CHLD signal", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("CHLD", "signal", "w")
        ctx.kernel:delay("guard", 10)
        ctx.heap.pid, ctx.heap.pipe = start "exit 4"
        ctx.kernel:sig_child(ctx.heap.pid, "event")
      end,
      guard = function() error("no CHLD within ten seconds") end,
      event = function(_, _, _, status) log("event", code(status)) end,
      signal = function(ctx, ...)
        local name, pid, status, own = ...
        if pid ~= ctx.heap.pid then return end
        log("signal", code(status))
        t.same({ select("#", ...), name, own }, { 4, "CHLD", "w" })
        ctx.kernel:delay("guard")
        ctx.heap.pipe:close()
      end,
    },
  }
  case.after(function() log:is("event:4 signal:4") end)
end, real)

t.case("small print process: CHLD comes once for each process, also as CLD, without sig_child", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:sig("CLD", "signal")
        ctx.kernel:delay("guard", 10)
        for want = 1, 2 do
          local pid, pipe = start("exit " .. want)
          ctx.heap[pid] = pipe
        end
      end,
      guard = function() error("no CHLD within ten seconds") end,
      signal = function(ctx, name, pid, status)
        t.is(name, "CHLD")
        if not ctx.heap[pid] then return end
        log(code(status))
        ctx.heap[pid]:close()
        ctx.heap[pid] = nil
        if not next(ctx.heap) then ctx.kernel:delay("guard") end
      end,
    },
  }
  case.after(function() table.sort(log); log:is("1 2") end)
end, real)

t.case("small print process: a process that ended before sig_child is reported, too", function(case)
  create {
    inline_states = {
      _start = function(ctx)
        ctx.heap.pid, ctx.heap.pipe = start "exit 6"
        t.is(ctx.heap.pipe:read("*a"), "") -- its output is closed: it has ended or is about to
        ctx.kernel:yield("watch")
      end,
      watch = function(ctx) t.success(ctx.kernel:sig_child(ctx.heap.pid, "ended")) end,
      ended = case.expect(1, function(ctx, _, pid, status)
        t.is(pid, ctx.heap.pid)
        t.is(code(status), 6)
        ctx.heap.pipe:close()
      end),
    },
  }
end, real)

t.case("small print process: one that poelua did not start: ECHILD", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        t.failure("ECHILD", ctx.kernel:sig_child(1, "ended"))
        t.failure("ECHILD", ctx.kernel:sig_child(poe.pid(), "ended"))
      end),
      ended = case.expect(0),
    },
  }
end, real)

t.case("small print process: the event is no signal, it does not travel", function(case)
  local log = t.log()
  create {
    inline_states = {
      _start = function()
        create {
          inline_states = {
            _start = function(ctx)
              ctx.heap.pid, ctx.heap.pipe = start "exit 0"
              ctx.kernel:sig_child(ctx.heap.pid, "ended")
            end,
            ended = function(ctx) log("child"); t.success(ctx.kernel:sig_handled()); ctx.heap.pipe:close() end,
          },
        }
      end,
      ended = function() log("parent") end,
    },
  }
  case.after(function() log:is("child") end)
end, real)

t.case("small print process: a watched CHLD holds no session, but keeps the program from being idle", function(case)
  local log = t.log()
  local process, pipe = start "exec sleep 0.05"
  create {
    inline_states = { _start = function(ctx) ctx.kernel:sig("CHLD", "unused") end, _stop = function() log("not held") end },
  }
  create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:alias_set("waiting")
        ctx.kernel:sig("CHLD", "ended")
        ctx.kernel:sig("IDLE", "idle")
      end,
      ended = function(_, _, pid) if pid == process then log("ended") end end,
      idle = function() log("idle") end,
    },
  }
  case.after(function() log:is("not held ended idle"); pipe:close() end)
end, real)

t.case("small print process: a session that stops otherwise forgets its processes", function(case)
  local process, pipe = start "exec sleep 0.05"
  local doomed = create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig_child(process, "never") end,
      never = case.expect(0), _stop = case.expect(1),
    },
  }
  create {
    inline_states = {
      _start = function(ctx) ctx.kernel:sig_child(process, "ended"); ctx.kernel:signal(doomed, "TERM") end,
      ended = case.expect(1, function() t.is(doomed:is_alive(), false) end),
    },
  }
  case.after(function() pipe:close() end)
end, real)

t.case("small print process: a process ID that is no number raises", function(case)
  create {
    inline_states = {
      _start = case.expect(1, function(ctx)
        t.fails(function() ctx.kernel:sig_child("x", "ended") end, "bad argument #1 to 'sig_child' %(number expected, got string%)")
        t.fails(function() ctx.kernel:sig_child() end, "bad argument #1 to 'sig_child' %(number expected")
      end),
    },
  }
end, real)

t.case("small print process: on the simulated clock watching a process raises", function(case)
  local pid, pipe = start "exit 0"
  create {
    inline_states = {
      _start = case.expect(1, function(ctx) t.fails(function() ctx.kernel:sig_child(pid, "ended") end, "simulated") end),
    },
  }
  case.after(function() pipe:close() end)
end)
