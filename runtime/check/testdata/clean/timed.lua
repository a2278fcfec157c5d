-- A subclass that keeps the time of birth, processes, postbacks and every kind of timer.
local poe = require "poe"

local Timed = setmetatable({}, { __index = poe.Session })
Timed.__index = Timed

function Timed:instantiate(params)
  local born = params.born
  params.born = nil
  local session = poe.Session.instantiate(self, params)
  session.born = born
  return session
end

local fact
fact = function(n) return n <= 1 and 1 or n * fact(n - 1) end

local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end

local function start(ctx, ...)
  local kernel, heap = ctx.kernel, ctx.heap
  heap.id = kernel:delay_set("once", fact(3))
  kernel:alarm("at", poe.time() + fib(5))
  kernel:alarm_add("at", poe.time() + select("#", ...))
  kernel:delay_add("once", 1)
  kernel:sig_child(1, "reaped")
  kernel:sig("INT", "interrupted")
  kernel:sig "TERM"
  kernel:select(io.stdin, "readable", nil, "urgent")
  kernel:select_read(io.stdin, "readable", { prompt = "> " })
  heap.postback = ctx.session:postback("once", 1, 2):weaken()
end

Timed:create{
  born = poe.time(),
  args = { n = 2, 1, nil },
  inline_states = {
    _start = start,
    once = function(ctx) ctx.kernel:alarm("at") end,
    at = function() end,
    reaped = function(ctx, _, pid, status) print(pid, math.floor(status / 256)) end,
    interrupted = function(ctx) ctx.kernel:sig_handled() end,
    readable = function(ctx, handle, mode, extra)
      repeat
        local line = handle:read("*l")
        if line then io.write(extra.prompt, line, "\n") end
      until not line
      ctx.kernel:select_read(handle)
    end,
    urgent = function() end,
  },
}
