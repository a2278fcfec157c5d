-- Looking inside: a program that asks itself who is there, what waits, and why.

local poe = require "poe"
local peek = poe.peek

-- A kitchen: orders come in, cooking takes time.
local kitchen = {
  _start = function(ctx)
    ctx.kernel:alias_set("kitchen")
  end,

  order = function(ctx, dish, seconds)
    ctx.kernel:delay_add("ready", seconds, dish)
  end,

  ready = function(ctx, dish)
    ctx.kernel:post("waiter", "serve", dish)
  end,

  close = function(ctx)
    ctx.kernel:alias_remove("kitchen")
  end,
}

-- Sessions, the queue, and what keeps a session alive are plain tables. Print
-- them, count them, compare them in a test: the kernel does not notice.
local function report(title)
  print("-- " .. title)
  for _, s in ipairs(peek.sessions()) do
    if s.kind ~= "kernel" then
      print(string.format("%s: events handled %d, waiting %d", s.name, s.events_handled, s.events_to))
      for _, reason in ipairs(peek.work(s.id)) do
        print("  alive by " .. reason:gsub(" in .*:", ":")) -- how long a timer has yet is another with each run
      end
    end
  end
  for _, e in ipairs(peek.queue()) do
    local to = peek.session(e.session).name
    print(string.format("%s for %s, sent in '%s': %s", e.event, to, e.from, table.concat(e.args, " ")))
  end
end

local waiter = {
  _start = function(ctx)
    ctx.kernel:alias_set("waiter")
    ctx.kernel:post("kitchen", "order", "soup", 0.05)
    ctx.kernel:post("kitchen", "order", "roast", 0.08)
    report("the orders are on their way")
    ctx.kernel:delay("look", 0.01)
  end,

  look = function() report("the kitchen is at work") end,

  serve = function(ctx, dish)
    print("here is your " .. dish)
    if dish == "roast" then
      ctx.kernel:post("kitchen", "close")
      ctx.kernel:alias_remove("waiter")
    end
  end,
}

poe.Session.create { inline_states = kitchen }
poe.Session.create { inline_states = waiter }

-- A trace is called for each thing of the kinds that it names, as it happens.
-- It may look at all that the program can, but not touch the kernel.
peek.trace("kitchen", function(record)
  print("  (the kitchen is called: " .. table.concat({ record.event, unpack(record.args) }, " ") .. ")")
end, { "dispatch" })

-- Handlers call each other: current tells the way that led here.
poe.Session.create {
  inline_states = {
    _start = function(ctx) ctx.kernel:call(ctx.session, "first") end,
    first = function(ctx) ctx.kernel:call(ctx.session, "second") end,
    second = function()
      local way = {}
      for i, entry in ipairs(peek.current().stack) do way[i] = entry.event end
      print("-- " .. table.concat(way, " in "))
    end,
  },
}
