-- Switching events: a login, where each question has a handler of its own.

local poe = require "poe"

local passwords = { ann = "sesame", bob = "swordfish" }

-- What a line means depends on what came before it: a name, a password, a
-- command. Instead of one handler that asks where we are, the wheel is told to
-- send its next line to another one. So each handler knows.
local server = {
  _start = function(ctx, handle)
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "name",
      error_event = "gone",
    }
    ctx.heap.tries = 0
    ctx.heap.wheel:put("name?")
  end,

  name = function(ctx, line)
    ctx.heap.name = line
    ctx.heap.wheel:event { input_event = "password" }
    ctx.heap.wheel:put("password?")
  end,

  -- Whether it was the name or the password is nobody's business.
  password = function(ctx, line)
    local heap = ctx.heap
    if passwords[heap.name] == line then
      heap.wheel:event { input_event = "command" }
      heap.wheel:put("hello " .. heap.name)
      return
    end
    heap.tries = heap.tries + 1
    if heap.tries < 3 then
      heap.wheel:event { input_event = "name" }
      heap.wheel:put("that was wrong. name?")
    else
      heap.wheel:put("too many tries")
      heap.wheel:close_after_flush()
    end
  end,

  -- A command is an event as well, with a prefix so that nobody can call
  -- handlers that are not meant for it, such as "password" or "gone".
  command = function(ctx, line)
    local word, rest = line:match("^(%a+)%s*(.*)$")
    ctx.kernel:yield("command_" .. (word or ""), rest)
  end,

  command_echo = function(ctx, rest)
    ctx.heap.wheel:put(rest)
  end,

  -- Events can be turned off. From now on nothing is read, and whatever was
  -- sent behind the goodbye is not looked at.
  command_quit = function(ctx)
    ctx.heap.wheel:event { input_event = false }
    ctx.heap.wheel:put("goodbye " .. ctx.heap.name)
    ctx.heap.wheel:close_after_flush()
  end,

  _default = function(ctx, event)
    if event:find("^command_") then ctx.heap.wheel:put("what?") end
  end,

  gone = function(ctx)
    ctx.heap.wheel:destroy()
  end,
}

-- The client says its lines one by one, each after an answer.
local client = {
  _start = function(ctx, handle, ...)
    ctx.heap.lines = { ... }
    ctx.heap.wheel = poe.wheel.ReadWrite.new {
      handle = handle,
      input_event = "answer",
      error_event = "over",
    }
  end,

  answer = function(ctx, line)
    print("< " .. line)
    local words = table.remove(ctx.heap.lines, 1)
    if words then
      print("> " .. words)
      ctx.heap.wheel:put(words)
    end
  end,

  over = function(ctx, operation, errno, message)
    print(errno == 0 and "(closed)" or operation .. ": " .. message)
    ctx.heap.wheel:destroy()
  end,
}

local here, _, there = poe.pipe.TwoWay.new("socketpair")
poe.Session.create { inline_states = server, args = { here } }
poe.Session.create {
  inline_states = client,
  args = { there, "ann", "open", "ann", "sesame", "echo it works", "name", "quit" },
}
