-- Extra references: how a service keeps a client alive until it has answered.

local poe = require "poe"

-- A kitchen that needs some time. A client that has asked has nothing more to do:
-- no event waits for it, and the kernel would stop it. The order that the
-- kitchen remembers is a plain table, which the kernel cannot see.
poe.Session.create {
  inline_states = {
    _start = function(ctx)
      ctx.kernel:alias_set("kitchen")
    end,

    -- A counted reference is work that the kernel can see. The tag says what it
    -- is for: each tag has its own count, and nobody gives back another's.
    order = function(ctx, dish)
      local client = ctx.sender:id()
      print(dish .. " is ordered, references: " .. ctx.kernel:refcount_increment(client, "kitchen"))
      ctx.kernel:delay_add("ready", 0.02, client, dish)
    end,

    -- The answer in the queue keeps the client as well, so that the reference
    -- can go as soon as it is posted.
    ready = function(ctx, client, dish)
      ctx.kernel:post(client, "serve", dish)
      print(dish .. " is ready, references: " .. ctx.kernel:refcount_decrement(client, "kitchen"))
    end,

    -- The same without a reference.
    careless_order = function(ctx, dish)
      print(dish .. " is ordered, and the client forgotten")
      ctx.kernel:delay_add("careless_ready", 0.04, ctx.sender:id(), dish)
    end,

    careless_ready = function(ctx, client, dish)
      local sent = ctx.kernel:post(client, "serve", dish)
      print(dish .. " is ready" .. (sent and "" or ", but the client is gone"))
    end,
  },
}

local function start_client(name, event, dish)
  poe.Session.create {
    inline_states = {
      _start = function(ctx)
        ctx.kernel:post("kitchen", event, dish)
      end,

      serve = function(_, what)
        print(name .. " eats " .. what)
      end,

      _stop = function()
        print(name .. " leaves")
      end,
    },
  }
end

start_client("ann", "order", "soup")
start_client("bob", "careless_order", "cake")
