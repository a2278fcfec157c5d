-- A login as a machine: what a line means is the state's business.

local poe = require "poe"

local passwords = { ann = "sesame", bob = "swordfish" }

-- The server's end of a connection. The wheel is made once and always tells
-- the same event, "line". (37-switching-events has one session and tells the
-- wheel, at each step, another event.)
local states = {
  begin = {
    accept = function(ctx, handle)
      ctx.runstate.tries = 0
      ctx.runstate.wheel = poe.wheel.ReadWrite.new {
        handle = handle,
        input_event = "line",
        error_event = "gone",
      }
      -- A connection can break in any state. This handler belongs to none.
      ctx.kernel:state("gone", function(ctx) ctx.runstate.wheel:destroy() end)
      ctx.machine:goto_state("name", "ask", "name?")
    end,
  },

  name = {
    ask = function(ctx, question) ctx.runstate.wheel:put(question) end,

    line = function(ctx, line)
      ctx.runstate.name = line
      ctx.machine:goto_state("password", "ask")
    end,
  },

  password = {
    ask = function(ctx) ctx.runstate.wheel:put("password?") end,

    -- Whether it was the name or the password is nobody's business.
    line = function(ctx, line)
      local run = ctx.runstate
      run.tries = run.tries + 1
      if passwords[run.name] == line then
        ctx.machine:goto_state("command", "welcome")
      elseif run.tries < 3 then
        ctx.machine:goto_state("name", "ask", "that was wrong. name?")
      else
        ctx.machine:goto_state("over", "say", "too many tries")
      end
    end,
  },

  command = {
    welcome = function(ctx) ctx.runstate.wheel:put("hello " .. ctx.runstate.name) end,

    -- A state can be called like a function: the machine goes there, and
    -- return_state brings it back here, to the event named first.
    line = function(ctx, line)
      if line == "quit" then
        ctx.machine:call_state("quit", "confirm", "ask", "really quit?")
      elseif line == "rename" then
        ctx.machine:call_state("rename", "confirm", "ask", "forget " .. ctx.runstate.name .. "?")
      else
        ctx.runstate.wheel:put("what?")
      end
    end,

    quit = function(ctx, yes)
      if yes then
        ctx.machine:goto_state("over", "say", "goodbye " .. ctx.runstate.name)
      else
        ctx.runstate.wheel:put("then stay")
      end
    end,

    rename = function(ctx, yes)
      if yes then ctx.machine:goto_state("name", "ask", "name?") else ctx.runstate.wheel:put("as you like") end
    end,
  },

  -- One question, asked by whoever calls this state. It does not know whom it
  -- returns to.
  confirm = {
    ask = function(ctx, question) ctx.runstate.wheel:put(question) end,
    line = function(ctx, line) ctx.machine:return_state(line == "yes") end,
  },

  -- Lines that come now have nobody to go to. In a machine that would be an
  -- error, so it is said that they are not wanted.
  over = {
    say = function(ctx, text)
      ctx.runstate.wheel:put(text)
      ctx.runstate.wheel:close_after_flush()
    end,
    line = function() end,
  },
}

-- Any number of machines may be made of one table.
local function serve(handle)
  poe.NFA.spawn { inline_states = states }:goto_state("begin", "accept", handle)
end

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

local dialogues = {
  { "ann", "sesame", "sing", "quit", "no", "rename", "yes", "bob", "swordfish", "quit", "yes" },
  { "bob", "sesame", "eve", "sesame", "ann", "open" },
}

-- One after the other, so that what they print is not mixed up: the next one
-- begins when the last client's session is gone.
poe.Session.create {
  inline_states = {
    _start = function(ctx) ctx.kernel:yield("next") end,

    next = function()
      local lines = table.remove(dialogues, 1)
      if not lines then return end
      local here, _, there = poe.pipe.TwoWay.new("socketpair")
      serve(here)
      poe.Session.create { inline_states = client, args = { there, unpack(lines) } }
    end,

    -- Two children come and go for each dialogue: the machine and the client.
    _child = function(ctx, what)
      ctx.heap.children = (ctx.heap.children or 0) + (what == "create" and 1 or -1)
      if ctx.heap.children == 0 then ctx.kernel:yield("next") end
    end,
  },
}
