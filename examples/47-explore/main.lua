-- A program to look into while it runs: a kitchen with guests, cooks and a waiter. explore.md says what to type.

local poe = require "poe"

-- Without arguments the guests never stop ordering, one dish a second. With
-- them: how many dishes, and how many seconds from one to the next.
local dishes = tonumber(arg[1]) or math.huge
local pace = tonumber(arg[2]) or 1

-- A cook has several pots: each dish is a timer of its own.
local cook = {
  _start = function(ctx, name)
    ctx.kernel:alias_set(name)
    ctx.heap.cooked = 0
  end,

  cook = function(ctx, dish, table_number)
    ctx.kernel:delay_add("ready", 1.5 * pace, dish, table_number)
  end,

  ready = function(ctx, dish, table_number)
    ctx.heap.cooked = ctx.heap.cooked + 1
    ctx.kernel:post("kitchen", "serve", dish, table_number)
  end,
}

-- The kitchen gives its cooks work in turn. What is ready goes to the waiter
-- through a pipe, as if he were another program.
local kitchen = {
  _start = function(ctx, output)
    ctx.kernel:alias_set("kitchen")
    ctx.kernel:sig("TERM", "closing")
    ctx.heap.cooks = { "anna", "ben" }
    ctx.heap.menu = { "soup", "rice", "cake" }
    ctx.heap.orders = 0
    ctx.heap.hatch = poe.wheel.ReadWrite.new {
      input_handle = false, -- it only writes
      output_handle = output,
      error_event = "jammed",
    }
    for _, name in ipairs(ctx.heap.cooks) do
      poe.Session.create { inline_states = cook, args = { name } }
    end
  end,

  order = function(ctx, table_number)
    local n = ctx.heap.orders
    ctx.heap.orders = n + 1
    local dish = ctx.heap.menu[n % #ctx.heap.menu + 1]
    ctx.kernel:post(ctx.heap.cooks[n % #ctx.heap.cooks + 1], "cook", dish, table_number)
  end,

  serve = function(ctx, dish, table_number)
    if ctx.heap.hatch then ctx.heap.hatch:put(dish .. " for table " .. table_number) end
  end,

  -- Somebody wants to hear of it: what they left here is called.
  closing = function(ctx)
    if ctx.heap.when_closed then
      ctx.heap.when_closed("the kitchen")
      ctx.heap.when_closed:release()
    end
    if ctx.heap.hatch then ctx.heap.hatch:close_after_flush() end
    ctx.heap.hatch, ctx.heap.when_closed = nil, nil
  end,

  jammed = function(_, operation, _, message)
    io.stderr:write("kitchen: " .. operation .. ": " .. message .. "\n")
  end,
}

local waiter = {
  _start = function(ctx, input)
    ctx.kernel:alias_set("waiter")
    ctx.heap.served = 0
    ctx.heap.hatch = poe.wheel.ReadWrite.new {
      input_handle = input,
      output_handle = false, -- he only reads
      input_event = "bring",
      error_event = "closed",
    }
  end,

  bring = function(ctx, what)
    print("the waiter brings " .. what)
    ctx.heap.served = ctx.heap.served + 1
    if ctx.heap.served == dishes then ctx.kernel:post("kitchen", "closing") end
  end,

  -- The pipe has ended. Nothing else keeps the waiter.
  closed = function(ctx)
    print("the waiter goes home")
    ctx.heap.hatch:destroy()
  end,
}

local guests = {
  _start = function(ctx)
    ctx.kernel:alias_set("guests")
    ctx.kernel:yield("hungry", 1)
  end,

  hungry = function(ctx, n)
    ctx.kernel:post("kitchen", "order", n)
    if n < dishes then ctx.kernel:delay("hungry", pace, n + 1) end
  end,
}

-- He has no timer, no handle, not even an alias. What is he waiting for?
local cleaner = {
  _start = function(ctx)
    local heap = ctx.kernel:alias_resolve("kitchen"):get_heap()
    heap.when_closed = ctx.session:postback("clean")
  end,

  clean = function(_, _, called)
    print("the cleaner cleans " .. called[1])
  end,
}

poe.Session.create {
  inline_states = {
    _start = function()
      local input, output = poe.pipe.OneWay.new()
      poe.Session.create { inline_states = kitchen, args = { output } }
      poe.Session.create { inline_states = waiter, args = { input } }
      poe.Session.create { inline_states = guests }
      poe.Session.create { inline_states = cleaner }
    end,

    -- The house has nothing to do but to be the parent of all this.
    _child = function() end,
  },
}
