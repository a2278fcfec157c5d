-- Hello, world: one session counts to ten, with every step spelled out.

-- Everything poelua offers is in this one table; nothing else becomes global.
local poe = require "poe"

-- A session is a task: some handlers, and storage that they share. It never
-- calls its handlers itself. It asks the kernel for events, and the kernel calls
-- the handler of an event's name when its turn has come.
--
-- What a handler needs comes as `ctx`: the kernel, its own session, and the
-- heap, a table that belongs to this session alone and lasts as long as it does.

-- The kernel sends _start to every new session, once, before anything else.
local function handle_start(ctx)
  local kernel, session, heap = ctx.kernel, ctx.session, ctx.heap
  print("session " .. session:id() .. " has started")
  heap.count = 0

  -- yield puts an event for this session at the end of the queue and returns
  -- at once. Without it there would be nothing to wait for, and the session
  -- would stop right after its start.
  kernel:yield("count")
end

-- This is a loop, although no keyword says so: one event makes one turn.
-- Between two turns the kernel is free to serve everybody else.
local function handle_count(ctx)
  local kernel, heap = ctx.kernel, ctx.heap
  heap.count = heap.count + 1
  print("count " .. heap.count)
  if heap.count < 10 then
    kernel:yield("count")
  end
end

-- A session stops when nothing more can happen to it. Nobody has to say so:
-- the tenth count asked for no eleventh. _stop is its last event.
local function handle_stop(ctx)
  local session, heap = ctx.session, ctx.heap
  print("session " .. session:id() .. " has stopped at " .. heap.count)
end

-- create makes the session, runs its _start and hands it to the kernel, which
-- keeps it from now on; the object returned may be kept or dropped.
poe.Session.create {
  inline_states = {
    _start = handle_start,
    count = handle_count,
    _stop = handle_stop,
  },
}

-- Nothing has been counted yet: the first count waits in the queue. run
-- dispatches events until the last session has stopped, and then returns.
print("the kernel runs")
poe.kernel:run()
print("the kernel has returned")

-- This was longer than it needs to be: see 02-hello-short.
