-- Messages between sessions: an alias makes one known, post sends to it.

local poe = require "poe"

-- A service. Others need neither this file's variables nor the session object;
-- the alias is its address.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:alias_set("logger")
      ctx.heap.lines = 0
    end,

    log = function(ctx, name, text)
      ctx.heap.lines = ctx.heap.lines + 1
      print(ctx.heap.lines .. " " .. name .. ": " .. text)
    end,

    -- An alias means that somebody may still call. When nobody is left who
    -- could, the kernel ends the services, too (more of that in 26-the-end).
    _stop = function(ctx)
      print(ctx.heap.lines .. " lines, and nobody left to write more")
    end,
  },
}

local function start_writer(name, words)
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:yield("say", 1)
      end,

      -- post is yield to somebody else. It does not wait for the other side:
      -- the message takes its place in the queue, and this handler goes on.
      say = function(ctx, n)
        ctx.kernel:post("logger", "log", name, words[n])
        if n < #words then ctx.kernel:yield("say", n + 1) end
      end,
    },
  }
end

start_writer("ann", { "good morning", "how are you?", "bye" })
start_writer("bob", { "hello", "fine" })

-- Sending to an address that nobody has is not an error, but it can be noticed.
local sent, _, code = poe.kernel:post("printer", "log", "main", "anybody there?")
print("sent to printer: " .. tostring(sent) .. ", unknown: " .. tostring(code == poe.errno.ESRCH))
